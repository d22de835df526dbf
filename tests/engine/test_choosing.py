"""Which step each rule keeps, of tables made by hand, and what that costs."""

from typing import Any

import pytest

from ds_stilts.engine.choosing import Figures, Look, merit, noted, selection


def table(*rows: tuple[float, float | None, float | None, float | None]) -> list[dict[str, Any]]:
    """Looks after steps 10, 20, …: value, entropy, agreement, oracle."""
    return [
        noted(10 * place, Look(values={"nli": v - 1, "qa": v + 1}, entropy=e, agreement=a, oracle=o))
        for place, (v, e, a, o) in enumerate(rows, start=1)
    ]


LOOKS = table((50, 0.9, 60, 40), (70, 0.5, 75, 52), (68, 0.3, 80, 45), (66, 0.4, 70, 50))


def test_each_rule_keeps_its_own_step_and_the_gap_is_to_the_best_that_labels_know() -> None:
    found = selection(LOOKS, chosen_by="value")
    assert found["rules"] == {
        "last": {"step": 40, "score": 50, "gap": 2},
        "value": {"step": 20, "score": 52, "gap": 0},
        "entropy": {"step": 30, "score": 45, "gap": 7},
        "agreement": {"step": 30, "score": 45, "gap": 7},
        "oracle": {"step": 20, "score": 52, "gap": 0},
    }
    assert found["chosen_by"] == "value" and found["looks"] == LOOKS


def test_of_equals_the_earlier_step_is_kept() -> None:
    found = selection(table(*[(50, 0.5, 60, 40)] * 3), chosen_by="last")["rules"]
    assert {rule: own["step"] for rule, own in found.items()} == {
        "last": 30, "value": 10, "entropy": 10, "agreement": 10, "oracle": 10,
    }  # fmt: skip


def test_without_labels_no_score_and_no_gap_is_told() -> None:
    found = selection(table((50, 0.5, None, None), (40, 0.4, None, None)), chosen_by="last")["rules"]
    assert found == {
        "last": {"step": 20, "score": None, "gap": None},
        "value": {"step": 10, "score": None, "gap": None},
        "entropy": {"step": 20, "score": None, "gap": None},
    }


def test_a_figure_that_some_look_lacks_keeps_no_step() -> None:
    rules = selection(table((50, 0.5, 70, None), (60, 0.4, None, 30)), chosen_by="last")["rules"]
    assert set(rules) == {"last", "value", "entropy"} and rules["last"]["gap"] is None


def test_a_rule_is_worth_more_the_higher_it_is_but_for_entropy() -> None:
    figures = Figures(value=60.0, entropy=0.5, agreement=80.0)
    assert (merit("value", figures), merit("entropy", figures), merit("agreement", figures)) == (60.0, -0.5, 80.0)
    with pytest.raises(AssertionError, match="agreement was not measured"):
        merit("agreement", Figures(value=60.0))
