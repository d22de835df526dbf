"""Two pools of sentences and the pairs among them: BUCC 2018's `LANG-en.SPLIT.{LANG,en,gold}`.

A line of a pool is ID, a tab and a sentence; a line of the gold file two ids, LANG's first. Most sentences have no
partner. The sentences of LANG come first, as queries, then the English ones.
"""

from pathlib import Path

from ds_stilts.tasks.examples import Example, SearchExample
from ds_stilts.tasks.readers.columns import scalar, text
from ds_stilts.tasks.readers.files import beside, plain_name
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.task import Task

PIVOT = "en"
_POOL = Delimited(columns=("id", "text"), quoted=False)
_GOLD = Delimited(columns=("source", "target"), quoted=False)


def read_bucc(path: Path, *, task: Task, language: str, labels_path: Path | None) -> list[Example]:
    """Read the pool at `path`, the English one beside it, and the gold pairs, each of which is a key of both sides.

    Raises:
        DataError: a line with another number of columns, an empty sentence, an id that repeats, or a gold id that
            is none of its pool; names file and line.
    """
    english = beside(path, f"{plain_name(path).removesuffix(f'.{language}')}.{PIVOT}")
    sides = [_pool(path), _pool(english)]
    keys: dict[str, list[str]] = {id: [] for side in sides for id in side}
    for row in _GOLD(labels_path) if labels_path else ():
        pair = [scalar(row, "source"), scalar(row, "target")]
        for id, side in zip(pair, sides, strict=True):
            if id not in side:
                raise row.fault(
                    f"'{id}' is none of the ids of its pool, which go from '{next(iter(side))}' to "
                    f"'{next(reversed(side))}'; get both files again from one source."
                )
            keys[id].append(" ".join(pair))
    return [
        SearchExample(id=id, text=sentence, side=name, keys=tuple(keys[id]) if labels_path else None)
        for name, side in zip(("query", "corpus"), sides, strict=True)
        for id, sentence in side.items()
    ]


def _pool(path: Path) -> dict[str, str]:
    """id → sentence, without white space around it, as XTREME compares them."""
    pool: dict[str, str] = {}
    for row in _POOL(path):
        id, sentence = scalar(row, "id"), text(row, "text").strip()
        if id in pool:
            raise row.fault(f"the id '{id}' stands here a second time; get the file again from its source.")
        if not sentence:
            raise row.fault(f"'{id}' has no sentence; get the file again from its source.")
        pool[id] = sentence
    return pool
