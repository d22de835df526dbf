"""Bytes of DeepSpeed's communication log are those of the formula that plans are made with."""

import json
from pathlib import Path

import pytest
import yaml

from ds_stilts.engine.communication import NAME
from ds_stilts.planning.communication import traffic
from ds_stilts.planning.machine import Machine
from ds_stilts.planning.zero import read_setting
from ds_stilts.recipe import Recipe
from ds_stilts.resources import config_path
from ds_stilts.synthetic import write_world
from tests.distributed import phases
from tests.distributed.worlds import run_world
from tests.faults.runs import RECIPE, STAGE

pytestmark = pytest.mark.timeout(300)
LOG = {"enabled": True, "prof_all": True, "verbose": False, "debug": False}


@pytest.mark.parametrize(
    "config",
    ["zero2_fp32", "zero3_release_fp32", *(pytest.param(f"zero{n}_fp32", marks=pytest.mark.slow) for n in (0, 1))],
)
def test_logged_bytes_of_a_step_are_the_formulas(config: str, tmp_path: Path) -> None:
    values = json.loads(config_path(config).read_text(encoding="utf-8"))
    (tmp_path / "logged.json").write_text(json.dumps({**values, "comms_logger": LOG}))
    text = RECIPE.format(steps=4, config=config, checkpoint_every=100, hang_timeout_s=300)
    recipe = Recipe.model_validate({**yaml.safe_load(text), "engine": {"config": str(tmp_path / "logged.json")}})
    run = tmp_path / "run"
    write_world(tmp_path / "data", preset="tiny", seed=recipe.data.synthetic.seed if recipe.data.synthetic else 0)
    run_world(2, phases.walk, str(run), phases.text_of(recipe), ["start", STAGE], timeout_s=250)

    logged = json.loads((run / STAGE / NAME).read_text())
    parameters = sum(_sizes(path) for path in (run / STAGE / "model").glob("*.safetensors"))
    expected = traffic(read_setting(values), parameters, Machine(nodes=2, gpus=1)).messages
    assert logged["world_size"] == 2 and logged["steps"] == 4
    assert sum(kind["bytes"] for kind in logged["of_a_step"].values()) == pytest.approx(expected, rel=0.05)


def _sizes(path: Path) -> int:
    from safetensors.numpy import load_file

    return sum(array.size for array in load_file(path).values())
