"""The Markdown file: whole tables, the right numbers, nothing that breaks them."""

import re
from pathlib import Path

from ds_stilts.report.collect import read_run
from ds_stilts.report.markdown import render_markdown, table
from ds_stilts.report.verdict import summarise


def render(run_dir: Path) -> str:
    return render_markdown(summarise(read_run(run_dir)))


def tables(text: str) -> list[list[list[str]]]:
    """Every table as rows of cells; an escaped bar does not end a cell."""
    blocks = [block for block in text.strip().split("\n\n") if block.startswith("|")]
    return [[[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in block.split("\n")] for block in blocks]


def test_every_table_is_rectangular_and_lines_up(full_run: Path) -> None:
    text = render(full_run)
    found = tables(text)
    assert len(found) == 1 + 6 + 4, "summary, targets, kinds"
    for rows in found:
        assert len({len(row) for row in rows}) == 1
        assert all(re.fullmatch(r":?-+:?", cell) for cell in rows[1])
    for block in (block for block in text.strip().split("\n\n") if block.startswith("|")):
        assert len({len(line) for line in block.split("\n")}) == 1
    assert [len(rows) - 2 for rows in found[1:7]] == [12, 6, 29, 33, 30, 1]


def test_summary_row_by_hand(small_run: Path) -> None:
    header, _, *rows = tables(render(small_run))[0]
    by_target = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    assert by_target["XNLI"]["none"] == "60.00"
    assert by_target["XNLI"]["nli"] == "59.67"
    assert by_target["XNLI"]["nli diff."] == "−0.33"
    assert by_target["XNLI"]["trivial"] == "34.00"
    assert by_target["PAWS"]["overlap"] == "nli: identical (pawsx)"
    assert by_target["mean of 2 without overlap"]["nli diff."] == "+1.08"


def test_retrieval_rows_point_to_the_note_on_parallel_text(full_run: Path) -> None:
    section = render(full_run).split("## Tatoeba")[1].split("\n## ")[0]
    assert "- [1] phase 1 saw parallel text (ntrex)" in section
    header, _, *rows = tables(section)[0]
    assert all(row[header.index("notes")] == "[1]" for row in rows)


def test_bars_breaks_and_markup_cannot_break_a_table() -> None:
    text = table(["a|b", "n"], [["x\ny <script>", "1"], ["`|`", "2"]])
    lines = text.split("\n")
    assert len(lines) == 4
    assert all(len(re.split(r"(?<!\\)\|", line)) == 4 for line in lines)
    assert "<script>" not in text


def test_an_unfinished_run_renders(baseline_only: Path) -> None:
    text = render(baseline_only)
    assert "Only the baseline" in text
    assert "Not scored yet: none / xquad, nli / xnli, nli / xquad." in text
