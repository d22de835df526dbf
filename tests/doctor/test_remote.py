"""What an ssh that ended means, and what reaches the shell on the other side."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from ds_stilts.doctor.agent import connect, listen
from ds_stilts.doctor.launcher_variables import check_variables, handed_on
from ds_stilts.doctor.remote import remote_python, why


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ssh: Could not resolve hostname node9: Name or service not known", "/etc/hosts"),
        ("me@node9: Permission denied (publickey,password).", "ssh-copy-id node9"),
        ("Host key verification failed.", "ssh node9 true"),
        ("ssh: connect to host node9 port 22: Connection refused", "start sshd on node9"),
        ("ssh: connect to host node9 port 22: Connection timed out", "switched on"),
        ("ssh: connect to host node9 port 22: No route to host", "switched on"),
        ("kex_exchange_identification: read: Connection reset by peer", "see what `ssh node9 true` says"),
    ],
)
def test_what_ssh_says_becomes_a_remedy(said: str, remedy: str) -> None:
    found = why("node9", 255, ["Warning: something else", said])
    assert found.found == said and remedy in found.remedy


def test_an_environment_that_is_not_there_is_told_from_a_host_that_is_not() -> None:
    assert "install the same ds_stilts" in why("n", 1, ["python: No module named ds_stilts"]).remedy
    assert str(Path.cwd()) in why("n", 96, []).found
    assert sys.executable in why("n", 97, []).found


def test_the_line_for_the_other_shell_survives_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / "a 'b' $(touch pwned)"
    odd.mkdir()
    monkeypatch.chdir(odd)
    monkeypatch.setenv("PYTHON_OF_MINE", "x; touch pwned '\"`touch pwned`")
    *_, dashes, host, line = remote_python("node1", "-c", "import os; print(os.getcwd(), os.environ['PYTHON_OF_MINE'])")
    assert (dashes, host) == ("--", "node1")
    ran = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, cwd="/", env={"PATH": os.environ["PATH"]}
    )
    assert ran.stdout == f"{odd} x; touch pwned '\"`touch pwned`\n", ran.stderr
    assert list(tmp_path.rglob("pwned")) == []
    assert shlex.split(line)[:3] == ["exec", "sh", "-c"]


def test_variables_are_handed_on_as_the_launcher_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("DS_ENV_FILE", raising=False)
    assert check_variables() is None
    (tmp_path / ".deepspeed_env").write_text("DS_STILTS_CACHE=/shared/cache\nGLOO_SOCKET_IFNAME=eth0\n")
    given = handed_on({"PYTHONPATH": "/x", "NCCL_DEBUG": "INFO", "SECRET": "s", "LANG": "C"})
    found = check_variables()
    assert given == {
        "PYTHONPATH": "/x", "NCCL_DEBUG": "INFO", "DS_STILTS_CACHE": "/shared/cache", "GLOO_SOCKET_IFNAME": "eth0",
    }  # fmt: skip
    assert found and found.verdict == "ok"


@pytest.mark.parametrize(
    ("text", "words"),
    [("A=1\n\nB=2\n", "line 2: '' is not NAME=VALUE"), ("# words\n", "line 1"), ("A=one two\n", "read by a shell")],
)
def test_a_line_that_breaks_the_launcher_is_named(
    text: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / ".deepspeed_env").write_text(text)
    found = check_variables()
    assert found and found.verdict == "fail" and words in found.found


def test_the_launcher_really_falls_over_a_blank_line(tmp_path: Path) -> None:
    """The reason for the check above; when this fails, DeepSpeed has learnt to read such a file."""
    (tmp_path / ".deepspeed_env").write_text("A=1\n\nB=2\n")
    code = (
        "import deepspeed.launcher.runner as runner; "
        "runner.main(['--hostfile', 'hosts', '--no_ssh_check', '--master_addr', '127.0.0.1', 'x.py'])"
    )
    (tmp_path / "hosts").write_text("a slots=1\nb slots=1\n")
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, timeout=120,
        env={**os.environ, "DS_ACCELERATOR": "cpu"},
    )  # fmt: skip
    assert "ValueError: not enough values to unpack" in ran.stderr


def test_ports_are_open_to_those_who_listen_and_shut_elsewhere() -> None:
    port = listen()
    assert connect([("127.0.0.1", port), ("127.0.0.1", 1)], 5.0) == ["", "Connection refused"]
    (unknown,) = connect([("no-such-name.invalid", 1)], 5.0)
    assert unknown
