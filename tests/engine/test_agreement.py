"""How far tasks' gradients agree: against the gradients themselves, taken task by task with plain autograd."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cosine_similarity

from ds_stilts.data.batch import training_batch
from ds_stilts.data.steps import Slot
from ds_stilts.engine.agreement import SKETCH, GradientSketches, cosines
from ds_stilts.engine.window import Window
from ds_stilts.models.depth import last_matrix, layers_of
from ds_stilts.phases.watching import watch_gradients
from ds_stilts.recipe import Training
from tests.engine import test_objective as mixed
from tests.engine import test_text_objective as text

WEIGHTS = {"nli": 0.5, "anli": 0.25, "pos": 2.0, "text": 0.125}
STEPS = [
    [[Slot("pos", 0, 0), Slot("anli", 1, 1), Slot("nli", 0, 2)], [Slot("text", 0, 3), Slot("nli", 1, 5)]],
    [[Slot("nli", 1, 6), Slot("pos", 1, 7), Slot("anli", 0, 8), Slot("text", 0, 9)]],
]
"""Micro-batches of two optimizer steps."""


def test_they_are_those_of_each_tasks_own_backward_pass() -> None:
    made, alone = mixed.objective(), mixed.objective()
    watch_gradients(made, made.model.encoder, Training(gradient_cosines=[2, 1]), "arms.joint")
    assert made.sketches is not None and made.sketches.layers == [1, 2]
    halves = []
    gradients: dict[tuple[int, str], list[torch.Tensor]] = {}
    for step in STEPS:
        for slots in step:
            batch = training_batch(slots, mixed.DATA, 0, mixed.MASKING)
            made(batch, WEIGHTS)[0].backward()
        halves.append(made.sketches.take(torch.device("cpu")))
        for name in made.names:
            alone.zero_grad()
            for slots in step:
                if own := [slot for slot in slots if slot.task == name]:
                    alone(training_batch(own, mixed.DATA, 0, mixed.MASKING), WEIGHTS)[0].backward()
            for number, layer in enumerate(layers_of(alone.model.encoder), start=1):
                weight = last_matrix(layer).weight
                assert weight.grad is not None
                gradients.setdefault((number, name), []).append(weight.grad.flatten().clone())
    found = cosines(torch.stack(halves), made.names, made.sketches.layers)
    assert list(found) == ["1", "2"] and sum(map(len, found["1"].values())) == 10
    for number in (1, 2):
        for i, first in enumerate(made.names):
            even, odd = gradients[number, first]
            assert found[str(number)][first][first] == pytest.approx(float(cosine_similarity(even, odd, 0)), abs=2e-4)
            for second in made.names[i + 1 :]:
                wholes = [sum(gradients[number, name]) for name in (first, second)]
                expected = float(cosine_similarity(*wholes, 0))  # type: ignore[arg-type]
                assert found[str(number)][first][second] == pytest.approx(expected, abs=2e-4)


def test_of_a_text_to_text_model_too() -> None:
    made, alone = text.objective(), text.objective()
    watch_gradients(made, made.model.encoder, Training(gradient_cosines=[1]), "arms.joint")
    assert made.sketches is not None
    slots = text.SLOTS
    weights = dict.fromkeys(made.names, 1.0)
    made(training_batch(slots, text.DATA, 0, text.MASKING), weights)[0].backward()
    sketch = made.sketches.take(torch.device("cpu"))
    for place, name in enumerate(made.names):
        alone.zero_grad()
        own = [slot for slot in slots if slot.task == name]
        alone(training_batch(own, text.DATA, 0, text.MASKING), weights)[0].backward()
        weight = last_matrix(layers_of(alone.model.encoder)[0]).weight
        torch.testing.assert_close(sketch[0, place], weight.grad, rtol=1e-4, atol=1e-6)


def test_they_are_the_same_with_layers_that_are_computed_again() -> None:
    from ds_stilts.engine.layers import prepare_layers

    sketches = []
    for again in (False, True):
        made = mixed.objective().train()
        prepare_layers(made, Training(activation_checkpointing=again))
        watch_gradients(made, made.model.encoder, Training(gradient_cosines=[1, 2]), "arms.joint")
        made(training_batch(STEPS[0][0], mixed.DATA, 0, mixed.MASKING), WEIGHTS)[0].backward()
        assert made.sketches is not None
        sketches.append(made.sketches.take(torch.device("cpu")))
        assert not made.sketches.take(torch.device("cpu")).any(), "what was taken is gone"
    torch.testing.assert_close(*sketches, rtol=0, atol=0)


@pytest.mark.parametrize("rank", [1, 64])
def test_a_sketch_keeps_the_angle_between_wide_gradients(rank: int) -> None:
    width, rows = 4 * SKETCH, 3 * rank
    torch.manual_seed(1)
    linear = nn.Linear(width, width)
    pulls, reads = torch.randn(rows, width), torch.randn(rows, width)
    pulls[rank : 2 * rank] += pulls[:rank]  # the second task agrees with the first, the third does not
    reads[rank : 2 * rank] = reads[:rank]
    sketches = GradientSketches(["a", "b", "c"], {7: linear})
    sketches.begin(torch.arange(3).repeat_interleave(rank))
    linear(reads).backward(pulls)
    exact = [pulls[i * rank : (i + 1) * rank].T @ reads[i * rank : (i + 1) * rank] for i in range(3)]
    found = cosines(sketches.take(torch.device("cpu")).unsqueeze(0).repeat(2, 1, 1, 1, 1), ["a", "b", "c"], [7])["7"]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = float(cosine_similarity(exact[i].flatten(), exact[j].flatten(), 0))
        assert found["abc"[i]]["abc"[j]] == pytest.approx(expected, abs=3 * (0.09 if rank == 1 else 0.02))
    assert found["a"]["b"] > 0.5, "the two that agree"


def test_a_task_that_was_not_drawn_has_none() -> None:
    halves = torch.zeros(2, 1, 2, 3, 3)
    halves[:, 0, 0] = 1.0
    assert cosines(halves, ["a", "b"], [1]) == {"1": {"a": {"a": 1.0}}}


def test_even_and_odd_steps_stand_apart_and_a_skipped_step_counts_for_nothing() -> None:
    window = Window({}, torch.device("cpu"))
    window.add_sketches(3, torch.full((1, 2, 3, 3), float("nan")), applied=False)
    assert window.halves is None
    for step in (4, 5, 6):
        window.add_sketches(step, torch.full((1, 2, 3, 3), 10.0**step), applied=True)
    window.add_sketches(7, torch.full((1, 2, 3, 3), float("inf")), applied=False)
    assert window.halves is not None
    assert window.halves[0].unique().tolist() == [1_010_000.0] and window.halves[1].unique().tolist() == [100_000.0]
