"""Numbers of one arm minus another: what pairs, what does not, and how languages are put together."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ds_stilts.evaluation.rows import Origin, Row, read_rows, write_shard
from ds_stilts.studies.cells import all_cells
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.estimates import AGGREGATES, Asked, answer, arm, level
from ds_stilts.studies.study import Study

Copy = Callable[..., tuple[Path, Study]]
CELLS = tuple(("synth_nli", code) for code in ("bb", "cc", "dd"))


@pytest.fixture(scope="module")
def evidence(planted: Path) -> Evidence:
    return read_evidence(planted)


def ask(name: str, **more: object) -> Asked:
    values = {"ours": arm("qa", ["synth_nli", "synth_choice"]), "theirs": "none", "cells": CELLS, **more}
    return Asked(name=name, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_languages_are_put_together_before_seeds_are_averaged(evidence: Evidence, aggregate: str) -> None:
    found = answer(evidence, [ask("x", aggregate=aggregate)])["x"]
    codes = [code for _, code in CELLS]
    by_hand = [
        [AGGREGATES[aggregate](np.array([evidence.value(name, "synth_nli", seed, code) for code in codes]), codes)
         for name in ("qa", "none")]
        for seed in range(1, 7)
    ]  # fmt: skip
    assert found.per_seed == pytest.approx([ours - theirs for ours, theirs in by_hand])
    assert found.estimate == pytest.approx(np.mean(found.per_seed))
    assert level(evidence, "none", CELLS, aggregate) == pytest.approx(np.mean([theirs for _, theirs in by_hand]))


def test_what_is_taken_off_is_taken_off_seed_by_seed(evidence: Evidence) -> None:
    more = (("synth_choice", "bb"),)
    parts = answer(evidence, [ask("of"), ask("minus", cells=more), ask("both", minus=more)])
    expected = np.subtract(parts["of"].per_seed, parts["minus"].per_seed)
    assert parts["both"].per_seed == pytest.approx(expected)
    found, alone = parts["both"].found, parts["of"].found
    assert found is not None and alone is not None and found.se > alone.se, "an interaction is less sure than a mean"


def test_the_same_question_has_one_answer_whatever_is_asked_beside_it(evidence: Evidence) -> None:
    beside = ask("beside", cells=(("synth_choice", "gg"),))
    together = answer(evidence, [ask("a"), beside, ask("b")])
    assert together["a"].found == together["b"].found


def test_items_that_do_not_pair_leave_a_test_over_seeds_and_are_said(copied: Copy) -> None:
    folder, study = copied()
    for cell in all_cells(study, folder):
        if cell.arm == "qa" and cell.target == "synth_nli":
            rows = read_rows(cell.folder / "predictions", "bb")[:-7]
            texts = [
                {**row, "gold": json.dumps(row["gold"]), "prediction": json.dumps(row["prediction"])} for row in rows
            ]
            write_shard([Row(**row) for row in texts], cell.folder / "predictions", "bb", 0,
                        Origin(made_by="less", num_rows=len(rows)))  # fmt: skip
    found = answer(read_evidence(folder), [ask("x")])["x"]
    assert found.found is not None and found.found.method.startswith("paired t over 6 seeds")
    assert "other items" in found.note


def test_no_language_in_common_is_a_sentence_not_a_number(evidence: Evidence) -> None:
    found = answer(evidence, [ask("x", cells=())])["x"]
    assert found.estimate is None and found.note == "there is no language to compare in"
