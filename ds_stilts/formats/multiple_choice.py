"""Multiple choice: each choice is a pair (context, choice) with one logit; a softmax runs over the choices.

The choices of an example are consecutive sequences and one training item: only the first carries `item=True` and the
target, so that the choices of an example never part. Where the two are too long, their beginnings go, as in jiant
(templates/multiple_choice.py, `truncate_end=False`): the question usually stands at the context's end.
"""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq
from typing import Any

import torch
from torch import Tensor

from ds_stilts.errors import DataError
from ds_stilts.formats import metrics
from ds_stilts.formats.base import Format, Limits, Prediction, Sequence
from ds_stilts.formats.encoding import batches, encode_texts, read_template
from ds_stilts.formats.logits import best_and_margin, best_probability, sum_cross_entropy
from ds_stilts.tasks.examples import ChoiceExample, Example
from ds_stilts.tasks.task import Task


class MultipleChoice:
    """See the module; `FORMAT` is its only instance."""

    name = "multiple_choice"
    head = "choice"
    targets_per_unit = 1

    def num_outputs(self, task: Task) -> int:
        """One logit a choice, from the same head for each."""
        return 1

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """Tokenise in file order; with `training`, examples without a label are left out.

        Raises:
            DataError: another number of choices than the task declares, or a label that names none of them.
        """
        template = read_template(tokenizer)
        for batch in batches([*enumerate(examples)]):
            texts: list[tuple[str, str | None]] = []
            kept: list[tuple[int, list[int]]] = []
            for index, example in batch:
                assert isinstance(example, ChoiceExample)
                _check(example, task)
                if example.label is None and training:
                    continue
                targets = [] if example.label is None else [example.label]
                for number, choice in enumerate(example.choices):
                    texts.append((example.context, choice))
                    kept.append((index, targets if number == 0 else []))
            encoded = encode_texts(tokenizer, texts, limits.max_tokens, keep_end=True)
            for position, ((index, targets), (ids, second)) in enumerate(zip(kept, encoded, strict=True)):
                yield Sequence(
                    ids=ids,
                    example=index,
                    second=second,
                    rows=[template.summary(len(ids))],
                    targets=targets,
                    info=[],
                    item=position % task.num_choices == 0,
                )

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> Tensor:
        """Summed cross entropy over the choices: logits [S, 1] as [examples, choices], targets [examples]."""
        return sum_cross_entropy(logits_NC.reshape(-1, task.num_choices), targets)

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[float]:
        """The logit of each sequence."""
        logits: list[float] = logits_NC.detach().float().reshape(-1).cpu().tolist()
        return logits

    def decode(self, example: Example, parts: Seq[tuple[Sequence, float]], task: Task) -> Prediction:
        """Index of the best choice (the first among equals); the score is its lead over the second."""
        assert isinstance(example, ChoiceExample) and len(parts) == task.num_choices
        logits_1C = torch.tensor([[logit for _, logit in parts]])
        best, margin = best_and_margin(logits_1C)
        return Prediction(
            gold=json.dumps(example.label),
            prediction=json.dumps(int(best[0])),
            score=float(margin[0]),
            margin=float(margin[0]),
            confidence=float(best_probability(logits_1C)[0]),
        )

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """`accuracy`."""
        known = metrics.with_gold(rows, task.name, language)
        return {"accuracy": metrics.accuracy([row["gold"] for row in known], [row["prediction"] for row in known])}


def _check(example: ChoiceExample, task: Task) -> None:
    if len(example.choices) != task.num_choices:
        raise DataError(
            f"task '{task.name}', example '{example.id}': {len(example.choices)} choices where the task has "
            f"{task.num_choices}; correct the file"
        )
    if example.label is not None and not 0 <= example.label < task.num_choices:
        raise DataError(
            f"task '{task.name}', example '{example.id}': label {example.label} names none of the "
            f"{task.num_choices} choices, which count from 0; correct the file"
        )


FORMAT: Format = MultipleChoice()
