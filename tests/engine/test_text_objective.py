"""The loss of a mixed text-to-text micro-batch; in one process without an engine."""

import torch

from ds_stilts.data.batch import Masking, scoring_batch, training_batch
from ds_stilts.data.steps import Slot, task_data
from ds_stilts.engine.text_objective import TextObjective
from ds_stilts.models.seq2seq import PackedSeq2Seq, Writing
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.recipe import Training
from tests.small import mt5, prepared, task

MASKING = Masking(seed=1, rate=0.3, special_ids=frozenset(), mask_id=-1, vocabulary_size=64)
TASKS = [task("nli", labels=("a", "b")), task("pos", "tagging", labels=("a",)), task("text", "masked_lm")]
NONE: list[list[int]] = [[], []]
ITEMS = {
    "nli": prepared([[5, 6, 1], [7, 8, 9, 1]], rows=NONE, targets=[[10, 1], [11, 12, 1]]),
    "pos": prepared([[13, 14, 15, 16, 1], [17, 1]], rows=NONE, targets=[[18, 19, 1], [1]]),
    "text": prepared([[*range(20, 40), 1], [*range(30, 36), 1]], rows=NONE, targets=NONE),
}
DATA = {t.name: task_data(t, ITEMS[t.name], Training(masking=0.3), frozenset(), (63, 62, 61)) for t in TASKS}
SLOTS = [Slot("pos", 0, 0), Slot("nli", 1, 1), Slot("text", 0, 2), Slot("nli", 0, 3), Slot("pos", 1, 4)]


def objective() -> TextObjective:
    return TextObjective(PackedSeq2Seq(PackedT5Encoder(mt5())), TASKS)


def test_a_mixed_batch_is_the_weighted_sum_of_its_tasks_alone() -> None:
    made, weights = objective(), {"nli": 0.5, "pos": 2.0, "text": 0.125}
    total, sums = made(training_batch(SLOTS, DATA, 0, MASKING), weights)
    expected = torch.zeros(())
    for name, weight in weights.items():
        own = [slot for slot in SLOTS if slot.task == name]
        alone, alone_sums = made(training_batch(own, DATA, 0, MASKING), weights)
        torch.testing.assert_close(sums[name], alone_sums[name], atol=1e-5, rtol=1e-5)
        assert all(float(value) == 0 for other, value in alone_sums.items() if other != name)
        expected = expected + weight * sums[name]
        torch.testing.assert_close(alone.detach(), weight * sums[name], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(total.detach(), expected, atol=1e-5, rtol=1e-5)


def test_the_sum_of_a_task_over_its_units_is_hugging_faces_loss() -> None:
    batch = training_batch([Slot("nli", 0, 0)], DATA, 0, MASKING)
    _, sums = objective()(batch, dict.fromkeys(DATA, 1.0))
    expected = mt5()(input_ids=torch.tensor([[5, 6, 1]]), labels=torch.tensor([[10, 1]])).loss
    torch.testing.assert_close(sums["nli"] / DATA["nli"].units[0], expected.detach())


def test_every_parameter_gets_a_gradient_from_a_batch_of_one_task() -> None:
    made = objective()
    loss, _ = made(training_batch([Slot("pos", 1, 0)], DATA, 0, MASKING), {**dict.fromkeys(DATA, 0.0), "pos": 1.0})
    loss.backward()
    assert [name for name, parameter in made.named_parameters() if parameter.grad is None] == []


def test_a_tasks_gradient_is_taken_where_the_output_matrix_reads() -> None:
    made, weights = objective(), {"nli": 0.5, "pos": 2.0, "text": 0.125}
    made(training_batch(SLOTS, DATA, 0, MASKING), weights)[0].backward()
    found = made.gradients.take(torch.device("cpu"))
    hf = mt5()
    source, target = torch.tensor([[7, 8, 9, 1]]), torch.tensor([[11, 12, 1]])
    states = hf(input_ids=source, labels=target, output_hidden_states=True).decoder_hidden_states[-1][0]
    states = states.detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(hf.lm_head(states), target[0], reduction="sum")
    (first,) = torch.autograd.grad(0.5 * loss, states)
    source, target = torch.tensor([[5, 6, 1]]), torch.tensor([[10, 1]])
    states = hf(input_ids=source, labels=target, output_hidden_states=True).decoder_hidden_states[-1][0]
    states = states.detach().requires_grad_()
    loss = torch.nn.functional.cross_entropy(hf.lm_head(states), target[0], reduction="sum")
    (second,) = torch.autograd.grad(0.5 * loss, states)
    torch.testing.assert_close(found[0], first.square().sum() + second.square().sum(), rtol=1e-4, atol=0)
    assert found.min() > 0


def test_without_coefficients_it_scores_and_writes() -> None:
    made = objective()
    batch = scoring_batch("nli", ITEMS["nli"], [1, 0])
    trained = training_batch([Slot("nli", 0, 0)], DATA, 0, MASKING)
    with torch.no_grad():
        states, nothing = made(batch, None)
        embeddings, _ = made(batch, None, 0)
        _, losses = made(trained, None)
        writing = Writing(states, batch.packing)
        _, first = made(writing, None)
        _, second = made(writing, None, first["logits"].argmax(dim=1))
        _, sums = made(trained, dict.fromkeys(DATA, 1.0))
    assert states.shape == embeddings.shape == (7, 32) and nothing == {}
    assert not torch.allclose(states, embeddings, atol=1e-2)
    torch.testing.assert_close(losses["losses"].sum(), sums["nli"])
    assert first["logits"].shape == second["logits"].shape == (2, 64)
    assert not torch.allclose(first["logits"], second["logits"], atol=1e-2) and writing.num_steps == 2
