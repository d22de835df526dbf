"""The label-shuffled copy of a task: the same inputs with labels that say nothing, a control for intermediate training.

What an arm trained on it gains comes from seeing the inputs and from the extra steps, not from the task (random labels
after Zhang et al. 2017, arXiv:1611.03530). Only the training split is shuffled; the others keep their gold.
The shuffle depends on the task's name and the language alone, so every run and every rank has the same one.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from random import Random

from ds_stilts.errors import RecipeError
from ds_stilts.tasks.examples import (
    Answer,
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    TaggedSentence,
)
from ds_stilts.tasks.task import Task

SUFFIX = ":shuffled"


def shuffled(task: Task) -> Task:
    """The copy named "NAME:shuffled", with a head of its own and the same `train_data` (its inputs are the same).

    Raises:
        RecipeError: the task has no labelled training split.
    """
    if "train" not in task.splits or task.format in ("masked_lm", "retrieval"):
        raise RecipeError(f"task '{task.name}' has no labelled training split, so there is no '{task.name}{SUFFIX}'.")
    name = task.name + SUFFIX
    train = task.splits["train"]
    return replace(
        task,
        name=name,
        title=f"{task.title}, training labels shuffled",
        head=name.replace(":", "_"),
        splits={**task.splits, "train": replace(train, read=partial(_read_shuffled, read=train.read))},
    )


def _read_shuffled(
    path: Path, *, task: Task, language: str, labels_path: Path | None, read: Callable[..., list[Example]]
) -> list[Example]:
    examples = read(path, task=task, language=language, labels_path=labels_path)
    return shuffle_gold(examples, Random(f"{task.name}/{language}"))


def shuffle_gold(examples: Sequence[Example], random: Random) -> list[Example]:
    """Examples of one format with their gold moved about.

    Pairs and choices: labels are permuted over the examples, so the label counts stay. Tags: permuted within each
    sentence. Questions: each answer becomes another span of the same context with as many words.
    """
    sources = list(range(len(examples)))
    random.shuffle(sources)
    return [_with_gold(example, examples[source], random) for example, source in zip(examples, sources, strict=True)]


def _with_gold(example: Example, source: Example, random: Random) -> Example:
    if isinstance(example, PairExample) and isinstance(source, PairExample):
        return replace(example, label=source.label)
    if isinstance(example, ChoiceExample) and isinstance(source, ChoiceExample):
        return replace(example, label=source.label)
    if isinstance(example, TaggedSentence) and example.tags is not None:
        return replace(example, tags=tuple(random.sample(example.tags, len(example.tags))))
    if isinstance(example, QuestionExample):
        return replace(example, answers=tuple(_elsewhere(example.context, a, random) for a in example.answers))
    return example


def _elsewhere(context: str, answer: Answer, random: Random) -> Answer:
    """A random span with the answer's number of white-space words that does not touch it.

    Where words do not do (no spaces, or the answer fills most of the context), a span of as many characters that does
    not touch it; the answer itself when there is no room for that either.
    """
    words = [match.span() for match in re.finditer(r"\S+", context)]
    last = len(answer.text.split()) - 1
    by_words = [(first[0], words[n + last][1]) for n, first in enumerate(words[: len(words) - last])]
    by_characters = (
        (start, start + len(answer.text))
        for start in range(len(context) - len(answer.text) + 1)
        if not context[start].isspace() and not context[start + len(answer.text) - 1].isspace()
    )
    for spans in (by_words, by_characters):
        apart = [span for span in spans if span[1] <= answer.start or span[0] >= answer.start + len(answer.text)]
        if apart:
            start, end = random.choice(apart)
            return Answer(text=context[start:end], start=start)
    return answer
