"""Which variables of the submitting shell a job gets: what programs are found with, and what tunes them; no secrets.

Slurm keeps the environment of a waiting job on its controller, so what is not needed does not go there. A token for the
hub is read from HF_HOME by the job itself.
"""

import re
from collections.abc import Iterable, Mapping

_NAMES = {
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "PYTHONUTF8",
    "VIRTUAL_ENV", "PYTHONPATH", "PYTHONNOUSERSITE", "LD_LIBRARY_PATH", "LIBRARY_PATH", "CPATH", "CC", "CXX",
    "MODULEPATH", "MODULESHOME", "MODULEPATH_ROOT", "LOADEDMODULES", "_LMFILES_", "BASH_ENV",
    "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "HF_ENDPOINT", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE",
    "TOKENIZERS_PARALLELISM", "SLURM_CONF", "SBATCH_ACCOUNT", "SBATCH_PARTITION", "SBATCH_QOS", "SBATCH_RESERVATION",
    "MAX_RESTARTS", "MAX_IDLE_RESTARTS", "OPS_CACHE", "PYTHON",
}  # fmt: skip
_KINDS = re.compile(
    r"LC_|XDG_(CACHE|CONFIG|DATA)_HOME|CONDA_(PREFIX|DEFAULT_ENV|EXE|SHLVL)|CUDA_HOME|CUDA_PATH|CUDA_DEVICE_ORDER|"
    r"(DS|TORCH|NCCL|GLOO|UCX|FI|OMP|MKL|KMP|LMOD|APPTAINER|SINGULARITY)_|BASH_FUNC_(module|ml|_module_raw|switchml)[(%]"
)
_SECRET = re.compile(r"(^|_)TOKENS?($|_)|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL", re.IGNORECASE)


def job_environment(shell: Mapping[str, str], more: Iterable[str] = ()) -> dict[str, str]:
    """What a job inherits; settings come on top.

    Args:
        shell: variables of the submitting process.
        more: names that the site file adds, which are passed whatever they are called.
    """
    added = set(more)
    kept = {
        name: value
        for name, value in shell.items()
        if (name in _NAMES or _KINDS.match(name)) and not _SECRET.search(name)
    }
    return kept | {name: shell[name] for name in added if name in shell}
