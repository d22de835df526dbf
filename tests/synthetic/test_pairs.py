"""Promises of inference and paraphrase pairs: sound labels, no shortcut, no meaning in two splits."""

import math
import random
from collections import Counter
from collections.abc import Callable, Hashable, Sequence

import pytest

from ds_stilts.synthetic.grammar import say
from ds_stilts.synthetic.pairs import PairMeaning, nli_pairs, paraphrase_pairs

Features = Callable[[PairMeaning], Sequence[Hashable]]


@pytest.fixture(scope="module")
def nli(world):
    numbers = {"train": 2400, "test": 600}
    return {split: nli_pairs(world, random.Random(split), number, split) for split, number in numbers.items()}


@pytest.fixture(scope="module")
def paraphrases(world):
    numbers = {"train": 1500, "test": 500}
    return {split: paraphrase_pairs(world, random.Random(split), number, split) for split, number in numbers.items()}


def naive_bayes_accuracy(sets: dict[str, list[PairMeaning]], features: Features) -> float:
    """Accuracy on "test" of a multinomial naive Bayes classifier (add-one smoothing) learned from "train"."""
    counts: dict[str, Counter[Hashable]] = {}
    labels = Counter(pair.label for pair in sets["train"])
    for pair in sets["train"]:
        counts.setdefault(pair.label, Counter()).update(features(pair))
    size = len(set().union(*counts.values()))

    def score(pair: PairMeaning, label: str) -> float:
        total = sum(counts[label].values()) + size
        return math.log(labels[label]) + sum(math.log((counts[label][f] + 1) / total) for f in features(pair))

    right = sum(max(labels, key=lambda label: score(pair, label)) == pair.label for pair in sets["test"])
    return right / len(sets["test"])


@pytest.fixture(scope="module")
def shortcuts(lexicons) -> dict[str, Features]:
    def words(event):
        return [word.text for word in say(event, lexicons["aa"])]

    return {
        "hypothesis words": lambda pair: words(pair.hypothesis),
        "premise words": lambda pair: words(pair.premise),
        "hypothesis length": lambda pair: [len(words(pair.hypothesis))],
        "both lengths": lambda pair: [(len(words(pair.premise)), len(words(pair.hypothesis)))],
        "shared words": lambda pair: [len({*words(pair.premise)} & {*words(pair.hypothesis)})],
    }


SHORTCUTS = ("hypothesis words", "premise words", "hypothesis length", "both lengths", "shared words")


@pytest.mark.parametrize("name", SHORTCUTS)
def test_inference_cannot_be_guessed_from_a_shortcut(name, nli, shortcuts):
    assert naive_bayes_accuracy(nli, shortcuts[name]) <= 0.45


@pytest.mark.parametrize("name", SHORTCUTS[:-1])
def test_paraphrase_cannot_be_guessed_from_a_shortcut(name, paraphrases, shortcuts):
    assert naive_bayes_accuracy(paraphrases, shortcuts[name]) <= 0.58


def test_the_shortcut_probe_finds_a_shortcut_where_there_is_one(nli):
    assert naive_bayes_accuracy(nli, lambda pair: [pair.label]) == 1.0


def test_labels_are_balanced(nli, paraphrases):
    assert set(Counter(pair.label for pair in nli["test"]).values()) == {200}
    assert set(Counter(pair.label for pair in paraphrases["test"]).values()) == {250}


def test_no_premise_of_the_test_set_means_what_a_training_premise_means(nli):
    train, test = ({pair.premise.meaning for pair in nli[split]} for split in ("train", "test"))
    assert not train & test


def test_no_paraphrase_pair_of_the_test_set_is_in_training_with_either_side_exchanged(paraphrases):
    def clauses(split):
        return {frozenset((p.premise.meaning, p.hypothesis.meaning)) for p in paraphrases[split]}

    assert not clauses("train") & clauses("test")


def test_an_entailed_clause_says_nothing_new_and_keeps_the_polarity(world, nli):
    """Read off the slots, not off how the pair was made: every slot of the weaker clause is in the stronger one."""
    for pair in (p for p in nli["train"] if p.label == "entailment"):
        assert pair.premise.negated == pair.hypothesis.negated
        strong, weak = (pair.hypothesis, pair.premise) if pair.premise.negated else (pair.premise, pair.hypothesis)
        for said, given in zip(weak.mentions, strong.mentions, strict=True):
            same = said is None or (given is not None and given.concept == said.concept)
            hypernym = said and given and world.category_of.get(given.concept) == said.concept
            assert same or hypernym


def test_a_contradiction_differs_in_polarity_or_in_one_antonym(world, nli):
    for pair in (p for p in nli["train"] if p.label == "contradiction"):
        premise, hypothesis = pair.premise, pair.hypothesis
        slots = ("verb", "subject_adjective", "object_adjective")
        values = [(getattr(premise, slot), getattr(hypothesis, slot)) for slot in slots]
        opposed = [a and b and world.antonym(a).concept == b.concept for a, b in values]
        assert (premise.negated != hypothesis.negated) != (sum(map(bool, opposed)) == 1)
        assert premise.subject.concept == hypothesis.subject.concept


def test_a_neutral_hypothesis_says_something_that_the_premise_does_not(world, nli):
    for pair in (p for p in nli["train"] if p.label == "neutral"):
        shared = [
            a is not None and (a.concept == b.concept or world.category_of.get(a.concept) == b.concept
                               or world.category_of.get(b.concept) == a.concept)
            for a, b in zip(pair.premise.mentions, pair.hypothesis.mentions, strict=True)
            if b is not None
        ]  # fmt: skip
        assert not all(shared)


def test_each_pair_names_something_shared_differently(nli, paraphrases):
    for pair in [*nli["train"], *paraphrases["train"]]:
        premise, hypothesis = ([m for m in event.mentions if m] for event in (pair.premise, pair.hypothesis))
        shared = {m.concept for m in premise} & {m.concept for m in hypothesis}
        names = [Counter(m for m in mentions if m.concept in shared) for mentions in (premise, hypothesis)]
        assert names[0] - names[1]
