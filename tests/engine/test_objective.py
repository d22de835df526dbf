"""The loss of a mixed micro-batch: each task's own, by its own head, weighted; in one process without an engine."""

import torch

from ds_stilts.data.batch import Masking, scoring_batch, training_batch
from ds_stilts.data.steps import Slot, task_data
from ds_stilts.engine.objective import Objective
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Training
from tests.small import prepared, task, xlmr

LABELS = ("a", "b", "c")
MASKING = Masking(seed=1, rate=0.3, special_ids=frozenset({0, 1, 2, 3}), mask_id=31, vocabulary_size=32)
TASKS = [
    task("nli", labels=LABELS, head="shared"),
    task("anli", labels=LABELS, head="shared"),
    task("pos", "tagging", labels=LABELS),
    task("text", "masked_lm"),
]
ITEMS = {
    "nli": prepared([[0, 5, 6, 2], [0, 7, 8, 9, 2]], targets=[[1], [2]]),
    "anli": prepared([[0, 10, 2], [0, 12, 13, 14, 15, 2]], targets=[[0], [2]]),
    "pos": prepared([[0, 16, 17, 18, 2], [0, 19, 2]], rows=[[1, 3], [1]], targets=[[0, 1], [2]]),
    "text": prepared([[0, *range(4, 24), 2]], rows=[[]], targets=[[]]),
}
DATA = {t.name: task_data(t, ITEMS[t.name], Training(masking=0.3), MASKING.special_ids) for t in TASKS}


def objective() -> Objective:
    hf = xlmr()
    torch.manual_seed(5)
    heads = {"shared": build_head("classification", 32, 3, 0.0), "pos": build_head("tokens", 32, 3, 0.0)}
    return Objective(MultiTaskModel(PackedEncoder(hf.base_model), {**heads, "text": hf.lm_head}), TASKS)


def test_a_mixed_batch_is_the_weighted_sum_of_its_tasks_alone() -> None:
    made = objective()
    slots = [Slot("pos", 0, 0), Slot("anli", 1, 1), Slot("nli", 0, 2), Slot("text", 0, 3), Slot("anli", 0, 4),
             Slot("nli", 1, 5), Slot("pos", 1, 6)]  # fmt: skip
    weights = {"nli": 0.5, "anli": 0.25, "pos": 2.0, "text": 0.125}
    total, sums = made(training_batch(slots, DATA, 0, MASKING), weights)
    expected = 0.0
    for name, weight in weights.items():
        own = [slot for slot in slots if slot.task == name]
        alone, alone_sums = made(training_batch(own, DATA, 0, MASKING), weights)
        torch.testing.assert_close(sums[name], alone_sums[name], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(alone, weight * alone_sums[name], atol=1e-5, rtol=1e-5)
        assert all(float(value) == 0 for other, value in alone_sums.items() if other != name)
        expected = expected + alone
    torch.testing.assert_close(total, expected, atol=1e-5, rtol=1e-5)


def test_the_sum_of_a_task_is_plain_cross_entropy_of_its_own_logits() -> None:
    made = objective()
    batch = training_batch([Slot("nli", 0, 0), Slot("nli", 1, 1)], DATA, 0, MASKING)
    _, sums = made(batch, dict.fromkeys(DATA, 1.0))
    states, _ = made.model(batch.ids, batch.packing, {})
    logits = made.model.heads["shared"](states[batch.tasks["nli"].rows])
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([1, 2]), reduction="sum")
    torch.testing.assert_close(sums["nli"], expected.detach())


def test_every_parameter_gets_a_gradient_from_a_batch_of_one_task() -> None:
    made = objective()
    loss, _ = made(training_batch([Slot("pos", 0, 0)], DATA, 0, MASKING), {**dict.fromkeys(DATA, 0.0), "pos": 1.0})
    loss.backward()
    pooler = {"model.encoder.hf.pooler.dense.weight", "model.encoder.hf.pooler.dense.bias"}
    assert {name for name, parameter in made.named_parameters() if parameter.grad is None} <= pooler
    assert not made.model.heads["shared"].out_proj.weight.grad.any()
    assert made.model.heads["pos"].out_proj.weight.grad.any()


def test_a_tasks_gradient_at_the_states_is_that_of_its_own_loss_and_adds_up_over_micro_batches() -> None:
    made, weights = objective(), {"nli": 0.5, "anli": 0.25, "pos": 2.0, "text": 0.125}
    names = sorted(weights)
    micro_batches = [
        [Slot("pos", 0, 0), Slot("anli", 1, 1), Slot("nli", 0, 2)],
        [Slot("anli", 0, 4), Slot("text", 0, 3), Slot("nli", 1, 5)],
    ]
    squares = dict.fromkeys(names, 0.0)
    for slots in micro_batches:
        made(training_batch(slots, DATA, 0, MASKING), weights)[0].backward()
        for name in {slot.task for slot in slots}:
            batch = training_batch([slot for slot in slots if slot.task == name], DATA, 0, MASKING)
            own = batch.tasks[name]
            states = made.model.encoder(batch.ids, batch.packing)[own.rows].detach().requires_grad_()
            head = made.model.heads["shared" if "nli" in name else name]
            loss = torch.nn.functional.cross_entropy(head(states), own.targets, reduction="sum")
            (gradient,) = torch.autograd.grad(weights[name] * loss, states)
            squares[name] += float(gradient.square().sum())
    found = made.gradients.take(torch.device("cpu"))
    torch.testing.assert_close(found, torch.tensor([squares[name] for name in names]), rtol=1e-4, atol=0)
    assert found.min() > 0
    assert not made.gradients.take(torch.device("cpu")).any(), "what was taken is gone"


def test_without_coefficients_it_scores() -> None:
    made = objective()
    batch = scoring_batch("pos", ITEMS["pos"], [1, 0])
    with torch.no_grad():
        states, logits = made(batch, None)
        layer_states, _ = made(batch, None, 1)
    assert states.shape == (8, 32) and logits["pos"].shape == (3, 3) and logits["shared"].shape == (0, 3)
    torch.testing.assert_close(logits["pos"], made.model.heads["pos"](states[batch.tasks["pos"].rows]))
    assert not torch.allclose(states, layer_states)
