"""Ragged rows, ties and margins."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from ds_stilts.formats.logits import best_and_margin, best_probability, pad_rows, sum_cross_entropy


def test_the_best_class_is_the_lowest_of_equals_and_the_margin_is_its_lead():
    best, margin = best_and_margin(torch.tensor([[1.0, 3.0, 3.0], [0.5, -1.0, 2.0]]).bfloat16())
    assert best.tolist() == [1, 2]
    assert margin.tolist() == [0.0, 1.5] and margin.dtype == np.float32


def test_the_probability_is_the_softmax_of_the_best_however_large_logits_are():
    logits = torch.tensor([[1.0, 3.0, 3.0], [1e4, -1e4, 0.0], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(best_probability(logits), logits.softmax(dim=1).amax(dim=1), rtol=1e-6)
    assert best_probability(logits[:0]).shape == (0,)


def test_padding_changes_neither_the_loss_nor_the_gradient():
    torch.manual_seed(0)
    rows, targets = torch.tensor([3, 1, 5]), torch.tensor([2, 0, 4])
    logits = torch.randn(9, 1, requires_grad=True)
    padded = sum_cross_entropy(pad_rows(logits, rows)[..., 0], targets)
    (gradient,) = torch.autograd.grad(padded, logits)
    parts = zip(logits.split(rows.tolist()), targets, strict=True)
    plain = sum(cross_entropy(part.T, target[None]) for part, target in parts)
    (expected,) = torch.autograd.grad(plain, logits)
    assert torch.allclose(padded, plain, atol=1e-6)
    assert torch.isfinite(gradient).all() and torch.allclose(gradient, expected, atol=1e-6)
