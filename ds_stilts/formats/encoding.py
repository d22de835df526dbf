"""Text to token ids, in batches: the part of tokenisation that several formats share.

Works with any fast tokenizer whose inputs are `<s> A </s>` and `<s> A </s></s> B </s>`, `[CLS] A [SEP]` and
`[CLS] A [SEP] B [SEP]`, or `A </s>` and `A </s> B </s>`: the special tokens are read off the tokenizer, never assumed.
A tokenizer is called once for many texts, since calls cost more than tokens. Windows over long inputs do not live here.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Seq
from dataclasses import dataclass
from typing import Any, TypeVar

from ds_stilts.errors import RecipeError

BATCH_EXAMPLES = 1000
"""Examples tokenised in one call: enough to make the call's own cost vanish, few enough to keep memory flat."""

_Item = TypeVar("_Item")

_QUIET = {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """Special tokens of an input: `before A after`, or `before A between B after`."""

    before: list[int]
    between: list[int]
    after: list[int]

    @property
    def num_single(self) -> int:
        """Special tokens around one segment."""
        return len(self.before) + len(self.after)

    @property
    def num_pair(self) -> int:
        """Special tokens around two segments."""
        return self.num_single + len(self.between)

    def summary(self, num_tokens: int) -> int:
        """Index of the token that stands for a whole input of `num_tokens`: the first where it is a special one (`<s>`,
        `[CLS]`), else the last, which is `</s>`, as `MT5ForSequenceClassification` in transformers reads it."""
        return 0 if self.before else num_tokens - 1

    def rows(self, num_tokens: int) -> list[int]:
        """Indices of all tokens, that of `summary` before the others."""
        others = range(num_tokens)
        return [*others] if self.before else [num_tokens - 1, *others[:-1]]


def read_template(tokenizer: Any) -> Template:
    """Read the special tokens off a tokenizer by encoding a probe.

    Raises:
        RecipeError: the tokenizer is not a fast one, or there is no special token before or after its inputs.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise RecipeError(
            f"the start model's tokenizer ({type(tokenizer).__name__}) is not a fast one; give a model folder that "
            "holds a tokenizer.json"
        )
    probe = tokenizer("a", "a")
    segments = probe.sequence_ids(0)
    ids = probe["input_ids"]
    first, second = segments.index(0), segments.index(1)
    end_first = max(i for i, segment in enumerate(segments) if segment == 0) + 1
    end_second = max(i for i, segment in enumerate(segments) if segment == 1) + 1
    if first == 0 and end_second == len(ids):
        raise RecipeError(
            f"the start model's tokenizer ({type(tokenizer).__name__}) puts no special token before or after the text; "
            "heads read that token, so give a model of the XLM-R, BERT or mT5 kind"
        )
    return Template(before=ids[:first], between=ids[end_first:second], after=ids[end_second:])


def batches(items: Seq[_Item]) -> Iterator[Seq[_Item]]:
    """Cut into slices of at most `BATCH_EXAMPLES`, in order."""
    for start in range(0, len(items), BATCH_EXAMPLES):
        yield items[start : start + BATCH_EXAMPLES]


def tokenise(tokenizer: Any, texts: Seq[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens and without truncation."""
    if not texts:
        return []
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, **_QUIET)["input_ids"]
    return ids


def tokenise_with_offsets(tokenizer: Any, texts: Seq[str]) -> list[tuple[list[int], list[tuple[int, int]]]]:
    """Token ids of each text as `tokenise`, and each token's first and past-the-end character."""
    if not texts:
        return []
    batch = tokenizer(list(texts), add_special_tokens=False, return_offsets_mapping=True, **_QUIET)
    return list(zip(batch["input_ids"], batch["offset_mapping"], strict=True))


def join_texts(tokenizer: Any, texts: Seq[tuple[int, str]], max_tokens: int) -> Iterator[tuple[list[int], int]]:
    """Fill inputs with whole texts in their order; only one that is longer than an input is cut, at its end.

    Args:
        texts: each with its index.

    Yields:
        Ids with special tokens around them and none between the texts, and the index of the first text.
    """
    template = read_template(tokenizer)
    room, held, first = max_tokens - template.num_single, list[int](), 0
    for batch in batches(texts):
        for (index, _), ids in zip(batch, tokenise(tokenizer, [text for _, text in batch]), strict=True):
            own = ids[:room]
            if held and len(held) + len(own) > room:
                yield template.before + held + template.after, first
                held = []
            first = first if held else index
            held = held + own
    if held:
        yield template.before + held + template.after, first


def encode_texts(
    tokenizer: Any, texts: Seq[tuple[str, str | None]], max_tokens: int, *, keep_end: bool = False
) -> list[tuple[list[int], int]]:
    """Encode single texts `(a, None)` and pairs `(a, b)` with special tokens, cut longest-first to `max_tokens`.

    Args:
        keep_end: take tokens off the beginning of a text that is too long, instead of off its end.

    Returns:
        For each text its ids and the index of the first token of segment B (0 for single texts).
    """
    if keep_end:
        return _encode_ends(tokenizer, texts, max_tokens)
    results: list[tuple[list[int], int]] = [([], 0)] * len(texts)
    cut = {"truncation": "longest_first", "max_length": max_tokens, **_QUIET}
    singles = [i for i, (_, b) in enumerate(texts) if b is None]
    if singles:
        for i, ids in zip(singles, tokenizer([texts[i][0] for i in singles], **cut)["input_ids"], strict=True):
            results[i] = (ids, 0)
    pairs = [i for i, (_, b) in enumerate(texts) if b is not None]
    if pairs:
        num_after = len(read_template(tokenizer).after)
        batch = tokenizer([texts[i][0] for i in pairs], [texts[i][1] for i in pairs], **cut)
        for i, ids, encoding in zip(pairs, batch["input_ids"], batch.encodings, strict=True):
            segments = encoding.sequence_ids
            # A second text without a single token still has its place before the closing special tokens.
            results[i] = (ids, segments.index(1) if 1 in segments else len(ids) - num_after)
    return results


def _encode_ends(tokenizer: Any, texts: Seq[tuple[str, str | None]], max_tokens: int) -> list[tuple[list[int], int]]:
    """Put together from the template and not by the tokenizer, whose side of truncation is a setting that others see.

    Each distinct text is tokenised once: the choices of a question share its context.
    """
    template = read_template(tokenizer)
    known = list(dict.fromkeys(text for pair in texts for text in pair if text is not None))
    ids_of = dict(zip(known, tokenise(tokenizer, known), strict=True))
    results = []
    for a, b in texts:
        first = ids_of[a]
        if b is None:
            kept, _ = _longest_first(len(first), 0, max_tokens - template.num_single)
            results.append((template.before + first[len(first) - kept :] + template.after, 0))
            continue
        second = ids_of[b]
        kept, kept_second = _longest_first(len(first), len(second), max_tokens - template.num_pair)
        head = template.before + first[len(first) - kept :] + template.between
        results.append((head + second[len(second) - kept_second :] + template.after, len(head)))
    return results


def _longest_first(first: int, second: int, room: int) -> tuple[int, int]:
    """Tokens left of two texts when the longer one, and of equals the first, gives one up until both fit.

    The closed form of jiant's `truncate_sequences` (tasks/utils.py, nyu-mll/jiant daa5a25).
    """
    room = max(room, 0)
    kept_second = min(second, max(room - first, room - room // 2))
    return min(first, room - kept_second), kept_second
