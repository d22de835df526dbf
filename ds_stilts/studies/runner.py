"""Carries out a study on this machine, resumably: every stage once, in the store, several side by side.

Workers agree through files only: a stage is done when its DONE is there, and worked on by whoever holds its lock. So
the same command may run on several hosts that share the folders, and goes on after being killed at any instant. What a
folder holds is said in docs/studies.md.
"""

import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.cluster.local import RankError, run_ranks, stop_on_signals
from ds_stilts.cluster.lock import NAME as LOCK
from ds_stilts.cluster.lock import only_run_in
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.errors import BusyError, ClusterError, StoppedCleanly, UserError
from ds_stilts.phases.context import Run
from ds_stilts.phases.fetching import record_copies
from ds_stilts.run import check_input, claim_folder, ends_at, num_ranks, open_folder, run_one_stage, warm_up
from ds_stilts.run_record import RunRecord
from ds_stilts.studies.cells import record_study
from ds_stilts.studies.energy import read_counters, used
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.graph import Node, build_graph
from ds_stilts.studies.keeping import check_models, drop_models, readers
from ds_stilts.studies.keys import stage_facts
from ds_stilts.studies.ledger import NAME as LEDGER
from ds_stilts.studies.ledger import write_ledger
from ds_stilts.studies.lock import changes_since, read_lock
from ds_stilts.studies.plan import check_study, model_where
from ds_stilts.studies.sources import stage_sources
from ds_stilts.studies.status import FAILED
from ds_stilts.studies.store import Store, read_json, write_json
from ds_stilts.studies.study import Study
from ds_stilts.studies.workers import run_workers
from ds_stilts.studies.world import stored_world

STOP = "STOP"
_LOOK_EVERY_S = 0.5
"""A worker that waits for others looks so often."""


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study whose input was looked at and whose run folders are there."""

    folder: Path
    store: Store
    runs: dict[Path, Run]
    """By the run's folder within the study."""
    nodes: list[Node]
    sources: dict[str, dict[str, str]]
    """By group, what its stages read."""
    reading: dict[str, tuple[Node, ...]]
    """By the key of each target whose model need not stay, the stages that read it."""

    def left(self) -> list[Node]:
        return [node for node in self.nodes if not self.store.is_done(node.key)]

    def drop_models(self, nodes: Iterable[Node]) -> None:
        """Remove those of these stages' models that need not stay."""
        drop_models(nodes, self.reading, self.store, self.runs)


def run_study(
    study: Study,
    *,
    folder: Path,
    store: Store,
    data_root: Path | None = None,
    workers: int | None = None,
    processes: int | None = None,
    command: list[str] | None = None,
    time_budget: str | None = None,
) -> int:
    """Do what is left of a study.

    Args:
        folder: the study's own: run folders, lock, record.
        store: where stages lie, shared with other studies.
        workers: stages side by side; None: as many as the machine's GPUs, or cores, hold.
        processes: ranks of one stage; None: the base recipe's number.

    Returns:
        How many stages were left.

    Raises:
        UserError: bad input, or stages that failed; the first is told.
        StoppedCleanly: stopped on request.
    """
    stop_on_signals()
    began, ends = time.monotonic(), ends_at(time_budget)
    runs = check_study(study, data_root)
    ranks = num_ranks(runs[0].recipe, processes)
    at_most = num_workers(workers, ranks)
    opened = open_study(study, runs, folder=folder, store=store, data_root=data_root)
    for path in (folder / FAILED).glob("*.json"):  # what failed before is tried again
        path.unlink(missing_ok=True)
    left = opened.left()
    check_models(left, opened.nodes, store, folder)
    records = {place: RunRecord(run, command or [], ranks) for place, run in opened.runs.items()}
    if left:
        number = min(at_most, len(left))
        say(f"{len(left)} of {len(opened.nodes)} stages to do, {number} at a time, ranks of each: {ranks}")
        warm_up()
        worker = _Worker(opened=opened, ranks=ranks, workers=number, ends=ends)
        try:
            run_workers(worker.work, number)
        finally:
            for record in records.values():
                record.update()
    _complete(opened, ranks)
    opened.drop_models(opened.nodes)
    _raise_failures(opened)
    say(f"study {study.study} ({study.size}) done in {duration(time.monotonic() - began)}")
    return len(left)


def open_study(study: Study, runs: Sequence[StudyRun], *, folder: Path, store: Store, data_root: Path | None) -> Opened:
    """Check the input, make the run folders and link what they share.

    Raises:
        UserError: a file, model or machine that cannot carry the study, or a folder that cannot be written to.
    """
    from ds_stilts.engine.fit import check_engine, check_machine

    record_study(study, folder)
    _tell_changes(study, folder)
    opened: dict[Path, Run] = {}
    sources: dict[str, dict[str, str]] = {}
    for run in runs:
        place = folder / run.folder
        _forget_other_recipe(place, run)
        if run.recipe.data.synthetic:
            store.link(stored_world(run.recipe, store), place / "data")
        opened[run.folder] = open_folder(run.recipe, place, data_root)
        if run.group not in sources:  # seeds read the same files
            first = opened[run.folder]
            run_ranks(lambda one=first: check_input(one), 1)  # type: ignore[misc]
            check_machine(run.recipe, check_engine(run.recipe))
            sources[run.group] = stage_sources(first, run.stages)
        claim_folder(opened[run.folder])
        record_copies(opened[run.folder])
    nodes = build_graph(runs, lambda run: sources[run.group])
    for node in nodes:
        for run, stage in node.serves:
            store.link(node.key, folder / run.folder / stage)
    reading = {} if study.keep.target_models else readers(nodes)
    return Opened(folder=folder, store=store, runs=opened, nodes=nodes, sources=sources, reading=reading)


def side_by_side(ranks: int) -> int:
    """Stages that this machine holds at a time: one rank a GPU, or a core where there is none."""
    import torch

    return max(1, (torch.cuda.device_count() or len(os.sched_getaffinity(0))) // ranks)


def num_workers(wanted: int | None, ranks: int) -> int:
    """Stages to work on side by side: as many as asked for, else as this machine holds.

    Raises:
        ClusterError: more are asked for than there are GPUs for; one without a GPU would train on the CPU.
    """
    import torch

    gpus = torch.cuda.device_count()
    if wanted is not None and 0 < gpus < wanted * ranks:
        raise ClusterError(
            f"--workers {wanted}: this machine has {gpus} GPUs and each stage takes {ranks}; give {gpus // ranks} or "
            "fewer"
        )
    return wanted or side_by_side(ranks)


@dataclass(frozen=True, kw_only=True)
class _Worker:
    """One of several processes that take what is ready."""

    opened: Opened
    ranks: int
    workers: int
    ends: float | None

    def work(self, number: int) -> None:
        """Until nothing is left that could be done."""
        _own_devices(number, self.ranks)
        while True:
            did = [self._try(node) for node in self._ready()]
            if not any(did):
                return  # all else waits for what has failed
            if "done" not in did:
                time.sleep(_LOOK_EVERY_S)

    def _ready(self) -> Sequence[Node]:
        """Stages that are not done; looked at one by one, since others work meanwhile."""
        return self.opened.left()

    def _try(self, node: Node) -> str:
        """ "done", "busy" (another is at it), or "" where it has failed or waits for another stage."""
        store = self.opened.store
        if (self.opened.folder / STOP).exists():
            raise StoppedCleanly(f"stopped by the file {self.opened.folder / STOP}; remove it to go on")
        if store.is_done(node.key):
            return "done"
        if self._has_failed(node.key) or not all(map(store.is_done, node.before)):
            return ""
        run = self.opened.runs[node.run.folder]
        try:
            with only_run_in(run.run_dir, node.stage):
                if not store.is_done(node.key):
                    check_models(
                        [node], self.opened.nodes, store, self.opened.folder
                    )  # another study may have removed one meanwhile
                    self._carry_out(node, run)
            self.opened.drop_models([node, *self._before(node)])
        except BusyError:
            return "busy"
        except (UserError, RankError) as error:
            self._tell_failure(node, error)
        return "done"

    def _carry_out(self, node: Node, run: Run) -> None:
        store, folder = self.opened.store, self.opened.store.folder(node.key)
        facts = stage_facts(run.recipe, node.stage, self.opened.sources[node.run.group])
        starts = store.begin(node.key, facts, stage=node.stage, fingerprint=run.recipe.fingerprint())
        say(f"seed {node.run.seed.label}, {node.stage}")
        before = read_counters()
        run_one_stage(run, node.stage, self.ranks, ends=self.ends, place=folder)
        after = read_counters()
        write_ledger(
            folder,
            run.recipe,
            where=model_where(run.recipe, node.stage),
            ranks=self.ranks,
            workers=self.workers,
            energy_j=used(before, after) if starts == 1 else None,  # what earlier starts took is gone
            source=after.source,
        )

    def _before(self, node: Node) -> list[Node]:
        return [other for other in self.opened.nodes if other.key in node.before]

    def _has_failed(self, key: str) -> bool:
        return (self.opened.folder / FAILED / f"{key}.json").exists()

    def _tell_failure(self, node: Node, error: Exception) -> None:
        say(f"seed {node.run.seed.label}, {node.stage} failed: {error}")
        failed = self.opened.folder / FAILED
        failed.mkdir(exist_ok=True)
        values = {"stage": node.stage, "run": str(node.run.folder), "fault": isinstance(error, RankError)}
        write_json(failed / f"{node.key}.json", {**values, "message": str(error)})


def _own_devices(number: int, ranks: int) -> None:
    """Show this worker's ranks their own GPUs only; called before CUDA is."""
    import torch

    count = torch.cuda.device_count()
    if count:
        shown = os.environ.get("CUDA_VISIBLE_DEVICES", ",".join(map(str, range(count)))).split(",")
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(shown[number * ranks : (number + 1) * ranks])
    else:
        torch.set_num_threads(max(1, torch.get_num_threads() // max(1, side_by_side(ranks))))


def _tell_changes(study: Study, folder: Path) -> None:
    """Say so where a study is not what was locked."""
    lock = read_lock(folder)
    if lock and (changed := changes_since(lock, study)):
        say(f"the study is not what was locked on {lock['locked']}: {changed}; the report will say so")


def _forget_other_recipe(run_dir: Path, run: StudyRun) -> None:
    """A run folder of a study is a view of the store: after a change of the study it shows the new recipe."""
    mark = run_dir / "fingerprint"
    with suppress(OSError):
        if mark.read_text(encoding="utf-8").strip() != run.recipe.fingerprint():
            mark.unlink()
            for link in [path for path in run_dir.glob("*/**/*") if path.is_symlink()]:
                link.unlink()


def _complete(opened: Opened, ranks: int) -> None:
    """What is missing of stages that were done by a process which was killed right then: the ledger, and unlocking."""
    for node in opened.nodes:
        folder, run = opened.store.folder(node.key), opened.runs[node.run.folder]
        if not opened.store.is_done(node.key) or ((folder / LEDGER).exists() and not (folder / LOCK).exists()):
            continue
        with suppress(BusyError), only_run_in(run.run_dir, node.stage):
            if not (folder / LEDGER).exists():
                where = model_where(run.recipe, node.stage)
                write_ledger(folder, run.recipe, where=where, ranks=ranks, workers=1, energy_j=None, source=None)


def _raise_failures(opened: Opened) -> None:
    failed = [read_json(path) for path in sorted((opened.folder / FAILED).glob("*.json"))]
    if not failed:
        return
    left, first = opened.left(), failed[0]
    sentence = (
        f"{len(failed)} of {len(opened.nodes)} stages failed and {len(left) - len(failed)} wait for them; the first is "
        f"{first['stage']} of {first['run']}: {first['message']}"
    )
    if any(one["fault"] for one in failed):
        raise RankError(sentence)
    raise UserError(sentence)
