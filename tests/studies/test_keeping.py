"""Which models go once targets are scored, and what becomes of a stage that would need one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.cluster import lock
from ds_stilts.cluster.lock import only_run_in
from ds_stilts.errors import UserError
from ds_stilts.phases.context import Run
from ds_stilts.studies.budget import phase_costs
from ds_stilts.studies.expand import expand
from ds_stilts.studies.graph import Node, build_graph
from ds_stilts.studies.keeping import check_models, drop_models, readers
from ds_stilts.studies.ledger import write_ledger
from ds_stilts.studies.plan import plan_study
from ds_stilts.studies.runner import Opened, _complete, _Worker
from ds_stilts.studies.store import Store, read_json
from ds_stilts.studies.study import Study
from tests.studies.worlds import study

DROPS = {"keep": {"target_models": False}}
NOISY = {"targets": {"synth_pos": {}, "synth_pos:noise": {}}, "seeds": {"intermediate": [1]}}


class Place:
    """A study's stages in a store, some of which are done."""

    def __init__(self, root: Path, made: Study) -> None:
        self.store, self.runs = Store(root=root / "store"), {}
        runs = expand(made)
        self.nodes = build_graph(runs, lambda run: {})
        self.reading = readers(self.nodes)
        for run in runs:
            self.runs[run.folder] = Run(recipe=run.recipe, run_dir=root / run.folder, data_root=root)
        for node in self.nodes:
            for run, stage in node.serves:
                self.store.link(node.key, root / run.folder / stage)

    def node(self, stage: str) -> Node:
        return next(node for node in self.nodes if node.stage == stage)

    def finish(self, stage: str, fingerprint: str | None = None) -> Path:
        """Leave what a stage leaves; `fingerprint` of a run of another study that did it."""
        node = self.node(stage)
        folder = self.store.folder(node.key)
        own = node.run.recipe.fingerprint()
        self.store.begin(node.key, {}, stage=stage, fingerprint=fingerprint or own)
        if not stage.endswith(":noise"):
            (folder / "model").mkdir()
            facts = {"steps": 4, "drawn": {"items": 32, "tokens": 700}}
            (folder / "model" / "phase.json").write_text(json.dumps(facts))
            (folder / "model" / "model.safetensors").write_text("weights")
        (folder / "scores.json").write_text("{}")
        (folder / "DONE").write_text('{"wall_s": 2.0}')
        return folder

    def opened(self, folder: Path) -> Opened:
        own = {"runs": self.runs, "nodes": self.nodes, "reading": self.reading}
        return Opened(folder=folder, store=self.store, sources={"shared": {}}, **own)  # type: ignore[arg-type]

    def drop(self) -> None:
        drop_models(self.nodes, self.reading, self.store, self.runs)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path, study(**NOISY))


def test_a_targets_model_goes_once_every_stage_that_reads_it_is_done_and_nothing_else_does(place: Place) -> None:
    arm, clean = place.finish("arms/qa"), place.finish("targets/qa/synth_pos")
    place.drop()
    assert (clean / "model").is_dir()
    place.finish("targets/qa/synth_pos:noise")
    place.drop()
    assert sorted(path.name for path in clean.iterdir()) == ["DONE", "entry.json", "phase.json", "scores.json"]
    assert (arm / "model" / "model.safetensors").is_file()
    assert read_json(clean / "DONE") == {"wall_s": 2.0, "model": "removed once it was scored"}
    assert read_json(clean / "entry.json")["model"] == "removed once it was scored"


def test_what_training_recorded_stays_and_the_ledger_is_the_same(place: Place) -> None:
    clean = place.finish("targets/qa/synth_pos")
    place.finish("targets/qa/synth_pos:noise")

    def ledger() -> dict[str, Any]:
        recipe = place.node("arms/qa").run.recipe
        given = {"where": "targets.synth_pos", "ranks": 1, "workers": 1, "energy_j": None, "source": None}
        return write_ledger(clean, recipe, **given)  # type: ignore[arg-type]

    before = ledger()
    place.drop()
    place.drop()
    assert not (clean / "model").exists() and ledger() == before and before["tokens"] == 700


def test_freeing_the_lock_of_a_dead_process_writes_no_ledger_anew(place: Place, tmp_path: Path) -> None:
    folder = place.finish("targets/qa/synth_pos")
    (folder / "ledger.json").write_text('{"energy_j": 5.0}')
    (folder / "LOCK").write_text(json.dumps({**lock._identity(), "began": "1"}))  # the process has another start now
    _complete(place.opened(tmp_path), ranks=1)
    assert not (folder / "LOCK").exists() and read_json(folder / "ledger.json") == {"energy_j": 5.0}


def test_what_another_study_has_trained_stays(place: Place) -> None:
    clean = place.finish("targets/qa/synth_pos", fingerprint="another")
    place.finish("targets/qa/synth_pos:noise")
    place.drop()
    assert (clean / "model").is_dir()


def test_a_model_at_which_somebody_is_at_work_stays_until_later(place: Place) -> None:
    clean = place.finish("targets/qa/synth_pos")
    place.finish("targets/qa/synth_pos:noise")
    node = place.node("targets/qa/synth_pos")
    with only_run_in(place.runs[node.run.folder].run_dir, node.stage):
        place.drop()
        assert (clean / "model").is_dir()
    place.drop()
    assert not (clean / "model").exists()


def test_a_removal_that_was_interrupted_is_no_model_and_is_finished_with_the_next_one(place: Place) -> None:
    clean = place.finish("targets/qa/synth_pos")
    place.finish("targets/qa/synth_pos:noise")
    (clean / "model").rename(clean / "model.removed.tmp")
    assert not place.store.has_model(place.node("targets/qa/synth_pos").key)
    place.drop()
    assert not (clean / "model.removed.tmp").exists()


def test_a_stage_that_needs_a_removed_model_is_refused_with_what_to_do(place: Place, tmp_path: Path) -> None:
    clean, noisy = place.finish("targets/qa/synth_pos"), place.node("targets/qa/synth_pos:noise")
    check_models(place.nodes, place.nodes, place.store, tmp_path)
    place.store.drop_model(place.node("targets/qa/synth_pos").key)
    with pytest.raises(UserError) as refused:
        check_models([noisy], place.nodes, place.store, tmp_path)
    assert str(refused.value) == (
        "targets/qa/synth_pos:noise of runs/shared/seed-1 needs the model of targets/qa/synth_pos, which was removed "
        f"once it was scored (keep.target_models); remove {clean}, and it is trained and scored again"
    )
    other = place.finish("targets/none/synth_pos")
    place.store.drop_model(other.name)
    with pytest.raises(UserError, match=r"; remove the 2 folders that .*lacking_models\.txt lists, and their targets"):
        check_models(place.nodes, place.nodes, place.store, tmp_path)
    folders = [Path(line) for line in (tmp_path / "lacking_models.txt").read_text().splitlines()]
    assert sorted(folders) == sorted([clean, other])
    for folder in folders:
        shutil.rmtree(folder)
    check_models(place.nodes, place.nodes, place.store, tmp_path)


def test_workers_leave_no_model_of_a_target_and_tell_of_one_that_they_lack(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def train(run: Run, stage: str, *given: Any, **named: Any) -> None:
        place.finish(stage)
        models.append(len(list(place.store.root.glob("*/model"))))

    monkeypatch.setattr("ds_stilts.studies.runner.run_one_stage", train)
    models: list[int] = []
    worker = _Worker(opened=place.opened(tmp_path), ranks=1, workers=1, ends=None)
    assert [worker._try(node) for node in place.nodes] == ["done"] * len(place.nodes)
    left = {node.stage for node in place.nodes if place.store.has_model(node.key)}
    assert left == {"start", "arms/qa", "arms/shuffled"} and max(models) == 4

    noisy = place.node("targets/qa/synth_pos:noise")
    (place.store.folder(noisy.key) / "DONE").unlink()
    assert worker._try(noisy) == "done" and not place.store.is_done(noisy.key)
    (told,) = (tmp_path / "failed").glob("*.json")
    assert "needs the model of targets/qa/synth_pos, which was removed" in read_json(told)["message"]


def test_a_plan_counts_the_models_that_stay_and_one_of_a_stage_at_work() -> None:
    keeping, dropping = (plan_study(study(**more))["cost"]["disk_bytes"] for more in ({}, DROPS))
    recipe = expand(study())[0].recipe
    costs = {where: cost.parameters for where, cost in phase_costs(recipe, 1).items()}
    targets = 2 * 3 * (costs["targets.synth_pos"] + costs["targets.synth_qa_low"])  # two seeds, three arms
    side_by_side = 2
    assert keeping - dropping == 4 * (targets - side_by_side * max(costs.values()))
    read = {"synth_pos": {}, "synth_pos:noise": {}}
    with_readers = [plan_study(study(targets=read, **more))["cost"]["disk_bytes"] for more in ({}, DROPS)]
    assert with_readers[0] == with_readers[1]


def test_what_is_kept_is_no_part_of_the_hypotheses() -> None:
    assert study(**DROPS).declared() == study().declared()
