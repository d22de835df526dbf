"""Which step of a phase each rule would keep, of what its validations have found; and what that would have cost.

Rules (Keung et al. 2020, arXiv:2010.06127: dev scores in English tell little of the target languages):
  last       the last step
  value      the greatest value on the dev split, English unless the recipe says otherwise; the usual one
  entropy    the lowest mean entropy of predictions on texts without labels in the target languages
  agreement  the greatest agreement of these predictions with those for the same items in the training language,
             beyond chance (`ds_stilts.evaluation.label_free`)
  oracle     the greatest mean score over the target languages' own dev labels; only ever shown

Pure functions. Of equals the earlier step is kept. What a choice may rest on is a `Figures`, which has no place for
what target languages' labels say.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Literal

Rule = Literal["value", "entropy", "agreement"]
RULES = {"last": 0, "value": 1, "entropy": -1, "agreement": 1, "oracle": 1}
"""Every rule, and whether of its figure more (1) or less (-1) is better; the last step has none."""


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What a choice may rest on."""

    value: float
    """Mean over tasks, in percent."""
    entropy: float | None = None
    """In nats, the mean over languages."""
    agreement: float | None = None
    """Beyond chance, in percent, the mean over languages."""


@dataclass(frozen=True, kw_only=True)
class Look:
    """What one validation has found."""

    values: Mapping[str, float]
    """Of each task, in percent, the higher the better."""
    entropy: float | None = None
    agreement: float | None = None
    """Both as in `Figures`; None where they were not measured."""
    oracle: float | None = None
    """In percent, the mean score over languages by labels that nothing is chosen by; None where they were not read."""
    shown: Mapping[str, Any] = field(default_factory=dict)
    """Goes into the record of the validation, beside its value."""
    points: Mapping[str, float] = field(default_factory=dict)
    """Further curves, by name."""
    said: Sequence[str] = ()
    """Clauses of the progress line."""

    @property
    def figures(self) -> Figures:
        return Figures(value=fmean(self.values.values()), entropy=self.entropy, agreement=self.agreement)


def merit(rule: Rule, figures: Figures) -> float:
    """What a rule holds a validation to be worth, the higher the better."""
    found: float | None = getattr(figures, rule)
    assert found is not None, f"{rule} was not measured"
    return RULES[rule] * found


def noted(step: int, look: Look) -> dict[str, Any]:
    """What is remembered of a validation, as plain values."""
    found = look.figures
    return {
        "step": step,
        "value": found.value,
        "entropy": found.entropy,
        "agreement": found.agreement,
        "oracle": look.oracle,
    }


def selection(looks: Sequence[Mapping[str, Any]], *, chosen_by: Rule | Literal["last"]) -> dict[str, Any]:
    """The step that each rule keeps and, where labels were read, its score and how far that is below the best.

    Args:
        looks: of each validation what `noted` gave, steps ascending; at least one.
        chosen_by: the rule that the phase kept its weights by.

    Returns:
        Plain values: "chosen_by"; "rules", by rule "step", "score" (percent, None where unknown) and "gap" (points);
        "looks". Rules whose figure was not measured throughout are left out.
    """
    oracle = [look["oracle"] for look in looks]
    steps = {"last": looks[-1]["step"]}
    for rule, sign in RULES.items():
        if sign and all(look[rule] is not None for look in looks):
            found = [sign * look[rule] for look in looks]
            steps[rule] = looks[found.index(max(found))]["step"]
    score_at = {look["step"]: look["oracle"] for look in looks}
    best = None if None in oracle else max(oracle)
    rules = {
        rule: {
            "step": step,
            "score": score_at[step],
            "gap": None if best is None else best - score_at[step],
        }
        for rule, step in steps.items()
    }
    return {"chosen_by": chosen_by, "rules": rules, "looks": [dict(look) for look in looks]}
