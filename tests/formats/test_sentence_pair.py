"""Sentence pairs: what is read, learned, predicted and scored."""

import json

import pytest
import torch
from torch.nn.functional import cross_entropy

from ds_stilts.errors import DataError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.encoding import read_template, tokenise
from ds_stilts.formats.sentence_pair import FORMAT
from ds_stilts.tasks.examples import PairExample

LABELS = ("entailment", "neutral", "contradiction")


def pair(id="1", premise="the cat sat", hypothesis="on the mat", label="neutral"):
    return PairExample(id=id, premise=premise, hypothesis=hypothesis, label=label)


@pytest.fixture
def task(make_task):
    return make_task("sentence_pair", labels=LABELS, max_tokens=32)


def encode(examples, task, tokenizer, training=True, max_tokens=32):
    return list(FORMAT.encode(examples, task, tokenizer, Limits(max_tokens=max_tokens), training=training))


def test_a_pair_is_read_at_the_token_that_stands_for_it(task, tokenizer):
    (sequence,) = encode([pair()], task, tokenizer)
    assert sequence.ids == tokenizer("the cat sat", "on the mat")["input_ids"]
    row = read_template(tokenizer).summary(len(sequence.ids))
    assert (sequence.rows, sequence.targets, sequence.info, sequence.item) == ([row], [1], [], True)
    (hypothesis,) = tokenise(tokenizer, ["on the mat"])
    assert sequence.ids[sequence.second : sequence.second + len(hypothesis)] == hypothesis


def test_an_empty_hypothesis_is_a_single_sentence(task, tokenizer):
    (sequence,) = encode([pair(hypothesis="")], task, tokenizer)
    assert sequence.ids == tokenizer("the cat sat")["input_ids"] and sequence.second == 0


def test_the_longer_side_is_cut_first(task, tiny_tokenizer):
    (sequence,) = encode([pair(premise="the cat sat " * 30)], task, tiny_tokenizer, max_tokens=20)
    assert len(sequence.ids) == 20
    assert sequence.ids[sequence.second : -1] == tokenise(tiny_tokenizer, ["on the mat"])[0]


def test_unlabelled_examples_are_scored_but_not_trained(task, tiny_tokenizer):
    examples = [pair(), pair(id="2", label=None), pair(id="3")]
    assert [s.example for s in encode(examples, task, tiny_tokenizer)] == [0, 2]
    assert [s.targets for s in encode(examples, task, tiny_tokenizer, training=False)] == [[1], [], [1]]


def test_an_undeclared_label_names_example_label_and_set(task, tiny_tokenizer):
    with pytest.raises(DataError, match=r"example '77': label 'maybe' is not one of entailment, neutral"):
        encode([pair(id="77", label="maybe")], task, tiny_tokenizer)


def test_the_loss_is_the_sum_of_cross_entropies(task):
    torch.manual_seed(0)
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    loss = FORMAT.loss(logits, targets, torch.ones(5, dtype=torch.int64), task)
    assert torch.allclose(loss, cross_entropy(logits, targets, reduction="sum"))


def test_the_prediction_is_the_label_and_its_margin(task, tiny_tokenizer):
    sequences = encode([pair()], task, tiny_tokenizer, training=False)
    (reduced,) = FORMAT.reduce(torch.tensor([[0.5, -1.0, 2.0]]), torch.tensor([1]), task)
    prediction = FORMAT.decode(pair(), [(sequences[0], reduced)], task)
    assert (json.loads(prediction.prediction), json.loads(prediction.gold)) == ("contradiction", "neutral")
    assert prediction.score == 1.5
    assert prediction.confidence == pytest.approx(float(torch.tensor([0.5, -1.0, 2.0]).softmax(0)[2]))
    assert FORMAT.decode(pair(label=None), [(sequences[0], reduced)], task).gold == "null"


def rows(*pairs):
    return [{"id": str(i), "gold": gold, "prediction": guess} for i, (gold, guess) in enumerate(pairs)]


def test_accuracy_counts_rows_with_gold_only(task):
    scored = rows(("neutral", "neutral"), ("neutral", "entailment"), (None, "neutral"))
    assert FORMAT.score(scored, task, "en") == {"accuracy": 50.0}


def test_f1_is_that_of_label_1_and_given_only_where_the_task_asks(make_task):
    qqp = make_task("sentence_pair", labels=("0", "1"), metrics=("accuracy", "f1"))
    scored = rows(("1", "1"), ("1", "0"), ("0", "1"), ("0", "0"), ("1", "1"))
    assert FORMAT.score(scored, qqp, "en") == {"accuracy": 60.0, "f1": pytest.approx(200 / 3)}


def test_macro_f1_is_scikit_learns_mean_over_the_labels_that_occur(make_task):
    from sklearn.metrics import f1_score

    labels = ("yes", "no", "maybe", "never seen")
    task = make_task("sentence_pair", labels=labels, metrics=("accuracy", "macro_f1"))
    golds = ["yes", "yes", "no", "no", "yes", "no", "no"]
    guesses = ["yes", "no", "no", "maybe", "yes", "yes", "no"]
    scores = FORMAT.score(rows(*zip(golds, guesses, strict=True)), task, "en")
    assert scores["macro_f1"] == pytest.approx(100 * f1_score(golds, guesses, average="macro"))
    assert set(scores) == {"accuracy", "macro_f1"}


def test_scoring_without_any_gold_is_refused(task):
    with pytest.raises(DataError, match="none of the 1 predictions has a gold label"):
        FORMAT.score(rows((None, "neutral")), task, "xx")
