"""Corrections for several tests, against values worked out by hand and simulated families."""

import gc
from collections.abc import Iterator

import numpy as np
import pytest

from ds_stilts.errors import StatisticsError
from ds_stilts.statistics.multiplicity import adjusted
from tests.statistics.bands import SIMULATIONS, at_most

VALUES = {"sw": 0.01, "te": 0.04, "de": 0.03, "fr": 0.005}


def test_holm_keeps_names_and_order() -> None:
    """By hand: sorted .005·4, .01·3, .03·2, .04·1, made to rise."""
    found = adjusted(VALUES, "holm")
    assert {name: one.adjusted_p for name, one in found.items()} == pytest.approx(
        {"sw": 0.03, "te": 0.06, "de": 0.06, "fr": 0.02}
    )
    assert list(found) == list(VALUES)
    assert [name for name, one in found.items() if one.rejected] == ["sw", "fr"]
    assert found["sw"].p == 0.01 and found["sw"].n == 4


def test_benjamini_hochberg_keeps_names_and_order() -> None:
    """By hand: sorted .005·4/1, .01·4/2, .03·4/3, .04·4/4, the least of what follows."""
    found = adjusted(VALUES, "benjamini_hochberg")
    assert {name: one.adjusted_p for name, one in found.items()} == pytest.approx(
        {"sw": 0.02, "te": 0.04, "de": 0.04, "fr": 0.02}
    )
    assert all(one.rejected for one in found.values()) and list(found) == list(VALUES)


def test_nothing_to_correct_is_nothing_and_no_p_is_an_error() -> None:
    assert adjusted({}, "holm") == {}
    with pytest.raises(StatisticsError, match="p of te is nan"):
        adjusted({"sw": 0.5, "te": float("nan")}, "holm")


@pytest.fixture
def quick_collection() -> Iterator[None]:
    """statsmodels collects garbage in every call, 40 ms each in a large process; what is there now is left alone."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("quick_collection")
def test_holm_raises_a_false_alarm_in_at_most_five_percent_of_families() -> None:
    draw = np.random.default_rng(1)
    families = draw.random((SIMULATIONS, 10))
    families[:, :3] *= 1e-3  # three true effects, which do not count
    alarms = sum(
        any(one.rejected for place, one in adjusted(dict(enumerate(family)), "holm").items() if place >= 3)
        for family in families
    )
    assert at_most(alarms, 0.05)


def test_benjamini_hochberg_keeps_the_share_of_false_ones_at_five_percent() -> None:
    draw, shares = np.random.default_rng(2), []
    for _ in range(SIMULATIONS):
        family = draw.random(40)
        family[:20] *= 1e-3
        found = [
            place for place, one in adjusted(dict(enumerate(family)), "benjamini_hochberg").items() if one.rejected
        ]
        shares.append(sum(place >= 20 for place in found) / max(1, len(found)))
    # Exactly q times the share of true null hypotheses, for independent tests.
    assert np.mean(shares) == pytest.approx(0.025, abs=3 * np.std(shares) / SIMULATIONS**0.5)
