"""What a task is: one declaration that says what is read, how it is learned and how it is scored.

Knows no tokenizer, no model and no format code: `format` is the name under which `ds_stilts.formats` finds it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ds_stilts.errors import DataError, RecipeError, suggestion
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.hub import Hub

Reader = Callable[..., Iterable[Example]]
"""`read(path, *, task, language, labels_path)`: examples in file order, read piece by piece where the layout allows it;
raises DataError naming file and line."""


Where = Mapping[str, Sequence[str]]
"""Field of a file → values; chosen are the examples that have one of them in every field."""

SEARCHED = ("retrieval", "mining", "ranking")
"""Formats under which nothing is trained: texts are compared by the encoder's states."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split of a task in its official file layout."""

    read: Reader
    file: str
    """Path under the data root; `{lang}` stands for the language code, e.g. "xnli/test-{lang}.tsv"; of a code like
    "en-de", `{first}` and `{second}` are its parts; `{stem}` is the language's entry in `stems`. A file of that name
    with ".gz" after it will do as well."""
    labels: str | None = None
    """Path of the separate gold file where the official split has its labels taken off (XTREME test files)."""
    also: tuple[str, ...] = ()
    """Paths of further files that the reader opens by itself, e.g. the pivot side of a bitext."""
    languages: tuple[str, ...] | None = None
    """Languages that have this split; None: all languages of the task."""
    stems: Mapping[str, str] = field(default_factory=dict)
    """What `{stem}` in a path becomes, for sets whose files are named otherwise than by language."""
    published: int | Mapping[str, int] | None = None
    """Examples as published, of every language alike or by language; None: not read from its source."""
    fields: tuple[str, ...] = ()
    """Fields of the file, beside those that become an example, by which a recipe may choose examples (`where`); `read`
    is then told of them: `read(..., where=…)`."""
    then: Callable[..., Iterable[Example]] | None = None
    """`then(examples, *, task, language)`: what a control makes of the examples of either source."""

    def published_count(self, language: str) -> int | None:
        """Published number of examples of one language; None where it was not read from its source."""
        return self.published.get(language) if isinstance(self.published, Mapping) else self.published


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task of the catalogue."""

    name: str
    """Key used in recipes, folders and rows, e.g. "xnli"."""
    title: str
    format: str
    """Name of one of `ds_stilts.formats.FORMATS`."""
    languages: tuple[str, ...]
    """Every language of the task, in the official order (XTREME's, then what XTREME-R adds)."""
    splits: Mapping[str, Split]
    """Keys "train", "dev", "test"; and "pool", one file that all languages' queries are searched for in."""
    benchmarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """"xtreme" and "xtreme-r" → the languages over which that benchmark averages."""
    score_split: str = "test"
    """Split that the benchmark reports."""
    labels: tuple[str, ...] = ()
    """Label set in the order of the head's outputs (sentence_pair, tagging)."""
    num_choices: int = 0
    """Choices per example (multiple_choice)."""
    score_range: tuple[float, float] | None = None
    """Least and greatest gold number (pair_regression)."""
    no_answer: bool = False
    """Whether "no answer" is a possible answer (span_qa)."""
    answer_normaliser: str = "squad"
    """How answers are compared, "squad" or "mlqa" (span_qa)."""
    unaligned_share: float = 0.0
    """Greatest share of questions with an answer that does not stand at its offset; beyond it, the file is refused
    (span_qa). For official files that are known to have some."""
    head: str = ""
    """Name of the head; tasks naming the same head share it. Default: the task's name."""
    metrics: tuple[str, ...]
    """Metric names in percent; the first is the one shown."""
    value_metrics: tuple[str, ...] = ()
    """Metrics whose mean is the task's value; default: f1 and exact_match for span_qa, else the first metric."""
    train_data: str = ""
    """Key of its training data ("mnli", "squad_v1"); two tasks with the same key overlap. Default: the name."""
    contains: tuple[str, ...] = ()
    """Keys of the sets inside its training data, for a collection such as ANLI+."""
    parallel: bool = False
    """Whether an id is one item in every language, translated, where that is certain; readers number lines, so that
    equal ids alone say nothing."""
    max_tokens: int = 128
    """Longest encoder input, special tokens included."""
    url: str = ""
    """Where the official files are had; shown when they are missing."""
    obtain: str = ""
    """What to do about a missing file, as a sentence without its end, where downloading it from `url` is not enough."""
    hub: Hub | None = None
    licence: str = ""
    citation: str = ""
    version: str = "1"
    """Bumped whenever the declaration changes what is learned or scored."""
    note: str = ""
    chance: Mapping[str, float] = field(default_factory=dict)
    """Value of a metric for a guesser, in percent, where the format fixes it."""
    perturbed_from: str = ""
    """Name of the task whose scored texts are perturbed here; "" for all others. It has that task's model,
    or one trained as that task's is, with the same seeds, and counts in no mean over tasks."""

    def __post_init__(self) -> None:
        if not self.head:
            object.__setattr__(self, "head", self.name)
        if not self.train_data:
            object.__setattr__(self, "train_data", self.name)
        if not self.value_metrics:
            default = ("f1", "exact_match") if self.format == "span_qa" else self.metrics[:1]
            object.__setattr__(self, "value_metrics", default)

    @property
    def trained_as(self) -> str:
        """Name under which its training draws: a perturbed copy's model is that of the clean task."""
        return self.perturbed_from or self.name

    @property
    def is_searched(self) -> bool:
        """Whether its texts are only compared with each other, so that there is nothing to train."""
        return self.format in SEARCHED

    def split(self, split: str) -> Split:
        if split not in self.splits:
            raise RecipeError(
                f"task '{self.name}' has no split '{split}'{suggestion(split, list(self.splits))}; "
                f"it has: {', '.join(self.splits)}"
            )
        return self.splits[split]

    def files(self, split: str, language: str, root: Path) -> list[Path]:
        """Files of one split and language: the examples, the labels where they are apart, then all others.

        The official ones; or the copy from the hub, where it was fetched and the official file is not there.

        Raises:
            DataError: a file lies there both packed and unpacked, or its folder may not be looked into.
        """
        declared = self.split(split)
        names = [declared.file] + ([declared.labels] if declared.labels else []) + list(declared.also)
        official = [existing(root / fill(name, language, declared.stems)) for name in names]
        copy = Hub.path(self.name, split, language, root)
        return [copy] if not _is_file(official[0]) and _is_file(copy) else official

    def available_languages(self, split: str, root: Path) -> list[str]:
        """Languages of the task whose examples for `split` lie under `root`, in the official order.

        One whose gold file is missing counts as there: reading it says so, instead of leaving it out silently.
        """
        languages = self.split(split).languages or self.languages
        return [lang for lang in languages if self.files(split, lang, root)[0].is_file()]

    def stream(self, split: str, language: str, root: Path, where: Where | None = None) -> Iterable[Example]:
        """Read one split of one language, piece by piece where its layout allows it.

        Args:
            where: read these examples only; by fields that the split declares.

        Raises:
            DataError: a file is missing (says what to download and where it belongs) or malformed (file and line), or
                no example has a value that `where` asks for.
        """
        if language not in (self.split(split).languages or self.languages):
            raise RecipeError(f"task '{self.name}' has no language '{language}' in split '{split}'")
        declared, files, labels = self.split(split), self.files(split, language, root), None
        assert set(where or {}) <= set(declared.fields), "a recipe's `where` is checked with the recipe"
        read = declared.read
        hub = self.hub and self.hub.of(split)
        if hub and files == [Hub.path(self.name, split, language, root)]:
            from ds_stilts.tasks.readers.columns import Rows
            from ds_stilts.tasks.readers.tables import parquet

            read = Rows(parquet, hub.columns)
        elif declared.labels:
            labels = files[1]
        remedy = self.obtain or f"Download it from {self.url or 'its authors'} and put it there"
        for path in files:
            if not path.is_file():
                raise DataError(
                    f"{path} is missing: task '{self.name}' ({self.title}) needs it for split '{split}', language "
                    f"'{language}'. {remedy}, or give another folder with --data-root (now {root})."
                )
        part = {"where": where} if where else {}
        examples = read(files[0], task=self, language=language, labels_path=labels, **part)
        return declared.then(examples, task=self, language=language) if declared.then else examples

    def examples(self, split: str, language: str, root: Path, where: Where | None = None) -> list[Example]:
        """All examples of one split of one language, in file order; raises as `stream`, or that there is none."""
        examples = list(self.stream(split, language, root, where))
        if not examples:
            path = self.files(split, language, root)[0]
            raise DataError(f"{path} holds no example; task '{self.name}' needs at least one.")
        return examples


def fill(name: str, language: str, stems: Mapping[str, str] | None = None) -> str:
    """A path template with the language, the two parts of a code like "en-de", or the language's stem filled in."""
    first, _, second = language.partition("-")
    return name.format(lang=language, first=first, second=second or first, stem=(stems or {}).get(language, ""))


def existing(path: Path) -> Path:
    """`path`, or the packed file beside it where only that is there."""
    packed = path.with_name(path.name + ".gz")
    if not _is_file(packed):
        return path
    if _is_file(path):
        raise DataError(f"{path} and {packed.name} lie side by side, two files for one split; remove one of them.")
    return packed


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise DataError(
            f"{path} cannot be looked for: {error.strerror}; check the permissions of its folders, or give another "
            "folder with --data-root."
        ) from None
