"""Part of a table: the rows whose fields have one of the values that are asked for, e.g. one genre of MultiNLI.

Which fields can be asked for is said by the split (`ds_stilts.tasks.task.Split.fields`). Rows keep their numbers, so
that an example has the id that it has in the whole file.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.readers.tables import Row
from ds_stilts.tasks.task import Where

_SHOWN = 20
"""Values that a message lists, the most frequent ones."""


def chosen(rows: Iterable[tuple[int, Row]], where: Where, path: Path) -> Iterator[tuple[int, Row]]:
    """Those of the numbered rows whose every field has one of its values; others are passed over, malformed or not.

    Args:
        where: field → values, compared as text.
        path: the file that is named in the message.

    Raises:
        DataError: a row lacks a field; and at the end of the rows, when a value stands in none of them, or no row has
            all that is asked for.
    """
    found: dict[str, Counter[str]] = {field: Counter() for field in where}
    any_chosen = False
    for number, row in rows:
        values = {field: _value(row, field) for field in where}
        for field, value in values.items():
            found[field][value] += 1
        if all(values[field] in wanted for field, wanted in where.items()):
            any_chosen = True
            yield number, row
    for field, wanted in where.items():
        for value in wanted:
            if not found[field][value]:
                there = found[field].most_common(_SHOWN)
                known = ", ".join(f"{name} ({count:,})" for name, count in there) or "none at all"
                more = f" and {len(found[field]) - _SHOWN} more" if len(found[field]) > _SHOWN else ""
                raise DataError(f"{path}: no example has {field} '{value}'; there are {known}{more}.")
    if not any_chosen:
        asked = " and ".join(f"{field} {' or '.join(wanted)}" for field, wanted in where.items())
        raise DataError(f"{path}: no example has {asked} together; leave one of them out of `where`.")


def _value(row: Row, field: str) -> str:
    value = row.values.get(field)
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        found = ", ".join(row.values) if field not in row.values else repr(value)[:60]
        raise row.fault(
            f"field '{field}', by which examples are chosen, is missing or no text; found: {found or 'none'}. Get "
            "the release that has it (`ds-stilts tasks NAME`), or remove `where`."
        )
    return str(value)
