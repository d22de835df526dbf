"""Everything that is checked of this machine, in the order in which it is shown."""

from collections.abc import Callable
from pathlib import Path

from ds_stilts.doctor.accelerator import check_accelerator
from ds_stilts.doctor.finding import Finding, Section
from ds_stilts.doctor.folders import check_cache, check_data_root, check_run_folder
from ds_stilts.doctor.launcher_variables import check_variables
from ds_stilts.doctor.launchers import check_launchers, check_mpi
from ds_stilts.doctor.limits import (
    check_core_size,
    check_file_size,
    check_locale,
    check_locked_memory,
    check_open_files,
    check_shared_memory,
    check_umask,
)
from ds_stilts.doctor.operations import check_build_locks, check_build_tools, check_operations, extensions_folder
from ds_stilts.doctor.packages import check_packages, check_python, requirements
from ds_stilts.doctor.slurm import check_slurm
from ds_stilts.doctor.surroundings import check_hub, check_own_name, check_proxies


def check_machine(out: Path, data_root: Path | None, progress: Callable[[str], None]) -> list[Section]:
    """Check this machine.

    Args:
        out: run folder; need not exist.
        data_root: folder with the official files, if one was named.
        progress: told what is being done.
    """
    progress("importing PyTorch")
    software = [check_python(), *check_packages(requirements()), *check_accelerator()]
    if any(finding.name == "PyTorch" for finding in software):
        return [Section(title="Software", findings=tuple(software)), *_system(out, data_root, progress)]
    progress("importing DeepSpeed")
    software += [*check_build_tools(), check_operations(), check_build_locks(extensions_folder())]
    return [Section(title="Software and processors", findings=tuple(software)), *_system(out, data_root, progress)]


def _system(out: Path, data_root: Path | None, progress: Callable[[str], None]) -> list[Section]:
    folders = [check_run_folder(out), check_cache(), *([check_data_root(data_root)] if data_root else [])]
    limits = [
        check_shared_memory(),
        check_open_files(),
        check_locked_memory(),
        check_file_size(),
        check_core_size(),
        check_umask(),
        check_locale(),
    ]
    progress("asking launchers and Slurm")
    maybe: list[Finding | None] = [check_launchers(), check_mpi(), *check_slurm(), check_variables()]
    starting = [*(finding for finding in maybe if finding), check_own_name(), check_hub(), check_proxies()]
    return [
        Section(title="Folders", findings=tuple(folders)),
        Section(title="Limits", findings=tuple(limits)),
        Section(title="Starting ranks, and the network", findings=tuple(starting)),
    ]
