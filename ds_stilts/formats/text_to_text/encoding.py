"""Text-to-text sequences: the prompt as tokens, and beside it the tokens of the target, each ended by `</s>`.

One sequence an example, for any format with a text form. A prompt is cut at its end: there are no windows in
text-to-text, so limits are wider than for heads (`MAX_TOKENS`). Running text becomes one sequence a line; what is taken
out of it is drawn anew for each step. Texts that are only compared with each other are those of their own format.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from typing import Any

from ds_stilts.formats import get_format
from ds_stilts.formats.base import Limits, Sequence
from ds_stilts.formats.encoding import batches, encode_texts, join_texts, read_template, tokenise
from ds_stilts.formats.masked_lm import lone_lines
from ds_stilts.formats.text_to_text import get_text_form
from ds_stilts.tasks.examples import Example, TextExample
from ds_stilts.tasks.task import Task

MAX_TOKENS = 1024
"""Longest source where the recipe names none: that of mT5's fine-tuning (Xue et al. 2021). Nothing is padded to it."""


def encode_text_to_text(
    examples: Seq[Example], task: Task, tokenizer: Any, limits: Limits, *, training: bool
) -> Iterator[Sequence]:
    """Tokenise in file order; with `training`, `targets` are the target's token ids, examples without gold are left
    out, and of running text lines of less than two tokens.

    Raises:
        DataError: a gold that the task does not declare.
        RecipeError: the task's format has no text form.
    """
    if task.is_searched:
        yield from get_format(task.format).encode(examples, task, tokenizer, limits, training=training)
        return
    if limits.join_lines and task.format == "masked_lm":
        for ids, index in join_texts(tokenizer, lone_lines(examples), limits.max_tokens):
            if len(ids) >= read_template(tokenizer).num_single + 2 or not training:
                yield Sequence(ids=ids, example=index, rows=[], targets=[], info=[])
        return
    make = _running_text if task.format == "masked_lm" else _labelled
    for batch in batches([*enumerate(examples)]):
        yield from make(batch, task, tokenizer, limits, training)


def _labelled(
    batch: Seq[tuple[int, Example]], task: Task, tokenizer: Any, limits: Limits, training: bool
) -> Iterator[Sequence]:
    form, end = get_text_form(task.format), read_template(tokenizer).after
    kept = [(index, example) for index, example in batch if not training or form.gold(example) is not None]
    sources = encode_texts(tokenizer, [(form.prompt(example, task), None) for _, example in kept], limits.max_tokens)
    targets: list[list[int]] = [[]] * len(kept)
    if training:
        written = tokenise(tokenizer, [form.target(example, task) for _, example in kept])
        targets = [ids[: limits.max_tokens - len(end)] + end for ids in written]
    for (index, _), (ids, _), target in zip(kept, sources, targets, strict=True):
        yield Sequence(ids=ids, example=index, rows=[], targets=target, info=[])


def _running_text(
    batch: Seq[tuple[int, Example]], task: Task, tokenizer: Any, limits: Limits, training: bool
) -> Iterator[Sequence]:
    texts: list[tuple[str, str | None]] = []
    for _, example in batch:
        assert isinstance(example, TextExample)
        texts.append((f"{example.text} {example.translation or ''}", None))
    num_special = read_template(tokenizer).num_single
    for (index, _), (ids, _) in zip(batch, encode_texts(tokenizer, texts, limits.max_tokens), strict=True):
        if len(ids) >= num_special + 2 or not training:
            yield Sequence(ids=ids, example=index, rows=[], targets=[], info=[])
