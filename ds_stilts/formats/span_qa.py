"""Extractive question answering: the answer is a span of the context or, as SQuAD v2.0 has it, there is none.

The question comes first and the context is cut into overlapping windows, all of which are trained on (as
transformers' `run_qa.py` does): a window without the whole answer learns to point at its first token, and so do all
windows of a question that cannot be answered. Spans are mapped by character offsets alone, never by counting special
tokens. How answers are compared does not live here (`answers`).
"""

import json
import logging
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ds_stilts.errors import DataError
from ds_stilts.formats import answers, metrics
from ds_stilts.formats.base import Format, Limits, Prediction, Sequence
from ds_stilts.formats.encoding import Template, batches, read_template, tokenise, tokenise_with_offsets
from ds_stilts.formats.logits import pad_rows, sum_cross_entropy
from ds_stilts.formats.span_windows import Offsets, locate, max_question_tokens, trim, windows
from ds_stilts.tasks.examples import Example, QuestionExample
from ds_stilts.tasks.task import Task

NUM_CANDIDATES = 20
"""Best starts and ends kept of each window (`n_best_size` of run_qa.py and of XTREME's scripts)."""
MAX_ANSWER_TOKENS = 30
"""Longest answer (`max_answer_length` of the same)."""

NO_SPAN = (-1, -1)
"""Gold of a question that cannot be answered: inside no window."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """The best start and end rows of one window, at most `NUM_CANDIDATES` of each."""

    starts: np.ndarray
    """int64, row indices."""
    start_logits: np.ndarray
    """float32"""
    ends: np.ndarray
    end_logits: np.ndarray
    nothing: float
    """Start and end logit of the window's first row, summed: how much it wants to give no answer."""


class SpanQA:
    """See the module; `FORMAT` is its only instance."""

    name = "span_qa"
    head = "span"
    targets_per_unit = 2

    def num_outputs(self, task: Task) -> int:
        """A start and an end logit a token."""
        return 2

    def encode(
        self, examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
    ) -> Iterator[Sequence]:
        """Cut into windows, in file order. With `training`: targets from the first answer, no `info`, and questions
        left out that have no gold or whose first answer has no place in the context. Without: `info` and no targets, so
        that faults of a gold offset never stop scoring.

        Raises:
            DataError: a training answer that no token of the context touches.
            RecipeError: `limits` leave no room for the context.
        """
        template = read_template(tokenizer)
        for batch in batches([*enumerate(examples)]):
            questions = []
            for index, example in batch:
                assert isinstance(example, QuestionExample)
                if not training or _has_target(example):
                    questions.append((index, example))
            asked = tokenise(tokenizer, [example.question.lstrip() for _, example in questions])
            # Questions about one paragraph follow each other: tokenise each paragraph once.
            contexts = list(dict.fromkeys(example.context for _, example in questions))
            known = dict(zip(contexts, tokenise_with_offsets(tokenizer, contexts), strict=True))
            trimmed = {context: trim(offsets, context) for context, (_, offsets) in known.items()}
            for (index, example), question in zip(questions, asked, strict=True):
                question = question[: max_question_tokens(limits)]
                ids, offsets = known[example.context][0], trimmed[example.context]
                span = _gold_span(example, offsets, task) if training else None
                yield from _windows(index, question, ids, offsets, span, template, limits)

    def loss(self, logits_NC: Tensor, targets: Tensor, rows_per_sequence: Any, task: Task) -> Tensor:
        """Sum over windows of the mean of start and end cross entropy, each over all tokens of its window.

        Windows differ in length: logits [N, 2] are laid out as [S, longest, 2] with -inf beyond a window's end, where
        the softmax is exactly 0, so that filling never takes part. `targets` [2 S] are start and end in turn.
        """
        if targets.numel() == 0:
            return sum_cross_entropy(logits_NC, targets)
        logits_SR2 = pad_rows(logits_NC, rows_per_sequence)
        targets_S2 = targets.reshape(-1, 2)
        return (
            sum_cross_entropy(logits_SR2[..., 0], targets_S2[:, 0])
            + sum_cross_entropy(logits_SR2[..., 1], targets_S2[:, 1])
        ) / 2

    def reduce(self, logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[Candidates]:
        """The best starts and ends of each window; among equal logits earlier rows, whatever else is in the batch."""
        if logits_NC.shape[0] == 0:
            return []
        logits_SR2 = pad_rows(logits_NC.detach(), rows_per_sequence)
        nothing = logits_SR2[:, 0].cpu().numpy().astype(np.float64).sum(axis=1)
        # A stable sort, since topk leaves the order of equals open.
        ordered = torch.sort(logits_SR2, dim=1, descending=True, stable=True)
        values = ordered.values[:, :NUM_CANDIDATES].cpu().numpy()
        indices = ordered.indices[:, :NUM_CANDIDATES].cpu().numpy()
        found = []
        for s, num_rows in enumerate(int(n) for n in rows_per_sequence):
            kept = slice(0, min(num_rows, NUM_CANDIDATES))
            found.append(
                Candidates(
                    starts=indices[s, kept, 0].copy(),
                    start_logits=values[s, kept, 0].copy(),
                    ends=indices[s, kept, 1].copy(),
                    end_logits=values[s, kept, 1].copy(),
                    nothing=float(nothing[s]),
                )
            )
        return found

    def decode(self, example: Example, parts: Seq[tuple[Sequence, Candidates]], task: Task) -> Prediction:
        """The best span of all windows by start + end logit: inside the context, not backwards, not too long.

        Equal spans: the earlier window, then the earlier start, then the shorter one. If no pair of candidates is a
        span of the context, the answer is "" with score 0 (`run_qa.py` says "empty" there).

        Where no answer is possible, the prediction is {"answer", "span"}: the best span, and the same or "". As in
        `postprocess_qa_predictions` of `run_qa.py`, "no answer" is worth the least that any window gives to it, since
        all must want it; the score is the span's lead over that, and below 0 (`null_score_diff_threshold`) there is no
        answer.
        """
        assert isinstance(example, QuestionExample)
        found = [_spans(kept, np.asarray(own.info, dtype=np.int64).reshape(-1, 2)) for own, kept in parts]
        logits, characters = np.concatenate([one for one, _ in found]), np.concatenate([two for _, two in found])
        text, score, margin = "", 0.0, None
        if len(logits):
            best = int(logits.argmax())  # the first of equals
            start, end = characters[best].tolist()
            text, score = example.context[start:end], float(logits[best])
            others = logits[(characters != characters[best]).any(axis=1)]  # windows overlap: a span may stand twice
            margin = score - float(others.max()) if len(others) else None
        prediction: str | dict[str, str] = text
        if task.no_answer:
            score -= min(candidates.nothing for _, candidates in parts)
            prediction = {"answer": text if score >= 0 else "", "span": text}
            margin = abs(score) if margin is None else min(abs(score), margin)
        gold = [""] if example.impossible else [answer.text for answer in example.answers] or None
        return Prediction(
            gold=json.dumps(gold, ensure_ascii=False),
            prediction=json.dumps(prediction, ensure_ascii=False),
            score=score,
            margin=margin,
        )

    def score(self, rows: Seq[Mapping[str, Any]], task: Task, language: str) -> dict[str, float]:
        """`exact_match` and `f1` over the questions whose gold is known, compared as `task.answer_normaliser` says.

        Where no answer is possible, beside these `best_exact_match` and `best_f1`: those with the best threshold.

        Raises:
            DataError: no question has gold, or MLQA's normaliser does not know the language.
        """
        known = metrics.with_gold(rows, task.name, language)
        if len(known) < len(rows):
            _log.warning(
                "task '%s', language '%s': %d of %d questions have no gold answer and are not scored",
                task.name,
                language,
                len(rows) - len(known),
                len(rows),
            )
        golds, guesses = [row["gold"] for row in known], [row["prediction"] for row in known]
        normalise = answers.normaliser(task.answer_normaliser, language)
        if not task.no_answer:
            return answers.answer_scores(golds, guesses, normalise)
        return answers.no_answer_scores(
            golds,
            answers=[guess["answer"] for guess in guesses],
            spans=[guess["span"] for guess in guesses],
            margins=[row["score"] for row in known],
            normalise=normalise,
        )


def _windows(
    index: int,
    question: list[int],
    context: list[int],
    offsets: Offsets,
    span: tuple[int, int] | None,
    template: Template,
    limits: Limits,
) -> Iterator[Sequence]:
    """All windows of one question; `span` is its gold in context tokens (or `NO_SPAN`), None outside training."""
    head = template.before + question + template.between
    room = limits.max_tokens - len(head) - len(template.after)
    for first, end in windows(len(context), room, limits.doc_stride):
        ids = head + context[first:end] + template.after
        rows, targets, info = template.rows(len(ids)), [], []
        before = rows.index(len(head))  # rows of tokens that are not the context's
        if span is None:
            outside = [-1, -1]
            inside = [character for offset in offsets[first:end] for character in offset]
            info = outside * before + inside + outside * (len(rows) - before - (end - first))
        elif first <= span[0] and span[1] < end:
            targets = [before + span[0] - first, before + span[1] - first]
        else:
            targets = [0, 0]
        yield Sequence(ids=ids, example=index, second=len(head), rows=rows, targets=targets, info=info)


def _has_target(example: QuestionExample) -> bool:
    """Whether training can learn from a question."""
    return example.impossible or (bool(example.answers) and example.answers[0].start is not None)


def _gold_span(example: QuestionExample, offsets: Offsets, task: Task) -> tuple[int, int]:
    """First and last context token of the first answer, widened to whole tokens where it begins or ends inside one."""
    if example.impossible:
        return NO_SPAN
    answer = example.answers[0]
    assert answer.start is not None, example.id
    start = answer.start + len(answer.text) - len(answer.text.lstrip())
    end = answer.start + len(answer.text.rstrip())
    span = locate(start, end, offsets) if start < end else None
    if span is None:
        raise DataError(
            f"task '{task.name}', question '{example.id}': the answer {answer.text!r} at character {answer.start} has "
            "no token in the context; remove the question from the training file"
        )
    uncovered = example.context[start : offsets[span[0]][0]] + example.context[offsets[span[1]][1] : end]
    assert not any(character.isalnum() for character in uncovered), (example.id, answer, uncovered)
    return span


def _spans(candidates: Candidates, characters_R2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Start + end logit fp64 [N] and characters [N, 2] of every span of one window whose start and end are candidates,
    by the place of its start, then of its end: the first of equals is the earliest start and the shortest span."""
    by_start, by_end = np.argsort(candidates.starts), np.argsort(candidates.ends)
    starts, ends = candidates.starts[by_start], candidates.ends[by_end]
    first_character, end_character = characters_R2[starts, 0], characters_R2[ends, 1]
    length = ends[None, :] - starts[:, None] + 1
    allowed = (length >= 1) & (length <= MAX_ANSWER_TOKENS)
    allowed &= (first_character[:, None] >= 0) & (end_character[None, :] > first_character[:, None])
    logits = candidates.start_logits[by_start].astype(np.float64)[:, None] + candidates.end_logits[by_end][None, :]
    rows, columns = np.nonzero(allowed)
    return logits[rows, columns], np.stack([first_character[rows], end_character[columns]], axis=1)


FORMAT: Format = SpanQA()
