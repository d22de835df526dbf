"""`ds-stilts data overlap`: which of a target's scored examples a recipe trains on, in phase 1, an arm or the target.

What is declared of training sets (`ds_stilts.tasks.overlap`) is set beside what is found in the files. How examples are
compared lives in `ds_stilts.data.repeats`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from ds_stilts.data.identity import stable
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.repeats import KINDS, Repeat, ScoredExamples
from ds_stilts.engine.telemetry import say
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import scoring_keys, training_keys
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import Target
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.overlap import overlap
from ds_stilts.tasks.part import chosen_words
from ds_stilts.tasks.task import Where

SHOWN = 2
"""Examples that are kept of each kind of each line."""
_ANY_LENGTH = 1 << 20


@dataclass(frozen=True, kw_only=True)
class TrainingSet:
    """What a phase trains on of one task."""

    task: str
    split: str
    languages: tuple[str, ...]
    where: Where | None = None
    max_examples: int | None = None
    """Of each language."""

    @property
    def label(self) -> str:
        """In words, without the languages."""
        first = f"first {self.max_examples:,}" if self.max_examples else ""
        asides = "; ".join(filter(None, [chosen_words(self.where), first]))
        return f"{self.task} {self.split}{f' ({asides})' if asides else ''}"


@dataclass(frozen=True, kw_only=True)
class OverlapLine:
    """One language of a target beside one training set."""

    target: str
    split: str
    language: str
    training: TrainingSet
    phases: tuple[str, ...]
    """Keys of the recipe under which it is trained on before the target is scored."""
    declared: str
    """How it relates to the target's own training set (`ds_stilts.tasks.overlap`)."""
    examples: int
    """Scored examples."""
    same: int
    near: int
    text: int
    """Of these, by how they occur in the training set (see `ds_stilts.data.repeats`); each counts once."""
    shown: tuple[Repeat, ...]
    """Of each kind those whose texts are the longest. Ids of several training languages have theirs before them."""

    @property
    def found(self) -> int:
        """Scored examples that are there in some way."""
        return self.same + self.near + self.text


def scan_overlap(run: Run) -> list[OverlapLine]:
    """Look for every scored example in everything that is trained on before it is scored.

    Raises:
        RecipeError: the recipe cannot be run as written.
        DataError: a file that is needed is missing or malformed.
    """
    check_recipe(run.recipe, processes=1)
    keys = [
        key
        for name, target in run.recipe.targets.items()
        for key in scoring_keys(run, target, get_task(name), _ANY_LENGTH)
    ]
    examples = []
    for key in keys:
        say(f"reading {key.task.name}, {key.split} in {key.language}", passing=True)
        examples.append(key.examples(run.data_root))
    index = ScoredExamples([example for own in examples for example in own])
    ends = list(accumulate(map(len, examples), initial=0))
    lines = []
    for trained in _trained(run):
        say(f"looking for scored examples in {trained.training.label}", passing=True)
        found = index.repeats(trained.stream(run.data_root))
        for key, first, end in zip(keys, ends, ends[1:], strict=False):
            if key.task.name in trained.targets:
                own = [found[number] for number in range(first, end) if number in found]
                lines.append(_line(key, trained, end - first, own))
    order = list(run.recipe.targets)
    return sorted(lines, key=lambda line: order.index(line.target))


@dataclass(frozen=True, kw_only=True)
class _Trained:
    """A training set of a recipe."""

    training: TrainingSet
    keys: list[SplitKey]
    """One of each language."""
    phases: list[str]
    targets: set[str]
    """Those that are scored after it."""

    def stream(self, root: Path) -> Iterator[Example]:
        for key in self.keys:
            for example in key.stream(root):
                yield example if len(self.keys) == 1 else replace(example, id=f"{key.language} {example.id}")


def _trained(run: Run) -> list[_Trained]:
    """Every training set, each once, in the order of the recipe's stages."""
    found: dict[str, _Trained] = {}
    for where, phase in run.recipe.trained().items():
        own = where.removeprefix("targets.") if isinstance(phase, Target) else None
        if own and get_task(own).is_searched:
            continue
        for name in [own] if own else phase.tasks:
            keys = training_keys(run, phase, get_task(name), _ANY_LENGTH)
            training = TrainingSet(
                task=get_task(name).perturbed_from or name,  # only what is scored of such a task is its own
                split=keys[0].split,
                languages=tuple(key.language for key in keys),
                where=keys[0].where,
                max_examples=keys[0].max_examples,
            )
            new = _Trained(training=training, keys=keys, phases=[], targets=set())
            one = found.setdefault(stable(training), new)
            one.phases.append(where)
            one.targets.update([own] if own else run.recipe.targets)
    return list(found.values())


def _line(key: SplitKey, trained: _Trained, num_examples: int, found: list[Repeat]) -> OverlapLine:
    kinds = {kind: [one for one in found if one.kind == kind] for kind in KINDS}
    shown = [one for own in kinds.values() for one in sorted(own, key=lambda one: -len(one.texts[0]))[:SHOWN]]
    before = [where for where in trained.phases if where in ("start.pretrain", f"targets.{key.task.name}")]
    before += [where for where in trained.phases if where.startswith("arms.")]
    return OverlapLine(
        target=key.task.name,
        split=key.split,
        language=key.language,
        training=trained.training,
        phases=tuple(before),
        declared=overlap(trained.keys[0].task, key.task),
        examples=num_examples,
        **{kind: len(own) for kind, own in kinds.items()},
        shown=tuple(shown),
    )
