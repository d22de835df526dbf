"""Training curves as hand-written SVG: small, sharp in print, and coloured by the page's own light and dark variables.

Invariants: no script, no external font, every string escaped; a curve's raw points are drawn thinly behind its running
mean. Reading and cleaning the points lives in `curves`.
"""

import math
from collections.abc import Sequence
from html import escape

from ds_stilts.report.curves import Curve, Points, smooth, thin

WIDTH, HEIGHT = 420, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 20, 12, 40
MAX_POINTS = 300
MIN_SPAN = 1e-6
"""Ranges narrower than this, absolutely or relative to their values, are drawn as flat."""
NUM_COLOURS = 6
"""Line colours in the style sheet (`.line-0` …, after Okabe & Ito); further tasks repeat them with dashes."""


def curve_svg(curve: Curve, *, label: str) -> str:
    """One phase's loss over steps as an `<svg>` element; `label` is read out by screen readers."""
    lines = _lines(curve)
    shown = [point for _, points, _ in lines for point in points] or list(curve.loss)
    if not shown:
        return ""
    x_max = max(step for step, _ in shown) or 1
    x_min = min(step for step, _ in shown)
    x_min = 0 if x_min <= x_max * 0.2 else x_min
    y_ticks = _loss_ticks(curve)
    y_min, y_max = y_ticks[0], y_ticks[-1]
    x_ticks = [tick for tick in ticks(x_min, x_max, 5) if x_min <= tick <= x_max]

    def x(step: float) -> float:
        return _LEFT + (step - x_min) / max(x_max - x_min, 1e-9) * (WIDTH - _LEFT - _RIGHT)

    def y(loss: float) -> float:
        clipped = min(max(loss, y_min), y_max)
        return HEIGHT - _BOTTOM - (clipped - y_min) / max(y_max - y_min, 1e-9) * (HEIGHT - _TOP - _BOTTOM)

    def path(points: Sequence[tuple[int, float]]) -> str:
        return "M" + "L".join(f"{x(step):.1f} {y(loss):.1f}" for step, loss in points)

    parts = [f'<svg class="curve" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for tick in y_ticks:
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in x_ticks:
        parts.append(f'<text x="{x(tick):.1f}" y="{HEIGHT - _BOTTOM + 16}" text-anchor="middle">{tick:g}</text>')
    parts.append(f'<text x="{(WIDTH + _LEFT - _RIGHT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">step</text>')
    if curve.loss:
        parts.append(f'<path class="raw" d="{path(thin(curve.loss, MAX_POINTS))}"/>')
    for index, points, name in lines:
        dashes = ' stroke-dasharray="5 3"' if index >= NUM_COLOURS else ""
        if len(points) == 1:
            step, loss = points[0]
            parts.append(f'<circle class="dot-{index % NUM_COLOURS}" cx="{x(step):.1f}" cy="{y(loss):.1f}" r="3"/>')
        parts.append(
            f'<path class="line-{index % NUM_COLOURS}"{dashes} d="{path(points)}"><title>{escape(name)}</title></path>'
        )
    return "".join([*parts, "</svg>"])


def num_beyond_frame(curve: Curve) -> int:
    """Logged points outside the drawn range of losses, which `curve_svg` draws on the frame's edge."""
    if not curve.loss:
        return 0
    y_ticks = _loss_ticks(curve)
    return sum(not y_ticks[0] <= loss <= y_ticks[-1] for _, loss in curve.loss)


def legend(curve: Curve) -> list[tuple[int, str]]:
    """(colour index, name) of each line that `curve_svg` draws."""
    return [(index % NUM_COLOURS, name) for index, _, name in _lines(curve)]


def smoothing_window(curve: Curve) -> int:
    """Logged points in the running mean: a twentieth of the curve, odd, at least one."""
    return max(1, len(curve.loss) // 20) | 1


def _lines(curve: Curve) -> list[tuple[int, Points, str]]:
    """The total loss for a phase of one task, else one line a task."""
    named = [("loss", curve.loss)] if len(curve.task_losses) < 2 else list(curve.task_losses.items())
    window = smoothing_window(curve)
    return [(i, thin(smooth(points, window), MAX_POINTS), name) for i, (name, points) in enumerate(named) if points]


def _loss_ticks(curve: Curve) -> list[float]:
    """Covers every line and the middle 98 % of the logged points: a single spike must not take up the whole frame."""
    logged = sorted(loss for _, loss in curve.loss)
    cut = len(logged) // 100
    values = logged[cut : len(logged) - cut] + [loss for _, points, _ in _lines(curve) for _, loss in points]
    return ticks(min(values), max(values), 5)


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round tick values (1, 2 or 5 × a power of ten apart) that enclose [low, high]."""
    span = high - low
    if span < MIN_SPAN * max(1.0, abs(high), abs(low)):
        span = max(abs(high), abs(low), MIN_SPAN)
    raw = span / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, max(last, first + 1) + 1)]
