"""Predictions of a model that writes text: the likeliest of all labels, or what it writes, greedily, read by the task's
text form. They are the same JSON as a head's, so scores are computed from them in the same way.

Where all labels part at one token ("0", "1", "2"), that token decides, as in a greedy search that may write nothing
but labels: its likelihoods, among the labels, need one decoder position and a few rows of the output matrix.

Every rank makes as many forward passes as every other: where text is written, all go on until the last one is done.
What an example's answer is does not depend on its neighbours in a batch: each is cut at a length of its own.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import torch

from ds_stilts.data.batch import PackedBatch, scoring_batch
from ds_stilts.data.prepared import Prepared
from ds_stilts.data.targets import label_targets
from ds_stilts.engine.world import World
from ds_stilts.errors import DataError
from ds_stilts.evaluation.finite import check_finite
from ds_stilts.evaluation.work import ForwardBatch
from ds_stilts.formats.base import Prediction
from ds_stilts.formats.encoding import read_template, tokenise
from ds_stilts.formats.entropy import entropy
from ds_stilts.formats.logits import best_and_margin, best_probability
from ds_stilts.formats.text_to_text import TextForm, get_text_form
from ds_stilts.models.packing import order_by_length
from ds_stilts.models.seq2seq import Writing
from ds_stilts.tasks.examples import Example, TaggedSentence
from ds_stilts.tasks.task import Task

MOST_ROWS = 2048
"""Most decoder positions in one forward pass: of mT5's vocabulary of 250,112, fp32 logits of 2 GB."""
MOST_ANSWER_TOKENS = 64
"""Longest answer to a question; the encoder's are 30 tokens at most, and here punctuation has spaces around it."""
MOST_ENTITY_TOKENS = 8
"""Tokens beside its words that an entity may take: its type, a colon, the delimiter."""


@dataclass(frozen=True)
class _Answer:
    text: str
    score: float
    confidence: float | None = None
    """Its share of the likelihood of all answers that it was chosen among."""
    margin: float | None = None
    """Least lead of what was taken over the next best: of a label's log-likelihood, or of a token's logit."""
    entropy: float | None = None
    """In nats, of the likelihoods of all answers that it was chosen among, as shares."""


def most_examples(task: Task, tokenizer: Any, limit: int | None) -> int | None:
    """Most examples in one forward batch, so that no more than `MOST_ROWS` positions meet the vocabulary at once."""
    labels = _labels(task, tokenizer)[1]
    if parting(labels):
        return limit
    most = max(1, MOST_ROWS // max(1, sum(len(ids) for ids in labels)))
    return min(most, limit or most)


def predict_text(
    model: Callable[..., Any],
    task: Task,
    prepared: Prepared,
    batches: Iterable[ForwardBatch],
    examples: list[Example],
    tokenizer: Any,
    world: World,
) -> dict[int, Prediction]:
    """One rank's predictions by the place of their example; a collective.

    Args:
        model: an engine or module over `TextObjective`, in evaluation mode.
        prepared: text-to-text sequences of the task, one an example.
        batches: this rank's part, as many as every other rank's.
        examples: all raw examples.

    Raises:
        DataError: the tokenizer writes two labels alike.
        CheckpointError: what the model gives is not finite.
    """
    form = get_text_form(task.format)
    texts, labels = _labels(task, tokenizer)
    longest_tag = max((len(ids) for ids in tokenise(tokenizer, [f" {label}" for label in task.labels])), default=0)
    predictions: dict[int, Prediction] = {}
    for batch in batches:
        packed = scoring_batch(task.name, prepared, batch.sequences).to(world.device)
        order = order_by_length([len(prepared.ids[index]) for index in batch.sequences])
        places = [int(prepared.example[batch.sequences[i]]) for i in order]  # examples in packed order
        with torch.no_grad():
            if labels:
                answers = _choose(model, task, packed, texts, labels)
            else:
                limits = [
                    _most_tokens(examples[place], length, longest_tag)
                    for place, length in zip(places, packed.packing.lengths, strict=True)
                ]
                answers = _write(model, task, packed, limits, tokenizer, world)
        if not batch.ghost:
            for place, answer in zip(places, answers, strict=True):
                predictions[place] = _prediction(form, task, examples[place], answer)
    return predictions


def _labels(task: Task, tokenizer: Any) -> tuple[tuple[str, ...], list[list[int]]]:
    """The texts that an answer is chosen among, and their tokens; none where answers are open."""
    texts = get_text_form(task.format).label_texts(task)
    end = read_template(tokenizer).after
    labels = [ids + end for ids in tokenise(tokenizer, texts)]
    if len({tuple(ids) for ids in labels}) < len(labels):
        raise DataError(
            f"task '{task.name}': the start model's tokenizer writes two of its labels ({', '.join(texts)}) alike; "
            "give them other names, or use the encoder with a head (start.use: heads)"
        )
    return texts, labels


def parting(labels: list[list[int]]) -> tuple[list[int], list[int]] | None:
    """The tokens that all labels begin with and the next one of each, if no two labels share that; else None."""
    if len(labels) < 2:
        return None
    shared = next(place for place, tokens in enumerate(zip_longest(*labels)) if len(set(tokens)) > 1)
    following = [ids[shared] for ids in labels if len(ids) > shared]
    return (labels[0][:shared], following) if len(set(following)) == len(labels) else None


def _choose(
    model: Callable[..., Any], task: Task, packed: PackedBatch, texts: Sequence[str], labels: list[list[int]]
) -> list[_Answer]:
    """The label of the greatest log-likelihood for each source, in packed order, scored by its lead over the second."""
    parted = parting(labels)
    if parted:
        shared, following = parted
        target = [*shared, following[0]]  # what stands last is not read
        targets = replace(label_targets([target], packed.packing), among=tuple(following)).to(packed.ids.device)
        values = likelihoods_SL = model(replace(packed, targets=targets), None)[1]["logits"]  # but for what all share
    else:
        targets = label_targets(labels, packed.packing).to(packed.ids.device)
        values = model(replace(packed, targets=targets), None)[1]["losses"]
        likelihoods_SL = -targets.per_target(values).view(-1, len(labels))
    check_finite(values, f"task '{task.name}': the labels' likelihoods")
    best, margins = best_and_margin(likelihoods_SL)
    shares = best_probability(likelihoods_SL)
    undecided = entropy(likelihoods_SL).tolist()
    return [
        _Answer(texts[i], float(margin), float(share), float(margin), own)
        for i, margin, share, own in zip(best, margins, shares, undecided, strict=True)
    ]


def _write(
    model: Callable[..., Any], task: Task, packed: PackedBatch, limits: list[int], tokenizer: Any, world: World
) -> list[_Answer]:
    """What is written for each source, in packed order, the likeliest token at each step.

    It is scored by its log-likelihood; where questions may have no answer, by the lead of anything over nothing.

    Args:
        limits: most tokens of each.
    """
    margins = task.no_answer
    end = tokenizer.eos_token_id
    states, _ = model(packed, None)
    writing = Writing(states, packed.packing)
    count = len(limits)
    written: list[list[int]] = [[] for _ in limits]
    done = [False] * count
    scores, leads = [0.0] * count, [float("inf")] * count
    tokens = None
    while True:
        _, found = model(writing, None, tokens)
        logits_SV = found["logits"].float()
        tokens = logits_SV.argmax(dim=1)
        gained = logits_SV.gather(1, tokens[:, None])[:, 0] - logits_SV.logsumexp(dim=1)
        check_finite(gained, f"task '{task.name}': the next token's logits")
        if margins and writing.num_steps == 1:
            others = logits_SV.clone()
            others[:, end] = float("-inf")
            scores = (others.max(dim=1).values - logits_SV[:, end]).tolist()
        lead = logits_SV.gather(1, tokens[:, None])[:, 0]
        lead -= logits_SV.scatter_(1, tokens[:, None], float("-inf")).max(dim=1).values  # the last use of the logits
        for i, (token, gain, own) in enumerate(zip(tokens.tolist(), gained.tolist(), lead.tolist(), strict=True)):
            if done[i]:
                continue
            leads[i] = min(leads[i], own)
            scores[i] += 0.0 if margins else gain
            if token != end:
                written[i].append(token)
            done[i] = token == end or writing.num_steps >= limits[i]
        if not world.any(not all(done)):
            break
    texts = as_text(tokenizer, written)
    return [_Answer(text, score, margin=lead) for text, score, lead in zip(texts, scores, leads, strict=True)]


def as_text(tokenizer: Any, written: Sequence[Sequence[int]]) -> list[str]:
    """What was written, space by space: a tokenizer that transformers 4 saved may be set to take out those before
    punctuation, by which words of a tagged sentence would no longer be found."""
    texts = tokenizer.batch_decode(written, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    return [str(text) for text in texts]


def _most_tokens(example: Example, source_tokens: int, longest_tag: int) -> int:
    """Where writing an answer is ended, its end included."""
    if not isinstance(example, TaggedSentence):
        return MOST_ANSWER_TOKENS
    return source_tokens + len(example.words) * max(longest_tag, MOST_ENTITY_TOKENS) + 1


def _prediction(form: TextForm, task: Task, example: Example, answer: _Answer) -> Prediction:
    parsed = form.parse(answer.text, example, task)
    said = form.illegal(example, task) if parsed is None else parsed
    if task.no_answer:  # as `SpanQA.decode` gives it; what would have been said instead of nothing is not known here
        said = {"answer": said, "span": said}
    return Prediction(
        gold=json.dumps(form.gold(example), ensure_ascii=False),
        prediction=json.dumps(said, ensure_ascii=False),
        score=answer.score,
        confidence=answer.confidence,
        margin=answer.margin,
        entropy=answer.entropy,
        written=answer.text,
        legal=parsed is not None,
    )
