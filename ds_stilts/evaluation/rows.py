"""Prediction rows: one Parquet row per example, some shards per language. Every score is computed from these.

A shard says what made its rows and how many rows its language has in all, so that no score is computed from part of
them, nor from rows of two models. When shards are written, and which of them an interrupted evaluation goes on from,
lives in `kept`.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ds_stilts.engine.failpoints import fail_at
from ds_stilts.engine.manifest import sync_folder
from ds_stilts.errors import DataError


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
    margin: float | None = None
    """By how much, in logits, the closest decision behind it was made; None where that is not known."""
    written: str | None = None
    """What a model that writes text wrote."""
    legal: bool = True
    """Whether it is an answer at all; where it is not, `prediction` is one that is never right."""


_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("task", "language", "split", "id")]
    + [("index", pa.int32()), ("gold", pa.string()), ("prediction", pa.string())]
    + [("score", pa.float32()), ("tokens", pa.int32()), ("zero_shot", pa.bool_())]
    + [("confidence", pa.float32()), ("margin", pa.float32())]
    + [("written", pa.string()), ("legal", pa.bool_())]
)

_KEY = b"ds_stilts"
_REMEDY = "delete the folder and score the target again (`ds-stilts evaluate`)"


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a shard's rows come from."""

    made_by: str
    """Everything that decides them, as text: model, data, how they were made."""
    num_rows: int
    """Rows of the language in all shards together."""


def write_shard(rows: list[Row], folder: Path, language: str, number: int, origin: Origin | None = None) -> None:
    """Write a shard, or write it again with more rows: what lies under its name is on disk, and whole.

    Args:
        number: tells the shards of a language apart.
        origin: None: not known, and nothing is checked when the rows are read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{language}-{number}.parquet"
    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_SCHEMA)
    if origin:
        table = table.replace_schema_metadata({_KEY: json.dumps(asdict(origin))})
    temporary = path.with_suffix(".tmp")
    pq.write_table(table, temporary)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    fail_at("score.shard")
    temporary.replace(path)
    sync_folder(folder)
    fail_at("score.shard.after")


def shards(folder: Path, language: str) -> list[Path]:
    """The shards of a language, in the order of their numbers; those of "en" are not those of "en-de"."""
    name = re.compile(rf"{re.escape(language)}-(\d+)\.parquet")
    found = [(name.fullmatch(path.name), path) for path in folder.glob("*.parquet")]
    return [path for _, path in sorted((int(match[1]), path) for match, path in found if match)]


def read_origin(path: Path) -> Origin | None:
    """What made the rows of a shard; None if it does not say, as shards of older versions.

    Raises:
        OSError, pyarrow.ArrowInvalid: it is damaged.
    """
    text = (pq.read_schema(path).metadata or {}).get(_KEY)
    return Origin(**json.loads(text)) if text else None


def read_rows(folder: Path, language: str) -> list[dict[str, Any]]:
    """All rows of a language in file order, gold and prediction parsed; each example once.

    What older files lack (`confidence`, `margin`, `written`, `legal`) is None.

    Raises:
        DataError: there are none, rows are missing, or they come from two models.
    """
    paths = shards(folder, language)
    if not paths:
        raise DataError(f"{folder} has no rows of language '{language}'; {_REMEDY}")
    rows = pa.concat_tables([pq.read_table(path, schema=_SCHEMA) for path in paths]).sort_by("index").to_pylist()
    unique = {row["index"]: row for row in rows}
    origins = {read_origin(path) for path in paths}
    if len(origins) > 1:
        raise DataError(f"{folder} has rows of language '{language}' from more than one model or data set; {_REMEDY}")
    (origin,) = origins
    if origin and len(unique) != origin.num_rows:
        raise DataError(
            f"{folder} has rows of {len(unique):,} examples of language '{language}', which has "
            f"{origin.num_rows:,}; {_REMEDY}"
        )
    return [
        {**row, "gold": json.loads(row["gold"]), "prediction": json.loads(row["prediction"])} for row in unique.values()
    ]
