"""Every head's shape, its start, and its behaviour on zero rows."""

import pytest
import torch
from torch import nn

from ds_stilts.models.heads import ClassificationHead, TokenHead, build_head

KINDS = ("classification", "choice", "span", "tokens")


@pytest.mark.parametrize("kind", KINDS)
def test_rows_become_logits(kind: str) -> None:
    head = build_head(kind, 16, 5, 0.1)
    assert head(torch.randn(7, 16)).shape == (7, 5)
    assert isinstance(head, ClassificationHead if kind in ("classification", "choice") else TokenHead)


@pytest.mark.parametrize("kind", KINDS)
def test_zero_rows_give_zero_gradients_and_not_none(kind: str) -> None:
    head = build_head(kind, 16, 5, 0.1)
    head(torch.zeros(0, 16)).sum().backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert not parameter.grad.any(), name


@pytest.mark.parametrize("kind", KINDS)
def test_a_fresh_head_starts_like_the_encoder(kind: str) -> None:
    torch.manual_seed(0)
    for module in build_head(kind, 256, 200, 0.1).modules():
        if isinstance(module, nn.Linear):
            assert float(module.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
            assert not module.bias.any()


def test_the_span_head_has_no_dropout_and_the_tagging_head_has() -> None:
    rows = torch.ones(4, 16)
    span, tags = build_head("span", 16, 2, 0.5).train(), build_head("tokens", 16, 2, 0.5).train()
    assert torch.equal(span(rows), span(rows))
    assert not torch.equal(tags(rows), tags(rows))


def test_the_classification_head_is_robertas() -> None:
    head = build_head("classification", 4, 3, 0.0)
    rows = torch.randn(5, 4)
    dense, out = head.dense, head.out_proj
    expected = torch.tanh(rows @ dense.weight.T + dense.bias) @ out.weight.T + out.bias
    torch.testing.assert_close(head(rows), expected)
