"""A study's report as Markdown: the blocks of the page without its drawings, whose numbers stand in tables."""

from ds_stilts.report.markdown import table
from ds_stilts.studies.report.document import Block, Bullets, Figures, Fold, Part, Table, Td, Text
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.study_file import ONLY


def render_markdown(report: StudyReport, parts: tuple[Part, ...]) -> str:
    """The whole file."""
    study = report.study
    size = "" if study.size == ONLY else f" ({study.size})"
    lines = [f"# {study.study}{size}", _text(study.question), f"**{_text(report.verdict)}**"]
    lines += [_text(study.description)] if study.description else []
    for part in parts:
        lines += [f"## {_text(part.title)}", *_blocks(part.blocks)]
    return "\n\n".join(line for line in lines if line) + "\n"


def _blocks(blocks: tuple[Block, ...]) -> list[str]:
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Text):
            found.append(_text(block.text))
        elif isinstance(block, Bullets):
            found.append("\n".join(f"- {_text(item)}" for item in block.items))
        elif isinstance(block, Fold):
            found += [f"### {_text(block.title)}", *_blocks(block.blocks)]
        elif isinstance(block, Table):
            found += [_text(block.caption), _table(block)]
        else:
            assert isinstance(block, Figures), "numbers of drawings stand in tables"
    return found


def _table(block: Table) -> str:
    width = len(block.head)
    rows = [[_cell(cell) for cell in row] + [""] * (width - len(row)) for row in block.rows]
    return table([name or " " for name in block.head], rows, num_text_columns=block.text_columns)


def _cell(cell: Td) -> str:
    return f"{cell.text} [{'; '.join(cell.sub)}]" if cell.sub else cell.text


def _text(value: str) -> str:
    """One line without markup."""
    flat = " ".join(value.split())
    return flat.replace("\\", "\\\\").replace("<", "&lt;").replace("`", "\\`").replace("*", "\\*")
