"""The run as a whole: mean differences over comparable targets, and one careful sentence in numbers.

Invariants: arms are compared over the same targets, those that every compared arm has scored and whose training data no
arm has seen in its intermediate phase (otherwise "gain" would include more training on the target's own data). Targets
with perturbed texts have rows of their own and are in no mean. With one
seed nothing is said about significance or about which arm is better in general.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from ds_stilts.report.collect import Run
from ds_stilts.report.numbers import count, points, signed
from ds_stilts.report.published import Published, beside_published
from ds_stilts.report.summary import DifferenceIntervals, Extreme, TargetSummary, mean, summarise_targets
from ds_stilts.report.totals import BenchmarkTotals, run_totals
from ds_stilts.tasks.perturbed import is_perturbed


@dataclass(frozen=True, kw_only=True)
class ArmComparison:
    """One arm against the baseline, over the common targets."""

    arm: str
    mean_difference: float
    worst: Extreme
    """The single language with the lowest difference."""


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Everything that reports show, unrounded; written as `summary.json`."""

    name: str
    baseline: str
    arms: tuple[str, ...]
    """Arms with at least one score, baseline first where it has one."""
    verdict: str
    common_targets: tuple[str, ...]
    """Targets that the mean differences are taken over."""
    overlapping_targets: tuple[str, ...]
    """Targets left out because an arm's intermediate tasks contain their training data."""
    comparisons: tuple[ArmComparison, ...]
    """Largest mean difference first."""
    mean_scores: Mapping[str, float]
    """Mean over `common_targets` of each arm's score; where only the baseline is scored, over all scored targets whose
    texts are not perturbed."""
    targets: tuple[TargetSummary, ...]
    not_scored: tuple[tuple[str, str], ...]
    """(arm, target) pairs of the recipe without scores yet."""
    seeds: tuple[int, ...]
    published: Published
    totals: tuple[BenchmarkTotals, ...]
    """Of benchmarks that the run has scored any task of."""


def summarise(run: Run, intervals: DifferenceIntervals | None = None) -> Summary:
    """Compute everything a report shows from a run folder's values.

    Args:
        intervals: of the differences between arms; None: no rows were looked at.
    """
    targets = summarise_targets(run, intervals or {})
    arms = tuple(arm for arm in run.arms if any(arm in target.arms for target in targets))
    compared = [arm for arm in arms if arm != run.baseline]
    counted = [target for target in targets if not is_perturbed(target.name)] or list(targets)
    overlapping = [target for target in counted if any(result.overlap != "none" for result in target.arms.values())]
    common = [
        target
        for target in counted
        if compared
        and target not in overlapping
        and all(arm in target.arms and target.arms[arm].difference is not None for arm in compared)
    ]
    comparisons = sorted(
        (_compare(arm, common) for arm in compared if common), key=lambda item: item.mean_difference, reverse=True
    )
    over = common if compared else counted
    mean_scores = {arm: mean(target.arms[arm].score for target in over if arm in target.arms) for arm in arms}
    return Summary(
        name=run.name,
        baseline=run.baseline,
        arms=arms,
        verdict=_sentence(run, compared, counted, common, overlapping, comparisons, mean_scores.get(run.baseline)),
        common_targets=tuple(target.name for target in common),
        overlapping_targets=tuple(target.name for target in overlapping),
        comparisons=tuple(comparisons),
        mean_scores={arm: value for arm, value in mean_scores.items() if value is not None},
        targets=targets,
        not_scored=tuple(
            (arm, target) for arm in run.arms for target in run.targets if (arm, target) not in run.scores
        ),
        seeds=tuple(sorted({scores.seed for scores in run.scores.values() if scores.seed is not None})),
        published=beside_published(run),
        totals=run_totals(run),
    )


def _compare(arm: str, common: list[TargetSummary]) -> ArmComparison:
    results = [target.arms[arm] for target in common]
    difference = mean(result.difference for result in results)
    worst = [result.worst_difference for result in results if result.worst_difference is not None]
    assert difference is not None and worst, "common targets have a difference for every compared arm"
    return ArmComparison(arm=arm, mean_difference=difference, worst=min(worst, key=lambda extreme: extreme.value))


def _sentence(
    run: Run,
    compared: list[str],
    targets: list[TargetSummary],
    common: list[TargetSummary],
    overlapping: list[TargetSummary],
    comparisons: list[ArmComparison],
    baseline_score: float | None,
) -> str:
    """One sentence; percentage points throughout."""
    titles = {target.name: target.title for target in targets}
    if not compared:
        yet = "" if len(run.arms) == 1 else " so far"
        scored = sum(run.baseline in target.arms for target in targets)
        return (
            f"Only the baseline “{run.baseline}” is scored{yet}: mean score {points(baseline_score)} over "
            f"{count(scored, 'target')}, with nothing to compare it with."
        )
    if not common:
        if not any(run.baseline in target.arms for target in targets):
            return f"The baseline “{run.baseline}” has no scores yet, so no differences are given."
        reason = (
            "every target shares its training data with some arm's intermediate tasks"
            if overlapping and len(overlapping) == len(targets)
            else "no target without training overlap has comparable scores in every arm yet"
        )
        return f"No mean difference from “{run.baseline}” is given: {reason}; the tables below show each target."
    best, *others = comparisons
    left_out = f" ({len(overlapping)} with training overlap left out)" if overlapping else ""
    worst = f"{best.worst.language.name} on “{titles[best.worst.target]}” ({signed(best.worst.value)})"
    rest = ""
    if len(others) == 1:
        rest = f"; “{others[0].arm}” lies at {signed(others[0].mean_difference)}"
    elif others:
        low, high = others[-1].mean_difference, others[0].mean_difference
        rest = f"; the other {len(others)} arms lie between {signed(low)} and {signed(high)}"
    gain = f"{signed(best.mean_difference)} points on average over {count(len(common), 'target')}{left_out}"
    lead = (
        f"Arm “{best.arm}” has the largest mean difference from “{run.baseline}”, {gain}"
        if others
        else f"Arm “{best.arm}” differs from “{run.baseline}” by {gain}"
    )
    caution = "this is one training seed, so differences of this size may be chance"
    return f"{lead}; its worst language is {worst}{rest}; {caution}."
