"""Mining: margins and the choice of pairs against a slow reference, repeated sentences, thresholds and their scores."""

import json

import numpy as np
import pytest
import torch
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.errors import DataError
from ds_stilts.formats.mining import FORMAT, _one_to_one, best_threshold, mine, mining_scores, threshold_of
from ds_stilts.tasks.examples import SearchExample


def slow_mine(x, y, neighbours=4):
    """The published procedure, sentence by sentence in fp64: k nearest both ways, ratio margin, best pairs first."""
    x, y = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (x.astype(np.float64), y.astype(np.float64)))
    cosine = x @ y.T
    near_x = {i: sorted(range(len(y)), key=lambda j, i=i: (-cosine[i, j], j))[:neighbours] for i in range(len(x))}
    near_y = {j: sorted(range(len(x)), key=lambda i, j=j: (-cosine[i, j], i))[:neighbours] for j in range(len(y))}
    mean_x = {i: np.mean([cosine[i, j] for j in near_x[i]]) for i in near_x}
    mean_y = {j: np.mean([cosine[i, j] for i in near_y[j]]) for j in near_y}

    def margin(i, j):
        return cosine[i, j] / ((mean_x[i] + mean_y[j]) / 2)

    candidates = [(i, max(near_x[i], key=lambda j, i=i: margin(i, j))) for i in near_x]
    candidates += [(max(near_y[j], key=lambda i, j=j: margin(i, j)), j) for j in near_y]
    used_x, used_y, mined = set(), set(), {}
    for i, j in sorted(candidates, key=lambda pair: -margin(*pair)):
        if i not in used_x and j not in used_y and margin(i, j) > 0:
            used_x.add(i)
            used_y.add(j)
            mined[i] = (j, margin(i, j))
    return mined


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(9, 70), st.integers(0, 10**6))
def test_mined_pairs_are_those_of_the_slow_procedure(n, m, block, seed):
    generator = np.random.default_rng(seed)
    # in the positive corner, as encoders' vectors: margins of pairs near a mean of zero would mean nothing
    x, y = (generator.normal(1.0, 0.7, (size, 12)).astype(np.float32) for size in (n, m))
    found, expected = mine(torch.from_numpy(x), torch.from_numpy(y), block), slow_mine(x, y)
    assert {i: j for i, (j, _) in found.items()} == {i: j for i, (j, _) in expected.items()}
    for i, (_, margin) in found.items():
        assert margin == pytest.approx(expected[i][1], rel=1e-5)


def test_equal_margins_go_to_the_earlier_sentence():
    # all cosines are 1, so all margins are: source 0 takes its nearest of equals, target 0; nothing is left for others
    assert {i: j for i, (j, _) in mine(torch.ones(3, 4), torch.ones(3, 4)).items()} == {0: 0}


def test_a_pair_that_stands_out_from_its_surroundings_is_mined_before_a_closer_one_in_a_crowd():
    crowd = torch.nn.functional.normalize(torch.tensor([1.0, 0.0, 0.0]) + 0.05 * torch.randn(8, 3), dim=1)
    sources, targets = (
        torch.cat([crowd[:4], torch.tensor([[0.0, 1.0, 0.6]])]),
        torch.cat([crowd[4:], torch.tensor([[0.0, 0.6, 1.0]])]),
    )
    mined = mine(sources, targets)
    assert mined[4][0] == 4 and mined[4][1] == max(margin for _, margin in mined.values())


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 7)), max_size=60))
def test_pairs_are_taken_as_if_one_after_another(pairs):
    sources, targets, expected = set(), set(), []
    for place, (source, target) in enumerate(pairs):
        if source not in sources and target not in targets:
            sources.add(source)
            targets.add(target)
            expected.append(place)
    columns = torch.tensor(pairs, dtype=torch.int64).reshape(-1, 2).T
    assert _one_to_one(*columns, 10, 8).tolist() == expected


def test_pairs_without_positive_margin_are_not_mined():
    assert mine(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 1.0]])) == {}


def sentence(id, text, keys=(), side="query"):
    return SearchExample(id=id, text=text, side=side, keys=keys)


def test_a_repeated_sentence_is_one_sentence_named_by_its_first_id():
    examples = [
        sentence("s0", "uno"),
        sentence("s1", "dos", ("p0",)),
        sentence("s2", "uno", ("p1",)),
        sentence("t0", "one", (), "corpus"),
        sentence("t1", "two", ("p0",), "corpus"),
        sentence("t2", "one", ("p1",), "corpus"),
    ]
    one, two = [1.0, 0.1], [0.1, 1.0]
    found = FORMAT.match(examples, torch.tensor([one, two, [9.0, -9.0], one, two, [-9.0, 9.0]]))
    assert {place: (json.loads(made.gold), json.loads(made.prediction)) for place, made in found.items()} == {
        0: (["t0"], "t0"),
        1: (["t1"], "t1"),
    }


def test_every_sentence_has_a_row_whether_it_was_mined_or_has_a_partner():
    examples = [sentence("s0", "a"), sentence("s1", "b", ("p",)), sentence("t", "c", ("p",), "corpus")]
    found = FORMAT.match(examples, torch.tensor([[1.0, 0.0], [0.5, 0.5], [1.0, 0.1]]))
    assert [(made.gold, made.prediction) for made in found.values()] == [("null", '"t"'), ('["t"]', "null")]
    assert found[1].score == 0.0


def official_f1(num_right, num_kept, num_gold):
    """bucc_eval of XTREME's utils_retrieve.py."""
    if not num_right:
        return 0.0
    precision, recall = num_right / num_kept, num_right / num_gold
    return 2 * precision * recall / (precision + recall)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.booleans()), max_size=12), st.integers(0, 5))
def test_no_other_threshold_gives_a_higher_f1(pairs, missed):
    scores, right = [score / 4 for score, _ in pairs], [hit for _, hit in pairs]
    num_gold = sum(right) + missed

    def f1(threshold):
        kept = [hit for score, hit in zip(scores, right, strict=True) if score >= threshold]
        return official_f1(sum(kept), len(kept), num_gold)

    chosen = f1(best_threshold(scores, right, num_gold))
    assert chosen == pytest.approx(max((f1(threshold) for threshold in {*scores, 0.0, 9.0}), default=0.0))


@pytest.mark.parametrize(
    ("scores", "right", "num_gold", "expected"),
    [
        ([1.5, 1.2, 1.0], [True, True, False], 2, 1.1),  # half-way to the first that is left out, as bucc_optimize
        ([1.0, 1.5, 1.2], [False, True, True], 2, 1.1),  # in any order
        ([1.5, 1.0], [True, True], 2, 1.0),  # bucc_optimize reads past the end here
        ([1.5, 1.2], [False, False], 2, 0.0),
        ([], [], 2, 0.0),
        ([1.5, 1.2, 1.2, 1.0], [True, True, False, False], 2, 1.1),  # one score, one fate: F1 0.8 keeping both
    ],
)
def test_thresholds_worked_by_hand(scores, right, num_gold, expected):
    assert best_threshold(scores, right, num_gold) == pytest.approx(expected)


def row(id, gold, prediction, score):
    return {"id": id, "gold": gold, "prediction": prediction, "score": score}


ROWS = [
    row("a", ["x"], "x", 1.5),
    row("b", None, "y", 1.4),  # nothing to find: costs precision
    row("c", ["z"], "w", 1.3),
    row("d", ["v"], None, 0.0),
    row("e", ["u", "t"], "t", 1.1),  # two partners, of which one can be mined
    row("f", None, None, 0.0),
]


def test_scores_count_sentences_without_partner():
    # by hand: 4 kept, 2 right, 5 gold pairs
    assert mining_scores(ROWS, 1.0) == pytest.approx({"precision": 50.0, "recall": 40.0, "f1": 100 * 4 / 9})
    assert mining_scores(ROWS, 1.45) == pytest.approx({"precision": 100.0, "recall": 20.0, "f1": 100 * 2 / 6})
    assert mining_scores(ROWS, 2.0) == {"precision": 0.0, "recall": 0.0, "f1": 0.0}
    assert threshold_of(ROWS) == pytest.approx(1.1)


def test_the_threshold_is_tuned_on_the_half_that_is_not_scored(make_task):
    tune, held_out = [], []
    for i in range(60):
        is_pair = i % 3 == 0
        id = f"zh-{i:09}"
        half = held_out if xxhash.xxh3_64_intdigest(id.encode()) % 2 else tune
        half.append(row(id, ["x"] if is_pair else None, "x", 1.5 if is_pair else 1.0))
    apart = {"f1": 100.0, "precision": 100.0, "recall": 100.0, "f1_oracle": 100.0}
    assert FORMAT.score(tune + held_out, make_task("mining"), "zh") == apart
    # the threshold of one half, 2.25, is of no use for the other; tuned on all, it would be
    moved = [{**each, "score": each["score"] + 1} for each in tune]
    found = FORMAT.score(moved + held_out, make_task("mining"), "zh")
    assert found["f1"] == found["recall"] == 0.0 and found["f1_oracle"] > 50
    # what is scored has no say in the threshold
    moved = [{**each, "score": each["score"] + 1} for each in held_out]
    found = FORMAT.score(tune + moved, make_task("mining"), "zh")
    assert found["recall"] == 100.0 and found["precision"] < 50


def test_gold_that_cannot_be_halved_is_told(make_task):
    with pytest.raises(DataError, match="none of the 1 predictions has a gold label"):
        FORMAT.score([row("a", None, "x", 1.0)], make_task("mining"), "zh")
    with pytest.raises(DataError, match="language 'zh': 1 gold pairs are too few to choose a threshold on one half"):
        FORMAT.score([row("a", ["x"], "x", 1.0)], make_task("mining"), "zh")
