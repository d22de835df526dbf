"""`ds-stilts bench` from outside: a small measurement, and bad input in a sentence."""

import json
import tempfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app

pytest.importorskip("accelerate")
SMALL = ["--model", "1x64", "--rounds", "2", "--examples", "12", "--batch", "4"]


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", *arguments])


def test_every_kind_of_variant_is_measured_on_the_same_examples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    names = ["hf_default", "hf_by_task", "packed", "engine", "engine_bf16"]
    answer = bench(*SMALL, "--variants", ",".join(names), "--json")

    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert list(found["variants"]) == names and found["examples_per_round"] == 12
    assert max(found["losses"].values()) - min(found["losses"].values()) <= 1e-5
    assert len(found["rounds"]) == 2
    for one in found["rounds"]:
        assert len({own["tokens"] for own in one["variants"].values()}) == 1
        assert one["variants"]["hf_default"]["slots"] > one["variants"]["packed"]["slots"]
        assert [own["steps"] for name, own in one["variants"].items() if name != "hf_by_task"] == [3] * 4
        assert set(one["limits_flops"]) == {"fp32", "bf16"}
    assert found["rounds"][0]["variants"]["packed"]["tokens"] != found["rounds"][1]["variants"]["packed"]["tokens"]
    for own in found["variants"].values():
        assert own["tokens_per_s"]["q1"] <= own["tokens_per_s"]["median"] <= own["tokens_per_s"]["q3"]
        assert 0 < own["of_limit"]["median"] < 1 and own["ratio"]["median"] > 0
    assert [(pair["of"], pair["to"]) for pair in found["pairs"]] == [("packed", "hf_by_task"), ("engine", "packed")]
    assert not list(tmp_path.glob("ds_stilts-bench-*"))
    assert "made-up languages" in found["data"] and "--data-root DIR" in found["data"]


def test_a_table_shows_what_is_compared_with_a_given_peak() -> None:
    answer = bench(*SMALL, "--rounds", "1", "--variants", "packed,packed_bf16", "--peak-tflops", "0.5")

    assert answer.exit_code == 0, answer.output
    header, packed, rounded = answer.stdout.split("\n\n")[1].splitlines()
    assert "real tokens per CPU second" in header and "MFU" in header and "hf_default" not in header
    assert packed.split()[:2] == ["packed", "fp32"] and packed.count("%") == 3
    assert rounded.split()[:2] == ["packed_bf16", "bf16"] and rounded.count("%") == 2  # the peak is that of fp32
    assert "500 GFLOP/s: given limit of fp32" in answer.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--variants", "packd"], "no variant 'packd' (did you mean 'packed'?)"),
        (["--model", "4x250"], "--model 4x250: LAYERSxWIDTH has"),
        (["--model", "no/folder"], "--model 'no/folder' is neither LAYERSxWIDTH, e.g. 4x256, nor a folder"),
        (["--data-root", "/nowhere"], "/nowhere/mnli/train.jsonl"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(options: list[str], sentence: str) -> None:
    answer = bench(*options)
    assert answer.exit_code == 2, answer.output
    assert answer.stderr.splitlines()[-1].startswith("error: ") and sentence in answer.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--nodes", "1,2"], "--nodes belongs to --scaling"),
        (["--scaling", "--variants", "packed"], "--variants says nothing about --scaling"),
        (["--scaling", "--nodes", "2,1"], "--nodes '2,1': write rising numbers with commas between them"),
        (["--scaling", "--model", "nowhere"], "scaling is measured on a shape, LAYERSxWIDTH"),
    ],
)
def test_options_of_scaling_and_of_the_rest_are_kept_apart(words: list[str], sentence: str) -> None:
    answer = bench(*words)
    assert answer.exit_code == 2
    assert sentence in " ".join(answer.output.split())
