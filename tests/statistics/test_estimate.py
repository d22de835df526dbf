"""Paired contrasts of one score a seed, against scipy and simulated seeds."""

import numpy as np
import pytest
from scipy import stats

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.estimate import paired_contrast, satterthwaite, student
from tests.statistics.bands import SIMULATIONS, in_band


def test_a_paired_contrast_is_scipys_paired_t_test() -> None:
    draw = np.random.default_rng(1)
    ours, theirs = draw.normal(70, 1, 6), draw.normal(69, 1, 6)
    found, theirs_found = paired_contrast(ours, theirs, level=0.9), stats.ttest_rel(ours, theirs)
    assert found.p == pytest.approx(theirs_found.pvalue, rel=1e-12)
    assert found.interval == pytest.approx(tuple(theirs_found.confidence_interval(0.9)), rel=1e-12)
    assert (found.estimate, found.df, found.n) == (pytest.approx((ours - theirs).mean()), 5, 6)


def test_one_part_keeps_its_degrees_of_freedom_and_many_have_about_welchs() -> None:
    assert satterthwaite((3.0, 5), (0.0, 99)) == (3.0, 5) and satterthwaite((0.0, 5), (0.0, 9)) == (0.0, 0.0)
    draw = np.random.default_rng(2)
    one, other = draw.normal(0, 1, 700), draw.normal(0, 3, 1200)
    variance, df = satterthwaite((one.var(ddof=1) / 700, 699), (other.var(ddof=1) / 1200, 1199))
    welch = stats.ttest_ind(one, other, equal_var=False)
    assert df == pytest.approx(welch.df, rel=1e-2)
    assert variance**0.5 == pytest.approx(abs((one.mean() - other.mean()) / welch.statistic))


@pytest.mark.parametrize("num_seeds", [5, 6, 10])
def test_whatever_the_parts_sizes_there_are_about_five_percent_of_false_alarms(num_seeds: int) -> None:
    """By quadrature over the distribution of the seeds' part; plain Satterthwaite has up to 5.56 % at six seeds."""
    nu = num_seeds - 1
    scales = stats.chi2.ppf((np.arange(400) + 0.5) / 400, nu) / nu
    for share in np.linspace(0, 1, 21):
        found = [satterthwaite((share * scale, nu), (1 - share, 400)) for scale in scales]
        limits = [stats.t.ppf(0.975, df) * variance**0.5 for variance, df in found]
        assert 0.045 < 2 * stats.norm.sf(limits).mean() < 0.053


def test_an_interval_leaves_out_zero_exactly_where_p_is_below_five_percent() -> None:
    for estimate in np.linspace(-4, 4, 81):
        interval, p = student(estimate, 1.0, 5)
        assert interval is not None and p is not None
        assert (interval[0] > 0 or interval[1] < 0) == (p < 0.05)


def test_seeds_that_all_agree_give_no_certainty() -> None:
    found = paired_contrast(np.array([3.0, 3.0, 3.0]), np.array([1.0, 1.0, 1.0]))
    assert (found.estimate, found.se, found.interval, found.p) == (2.0, 0.0, None, None)


@pytest.mark.parametrize(
    ("ours", "theirs", "word"),
    [([1.0], [2.0], "at least 2"), ([1.0, 2.0], [1.0], "shape"), ([1.0, np.nan], [1.0, 2.0], "seed 1 .*nan")],
)
def test_what_cannot_be_paired_is_refused_in_a_sentence(ours: list[float], theirs: list[float], word: str) -> None:
    with pytest.raises(StatisticsError, match=word):
        paired_contrast(np.array(ours), np.array(theirs))


@pytest.mark.parametrize("num_seeds", [6, 10])
@pytest.mark.parametrize("kind", ["normal", "both arms skewed", "one arm skewed"])
def test_95_percent_of_intervals_hold_the_truth(kind: str, num_seeds: int) -> None:
    draw, held = np.random.default_rng(3), 0
    for _ in range(SIMULATIONS):
        ours, theirs = draw.normal(size=(2, num_seeds))
        if kind != "normal":
            ours = draw.exponential(size=num_seeds) - 1
        if kind == "both arms skewed":
            theirs = draw.exponential(size=num_seeds) - 1
        low, high = paired_contrast(ours + 0.7, theirs).interval or (0.0, 0.0)
        held += low <= 0.7 <= high
    assert in_band(held, 0.95)


def test_percentiles_of_six_seeds_would_cover_too_little() -> None:
    """Why they are not used: about 86 % of them hold the truth."""
    draw, held = np.random.default_rng(4), 0
    for _ in range(SIMULATIONS):
        values = draw.normal(size=6)
        drawn = values[draw.integers(0, 6, (400, 6))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        held += low <= 0 <= high
    assert not in_band(held, 0.95) and in_band(held, 0.86)


@pytest.mark.parametrize("num_seeds", [3, 5, 6, 10])
def test_arms_that_score_the_same_for_every_seed_have_neither_interval_nor_p(num_seeds: int) -> None:
    """As two collapsed arms do. Of equal floats the mean is another one, whose distance to them is no spread."""
    draw = np.random.default_rng(0)
    for ours, theirs in np.round(draw.uniform(20, 95, size=(300, 2)), 2):
        found = paired_contrast(np.full(num_seeds, ours), np.full(num_seeds, theirs))
        assert (found.se, found.interval, found.p) == (0.0, None, None)
