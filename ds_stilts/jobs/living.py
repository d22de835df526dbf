"""Which of the jobs that were submitted for a folder are not over."""

from collections.abc import Sequence

from ds_stilts.jobs.record import Submitted
from ds_stilts.jobs.slurm import queued


def living(jobs: Sequence[Submitted]) -> dict[str, str]:
    """States of jobs and elements that are not over, by what Slurm calls them.

    Raises:
        ClusterError: Slurm gives no answer.
    """
    if not jobs:
        return {}
    ours = {key for job in jobs for key in job.elements()}
    return {
        key: facts.state for key, facts in queued([job.id for job in jobs]).items() if facts.is_live and key in ours
    }
