"""Contrasts over seeds and items: against plain formulas and loops, and against made-up runs whose truth is known."""

import numpy as np
import pytest

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.bootstrap import Tally
from ds_stilts.statistics.fairness import worst
from ds_stilts.statistics.multi_bootstrap import (
    Measure,
    SeedScores,
    cells_of,
    mean_over_tasks,
    multi_bootstrap,
    weighted,
)
from tests.statistics.bands import SIMULATIONS, in_band
from tests.statistics.worlds import CASES, World


def mean_of(values: np.ndarray, ids: np.ndarray | None = None) -> Tally:
    """A cell whose value is the mean of `values` in percent."""
    over = np.asarray(values, np.float64).reshape(-1, 1, 1)
    return Tally(ids=np.arange(len(over)) if ids is None else ids, over=over, under=np.ones_like(over))


def accuracies(right_SLN: np.ndarray) -> list[SeedScores]:
    return [{"t": {f"l{place}": mean_of(one) for place, one in enumerate(seed)}} for seed in right_SLN]


def test_parts_of_the_error_are_those_of_two_way_random_effects() -> None:
    """For means all is known: the parts of two-way clustering (Cameron, Gelbach and Miller 2011), without any draw."""
    draw = np.random.default_rng(1)
    ours, theirs = draw.random((2, 5, 3, 200)) + 0.2 * draw.normal(size=(2, 1, 1, 200))
    scores = accuracies(ours)
    found = multi_bootstrap(scores, accuracies(theirs), {"mean": mean_over_tasks(cells_of(scores[0]))}, seed=2)["mean"]

    contrast_SN = 100 * (ours - theirs).mean(axis=1)
    of_seeds = contrast_SN.mean(axis=1)
    covariances = np.cov(contrast_SN) / 200
    shared = (covariances.sum() - np.trace(covariances)) / 20
    assert found.estimate == pytest.approx(of_seeds.mean())
    assert found.seed_se == pytest.approx(of_seeds.std(ddof=1) / 5**0.5)
    assert found.item_se == pytest.approx(shared**0.5, rel=0.04)
    assert found.se == pytest.approx(np.hypot(found.seed_se, found.item_se))
    assert found.n == 5 and "Welch-Satterthwaite" in found.method


def test_ratios_of_sums_are_made_anew_in_every_draw() -> None:
    """One draw at a time from the same counts, with `Tally.value` of what was drawn."""
    world = World(num_items=40, num_seeds=3, num_languages=2, chunks=True)
    ours, theirs = world.arms(np.random.default_rng(3))
    found = multi_bootstrap(ours, theirs, {"l1": weighted([0, 1])}, resamples=50, seed=4)["l1"]

    draw, drawn = np.random.default_rng(4), []
    for _ in range(50):
        chosen = draw.integers(0, 40, 40)
        values = [
            [
                Tally(ids=chosen, over=one["t"]["l1"].over[chosen], under=one["t"]["l1"].under[chosen]).value()
                for one in arm
            ]
            for arm in (ours, theirs)
        ]
        drawn.append(np.subtract(*values))
    covariances = np.cov(np.array(drawn).T, bias=True)
    shared = (covariances.sum() - np.trace(covariances)) / 6 * 40 / 39
    assert found.item_se == pytest.approx(max(shared, 0) ** 0.5, abs=1e-9)
    observed = [a["t"]["l1"].value() - b["t"]["l1"].value() for a, b in zip(ours, theirs, strict=True)]
    assert found.estimate == pytest.approx(np.mean(observed))


def test_a_total_is_the_mean_over_tasks_of_the_mean_over_languages() -> None:
    cells = [("a", "x"), ("a", "y"), ("b", "x")]
    values = np.array([[10.0, 20.0, 40.0]])
    assert mean_over_tasks(cells)(values) == pytest.approx([27.5])
    assert mean_over_tasks(cells, {("a", "y"), ("b", "x")})(values) == pytest.approx([30])
    assert mean_over_tasks(cells, {("a", "y")})(values) == pytest.approx([20])


def test_a_measure_may_be_the_worst_language() -> None:
    draw = np.random.default_rng(5)
    right = (draw.random((4, 3, 100)) < np.array([0.9, 0.5, 0.7])[:, None]).astype(float)
    found = multi_bootstrap(accuracies(right), None, {"worst": worst}, resamples=200)["worst"]
    assert found.estimate == pytest.approx(100 * right.mean(axis=2).min(axis=1).mean())
    assert found.p is None and found.interval is not None and found.se > 0


def test_items_shared_over_languages_are_one_piece_of_evidence() -> None:
    """Copies of one language are as uncertain as one; languages of other items are not."""
    draw = np.random.default_rng(6)
    ours, theirs = (draw.random((2, 1, 1, 300)) < 0.6).astype(float)
    one = [np.broadcast_to(arm, (4, 1, 300)) for arm in (ours, theirs)]
    copies = [np.broadcast_to(arm, (4, 9, 300)) for arm in (ours, theirs)]
    mean = {"mean": lambda values: values.mean(axis=-1)}
    of_one = multi_bootstrap(*map(accuracies, one), mean, resamples=500)["mean"].item_se
    of_copies = multi_bootstrap(*map(accuracies, copies), mean, resamples=500)["mean"].item_se
    apart = [
        [{"t": {f"l{i}": mean_of(values[seed, i], np.arange(300) + 1000 * i) for i in range(9)}} for seed in range(4)]
        for values in copies
    ]
    of_others = multi_bootstrap(*apart, mean, resamples=500)["mean"].item_se
    assert of_copies == pytest.approx(of_one, rel=1e-9)
    assert of_others == pytest.approx(of_one / 3, rel=0.15)


def test_the_order_of_rows_and_how_much_is_held_change_nothing() -> None:
    ours, theirs = World(num_items=60, num_seeds=3).arms(np.random.default_rng(7))
    mean = {"mean": mean_over_tasks(cells_of(ours[0]))}
    whole = multi_bootstrap(ours, theirs, mean, resamples=101)["mean"]
    turned = [
        {"t": {name: Tally(ids=one.ids[::-1], over=one.over[::-1], under=one.under[::-1])
               for name, one in seed["t"].items()}}
        for seed in ours
    ]  # fmt: skip
    in_parts = multi_bootstrap(turned, theirs, mean, resamples=101, max_drawn=200)["mean"]
    assert (in_parts.estimate, in_parts.se, in_parts.df) == pytest.approx((whole.estimate, whole.se, whole.df))
    assert multi_bootstrap(ours, theirs, mean, resamples=101, seed=1)["mean"].se != whole.se


def test_arms_that_are_the_same_runs_show_no_certainty() -> None:
    ours, _ = World(num_items=50).arms(np.random.default_rng(8))
    found = multi_bootstrap(ours, ours, {"mean": mean_over_tasks(cells_of(ours[0]))}, resamples=50)["mean"]
    assert (found.estimate, found.se, found.interval, found.p) == (0.0, 0.0, None, None)


def test_a_language_in_which_nothing_is_right_makes_the_others_no_less_certain() -> None:
    ours, theirs = World(num_items=100, num_seeds=3, num_languages=1).arms(np.random.default_rng(12))
    nothing = Tally(ids=np.arange(100), over=np.zeros((100, 1, 1)), under=np.zeros((100, 1, 1)))
    with_it = [[{"t": {**seed["t"], "zero": nothing}} for seed in arm] for arm in (ours, theirs)]
    alone = multi_bootstrap(ours, theirs, {"l0": weighted([1])})["l0"]
    found = multi_bootstrap(*with_it, {"l0": weighted([1, 0]), "zero": weighted([0, 1])})
    assert found["l0"] == alone
    assert (found["zero"].estimate, found["zero"].interval) == (0.0, None)


def test_runs_that_do_not_pair_are_refused_in_a_sentence() -> None:
    ours, theirs = World(num_items=50).arms(np.random.default_rng(9))
    mean = {"mean": mean_over_tasks(cells_of(ours[0]))}
    with pytest.raises(StatisticsError, match="one arm has 6, the other 5"):
        multi_bootstrap(ours, theirs[:-1], mean)
    with pytest.raises(StatisticsError, match="at least 2"):
        multi_bootstrap(ours[:1], theirs[:1], mean)
    with pytest.raises(StatisticsError, match=r"run 7 .*t in l2 is scored in some runs"):
        multi_bootstrap(
            ours, [theirs[0], {"t": {k: v for k, v in theirs[1]["t"].items() if k != "l2"}}, *theirs[2:]], mean
        )
    other = World(num_items=51).arms(np.random.default_rng(9))[1]
    with pytest.raises(StatisticsError, match=r"t in l0: run 6 .*other items"):
        multi_bootstrap(ours, other, mean)


def coverage(world: World, measure: Measure | None = None, resamples: int = 300) -> int:
    """How many of `SIMULATIONS` intervals hold the truth: of the mean over languages, unless of another measure."""
    draw, held = np.random.default_rng(10), 0
    truth = world.truth_of(measure) if measure else world.truth()
    asked = {"it": measure or mean_over_tasks([("t", name) for name in world.languages])}
    for number in range(SIMULATIONS):
        found = multi_bootstrap(*world.arms(draw), asked, resamples=resamples, seed=number)["it"]
        assert found.interval is not None
        held += found.interval[0] <= truth <= found.interval[1]
    return held


@pytest.mark.parametrize("name", CASES)
def test_95_percent_of_intervals_hold_the_truth(name: str) -> None:
    assert in_band(coverage(CASES[name]), 0.95)


@pytest.mark.parametrize("measure", [worst, lambda values: values.std(axis=-1)], ids=["worst", "sd"])
@pytest.mark.parametrize("apart", [True, False])
def test_intervals_of_what_is_no_mean_over_languages_hold_the_truth_too(measure: Measure, apart: bool) -> None:
    """Alike, any language may be the worst one in a draw."""
    assert in_band(coverage(World(num_items=150, num_languages=4, effect=0.3, apart=apart), measure), 0.95)


def test_seeds_alone_would_cover_too_little_where_items_matter() -> None:
    """What the items' part is for: a t interval over seeds takes the test items for the population."""
    world, held = CASES["items dominate"], 0
    draw = np.random.default_rng(11)
    for _ in range(SIMULATIONS):
        right, _, _ = world.items(draw)
        contrasts = 100 * (right[0] - right[1]).mean(axis=(1, 2))
        half = 2.571 * contrasts.std(ddof=1) / 6**0.5  # Student's t of 5 degrees of freedom
        held += abs(contrasts.mean() - world.truth()) <= half
    assert not in_band(held, 0.95) and held < 0.8 * SIMULATIONS
