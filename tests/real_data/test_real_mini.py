"""The shipped recipe `real_mini` on official files, cut down to minutes: every phase, every language that is there."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.timeout(600), pytest.mark.spine]
TARGETS = ["xnli", "xquad", "udpos", "panx", "tydiqa", "tatoeba"]
FEWER = [
    "start.tokenizer.max_characters=150000",
    "start.tokenizer.vocabulary=4000",
    "start.architecture.hidden_size=64",
    "start.architecture.layers=2",
    "start.architecture.intermediate_size=128",
    "start.pretrain.steps=12",
    "start.pretrain.batch_examples=32",
    "arms.mnli_squad.steps=8",
    "arms.mnli_squad.epochs=null",
    "start.pretrain.tasks={text: {share: 0.6, max_examples: 60}, ntrex: {share: 0.4, max_examples: 30}}",
    "arms.mnli_squad.tasks={mnli: {max_examples: 120}, squad_v1: {max_examples: 60}}",
    *[f"targets.{name}.max_score_examples=20" for name in TARGETS if name != "tatoeba"],
    *[f"targets.{name}.max_train_examples=48" for name in TARGETS if name != "tatoeba"],
]


def run_real_mini(real_data: Path, out: Path, changes: list[str], timeout_s: float) -> None:
    """`ds-stilts run real_mini` with changed keys; must succeed."""
    command = [sys.executable, "-m", "ds_stilts", "run", "real_mini", "--data-root", str(real_data), "--out", str(out)]
    overrides = [part for change in changes for part in ("--set", change)]
    done = subprocess.run([*command, *overrides], capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def run_dir(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real_mini") / "run"
    run_real_mini(real_data, folder, FEWER, 580)
    return folder


def scores(run_dir: Path, arm: str, target: str) -> dict:
    return json.loads((run_dir / "targets" / arm / target / "scores.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("target", "languages"), [("xnli", 12), ("xquad", 6), ("udpos", 29), ("panx", 33), ("tydiqa", 1), ("tatoeba", 30)]
)
def test_every_language_that_lies_there_is_scored_in_both_arms(run_dir: Path, target: str, languages: int) -> None:
    for arm in ("none", "mnli_squad"):
        found = scores(run_dir, arm, target)
        assert len(found["languages"]) == languages
        assert all(
            cell["examples"] > 0 and cell["checksum"].startswith("xxh3:") for cell in found["languages"].values()
        )


def test_cells_say_what_must_be_said_beside_them(run_dir: Path) -> None:
    assert scores(run_dir, "none", "xnli")["overlap"] == "none"
    assert scores(run_dir, "mnli_squad", "xnli")["overlap_with"] == ["mnli"]
    assert scores(run_dir, "mnli_squad", "xquad")["overlap_with"] == ["squad_v1"]
    assert scores(run_dir, "mnli_squad", "panx")["overlap"] == "none"
    assert any("parallel text (ntrex)" in note for note in scores(run_dir, "none", "tatoeba")["notes"])
    cells = scores(run_dir, "none", "udpos")["languages"]
    assert not cells["en"]["zero_shot"] and cells["fr"]["zero_shot"]
    assert "split" not in cells["fr"] and cells["de"]["split"] == "dev", "German lies there as dev only"


def test_the_report_shows_every_target_and_the_baseline(run_dir: Path) -> None:
    text = (run_dir / "report" / "report.md").read_text(encoding="utf-8")
    assert all(title in text for title in ("XNLI", "XQuAD", "Tatoeba", "parallel text"))
    assert (run_dir / "report" / "report.html").stat().st_size > 20_000


def test_the_start_model_opens_in_transformers(run_dir: Path) -> None:
    import torch
    from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

    folder = run_dir / "start" / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert (tokenizer.bos_token_id, tokenizer.pad_token_id, tokenizer.eos_token_id) == (0, 1, 2)
    with torch.no_grad():
        logits = AutoModelForMaskedLM.from_pretrained(folder)(**tokenizer("Guten Morgen", return_tensors="pt")).logits
    assert logits.shape[-1] == len(tokenizer) and torch.isfinite(logits).all()
    assert AutoModel.from_pretrained(run_dir / "arms" / "mnli_squad" / "model").config.num_hidden_layers == 2


def test_run_again_it_does_nothing_twice(run_dir: Path, real_data: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in run_dir.rglob("DONE")}
    run_real_mini(real_data, run_dir, FEWER, 120)
    assert len(before) == 14 and before == {path: path.stat().st_mtime_ns for path in run_dir.rglob("DONE")}


def test_the_recipe_takes_a_checkpoint_as_well(real_data: Path, tmp_path: Path) -> None:
    """A start model that nobody here made: XLM-R architecture, its own tokenizer, loaded and trained as it is."""
    model = real_data.parent / "models" / "mini-xlmr"
    if not model.is_dir():
        pytest.skip(f"no start model at {model}")
    changes = [
        f"start={{model: {model}, note: its training saw parallel text}}",
        "arms={none: null}",
        "targets={udpos: {steps: 4, max_train_examples: 40, max_score_examples: 10}, tatoeba: {}}",
        "targets.tatoeba.score_languages=[de, es]",
    ]
    run_real_mini(real_data, tmp_path, changes, 300)
    assert len(scores(tmp_path, "none", "udpos")["languages"]) == 28, "test files only"
    found = scores(tmp_path, "none", "tatoeba")
    assert "its training saw parallel text" in found["notes"]
    assert found["averages"]["accuracy"] > 1.0, "ten times chance: the checkpoint's weights and tokenizer are in use"
