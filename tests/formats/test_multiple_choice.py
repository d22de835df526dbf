"""Multiple choice: choices stay together and compete with each other only."""

import json

import pytest
import torch

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.encoding import read_template, tokenise
from ds_stilts.formats.multiple_choice import FORMAT
from ds_stilts.tasks.examples import ChoiceExample


def question(id="1", choices=("on", "in", "mat"), label=2):
    return ChoiceExample(id=id, context="the cat sat", choices=choices, label=label)


@pytest.fixture
def task(make_task):
    return make_task("multiple_choice", num_choices=3)


def encode(examples, task, tokenizer, training=True):
    return list(FORMAT.encode(examples, task, tokenizer, Limits(max_tokens=64), training=training))


def test_choices_follow_each_other_as_one_item_with_one_target(task, tokenizer):
    sequences = encode([question(), question(id="2", label=0)], task, tokenizer)
    assert [s.example for s in sequences] == [0, 0, 0, 1, 1, 1]
    assert [s.item for s in sequences] == [True, False, False] * 2
    assert [s.targets for s in sequences] == [[2], [], [], [0], [], []]
    template = read_template(tokenizer)
    assert all(s.rows == [template.summary(len(s.ids))] for s in sequences)
    assert [s.ids for s in sequences[:3]] == [
        tokenizer("the cat sat", choice)["input_ids"] for choice in question().choices
    ]


def test_items_stay_aligned_when_unlabelled_examples_are_left_out(task, tiny_tokenizer):
    examples = [question(label=None), question(), question(label=None), question()]
    trained = encode(examples, task, tiny_tokenizer)
    assert [s.example for s in trained] == [1, 1, 1, 3, 3, 3] and [s.item for s in trained[::3]] == [True, True]
    assert len(encode(examples, task, tiny_tokenizer, training=False)) == 12


def test_a_long_context_keeps_the_question_at_its_end(task, tokenizer):
    asked = "in which mat sat the cat?"
    long = ChoiceExample(id="1", context="ab " * 400 + asked, choices=("on", "in", "mat"), label=0)
    sequences = encode([long], task, tokenizer)
    (question_ids,) = tokenise(tokenizer, [asked])
    for sequence, choice in zip(sequences, long.choices, strict=True):
        (choice_ids,) = tokenise(tokenizer, [choice])
        template = read_template(tokenizer)
        assert len(sequence.ids) == 64
        end = question_ids + template.between + choice_ids + template.after
        assert sequence.ids[-len(end) :] == end and sequence.ids[: len(template.before)] == template.before
        assert sequence.second == 64 - len(choice_ids + template.after)


@pytest.mark.parametrize("wrong", [question(choices=("on", "in")), question(label=3), question(label=-1)])
def test_a_malformed_example_is_named(wrong, task, tiny_tokenizer):
    with pytest.raises(DataError, match="task 'probe', example '1'"):
        encode([wrong], task, tiny_tokenizer)


def test_the_loss_is_a_softmax_over_the_choices_of_each_example(task):
    torch.manual_seed(0)
    logits, targets = torch.randn(6, 1), torch.tensor([2, 0])
    expected = -(torch.log_softmax(logits[:3, 0], 0)[2] + torch.log_softmax(logits[3:, 0], 0)[0])
    assert torch.allclose(FORMAT.loss(logits, targets, torch.ones(6, dtype=torch.int64), task), expected)


def test_the_prediction_is_the_best_choice_and_the_first_of_equals(task, tiny_tokenizer):
    sequences = encode([question()], task, tiny_tokenizer, training=False)
    for logits, best, margin in [([0.0, 2.0, 1.5], 1, 0.5), ([1.0, 1.0, 0.0], 0, 0.0)]:
        reduced = FORMAT.reduce(torch.tensor(logits)[:, None], torch.ones(3, dtype=torch.int64), task)
        prediction = FORMAT.decode(question(), list(zip(sequences, reduced, strict=True)), task)
        assert (json.loads(prediction.prediction), prediction.score) == (best, margin)
        assert prediction.confidence == pytest.approx(float(torch.tensor(logits).softmax(0).max()))
        assert json.loads(prediction.gold) == 2


def test_accuracy_tells_choice_0_from_unknown(task):
    rows = [{"id": "1", "gold": 0, "prediction": 0}, {"id": "2", "gold": None, "prediction": 0}]
    assert FORMAT.score(rows, task, "en") == {"accuracy": 100.0}
