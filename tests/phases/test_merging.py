"""The stage of a merged arm: which folders it reads, what it leaves, and that it can be interrupted."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel

from ds_stilts.engine.deadline import Deadline
from ds_stilts.engine.failpoints import VARIABLE, FailpointReached
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.errors import StoppedCleanly, UserError
from ds_stilts.phases import is_done, run_stage
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.recipe import Recipe
from ds_stilts.run import _check_order
from tests.small import mt5, mt5_tokenizer, tokenizer, xlmr

STAGE = "arms/merged"
SOURCES = {"start": 0, "arms/nli": 1, "arms/chain/1": 4, "arms/chain/2": 2}


@pytest.fixture(scope="module")
def world() -> Any:
    joined = World.join()
    yield joined
    joined.leave()


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A start model and the folders of two arms, not to be changed."""
    root = tmp_path_factory.mktemp("trained")
    for stage, seed in SOURCES.items():
        model, folder = xlmr(seed), root / stage / "model"
        (model if seed == 0 else model.roberta).save_pretrained(folder)
        tokenizer().save_pretrained(folder)
        shared = {"shared.bias": torch.full((2,), float(seed))}
        save_file({**shared, f"{stage.split('/')[1]}.bias": torch.ones(1) * seed} if seed else shared,
                  folder / "heads.safetensors")  # fmt: skip
    return root


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def run_of(folder: Path, merge: Any, **arms: Any) -> Run:
    own = {
        "nli": {"tasks": {"mnli": {}}, "steps": 1},
        "chain": {"sequence": [{"tasks": {name: {}}, "steps": 1} for name in ("squad_v1", "ccg")]},
    }
    values = {
        "name": "r",
        "start": {"model": str(folder / "start" / "model")},
        "arms": {**own, **arms, "merged": {"merge": merge}},
        "targets": {},
    }
    return Run(recipe=Recipe.model_validate(values), run_dir=folder, data_root=folder)


def merge(world: World, folder: Path, merge: Any, **arms: Any) -> Path:
    """Carry out the stage and return its model folder."""
    run = run_of(folder, merge, **arms)
    run_stage(run, STAGE, Ranks(world=world, stop=StopSource(world, folder, Deadline(None, {}))))
    assert is_done(run, STAGE)
    return folder / STAGE / "model"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    """Of an encoder, by transformers' own names."""
    return dict(AutoModel.from_pretrained(folder, add_pooling_layer=False).named_parameters())


def same(one: Path, other: Path) -> bool:
    first, second = weights(one), weights(other)
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


def test_the_mean_is_that_of_the_last_models(world: World, folder: Path) -> None:
    found = weights(merge(world, folder, {"arms": ["nli", "chain"]}))
    first, second = (weights(folder / stage / "model") for stage in ("arms/nli", "arms/chain/2"))
    for name, own in found.items():
        assert torch.equal(own, ((first[name].double() + second[name].double()) / 2).float()), name


def test_what_was_learned_is_added_to_the_start_model(world: World, folder: Path) -> None:
    found = weights(merge(world, folder, {"arms": {"nli": 0.8, "chain": -0.3}}))
    start, first, second = (weights(folder / stage / "model") for stage in ("start", "arms/nli", "arms/chain/2"))
    for name, own in found.items():
        expected = start[name] + 0.8 * (first[name] - start[name]) - 0.3 * (second[name] - start[name])
        torch.testing.assert_close(own, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("merged", "source"),
    [
        ({"arms": ["nli"]}, "arms/nli"),
        ({"arms": ["chain"], "weight": 1}, "arms/chain/2"),
        ({"arms": {"nli": 1, "chain": 0}}, "arms/nli"),
        ({"arms": ["nli", "chain"], "weight": 0}, "start"),
        ({"arms": ["nli", "twin"], "weight": 0.5}, "arms/nli"),
    ],
)
def test_ends_of_the_scale_are_bit_for_bit(world: World, folder: Path, merged: Any, source: str) -> None:
    shutil.copytree(folder / "arms/nli", folder / "arms/twin")
    own = merge(world, folder, merged, twin={"tasks": {"mnli": {}}, "steps": 1})
    assert same(own, folder / source / "model")


def test_the_order_of_names_changes_no_byte(world: World, folder: Path) -> None:
    written = []
    for arms in (["nli", "chain"], ["chain", "nli"]):
        own = merge(world, folder, {"arms": arms, "weight": 0.7})
        written.append({path.name: path.read_bytes() for path in own.iterdir()})
        shutil.rmtree(folder / STAGE)
    assert written[0] == written[1]


def test_heads_lie_beside_and_what_was_merged_is_said(world: World, folder: Path) -> None:
    own = merge(world, folder, {"arms": ["nli", "chain"], "weight": 0.4})
    heads = {name: value.tolist() for name, value in load_file(own / "heads.safetensors").items()}
    assert heads == {"nli.bias": [1.0], "chain.bias": [2.0], "shared.bias": [1.5, 1.5]}
    facts = json.loads((own / "phase.json").read_text())
    assert facts["merged"] == {"chain": 0.4, "nli": 0.4}
    assert facts["tasks"] == {"chain": ["ccg", "squad_v1"], "nli": ["mnli"]}
    card = (own / "README.md").read_text()
    assert "as start + 0.4 · (chain - start) + 0.4 · (nli - start)" in card and "- chain: ccg, squad_v1" in card
    assert "`transformers.XLMRobertaModel.from_pretrained`" in card


def test_the_language_head_is_merged_only_where_an_arm_has_trained_it(world: World, folder: Path) -> None:
    model = xlmr(7)
    model.save_pretrained(folder / "arms/text/model")
    tokenizer().save_pretrained(folder / "arms/text/model")
    text = {"tasks": {"text": {}}, "steps": 1}
    own = load_file(merge(world, folder, {"arms": ["nli", "text"]}, text=text) / "model.safetensors")
    start, trained = dict(xlmr(0).named_parameters()), dict(model.named_parameters())
    assert "`transformers.XLMRobertaForMaskedLM.from_pretrained`" in (folder / STAGE / "model/README.md").read_text()
    name = "lm_head.dense.weight"
    assert torch.equal(own[name], (0.5 * start[name].double() + 0.5 * trained[name].double()).float())
    shutil.rmtree(folder / STAGE)
    without = merge(world, folder, {"arms": ["nli", "chain"]}, text=text)
    assert not [name for name in load_file(without / "model.safetensors") if "lm_head" in name]


def test_heads_of_one_name_that_do_not_fit_are_told(world: World, folder: Path) -> None:
    save_file({"shared.bias": torch.zeros(3)}, folder / "arms/nli/model/heads.safetensors")
    with pytest.raises(UserError, match=r"arms/merged: the head 'shared\.bias' has another shape in one of .*arms/nli"):
        merge(world, folder, {"arms": ["nli", "chain"]})


def test_a_merge_is_not_begun_before_the_arms_are_done(folder: Path) -> None:
    run = run_of(folder, {"arms": ["nli", "chain"]})
    (folder / "arms/chain/2/DONE").touch()
    with pytest.raises(UserError, match="'arms/merged' needs the model of stage 'arms/nli', which is not finished"):
        _check_order(run, [STAGE])
    (folder / "arms/nli/DONE").touch()
    _check_order(run, [STAGE])


def test_an_arm_without_weights_is_told(world: World, folder: Path) -> None:
    (folder / "arms/nli/model/model.safetensors").unlink()
    with pytest.raises(UserError, match=r"arms/nli/model' has no model\.safetensors"):
        merge(world, folder, {"arms": ["nli", "chain"]})
    assert not (folder / STAGE / "model").exists()


def test_an_interrupted_merge_leaves_no_model_and_is_begun_again(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "merge.parameter:step5=raise")
    with pytest.raises(FailpointReached):
        merge(world, folder, {"arms": ["nli"]})
    assert (folder / STAGE / "model.tmp").exists() and not (folder / STAGE / "model").exists()
    monkeypatch.delenv(VARIABLE)
    (folder / "STOP").touch()
    with pytest.raises(StoppedCleanly, match="the models that are merged are there"):
        merge(world, folder, {"arms": ["nli"]})
    assert not (folder / STAGE / "model").exists() and not (folder / STAGE / "DONE").exists()
    (folder / "STOP").unlink()
    assert same(merge(world, folder, {"arms": ["nli"]}), folder / "arms/nli/model")
    assert not (folder / STAGE / "model.tmp").exists()


def test_a_model_that_writes_text_is_merged_whole(world: World, tmp_path: Path) -> None:
    models = {stage: mt5(seed) for seed, stage in enumerate(("start", "arms/nli", "arms/chain/2"))}
    for stage, model in models.items():
        model.save_pretrained(tmp_path / stage / "model")
        mt5_tokenizer().save_pretrained(tmp_path / stage / "model")
    own = load_file(merge(world, tmp_path, {"arms": ["nli", "chain"]}) / "model.safetensors")
    first, second = (dict(models[stage].named_parameters()) for stage in ("arms/nli", "arms/chain/2"))
    assert own.keys() == first.keys() and "lm_head.weight" in own
    for name, values in own.items():
        assert torch.equal(values, ((first[name].double() + second[name].double()) / 2).float()), name
