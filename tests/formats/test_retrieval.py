"""Retrieval: pooling, exact search and its ties."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.errors import RecipeError
from ds_stilts.formats.base import Limits
from ds_stilts.formats.retrieval import FORMAT, match, nearest
from ds_stilts.tasks.examples import BitextExample


def sentence(id, text="the cat", side="corpus", match=None):
    return BitextExample(id=id, text=text, side=side, match=match)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40), st.integers(0, 10**6))
def test_blocks_do_not_change_what_is_found(n, m, block, seed):
    generator = torch.Generator().manual_seed(seed)
    queries, corpus = torch.randn(n, 8, generator=generator), torch.randn(m, 8, generator=generator)
    index, cosine = nearest(queries, corpus, block)
    similarities = torch.nn.functional.cosine_similarity(queries.double()[:, None], corpus.double()[None], dim=2)
    assert torch.equal(index, similarities.argmax(dim=1))
    assert torch.allclose(cosine.double(), similarities.amax(dim=1), atol=1e-6)


def test_length_does_not_matter_only_direction():
    index, cosine = nearest(torch.tensor([[2.0, 0.0]]), torch.tensor([[100.0, 100.0], [1e-3, 0.0]]))
    assert index.tolist() == [1] and cosine.item() == pytest.approx(1.0)


@pytest.mark.parametrize("block", [1, 3, 7, 64, 4096])
def test_of_identical_sentences_the_first_is_found_whatever_the_block(block):
    torch.manual_seed(0)
    corpus = torch.randn(50, 384)
    corpus[[9, 23, 49]] = corpus[9] * torch.tensor([1.0, 3.0, 0.7])[:, None]
    index, _ = nearest(corpus[9][None] + 0.1 * torch.randn(20, 384), corpus, block)
    assert index.tolist() == [9] * 20


def test_search_is_in_full_fp32_and_leaves_the_global_setting_alone():
    torch.set_float32_matmul_precision("medium")
    try:
        nearest(torch.eye(3), torch.eye(3))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_pooling_is_the_mean_over_all_tokens_special_ones_included(make_task, tokenizer):
    task = make_task("retrieval")
    examples = [sentence("a"), sentence("b", "the cat sat on the mat " * 9)]
    sequences = list(FORMAT.encode(examples, task, tokenizer, Limits(max_tokens=32), training=False))
    assert [s.rows for s in sequences] == [list(range(len(s.ids))) for s in sequences]
    assert len(sequences[1].ids) == 32 and sequences[0].ids == tokenizer("the cat")["input_ids"]
    states = torch.randn(sum(len(s.rows) for s in sequences), 6).bfloat16()
    pooled = FORMAT.reduce(states, torch.tensor([len(s.rows) for s in sequences]), task)
    assert torch.allclose(torch.tensor(pooled[0]), states[: len(sequences[0].ids)].float().mean(dim=0))
    alone = FORMAT.reduce(states[len(sequences[0].ids) :], torch.tensor([32]), task)
    assert (alone[0] == pooled[1]).all()


def test_a_query_is_answered_with_an_id_and_scored_against_its_match(make_task):
    queries = [sentence("q0", side="query", match="c1"), sentence("q1", side="query", match="c1"), sentence("q2")]
    corpus = [sentence("c0"), sentence("c1")]
    found = match(queries, torch.tensor([[0.0, 2.0], [1.0, 0.1], [1.0, 0.0]]), corpus, torch.eye(2))
    assert [json.loads(p.prediction) for p in found] == ["c1", "c0", "c0"]
    rows = [
        {"id": q.id, "gold": json.loads(p.gold), "prediction": json.loads(p.prediction)}
        for q, p in zip(queries, found, strict=True)
    ]
    assert FORMAT.score(rows, make_task("retrieval"), "de") == {"accuracy": 50.0}


def test_training_on_retrieval_is_refused(make_task, tiny_tokenizer):
    task, limits = make_task("retrieval"), Limits(max_tokens=9)
    with pytest.raises(RecipeError, match="only scored"):
        list(FORMAT.encode([sentence("a")], task, tiny_tokenizer, limits, training=True))
