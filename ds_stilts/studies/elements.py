"""What became of a study's jobs: how many stages are done, and where each element of its array is."""

from pathlib import Path

from ds_stilts.jobs.record import read_record
from ds_stilts.jobs.status import RunStatus, ask, job_row, latest_jobs, report_of
from ds_stilts.studies.cells import STUDY, read_study
from ds_stilts.studies.status import stage_states


def is_study(folder: Path) -> bool:
    """Whether a folder is a study's."""
    return (folder / STUDY).is_file()


def study_jobs(folder: Path) -> RunStatus:
    """Look at a study's folder and, if jobs were submitted for it, ask Slurm.

    Elements of earlier submissions are left out once they are over.

    Raises:
        DataError: the folder holds no study.
    """
    study = read_study(folder)
    states = list(stage_states(study, folder).values())
    submitted = read_record(folder)
    facts, problem = ask(submitted)
    last = max((job.submission for job in submitted), default=0)
    alive = {key for key, known in (facts or {}).items() if known.is_live}
    latest = {
        name: jobs
        for name, jobs in latest_jobs(submitted).items()
        if jobs[-1][1].submission == last or jobs[-1][0] in alive
    }
    names = sorted(latest, key=lambda name: (name == "report", int(name.partition("/")[2] or 0)))
    return RunStatus(
        run=str(folder),
        recipe=f"study {study.study}, {study.size}",
        num_stages=len(states),
        num_done=states.count("done"),
        stages=tuple(job_row(folder, name, latest[name], facts) for name in names),
        report=report_of(folder),
        problem=problem,
    )
