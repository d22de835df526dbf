"""What an export writes of parts that no engine holds. Exports of trained models: tests.distributed."""

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForMaskedLM, AutoTokenizer

from ds_stilts.engine.export import write_folder
from ds_stilts.models.weights import named_once
from tests.distributed import loading_scenarios
from tests.distributed.worlds import run_world
from tests.small import tokenizer, xlmr

pytestmark = pytest.mark.timeout(300)


def test_a_folder_is_on_disk_before_it_is_there_and_the_checkpoints_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    left: list[str] = []
    sync, rename = os.fsync, Path.rename

    def noted(descriptor: int) -> None:
        sync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def looked_at(path: Path, target: Path) -> Path:
        left.extend(one.name for one in [path, *path.rglob("*")] if one.stat().st_ino not in synced)
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "rename", looked_at)
    model = xlmr()
    values = ((name, value.detach()) for name, value in named_once(model).items())
    heads = {"qa.weight": torch.ones(2)}
    write_folder(model, values, tokenizer(), tmp_path / "model", heads=heads, card="", facts={})
    assert (tmp_path / "model" / "heads.safetensors").is_file() and left == []
    assert tmp_path.stat().st_ino in synced, "the rename too"


def test_a_language_head_and_other_heads_pass_by_the_engine_bit_for_bit(tmp_path: Path) -> None:
    model, out = xlmr(), tmp_path / "out"
    model.save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    out.mkdir()
    (out / "old").touch()
    without_values = run_world(2, loading_scenarios.export_untouched, str(tmp_path / "model"), str(out))[0]
    assert {name.split(".")[0] for name in without_values} == {"lm_head"}
    assert sorted(path.name for path in out.iterdir()) == [
        "README.md", "config.json", "heads.safetensors", "model.safetensors", "phase.json", "tokenizer.json",
        "tokenizer_config.json",
    ]  # fmt: skip
    opened = AutoModelForMaskedLM.from_pretrained(out)
    expected = dict(model.named_parameters())
    for name, parameter in opened.named_parameters():
        assert torch.equal(parameter, expected[name]), name
    assert load_file(out / "heads.safetensors")["other.out_proj.bias"].tolist() == [1.0, 2.0]
    config = json.loads((out / "config.json").read_text())
    assert config["architectures"] == ["XLMRobertaForMaskedLM"] and "ds_stilts" not in str(config)
    assert AutoTokenizer.from_pretrained(out)("ab")["input_ids"] == tokenizer()("ab")["input_ids"]
    assert not out.with_name("out.tmp").exists()


def test_a_full_disk_is_told_by_all_ranks_together_and_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").touch()
    xlmr().save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    said = run_world(2, loading_scenarios.export_to_a_full_disk, str(tmp_path / "model"), str(out))
    assert said[0] == said[1] and "out could not be written: No space left on device (" in said[0]
    assert [path.name for path in out.iterdir()] == ["old"] and not out.with_name("out.tmp").exists()
