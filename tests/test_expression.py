"""Expressions of t: what they are worth, and that nothing else of Python gets through."""

import numpy as np
import pytest

from ds_stilts.expression import evaluate

T = np.array([0.0, 0.25, 1.0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 - t", [1, 0.75, 0]),
        ("3", [3, 3, 3]),
        ("-t ** 2 + 2 * (t + 1) / 4", [0.5, 0.5625, 0]),
        ("max(0.1, t)", [0.1, 0.25, 1]),
        ("min(t, 0.5) + (t < 0.25) - (t >= 0.25)", [1, -0.75, -0.5]),
        ("exp(0 * t) + sqrt(t) + cos(0)", [2, 2.5, 3]),
        (" t<=0.25 ", [1, 1, 0]),
    ],
)
def test_an_expression_is_worth_what_it_says(text: str, expected: list[float]) -> None:
    assert evaluate(text, T).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(
    "text",
    ["__import__('os')", "t.real", "[t]", "x", "(lambda: 1)()", "max(t)", "max(t, 1, 2)", "exp(x=t)", "t if t else 1",
     "0 < t < 1", "True", "'a'", "t[0]", "t % 2", "min", "1j"],
)  # fmt: skip
def test_what_has_no_meaning_is_refused_and_not_run(text: str) -> None:
    with pytest.raises(ValueError, match="means nothing here; an expression is made of numbers, t, "):
        evaluate(text, T)


@pytest.mark.parametrize("text", ["", "1 +", "t t", "(" * 500 + "t" + ")" * 500])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no expression of t; it is made of numbers, t, \+ - \*"):
        evaluate(text, T)


@pytest.mark.parametrize(("text", "where"), [("1 / t", "0"), ("sqrt(0.5 - t)", "1"), ("exp(1000 * t)", "1")])
def test_a_value_that_is_not_finite_is_named_with_its_t(text: str, where: str) -> None:
    with pytest.raises(ValueError, match=f"has no finite value at t = {where}"):
        evaluate(text, T)
