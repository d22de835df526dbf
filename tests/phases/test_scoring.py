"""What a target's rows are tied to, and when they are forgotten."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.models.heads import build_head
from ds_stilts.phases import forget_scores
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.phases.scoring import load_scorer, made_by, weights_checksum
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task
from tests.small import tokenizer, xlmr

STAGE = "targets/none/xnli"


class Alone(World):
    def gather(self, value: Any) -> list[Any]:
        return [value]


def run(folder: Path, **changes: Any) -> Run:
    values = {"name": "r", "start": {"model": str(folder / "model")}, "arms": {"none": None},
              "targets": {"xnli": {"steps": 1}}, **changes}  # fmt: skip
    return Run(recipe=Recipe.model_validate(values), run_dir=folder / "run", data_root=folder)


def weights(of: Run, source: Path) -> str:
    ranks = Ranks(world=Alone(0, 1, torch.device("cpu")), stop=None)  # type: ignore[arg-type]
    return weights_checksum(of, ranks, str(source))


def left(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_finished_target_is_forgotten_and_one_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    stage = tmp_path / "run" / STAGE
    names = ["model/model.safetensors", "predictions/de-0.parquet", "predictions/en-0.parquet"]
    for name in [*names, "scores.json", "predictions.old/fr-0.parquet"]:
        (stage / name).parent.mkdir(parents=True, exist_ok=True)
        (stage / name).touch()
    forget_scores(run(tmp_path), STAGE)
    assert left(stage) == [*names, "scores.json"]
    (stage / "DONE").touch()
    forget_scores(run(tmp_path), STAGE)
    assert left(stage) == names[:1]
    forget_scores(run(tmp_path), STAGE)
    assert left(stage) == names[:1]


def test_a_target_whose_rows_are_gone_is_never_done_wherever_forgetting_was_cut_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = tmp_path / "run" / STAGE
    (stage / "predictions").mkdir(parents=True)
    for name in ("predictions/de-0.parquet", "scores.json", "DONE"):
        (stage / name).touch()
    seen = []

    def looked_at(change: Callable[..., Any]) -> Callable[..., Any]:
        def changed(*arguments: Any, **options: Any) -> Any:
            found = change(*arguments, **options)
            seen.append(((stage / "DONE").exists(), (stage / "predictions/de-0.parquet").exists()))
            return found

        return changed

    for name in ("rename", "unlink"):
        monkeypatch.setattr(Path, name, looked_at(getattr(Path, name)))
    forget_scores(run(tmp_path), STAGE)
    assert len(seen) >= 3 and (True, False) not in seen
    assert seen[-1] == (False, False)


def test_rows_are_tied_to_weights_heads_recipe_and_data(tmp_path: Path) -> None:
    source = tmp_path / "trained"
    source.mkdir()
    save_file({"a": torch.zeros(3)}, source / "model.safetensors")
    own = run(tmp_path)
    found = [weights(own, source)]
    save_file({"h": torch.zeros(2)}, source / "heads.safetensors")
    found.append(weights(own, source))
    save_file({"h": torch.ones(2)}, source / "heads.safetensors")
    found.append(weights(own, source))
    save_file({"a": torch.ones(3)}, source / "model.safetensors")
    found.append(weights(own, source))
    assert weights(own, source) == found[-1] and len(set(found)) == 4

    path = Path("/cache/xnli/test-de-0123.arrow")
    base = made_by(own, found[0], [path], dtype="float32", pooling=None, zero_shot=True)
    assert base == made_by(run(tmp_path), found[0], [path], dtype="float32", pooling=None, zero_shot=True)
    others = [
        made_by(own, found[1], [path], dtype="float32", pooling=None, zero_shot=True),
        made_by(own, found[0], [path.with_name("test-de-4567.arrow")], dtype="float32", pooling=None, zero_shot=True),
        made_by(own, found[0], [path], dtype="float32", pooling=Pooling(layer=7, kind="cls").facts(), zero_shot=True),
        made_by(own, found[0], [path], dtype="float32", pooling=None, zero_shot=False),
        made_by(run(tmp_path, seed=5), found[0], [path], dtype="float32", pooling=None, zero_shot=True),
        made_by(
            run(tmp_path, engine={"config": "zero2_bf16"}),
            found[0],
            [path],
            dtype="float32",
            pooling=None,
            zero_shot=True,
        ),
        made_by(own, found[0], [path], dtype="bfloat16", pooling=None, zero_shot=True),
    ]
    assert len({base, *others}) == 8
    shape = {"evaluation": {"batch_tokens": 99, "batch_examples": 3}}
    assert made_by(run(tmp_path, **shape), found[0], [path], dtype="float32", pooling=None, zero_shot=True) == base


def test_random_weights_are_the_recipes(tmp_path: Path) -> None:
    random = run(tmp_path, start={"model": str(tmp_path / "model"), "random_init": True})
    assert weights(random, tmp_path / "model") == "random"


def test_a_trained_model_is_scored_with_its_own_head_and_never_with_a_fresh_one(tmp_path: Path) -> None:
    task, trained = get_task("xnli"), tmp_path / "trained"
    xlmr().save_pretrained(trained)
    tokenizer().save_pretrained(trained)
    (trained / "phase.json").write_text("{}")
    own, world = run(tmp_path, engine={"config": "zero0_fp32"}), Alone(0, 1, torch.device("cpu"))
    ranks = Ranks(world=world, stop=None)  # type: ignore[arg-type]
    head = build_head("classification", 32, 3, 0.0)
    save_file(
        {f"{task.head}.{name}": value for name, value in head.state_dict().items()}, trained / "heads.safetensors"
    )
    scorer, _ = load_scorer(own, ranks, str(trained), task)
    for name, value in scorer.model.heads[task.head].state_dict().items():
        assert torch.equal(value, head.state_dict()[name])
    (trained / "heads.safetensors").unlink()
    with pytest.raises(
        CheckpointError, match=rf"heads\.safetensors should hold a head '{task.head}' with .*found none"
    ):
        load_scorer(own, ranks, str(trained), task)
