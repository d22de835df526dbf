"""Budget and plan: what ledgers add up to, and planned against done."""

import json
from collections.abc import Callable
from pathlib import Path

from ds_stilts.studies.cells import STUDY, Cell
from ds_stilts.studies.lock import NAME as LOCK
from ds_stilts.studies.lock import lock_study
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.costs import SHARED, costs, plan
from ds_stilts.studies.study import Study

Copy = Callable[..., tuple[Path, Study]]


def test_an_arm_costs_what_the_ledgers_of_its_stages_add_up_to(planted: Path) -> None:
    found = costs(read_evidence(planted))
    assert list(found.arms) == [SHARED, "none", "qa", "shuffled", "harm"]
    assert (found.arms["none"].done, found.arms["none"].planned) == (12, 12), "two targets, six seeds"
    assert (found.arms["qa"].done, found.arms["qa"].sums["tokens"]) == (18, 18_000)
    assert found.matched == "steps of intermediate phases" and found.mismatch == ""
    assert (found.arms["qa"].used, found.arms["qa"].planned_amount) == (4, 4)
    assert found.arms["qa"].sums["energy_j"] is None, "not known of every stage"


def test_budgets_that_differ_are_a_sentence(copied: Copy) -> None:
    folder, _ = copied()
    for path in folder.glob("runs/*/*/arms/qa/ledger.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "steps": 5}))
    assert costs(read_evidence(folder)).mismatch == "qa used 25.0% more than shuffled: these two are not comparable"


def test_what_is_not_done_is_named_by_arm_and_seed(copied: Copy) -> None:
    def undone(cell: Cell) -> bool:
        last = cell.seed.intermediate == 6
        return last or (cell.arm == "qa" and cell.seed.intermediate > 4 and cell.target == "synth_nli")

    folder, _ = copied(undone)
    found = plan(read_evidence(folder))
    assert found.done == {"none": (10, 12), "qa": (9, 12), "shuffled": (10, 12), "harm": (10, 12)}
    assert "qa, seed 5: synth_nli not scored" in found.missing
    assert "none, seed 6: no target is scored" in found.missing and not found.is_complete


def test_the_lock_says_what_was_frozen_and_what_changed_since(copied: Copy) -> None:
    folder, study = copied()
    assert plan(read_evidence(folder)).locked == ""
    lock_study(study, folder, scored=7)
    found = plan(read_evidence(folder))
    assert found.locked and found.scored_before == 7 and found.changed == "" and found.problem == ""
    text = (folder / STUDY).read_text()
    (folder / STUDY).write_text(text.replace("alpha: 0.05", "alpha: 0.1"))
    assert "alpha" in plan(read_evidence(folder)).changed


def test_a_lock_that_was_changed_by_hand_counts_for_nothing(copied: Copy) -> None:
    folder, study = copied()
    lock_study(study, folder, scored=0)
    lock = json.loads((folder / LOCK).read_text())
    lock["declared"]["question"] = "another"
    (folder / LOCK).write_text(json.dumps(lock))
    found = plan(read_evidence(folder))
    assert found.locked == "" and "was changed after it was written" in found.problem
