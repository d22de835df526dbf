"""A sweep: every hidden state from one pass, with the rows it would have alone; one is chosen on what is not scored."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.data.prepare import SplitKey
from ds_stilts.engine.objective import Objective
from ds_stilts.errors import CheckpointError
from ds_stilts.evaluation.geometry import read_geometry
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.evaluation.sweep import choose
from ds_stilts.formats.base import Limits
from ds_stilts.formats.mining import halves, mining_scores, threshold_of
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.tasks.examples import BitextExample, Example, SearchExample
from ds_stilts.tasks.task import Split, Task
from tests.evaluation.test_harness import ids, run
from tests.small import prepared, task, xlmr

NUM_TEXTS = 120


def declare(format: str) -> Task:
    """English only: texts, the first half queries, every other one with its partner in the second half."""
    half = NUM_TEXTS // 2
    sides = ["query"] * half + ["corpus"] * half
    if format == "retrieval":
        examples: list[Example] = [
            BitextExample(id=f"t{i}", text="", side=side, match=f"t{i + half}" if i < half else None)  # type: ignore[arg-type]
            for i, side in enumerate(sides)
        ]
    else:
        examples = [
            SearchExample(id=f"t{i}", text=f"{i}", side=side, keys=(str(i % half),) if i % 2 else ())  # type: ignore[arg-type]
            for i, side in enumerate(sides)
        ]
    metrics = ("accuracy",) if format == "retrieval" else ("f1", "precision", "recall", "f1_oracle")
    split = Split(read=lambda *_, **__: examples, file="none")
    return task("nli", format, metrics=metrics, splits={"test": split})


@pytest.fixture(scope="module")
def objective() -> Objective:
    torch.manual_seed(0)
    return Objective(MultiTaskModel(PackedEncoder(xlmr().base_model), {}), [declare("retrieval")]).eval()


def score(objective: Objective, made: Task, folder: Path, pooling: Pooling, size: int = 1) -> Path:
    """Score in a world of threads; the folder of the target's predictions."""
    folder = folder / "predictions"
    key = SplitKey(task=made, split="test", language="en", limits=Limits(max_tokens=32), training=False)
    tokens = ids(NUM_TEXTS)
    for i in range(NUM_TEXTS // 2):  # partners are alike but for one token
        tokens[i + NUM_TEXTS // 2] = [*tokens[i][:-2], 5, 2]
    unit = LanguageWork(key=key, prepared=prepared(tokens, rows=[list(range(len(t))) for t in tokens]), zero_shot=True)
    run(objective, [unit], folder, size=size, batch_tokens=200, pooling=pooling)
    return folder


@pytest.mark.parametrize("format", ["retrieval", "mining"])
def test_each_state_of_a_sweep_has_the_very_rows_that_it_has_alone(
    format: str, objective: Objective, tmp_path: Path
) -> None:
    made, sweep = declare(format), Pooling(layer=2, sweep=(0, 1, 2))
    together = score(objective, made, tmp_path / "sweep", sweep)
    for layer in sweep.layers:
        alone = score(objective, made, tmp_path / f"{layer}", Pooling(layer=layer))
        folder = sweep.folder(together, layer)
        assert read_rows(folder, "en") == read_rows(alone, "en")
        found = read_geometry(folder, "en")
        assert found == read_geometry(alone, "en") and found is not None
        assert found.pairs == (60 if format == "retrieval" else 30)
    spread = {read_geometry(sweep.folder(together, layer), "en").uniformity for layer in (0, 1, 2)}  # type: ignore[union-attr]
    assert len(spread) == 3


def test_more_ranks_find_the_same(objective: Objective, tmp_path: Path) -> None:
    made, sweep = declare("mining"), Pooling(layer=1, sweep=(1, 2))
    one, three = (score(objective, made, tmp_path / f"{size}", sweep, size) for size in (1, 3))
    for layer in sweep.layers:
        rows = [read_rows(sweep.folder(folder, layer), "en") for folder in (one, three)]
        assert [row["prediction"] for row in rows[0]] == [row["prediction"] for row in rows[1]]


def test_without_gold_set_apart_the_recipes_state_counts_and_the_best_is_an_oracle(
    objective: Objective, tmp_path: Path
) -> None:
    made, sweep = declare("retrieval"), Pooling(layer=1, sweep=(0, 1, 2))
    folder = score(objective, made, tmp_path, sweep)
    found = choose(made, ["en"], sweep, folder)
    assert (found["layer"], found["chosen_on"]) == (1, None)
    best = max(one["score"] for one in found["layers"].values())
    assert found["layers"][found["oracle"]]["score"] == best
    assert read_rows(folder, "en") == read_rows(sweep.folder(folder, 1), "en")
    assert read_geometry(folder, "en") == read_geometry(sweep.folder(folder, 1), "en")


def mined(id: str, right: bool, kept: float) -> dict[str, Any]:
    return {"id": id, "gold": ["x"], "prediction": "x" if right else "y", "score": kept}


def test_in_mining_the_state_is_chosen_on_the_half_that_is_not_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """State 1 is right on the tuning half only, state 2 on the scored half only: whoever looks there takes 2."""
    made, sweep = declare("mining"), Pooling(layer=0, sweep=(0, 1, 2))
    names = [{"id": f"s{i}", "gold": ["x"]} for i in range(60)]
    tune = {row["id"] for row in halves(names, "nli", "en")[0]}
    rows = {
        0: [mined(f"s{i}", i % 2 == 0, 1.0) for i in range(60)],
        1: [mined(f"s{i}", f"s{i}" in tune, 1.0) for i in range(60)],
        2: [mined(f"s{i}", f"s{i}" not in tune, 1.0) for i in range(60)],
    }
    for layer in sweep.layers:
        sweep.folder(tmp_path / "predictions", layer).mkdir(parents=True)
        (sweep.folder(tmp_path / "predictions", layer) / "en-0.parquet").write_text(str(layer))
    monkeypatch.setattr("ds_stilts.evaluation.sweep.read_rows", lambda folder, code: rows[int(folder.name)])
    found = choose(made, ["en"], sweep, tmp_path / "predictions")
    assert (found["layer"], found["chosen_on"], found["oracle"]) == (1, "tuning half", 2)
    own, _ = halves(rows[1], "nli", "en")
    assert found["layers"][1]["tuning_f1"] == mining_scores(own, threshold_of(own))["f1"] == 100.0
    assert found["layers"][1]["score"] == 0.0 and found["layers"][2]["score"] == 100.0
    assert (tmp_path / "predictions" / "en-0.parquet").read_text() == "1", "the rows that count are those of the choice"
    assert json.loads(json.dumps(found))["layers"]["2"]["score"] == 100.0


def test_a_scored_language_is_not_embedded_again(objective: Objective, tmp_path: Path) -> None:
    made, sweep = declare("retrieval"), Pooling(layer=2, sweep=(1, 2))
    folder = score(objective, made, tmp_path, sweep)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    score(objective, made, tmp_path, sweep)
    assert before == {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.parquet")}
    for path in sweep.folder(folder, 1).glob("*"):
        path.unlink()
    score(objective, made, tmp_path, sweep)
    assert list(sweep.folder(folder, 1).glob("*.parquet")), "one state's rows were lost, and are made again"


def test_rows_of_another_hidden_state_are_made_again(objective: Objective, tmp_path: Path) -> None:
    made = declare("retrieval")
    alone = read_rows(score(objective, made, tmp_path / "alone", Pooling(layer=2)), "en")
    before = read_rows(score(objective, made, tmp_path / "both", Pooling(layer=0)), "en")
    after = read_rows(score(objective, made, tmp_path / "both", Pooling(layer=2)), "en")
    assert after == alone != before


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("format", ["retrieval", "mining"])
def test_vectors_that_are_not_finite_are_one_sentence(tmp_path: Path, format: str, size: int) -> None:
    torch.manual_seed(0)
    model = Objective(MultiTaskModel(PackedEncoder(xlmr().base_model), {}), [declare("retrieval")]).eval()
    model.model.encoder.hf.encoder.layer[1].output.dense.weight.data[0, 0] = float("nan")
    made, sentence = (
        declare(format),
        r"language 'en': hidden state 2 is not finite for \d+ of 120 texts, the first 't0'",
    )
    score(model, made, tmp_path / "lower", Pooling(layer=1))
    with pytest.raises(CheckpointError, match=sentence):
        score(model, made, tmp_path / "last", Pooling(layer=2), size)
    assert not list((tmp_path / "last").rglob("*.parquet"))
