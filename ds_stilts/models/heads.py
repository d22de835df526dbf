"""Task heads: small modules that read rows `[N, D]` of the encoder's states and give logits `[N, C]`.

N may be 0: the head still runs and its parameters get zero gradients, which is what keeps ranks aligned under ZeRO.
"""

import torch
from torch import nn

from ds_stilts.models.dropout import Dropout


class ClassificationHead(nn.Module):
    """Dropout, dense, tanh, dropout, linear on the first token: RoBERTa's sentence classification head
    (facebookresearch/fairseq, RobertaClassificationHead). With one output it scores a multiple choice."""

    def __init__(self, hidden_size: int, num_outputs: int, dropout: float) -> None:
        super().__init__()
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.dropout = Dropout(dropout)
        self.out_proj = nn.Linear(hidden_size, num_outputs)

    def forward(self, rows_ND: torch.Tensor) -> torch.Tensor:
        return self.out_proj(self.dropout(torch.tanh(self.dense(self.dropout(rows_ND)))))


class TokenHead(nn.Module):
    """Dropout and a linear layer on each row: tagging. Span QA has two outputs and no dropout (Devlin et al. 2019)."""

    def __init__(self, hidden_size: int, num_outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = Dropout(dropout)
        self.out_proj = nn.Linear(hidden_size, num_outputs)

    def forward(self, rows_ND: torch.Tensor) -> torch.Tensor:
        return self.out_proj(self.dropout(rows_ND))


def build_head(kind: str, hidden_size: int, num_outputs: int, dropout: float) -> nn.Module:
    """A fresh head with the encoder's initialisation (normal, std 0.02; zero bias).

    Args:
        kind: "classification", "choice", "span" or "tokens".
        num_outputs: width C of the logits.
        dropout: probability, the encoder's `hidden_dropout_prob`.
    """
    head: nn.Module
    if kind in ("classification", "choice"):
        head = ClassificationHead(hidden_size, num_outputs, dropout)
    else:
        assert kind in ("span", "tokens"), kind
        head = TokenHead(hidden_size, num_outputs, dropout if kind == "tokens" else 0.0)
    for module in head.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
    return head
