"""How many items a phase trains on and how long they are, as far as it is known, and from where.

Items: made-up languages have their preset's; else the data files are counted, where they are there; else a count may be
published, and last a study may assume one. What an earlier run has left in the cache decides none of these.

Lengths: a prepared file knows its own. It is believed if this start model's tokenizer made it, of these data files or,
where no files are known, of as many examples as the task has; else a task's longest input bounds the length.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ds_stilts.data.counts import counted
from ds_stilts.data.prepare import prepared_folder
from ds_stilts.data.prepared import Facts
from ds_stilts.plan import longest_item
from ds_stilts.planning.start_model import start_tokenizer
from ds_stilts.recipe import Recipe, Target, Training
from ds_stilts.tasks.task import Task, Where

ASSUMED = "assumed, not verified"
"""Where a count is from that a study assumes for its plan."""

_SETS = {
    "synth_nli": "nli",
    "synth_paraphrase": "paraphrase",
    "synth_qa": "qa",
    "synth_qa_low": "qa_low",
    "synth_pos": "tagging",
    "synth_ner": "tagging",
    "synth_choice": "choice",
    **{f"synth_nli_{domain}": "nli" for domain in ("one", "two")},
    **{f"synth_nli_low_{domain}": "qa_low" for domain in ("one", "two")},
}
"""Task → its training set's size in `ds_stilts.synthetic.presets.SetSizes`."""


@dataclass(frozen=True, kw_only=True)
class TaskSize:
    """What one task of a phase brings."""

    items: int | None
    """Training items; None: not known before its data are prepared."""
    item_tokens: float
    """Mean tokens of an item, or the most it can have."""
    longest: int
    """Tokens of the longest possible item."""
    counted: str
    """Where `items` is from."""
    lengths_known: bool
    """Whether `item_tokens` is a mean of prepared files, not an upper bound."""


@dataclass(frozen=True)
class Known:
    """What the sizes of one recipe's tasks may be known from, beside what was published."""

    recipe: Recipe
    data_root: Path | None = None
    """Folder of the official files; None, or no folder: they are not looked at."""
    assumed: Mapping[str, int] = field(default_factory=dict)
    """Items of a language of a task's training set, where nothing else says them."""
    prepared: Path = field(default_factory=prepared_folder)
    """Folder of prepared files."""

    @cached_property
    def tokenizer(self) -> str | None:
        """Fingerprint of the start model's tokenizer; None where it is not on this machine."""
        return start_tokenizer(self.recipe)

    @property
    def files(self) -> Path | None:
        """The data root, where it is read and there."""
        made_up = self.recipe.data.synthetic
        return self.data_root if self.data_root and not made_up and self.data_root.is_dir() else None


@dataclass(frozen=True, kw_only=True)
class _Count:
    """Of one language."""

    examples: int
    source: str
    checksum: str | None = None
    """Of the files that were counted."""


def task_size(known: Known, phase: Training, task: Task, limit: int | None) -> TaskSize:
    """Size of a task in a phase.

    Args:
        limit: longest input of the model.

    Raises:
        DataError: a data file is malformed.
    """
    use = phase.tasks.get(task.name)
    most = phase.max_train_examples if isinstance(phase, Target) else use.max_examples if use else None
    split = use.split if use else "train"
    longest = longest_item(phase, task, limit)
    where, joined = (use.where, use.join_lines) if use else (None, False)
    counts = _counts(known, task, split, _languages(known, phase, task, split), joined=joined, where=where)
    if not counts:
        return TaskSize(
            items=None, item_tokens=longest, longest=longest, counted="not prepared yet", lengths_known=False
        )
    examples = sum(min(count.examples, most) if most else count.examples for count in counts.values())
    source = next(iter(counts.values())).source
    facts = [_facts(known, task, split, language, count, where) for language, count in counts.items()]
    found = [fact for fact in facts if fact and fact.items]
    if not found or len(found) < len(facts):
        return TaskSize(items=examples, item_tokens=longest, longest=longest, counted=source, lengths_known=False)
    items, tokens = sum(fact.items for fact in found), sum(fact.tokens for fact in found)
    # An example may be several windows, or be left out of training.
    share = items / sum(fact.examples for fact in found)
    mean = min(float(longest), tokens / items)
    return TaskSize(
        items=round(examples * share), item_tokens=mean, longest=longest, counted=source, lengths_known=True
    )


def _languages(known: Known, phase: Training, task: Task, split: str) -> list[str]:
    """Languages trained on; of running text, unless they are given, all whose files lie under the data root."""
    use = phase.tasks.get(task.name)
    given = phase.train_languages if isinstance(phase, Target) else use.languages if use else None
    if given:
        return given
    if task.format == "masked_lm":
        return task.available_languages(split, known.files) if known.files else []
    return list(task.split(split).languages or task.languages)[:1]


def _counts(
    known: Known, task: Task, split: str, languages: list[str], *, joined: bool, where: Where | None
) -> dict[str, _Count]:
    """Examples by language; empty if those of any are not known.

    Args:
        where: these examples only.
        joined: lines are joined to sequences, the number of which nobody knows before the text is prepared.
    """
    found = {} if joined else {language: _count(known, task, split, language, where) for language in languages}
    complete = {language: count for language, count in found.items() if count}
    if complete and len(complete) == len(found):
        return complete
    assumed = None if where else known.assumed.get(task.trained_as.removesuffix(":shuffled"))
    return dict.fromkeys(languages or ["all"], _Count(examples=assumed, source=ASSUMED)) if assumed else {}


def _count(known: Known, task: Task, split: str, language: str, where: Where | None) -> _Count | None:
    made_up = known.recipe.data.synthetic
    if made_up and task.trained_as in _SETS:
        from ds_stilts.synthetic.presets import find_preset

        size: int = getattr(find_preset(made_up.preset).sets, _SETS[task.trained_as])
        return _Count(examples=size, source=f"preset {made_up.preset}")
    in_files = counted(task, split, language, known.files, known.prepared, where) if known.files else None
    if in_files:
        return _Count(examples=in_files[0], source="data files", checksum=in_files[1])
    published = None if where else task.split(split).published_count(language)  # of whole splits
    return None if published is None else _Count(examples=published, source="published counts")


def _facts(known: Known, task: Task, split: str, language: str, count: _Count, where: Where | None) -> Facts | None:
    """Facts of the newest prepared file of these data and this tokenizer."""
    folder = known.prepared / task.name.replace(":", "_")
    files = folder.glob(f"{split}-{language}-*.json")
    for path in sorted(files, key=lambda path: path.stat().st_mtime, reverse=True):
        try:
            facts = Facts(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            continue  # a plan does not need it; the run makes it again
        same = facts.checksum == count.checksum if count.checksum else facts.examples == count.examples
        if same and facts.where == where and facts.tokenizer and facts.tokenizer == known.tokenizer:
            return facts
    return None
