"""With which seeds a target is trained: a perturbed one with those of the clean target, so that it has its model."""

from pathlib import Path
from typing import Any

import pytest

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
    name: str, label: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    ranks = Ranks(world=None, stop=None)  # type: ignore[arg-type]
    _target(run, ranks, arm="none", name=name, scoring=False)
    assert (seen["seed_label"], seen["stage"]) == (label, f"targets/none/{name}")
    assert seen["own"].name == name
