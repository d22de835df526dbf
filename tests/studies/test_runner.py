"""S0 as it is shipped, cut down, in real processes: killed and gone on with, by two at a time, its stages shared.

Its `synthetic` size with three of five arms (no intermediate task, the chain, the mixture) and two of six seeds, hardly
trained, is killed twice, then finished by two commands at once. All tests look at what that left, or start others in
the same store. They hold the machinery, and not what the study finds.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from ds_stilts.studies.cells import all_cells, done_cells, read_study, used_amounts
from ds_stilts.studies.ledger import read_ledger
from ds_stilts.studies.report.write import write_study_report
from ds_stilts.studies.sections import Budget
from ds_stilts.studies.status import study_status
from ds_stilts.studies.study_file import load_study
from tests.studies.killed import Place, kill_when, starts

pytestmark = [pytest.mark.timeout(1500), pytest.mark.spine]

ARMS = ("none", "chain", "joint")
TARGETS: dict[str, Any] = {"synth_qa_low": {"steps": 4, "max_score_examples": 30}, "synth_retrieval": {}}
"""One that is trained and one that is searched; the third is trained like the first."""
LANGUAGES = ["bb", "cc", "dd", "ee"]
"""Where targets are scored: as few as a slope over languages needs."""
SHARE = 20
"""Phases have this part of the shipped steps."""
STAGES = 1 + 2 * ((3 + 1) + 3 * 2) - 1
"""One start model; in each of two seeds three phases of the chain and the mixture, and two targets of three arms; the
search with the start model itself serves both."""
ONE_FOR_BOTH = ("none", "synth_retrieval")
"""In this cell no seed draws anything: the start model has one seed of its own. Its scores name the first."""


def shipped_s0(*more: str, **changes: Any) -> dict[str, Any]:
    """The values of S0 in `synthetic` size: its arms ARMS and those named, two seeds, short phases, few scores.

    Args:
        changes: keys of the study that are replaced.
    """
    found = load_study("s0", "synthetic").model_dump(mode="json", exclude_unset=True)
    arms = {name: arm for name, arm in found["arms"].items() if name in (*ARMS, *more)}
    for arm in arms.values():
        phase = arm.get("intermediate") or {}
        for one in phase.get("sequence") or [phase] if phase else []:
            one["steps"] //= SHARE
    contrasts = found["contrasts"].items()
    base = found["base"]
    base["data"] = {"synthetic": {"preset": "tiny"}}  # translated training sets and domains are for other studies
    base["start"] |= {"seed": 5, "pretrain": {**base["start"]["pretrain"], "steps": 4}}
    base["training"]["log_every"] = 2
    return found | {
        "arms": arms,
        "targets": {name: {**target, "score_languages": LANGUAGES} for name, target in TARGETS.items()},
        "seeds": {"intermediate": [1, 2]},
        "contrasts": {name: one for name, one in contrasts if {one["arm"], one["against"]} <= set(ARMS)},
        **changes,
    }


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def first(root: Path) -> Place:
    """The study after two kills and a finish by two commands at once."""
    place = Place(root, "first", shipped_s0(), root / "store")

    def begun(kind: str) -> bool:
        entries = [json.loads(path.read_text()) for path in place.store.glob("*/entry.json")]
        return any(entry["stage"].startswith(kind) for entry in entries)

    kill_when(place.start("--workers", "2"), lambda: begun("arms"))
    place.after_first = place.done()  # type: ignore[attr-defined]
    kill_when(place.start("--workers", "2"), lambda: len(place.done()) >= 5)
    place.after_second = place.done()  # type: ignore[attr-defined]
    both = [place.start("--workers", "1") for _ in range(2)]
    errors = [process.communicate(timeout=1200)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    return place


def test_a_killed_study_goes_on_and_repeats_nothing(first: Place) -> None:
    finished = first.done()

    assert len(finished) == STAGES
    assert 1 <= len(first.after_first) < len(first.after_second) < STAGES  # type: ignore[attr-defined]
    for folder, time_ns in {**first.after_first, **first.after_second}.items():  # type: ignore[attr-defined]
        assert finished[folder] == time_ns
    assert sum(starts(folder) for folder in finished) <= STAGES + 2 * 2  # what two workers were at, at two kills


def test_two_commands_at_once_do_each_stage_once(first: Place) -> None:
    later = set(first.done()) - set(first.after_second)  # type: ignore[attr-defined]
    assert later and sum(starts(folder) for folder in later) <= len(later) + 4


def test_nothing_is_left_of_locks_and_half_written_files(first: Place) -> None:
    left = [path for path in first.store.rglob("*") if path.name == "LOCK" or ".tmp" in path.name]
    assert left == []


def test_a_run_of_a_study_has_the_scores_of_a_fresh_run_of_its_recipe(first: Place, root: Path) -> None:
    recipe = yaml.safe_load((first.folder / "runs/shared/seed-2/recipe.yaml").read_text())
    alone = root / "alone.yaml"
    alone.write_text(yaml.safe_dump(recipe, sort_keys=False))
    command = [sys.executable, "-m", "ds_stilts", "run", str(alone), "--out", str(root / "alone")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]

    for arm in ARMS:
        for target in TARGETS:
            ours, fresh = (
                folder / "targets" / arm / target for folder in (first.folder / "runs/shared/seed-2", root / "alone")
            )
            scores, expected = (json.loads((one / "scores.json").read_text()) for one in (ours, fresh))
            first_seed = {"seed": 1, "target_seed": 1} if (arm, target) == ONE_FOR_BOTH else {}
            assert scores == {**expected, **first_seed}
            for shard in sorted(fresh.glob("predictions/*.parquet")):
                assert pq.read_table(ours / "predictions" / shard.name).equals(pq.read_table(shard))


def test_the_report_of_a_single_run_works_on_a_run_of_a_study(first: Place) -> None:
    command = [sys.executable, "-m", "ds_stilts", "report", str(first.folder / "runs/shared/seed-1")]
    assert subprocess.run(command, capture_output=True, timeout=300).returncode == 0
    info = json.loads((first.folder / "runs/shared/seed-1/run.json").read_text())
    assert info["finished"] and all(stage["done"] for stage in info["stages"])


def test_every_stage_has_a_ledger_that_adds_up(first: Place) -> None:
    study = read_study(first.folder)
    assert used_amounts(study, first.folder, Budget(match="steps")) == {"chain": 12, "joint": 12}
    tokens = used_amounts(study, first.folder, Budget(match="tokens"))
    assert all(abs(amount - 12 * 1200) <= 150 for amount in tokens.values())  # an item at each phase's end, at the most
    arms, everything = (
        used_amounts(study, first.folder, Budget(match="examples", over=over)) for over in ("intermediate", "all")
    )
    trained = 4 * 32  # of the target that is trained: the mean is over such
    assert {arm: everything[arm] - arms[arm] for arm in arms} == {"chain": trained, "joint": trained}
    for folder in first.done():
        ledger = read_ledger(folder)
        assert ledger["device_s"] == ledger["wall_s"] > 0 and ledger["starts"] == starts(folder)
    run = first.folder / "runs/shared/seed-1"
    arm, target = read_ledger(run / "arms/joint"), read_ledger(run / "targets/joint/synth_qa_low")
    assert arm["tokens"] > arm["examples"] > 0 and arm["scored_examples"] == 0
    assert arm["flops"] == 6 * arm["active_parameters"] * arm["tokens"]
    assert target["scored_examples"] == 30 * len(LANGUAGES)
    assert target["scoring_flops"] == 2 * target["active_parameters"] * target["scored_tokens"]


def test_cells_name_arm_target_and_seeds_of_every_score(first: Place) -> None:
    study = read_study(first.folder)
    cells = done_cells(study, first.folder)
    assert len(cells) == len(all_cells(study, first.folder)) == 12
    for cell in cells:
        scores = cell.scores()
        assert (scores["arm"], scores["task"]) == (cell.arm, cell.target)
        own = 1 if (cell.arm, cell.target) == ONE_FOR_BOTH else cell.seed.intermediate
        assert scores["seed"] == own


def test_the_status_counts_what_is_done(first: Place) -> None:
    found = study_status(first.folder)
    assert found["stages"] == {"done": STAGES} and found["failures"] == [] and found["lock"] is None
    assert found["budget"]["known"] and found["budget"]["mismatch"] is None


def test_the_report_answers_every_contrast_and_confirms_none_of_them(first: Place) -> None:
    write_study_report(first.folder)
    found = json.loads((first.folder / "report" / "report.json").read_text())
    assert {name: one["judgement"]["verdict"] for name, one in found["contrasts"].items()} == dict.fromkeys(
        ("joint_by_distance", "joint_or_chain", "joint_worst_language"), "ESTIMATE"
    )
    assert set(found["plan"]["done"]) == set(ARMS)
    assert all(pair == [4, 4] for pair in found["plan"]["done"].values())


def test_a_second_study_runs_only_what_the_first_has_not(first: Place, root: Path) -> None:
    before = first.done()
    more = shipped_s0("shuffled", study="second", seeds={"intermediate": [1]})
    place = Place(root, "second", more, first.store)
    process = place.start("--workers", "2")
    _, said = process.communicate(timeout=900)

    assert process.returncode == 0, said[-3000:]
    assert "3 of 14 stages to do" in said
    new = set(place.done()) - set(before)
    names = {json.loads((folder / "entry.json").read_text())["stage"] for folder in new}
    assert names == {"arms/shuffled", *(f"targets/shuffled/{target}" for target in TARGETS)}
    assert {folder: place.done()[folder] for folder in before} == before
    ours, theirs = (one.folder / "runs/shared/seed-1/targets/joint/synth_retrieval" for one in (place, first))
    assert ours.resolve() == theirs.resolve()


def test_a_stage_that_fails_is_told_and_stops_only_what_waits_for_it(first: Place, root: Path) -> None:
    content = shipped_s0("single", study="third", seeds={"intermediate": [1]})
    content["arms"]["single"]["intermediate"]["lr"] = 1e30
    place = Place(root, "third", content, first.store)
    process = place.start("--workers", "1")
    _, said = process.communicate(timeout=900)

    assert process.returncode == 2, said[-3000:]  # it trained on what cannot be trained on: bad input
    assert "1 of 14 stages failed and 2 wait for them; the first is arms/single of runs/shared/seed-1" in said
    found = study_status(place.folder)
    assert found["stages"] == {"done": 11, "failed": 1, "waiting": 2}


def test_a_study_that_is_done_does_nothing_more(first: Place) -> None:
    before = first.done()
    process = first.start()
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0 and "stages to do" not in said
    assert first.done() == before
