"""Folders that are full, read-only, missing or foreign: a sentence for each, and nothing left behind."""

import multiprocessing
import os
from pathlib import Path

import pytest

from ds_stilts.doctor.finding import Finding
from ds_stilts.doctor.folders import check_cache, check_data_root, check_room, nearest
from tests.ci import skip_unless_ci
from tests.doctor.places import on_tmpfs


def room(folder: Path, few: int = 1, none: int = 1) -> Finding:
    return check_room("room", folder, few=few, none=none, elsewhere="elsewhere")


def test_a_folder_that_is_not_there_yet_is_judged_by_where_it_would_be_and_not_made(tmp_path: Path) -> None:
    found = room(tmp_path / "a" / "b")
    assert found.verdict == "ok" and found.found.endswith(f"free in {tmp_path}/a/b (not there yet)")
    assert list(tmp_path.iterdir()) == []
    assert nearest(Path("nowhere")) == Path.cwd()


def test_little_room_is_a_warning_and_none_a_failure(tmp_path: Path) -> None:
    assert room(tmp_path, few=2**60).verdict == "warn"
    assert room(tmp_path, few=2**60, none=2**59).verdict == "fail"


def test_a_full_disk_fails_though_its_folder_can_be_written_to() -> None:
    code = """
    from ds_stilts.doctor.folders import check_run_folder
    (place / "full").write_bytes(bytes(2**20))
    found = check_run_folder(place / "runs")
    answer = [found.verdict, found.found, found.remedy, os.listdir(place)]
    """
    verdict, found, remedy, left = on_tmpfs("size=1M", code)
    assert verdict == "fail" and "cannot be written to (No space left on device)" in found
    assert "--out" in remedy
    assert left == ["full"]


def test_a_file_system_without_names_left_is_a_warning() -> None:
    code = """
    from ds_stilts.doctor.folders import check_room
    found = check_room("room", place, few=1, none=1, elsewhere="elsewhere")
    answer = [found.verdict, found.found]
    """
    verdict, found = on_tmpfs("size=8M,nr_inodes=50", code)
    assert verdict == "warn" and "but only for 49 files" in found


def test_a_read_only_file_system_fails() -> None:
    code = """
    from ds_stilts.doctor.folders import check_run_folder
    found = check_run_folder(place)
    answer = [found.verdict, found.found]
    """
    verdict, found = on_tmpfs("size=1M,ro", code)
    assert verdict == "fail" and "(Read-only file system)" in found


def test_the_cache_says_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DS_STILTS_CACHE", str(tmp_path))
    (tmp_path / "prepared" / "xnli").mkdir(parents=True)
    (tmp_path / "prepared" / "xnli" / "train-en-0.arrow").write_bytes(bytes(2048))
    assert check_cache().found.endswith(f"free in {tmp_path}; 1 prepared files, 2.0 KiB")


def test_a_data_root_is_counted_without_being_read(real_data: Path) -> None:
    found = check_data_root(real_data)
    assert found.verdict == "ok" and f" tasks in {real_data}; " in found.found


def test_a_data_root_without_any_official_file_fails(tmp_path: Path) -> None:
    assert "has no file of any of the" in check_data_root(tmp_path).found
    assert check_data_root(tmp_path / "none").found == f"there is no folder {tmp_path / 'none'}"
    assert check_data_root(tmp_path).verdict == check_data_root(tmp_path / "none").verdict == "fail"


def as_nobody(folder: Path) -> Finding:
    """What another user without rights finds."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()

    def work() -> None:
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        theirs.send(check_data_root(folder))

    process = context.Process(target=work)
    process.start()
    assert ours.poll(30)
    found: Finding = ours.recv()
    process.join()
    return found


def test_files_of_another_user_are_named_before_a_run_meets_them(tmp_path: Path) -> None:
    if os.getuid() != 0:
        skip_unless_ci("only root can become another user")
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    (tmp_path / "xnli").mkdir()
    secret = tmp_path / "xnli" / "test-de.tsv"
    secret.touch()
    assert as_nobody(tmp_path).verdict == "ok"
    secret.chmod(0o600)
    assert as_nobody(tmp_path).found == f"1 files cannot be read, the first is {secret}"
    tmp_path.chmod(0o700)
    assert as_nobody(tmp_path).found == f"{tmp_path} cannot be read"
