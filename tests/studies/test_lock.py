"""Hypotheses are frozen once; what changes afterwards is told, and a lock that was tampered with is refused."""

import json
from pathlib import Path

import pytest

from ds_stilts.errors import UserError
from ds_stilts.studies.lock import changes_since, declared_hash, lock_study, read_lock
from tests.studies.worlds import study


def test_a_lock_holds_the_declared_part_and_its_hash(tmp_path: Path) -> None:
    made = lock_study(study(), tmp_path, scored=0)

    assert read_lock(tmp_path) == made
    assert made["hash"] == declared_hash(study()) and made["declared"] == study().declared()
    assert (made["scored_before"], changes_since(made, study())) == (0, "")


def test_prose_and_the_planned_machine_are_not_frozen_and_all_else_is(tmp_path: Path) -> None:
    assert declared_hash(study(description="x", hardware={"device": "H200"})) == declared_hash(study())
    for changes in (
        {"question": "Other?"},
        {"seeds__intermediate": [1, 2, 3]},
        {"aggregate": "worst_language"},
        {"contrasts__qa_helps__predicted": {"sign": "negative"}},
        {"statistics": {"alpha": 0.01}},
    ):
        assert declared_hash(study(**changes)) != declared_hash(study())


def test_a_scaling_is_frozen_and_a_lock_from_before_there_were_any_holds(tmp_path: Path) -> None:
    assert "scaling" not in study().declared()
    asked = {"amount": "n", "against": "none", "of": {"all": {"languages": ["bb"]}}}
    arms = {"more": {"intermediate": {"tasks": {"synth_nli": {}}}}, **study().model_dump(mode="json")["arms"]}
    shape = {"arms": arms, "scaling": {"n": {**asked, "arms": {0: ["qa"], 0.5: ["shuffled"], 2: ["more"]}}}}
    made = lock_study(study(**shape), tmp_path, scored=0)
    assert read_lock(tmp_path) == made and changes_since(made, study(**shape)) == ""
    other = {**shape, "scaling": {"n": {**asked, "arms": {0: ["qa"], 1: ["shuffled"], 2: ["more"]}}}}
    assert "scaling.n.arms" in changes_since(made, study(**other))


def test_locking_the_same_again_changes_nothing_and_another_plan_is_refused(tmp_path: Path) -> None:
    made = lock_study(study(), tmp_path, scored=0)
    before = (tmp_path / "lock.json").read_bytes()
    assert lock_study(study(), tmp_path, scored=5) == made
    changed = study(contrasts__qa_helps__predicted={"sign": "negative"})
    with pytest.raises(UserError, match=r"qa_helps.predicted.sign: 'positive' there, 'negative' here") as caught:
        lock_study(changed, tmp_path, scored=0)
    assert "locked on" in str(caught.value) and (tmp_path / "lock.json").read_bytes() == before


def test_what_was_scored_before_the_lock_stands_in_it(tmp_path: Path) -> None:
    assert lock_study(study(), tmp_path, scored=3)["scored_before"] == 3


def test_a_lock_that_was_changed_by_hand_is_refused(tmp_path: Path) -> None:
    made = lock_study(study(), tmp_path, scored=0)
    made["declared"]["contrasts"]["qa_helps"]["predicted"]["sign"] = "negative"
    (tmp_path / "lock.json").write_text(json.dumps(made))
    with pytest.raises(UserError, match="was changed after it was written"):
        read_lock(tmp_path)


def test_a_folder_without_lock_has_none(tmp_path: Path) -> None:
    assert read_lock(tmp_path) is None
