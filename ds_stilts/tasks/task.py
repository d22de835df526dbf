"""What a task is: one declaration that says what is read, how it is learned and how it is scored.

Knows no tokenizer, no model and no format code: `format` is the name under which `ds_stilts.formats` finds it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ds_stilts.errors import DataError, RecipeError, suggestion
from ds_stilts.tasks.examples import Example


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split of a task in its official file layout."""

    read: Callable[..., list[Example]]
    """`read(path, *, task, language, labels_path) -> examples`; raises DataError naming file and line."""
    file: str
    """Path under the data root; `{lang}` stands for the language code, e.g. "xnli/test-{lang}.tsv"."""
    labels: str | None = None
    """Path of the separate gold file where the official split has its labels taken off (XTREME test files)."""
    also: tuple[str, ...] = ()
    """Paths of further files that the reader opens by itself, e.g. the pivot side of a bitext."""
    languages: tuple[str, ...] | None = None
    """Languages that have this split; None: all languages of the task."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of the catalogue."""

    name: str
    """Key used in recipes, folders and rows, e.g. "xnli"."""
    title: str
    format: str
    """"sentence_pair", "multiple_choice", "span_qa", "tagging", "masked_lm" or "retrieval"."""
    languages: tuple[str, ...]
    """Official language list, in the official order."""
    splits: Mapping[str, Split]
    """Keys "train", "dev", "test"."""
    score_split: str = "test"
    """Split that the benchmark reports."""
    labels: tuple[str, ...] = ()
    """Label set in the order of the head's outputs (sentence_pair, tagging)."""
    num_choices: int = 0
    """Choices per example (multiple_choice)."""
    head: str = ""
    """Name of the head; tasks naming the same head share it. Default: the task's name."""
    metrics: tuple[str, ...]
    """Metric names in percent; the first is the one shown. QA's task value is the mean of f1 and exact_match."""
    train_data: str = ""
    """Key of its training data ("mnli", "squad_v1"); two tasks with the same key overlap. Default: the name."""
    max_tokens: int = 128
    """Longest encoder input, special tokens included."""
    url: str = ""
    """Where the official files are had; shown when they are missing."""
    hub_id: str | None = None
    hub_revision: str | None = None
    """Pinned hub commit; None: not read from its source, resolved and recorded at the first download."""
    licence: str = ""
    citation: str = ""
    version: str = "1"
    """Bumped whenever the declaration changes what is learned or scored."""
    note: str = ""
    chance: Mapping[str, float] = field(default_factory=dict)
    """Value of a metric for a guesser, in percent, where the format fixes it."""

    def __post_init__(self) -> None:
        if not self.head:
            object.__setattr__(self, "head", self.name)
        if not self.train_data:
            object.__setattr__(self, "train_data", self.name)

    def split(self, split: str) -> Split:
        if split not in self.splits:
            raise RecipeError(
                f"task '{self.name}' has no split '{split}'{suggestion(split, list(self.splits))}; "
                f"it has: {', '.join(self.splits)}"
            )
        return self.splits[split]

    def files(self, split: str, language: str, root: Path) -> list[Path]:
        """Official files of one split and language: the examples, the labels where they are apart, then all others."""
        declared = self.split(split)
        names = [declared.file] + ([declared.labels] if declared.labels else []) + list(declared.also)
        return [root / name.format(lang=language) for name in names]

    def available_languages(self, split: str, root: Path) -> list[str]:
        """Languages of the task whose examples for `split` lie under `root`, in the official order.

        One whose gold file is missing counts as there: reading it says so, instead of leaving it out silently.
        """
        languages = self.split(split).languages or self.languages
        return [lang for lang in languages if self.files(split, lang, root)[0].is_file()]

    def examples(self, split: str, language: str, root: Path) -> list[Example]:
        """Read one split of one language from its official files.

        Raises:
            DataError: a file is missing (says what to download and where it belongs) or malformed (file and line).
        """
        if language not in (self.split(split).languages or self.languages):
            raise RecipeError(f"task '{self.name}' has no language '{language}' in split '{split}'")
        files = self.files(split, language, root)
        for path in files:
            if not path.is_file():
                raise DataError(
                    f"{path} is missing: task '{self.name}' ({self.title}) needs it for split '{split}', language "
                    f"'{language}'. Download it from {self.url or 'its authors'} and put it there, or give another "
                    f"folder with --data-root (now {root})."
                )
        labels = files[1] if self.split(split).labels else None
        examples = self.split(split).read(files[0], task=self, language=language, labels_path=labels)
        if not examples:
            raise DataError(f"{files[0]} holds no example; task '{self.name}' needs at least one.")
        return examples
