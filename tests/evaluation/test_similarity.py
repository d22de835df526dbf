"""The two vectors of a task, against plain PyTorch and padded Hugging Face models; and how alike tasks are by them."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from ds_stilts.data.batch import Masking, training_batch
from ds_stilts.data.steps import Slot, TaskData, task_data
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.text_objective import TextObjective
from ds_stilts.errors import CheckpointError
from ds_stilts.evaluation.similarity import (
    TaskReader,
    TaskVectors,
    cut,
    draw,
    embedding_similarity,
    gradient_similarity,
)
from ds_stilts.models.depth import last_matrix, layers_of
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.recipe import Training
from ds_stilts.tasks.task import Task
from tests.small import mt5, prepared, task, xlmr

MASKING = Masking(seed=1, rate=0.3, special_ids=frozenset({0, 1, 2, 3}), mask_id=31, vocabulary_size=32)
NLI = task("nli", labels=("a", "b", "c"))
POS = task("pos", "tagging", labels=("a", "b", "c"))
TEXT = task("text", "masked_lm")
LAYERS = [1, 3]


def data_of(one: Task, ids: list[list[int]], **columns: object) -> TaskData:
    return task_data(one, prepared(ids, **columns), Training(masking=0.3), MASKING.special_ids)  # type: ignore[arg-type]


def sentences(first: int, last: int, *, count: int, seed: int) -> list[list[int]]:
    """Sequences of 4 to 10 tokens from a part of the vocabulary, in XLM-R's frame; one class after another."""
    rng = np.random.default_rng(seed)
    of_class = [[token for token in range(first, last) if token % 3 == label] for label in range(3)]
    return [
        [0, int(rng.choice(of_class[place % 3])), *rng.integers(first, last, rng.integers(3, 10)).tolist(), 2]
        for place in range(count)
    ]


def classes(ids: list[list[int]]) -> list[list[int]]:
    """One rule for all: what the second token leaves when divided by 3."""
    return [[one[1] % 3] for one in ids]


def classified(first: int, last: int, *, count: int = 60, seed: int = 0, one: Task = NLI) -> TaskData:
    ids = sentences(first, last, count=count, seed=seed)
    return data_of(one, ids, targets=classes(ids))


def tagged(first: int, last: int, *, count: int = 60, seed: int = 0) -> TaskData:
    ids = sentences(first, last, count=count, seed=seed)
    rows = [list(range(1, len(one) - 1)) for one in ids]
    return data_of(POS, ids, rows=rows, targets=[[token % 3 for token in one[1:-1]] for one in ids])


def objective(encoder: PackedEncoder, hf: nn.Module, one: Task) -> Objective:
    torch.manual_seed(5)
    kind = "tokens" if one.format == "tagging" else "classification"
    head = hf.lm_head if one.format == "masked_lm" else build_head(kind, 32, 3, 0.5)
    return Objective(MultiTaskModel(encoder, {one.head: head}), [one])  # type: ignore[dict-item]


def vectors(*datas: TaskData, budget: int = 1000, layers: list[int] = LAYERS, **config: float) -> list[TaskVectors]:
    """Those of all items of each task, by one model."""
    hf = xlmr(**config)  # type: ignore[arg-type]
    encoder = PackedEncoder(hf.base_model).train()
    reader = TaskReader(encoder, layers)
    return [
        reader.read(objective(encoder, hf, data.task), data, range(data.prepared.num_items), MASKING, budget)
        for data in datas
    ]


def test_the_embedding_is_the_mean_over_sequences_of_the_padded_models_mean_state() -> None:
    data = classified(4, 30)
    hf = xlmr()
    means = []
    for index in range(data.prepared.num_items):
        states = hf.base_model(input_ids=torch.tensor([data.prepared.ids[index].tolist()])).last_hidden_state
        means.append(states[0].mean(dim=0))
    (found,) = vectors(data, budget=50)
    torch.testing.assert_close(found.embedding_D.float(), torch.stack(means).mean(dim=0), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("make", [classified, tagged])
def test_the_gradient_is_that_of_the_mean_loss_whatever_the_batches(make: type) -> None:
    """The widths of this model are below a sketch's, so nothing is projected."""
    data = make(4, 30)
    hf = xlmr()
    encoder = PackedEncoder(hf.base_model)
    whole = objective(encoder, hf, data.task).eval()
    slots = [Slot(data.task.name, item, item) for item in range(data.prepared.num_items)]
    loss, _ = whole(training_batch(slots, {data.task.name: data}, 0, MASKING), {data.task.name: 1 / data.units.sum()})
    loss.backward()
    expected = [last_matrix(layers_of(encoder)[number - 1]).weight.grad for number in LAYERS]
    (found,) = vectors(data, budget=40)
    for own, gradient in zip(found.sketches, expected, strict=True):
        assert gradient is not None and float(gradient.norm()) > 1e-3
        torch.testing.assert_close(own.view(gradient.shape).float(), gradient, atol=1e-6, rtol=1e-4)


def test_a_task_is_wholly_like_itself_and_vectors_do_not_depend_on_what_was_read_before() -> None:
    first, _, again, text, text_again = vectors(
        *[classified(4, 30), tagged(4, 30), classified(4, 30)],
        *[data_of(TEXT, sentences(4, 30, count=20, seed=3), rows=[[]] * 20, targets=[[]] * 20)] * 2,
    )
    assert torch.equal(first.embedding_D, again.embedding_D) and torch.equal(first.sketches, again.sketches)
    assert torch.equal(text.sketches, text_again.sketches) and float(text.sketches.norm()) > 0
    for own in (first, text):
        assert embedding_similarity(own, own) == pytest.approx(1) == gradient_similarity(own, own)


def test_dropout_draws_nothing() -> None:
    data = classified(4, 30)
    (plain,) = vectors(data)
    (dropped,) = vectors(data, hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5)
    assert torch.equal(plain.embedding_D, dropped.embedding_D) and torch.equal(plain.sketches, dropped.sketches)


def test_two_tasks_of_one_distribution_are_more_alike_than_one_of_other_words_and_another_kind() -> None:
    many = {"count": 300}
    ours, same, words, kind = vectors(
        classified(4, 16, seed=1, **many), classified(4, 16, seed=2, **many), classified(17, 29, seed=3, **many),
        tagged(4, 16, seed=4, **many),
    )  # fmt: skip
    assert embedding_similarity(ours, same) > 0.999 > 0.99 > embedding_similarity(ours, words)
    assert gradient_similarity(ours, same) > 0.5
    assert max(gradient_similarity(ours, words), gradient_similarity(ours, kind)) < 0.2


def test_two_halves_agree_where_labels_follow_the_texts_and_not_where_they_are_thrown() -> None:
    ids = sentences(4, 16, count=300, seed=1)
    thrown = np.random.default_rng(0).permutation(np.arange(300) % 3)
    ruled, random = vectors(
        data_of(NLI, ids, targets=classes(ids)), data_of(NLI, ids, targets=[[int(label)] for label in thrown])
    )
    assert ruled.agreement > 0.4 > 0.2 > random.agreement  # chance may also turn the halves against each other


def test_other_labels_on_the_same_texts_show_in_the_gradient_only() -> None:
    ids = sentences(4, 30, count=60, seed=1)
    turned = [[(one + 1) % 3] for (one,) in classes(ids)]
    ours, other = vectors(data_of(NLI, ids, targets=classes(ids)), data_of(NLI, ids, targets=turned))
    assert embedding_similarity(ours, other) == pytest.approx(1)
    assert gradient_similarity(ours, other) < 0.9


def test_every_choice_of_an_item_is_read() -> None:
    ids = sentences(4, 30, count=8, seed=1)
    choice = task("copa", "multiple_choice", num_choices=2)
    data = data_of(choice, ids, per_item=2, targets=[[0], []] * 4)
    hf = xlmr()
    encoder = PackedEncoder(hf.base_model)
    torch.manual_seed(5)
    own = Objective(MultiTaskModel(encoder, {"copa": build_head("choice", 32, 1, 0.0)}), [choice])
    found = TaskReader(encoder, LAYERS).read(own, data, [0, 2], MASKING, 1000)
    padded, read = xlmr().base_model, [ids[index] for index in (0, 1, 4, 5)]
    means = [padded(input_ids=torch.tensor([one])).last_hidden_state[0].mean(dim=0) for one in read]
    torch.testing.assert_close(found.embedding_D.float(), torch.stack(means).mean(dim=0), atol=1e-5, rtol=1e-5)


def test_only_the_items_that_are_named_are_read() -> None:
    ids, chosen = sentences(4, 30, count=20, seed=1), [3, 11, 7, 16]
    whole = data_of(NLI, ids, targets=classes(ids))
    alone = data_of(NLI, [ids[item] for item in chosen], targets=[classes(ids)[item] for item in chosen])
    hf = xlmr()
    encoder = PackedEncoder(hf.base_model)
    reader = TaskReader(encoder, LAYERS)
    found, expected = (
        reader.read(objective(encoder, hf, NLI), data, items, MASKING, 1000)
        for data, items in ((whole, chosen), (alone, range(4)))
    )
    assert torch.equal(found.embedding_D, expected.embedding_D) and torch.equal(found.sketches, expected.sketches)


def test_a_model_that_writes_text_is_read_as_well() -> None:
    model = mt5()
    encoder = PackedT5Encoder(model)
    ids = [[4 + place, 9, 12, 1] for place in range(6)]
    data = task_data(NLI, prepared(ids, rows=[[]] * 6, targets=[[20, 1]] * 6), Training(), frozenset({0, 1, 2}), ())
    reader = TaskReader(encoder, [1, 2])
    found = reader.read(TextObjective(PackedSeq2Seq(encoder), [NLI]), data, range(6), MASKING, 12)
    assert found.embedding_D.shape == (32,) and float(found.sketches.norm()) > 0
    assert gradient_similarity(found, found) == pytest.approx(1)


def test_a_model_of_infinite_states_is_refused() -> None:
    hf = xlmr()
    hf.base_model.embeddings.word_embeddings.weight.data[5] = math.inf
    encoder = PackedEncoder(hf.base_model)
    data = data_of(NLI, [[0, 5, 2]])
    with pytest.raises(CheckpointError, match="task 'nli': the start model's states or gradients are not finite"):
        TaskReader(encoder, [3]).read(objective(encoder, hf, NLI), data, [0], MASKING, 100)


def test_what_is_drawn_depends_on_the_seed_and_the_number_of_items_only() -> None:
    assert draw(100, 10, 0) == draw(100, 10, 0) != draw(100, 10, 1)
    assert len(set(draw(100, 10, 0))) == 10 and sorted(draw(7, 10, 0)) == list(range(7))
    assert draw(100, 20, 0)[:10] == draw(100, 10, 0)


def test_batches_keep_to_the_budget_and_hold_every_item_once() -> None:
    tokens = [5, 30, 7, 7, 2, 9]
    batches = cut(tokens, 16)
    assert sorted(place for batch in batches for place in batch) == list(range(6))
    assert all(sum(tokens[place] for place in batch) <= 16 for batch in batches if batch != [1])
    assert [1] in batches
