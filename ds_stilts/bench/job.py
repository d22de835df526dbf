"""What every process of a measurement is told: plain values, so that they can be sent."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ds_stilts.bench.variants import Dtype

Clock = Literal["cpu", "wall"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """Training rows, tokenised."""

    told: str
    """Where they come from, for people."""
    shares: dict[str, float]
    """By task: how often it is drawn."""
    files: dict[str, Path]
    """By task: its prepared file."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One measurement."""

    source: Source
    model: Path
    """Folder with config.json and tokenizer; the weights are drawn, since no speed depends on them."""
    scratch: Path
    """Folder for what the ways write while they train; it is gone when the measurement is over."""
    batch: int
    """Examples in a step."""
    steps: int
    """Steps of a round."""
    rounds: int
    dtype: Dtype
    dropout: float
    """Of all dropout layers."""
    clock: Clock
    """CPU seconds of the process, or seconds."""
    threads: int
    """Of each process."""
    seed: int = 1
