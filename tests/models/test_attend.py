"""Attention with dropout on a CPU against torch's."""

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from ds_stilts.models import attend as module
from ds_stilts.models.attend import attend


@pytest.mark.parametrize("scale", [None, 1.0, 0.3])
@pytest.mark.parametrize("biased", [False, True])
def test_but_for_what_is_dropped_it_is_torchs(
    scale: float | None, biased: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(1)
    monkeypatch.setattr(module, "drop", lambda states, probability: states)
    blocks = [torch.randn(2, 3, 5, 8, dtype=torch.float64, requires_grad=True) for _ in range(3)]
    bias = torch.randn(1, 3, 5, 5, dtype=torch.float64)
    bias = bias.masked_fill(torch.ones(5, 5).triu(1).bool(), float("-inf")) if biased else None
    ours = attend(*blocks, attn_mask=bias, dropout_p=0.5, scale=scale)
    torchs = scaled_dot_product_attention(*blocks, attn_mask=bias, scale=scale)
    torch.testing.assert_close(ours, torchs)
    upstream = torch.randn_like(ours)
    for own, other in zip(
        torch.autograd.grad(ours, blocks, upstream), torch.autograd.grad(torchs, blocks, upstream), strict=True
    ):
        torch.testing.assert_close(own, other)


def test_probabilities_are_dropped_and_the_mean_over_draws_is_what_no_dropout_gives() -> None:
    torch.manual_seed(2)
    query, key, value = (torch.randn(1, 2, 6, 4) for _ in range(3))
    whole = attend(query, key, value)
    assert torch.equal(whole, scaled_dot_product_attention(query, key, value))
    draws = torch.stack([attend(query, key, value, dropout_p=0.25) for _ in range(4000)])
    assert not torch.equal(draws[0], draws[1])
    error = draws.std(dim=0) / len(draws) ** 0.5
    assert ((draws.mean(dim=0) - whole).abs() < 6 * error).all()
