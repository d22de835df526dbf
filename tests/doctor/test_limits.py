"""Limits as a shell sets them, shared memory as a container has it: what is said, and what to do."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from ds_stilts.doctor.limits import check_locked_memory, check_shared_memory, size
from tests.ci import skip_unless_ci
from tests.doctor.places import on_tmpfs

CHECK = """
import json, sys
from dataclasses import asdict
from ds_stilts.doctor import limits
print(json.dumps(asdict(getattr(limits, sys.argv[1])())))
"""


def under(setting: str, check: str, **variables: str) -> dict[str, str]:
    """What a check finds in a process that a shell started under some setting."""
    command = ["bash", "-c", f'{setting} && exec "$0" "$@"', sys.executable, "-c", CHECK, check]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, **variables})
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.parametrize(
    ("setting", "verdict", "remedy"),
    [
        ("ulimit -Sn 4096", "ok", ""),
        ("ulimit -Sn 500", "warn", "run `ulimit -n "),
        ("ulimit -Sn 100", "fail", "run `ulimit -n "),
        ("ulimit -n 100", "fail", "have an administrator raise `nofile`"),
    ],
)
def test_few_open_files_are_raised_by_whoever_can(setting: str, verdict: str, remedy: str) -> None:
    found = under(setting, "check_open_files")
    assert found["verdict"] == verdict
    assert found["remedy"].startswith(remedy)


def test_files_that_may_not_be_as_large_as_a_checkpoint_fail() -> None:
    assert under("ulimit -f 1000", "check_file_size")["found"] == "at most 1000 KiB"
    assert under("ulimit -f 1000", "check_file_size")["verdict"] == "fail"
    assert under(":", "check_file_size")["verdict"] == "ok"


def test_core_dumps_are_warned_of_where_they_are_written() -> None:
    assert under("ulimit -c 0", "check_core_size")["verdict"] == "ok"
    if resource.getrlimit(resource.RLIMIT_CORE)[1] == 0 and os.getuid() != 0:
        skip_unless_ci("this process may not allow core dumps")
    assert under("ulimit -c 100", "check_core_size")["verdict"] == "warn"


def test_locked_memory_matters_where_there_is_infiniband(tmp_path: Path) -> None:
    (tmp_path / "mlx5_0").mkdir()
    soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    assert check_locked_memory(tmp_path / "none").verdict == "ok"
    expected = "ok" if soft == resource.RLIM_INFINITY else "warn"
    assert check_locked_memory(tmp_path).verdict == expected


def test_a_mask_that_locks_out_its_owner_fails() -> None:
    assert under("umask 700", "check_umask")["verdict"] == "fail"
    private = under("umask 077", "check_umask")
    assert private["verdict"] == "ok" and "others cannot read" in private["found"]


def test_a_character_set_that_holds_few_languages_is_a_warning() -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert under(":", "check_locale", **ascii_only)["verdict"] == "warn"
    assert under(":", "check_locale", PYTHONUTF8="1")["verdict"] == "ok"


def test_shared_memory_of_a_containers_default_size_is_a_warning_and_a_full_one_fails() -> None:
    code = """
    from ds_stilts.doctor.limits import check_shared_memory
    roomy = check_shared_memory(place)
    (place / "deepspeed_allreduce_buffer_0_127.0.0.1_29500_0").write_bytes(bytes(60 * 2**20))
    left = check_shared_memory(place)
    answer = [roomy.verdict, roomy.found, roomy.remedy, left.verdict, left.remedy]
    """
    verdict, found, remedy, full, left = on_tmpfs("size=64M", code)
    assert (verdict, full) == ("warn", "fail")
    assert found.startswith("64.0 MiB free of 64.0 MiB in ")
    assert "--shm-size" in remedy
    assert "deepspeed_allreduce_buffer_* (60.0 MiB), which DeepSpeed left" in left


def test_no_shared_memory_at_all_fails(tmp_path: Path) -> None:
    found = check_shared_memory(tmp_path / "shm")
    assert found.verdict == "fail" and "No such file" in found.found


def test_sizes_are_short() -> None:
    assert [size(n) for n in (0, 1023, 2048, 150 * 2**20, 3 * 2**30, 5 * 2**40)] == [
        "0 bytes", "1023 bytes", "2.0 KiB", "150 MiB", "3.0 GiB", "5.0 TiB",
    ]  # fmt: skip
