"""Provenance shows what was stored, and nothing else."""

from pathlib import Path

from ds_stilts.report.collect import read_run
from ds_stilts.report.provenance import SCORE_COLUMNS, provenance


def test_every_score_has_a_row_with_checkpoint_layer_and_world(full_run: Path) -> None:
    found = provenance(read_run(full_run))
    assert len(found.scores) == 18
    assert all(len(row) == len(SCORE_COLUMNS) for row in found.scores)
    row = dict(zip(SCORE_COLUMNS, next(row for row in found.scores if row[:2] == ("Tatoeba", "none")), strict=True))
    assert row["Layer / pooling"] == "layer 8, mean"
    assert row["Trained on"] == "not trained"
    assert row["World"] == "2 × ZeRO-2, bf16"
    assert row["Checkpoint"] == "targets/none/tatoeba/model"


def test_facts_and_stages(full_run: Path) -> None:
    found = provenance(read_run(full_run))
    facts = dict(found.facts)
    assert facts["Command"] == "ds-stilts run 'phang small.yaml' --set seed=1"
    assert facts["Wall time"] == "1 h 12 min"
    assert facts["Phase 1"] == "trained here on text, ntrex; parallel text was seen"
    assert facts["Arm “none”"] == "no intermediate tasks"
    assert found.stages[0] == ("start", "done", "1 min 00 s")


def test_a_loaded_checkpoint_is_named_and_nothing_is_said_of_what_it_saw(full_run: Path) -> None:
    stored = full_run / "start" / "pretrain.json"
    stored.write_text('{"model": "owner/xlmr", "tasks": [], "parallel_text": false}', encoding="utf-8")
    assert dict(provenance(read_run(full_run)).facts)["Phase 1"] == "loaded from owner/xlmr"
    stored.write_text('{"model": "owner/xlmr", "random_init": true, "tasks": []}', encoding="utf-8")
    assert dict(provenance(read_run(full_run)).facts)["Phase 1"] == "the shape of owner/xlmr with random weights"
    stored.write_text('{"model": "owner/xlmr", "tasks": ["text"], "parallel_text": false}', encoding="utf-8")
    assert dict(provenance(read_run(full_run)).facts)["Phase 1"] == "loaded from owner/xlmr; trained here on text"


def test_checksums_are_listed_once_with_their_arms(full_run: Path) -> None:
    found = provenance(read_run(full_run))
    assert len(found.checksums) == 12 + 6 + 29 + 33 + 30 + 1
    assert found.checksums[0] == ("XNLI", "ar", "test", "xxh3:xnli-ar", "none, mnli_squad, shuffled")


def test_an_unfinished_run_has_fewer_facts_not_invented_ones(baseline_only: Path) -> None:
    found = provenance(read_run(baseline_only))
    assert [label for label, _ in found.facts] == ["Arm “none”", "Arm “nli”"]
    assert found.stages == ()
