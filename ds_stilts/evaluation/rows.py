"""Prediction rows: one Parquet row per example, one shard per rank and language. Every score is computed from these."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


@dataclass(frozen=True, kw_only=True)
class Row:
    """One example's prediction."""

    task: str
    language: str
    split: str
    id: str
    index: int
    """Place in the official file."""
    gold: str
    """JSON."""
    prediction: str
    """JSON."""
    score: float
    """Margin, span score, log-likelihood or cosine."""
    tokens: int
    """Tokens that the encoder read for it."""
    zero_shot: bool
    """True when no phase saw labelled data of this language."""
    confidence: float | None = None
    """Probability of the prediction among all possible answers; None where the model gives none."""
    written: str | None = None
    """What a model that writes text wrote."""
    legal: bool = True
    """Whether it is an answer at all; where it is not, `prediction` is one that is never right."""


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("task", "language", "split", "id")]
    + [("index", pa.int32()), ("gold", pa.string()), ("prediction", pa.string())]
    + [("score", pa.float32()), ("tokens", pa.int32()), ("zero_shot", pa.bool_())]
    + [("confidence", pa.float32())]
    + [("written", pa.string()), ("legal", pa.bool_())]
)


def write_shard(rows: list[Row], folder: Path, language: str, rank: int) -> None:
    """Write one rank's rows of a language in one rename."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{language}-{rank}.parquet"
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_SCHEMA)
    pq.write_table(table, path.with_suffix(".tmp"))
    path.with_suffix(".tmp").replace(path)


def read_rows(folder: Path, language: str) -> list[dict[str, Any]]:
    """All rows of a language in file order, gold and prediction parsed; each example once.

    What older files lack (`confidence`, `written`, `legal`) is None.
    """
    tables = [pq.read_table(path, schema=_SCHEMA) for path in sorted(folder.glob(f"{language}-*.parquet"))]
    rows = pa.concat_tables(tables).sort_by("index").to_pylist()
    unique = {row["index"]: row for row in rows}
    return [
        {**row, "gold": json.loads(row["gold"]), "prediction": json.loads(row["prediction"])} for row in unique.values()
    ]
