"""Whose model a perturbed target is scored with: the clean target's, or its own, drawn with the same seeds."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import CheckpointError
from ds_stilts.phases import _target
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.recipe import Recipe


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("xquad", "targets/xquad"),
        ("xquad:noise", "targets/xquad"),
        ("xquad:distractor", "targets/xquad"),
        ("squad_v1:shuffled", "targets/squad_v1:shuffled"),
    ],
)
def test_a_perturbed_target_draws_as_the_clean_one(
    name: str, label: str, tmp_path: Path, ranks: Ranks, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    def train(*given: Any, **named: Any) -> tuple[None, None, dict[str, Any]]:
        seen.update(named)
        return None, None, {}

    monkeypatch.setattr("ds_stilts.phases.training.train_phase", train)
    recipe = Recipe.model_validate(
        {"name": "r", "start": {"model": "owner/model"}, "arms": {"none": None}, "targets": {name: {"steps": 1}}}
    )
    run = Run(recipe=recipe, run_dir=tmp_path / "run", data_root=tmp_path)
    _target(run, ranks, arm="none", name=name, scoring=False)
    assert (seen["seed_label"], seen["stage"]) == (label, f"targets/none/{name}")
    assert seen["own"].name == name


def test_a_perturbed_target_beside_the_clean_one_is_scored_with_its_model(
    tmp_path: Path, ranks: Ranks, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, Any] = {}

    class Scorer:
        def eval(self) -> None: ...

    def load(run: Run, ranks: Ranks, source: str, task: Any) -> tuple[Scorer, None]:
        seen["loaded"] = source
        return Scorer(), None

    monkeypatch.setattr("ds_stilts.phases.scoring.load_scorer", load)
    monkeypatch.setattr(
        "ds_stilts.phases.scoring.score_target", lambda *given, **named: seen.update(named, by=given[4])
    )
    targets = {name: {"steps": 1} for name in ("xquad", "xquad:noise")}
    recipe = Recipe.model_validate(
        {"name": "r", "start": {"model": "owner/model"}, "arms": {"none": None}, "targets": targets}
    )
    run = Run(recipe=recipe, run_dir=tmp_path / "run", data_root=tmp_path)
    _target(run, ranks, arm="none", name="xquad:noise", scoring=False)  # there is nothing to train
    assert seen == {}
    with pytest.raises(CheckpointError, match=r"the model of targets/none/xquad, which is not in .*evaluate RECIPE"):
        _target(run, ranks, arm="none", name="xquad:noise", scoring=True)

    model = run.run_dir / "targets" / "none" / "xquad" / "model"
    model.mkdir(parents=True)
    facts = {"items": {"xquad": 7}, "steps": 1, "validation": {"value": 50.0}}
    (model / "phase.json").write_text(json.dumps(facts))
    _target(run, ranks, arm="none", name="xquad:noise", scoring=True)
    assert seen["loaded"] == seen["by"] == str(model) and seen["stage"] == "targets/none/xquad:noise"
    assert seen["trained"] == {"examples": 7, "steps": 1, "validation": {"value": 50.0}}
