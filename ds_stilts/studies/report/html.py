"""A study's report as one HTML page that opens offline, with the look of a run's."""

from typing import Any

from ds_stilts.report import heatmap
from ds_stilts.report.numbers import NOTHING, points, signed
from ds_stilts.report.paper import with_paper
from ds_stilts.studies.report.document import Part, Table, Td
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.study_file import ONLY


def render_html(report: StudyReport, parts: tuple[Part, ...]) -> str:
    """The whole page as text. Every string is escaped but the drawings, which `plots` escapes."""
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=ChoiceLoader(
            [PackageLoader("ds_stilts.studies.report", "templates"), PackageLoader("ds_stilts.report", "templates")]
        ),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    # points and signed are what the shared macros ask for.
    environment.filters.update(
        svg=Markup, after_underscores=lambda text: text.replace("_", Markup("_<wbr>")), points=points, signed=signed
    )
    page = environment.get_template("study.html.j2").render(
        report=report,
        size="" if report.study.size == ONLY else report.study.size,
        parts=parts,
        kind_of=_kind,
        look=_look,
        nothing=NOTHING,
        colours={"text": heatmap.TEXT, "diverging": heatmap.DIVERGING, "sequential": heatmap.SEQUENTIAL},
    )
    return with_paper(page)


def _kind(block: Any) -> str:
    return type(block).__name__


def _look(table: Table, cell: Td, column: int) -> str:
    """Classes of a cell."""
    if table.is_map and cell.step is None:
        return "hole"
    classes = ["wide"] if column in table.wide else ["num"] if column >= table.text_columns else []
    return " ".join([*classes, *([f"d{cell.step}"] if cell.step is not None else [])])
