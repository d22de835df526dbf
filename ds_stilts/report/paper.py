"""The paper that a report is printed on: the reader's own, or wider where a table would be cut off at its edge.

On a screen a wide table is scrolled; paper has no scroll bar, and what does not fit is not printed at all. Widths are
reckoned from the characters of each column, for the size of type that `templates/style.css.j2` prints tables in.
"""

from html.parser import HTMLParser

OWN_WIDTH_MM = 250.0
"""What A4 and US Letter hold between the margins of a browser, made a third smaller, which browsers do by themselves to
make a table fit; Chromium cuts off what it would have to make less than half as large."""
MARGINS_MM = 22.0
CHARACTER_MM = 1.6
"""Of 7.5 pt DejaVu Sans, a wide face; measured in Chromium."""
PADDING_MM = 2.8
WRAPPED_AT = 30
"""Longer texts are broken into lines."""


def with_paper(page: str) -> str:
    """The page, with a paper size in its style where its widest table needs one."""
    tables = _Tables()
    tables.feed(page)
    width_mm = max(tables.widths_mm, default=0.0)
    if width_mm <= OWN_WIDTH_MM:
        return page
    width_mm += MARGINS_MM
    rule = f"@page {{ size: {width_mm:.0f}mm {max(210.0, width_mm * 0.707):.0f}mm; }}\n"
    return page.replace("</style>", f"{rule}</style>", 1)


class _Tables(HTMLParser):
    """The widths of all tables of a page, those in folded parts too, which can be opened before printing."""

    def __init__(self) -> None:
        super().__init__()
        self.widths_mm: list[float] = []
        self._columns: list[int] = []
        """Characters in the longest text of each column of the table that is being read."""
        self._place = 0
        self._span = 0
        """Columns of the cell that is being read; 0: none is."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._columns = []
        elif tag == "tr":
            self._place, self._span = 0, 0
        elif tag in ("th", "td"):
            self._place += self._span
            self._span = int(dict(attrs).get("colspan") or 1)
            self._columns += [0] * (self._place + self._span - len(self._columns))

    def handle_data(self, data: str) -> None:
        if self._span == 1 and self._columns:
            length = min(WRAPPED_AT, len(" ".join(data.split())))
            self._columns[self._place] = max(self._columns[self._place], length)

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._span = 0
        elif tag == "table":
            self.widths_mm.append(sum(CHARACTER_MM * length + PADDING_MM for length in self._columns))
