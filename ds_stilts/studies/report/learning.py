"""Learning curves of a study's intermediate arms: loss over tokens, put together over seeds.

A stage logs losses by step; its ledger has its tokens, which are spread evenly over the steps (exactly so where a step
is a number of tokens, on average where it is a number of examples). Only finished stages have a ledger, and are drawn.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ds_stilts.plan import arm_stages
from ds_stilts.recipe_merging import Merge
from ds_stilts.report.curves import Curve, read_curve, smooth, thin
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.ledger import read_ledger

MAX_POINTS = 200


@dataclass(frozen=True, kw_only=True)
class Learning:
    """One intermediate phase of an arm. Losses are running means over a twentieth of the logged steps."""

    phase: str
    """The arm, or "ARM/2" for the second phase of a sequence."""
    tasks: tuple[str, ...]
    seeds: int
    """Intermediate seeds whose stage is finished."""
    begin: float
    """Tokens of the arm's phases before it."""
    tokens: tuple[float, ...]
    """From the beginning of the arm's first phase, mean over seeds, ascending: one for each step that all seeds logged.
    """
    mean: tuple[float, ...]
    """Over seeds."""
    low: tuple[float, ...]
    """Of the seed that has the lowest loss there."""
    high: tuple[float, ...]
    num_not_finite: int
    """Logged losses that were NaN or infinite."""


@dataclass(frozen=True, kw_only=True)
class _Seed:
    """A finished phase of one seed."""

    curve: Curve
    losses: Mapping[int, float]
    """Smoothed, by step."""
    tokens: float
    steps: int


def learning(runs: Iterable[StudyRun], folder: Path) -> dict[str, tuple[Learning, ...]]:
    """The phases of each arm that has any finished, in their order.

    Args:
        runs: of a study.
        folder: the study's.
    """
    found: dict[str, dict[str, dict[int, _Seed]]] = {}
    tasks: dict[str, tuple[str, ...]] = {}
    for run in runs:
        for arm in run.arms:
            for stage, phase in arm_stages(run.recipe, arm).items():
                if isinstance(phase, Merge):  # learned nothing itself
                    continue
                name = stage.removeprefix("arms/")
                tasks[name] = tuple(phase.tasks)
                seeds = found.setdefault(arm, {}).setdefault(name, {})
                if run.seed.intermediate not in seeds:  # target seeds nested in it share the stage
                    seed = _seed(folder / run.folder / stage, name)
                    if seed is not None:
                        seeds[run.seed.intermediate] = seed
    made = {arm: _phases(phases, tasks) for arm, phases in found.items()}
    return {arm: phases for arm, phases in made.items() if phases}


def _seed(place: Path, name: str) -> _Seed | None:
    ledger = read_ledger(place)
    curve = read_curve(place / "metrics.jsonl", phase=name)
    if curve is None or not curve.loss or not ledger.get("steps"):
        return None
    window = max(1, len(curve.loss) // 20) | 1
    losses = dict(smooth(curve.loss, window))
    return _Seed(curve=curve, losses=losses, tokens=float(ledger["tokens"]), steps=int(ledger["steps"]))


def _phases(phases: Mapping[str, Mapping[int, _Seed]], tasks: Mapping[str, tuple[str, ...]]) -> tuple[Learning, ...]:
    made = []
    before = 0.0
    for name, seeds in phases.items():
        found = list(seeds.values())
        curve = _over_seeds(found) if found else {}
        if not curve:
            break  # where the next phase begins is not known
        made.append(
            Learning(
                phase=name,
                tasks=tasks[name],
                seeds=len(found),
                begin=before,
                tokens=tuple(before + fmean(seed.tokens / seed.steps for seed in found) * step for step in curve),
                mean=tuple(fmean(losses) for losses in curve.values()),
                low=tuple(min(losses) for losses in curve.values()),
                high=tuple(max(losses) for losses in curve.values()),
                num_not_finite=sum(seed.curve.num_not_finite for seed in found),
            )
        )
        before += fmean(seed.tokens for seed in found)
    return tuple(made)


def _over_seeds(seeds: Sequence[_Seed]) -> dict[int, list[float]]:
    """By step that all seeds logged, each one's loss."""
    common = sorted(set.intersection(*(set(seed.losses) for seed in seeds)))
    kept = [step for step, _ in thin([(step, 0.0) for step in common], MAX_POINTS)]
    return {step: [seed.losses[step] for seed in seeds] for step in kept}
