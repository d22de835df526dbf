"""Forest plot, gain against distance, loss over tokens, lines over steps and seed strips as hand-written SVG, in the
look of `ds_stilts.report.plots`.

Invariants: no script, no font from elsewhere, every string escaped; what a colour says is said by the marker's shape
and in words too. Labels stand above their line, so that a plot stays readable at a phone's width.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from ds_stilts.report.curves import Points
from ds_stilts.report.numbers import signed
from ds_stilts.report.plots import ticks
from ds_stilts.statistics.bootstrap import Interval
from ds_stilts.studies.report.document import TONES
from ds_stilts.studies.report.learning import Learning
from ds_stilts.studies.report.typology import Line

WIDTH = 390
_LEFT, _RIGHT, _TOP, _BOTTOM = 14, 14, 8, 38
_ROW = 42
_HEIGHT = 270
_LETTER = 6.5
"""Width of a letter of a name, about."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One estimate in a forest plot."""

    label: str
    verdict: str
    estimate: float
    interval: Interval | None
    band: Interval | None
    """What was predicted, as a range; None: a sign, or nothing."""
    dots: tuple[float, ...] = ()
    """Values of the single seeds."""


class _Axis:
    """A horizontal axis with 0 in it."""

    def __init__(self, values: Sequence[float], left: float = _LEFT) -> None:
        self.ticks = ticks(min(0.0, *values), max(0.0, *values), 5)
        self._low, self._high, self._left = self.ticks[0], self.ticks[-1], left

    def at(self, value: float) -> float:
        inside = min(max(value, self._low), self._high)
        return self._left + (inside - self._low) / (self._high - self._low) * (WIDTH - self._left - _RIGHT)


def forest_svg(bars: Sequence[Bar], *, label: str, unit: str) -> str:
    """Estimates under one another: each with its interval, its seeds as small dots, and what was predicted as band."""
    values = [value for bar in bars for value in (bar.estimate, *(bar.interval or ()), *(bar.band or ()), *bar.dots)]
    axis = _Axis(values)
    height = _TOP + _ROW * len(bars) + _BOTTOM
    parts = [_open(height, label), *_grid(axis, height, unit)]
    for place, bar in enumerate(bars):
        top = _TOP + _ROW * place
        y = top + 29
        if bar.band:
            low, high = axis.at(bar.band[0]), axis.at(bar.band[1])
            parts.append(f'<rect class="band" x="{low:.1f}" y="{top + 18}" width="{high - low:.1f}" height="22"/>')
        parts.append(f'<text class="name" x="{_LEFT}" y="{top + 13}">{escape(bar.label)}</text>')
        if bar.interval:
            low, high = axis.at(bar.interval[0]), axis.at(bar.interval[1])
            parts.append(
                f'<path class="whisker" d="M{low:.1f} {y}H{high:.1f}M{low:.1f} {y - 5}v10M{high:.1f} {y - 5}v10"/>'
            )
        for dot in bar.dots:
            parts.append(f'<circle class="seed" cx="{axis.at(dot):.1f}" cy="{y}" r="3.2"/>')
        parts.append(_marker(axis.at(bar.estimate), y, bar))
    return "".join([*parts, "</svg>"])


def _marker(x: float, y: float, bar: Bar) -> str:
    """Filled circle: confirmed; square: refuted; ring: inconclusive; diamond: only an estimate."""
    title = f"<title>{escape(f'{bar.label}: {signed(bar.estimate)}')}</title>"
    tone = TONES.get(bar.verdict, "quiet")
    if tone == "bad":
        return f'<rect class="mark bad" x="{x - 5:.1f}" y="{y - 5}" width="10" height="10">{title}</rect>'
    if tone == "quiet":
        return f'<path class="mark quiet" d="M{x:.1f} {y - 6}l6 6l-6 6l-6 -6z">{title}</path>'
    return f'<circle class="mark {tone}" cx="{x:.1f}" cy="{y}" r="5.5">{title}</circle>'


def scatter_svg(
    dots: Mapping[str, tuple[float, float]],
    line: Line | None,
    *,
    across: Interval,
    span: Interval,
    under: str,
    label: str,
) -> str:
    """Gains over a fact: a named dot each, a straight line and, if it has one, its band.

    Args:
        dots: (fact, gain).
        across, span: what the horizontal and the upward axis have to hold.
        under: what the fact is.
    """
    frame = Frame(across, span)
    parts = [*frame.drawn(label, under, across="{:g}".format, up=signed_tick)]
    x, y = frame.x, frame.y
    if line:
        if line.low:
            parts.append(_area(line.x, line.low, line.high, x, y))
        parts.append(f'<path class="line-0" d="{_path(list(zip(line.x, line.y, strict=True)), x, y)}"/>')
    taken: list[tuple[float, float, float]] = []
    for name, (at_x, at_y) in sorted(dots.items(), key=lambda item: item[1]):
        dot_x, dot_y = x(at_x), y(at_y)
        title = f"<title>{escape(f'{name} {signed(at_y)}')}</title>"
        parts.append(f'<circle class="dot-0" cx="{dot_x:.1f}" cy="{dot_y:.1f}" r="3.5">{title}</circle>')
        width = _LETTER * len(name)
        left, middle = -width - 7, -width / 2
        for dx, dy in ((7, 4), (left, 4), (7, 15), (7, -7), (left, 15), (left, -7), (middle, -9), (middle, 18)):
            at, line_y = dot_x + dx, dot_y + dy
            if (
                at > 0
                and at + width < WIDTH
                and all(at > right or at + width < begin or abs(line_y - other) > 10 for begin, right, other in taken)
            ):  # where dots crowd, the table beside has the names
                taken.append((at, at + width, line_y))
                parts.append(f'<text class="name" x="{at:.1f}" y="{line_y:.1f}">{escape(name)}</text>')
                break
    return "".join([*parts, "</svg>"])


def learning_svg(phases: Sequence[Learning], *, label: str) -> str:
    """Loss over tokens of an arm's phases, one after another: the mean over seeds and the band of all seeds."""
    ends = [tokens for phase in phases for tokens in phase.tokens]
    heights = [loss for phase in phases for loss in (*phase.low, *phase.high)]
    frame = Frame([0.0, *ends], (min(heights), max(heights)))
    parts = frame.drawn(label, "tokens", across=_amount, up="{:g}".format)
    x, y = frame.x, frame.y
    for phase in phases:
        points = list(zip(phase.tokens, phase.mean, strict=True))
        title = f"<title>{escape(phase.phase)}</title>"
        if phase.seeds > 1:
            parts.append(_area(phase.tokens, phase.low, phase.high, x, y))
        parts.append(f'<path class="line-0" d="{_path(points, x, y)}">{title}</path>')
        if len(points) == 1:
            parts.append(f'<circle class="dot-0" cx="{x(points[0][0]):.1f}" cy="{y(points[0][1]):.1f}" r="3.5"/>')
    return "".join([*parts, "</svg>"])


def steps_svg(lines: Mapping[str, Points], *, span: Interval, unit: str, label: str) -> str:
    """A line over the steps of a phase for each name, which stands at its end; a dot for each point.

    Args:
        lines: (step, value), steps ascending; at most as many as there are colours.
        span: what the upward axis has to hold.
        unit: stands below.
    """
    frame = Frame([0.0, *(step for points in lines.values() for step, _ in points)], span)
    parts = frame.drawn(label, unit, across="{:g}".format, up="{:g}".format)
    for place, (name, points) in enumerate(lines.items()):
        parts.append(f'<path class="line-{place}" d="{_path(points, frame.x, frame.y)}"/>')
        for step, value in points:
            title = f"<title>{escape(f'{name} at step {step}: {value:.3f}')}</title>"
            spot = f'cx="{frame.x(step):.1f}" cy="{frame.y(value):.1f}"'
            parts.append(f'<circle class="dot-{place}" {spot} r="2.5">{title}</circle>')
    lowest = -math.inf
    for name, points in sorted(lines.items(), key=lambda item: -item[1][-1][1]):  # from the top of the plot down
        step, value = points[-1]
        lowest = max(frame.y(value) + 4, lowest + 11)
        parts.append(f'<text class="name" x="{frame.x(step) + 6:.1f}" y="{lowest:.1f}">{escape(name)}</text>')
    return "".join([*parts, "</svg>"])


class Frame:
    """Two axes with round ticks around values.

    Args:
        across: values that the horizontal axis holds.
        up: lowest and highest value of the vertical one.
    """

    _AT = 44

    def __init__(self, across: Sequence[float], up: Interval) -> None:
        self._across, self._up = ticks(min(across), max(across), 5), ticks(*up, 5)

    def x(self, value: float) -> float:
        low, high = self._across[0], self._across[-1]
        return self._AT + 8 + (value - low) / (high - low) * (WIDTH - self._AT - _RIGHT - 24)

    def y(self, value: float) -> float:
        low, high = self._up[0], self._up[-1]
        inside = min(max(value, low), high)
        return _HEIGHT - _BOTTOM - (inside - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM)

    def drawn(self, label: str, under: str, *, across: Callable[[float], str], up: Callable[[float], str]) -> list[str]:
        """The opening tag, the grid and the words of both axes; `across` and `up` write their numbers."""
        parts, left = [_open(_HEIGHT, label)], self._AT
        for tick in self._up:
            zero = " zero" if tick == 0 else ""
            height = f"{self.y(tick):.1f}"
            parts.append(f'<line class="grid{zero}" x1="{left}" x2="{WIDTH - _RIGHT}" y1="{height}" y2="{height}"/>')
            parts.append(f'<text x="{left - 6}" y="{self.y(tick) + 4:.1f}" text-anchor="end">{up(tick)}</text>')
        for tick in self._across:
            at = f"{self.x(tick):.1f}"
            parts.append(f'<text x="{at}" y="{_HEIGHT - _BOTTOM + 16}" text-anchor="middle">{across(tick)}</text>')
        middle = (WIDTH + left - _RIGHT) / 2
        parts.append(f'<text x="{middle:.0f}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(under)}</text>')
        return parts


def _area(
    at: Sequence[float],
    low: Sequence[float],
    high: Sequence[float],
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> str:
    edge = [*zip(at, high, strict=True), *reversed(list(zip(at, low, strict=True)))]
    return f'<path class="area" d="{_path(edge, x, y)}Z"/>'


def _path(points: Sequence[tuple[float, float]], x: Callable[[float], float], y: Callable[[float], float]) -> str:
    return "M" + "L".join(f"{x(across):.1f} {y(up):.1f}" for across, up in points)


def _open(height: int, label: str) -> str:
    return f'<svg class="curve" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">'


def _grid(axis: _Axis, height: int, unit: str) -> list[str]:
    parts, bottom = [], height - _BOTTOM
    for tick in axis.ticks:
        zero = " zero" if tick == 0 else ""
        parts.append(
            f'<line class="grid{zero}" x1="{axis.at(tick):.1f}" x2="{axis.at(tick):.1f}" y1="{_TOP}" y2="{bottom}"/>'
        )
        parts.append(f'<text x="{axis.at(tick):.1f}" y="{bottom + 15}" text-anchor="middle">{signed_tick(tick)}</text>')
    parts.append(f'<text x="{WIDTH / 2:.0f}" y="{height - 6}" text-anchor="middle">{escape(unit)}</text>')
    return parts


def signed_tick(value: float) -> str:
    """A number beside an axis: "+2", "−0.5", "0"."""
    return f"{value:+g}".replace("-", "−") if value else "0"


def _amount(value: float) -> str:
    """A number of tokens in few characters: "0", "500", "20k", "1.5M", "2G"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
