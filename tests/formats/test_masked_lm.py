"""Masked LM: exact counts, an untouched rest, and the 80/10/10 rule."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from ds_stilts.errors import RecipeError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.encoding import read_template
from ds_stilts.formats.masked_lm import FORMAT, mask, num_masked
from ds_stilts.tasks.examples import TextExample

SPECIAL = {0, 1, 2, 3, 99}
MASK = 99


@settings(deadline=None)
@given(st.lists(st.integers(0, 99), max_size=60), st.floats(0.01, 0.99), st.integers(0, 2**32 - 1))
def test_exactly_the_announced_number_is_predicted_and_nothing_else_changes(tokens, rate, seed):
    ids = np.array(tokens, dtype=np.int32)
    before = ids.copy()
    masked, rows, targets = mask(ids, SPECIAL, 100, MASK, rate, np.random.default_rng(seed))
    maskable = [i for i, token in enumerate(tokens) if token not in SPECIAL]
    assert len(rows) == num_masked(len(maskable), rate)
    assert set(rows) <= set(maskable) and list(rows) == sorted(set(rows))
    assert (targets == before[rows]).all() and (ids == before).all()
    rest = np.setdiff1d(np.arange(len(ids)), rows)
    assert (masked[rest] == before[rest]).all() and masked.dtype == ids.dtype
    assert not set(masked[rows].tolist()) & (SPECIAL - {MASK})


def test_at_least_one_token_is_predicted_where_there_is_any():
    assert [num_masked(n, 0.15) for n in (0, 1, 3, 20, 100)] == [0, 1, 1, 3, 15]


def test_80_are_masked_10_random_10_kept_and_random_tokens_cover_the_vocabulary():
    ids = np.full(200_000, 50, dtype=np.int64)
    masked, rows, _ = mask(ids, SPECIAL, 100, MASK, 0.5, np.random.default_rng(0))
    shown = masked[rows]
    # A random token may be the true one: 1 in 95 of the tenth.
    assert (shown == MASK).mean() == pytest.approx(0.8, abs=0.005)
    assert (shown == 50).mean() == pytest.approx(0.1 + 0.1 / 95, abs=0.005)
    random = shown[(shown != MASK) & (shown != 50)]
    assert set(random.tolist()) == set(range(100)) - SPECIAL - {50}
    assert np.bincount(random).max() / (len(random) / 94) < 1.4


def test_the_same_generator_state_gives_the_same_mask():
    ids = np.arange(4, 90)
    first, second = (mask(ids, SPECIAL, 100, MASK, 0.15, np.random.default_rng(5)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


def test_lines_and_translations_are_cut_and_empty_lines_are_not_trained_on(make_task, tokenizer):
    task = make_task("masked_lm")
    examples = [
        TextExample(id="1", text="the cat " * 40),
        TextExample(id="2", text=""),
        TextExample(id="3", text="the cat", translation="on the mat"),
    ]
    trained = list(FORMAT.encode(examples, task, tokenizer, Limits(max_tokens=24), training=True))
    assert [s.example for s in trained] == [0, 2]
    assert len(trained[0].ids) == 24 and trained[0].second == 0
    assert trained[1].ids == tokenizer("the cat", "on the mat", truncation=True, max_length=24)["input_ids"]
    assert trained[1].second > 0 and all(s.rows == [] and s.targets == [] for s in trained)


def test_the_loss_is_the_sum_of_cross_entropies(make_task):
    torch.manual_seed(0)
    logits, targets = torch.randn(7, 100), torch.randint(0, 100, (7,))
    loss = FORMAT.loss(logits, targets, torch.tensor([3, 4]), make_task("masked_lm"))
    assert torch.allclose(loss, cross_entropy(logits, targets, reduction="sum"))


def test_masked_lm_is_not_scored(make_task):
    with pytest.raises(RecipeError, match="masked LM is not scored"):
        FORMAT.score([], make_task("masked_lm"), "en")


def test_joined_lines_fill_sequences_whole_and_in_order(make_task, tokenizer):
    task, limits, special = make_task("masked_lm"), Limits(max_tokens=24, join_lines=True), read_template(tokenizer)
    room = 24 - special.num_single
    texts = ["the cat", "sat on", "", "the mat " * 20, "a dog", "ran", "the end"] * 3
    examples = [TextExample(id=str(n), text=text) for n, text in enumerate(texts)]
    made = list(FORMAT.encode(examples, task, tokenizer, limits, training=True))
    lines = [tokenizer(text, add_special_tokens=False)["input_ids"][:room] for text in texts]
    inside = [sequence.ids[len(special.before) : -len(special.after)] for sequence in made]
    assert [sequence.ids for sequence in made] == [special.before + ids + special.after for ids in inside]
    assert [token for ids in inside for token in ids] == [token for ids in lines for token in ids], "each token once"
    ends = set(np.cumsum([len(ids) for ids in lines]).tolist())
    assert ends.issuperset(np.cumsum([len(ids) for ids in inside]).tolist()), "no line is torn apart"
    for sequence, following in pairwise(made):
        assert len(sequence.ids) + len(lines[following.example]) > 24, "there was room for another"
    assert [sequence.example for sequence in made] == sorted({sequence.example for sequence in made})
    with pytest.raises(RecipeError, match="line 'x' has a translation"):
        list(FORMAT.encode([TextExample(id="x", text="a", translation="b")], task, tokenizer, limits, training=True))


def test_joined_lines_of_real_length_leave_little_room_unused(make_task, tokenizer):
    rng = np.random.default_rng(0)
    words = ["the", "cat", "sat", "on", "mat", "dog"]
    examples = [TextExample(id=str(n), text=" ".join(rng.choice(words, rng.integers(5, 40)))) for n in range(2000)]
    task = make_task("masked_lm")
    made = list(FORMAT.encode(examples, task, tokenizer, Limits(max_tokens=512, join_lines=True), training=True))
    lengths = [len(sequence.ids) for sequence in made]
    assert max(lengths) <= 512 and np.mean(lengths[:-1]) > 0.9 * 512
