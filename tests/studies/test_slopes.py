"""Which units a slope is over, and what a plan takes for their spread."""

import numpy as np
import pytest

from ds_stilts.statistics.slope_power import detectable_slope
from ds_stilts.studies.slopes import Columns, mixed_slope, slope_design
from tests.statistics.bands import SIMULATIONS, in_band

SPREAD = {"family_sd": 1.0, "language_sd": 2.0, "seed_sd": 0.5, "cell_sd": 3.0}


def columns(families: str, num_seeds: int = 6) -> Columns:
    """A language for each letter, which is its family; one task. Relatives differ in the covariate as others do."""
    rows = [(place, family, seed) for place, family in enumerate(families) for seed in range(num_seeds)]
    places, of, seeds = zip(*rows, strict=True)
    return Columns(
        covariate_N=np.array(places, float), languages_N=[f"l{place}" for place in places], families_N=of,
        tasks_N=["task"] * len(rows), seeds_N=seeds,
    )  # fmt: skip


def test_where_families_are_the_units_a_plan_has_the_spread_of_their_means() -> None:
    """Two families of two and three of one: the variances of languages and rows are 0.8 of theirs, on average."""
    plan = slope_design(columns("aabbcde"), **SPREAD)
    assert set(plan.languages_N) == set("abcde") and sorted(set(plan.covariate_N)) == [0.5, 2.5, 4.0, 5.0, 6.0]
    assert (plan.family_sd, plan.seed_sd) == (1.0, 0.5)
    assert (plan.language_sd, plan.cell_sd) == pytest.approx((2.0 * 0.8**0.5, 3.0 * 0.8**0.5))

    apart = slope_design(columns("abcdefg"), **SPREAD)
    assert len(set(apart.languages_N)) == 7 and (apart.language_sd, apart.cell_sd) == (2.0, 3.0)


def test_a_slope_over_families_is_found_as_often_as_planned() -> None:
    rows = columns("aabbcde")
    least = detectable_slope(slope_design(rows, **SPREAD))
    draw, hits = np.random.default_rng(1), 0
    for _ in range(SIMULATIONS):
        noise = sum(
            sd * draw.normal(size=len(rows.covariate_N))[np.unique(levels, return_inverse=True)[1]]
            for levels, sd in ((rows.families_N, 1.0), (rows.languages_N, 2.0), (rows.seeds_N, 0.5))
        )
        gains = noise + 3.0 * draw.normal(size=len(rows.covariate_N)) + least * rows.covariate_N
        p = mixed_slope(gains, rows).p
        hits += p is not None and p < 0.05
    assert in_band(hits, 0.8)
