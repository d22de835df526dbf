"""What formats share that compare texts by the encoder's states: tokens, pooling, repeated texts, no training."""

import numpy as np
import pytest
import torch

from ds_stilts.errors import RecipeError
from ds_stilts.formats import FORMATS, get_format
from ds_stilts.formats.base import Limits
from ds_stilts.formats.embedding import Pool, by_key, distinct, gold_pairs
from ds_stilts.tasks.examples import BitextExample, SearchExample
from ds_stilts.tasks.task import SEARCHED

EXAMPLES = [
    SearchExample(id="q", text="a", side="query", keys=("1",)),
    SearchExample(id="c0", text="the cat", side="corpus", keys=("1", "2")),
    SearchExample(id="c1", text="a", side="corpus", keys=None),
    SearchExample(id="c2", text="the cat", side="corpus", keys=("2",)),
]


def test_the_catalogue_knows_which_formats_train_nothing():
    assert tuple(name for name in FORMATS if get_format(name).head == "embedding") == SEARCHED


@pytest.mark.parametrize("name", SEARCHED)
def test_pooling_is_the_mean_over_all_tokens_special_ones_included(name, make_task, tokenizer):
    form, task = get_format(name), make_task(name)
    texts = ["the cat", "the cat sat on the mat " * 9]
    if name == "retrieval":
        examples = [BitextExample(id=text[:9], text=text, side="query", match=None) for text in texts]
    else:
        examples = [SearchExample(id=text[:9], text=text, side="query", keys=None) for text in texts]
    sequences = list(form.encode(examples, task, tokenizer, Limits(max_tokens=32), training=False))
    assert [s.rows for s in sequences] == [list(range(len(s.ids))) for s in sequences]
    assert len(sequences[1].ids) == 32 and sequences[0].ids == tokenizer("the cat")["input_ids"]
    states = torch.randn(sum(len(s.rows) for s in sequences), 6).bfloat16()
    pooled = form.reduce(states, torch.tensor([len(s.rows) for s in sequences]), task)
    assert torch.allclose(torch.tensor(pooled[0]), states[: len(sequences[0].ids)].float().mean(dim=0))
    alone = form.reduce(states[len(sequences[0].ids) :], torch.tensor([32]), task)
    assert (alone[0] == pooled[1]).all()


def test_pooling_may_leave_out_special_tokens_or_take_the_first_alone():
    form = get_format("retrieval")
    states, counts = torch.arange(18.0).reshape(9, 2), torch.tensor([4, 2, 3])
    bare = form.pool(states, counts, Pool(before=1, after=1))
    assert torch.equal(torch.tensor(bare[0]), states[1:3].mean(dim=0)), "without first and last"
    assert torch.equal(torch.tensor(bare[1]), states[4:6].mean(dim=0)), "nothing but special tokens: they are kept"
    first = form.pool(states, counts, Pool(kind="cls"))
    assert torch.equal(torch.from_numpy(np.stack(first)), states[[0, 4, 6]])
    whole = form.pool(states, counts, Pool())
    assert all((one == other).all() for one, other in zip(whole, form.reduce(states, counts, None), strict=True))


def test_gold_pairs_are_queries_with_each_text_that_is_right():
    assert gold_pairs(EXAMPLES, range(4)) == [(0, 1)]
    assert gold_pairs(EXAMPLES, range(1, 4)) == [], "the query is another language's"
    two = [*EXAMPLES, SearchExample(id="q2", text="b", side="query", keys=("2",))]
    assert gold_pairs(two, range(4, 5)) == [(4, 1), (4, 3)]
    bitext = [
        BitextExample(id="c0", text="x", side="corpus", match=None),
        BitextExample(id="q0", text="y", side="query", match="c0"),
        BitextExample(id="q1", text="z", side="query", match=None),
    ]
    assert gold_pairs(bitext, range(3)) == [(1, 0)]


@pytest.mark.parametrize("name", SEARCHED)
def test_training_is_refused(name, make_task, tiny_tokenizer):
    task = make_task(name)
    with pytest.raises(RecipeError, match="only scored; remove it from the training tasks"):
        list(get_format(name).encode(EXAMPLES, task, tiny_tokenizer, Limits(max_tokens=9), training=True))


def test_a_repeated_text_is_one_text_with_several_places():
    assert distinct(EXAMPLES, "corpus") == [[1, 3], [2]]
    assert distinct(EXAMPLES, "query") == [[0]]


def test_a_key_finds_the_corpus_texts_that_hold_it():
    assert by_key(EXAMPLES) == {"1": [1], "2": [1, 3]}
