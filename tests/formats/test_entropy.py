"""How undecided a head is: by hand, whatever else is in the batch, and only where there is a distribution."""

import math

import pytest
import torch

from ds_stilts.formats.entropy import entropies
from ds_stilts.tasks import get_task

LN2, LN3 = math.log(2), math.log(3)


def test_a_label_is_as_undecided_as_its_softmax_and_logits_may_be_shifted() -> None:
    logits = torch.tensor([[7.0, 7.0, 7.0], [0.0, 0.0, -1e9], [50.0, 0.0, 0.0]])
    found = entropies(logits, torch.ones(3, dtype=torch.int64), get_task("xnli"))
    assert found is not None
    assert [value for value, _ in found] == pytest.approx([LN3, LN2, 0.0], abs=1e-6)
    assert [count for _, count in found] == [1, 1, 1]


def test_each_word_of_a_sentence_counts_and_a_sentence_without_words_has_nothing_to_decide() -> None:
    task = get_task("panx")
    width = len(task.labels)
    found = entropies(torch.zeros(3, width), torch.tensor([2, 0, 1]), task)
    assert found is not None and [count for _, count in found] == [2, 0, 1]
    assert [value for value, _ in found] == pytest.approx([2 * math.log(width), 0.0, math.log(width)])


def test_the_choices_of_an_example_are_one_decision() -> None:
    found = entropies(torch.tensor([[1.0], [1.0], [9.0], [-90.0]]), torch.ones(4, dtype=torch.int64), get_task("xcopa"))
    assert found is not None
    assert found == [(pytest.approx(LN2), 1), (0.0, 0), (pytest.approx(0.0, abs=1e-6), 1), (0.0, 0)]


def test_a_span_is_the_mean_of_its_start_and_its_end_and_other_windows_lengths_change_nothing() -> None:
    even, sharp = torch.zeros(3, 2), torch.tensor([[0.0, 90.0], [0.0, 0.0]])
    task = get_task("xquad")
    alone = entropies(sharp, torch.tensor([2]), task)
    together = entropies(torch.cat([even, sharp]), torch.tensor([3, 2]), task)
    assert alone is not None and together is not None
    assert together[1] == alone[0] == (pytest.approx(LN2 / 2), 1)
    assert together[0] == (pytest.approx(LN3), 1)


def test_a_number_has_no_distribution() -> None:
    assert entropies(torch.zeros(2, 1), torch.ones(2, dtype=torch.int64), get_task("korsts")) is None
