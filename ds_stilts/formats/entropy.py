"""How undecided a head is: the entropy of what it gives, by sequence, in nats (Shannon 1948). It needs no gold.

Of a label among labels, of a choice among an example's choices, of a word's tag among tags, and of a span the mean of
those of its start and its end among the tokens of the window. Regression and retrieval have no distribution.
"""

from typing import Any

from torch import Tensor

from ds_stilts.formats.logits import pad_rows, row_counts
from ds_stilts.tasks.task import Task


def entropies(logits_NC: Tensor, rows_per_sequence: Any, task: Task) -> list[tuple[float, int]] | None:
    """Of each sequence the sum of its decisions' entropies and their number; None for formats without distribution.

    Args:
        logits_NC: the head's output for all rows of all sequences, in order; all choices of an example are there.
        rows_per_sequence: int64 [S].

    Returns:
        S pairs. The choices of an example are one decision, which its first sequence has; a window has one too.
    """
    counts = row_counts(rows_per_sequence)
    if task.format in ("sentence_pair", "tagging"):
        found = entropy(logits_NC).split(counts)
        return [(float(own.sum()), len(own)) for own in found]
    if task.format == "multiple_choice":
        of_example = entropy(logits_NC.reshape(-1, task.num_choices)).tolist()
        return [pair for value in of_example for pair in [(value, 1), *[(0.0, 0)] * (task.num_choices - 1)]]
    if task.format == "span_qa":
        logits_SR2 = pad_rows(logits_NC, rows_per_sequence) if counts else logits_NC.reshape(0, 1, 2)
        both = entropy(logits_SR2[..., 0]) + entropy(logits_SR2[..., 1])
        return [(value / 2, 1) for value in both.tolist()]
    return None


def entropy(logits_NC: Tensor) -> Tensor:
    """Entropy of the softmax over C, fp32 [N] on the CPU; -inf is a place that cannot be chosen."""
    from torch.special import entr

    return entr(logits_NC.detach().float().softmax(dim=1)).sum(dim=1).cpu()
