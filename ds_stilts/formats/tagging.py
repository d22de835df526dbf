"""Sequence tagging: one tag a word, read off the word's first sub-word.

Every word is predicted exactly once, however long the sentence: it is cut between words into as many windows as it
takes (as XTREME's `utils_preprocess.py` does when it writes its files), and `decode` joins them again.
"""

import json
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq
from itertools import chain
from typing import Any

import numpy as np
from torch import Tensor

from ds_stilts.errors import DataError
from ds_stilts.formats import metrics
from ds_stilts.formats.base import Format, Limits, Prediction, Sequence
from ds_stilts.formats.encoding import batches, read_template, tokenise
from ds_stilts.formats.logits import best_and_margin, row_counts, sum_cross_entropy
from ds_stilts.tasks.examples import Example, TaggedSentence
from ds_stilts.tasks.task import Task


class Tagging:
    """See the module; `FORMAT` is its only instance."""

    name = "tagging"
    head = "tokens"
    targets_per_unit = 1

    def num_outputs(self, task: Task) -> int:
        """One logit a tag."""
        return len(task.labels)

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """Tokenise word by word, in file order; with `training`, sentences without tags or words are left out.

        A word of which the tokenizer leaves nothing, or that alone is longer than a window, becomes one unknown
        token, so that it still has a row (both happen in UD and WikiANN).

        Raises:
            DataError: a tag that the task does not declare, or not one tag a word.
        """
        template = read_template(tokenizer)
        room = limits.max_tokens - template.num_single
        label_index = {label: index for index, label in enumerate(task.labels)}
        for batch in batches([*enumerate(examples)]):
            sentences = []
            for index, example in batch:
                assert isinstance(example, TaggedSentence)
                targets = _targets(example, label_index, task)
                if (targets and example.words) or not training:
                    sentences.append((index, example.words, targets))
            # Words are tokenised on their own, so each distinct one needs it once.
            vocabulary = list(dict.fromkeys(word for _, words, _ in sentences for word in words))
            pieces = {
                word: ids if 0 < len(ids) <= room else [tokenizer.unk_token_id]
                for word, ids in zip(vocabulary, tokenise(tokenizer, vocabulary), strict=True)
            }
            for index, words, targets in sentences:
                for first, end in _windows([len(pieces[word]) for word in words], room):
                    ids, rows = list(template.before), []
                    for word in words[first:end]:
                        rows.append(len(ids))
                        ids += pieces[word]
                    yield Sequence(
                        ids=ids + template.after,
                        example=index,
                        rows=rows,
                        targets=targets[first:end],
                        info=list(range(first, end)),
                    )

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> Tensor:
        """Summed cross entropy of logits [words, tags] and targets [words]."""
        return sum_cross_entropy(logits_NC, targets)

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[tuple[np.ndarray, np.ndarray]]:
        """Best tag's index int64 and its lead over the second fp32, of each word, a pair of arrays a sequence."""
        ends = np.cumsum(row_counts(rows_per_sequence), dtype=np.int64)
        best, margin = (np.split(values, ends)[:-1] for values in best_and_margin(logits_NC))
        return list(zip(best, margin, strict=True))

    def decode(
        self, example: Example, parts: Seq[tuple[Sequence, tuple[np.ndarray, np.ndarray]]], task: Task
    ) -> Prediction:
        """The tags of all words in order; the score is the mean logit margin."""
        assert isinstance(example, TaggedSentence)
        tags: dict[int, str] = {}
        margins: list[float] = []
        for sequence, (best, margin) in parts:
            for word, label in zip(sequence.info, best, strict=True):
                assert word not in tags, f"word {word} of sentence {example.id} is predicted twice"
                tags[word] = task.labels[label]
            margins += margin.tolist()
        assert sorted(tags) == list(range(len(example.words))), f"sentence {example.id} has words without a tag"
        return Prediction(
            gold=json.dumps(example.tags),
            prediction=json.dumps([tags[word] for word in range(len(example.words))]),
            score=float(np.mean(margins)) if margins else 0.0,
            margin=min(margins, default=None),
        )

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """`accuracy` over words, and `f1` of chunks as seqeval 0.0.12 counts them where the task asks for it.

        Raises:
            DataError: a prediction with another number of tags than its sentence, or no sentence with gold tags.
        """
        known = metrics.with_gold(rows, task.name, language)
        for row in known:
            if len(row["gold"]) != len(row["prediction"]):
                raise DataError(
                    f"task '{task.name}', language '{language}', sentence '{row['id']}': {len(row['prediction'])} "
                    f"predicted tags for {len(row['gold'])} words; predict one tag a word"
                )
        golds, guesses = [row["gold"] for row in known], [row["prediction"] for row in known]
        flat = [list(chain.from_iterable(side)) for side in (golds, guesses)]
        scores = {"accuracy": metrics.accuracy(*flat)}
        if "f1" in task.metrics:
            scores["f1"] = metrics.chunk_f1(golds, guesses)
        return scores


def _windows(lengths: Seq[int], room: int) -> Iterator[tuple[int, int]]:
    """Cut words of so many sub-words into ranges [first, past-the-end) that fit into `room`, each as long as can be.

    A sentence without words is one empty window: it is an example all the same.
    """
    first, used = 0, 0
    for word, length in enumerate(lengths):
        if used + length > room:
            yield first, word
            first, used = word, 0
        used += length
    yield first, len(lengths)


def _targets(example: TaggedSentence, label_index: Mapping[str, int], task: Task) -> list[int]:
    if example.tags is None:
        return []
    if len(example.tags) != len(example.words):
        raise DataError(
            f"task '{task.name}', sentence '{example.id}': {len(example.tags)} tags for {len(example.words)} words; "
            "correct the file"
        )
    for tag in example.tags:
        if tag not in label_index:
            raise DataError(
                f"task '{task.name}', sentence '{example.id}': tag '{tag}' is not one of {', '.join(task.labels)}; "
                "correct the file"
            )
    return [label_index[tag] for tag in example.tags]


FORMAT: Format = Tagging()
