"""Sentence-pair (and single-sentence) classification: NLI, paraphrase.

One sequence an example, cut longest-first; the head reads the token that stands for the whole. An empty hypothesis
means one sentence.
"""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq
from typing import Any

from torch import Tensor

from ds_stilts.errors import DataError
from ds_stilts.formats import metrics
from ds_stilts.formats.base import Format, Limits, Prediction, Sequence
from ds_stilts.formats.encoding import batches, encode_texts, read_template
from ds_stilts.formats.logits import best_and_margin, best_probability, sum_cross_entropy
from ds_stilts.tasks.examples import Example, PairExample
from ds_stilts.tasks.task import Task


class SentencePair:
    """See the module; `FORMAT` is its only instance."""

    name = "sentence_pair"
    head = "classification"
    targets_per_unit = 1

    def num_outputs(self, task: Task) -> int:
        """One logit a label."""
        return len(task.labels)

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """Tokenise in file order; with `training`, examples without a label are left out.

        Raises:
            DataError: a label that the task does not declare.
        """
        template = read_template(tokenizer)
        for batch in batches([*enumerate(examples)]):
            texts: list[tuple[str, str | None]] = []
            kept: list[tuple[int, list[int]]] = []
            for index, example in batch:
                assert isinstance(example, PairExample)
                targets = _target(example, task)
                if targets or not training:
                    texts.append((example.premise, example.hypothesis or None))
                    kept.append((index, targets))
            for (index, targets), (ids, second) in zip(
                kept, encode_texts(tokenizer, texts, limits.max_tokens), strict=True
            ):
                rows = [template.summary(len(ids))]
                yield Sequence(ids=ids, example=index, second=second, rows=rows, targets=targets, info=[])

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> Tensor:
        """Summed cross entropy of logits [S, labels] and targets [S]."""
        return sum_cross_entropy(logits_NC, targets)

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[tuple[int, float, float]]:
        """Best label's index, its lead over the second, and its probability, of each sequence."""
        best, margin = best_and_margin(logits_NC)
        return list(zip(best.tolist(), margin.tolist(), best_probability(logits_NC).tolist(), strict=True))

    def decode(self, example: Example, parts: Seq[tuple[Sequence, tuple[int, float, float]]], task: Task) -> Prediction:
        """The label as a string; the score is the logit margin of best against second."""
        assert isinstance(example, PairExample) and len(parts) == 1
        best, margin, probability = parts[0][1]
        return Prediction(
            gold=json.dumps(example.label),
            prediction=json.dumps(task.labels[best]),
            score=margin,
            margin=margin,
            confidence=probability,
        )

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """`accuracy`; where the task asks for them, `f1` of the label "1" (or else the last one) and `macro_f1`.

        `macro_f1` is the mean F1 of the labels that occur as gold or as prediction, as scikit-learn averages.
        """
        known = metrics.with_gold(rows, task.name, language)
        golds, guesses = [row["gold"] for row in known], [row["prediction"] for row in known]
        scores = {"accuracy": metrics.accuracy(golds, guesses)}
        if "f1" in task.metrics:
            scores["f1"] = metrics.binary_f1(golds, guesses, positive_label(task))
        if "macro_f1" in task.metrics:
            seen = [label for label in task.labels if label in golds or label in guesses]
            scores["macro_f1"] = sum(metrics.binary_f1(golds, guesses, label) for label in seen) / len(seen)
        return scores


def positive_label(task: Task) -> str:
    """The label that `f1` is of."""
    return "1" if "1" in task.labels else task.labels[-1]


def _target(example: PairExample, task: Task) -> list[int]:
    if example.label is None:
        return []
    if example.label not in task.labels:
        raise DataError(
            f"task '{task.name}', example '{example.id}': label '{example.label}' is not one of "
            f"{', '.join(task.labels)}; correct the file"
        )
    return [task.labels.index(example.label)]


FORMAT: Format = SentencePair()
