"""`ds-stilts doctor --hosts` between virtual hosts with real ssh: what is told of a healthy pair, and of each fault."""

import contextlib
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.racks import ROOT, Rack

PROGRAM = [sys.executable, "-m", "ds_stilts", "doctor"]
HOSTS = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from ds_stilts.doctor.hosts import check_hosts
out, hosts = Path(sys.argv[1]), sys.argv[2:]
print(json.dumps([asdict(finding) for finding in check_hosts(hosts, out, out, lambda line: None)]))
"""
"""What the verb does between hosts, without its checks of this machine."""

Findings = list[dict[str, Any]]


@pytest.fixture
def place(tmp_path: Path, rack: Rack) -> Path:
    """A folder of variables that launchers hand on, with a folder `out` that the hosts share."""
    (tmp_path / "out").mkdir()
    (tmp_path / ".deepspeed_env").write_text(f"DS_STILTS_CACHE={os.environ['DS_STILTS_CACHE']}\n")
    return tmp_path


def between(rack: Rack, place: Path, *hosts: str, **variables: str) -> Findings:
    """Findings between hosts, asked from "head"."""
    names = hosts or rack.hosts
    said = rack.ask("head", sys.executable, "-c", HOSTS, place / "out", *names, cwd=place, env=variables, timeout_s=200)
    return json.loads(said)


def bad(findings: Findings) -> dict[tuple[str, str], dict[str, Any]]:
    """(host, check) → what is not ok."""
    return {(each["host"], each["name"]): each for each in findings if each["verdict"] != "ok"}


@contextlib.contextmanager
def mounted(rack: Rack, host: str, place: Path, *words: str | Path) -> Iterator[None]:
    """Something mounted on one host only."""
    rack.ask(host, "mount", "-n", *words, place)
    try:
        yield
    finally:
        rack.ask(host, "umount", "-n", "-l", place)


def test_a_healthy_pair_is_all_ok(rack: Rack, place: Path) -> None:
    hostfile = place / "hosts"
    hostfile.write_text("# a comment\n" + rack.hostfile.read_text())
    (place / "out" / "xnli").mkdir()
    (place / "out" / "xnli" / "test-de.tsv").touch()
    options = ["--hostfile", hostfile, "--out", place / "out" / "run", "--data-root", place / "out"]
    answer = rack.run("head", *PROGRAM, *options, "--json", cwd=place, timeout_s=200)

    told = json.loads(answer.stdout)
    pair = [each for each in told["findings"] if each["section"] == "Between 2 hosts"]
    assert [each["name"] for each in pair] == [
        "ssh", "versions", "clock", "run folder", "cache", "data root", "own name", "ports", "sum",
    ]  # fmt: skip
    assert bad(pair) == {}
    assert pair[6]["found"] == "node1 is 10.77.0.11, node2 is 10.77.0.12"
    assert "2 ranks add up, gloo" in pair[-1]["found"]
    assert told["ok"] + told["warn"] == len(told["findings"]) and told["fail"] == 0
    assert answer.returncode == 0
    assert [path.name for path in (place / "out").iterdir()] == ["xnli"]
    assert all(rack.processes(host, "[d]s_stilts") == [] for host in rack.hosts)


def test_a_cable_that_is_out_fails_in_a_sentence_and_in_time(rack: Rack, place: Path) -> None:
    rack.link("node2", "down")
    try:
        began = time.monotonic()
        answer = rack.run("head", *PROGRAM, "--hosts", "node1,node2", cwd=place, timeout_s=120)
        took_s = time.monotonic() - began
    finally:
        rack.link("node2", "up")

    _, _, pair = answer.stdout.partition("Between 2 hosts\n")
    failure, remedy = pair.splitlines()[:2]
    assert answer.returncode == 1
    assert failure.startswith("  fail  node2: ssh ")
    assert remedy.strip().startswith("→ see that node2 is switched on")
    assert pair.count("fail  ") == 1 and "run folder" in pair  # node1 is looked at all the same
    assert not any(line != line.rstrip() for line in answer.stdout.splitlines())
    assert took_s < 45


def test_hosts_that_cannot_reach_each_other_are_told_apart_from_hosts_that_are_away(rack: Rack, place: Path) -> None:
    rack.ask("node1", "ip", "route", "add", "blackhole", "10.77.0.12/32")
    try:
        began = time.monotonic()
        findings = between(rack, place)
        took_s = time.monotonic() - began
    finally:
        rack.ask("node1", "ip", "route", "del", "blackhole", "10.77.0.12/32")

    problems = bad(findings)
    assert set(problems) == {(host, "ports") for host in rack.hosts}
    assert "sum" not in {each["name"] for each in findings}  # it would say less
    assert "cannot reach node1 at 10.77.0.11, port " in problems["node2", "ports"]["found"]
    assert "no answer within 5 s" in problems["node2", "ports"]["found"]
    assert "firewall" in problems["node1", "ports"]["remedy"]
    assert took_s < 45


def test_a_host_whose_own_name_is_loopback_is_named_with_the_line_to_change(rack: Rack, place: Path) -> None:
    names = (rack.folder / "hosts").read_text()
    for number, host in enumerate(rack.hosts, 11):
        (place / host).write_text(names.replace(f"10.77.0.{number} ", "127.0.1.1 "))
    with mounted(rack, "node2", Path("/etc/hosts"), "--bind", place / "node2"):
        one = bad(between(rack, place))
        with mounted(rack, "node1", Path("/etc/hosts"), "--bind", place / "node1"):
            began = time.monotonic()
            both = bad(between(rack, place))
            took_s = time.monotonic() - began
            (place / ".deepspeed_env").open("a").write("GLOO_SOCKET_IFNAME=eth0\n")
            handed_on = bad(between(rack, place))

    assert one["node2", "own name"]["found"].startswith("node2 is 127.0.1.1 there: gloo would listen where no")
    assert "`10.77.0.12 node2`" in one["node2", "own name"]["remedy"]
    assert [each["verdict"] for each in one.values()] == ["warn"]  # node1 has the smaller address, and is called
    assert {("node1", "own name"), ("node2", "own name")} <= set(both)
    called = [each["found"] for (_, check), each in both.items() if check == "sum"]  # who calls is a matter of ports
    assert "Connection refused, remote=[127.0.1.1]" in "".join(called)
    assert {each["verdict"] for each in both.values()} == {"fail"}
    assert took_s < 45
    assert handed_on == {}


def test_a_folder_of_a_hosts_own_fails_with_what_it_lies_on(rack: Rack, place: Path) -> None:
    with mounted(rack, "node2", place / "out", "-t", "tmpfs", "private"):
        problems = bad(between(rack, place, "node2"))

    found = problems["node2", "run folder"]["found"]
    assert "is not the same folder: on " in found and found.endswith("on tmpfs private there")
    assert "--out" in problems["node2", "run folder"]["remedy"]
    assert list(problems) == [("node2", "run folder")]


def test_a_data_root_that_differs_and_a_folder_that_cannot_be_written_to_fail(rack: Rack, place: Path) -> None:
    (place / "out" / "xnli").mkdir()
    with mounted(rack, "node1", place / "out", "--bind", "-o", "ro", place / "out"):
        with mounted(rack, "node2", place / "out", "-t", "tmpfs", "private"):
            problems = bad(between(rack, place))

    assert "cannot be written to (Read-only file system)" in problems["node1", "run folder"]["found"]
    assert "0 entries" in problems["node2", "data root"]["found"]
    assert set(problems) == {("node1", "run folder"), ("node2", "run folder"), ("node2", "data root")}


def test_a_cache_that_the_launcher_does_not_hand_on_is_a_warning(rack: Rack, place: Path) -> None:
    (place / ".deepspeed_env").unlink()
    problems = bad(between(rack, place, "node2"))

    assert list(problems) == [("node2", "cache")]
    assert problems["node2", "cache"]["verdict"] == "warn"
    assert ".deepspeed_env" in problems["node2", "cache"]["remedy"]


def test_a_clock_that_is_two_minutes_ahead_is_measured(rack: Rack, place: Path) -> None:
    (place / "clock").mkdir()
    (place / "clock" / "sitecustomize.py").write_text(
        "import socket, time\nreal = time.time\n"
        "if socket.gethostname() == 'node2':\n    time.time = lambda: real() + 120\n"
    )
    problems = bad(between(rack, place, "node2", PYTHONPATH=f"{place / 'clock'}:{ROOT}"))

    assert problems["node2", "clock"]["found"].startswith("120.0 s ahead of this machine's (± 0.0")
    assert problems["node2", "clock"]["verdict"] == "fail"
    assert list(problems) == [("node2", "clock")]


def test_another_version_and_other_code_on_a_host_are_named(rack: Rack, place: Path) -> None:
    from importlib.metadata import distribution, version

    metadata = Path(str(distribution("rich").locate_file(f"rich-{version('rich')}.dist-info"))).resolve() / "METADATA"
    older = place / "METADATA"
    older.write_text(metadata.read_text().replace(f"\nVersion: {version('rich')}\n", "\nVersion: 9.9.9\n"))
    ours, changed = ROOT / "ds_stilts" / "run_record.py", place / "changed.py"
    changed.write_text(ours.read_text() + "# another line\n")
    with mounted(rack, "node2", metadata, "--bind", older), mounted(rack, "node2", ours, "--bind", changed):
        problems = bad(between(rack, place, "node2"))

    assert problems["node2", "packages"]["found"] == f"rich 9.9.9 (here {version('rich')})"
    assert problems["node2", "code"]["found"].startswith("the files of ds_stilts are others")
    assert set(problems) == {("node2", "packages"), ("node2", "code")}


def test_a_host_that_is_not_there_or_has_no_python_of_ours_leaves_the_others_checked(rack: Rack, place: Path) -> None:
    folder = Path(sys.executable).parent.resolve()
    with mounted(rack, "node2", folder, "-t", "tmpfs", "empty"):
        findings = between(rack, place, "node1", "node2", "nowhere")

    problems = bad(findings)
    assert set(problems) == {("node2", "ssh"), ("nowhere", "ssh")}
    assert problems["node2", "ssh"]["found"] == f"there is no {sys.executable} on node2"
    assert "resolve" in problems["nowhere", "ssh"]["found"]
    assert "/etc/hosts" in problems["nowhere", "ssh"]["remedy"]
    assert {each["name"] for each in findings} >= {"versions", "clock", "run folder"}


def test_a_host_that_goes_silent_in_the_middle_is_a_finding_and_not_a_hang(rack: Rack, place: Path) -> None:
    silent = """
import json, subprocess, sys
from ds_stilts.doctor import group
group._ANSWER_S = 2.0
hosts, _ = group.Group.join(["node1", "node2"])
with hosts:
    subprocess.run(["ssh", "node2", "pkill -STOP -f [d]s_stilts.doctor.agent"], check=True)
    facts = hosts.ask("versions", "facts")
    print(json.dumps([sorted(facts), [f.host + ": " + f.found for f in hosts.lost()], hosts.hosts]))
"""
    try:
        answer = rack.ask("head", sys.executable, "-c", silent, cwd=place, timeout_s=60)
    finally:
        rack.run("node2", "pkill", "-KILL", "-f", "doctor.agent")

    assert json.loads(answer) == [["node1"], ["node2: no answer within 2 s"], ["node1"]]


def test_folders_with_blanks_and_signs_of_the_shell_stay_what_they_are(rack: Rack, place: Path) -> None:
    odd = place / "a b'c\"$(touch pwned);`touch pwned`"
    (odd / "out").mkdir(parents=True)
    shutil.copy(place / ".deepspeed_env", odd)

    assert bad(between(rack, odd, "node2")) == {}
    assert not list(place.rglob("pwned"))
