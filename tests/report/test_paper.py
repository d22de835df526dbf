"""A printed report holds every column: paper has no scroll bar."""

import re

from ds_stilts.report.paper import with_paper


def page(columns: int, text: str = "−11.76 to +12.24", body: str = "") -> str:
    cells = f"<td>{text}</td>" * columns
    return f"<html><style>p {{}}</style>{body}<table><tr>{cells}</tr></table></html>"


def width_mm(html: str) -> int | None:
    found = re.search(r"@page \{ size: (\d+)mm \d+mm; \}\n</style>", html)
    return int(found[1]) if found else None


def test_a_page_whose_tables_fit_is_left_to_the_readers_own_paper() -> None:
    assert with_paper(page(5)) == page(5)
    assert with_paper("<html><style></style>no table</html>") == "<html><style></style>no table</html>"


def test_a_table_of_many_columns_brings_paper_that_is_wide_enough() -> None:
    # 21 columns of intervals at 7.5 pt were 460 mm wide in Chromium; letter paper showed 9 of them.
    found = width_mm(with_paper(page(21)))
    assert found is not None and 460 < found < 700


def test_only_the_widest_table_counts_and_one_wide_cell_over_many_columns_does_not() -> None:
    over = '<table><tr><th colspan="9">' + "a" * 300 + "</th></tr><tr>" + "<td>1</td>" * 9 + "</tr></table>"
    assert width_mm(with_paper(page(21, body=over))) == width_mm(with_paper(page(21)))
    assert with_paper(page(1, body=over)) == page(1, body=over)
