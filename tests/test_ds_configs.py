"""The shipped DeepSpeed configurations: engine settings only, and all alike but for what their names say."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "ds_configs"
FILES = sorted(FOLDER.glob("*.json"))
SET_BY_THE_RECIPE = {
    "train_batch_size",
    "train_micro_batch_size_per_gpu",
    "gradient_accumulation_steps",
    "gradient_clipping",
    "optimizer",
    "scheduler",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_stage_and_precision_are_those_of_the_name(path: Path) -> None:
    config = json.loads(path.read_text(encoding="utf-8"))

    assert config["zero_optimization"]["stage"] == int(path.stem[len("zero")])
    assert config["bf16"]["enabled"] == path.stem.endswith("_bf16")
    assert not SET_BY_THE_RECIPE & config.keys()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_deepspeed_knows_every_key(path: Path) -> None:
    from deepspeed.runtime.zero.config import DeepSpeedZeroConfig

    zero = json.loads(path.read_text(encoding="utf-8"))["zero_optimization"]
    aliases = {field.alias for field in DeepSpeedZeroConfig.model_fields.values()}

    assert set(zero) <= set(DeepSpeedZeroConfig.model_fields) | aliases
    # Far smaller than XLM-R Large (5.6e8), so that averaging gradients overlaps with the backward pass.
    assert zero["reduce_bucket_size"] <= 5e8 / 10


def test_the_table_of_when_to_use_which_names_every_file() -> None:
    table = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert [path.stem for path in FILES if f"| `{path.stem}` |" not in table] == []
