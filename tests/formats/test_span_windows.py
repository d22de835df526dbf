"""Windows cover the context as transformers cuts it, and answers map to the tokens that hold them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ds_stilts.errors import RecipeError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.span_windows import locate, max_question_tokens, trim, windows


@given(st.integers(0, 2000), st.integers(1, 400), st.integers(0, 400))
def test_windows_cover_every_token_and_overlap_by_no_more_than_asked(num, room, doc_stride):
    cut = windows(num, room, doc_stride)
    assert set().union(*(range(first, end) for first, end in cut)) == set(range(num))
    assert all(end - first <= room for first, end in cut)
    for (_, end), (first, _) in pairwise(cut):
        assert end - first == min(doc_stride, room // 2)


def test_at_the_reference_lengths_the_limits_are_the_references_own():
    limits = Limits(max_tokens=384)
    assert max_question_tokens(limits) == 64
    assert windows(600, 384 - 64 - 4, limits.doc_stride) == [(0, 316), (188, 504), (376, 600)]


def test_short_inputs_keep_room_for_the_context_or_say_so():
    assert max_question_tokens(Limits(max_tokens=48)) == 16
    with pytest.raises(RecipeError, match="max_tokens leaves no room"):
        windows(5, 0, 128)


def test_white_space_around_a_token_is_not_part_of_it():
    assert trim([(0, 2), (2, 6), (6, 7)], "ab  cd ") == [(0, 2), (4, 6), (7, 7)]


def test_a_token_has_the_whole_of_its_last_letter():
    # offsets of e + acute, of a Hangul syllable in three parts (twice: the mark of a word's begin), of half-width ga
    context = "e\u0301 \u1112\u1161\u11ab \uff76\uff9e\u200b x"
    offsets = [(0, 1), (2, 4), (3, 4), (6, 8), (10, 12)]
    assert [context[s:e] for s, e in trim(offsets, context)] == [
        *("e\u0301", "\u1112\u1161\u11ab", "\u1112\u1161\u11ab", "\uff76\uff9e", "x")
    ]
    # what another token has stays with that one
    assert trim([(0, 1), (1, 2), (2, 3)], "\u0915\u094dz") == [(0, 1), (1, 2), (2, 3)]
    assert trim([(0, 1), (0, 3)], "abc") == [(0, 1), (0, 3)]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (0, 2, (0, 0)),
        (3, 9, (1, 2)),  # exactly two tokens
        (4, 5, (1, 1)),  # inside a token: widened to it
        (4, 8, (1, 2)),
        (9, 10, (4, 3 + 1)),  # one character in two tokens: the last of them
        (9, 11, (4, 5)),
        (2, 3, None),  # a character that no token holds
        (11, 12, None),
    ],
)
def test_an_answer_is_widened_to_whole_tokens(start, end, found):
    offsets = [(0, 2), (3, 6), (6, 9), (9, 10), (9, 10), (10, 11)]
    assert locate(start, end, offsets) == found


def test_dropped_characters_at_the_end_of_an_answer_do_not_pull_in_the_next_word():
    assert locate(0, 3, [(0, 2), (4, 6)]) == (0, 0)
