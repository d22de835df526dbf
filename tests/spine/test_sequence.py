"""A sequence of intermediate tasks and early stopping through the command line: stages by name, scores, report."""

import json
from pathlib import Path

import pytest

from tests.spine.official import ds_stilts

pytestmark = [pytest.mark.timeout(500), pytest.mark.spine]
RECIPE = """
name: sequence
seed: 3
data: {synthetic: {preset: tiny}}
start:
  architecture: {hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, max_tokens: 128}
  oracle: {sigma: 0.3}
training:
  lr: 1.0e-3
  batch_examples: 16
  micro_batch_tokens: 600
  log_every: 5
  steps: 8
  validation: {every: 4, examples: 20}
arms:
  none: null
  chain: {sequence: [{tasks: {synth_qa: {max_examples: 60}}}, {tasks: {synth_paraphrase: {max_examples: 60}}}]}
targets:
  synth_qa_low: {score_languages: [aa, hh], max_score_examples: 20, heads: reuse, validation: {every: 2, patience: 1}}
engine: {config: zero2_fp32, processes: 2}
"""
STAGES = ["start", "arms/chain/1", "arms/chain/2", "targets/none/synth_qa_low", "targets/chain/synth_qa_low"]


def test_a_sequence_runs_stage_by_stage_to_its_report(tmp_path: Path) -> None:
    recipe, run = tmp_path / "sequence.yaml", tmp_path / "run"
    recipe.write_text(RECIPE)
    early = ds_stilts("train", str(recipe), "--stage", "arms/chain/2", "--out", str(run), cwd=tmp_path)
    assert early.returncode == 2 and "needs the model of stage 'arms/chain/1'" in early.stderr
    unknown = ds_stilts("train", str(recipe), "--stage", "arms/chain", "--out", str(run), cwd=tmp_path)
    assert unknown.returncode == 2 and "arms/chain/1, arms/chain/2" in unknown.stderr
    done = ds_stilts("run", str(recipe), "--out", str(run), cwd=tmp_path, timeout_s=400)
    assert done.returncode == 0, done.stderr[-3000:]
    assert [row["stage"] for row in json.loads((run / "run.json").read_text())["stages"]] == STAGES
    assert all((run / stage / "DONE").is_file() for stage in STAGES)
    scores = {
        arm: json.loads((run / f"targets/{arm}/synth_qa_low/scores.json").read_text()) for arm in ("none", "chain")
    }
    assert scores["chain"]["train"]["head"] == "synth_qa" and "head" not in scores["none"]["train"]
    assert any("its head is fresh" in note for note in scores["none"]["notes"])
    assert all(found["train"]["steps"] == found["train"]["validation"]["best_step"] for found in scores.values())
    text = (run / "report/report.md").read_text()
    assert "chain: its head goes on from that of 'synth_qa'" in text
    html = (run / "report/report.html").read_text()
    assert "intermediate tasks: synth_qa; then synth_paraphrase" in html and "chain/2" in html
