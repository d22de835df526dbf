"""`ds-stilts study submit`: a study as an array of Slurm jobs, each of which works on whatever stage is ready.

Elements know of each other by the study's files only, so more may join later, and any may end. A report is made when
all of them have ended, well or not. `plan_study_submission` writes nothing and does not ask Slurm.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ds_stilts.errors import ClusterError, DataError, UserError
from ds_stilts.jobs.command import (
    Planned,
    Shape,
    check_folder,
    check_scripts,
    check_shape,
    plan_job,
    submit_jobs,
    write_inputs,
)
from ds_stilts.jobs.graph import Job, Wait
from ds_stilts.jobs.living import living
from ds_stilts.jobs.record import Submitted, folder_of, read_record
from ds_stilts.jobs.render import render_preamble
from ds_stilts.jobs.site import Site
from ds_stilts.jobs.slurm import cancel
from ds_stilts.jobs.submit import check_nothing_lives
from ds_stilts.phases.checks import check_start
from ds_stilts.phases.context import data_folder, find_data
from ds_stilts.recipe import Recipe
from ds_stilts.studies.cells import record_study
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.graph import Node, Sources, build_graph
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.sources import missing_files, sources_under
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study

ARRAY = "elements"
"""The job that is the array."""
MOST = 16
"""Elements that are asked for at the most, unless somebody says how many."""


@dataclass(frozen=True, kw_only=True)
class StudySubmission:
    """What is left of a study, for a cluster and a shape."""

    study: Study
    folder: Path
    elements: int
    """That are wanted at a time; 0: every stage is done."""
    is_reported: bool
    """There is a report of all that is done."""
    site: Site
    shape: Shape
    settings: Mapping[str, str | None]
    preamble: str | None
    missing: tuple[str, ...] = ()
    """A sentence for all data that are not there; only in a plan that may do without them."""

    def jobs(self, names: Sequence[str] | None = None, beside: Collection[int] = ()) -> tuple[Planned, ...]:
        """The jobs to submit; none where nothing is left.

        Args:
            names: of the array's elements; None: all that are wanted.
            beside: numbers of arrays in the queue, for which the report waits too.
        """
        wanted = tuple(element_names(self.elements) if names is None else names)
        if self.is_reported and not wanted:
            return ()
        made = [Job(name=ARRAY, script="study", stages=wanted, array=True)] if wanted else []
        waits = [Wait(job=name, how="afterany") for name in (*map(str, beside), *(job.name for job in made))]
        report = Job(name="report", script="report", stages=(), one_process=True, after=tuple(waits))
        return tuple(
            plan_job(
                job,
                name=f"{self.study.study}-{self.study.size}",
                run_dir=self.folder,
                site=self.site,
                shape=self.shape,
                settings=self.settings,
            )
            for job in (*made, report)
        )


def element_names(count: int) -> list[str]:
    """How the elements of a study's array are called: "element/1", …"""
    return [f"element/{number}" for number in range(1, count + 1)]


def plan_study_submission(
    study: Study,
    *,
    folder: Path,
    store: Store,
    data_root: Path | None,
    elements: int | None,
    nodes: int | None,
    gpus_per_node: int,
    processes_per_node: int | None,
    time: str | None,
    site: Site,
    site_file: Path | None,
    without_data: bool = False,
) -> StudySubmission:
    """Look at everything that can be looked at, and count what is left.

    Args:
        without_data: data that are missing are told in the plan instead of being refused; nothing counts as done then.
            Such a plan is to be looked at only.
        elements: of the array; None: as many as have something to do at a time, but `MOST` (or `nodes`) at the most.
        nodes: on which elements may work at a time, one each; None: the site's `elements_at_once`.
        processes_per_node: ranks of all stages side by side; None: the node's GPUs, else the ranks of one stage.

    Raises:
        UserError: the study, its data, the site, the shape or the folder cannot be used, in one sentence.
    """
    runs = check_study(study)
    shape, workers = _shape(runs[0].recipe, gpus_per_node, processes_per_node, time)
    for option, value in (("--array", elements), ("--nodes", nodes)):
        if value is not None and value < 1:
            raise ClusterError(f"{option} {value}: give 1 or more")
    check_folder(folder)
    folder = folder.resolve()
    from ds_stilts.engine.fit import check_engine

    for run in {one.group: one for one in runs}.values():
        check_start(run.recipe)
        check_engine(run.recipe)
    made_up = runs[0].recipe.data.synthetic is not None
    data, sources, missing = _data(runs, folder, data_root, without_data)
    graph = build_graph(runs, sources)
    left = [node for node in graph if not store.is_done(node.key)]
    useful = min(math.ceil(side_by_side_at_most(left) / workers), nodes or MOST)
    if nodes:
        site = site.model_copy(update={"elements_at_once": nodes})
    name = f"{study.study}-{study.size}"
    preamble = render_preamble(
        site, source=site_file, recipe=name, nodes=shape.nodes, gpus_per_node=shape.gpus_per_node
    )
    jobs = folder_of(folder)
    plan = StudySubmission(
        study=study,
        folder=folder,
        elements=(elements or useful) if left else 0,
        is_reported=_is_reported(folder, store, graph),
        site=site,
        shape=shape,
        settings={
            "STUDY": str(jobs / "study.yaml"),
            "STORE": str(store.root.resolve()),
            "DATA_ROOT": None if made_up or data is None else str(data.resolve()),
            "WORKERS": str(workers),
            "NO_REPORT": "1",
            "PREAMBLE": str(jobs / "preamble.sh") if preamble is not None else None,
        },
        preamble=preamble,
        missing=missing,
    )
    check_scripts(plan.jobs())
    return plan


def submit_study(plan: StudySubmission, shell: Mapping[str, str] | None = None) -> list[Submitted]:
    """Submit the elements that are wanted and not in the queue, and a report after all; nothing if nothing is left.
    The plan has been made with its data.

    Args:
        shell: variables of the submitting process; None: this one.

    Raises:
        ClusterError: all elements that are wanted are in the queue already, or sbatch refused a job; then those that
            were submitted by this call are cancelled.
    """
    known = read_record(plan.folder)
    alive = living(known)
    at_work = {names[0]: job for job in known for key, names in job.elements().items() if key in alive and names}
    missing = max(0, plan.elements - len(at_work))
    if not missing:
        check_nothing_lives(plan.folder, "study")
    free = [name for name in element_names(plan.elements + len(at_work)) if name not in at_work]
    jobs = plan.jobs(free[:missing], sorted({job.number for job in at_work.values()}))
    if not jobs:
        return []
    record_study(plan.study, plan.folder)
    write_inputs(plan.folder, "study.yaml", one_size(plan.study), plan.preamble)
    made = submit_jobs(jobs, run_dir=plan.folder, shell=shell, more_environment=plan.site.environment)
    for job in known:  # a report that would not wait for the new elements
        if job.script == "report" and str(job.number) in alive:
            cancel(job.id)
    return made


def one_size(study: Study) -> str:
    """A study as a file with this size only, which reads as the same study."""
    values: dict[str, Any] = study.model_dump(mode="json", exclude={"size"})
    return yaml.safe_dump({**values, "sizes": {study.size: {}}}, sort_keys=False, allow_unicode=True)


def side_by_side_at_most(left: Sequence[Node]) -> int:
    """Stages that can ever be worked on at a time: the largest set of which none waits for another.

    By Dilworth's theorem these are as many as the chains that cover the stages, so each link of a largest matching of
    stages with those after them saves one.

    Args:
        left: every stage after those that it waits for.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import maximum_bipartite_matching

    place = {node.key: number for number, node in enumerate(left)}
    before: list[set[int]] = []
    for node in left:
        near = [place[key] for key in node.before if key in place]
        before.append(set(near).union(*(before[one] for one in near)))
    links = np.array([(later, one) for later, earlier in enumerate(before) for one in earlier]).reshape(-1, 2)
    waits = csr_array((np.ones(len(links)), (links[:, 0], links[:, 1])), shape=(len(left), len(left)))
    return len(left) - int((maximum_bipartite_matching(waits) >= 0).sum())


def _shape(recipe: Recipe, gpus: int, processes: int | None, time: str | None) -> tuple[Shape, int]:
    """What an element asks for, and how many stages it works on at a time."""
    own = recipe.engine.processes
    slots = processes if processes is not None else gpus if gpus > 0 else own
    shape = Shape(nodes=1, gpus_per_node=gpus, processes_per_node=slots, time=time)
    check_shape(shape)
    ranks = min(own, gpus or own)
    if slots < ranks:
        raise ClusterError(
            f"--processes-per-node {slots}: a stage has {ranks} ranks (engine.processes); give {ranks} or more, or "
            f"--set base.engine.processes={slots}"
        )
    return shape, slots // ranks


def _data(
    runs: Sequence[StudyRun], folder: Path, data_root: Path | None, without: bool
) -> tuple[Path | None, Sources, tuple[str, ...]]:
    """The data root, what tells stages apart, and, if it may be `without` them, what data are missing."""
    recipe = runs[0].recipe
    come_later = recipe.data.synthetic is not None or recipe.data.source == "hub"
    missing: list[str] = []
    try:
        data = find_data(recipe, folder, data_root)
        missing = [] if come_later else missing_files(runs, data)
        if missing:
            raise DataError(missing[0])
    except UserError as error:
        if not without:
            raise
        return data_folder(recipe, data_root), lambda _: {}, tuple(missing or [str(error)])
    return data, _sources(runs, data), ()


def _sources(runs: Sequence[StudyRun], data: Path) -> Sources:
    """What tells stages apart; where files are fetched later, recipes alone do, and nothing counts as done."""
    sources = sources_under(data)
    for run in runs:
        try:
            sources(run)
        except UserError:
            if run.recipe.data.source != "hub":
                raise
            return lambda _: {}
    return sources


def _is_reported(folder: Path, store: Store, nodes: Sequence[Node]) -> bool:
    """Whether there is a report that is newer than every marker."""
    report = folder / "report" / "report.html"
    if not report.is_file():
        return False
    made = report.stat().st_mtime
    return all((store.folder(node.key) / "DONE").stat().st_mtime <= made for node in nodes if store.is_done(node.key))
