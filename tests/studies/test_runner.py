"""A real tiny study in real processes: killed and gone on with, by two at a time, shared with another study.

One study in the shape of S0 (no intermediate task, a chain, a mixture; two seeds, two targets) is killed twice, then
finished by two commands at once. All tests look at what that left, and start other studies in the same store.
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
from ds_stilts.studies.sections import Budget
from ds_stilts.studies.status import study_status
from tests.studies.killed import Place, kill_when, starts
from tests.studies.worlds import STUDY, values

pytestmark = [pytest.mark.timeout(1500), pytest.mark.spine]

SETS: dict[str, Any] = {"synth_qa": {"max_examples": 60}, "synth_nli": {"max_examples": 60}}
ARMS: dict[str, Any] = {
    "none": {"role": "baseline"},
    "chain": {"intermediate": {"steps": 2, "sequence": [{"tasks": {name: use}} for name, use in SETS.items()]}},
    "joint": {"intermediate": {"tasks": SETS, "mixing": "uniform"}},
}
S0 = {"arms": ARMS, "contrasts": {"joint_or_chain": {"arm": "joint", "against": "chain"}}}
STAGES = 1 + 2 * (2 + 1) + 2 * 3 * 2
"""One start model; in each of two seeds two phases of the chain, the mixture, and two targets of three arms."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies")


@pytest.fixture(scope="module")
def first(root: Path) -> Place:
    """The study after two kills and a finish by two commands at once."""
    place = Place(root, "first", values(**S0), root / "store")

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
        for target in ("synth_qa_low", "synth_pos"):
            ours, fresh = (
                folder / "targets" / arm / target for folder in (first.folder / "runs/shared/seed-2", root / "alone")
            )
            assert json.loads((ours / "scores.json").read_text()) == json.loads((fresh / "scores.json").read_text())
            for shard in sorted(fresh.glob("predictions/*.parquet")):
                assert pq.read_table(ours / "predictions" / shard.name).equals(pq.read_table(shard))


def test_the_report_of_a_single_run_works_on_a_run_of_a_study(first: Place) -> None:
    command = [sys.executable, "-m", "ds_stilts", "report", str(first.folder / "runs/shared/seed-1")]
    assert subprocess.run(command, capture_output=True, timeout=300).returncode == 0
    info = json.loads((first.folder / "runs/shared/seed-1/run.json").read_text())
    assert info["finished"] and all(stage["done"] for stage in info["stages"])


def test_every_stage_has_a_ledger_that_adds_up(first: Place) -> None:
    study = read_study(first.folder)
    amounts = used_amounts(study, first.folder, Budget(match="steps"))
    assert amounts == {"chain": 4, "joint": 4}
    assert used_amounts(study, first.folder, Budget(match="examples", over="all")) == {"chain": 64, "joint": 64}
    for folder in first.done():
        ledger = read_ledger(folder)
        assert ledger["device_s"] == ledger["wall_s"] > 0 and ledger["starts"] == starts(folder)
    run = first.folder / "runs/shared/seed-1"
    arm, target = read_ledger(run / "arms/joint"), read_ledger(run / "targets/joint/synth_pos")
    assert arm["tokens"] > arm["examples"] == 32 and arm["scored_examples"] == 0
    assert arm["flops"] == 6 * arm["active_parameters"] * arm["tokens"]
    assert target["scored_examples"] == 60  # two languages of thirty
    assert target["scoring_flops"] == 2 * target["active_parameters"] * target["scored_tokens"]


def test_cells_name_arm_target_and_seeds_of_every_score(first: Place) -> None:
    study = read_study(first.folder)
    cells = done_cells(study, first.folder)
    assert len(cells) == len(all_cells(study, first.folder)) == 12
    for cell in cells:
        scores = cell.scores()
        assert (scores["arm"], scores["task"], scores["seed"]) == (cell.arm, cell.target, cell.seed.intermediate)


def test_the_status_counts_what_is_done(first: Place) -> None:
    found = study_status(first.folder)
    assert found["stages"] == {"done": STAGES} and found["failures"] == [] and found["lock"] is None
    assert found["budget"]["known"] and found["budget"]["mismatch"] is None


def test_a_second_study_runs_only_what_the_first_has_not(first: Place, root: Path) -> None:
    before = first.done()
    arms = {**ARMS, "shuffled": STUDY["arms"]["shuffled"]}
    shared = values(**{**S0, "arms": arms}, study="second", seeds={"intermediate": [1]})
    place = Place(root, "second", shared, first.store)
    process = place.start("--workers", "2")
    _, said = process.communicate(timeout=900)

    assert process.returncode == 0, said[-3000:]
    assert "3 of 13 stages to do" in said
    new = set(place.done()) - set(before)
    names = {json.loads((folder / "entry.json").read_text())["stage"] for folder in new}
    assert names == {"arms/shuffled", "targets/shuffled/synth_qa_low", "targets/shuffled/synth_pos"}
    assert {folder: place.done()[folder] for folder in before} == before
    ours, theirs = (one.folder / "runs/shared/seed-1/targets/joint/synth_pos" for one in (place, first))
    assert ours.resolve() == theirs.resolve()


def test_a_stage_that_fails_is_told_and_stops_only_what_waits_for_it(first: Place, root: Path) -> None:
    broken = {"intermediate": {**STUDY["arms"]["qa"]["intermediate"], "lr": 1e30}, "unmatched": "it breaks"}
    content = values(**{**S0, "arms": {**ARMS, "broken": broken}}, study="third", seeds={"intermediate": [1]})
    place = Place(root, "third", content, first.store)
    process = place.start("--workers", "1")
    _, said = process.communicate(timeout=900)

    assert process.returncode == 2, said[-3000:]  # it trained on what cannot be trained on: bad input
    assert "1 of 13 stages failed and 2 wait for them; the first is arms/broken of runs/shared/seed-1" in said
    found = study_status(place.folder)
    assert found["stages"] == {"done": 10, "failed": 1, "waiting": 2}


def test_a_study_that_is_done_does_nothing_more(first: Place) -> None:
    before = first.done()
    process = first.start()
    _, said = process.communicate(timeout=600)
    assert process.returncode == 0 and "stages to do" not in said
    assert first.done() == before
