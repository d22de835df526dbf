"""Resampled values against scipy and plain loops with the same draws; intervals against known truths."""

import numpy as np
import pytest
from scipy import stats

from ds_stilts.statistics.bootstrap import MIN_ITEMS, Tally, interval, resampled


def means(values: np.ndarray, ids: np.ndarray | None = None) -> Tally:
    """A group whose value is the mean of `values` in percent."""
    over = np.asarray(values, np.float64).reshape(-1, 1, 1)
    return Tally(ids=np.arange(len(over)) if ids is None else ids, over=over, under=np.ones_like(over))


def test_a_mean_has_the_interval_of_scipy() -> None:
    values = np.random.default_rng(1).random(57)
    found = interval(resampled([means(values)], seed=5, resamples=999)[:, 0])
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=999, method="percentile", rng=np.random.default_rng(5)
    ).confidence_interval
    assert found == pytest.approx((100 * theirs.low, 100 * theirs.high), abs=1e-9)


def looped(groups: list[list[tuple[str, list[list[tuple[float, float]]]]]], seed: int, resamples: int) -> np.ndarray:
    """The same from items (id, metrics of (over, under) ratios), one draw and one item at a time."""
    clusters = sorted({id for group in groups for id, _ in group})
    draw, table = np.random.default_rng(seed), []
    for _ in range(resamples):
        chosen = [clusters[i] for i in draw.integers(0, len(clusters), len(clusters))]
        line = []
        for group in groups:
            items = [metrics for id in chosen for own, metrics in group if own == id]
            values = []
            for metric in range(len(group[0][1])):
                ratios = []
                for part in range(len(group[0][1][metric])):
                    over, under = (sum(item[metric][part][side] for item in items) for side in (0, 1))
                    ratios += [over / under] if under > 0 else []
                values.append(sum(ratios) / len(ratios) if ratios else 0.0)
            line.append(100 * sum(values) / len(values))
        table.append(line)
    return np.array(table)


def test_ratios_of_several_groups_that_share_items_are_those_of_a_plain_loop() -> None:
    draw = np.random.default_rng(2)
    groups = []
    for first, last in ((0, 12), (4, 15), (9, 10)):  # overlapping ids; the last group is often not drawn at all
        ids = [f"q{i}" for i in range(first, last)] * 2  # each id twice
        over = draw.integers(0, 3, (len(ids), 2, 3)).astype(float)
        groups.append((ids, over, over + draw.integers(1, 3, over.shape)))
    plain = [
        [(id, np.stack([a, b], axis=-1).tolist()) for id, a, b in zip(ids, over, under, strict=True)]
        for ids, over, under in groups
    ]
    tallies = [Tally(ids=np.array(ids), over=over, under=under) for ids, over, under in groups]
    np.testing.assert_allclose(resampled(tallies, seed=3, resamples=40), looped(plain, 3, 40), atol=1e-9)


def test_a_ratio_of_which_a_draw_has_nothing_does_not_count() -> None:
    over, under = np.zeros((3, 1, 2)), np.zeros((3, 1, 2))
    over[:, 0, 0], under[:, 0, 0] = [1, 1, 0], 1
    tally = Tally(ids=np.arange(3), over=over, under=under)
    assert tally.value() == pytest.approx(200 / 3)
    assert Tally(ids=np.arange(3), over=over * 0, under=under * 0).value() == 0.0


def test_values_depend_on_the_seed_but_not_on_how_much_is_held_at_once() -> None:
    tallies = [means(np.random.default_rng(4).random(50)), means(np.random.default_rng(5).random(31))]
    whole = resampled(tallies, seed=1, resamples=101)
    np.testing.assert_allclose(resampled(tallies, seed=1, resamples=101, max_drawn=170), whole, rtol=1e-12)
    assert not np.array_equal(whole, resampled(tallies, seed=2, resamples=101))


def test_items_that_add_nothing_cost_nothing() -> None:
    over, under = np.zeros((2_000_000, 1, 1)), np.zeros((2_000_000, 1, 1))
    over[:300], under[:500] = 1, 1
    found = resampled([Tally(ids=np.arange(len(over)), over=over, under=under)], seed=0)
    assert found.mean() == pytest.approx(60, abs=0.3) and found.std() == pytest.approx(
        100 * (0.24 / 500) ** 0.5, rel=0.1
    )


def test_an_item_in_every_group_is_one_piece_of_evidence() -> None:
    """Ten copies of one language are as uncertain as one; ten languages of other items a third of that."""
    values = (np.random.default_rng(6).random(400) < 0.7).astype(float)
    one = resampled([means(values)], seed=0)[:, 0].std()
    copies = resampled([means(values)] * 10, seed=0).mean(axis=1).std()
    apart = resampled([means(values, np.arange(400) + 400 * i) for i in range(10)], seed=0).mean(axis=1).std()
    assert copies == pytest.approx(one, rel=1e-9)
    assert apart == pytest.approx(one / 10**0.5, rel=0.1)


def test_a_difference_of_two_systems_on_the_same_items_is_that_of_its_items() -> None:
    draw = np.random.default_rng(7)
    theirs = draw.random(200) < 0.6
    ours = theirs ^ (draw.random(200) < 0.05)
    both = resampled([means(ours), means(theirs)], seed=8)
    alone = resampled([means(ours.astype(float) - theirs)], seed=8)
    assert interval(both[:, 0] - both[:, 1]) == pytest.approx(interval(alone[:, 0]), abs=1e-9)


@pytest.mark.parametrize("values", [np.ones(300), np.zeros(300), np.ones(1)], ids=["all right", "all wrong", "one"])
def test_items_that_are_all_alike_give_no_interval(values: np.ndarray) -> None:
    assert interval(resampled([means(values)], seed=0, resamples=50)[:, 0]) is None


def test_items_that_add_nothing_at_all_make_zero_without_an_interval() -> None:
    nothing = Tally(ids=np.array(["a", "b"]), over=np.zeros((2, 1, 1)), under=np.zeros((2, 1, 1)))
    found = resampled([nothing, means(np.arange(30) % 2, np.array([f"{i}" for i in range(30)]))], seed=0)
    assert (found[:, 0] == 0).all() and interval(found[:, 0]) is None and interval(found[:, 1]) is not None
    assert (resampled([nothing], seed=0, resamples=5) == 0).all()


SIMULATIONS = 400
LOW, HIGH = stats.binom.ppf([0.0005, 0.9995], SIMULATIONS, 0.95) / SIMULATIONS
"""Where the share of intervals that hold the truth lies, 999 times in 1,000, if each does so with 95 %."""


def simulated(kind: str, draw: np.random.Generator) -> tuple[list[Tally], list[Tally]]:
    """A data set of which the truth is known."""
    if kind == "accuracy":
        return [means(draw.random(300) < 0.7)], []
    if kind == "f1":  # sentences with 1 to 6 chunks, right together or wrong together
        gold = draw.integers(1, 7, 250)
        right = draw.binomial(gold, draw.beta(3, 2, 250))
        extra = draw.binomial(gold - right, 0.5)
        over, under = (2 * right).astype(float), (right + extra + gold).astype(float)
        return [Tally(ids=np.arange(250), over=over.reshape(-1, 1, 1), under=under.reshape(-1, 1, 1))], []
    easy = draw.normal(0, 1, 200)  # an item is as easy in every language
    level = [stats.norm.ppf(share) * 2**0.5 for share in (0.8, 0.6, 0.5)]
    sides = [[means(draw.normal(0, 1, 200) < z + shift + easy, np.arange(200)) for z in level] for shift in (0.0, 0.2)]
    return sides[1], sides[0] if kind == "paired" else []


def truth(kind: str) -> float:
    if kind == "accuracy":
        return 70.0
    if kind == "f1":
        return 100 * 2 * 0.6 / (0.6 + 0.4 * 0.5 + 1)
    shares = [
        [stats.norm.cdf((stats.norm.ppf(share) * 2**0.5 + shift) / 2**0.5) for share in (0.8, 0.6, 0.5)]
        for shift in (0.0, 0.2)
    ]
    ours, theirs = 100 * np.mean(shares[1]), 100 * np.mean(shares[0])
    return float(ours - theirs) if kind == "paired" else float(ours)


@pytest.mark.parametrize("kind", ["accuracy", "f1", "parallel", "paired"])
def test_95_percent_of_intervals_hold_the_truth(kind: str) -> None:
    draw, held = np.random.default_rng(11), 0
    for number in range(SIMULATIONS):
        ours, theirs = simulated(kind, draw)
        drawn = resampled([*ours, *theirs], seed=number, resamples=500)
        value = drawn[:, : len(ours)].mean(axis=1) - (drawn[:, len(ours) :].mean(axis=1) if theirs else 0.0)
        found = interval(value)
        assert found is not None
        held += found[0] <= truth(kind) <= found[1]
    assert LOW <= held / SIMULATIONS <= HIGH


def test_treating_languages_of_a_parallel_set_as_independent_would_cover_too_little() -> None:
    """What clustering is for: the same simulation with ids of its own for each language."""
    draw, held = np.random.default_rng(11), 0
    for number in range(SIMULATIONS):
        ours, _ = simulated("parallel", draw)
        apart = [Tally(ids=one.ids + 1000 * i, over=one.over, under=one.under) for i, one in enumerate(ours)]
        found = interval(resampled(apart, seed=number, resamples=300).mean(axis=1))
        assert found is not None
        held += found[0] <= truth("parallel") <= found[1]
    assert held / SIMULATIONS < LOW


def test_the_least_number_of_items_is_never_missing_from_a_draw() -> None:
    groups = [means(np.ones(MIN_ITEMS), np.arange(MIN_ITEMS)), means(np.ones(5000), np.arange(5000) + MIN_ITEMS)]
    assert (resampled(groups, seed=0) == 100).all()


def test_ids_may_be_words() -> None:
    numbers = means(np.arange(30) % 3 == 0)
    words = Tally(ids=np.array([f"{i:02}" for i in range(30)]), over=numbers.over, under=numbers.under)
    assert np.array_equal(resampled([words], seed=0, resamples=20), resampled([numbers], seed=0, resamples=20))
