"""Two arms and one that merges them, through the command line: killed while it merges, continued, and scored."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.spine.official import ds_stilts

pytestmark = [pytest.mark.timeout(500), pytest.mark.spine]
RECIPE = """
name: merging
seed: 3
data: {synthetic: {preset: tiny}}
start:
  architecture: {hidden_size: 32, layers: 1, heads: 2, intermediate_size: 64, max_tokens: 128}
  oracle: {sigma: 0.3}
training: {lr: 1.0e-3, batch_examples: 8, micro_batch_tokens: 600, steps: 2}
arms:
  qa: {tasks: {synth_qa: {max_examples: 40}}}
  nli: {tasks: {synth_nli: {languages: [aa], max_examples: 40}}}
  merged: {merge: {arms: [qa, nli]}}
targets:
  synth_nli: {steps: 2, max_train_examples: 40, score_languages: [aa, bb], max_score_examples: 12}
  synth_retrieval: {score_languages: [bb]}
engine: {config: zero2_fp32, processes: 1}
"""
ARMS, TARGETS = ("qa", "nli", "merged"), ("synth_nli", "synth_retrieval")
STAGES = ["start", *(f"arms/{arm}" for arm in ARMS), *(f"targets/{arm}/{name}" for arm in ARMS for name in TARGETS)]


def test_a_killed_merge_is_gone_on_with_and_repeats_no_arm(tmp_path: Path) -> None:
    recipe, run = tmp_path / "merging.yaml", tmp_path / "run"
    recipe.write_text(RECIPE)
    killed = ds_stilts(
        "run", str(recipe), "--out", str(run), cwd=tmp_path, fail="merge.parameter:step5=kill", timeout_s=400
    )
    assert killed.returncode not in (0, 2, 85)
    before = {stage: (run / stage / "DONE").stat().st_mtime_ns for stage in STAGES[:3]}
    assert (run / "arms/merged/model.tmp").is_dir() and not (run / "arms/merged/model").exists()

    done = ds_stilts("run", str(recipe), "--out", str(run), "--processes", "2", cwd=tmp_path, timeout_s=400)
    assert done.returncode == 0, done.stderr[-3000:]
    assert before == {stage: (run / stage / "DONE").stat().st_mtime_ns for stage in before}
    assert [row["stage"] for row in json.loads((run / "run.json").read_text())["stages"]] == STAGES
    assert all((run / stage / "DONE").is_file() for stage in STAGES)
    qa, nli, merged = (load_file(run / f"arms/{arm}/model/model.safetensors") for arm in ("qa", "nli", "merged"))
    for name, own in merged.items():
        assert torch.equal(own, ((nli[name].double() + qa[name].double()) / 2).float()), name
    heads = load_file(run / "arms/merged/model/heads.safetensors")
    assert {name.split(".")[0] for name in heads} == {"synth_nli", "synth_qa"}

    scores = {(arm, name): json.loads((run / "targets" / arm / name / "scores.json").read_text())
              for arm in ARMS for name in TARGETS}  # fmt: skip
    overlap = {arm: scores[arm, "synth_nli"]["overlap_with"] for arm in ARMS}
    assert overlap == {"qa": [], "nli": ["synth_nli"], "merged": ["synth_nli"]}, "it has seen what its arms have seen"
    low, mean, high = (
        scores[arm, "synth_retrieval"]["languages"]["bb"]["alignment"] for arm in ("qa", "merged", "nli")
    )
    assert low < mean < high, "after two steps, between the models that it is the mean of"
    assert all(arm in (run / "report/report.md").read_text() for arm in ARMS)
