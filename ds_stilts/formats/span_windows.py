"""Windows over a long context, and where an answer lies in them; all in tokens of the context, no special tokens.

Lengths follow transformers' `run_qa.py` (question first, context cut into overlapping windows). Neither tokenizers nor
tasks are known here.
"""

import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Sequence as Seq

from ds_stilts.errors import RecipeError
from ds_stilts.formats.base import Limits

Offsets = Seq[tuple[int, int]]
"""First and past-the-end character of each token, in order."""


def max_question_tokens(limits: Limits) -> int:
    """Longest question: `max_query_tokens`, but never more than a third of the input, so that the context has room.

    At the usual 384 tokens the third is 128 and the reference's limit of 64 holds.
    """
    return min(limits.max_query_tokens, limits.max_tokens // 3)


def windows(num_context: int, room: int, doc_stride: int) -> list[tuple[int, int]]:
    """Cut `num_context` tokens into windows [first, past-the-end) of at most `room` tokens that overlap.

    The overlap is `doc_stride` tokens, as transformers counts it, but never more than half the room: with inputs much
    shorter than the reference's 384 tokens windows would otherwise hardly advance.

    Raises:
        RecipeError: no room for any context token.
    """
    if room < 1:
        raise RecipeError(
            "max_tokens leaves no room for the context beside the question; raise it (the default is 384)"
        )
    step = room - min(doc_stride, room // 2)
    found = [(0, min(room, num_context))]
    while found[-1][1] < num_context:
        start = found[-1][0] + step
        found.append((start, min(start + room, num_context)))
    return found


def trim(offsets: Offsets, context: str) -> list[tuple[int, int]]:
    """Take white space off both ends of each token's characters: SentencePiece tokens carry the space before a word.

    Where a normaliser makes one character of several (a letter and its marks, the parts of a Hangul syllable), offsets
    end behind the first of them. The token gets the others too, which belong to no token.
    """
    covered = bytearray(len(context))
    for start, end in offsets:
        covered[start:end] = b"\1" * (end - start)
    trimmed = []
    for start, end in offsets:
        while start < end and context[start].isspace():
            start += 1
        while start < end and context[end - 1].isspace():
            end -= 1
        while start < end < len(context) and not covered[end] and _is_of_a_word(context[end]):
            end += 1
        trimmed.append((start, end))
    return trimmed


def _is_of_a_word(character: str) -> bool:
    """Whether it is a letter, a digit or a mark: normalisers leave none out but as a part of the letter before it."""
    return character.isalnum() or unicodedata.category(character)[0] == "M"


def locate(start: int, end: int, offsets: Offsets) -> tuple[int, int] | None:
    """First and last token of the characters [start, end), widened to whole tokens; None where no token touches them.

    Of several tokens that share the first character (bytes of a rare one) the last is taken, as in `run_qa.py`.
    """
    starts, ends = [s for s, _ in offsets], [e for _, e in offsets]
    first = bisect_right(ends, start)
    if first == len(offsets) or starts[first] >= end:
        return None
    while first + 1 < len(offsets) and starts[first + 1] <= start < ends[first + 1]:
        first += 1
    last = bisect_left(ends, end, lo=first)
    # Characters that the tokenizer drops at the answer's end have no token: stop at the last one that has.
    if last == len(offsets) or starts[last] >= end:
        last -= 1
    return first, last
