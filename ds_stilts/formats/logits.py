"""What losses and decoding share on tensors: summed cross entropy, the best class and its lead, ragged rows.

Everything is computed in fp32 whatever the logits are, and nothing depends on which sequences share a batch.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy


def sum_cross_entropy(logits_NC: Tensor, targets_N: Tensor) -> Tensor:
    """Summed cross entropy, fp32 scalar. Without rows: a zero that is still connected to `logits_NC`."""
    if targets_N.numel() == 0:
        return logits_NC.float().sum() * 0.0
    return cross_entropy(logits_NC.float(), targets_N, reduction="sum")


def best_and_margin(logits_NC: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Index int64 [N] of the largest logit (the lowest index among equals) and its lead fp32 [N] over the second."""
    if logits_NC.shape[0] == 0:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32)
    logits_NC = logits_NC.detach().float()
    top = logits_NC.topk(min(2, logits_NC.shape[1]), dim=1).values
    return logits_NC.argmax(dim=1).cpu().numpy(), (top[:, 0] - top[:, -1]).cpu().numpy()


def best_probability(logits_NC: Tensor) -> np.ndarray:
    """Probability, fp32 [N], that a softmax over the C logits gives to the largest one: exp(0) over the sum."""
    if logits_NC.shape[0] == 0:
        return np.zeros(0, dtype=np.float32)
    logits_NC = logits_NC.detach().float()
    lead_NC = logits_NC - logits_NC.amax(dim=1, keepdim=True)
    probability: np.ndarray = lead_NC.exp().sum(dim=1).reciprocal().cpu().numpy()
    return probability


def row_counts(rows_per_sequence: Any) -> list[int]:
    """`rows_per_sequence` (tensor, array or list) as a list; a CPU tensor spares a wait for the device."""
    return [int(n) for n in (rows_per_sequence.tolist() if hasattr(rows_per_sequence, "tolist") else rows_per_sequence)]


def pad_rows(logits_NC: Tensor, rows_per_sequence: Any) -> Tensor:
    """Rows of S sequences as fp32 [S, longest, C], filled up with -inf, which a softmax turns into exactly 0."""
    parts = logits_NC.float().split(row_counts(rows_per_sequence))
    return torch.nn.utils.rnn.pad_sequence(list(parts), batch_first=True, padding_value=float("-inf"))
