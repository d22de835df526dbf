"""Scores of every hidden state that a target's texts were searched with, and which of them counts."""

from ds_stilts.report.collect import Sweep
from ds_stilts.report.numbers import NOTHING, points
from ds_stilts.report.summary import TargetSummary


def has_sweep(target: TargetSummary) -> bool:
    """Whether several hidden states were searched."""
    return any(result.sweep for result in target.arms.values())


def sweep_sentence(target: TargetSummary) -> str:
    """Which hidden state counts, of which arm, and why."""
    parts = []
    for arm, result in target.arms.items():
        if found := result.sweep:
            why = f"chosen on the {found.chosen_on}, which is not scored" if found.chosen_on else "the recipe's"
            parts.append(f"{arm}: state {found.layer} counts, {why}")
    return "; ".join(parts) + ". The highest is an oracle: it was found on what it is scored on."


def sweep_rows(target: TargetSummary) -> list[list[str]]:
    """Hidden state, then each arm's score, with a mark on the one that counts and on the oracle."""
    states = sorted({layer for result in target.arms.values() if result.sweep for layer in result.sweep.layers})
    return [[str(layer), *(_swept(result.sweep, layer) for result in target.arms.values())] for layer in states]


def _swept(sweep: Sweep | None, layer: int) -> str:
    if sweep is None or layer not in sweep.layers:
        return NOTHING
    marks = [text for text, marked in (("counts", sweep.layer), ("oracle", sweep.oracle)) if layer == marked]
    return points(sweep.layers[layer].score) + (f" ({', '.join(marks)})" if marks else "")
