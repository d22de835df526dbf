"""A stop in the middle of a validation: the step is saved at once, and the next start begins with that validation."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds_stilts.engine import checkpoint
from ds_stilts.engine.manifest import read_manifest
from tests.distributed import scenarios
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(300)

CURVE = (10.0, 50.0, 40.0, 30.0, 20.0, 60.0)


def train(folder: Path, left_at: int | None = None) -> dict[str, Any]:
    """Six steps at most, the best of which is the second; of two checkpoints a third is saved over."""
    options = {"every": 3, "keep": 1, "curve": CURVE, "left_at": left_at}
    found: dict[str, Any] = run_world(
        2, functools.partial(scenarios.train_tiny, **options), str(folder), "zero3_release_fp32"
    )[0]
    return found


def metrics(folder: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{key: line[key] for key in ("step", "loss", "validation") if key in line} for line in lines]


def test_it_is_owed_until_it_is_made_and_the_end_is_that_of_a_run_left_alone(tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    expected = train(whole)
    assert "the weights of step 2 are kept" in expected["said"]

    left = train(broken, left_at=2)
    assert left["refusal"] == (
        "arms/test stopped on request in the validation after step 2, saved; the same command goes on"
    )
    saved, older = checkpoint.committed(broken / "checkpoints")
    assert (saved.name, older.name) == ("step-2", "step-1"), "which of them is the best is not known yet"
    assert checkpoint.read_cursor(saved).watch == {"value": 10.0, "best_step": 1, "worse": 0, "owed": True}

    assert train(broken, left_at=2)["refusal"] == "told to", "again, at the next start"
    assert checkpoint.read_cursor(saved).watch["owed"]
    train(broken, left_at=3)
    newest, best = checkpoint.committed(broken / "checkpoints")
    assert (newest.name, best.name) == ("step-3", "step-2") and read_manifest(best).facts["best"]
    assert checkpoint.read_cursor(best).watch == {"value": 50.0, "best_step": 2, "worse": 0}

    ended = train(broken)
    assert ended["refusal"] == "" and "the weights of step 2 are kept" in ended["said"]
    assert metrics(broken) == metrics(whole)
    for name, value in expected["parameters"].items():
        assert np.array_equal(ended["parameters"][name], value), name


def test_where_patience_ends_with_it_nothing_is_trained_any_more(tmp_path: Path) -> None:
    train(tmp_path, left_at=5)
    ended = train(tmp_path)
    assert "goes on after step 5" in ended["said"] and "the weights of step 2 are kept" in ended["said"]
    assert [line["step"] for line in metrics(tmp_path)][-1] == 5
