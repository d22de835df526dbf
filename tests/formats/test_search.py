"""Exact search: the nearest vector and the k nearest, and their ties."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ds_stilts.formats.search import nearest, top_k, top_k_both_ways


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.integers(1, 40), st.integers(0, 10**6))
def test_blocks_do_not_change_what_is_nearest(n, m, block, seed):
    generator = torch.Generator().manual_seed(seed)
    queries, corpus = torch.randn(n, 8, generator=generator), torch.randn(m, 8, generator=generator)
    index, cosine = nearest(queries, corpus, block)
    similarities = torch.nn.functional.cosine_similarity(queries.double()[:, None], corpus.double()[None], dim=2)
    assert torch.equal(index, similarities.argmax(dim=1))
    assert torch.allclose(cosine.double(), similarities.amax(dim=1), atol=1e-6)


def test_length_does_not_matter_only_direction():
    corpus = torch.tensor([[100.0, 100.0], [1e-3, 0.0]])
    for index, cosine in (nearest(torch.tensor([[2.0, 0.0]]), corpus), top_k(torch.tensor([[2.0, 0.0]]), corpus, 1)):
        assert index.flatten().tolist() == [1] and cosine.item() == pytest.approx(1.0)


@pytest.mark.parametrize("block", [1, 3, 7, 64, 4096])
def test_of_identical_sentences_the_first_is_found_whatever_the_block(block):
    torch.manual_seed(0)
    corpus = torch.randn(50, 384)
    corpus[[9, 23, 49]] = corpus[9] * torch.tensor([1.0, 3.0, 0.7])[:, None]
    index, _ = nearest(corpus[9][None] + 0.1 * torch.randn(20, 384), corpus, block)
    assert index.tolist() == [9] * 20


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 200), st.integers(1, 200), st.integers(1, 9), st.integers(15, 250), st.integers(0, 10**6))
def test_the_k_nearest_are_those_of_a_whole_sort_either_way(n, m, k, block, seed):
    # entries of ±1: all norms are 2, so cosines are quarters, exact in any order of adding, and most of them tie
    generator = torch.Generator().manual_seed(seed)
    queries, corpus = (torch.randint(0, 2, (size, 4), generator=generator) * 2.0 - 1.0 for size in (n, m))
    similarities = queries @ corpus.T / 4
    forward, backward = top_k_both_ways(queries, corpus, k, block)
    for (index, cosine), table in (
        (top_k(queries, corpus, k, block), similarities), (forward, similarities), (backward, similarities.T),
    ):  # fmt: skip
        whole = table.sort(dim=1, descending=True, stable=True)
        assert torch.equal(index, whole.indices[:, :k]) and torch.equal(cosine, whole.values[:, :k])


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 400), st.integers(0, 10**6))
def test_the_cosines_of_the_k_nearest_are_exact_in_fp32(block, seed):
    generator = torch.Generator().manual_seed(seed)
    queries, corpus = torch.randn(12, 8, generator=generator), torch.randn(333, 8, generator=generator)
    similarities = torch.nn.functional.cosine_similarity(queries.double()[:, None], corpus.double()[None], dim=2)
    forward, backward = top_k_both_ways(queries, corpus, 5, block)
    for (index, cosine), table in (
        (top_k(queries, corpus, 5, block), similarities), (forward, similarities), (backward, similarities.T),
    ):  # fmt: skip
        expected = table.topk(5, dim=1)
        assert torch.equal(index, expected.indices)
        assert torch.allclose(cosine.double(), expected.values, atol=1e-6)


def test_a_pair_has_one_cosine_seen_from_either_side():
    torch.manual_seed(0)
    left, right = torch.randn(300, 64), torch.randn(70, 64)
    (forward, forward_cosine), (backward, backward_cosine) = top_k_both_ways(left, right, 300, 64)
    table, other = torch.empty(300, 70), torch.empty(70, 300)
    assert torch.equal(table.scatter(1, forward, forward_cosine), other.scatter(1, backward, backward_cosine).T)


@pytest.mark.parametrize("search", [nearest, lambda queries, corpus: top_k(queries, corpus, 1)])
def test_search_leaves_the_global_precision_alone(search):
    torch.set_float32_matmul_precision("medium")
    try:
        search(torch.eye(3), torch.eye(3))
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
