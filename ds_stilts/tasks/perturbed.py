"""The perturbed copy of a target: trained on the same clean data, scored on texts that were disturbed. For robustness.

What is lost from the clean target to its copy is how much a model leans on what was disturbed. Gold is never touched:
of questions the question is perturbed, or a sentence is put behind the context, so that every answer stands where it
stood; ids stay, so that rows pair with those of the clean target. Drawn by the seed and the example's id alone.

A copy has the name of its task in `perturbed_from`: it is in no benchmark's total and in no mean over targets.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from random import Random

from ds_stilts.errors import RecipeError
from ds_stilts.tasks.examples import Example, PairExample, QuestionExample, TaggedSentence
from ds_stilts.tasks.perturbations import NOISE_RATE, add_noise, fold, sentences
from ds_stilts.tasks.task import Task

SEED = "perturbed"
"""Draws depend on it, the perturbation and the example's id: the same in every run, study and language."""
TRIES = 20
"""Contexts that are looked into for a sentence to append."""


@dataclass(frozen=True, kw_only=True)
class Perturbation:
    """One way to disturb what is scored."""

    title: str
    """What stands behind the task's title; `{text}` is what of it is disturbed."""
    note: str
    """What is done, as a sentence; `{text}` as in the title."""
    formats: tuple[str, ...]
    of: Callable[[list[Example], str], Iterable[Example]]
    """`of(examples, name)`: all of one language, in file order; `name` is the perturbation's."""


def is_perturbed(name: str) -> bool:
    """Whether a task of that name is a perturbed copy."""
    return name.partition(":")[2] in PERTURBATIONS


def perturbed(task: Task, name: str) -> Task:
    """The copy named "TASK:NAME": the same head, training and development data; the scored split is perturbed.

    Args:
        name: one of `PERTURBATIONS`.

    Raises:
        RecipeError: nothing of a task of this format can be perturbed so.
    """
    way = PERTURBATIONS[name]
    if task.format not in way.formats:
        raise RecipeError(
            f"there is no '{task.name}:{name}': '{task.name}' is {task.format}, and only {' or '.join(way.formats)} is "
            "perturbed so."
        )
    scored = task.split(task.score_split)
    return replace(
        task,
        name=f"{task.name}:{name}",
        title=f"{task.title}, {way.title.format(text=TEXTS[task.format])}",
        benchmarks={},
        splits={**task.splits, task.score_split: replace(scored, then=_Scored(name=name))},
        perturbed_from=task.name,
        note=" ".join(filter(None, (task.note, way.note.format(text=TEXTS[task.format])))),
    )


@dataclass(frozen=True, kw_only=True)
class _Scored:
    """`Split.then` of a copy; by value, so that two copies of one task are equal."""

    name: str

    def __call__(self, examples: Iterable[Example], *, task: Task, language: str) -> Iterable[Example]:
        return PERTURBATIONS[self.name].of(list(examples), self.name)


def _each(examples: list[Example], name: str, *, change: Callable[[str, Random], str]) -> Iterable[Example]:
    for example in examples:
        yield _changed(example, change, _random(name, example))


def _changed(example: Example, change: Callable[[str, Random], str], random: Random) -> Example:
    if isinstance(example, QuestionExample):
        return replace(example, question=change(example.question, random))
    if isinstance(example, PairExample):
        premise, hypothesis = (change(text, random) for text in (example.premise, example.hypothesis))
        return replace(example, premise=premise, hypothesis=hypothesis)
    assert isinstance(example, TaggedSentence)
    return replace(example, words=tuple(change(word, random) for word in example.words))


def _with_distractor(examples: list[Example], name: str) -> Iterable[Example]:
    """Each context with a sentence of another one behind it, in which none of the answers stands."""
    contexts = list(dict.fromkeys(one.context for one in examples if isinstance(one, QuestionExample)))
    pieces = {context: sentences(context) for context in contexts}
    for example in examples:
        assert isinstance(example, QuestionExample)
        yield replace(example, context=_appended(example, contexts, pieces, _random(name, example)))


def _appended(example: QuestionExample, contexts: list[str], pieces: Mapping[str, list[str]], random: Random) -> str:
    """The context as it is where of `TRIES` others, drawn, none has a sentence that fits."""
    answers = [answer.text.casefold() for answer in example.answers]
    for context in random.choices(contexts, k=TRIES):
        fitting = [piece for piece in pieces[context] if not any(text in piece.casefold() for text in answers)]
        if context != example.context and fitting:
            return f"{example.context} {random.choice(fitting)}"
    return example.context


def _random(name: str, example: Example) -> Random:
    return Random(f"{SEED}/{name}/{example.id}")  # a string seeds by its SHA-512, equal in every process


def _fold(text: str, random: Random) -> str:
    return fold(text)


TEXTS = {"span_qa": "in questions", "sentence_pair": "in sentences", "tagging": "in words"}
"""By format, what of an example is disturbed."""

PERTURBATIONS: Mapping[str, Perturbation] = {
    "noise": Perturbation(
        title="character noise {text}",
        note=f"Perturbed: {NOISE_RATE:.0%} of the letters {{text}} are left out, doubled or swapped with the next one.",
        formats=tuple(TEXTS),
        of=partial(_each, change=add_noise),
    ),
    "no_case": Perturbation(
        title="no case and no diacritics {text}",
        note="Perturbed: small letters {text}, and no diacritics in Latin, Greek, Cyrillic, Arabic and Hebrew script; "
        "a language without either is as in the clean target.",
        formats=tuple(TEXTS),
        of=partial(_each, change=_fold),
    ),
    "distractor": Perturbation(
        title="a foreign sentence behind each context",
        note="Perturbed: behind each context stands a sentence of another one in the same file, without any of the "
        "answers in it.",
        formats=("span_qa",),
        of=_with_distractor,
    ),
}
"""What is made of a target where its name is followed by a colon and one of these."""
