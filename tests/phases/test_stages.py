"""How a stage ends, whatever an earlier start has left of it."""

from pathlib import Path

from ds_stilts.phases import is_done, run_stage
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.recipe import Recipe


def test_checkpoints_of_a_start_that_was_cut_short_behind_its_export_go_with_the_end_of_the_stage(
    tmp_path: Path, ranks: Ranks
) -> None:
    values = {"name": "r", "start": {"model": "owner/model"}, "arms": {"qa": {"tasks": {"squad_v1": {}}, "steps": 1}},
              "targets": {}}  # fmt: skip
    run = Run(recipe=Recipe.model_validate(values), run_dir=tmp_path, data_root=tmp_path)
    stage = tmp_path / "arms" / "qa"
    for name in ("model", "checkpoints/step-4", "checkpoints/step-8", "checkpoints/step-8-any"):
        (stage / name).mkdir(parents=True)
    run_stage(run, "arms/qa", ranks)
    assert is_done(run, "arms/qa") and (stage / "model").is_dir()
    assert list((stage / "checkpoints").iterdir()) == []
