"""The report as one HTML page that opens offline: inline style and SVG, no script, nothing loaded from anywhere.

Invariants: every string of a run is escaped (Jinja2 autoescape; a missing name in a template is an error), and the
numbers are those of `Summary`. Layout lives in `templates/`; nothing is computed here but how things look.
"""

from typing import Any

from ds_stilts.report import heatmap, plots
from ds_stilts.report.collect import Run
from ds_stilts.report.curves import Curve
from ds_stilts.report.heatmap import diverging_step, heat_maps
from ds_stilts.report.kinds import KINDS
from ds_stilts.report.markdown import (
    ECE,
    GEOMETRY,
    INTERVALS,
    KINDS_TEXT,
    PUBLISHED,
    TOTALS,
    has_ece,
    has_geometry,
    has_intervals,
    lacking_of,
    overlap_sentence,
    overlap_text,
    zero_shot_text,
)
from ds_stilts.report.numbers import NOTHING, between, count, points, signed, signed_between
from ds_stilts.report.paper import with_paper
from ds_stilts.report.provenance import SCORE_COLUMNS, provenance
from ds_stilts.report.summary import ArmResult, TargetSummary
from ds_stilts.report.sweep import has_sweep, sweep_rows, sweep_sentence
from ds_stilts.report.verdict import Summary


def render_html(run: Run, summary: Summary) -> str:
    """The whole page as text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("ds_stilts.report", "templates"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(points=points, signed=signed, between=between, signed_between=signed_between)
    maps = heat_maps(summary)
    limit = next((item.limit for item in maps if item.kind == "difference"), 1.0)
    page = environment.get_template("report.html.j2").render(
        run=run,
        summary=summary,
        others=[arm for arm in summary.arms if arm != summary.baseline],
        comparisons={item.arm: item for item in summary.comparisons},
        titles={target.name: target.title for target in summary.targets},
        maps=maps,
        limit=limit,
        step=lambda value: "" if value is None else f"d{diverging_step(value, limit)}",
        overlap_text=overlap_text,
        overlap_sentence=overlap_sentence,
        zero_shot=lambda row: zero_shot_text([cell.zero_shot for cell in row.cells.values()]),
        compared=_compared,
        intervals=INTERVALS if has_intervals(summary) else "",
        has_ece=has_ece,
        ece_text=ECE,
        has_geometry=has_geometry,
        geometry_text=GEOMETRY,
        has_sweep=has_sweep,
        sweep_rows=sweep_rows,
        sweep_sentence=sweep_sentence,
        published_text=PUBLISHED,
        totals_text=TOTALS,
        lacking_of=lacking_of,
        kinds=KINDS,
        kinds_text=KINDS_TEXT,
        overlapping=lambda arm, name: _overlaps(summary, arm, name),
        curves=[_curve(curve) for curve in run.curves],
        provenance=provenance(run),
        score_columns=SCORE_COLUMNS,
        colours={"text": heatmap.TEXT, "diverging": heatmap.DIVERGING, "sequential": heatmap.SEQUENTIAL},
        count=count,
        nothing=NOTHING,
    )
    return with_paper(page)


def _overlaps(summary: Summary, arm: str, target_name: str) -> bool:
    target = next(target for target in summary.targets if target.name == target_name)
    return any(name in target.arms and target.arms[name].overlap != "none" for name in (arm, summary.baseline))


def _compared(result: ArmResult, arm: str, target: TargetSummary) -> str:
    """Says so where a difference does not cover all of the arm's languages."""
    scored = sum(arm in row.cells for row in target.languages)
    return f"{result.num_compared} of {count(scored, 'language')}" if 0 < result.num_compared < scored else ""


def _curve(curve: Curve) -> dict[str, Any]:
    from markupsafe import Markup

    name = "Phase 1 (start)" if curve.phase == "start" else f"Arm “{curve.phase}”"
    facts = []
    if curve.loss:
        (first, first_loss), (last, last_loss) = curve.loss[0], curve.loss[-1]
        facts.append(f"loss {points(first_loss)} at step {first:,}, {points(last_loss)} at step {last:,}")
    if curve.tokens_per_s is not None:
        facts.append(f"median {curve.tokens_per_s:,.0f} tokens/s")
    if beyond := plots.num_beyond_frame(curve):
        facts.append(f"{count(beyond, 'logged point')} beyond the frame, drawn on its edge")
    if curve.num_not_finite:
        facts.append(f"{count(curve.num_not_finite, 'logged value')} not finite, not drawn")
    if curve.num_unreadable:
        facts.append(f"{count(curve.num_unreadable, 'unfinished log line')} skipped")
    svg = plots.curve_svg(curve, label=f"Training loss over steps, {name}: {'; '.join(facts)}")
    return {
        "name": name,
        "facts": "; ".join(facts),
        "window": plots.smoothing_window(curve),
        "legend": plots.legend(curve),
        "svg": Markup(svg),  # built by plots, which escapes every string it is given
    }
