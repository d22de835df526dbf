"""Predictions do not depend on the number of ranks, the batch, or the ZeRO stage."""

import json
from pathlib import Path

import pytest

from ds_stilts.evaluation.rows import read_rows
from ds_stilts.recipe import Architecture
from ds_stilts.synthetic import oracle_start, write_world
from tests.distributed import scenarios
from tests.distributed.worlds import run_world

pytestmark = pytest.mark.timeout(400)
LANGUAGES = {
    "synth_nli": ["aa", "cc"],
    "synth_choice": ["bb"],
    "synth_qa": ["aa", "hh"],
    "synth_pos": ["dd", "gg"],
    "synth_retrieval": ["bb", "cc"],
}


def test_predictions_are_the_same_on_every_shape(tmp_path: Path) -> None:
    write_world(tmp_path / "data", preset="tiny", seed=7)
    start = tmp_path / "start"
    shape = Architecture(hidden_size=32, layers=3, heads=2, intermediate_size=64, max_tokens=128)
    oracle_start(start, preset="tiny", world_seed=7, seed=1, sigma=0.3, scale=0.4, architecture=shape)
    worlds = [
        (1, "zero2_fp32", None),
        (2, "zero2_fp32", 1),
        (2, "zero2_fp32", 3),
        (1, "zero3_release_fp32", 8),
        (2, "zero3_release_fp32", 3),
    ]
    for size, config, batch in worlds:
        run_world(size, scenarios.predict, str(tmp_path), str(start), config, batch)

    def rows(size: int, config: str, batch: int | None, task: str, language: str) -> list[dict[str, object]]:
        return read_rows(tmp_path / f"{config}-{size}-{batch}" / task, language)

    for task, languages in LANGUAGES.items():
        for language in languages:
            expected = rows(*worlds[0], task, language)
            assert len(expected) >= 25 and len({json.dumps(row["prediction"]) for row in expected}) > 1
            for world in worlds[1:]:
                found = rows(*world, task, language)
                assert [(r["id"], r["gold"], r["prediction"]) for r in found] == [
                    (r["id"], r["gold"], r["prediction"]) for r in expected
                ], (world, task, language)
                assert max(abs(a["score"] - b["score"]) for a, b in zip(found, expected, strict=True)) <= 1e-5  # type: ignore[operator]
