"""Gain over an amount as hand-written SVG, in the look of `ds_stilts.studies.report.plots`."""

from html import escape

from ds_stilts.report.numbers import signed
from ds_stilts.studies.report.plots import Frame, signed_tick
from ds_stilts.studies.report.scaling import Scaled

_BESIDE = 0.012
"""Lines stand so far beside one another, as a share of the axis, that whiskers do not hide each other."""


def scaling_svg(scaled: Scaled, *, label: str) -> str:
    """A line for each group of scores: mean gains with their intervals, single arms as small dots."""
    scaling = scaled.asked
    found = {
        line: [(amount, one) for amount, one in own.amounts.items() if one.estimate is not None]
        for line, own in scaled.lines.items()
    }
    ends = [
        value
        for own in found.values()
        for _, one in own
        for value in (one.estimate or 0.0, *((one.found.interval or ()) if one.found else ()))
    ]
    dots = [one.estimate for own in scaled.lines.values() for one in own.arms.values() if one.estimate is not None]
    heights = [0.0, *ends, *dots]
    frame = Frame((0.0, max(scaling.arms)), (min(heights), max(heights)))
    parts = frame.drawn(label, scaling.amount, across="{:g}".format, up=signed_tick)
    wide, lowest = max(scaling.arms) * _BESIDE, float("-inf")
    for place, (line, own) in enumerate(found.items()):
        aside = wide * (place - (len(found) - 1) / 2)
        for amount, name in scaling.named:
            one = scaled.lines[line].arms[name]
            if one.estimate is not None and len(scaling.arms[amount]) > 1:
                spot = f'cx="{frame.x(amount + aside):.1f}" cy="{frame.y(one.estimate):.1f}"'
                title = f"<title>{escape(f'{name}, {line}: {signed(one.estimate)}')}</title>"
                parts.append(f'<circle class="seed" {spot} r="2.5">{title}</circle>')
        spots = [(frame.x(amount + aside), frame.y(one.estimate or 0.0)) for amount, one in own]
        if spots:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in spots)
            parts.append(f'<path class="line-{place}" d="M{path}"/>')
        for (amount, one), (x, y) in zip(own, spots, strict=True):
            if one.found and one.found.interval:
                low, high = map(frame.y, one.found.interval)
                parts.append(f'<path class="line-{place}" d="M{x:.1f} {low:.1f}V{high:.1f}"/>')
            title = f"<title>{escape(f'{line} at {amount:g}: {signed(one.estimate)}')}</title>"
            parts.append(f'<circle class="dot-{place}" cx="{x:.1f}" cy="{y:.1f}" r="3.5">{title}</circle>')
    ends_at = {line: own[-1] for line, own in found.items() if own}
    for line, (amount, one) in sorted(ends_at.items(), key=lambda item: -(item[1][1].estimate or 0.0)):
        lowest = max(frame.y(one.estimate or 0.0) - 7, lowest + 12)
        spot = f'x="{frame.x(amount) - 8:.1f}" y="{lowest:.1f}" text-anchor="end"'
        parts.append(f'<text class="name" {spot}>{escape(line)}</text>')
    return "".join([*parts, "</svg>"])
