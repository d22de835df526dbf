"""The model that is trained: its folder, what each process makes of it, and what training it costs in arithmetic."""

import json
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ds_stilts.bench.job import Job
from ds_stilts.data.prepared import open_prepared
from ds_stilts.data.steps import TaskData, task_data
from ds_stilts.errors import RecipeError
from ds_stilts.models.family import MT5
from ds_stilts.models.loading import load_start, load_tokenizer, max_tokens_of, quiet, xlmr_config
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.phases.training import build_model
from ds_stilts.planning.shapes import shape_of
from ds_stilts.recipe import Architecture, Training
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task

VOCABULARY = 16_000
"""Pieces of a shape's tokenizer, and rows of its embedding."""
MAX_TOKENS = 512
TRAINING = Training(steps=1, lr=1e-5, schedule="constant", warmup=0, log_every=10)
"""How all are trained: AdamW with weight decay 0.01, gradients clipped at 1, a constant rate."""
_HEAD_WIDTH = 64
_LARGEST_LAYERS, _LARGEST_WIDTH = 96, 16_384


def parse_shape(model: str) -> Architecture | None:
    """The XLM-R that "4x256" means, 4 layers of width 256 with heads of 64; None for anything else.

    Raises:
        RecipeError: no model has that shape.
    """
    found = re.fullmatch(r"(\d+)x(\d+)", model)
    if found is None:
        return None
    layers, width = map(int, found.groups())
    if not (0 < layers <= _LARGEST_LAYERS and 0 < width <= _LARGEST_WIDTH and width % _HEAD_WIDTH == 0):
        raise RecipeError(
            f"--model {model}: LAYERSxWIDTH has 1 to {_LARGEST_LAYERS} layers and a width that is a multiple of "
            f"{_HEAD_WIDTH} up to {_LARGEST_WIDTH}, e.g. 4x256 or 12x768"
        )
    return Architecture(
        layers=layers,
        hidden_size=width,
        heads=width // _HEAD_WIDTH,
        intermediate_size=4 * width,
        max_tokens=MAX_TOKENS,
    )


def write_shape(folder: Path, architecture: Architecture, tokenizer: Any) -> None:
    """Write config and tokenizer of a shape; a tokenizer with fewer pieces leaves rows of the embedding unused."""
    quiet()
    config = xlmr_config(architecture, max(VOCABULARY, len(tokenizer)), tokenizer)
    config.architectures = ["XLMRobertaForMaskedLM"]
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def open_folder(model: str) -> tuple[Any, int]:
    """Tokenizer and longest input of the user's own model.

    Raises:
        RecipeError: there is no such folder, or its model is not an encoder.
        CheckpointError: no config or tokenizer, or an architecture that is not supported.
    """
    if not Path(model).is_dir():
        raise RecipeError(f"--model '{model}' is neither LAYERSxWIDTH, e.g. 4x256, nor a folder with a model")
    tokenizer, max_tokens = load_tokenizer(model), max_tokens_of(model)
    if json.loads((Path(model) / "config.json").read_text(encoding="utf-8"))["model_type"] == MT5:
        raise RecipeError(f"--model '{model}' is an mT5; bench compares encoders: give an encoder, or e.g. 4x256")
    return tokenizer, max_tokens


class Rig:
    """What every way of training starts from, equal in every process: model, heads, and prepared items.

    Args:
        device: where the model is trained.
    """

    def __init__(self, job: Job, device: torch.device) -> None:
        self.device = device
        self.tasks: list[Task] = [get_task(name) for name in job.source.shares]
        start = load_start(str(job.model), seed=job.seed, random_init=True)
        self.tokenizer = start.tokenizer
        torch.manual_seed(job.seed)
        self.model: MultiTaskModel = build_model(start, self.tasks)
        for module in self.model.modules():
            if isinstance(module, nn.Dropout):
                module.p = job.dropout
        self.data = read_items(job, self.tokenizer)


def read_items(job: Job, tokenizer: Any) -> dict[str, TaskData]:
    """The prepared items of each task."""
    special_ids = frozenset(tokenizer.all_special_ids)
    return {
        name: task_data(get_task(name), open_prepared([file]), TRAINING, special_ids)
        for name, file in job.source.files.items()
    }


def step_flops(folder: Path, *, tokens: float, tokens_squared: float) -> float:
    """Floating-point operations of training on some sequences, forward and backward, without heads and embeddings.

    6 for each weight of the blocks' matrices and token, and 12·L·d·Σn² for attention over sequences of n tokens: with
    an inner width of 4·d, the 6·12·L·d² + 12·L·d·s a token of Kaplan et al. 2020 and of Chowdhery et al. 2022 (PaLM),
    appendix B. Padding and recomputation do not count.

    Args:
        folder: with the model's config.json.
        tokens: Σn.
        tokens_squared: Σn².
    """
    config = folder / "config.json"
    shape = shape_of(json.loads(config.read_text(encoding="utf-8")), str(config))
    matrices = sum(weight.numel for weight in shape.weights if weight.part == "blocks" and len(weight.shape) == 2)
    return 6 * matrices * tokens + 12 * shape.layers * shape.attention_width * tokens_squared
