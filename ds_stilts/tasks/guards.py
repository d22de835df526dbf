"""Gold that cannot be right: ids that repeat, and placeholders where labels were taken off.

Benchmarks replace the labels of their test files by one value (XTREME writes 0, the hub -1 or the first class) or leave
them empty. Scores against those look like numbers and are none. Readers find what is malformed; this looks at a whole
split.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from pathlib import Path

from ds_stilts.errors import DataError
from ds_stilts.tasks.examples import (
    BitextExample,
    ChoiceExample,
    Example,
    PairExample,
    QuestionExample,
    ScoredPairExample,
    SearchExample,
    TaggedSentence,
)
from ds_stilts.tasks.task import Task

FEWEST = 20
"""Examples from which on equal gold throughout cannot be chance: two balanced classes agree in 20 with odds 2e-6."""


def check_gold(examples: Sequence[Example], task: Task, path: Path) -> None:
    """Refuse a split whose ids repeat or whose gold is one and the same value in every example.

    Args:
        path: the file that is named in the message.

    Raises:
        DataError: names the id, or the value and how many examples have it.
    """
    if len({example.id for example in examples}) < len(examples):
        id, times = Counter(example.id for example in examples).most_common(1)[0]
        raise DataError(
            f"{path}: the id '{id}' stands on {times} examples of task '{task.name}', so that predictions could not be "
            "told apart; number them or remove the repeated ones."
        )
    golds = [gold for example in examples if (gold := _gold(example)) is not None]
    if len(golds) >= FEWEST and len(set(golds)) == 1:
        raise DataError(
            f"{path}: all {len(golds)} examples of task '{task.name}' have the same gold {golds[0]!r}, as files do "
            "whose labels were taken off; get the file with its real labels, or name another split (score_split)."
        )


def check_some_gold(examples: Sequence[Example], task: Task, path: Path) -> None:
    """Refuse examples of which none has gold, where they are to be learned or scored.

    Args:
        path: the file that is named in the message.

    Raises:
        DataError: names the number of examples.
    """
    if not any(map(_has_gold, examples)):
        raise DataError(
            f"{path}: none of its {len(examples)} examples of task '{task.name}' has gold, as in files whose labels "
            "were taken off, so there is nothing to learn and no score; get the file with its labels, or name another "
            "split (score_split)."
        )


def _has_gold(example: Example) -> bool:
    if isinstance(example, (PairExample, ChoiceExample)):
        return example.label is not None
    if isinstance(example, ScoredPairExample):
        return example.score is not None
    if isinstance(example, TaggedSentence):
        return example.tags is not None
    if isinstance(example, QuestionExample):
        return example.impossible or bool(example.answers)
    if isinstance(example, BitextExample):
        return example.match is not None
    return not isinstance(example, SearchExample) or example.keys is not None


def _gold(example: Example) -> Hashable | None:
    """What a placeholder would repeat; None where the example has no gold or its format no such thing."""
    if isinstance(example, (PairExample, ChoiceExample)):
        return example.label
    if isinstance(example, TaggedSentence):
        return example.tags and (example.tags[0] if len(set(example.tags)) == 1 else example.tags)
    if isinstance(example, ScoredPairExample):
        return example.score
    if isinstance(example, QuestionExample) and example.impossible:
        return "no answer"
    if isinstance(example, QuestionExample):
        return tuple(answer.text for answer in example.answers) or None
    return None
