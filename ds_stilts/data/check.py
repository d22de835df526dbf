"""One split of one language looked at whole: is it there, is it readable, is it all of it, and what is it exactly.

Never stops at a fault: each becomes the line's `problem`, so that a check of a whole data root lists all of them. Which
splits are looked at is decided in `ds_stilts.phases.checks`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from ds_stilts.data.checksums import checksum
from ds_stilts.errors import UserError
from ds_stilts.tasks.examples import BitextExample, Example, SearchExample
from ds_stilts.tasks.guards import check_gold
from ds_stilts.tasks.part import chosen_words
from ds_stilts.tasks.readers.alignment import Alignment, alignment
from ds_stilts.tasks.task import Task, Where

State = Literal["complete", "part", "unknown", "wrong"]
"""As many examples as published; fewer; nobody has read how many there should be; something that cannot be right."""

_COUNTED_SIDE = {"retrieval": "corpus", "mining": "query", "ranking": "query"}
"""Which side of a set that is searched its authors count."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What was found of one split of one language."""

    task: str
    split: str
    language: str
    state: State
    examples: int | None = None
    """None where the files cannot be read. Of a set with two sides that of its language counts."""
    published: int | None = None
    """Examples of the whole set, where that was read from its source."""
    files: dict[str, str] = field(default_factory=dict)
    """Path → xxh3."""
    where: Where | None = None
    """Not None: of the examples with these values only, which are a part of the split; of it nothing is published."""
    spans: Alignment | None = None
    """How gold answers lie in their contexts (span_qa)."""
    problem: str = ""
    """A sentence, where the state is "wrong"."""

    def as_json(self) -> dict[str, Any]:
        """Plain values; `spans` and `where` only where there are any."""
        return {key: value for key, value in asdict(self).items() if value or key not in ("spans", "where")}

    @property
    def part(self) -> str:
        """The split, and what of it, in words."""
        chosen = chosen_words(self.where)
        return f"{self.split} ({chosen})" if chosen else self.split


def lines_there(task: Task, root: Path) -> list[Line]:
    """Check every split and language of a task whose examples lie under `root`; empty where there are none."""
    lines = []
    for split, declared in task.splits.items():
        for language in declared.languages or task.languages:
            try:
                there = task.files(split, language, root)[0].is_file()
            except UserError:
                there = True  # twice; the check says so
            if there:
                lines.append(check_split(task, split, language, root))
    return lines


def check_split(task: Task, split: str, language: str, root: Path, where: Where | None = None) -> Line:
    """Read one split of one language to its end, or the part that `where` chooses; raises nothing that a file can be at
    fault for."""
    published = None if where else task.split(split).published_count(language)
    known: dict[str, Any] = {
        "task": task.name, "split": split, "language": language, "published": published, "where": where,
    }  # fmt: skip
    try:
        files = task.files(split, language, root)
        known["files"] = {_name(path, root): checksum([path]) for path in files if path.is_file()}
        examples = task.examples(split, language, root, where)
        known["examples"] = count = _count(examples, task)
        if task.format == "span_qa":
            known["spans"] = alignment(examples)
        check_gold(examples, task, files[0])
    except UserError as error:
        return Line(**known, state="wrong", problem=str(error))
    if published is not None and count > published:
        problem = f"{files[0]} has {count:,} examples, but {published:,} are published; get the file again"
        return Line(**known, state="wrong", problem=f"{problem} from {task.url or 'its source'}.")
    state: State = "unknown" if published is None else "complete" if count == published else "part"
    return Line(**known, state=state)


def _count(examples: Sequence[Example], task: Task) -> int:
    side = _COUNTED_SIDE.get(task.format)
    own = sum(isinstance(example, (BitextExample, SearchExample)) and example.side == side for example in examples)
    return own or len(examples)  # a pool that lies apart from its queries has one side only


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
