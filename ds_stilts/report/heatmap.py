"""Language × target heat maps as values and colour steps; the page draws them as plain HTML tables.

Invariants: colour is a second channel only, every cell shows its number, and a missing value has its own look. Colours
are discrete steps, so that each background and its text can be checked for contrast, in light and in dark. The
diverging scale runs orange–neutral–blue, which deuteranopes, protanopes and tritanopes all tell apart.
"""

from dataclasses import dataclass
from typing import Literal

from ds_stilts.report.facts import LanguageFacts, word_order_key
from ds_stilts.report.summary import mean
from ds_stilts.report.verdict import Summary

TEXT = {"light": "#1b1d21", "dark": "#f1f2f4"}
"""Text on every coloured cell."""
DIVERGING = {
    "light": ("#e0903f", "#ebb277", "#f3cfa8", "#f9e7d3", "#f3f3f1", "#dbe8f4", "#b6d3ec", "#8bb9e2", "#5f9dd6"),
    "dark": ("#8c5a17", "#71491a", "#55391a", "#3d2e1d", "#2b2e33", "#20374d", "#204769", "#205888", "#2169a6"),
}
"""Nine steps from a loss to a gain; the middle one is "about no difference"."""
SEQUENTIAL = {
    "light": ("#f5f5f2", "#e4eee6", "#cfe3d4", "#b5d6bf", "#97c7a7", "#79b790"),
    "dark": ("#2a2d31", "#26382f", "#234433", "#205138", "#1d5f3e", "#1b6d45"),
}
"""Six steps from 0 to 100."""
_LIMITS = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One cell: its value and its colour step; both None where there is nothing to show."""

    value: float | None
    step: int | None


@dataclass(frozen=True, kw_only=True)
class HeatRow:
    language: LanguageFacts
    tiles: tuple[Tile, ...]
    mean: Tile
    """Over the targets that count (differences: the common ones; scores: none is taken, metrics differ)."""


@dataclass(frozen=True, kw_only=True)
class HeatMap:
    """One arm; rows in groups of the same word order."""

    arm: str
    kind: Literal["difference", "score"]
    targets: tuple[str, ...]
    groups: tuple[tuple[str, tuple[HeatRow, ...]], ...]
    limit: float
    """Differences beyond ± this have the outermost colour; 100 for scores."""


def heat_maps(summary: Summary) -> tuple[HeatMap, ...]:
    """Difference maps of the arms that can be compared, then a score map of every arm; one scale for all of a kind."""
    limit = difference_limit(
        [
            cell.difference
            for target in summary.targets
            for row in target.languages
            for cell in row.cells.values()
            if cell.difference is not None
        ]
    )
    differences = tuple(_map(summary, arm, "difference", limit) for arm in summary.arms if arm != summary.baseline)
    scores = tuple(_map(summary, arm, "score", 100.0) for arm in summary.arms)
    return tuple(item for item in differences if _has_values(item)) + scores


def _has_values(item: HeatMap) -> bool:
    return any(tile.value is not None for _, rows in item.groups for row in rows for tile in row.tiles)


def difference_limit(differences: list[float]) -> float:
    """Smallest round number that 95 % of the absolute differences stay within: one outlier must not pale the rest."""
    if not differences:
        return _LIMITS[0]
    ordered = sorted(abs(value) for value in differences)
    high = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return next((limit for limit in _LIMITS if limit >= high), _LIMITS[-1])


def diverging_step(value: float, limit: float) -> int:
    """0 … 8, 4 in the middle; steps are equally wide between −limit and +limit, symmetric around zero."""
    width = 2 * limit / len(DIVERGING["light"])
    magnitude = min(int(abs(value) / width + 0.5), 4)
    return 4 + magnitude if value >= 0 else 4 - magnitude


def sequential_step(value: float) -> int:
    """0 … 5 for a score in percent."""
    return min(max(int(value / 100 * 6), 0), 5)


def _map(summary: Summary, arm: str, kind: Literal["difference", "score"], limit: float) -> HeatMap:
    values: dict[str, dict[str, float]] = {}
    languages: dict[str, LanguageFacts] = {}
    for target in summary.targets:
        for row in target.languages:
            cell = row.cells.get(arm)
            value = None if cell is None else (cell.difference if kind == "difference" else cell.score)
            if cell is not None:
                languages[row.language.code] = row.language
            if value is not None:
                values.setdefault(row.language.code, {})[target.name] = value

    def tile(value: float | None) -> Tile:
        if value is None:
            return Tile(value=None, step=None)
        return Tile(value=value, step=diverging_step(value, limit) if kind == "difference" else sequential_step(value))

    groups: dict[str, list[HeatRow]] = {}
    for language in sorted(languages.values(), key=LanguageFacts.sort_key):
        mine = values.get(language.code, {})
        counted = [mine.get(name) for name in summary.common_targets] if kind == "difference" else []
        groups.setdefault(language.word_order, []).append(
            HeatRow(
                language=language,
                tiles=tuple(tile(mine.get(target.name)) for target in summary.targets),
                mean=tile(mean(counted)),
            )
        )
    ordered = tuple((order, tuple(groups[order])) for order in sorted(groups, key=word_order_key))
    return HeatMap(
        arm=arm, kind=kind, targets=tuple(target.name for target in summary.targets), groups=ordered, limit=limit
    )
