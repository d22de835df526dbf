"""The whole chain on made-up languages through the command line: every format, a mixed arm, kill and go on, report."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

pytestmark = [pytest.mark.timeout(500), pytest.mark.spine]
RECIPE = """
name: chain
seed: 3
data: {synthetic: {preset: tiny}}
start:
  architecture: {hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, max_tokens: 128}
  oracle: {sigma: 0.3}
  pretrain: {tasks: {synth_text: {max_examples: 200}}, steps: 20, batch_examples: 32, lr: 1.0e-3}
training: {lr: 1.0e-3, batch_examples: 16, micro_batch_tokens: 400, log_every: 5, checkpoint_every: 10, steps: 12}
arms:
  none: null
  mixed:
    steps: 40
    mixing: uniform
    tasks:
      synth_qa: {max_examples: 100}
      synth_choice: {max_examples: 100}
      synth_paraphrase: {max_examples: 100}
      synth_text: {languages: [aa, bb], max_examples: 100}
targets:
  synth_nli: {score_languages: [aa, cc], max_score_examples: 40}
  synth_qa_low: {score_languages: [aa, hh], max_score_examples: 30}
  "synth_qa_low:noise": {score_languages: [aa, hh], max_score_examples: 30}
  synth_pos: {score_languages: [aa, gg], max_score_examples: 40}
  synth_retrieval: {score_languages: [bb]}
engine: {config: zero2_fp32, processes: 2}
"""


def shared_memory() -> set[str]:
    return {name for name in os.listdir("/dev/shm") if "deepspeed" in name} if Path("/dev/shm").is_dir() else set()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chain")


@pytest.fixture(scope="module")
def run_dir(folder: Path) -> Path:
    """A run without a working compiler that is killed in the middle of the mixed arm, all processes at once, and
    started again."""
    recipe, run = folder / "chain.yaml", folder / "run"
    recipe.write_text(RECIPE)
    command = [sys.executable, "-m", "ds_stilts", "run", str(recipe), "--out", str(run)]
    environment = {**os.environ, "CC": "/bin/false", "CXX": "/bin/false", "TORCH_EXTENSIONS_DIR": str(folder / "ops")}
    before = shared_memory()
    first = subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 200
    while not list((run / "arms/mixed/checkpoints").glob("step-*0")) and time.monotonic() < deadline:
        assert first.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not (run / "arms/mixed/DONE").exists(), "it was killed too late to test anything"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "goes on after step" in done.stderr
    assert shared_memory() <= before, "something was left in /dev/shm"
    return run


def test_nothing_was_compiled(run_dir: Path, folder: Path) -> None:
    assert not (folder / "ops").exists() or not any((folder / "ops").rglob("*.so"))


def test_each_step_of_the_killed_arm_is_told_once(run_dir: Path) -> None:
    lines = [json.loads(line) for line in (run_dir / "arms/mixed/metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [5, 10, 15, 20, 25, 30, 35, 40]
    assert {name for line in lines for name in line["losses"]} == {
        "synth_qa", "synth_choice", "synth_paraphrase", "synth_text"
    }  # fmt: skip
    assert list((run_dir / "arms/mixed/tensorboard").glob("events.*"))


@pytest.mark.parametrize("arm", ["none", "mixed"])
def test_scores_are_those_of_the_prediction_rows(run_dir: Path, arm: str) -> None:
    for target, language in [("synth_nli", "cc"), ("synth_retrieval", "bb")]:
        stage = run_dir / "targets" / arm / target
        shards = sorted((stage / "predictions").glob(f"{language}-*.parquet"))
        rows = [row for shard in shards for row in pq.read_table(shard).to_pylist()]
        graded = [row["gold"] == row["prediction"] for row in rows if row["gold"] != "null"]
        cell = json.loads((stage / "scores.json").read_text())["languages"][language]
        assert cell["metrics"]["accuracy"] == pytest.approx(100 * sum(graded) / len(graded))
        assert len({row["id"] for row in rows}) == len(rows) == (40 if target == "synth_nli" else 300)
        assert all(row["zero_shot"] for row in rows)


@pytest.mark.parametrize("arm", ["none", "mixed"])
def test_a_perturbed_target_scores_the_clean_targets_model_on_the_same_items(run_dir: Path, arm: str) -> None:
    clean, noisy = (run_dir / "targets" / arm / target for target in ("synth_qa_low", "synth_qa_low:noise"))
    assert (clean / "model").is_dir() and not (noisy / "model").exists() and not (noisy / "metrics.jsonl").exists()
    of_clean, of_noisy = (json.loads((place / "scores.json").read_text()) for place in (clean, noisy))
    for fact in ("weights", "train", "checkpoint"):
        assert of_clean[fact] == of_noisy[fact]
    for language in ("aa", "hh"):
        shards = [sorted((place / "predictions").glob(f"{language}-*.parquet")) for place in (clean, noisy)]
        items, noisy_items = (
            {row["id"]: row["gold"] for path in paths for row in pq.read_table(path).to_pylist()} for paths in shards
        )
        assert len(items) == 30 and items == noisy_items


def test_the_report_has_every_score(run_dir: Path) -> None:
    text = (run_dir / "report/report.md").read_text()
    html = (run_dir / "report/report.html").read_text()
    for target in ("synth_nli", "synth_qa_low", "synth_pos", "synth_retrieval"):
        stored = json.loads((run_dir / f"targets/mixed/{target}/scores.json").read_text())
        assert f"{stored['score']:.2f}" in text and stored["title"] in html


def test_phase_ends_open_in_transformers(run_dir: Path) -> None:
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModel, AutoTokenizer

    for stage in ("start", "arms/mixed", "targets/none/synth_nli"):
        folder = run_dir / stage / "model"
        model, loaded = AutoModel.from_pretrained(folder, output_loading_info=True)
        assert not [name for name in loaded["missing_keys"] if "pooler" not in name]
        tokens = AutoTokenizer.from_pretrained(folder)("a b", return_tensors="pt")
        assert torch.isfinite(model(**tokens).last_hidden_state).all()
        assert (folder / "README.md").read_text().startswith("---\n")
    assert (
        load_file(run_dir / "targets/none/synth_nli/model/heads.safetensors")["synth_nli.out_proj.weight"].shape[0] == 3
    )


def test_run_again_it_does_nothing(run_dir: Path, folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("DONE")}
    command = [sys.executable, "-m", "ds_stilts", "run", str(folder / "chain.yaml"), "--out", str(run_dir)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    assert len(before) == 12 and before == {path: path.stat().st_mtime_ns for path in run_dir.rglob("DONE")}
