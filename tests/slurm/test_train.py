"""The batch script, run by bash as Slurm would, with stand-ins for the two programs that it calls."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "slurm" / "train.sbatch"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder for PATH: `ds-stilts` notes its arguments and ends as $BEHAVE says, `scontrol` notes its own."""
    programs = {
        "ds-stilts": 'echo "$@" > "$SITE/arguments"; trap "sleep 0.3; exit 85" USR2 TERM; touch "$SITE/started"\n'
        '[[ $BEHAVE == wait ]] && for i in {1..300}; do sleep 0.1; done; exit "$BEHAVE"',
        "scontrol": 'echo "$@" > "$SITE/scontrol.called"',
    }
    for name, body in programs.items():
        path = tmp_path / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)
    return tmp_path


def start(site: Path, behave: str, **variables: str) -> subprocess.Popen[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SLURM_")}
    environment |= {"PATH": f"{site}:{os.environ['PATH']}", "SITE": str(site), "BEHAVE": behave, "SLURM_JOB_ID": "7"}
    return subprocess.Popen(
        ["bash", str(SCRIPT)], env=environment | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def requeued(site: Path) -> bool:
    called = site / "scontrol.called"
    return called.exists() and called.read_text().split() == ["requeue", "7"]


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_an_early_warning_reaches_the_run_and_a_clean_stop_requeues_the_job(site: Path, number: int) -> None:
    job = start(site, "wait", RECIPE="quickstart")
    while not (site / "started").exists():
        time.sleep(0.02)
    job.send_signal(number)
    output, _ = job.communicate(timeout=30)

    assert job.returncode == 0, output
    assert requeued(site), output


@pytest.mark.parametrize("code", [0, 1, 2])
def test_any_other_end_keeps_its_exit_code_and_is_not_requeued(site: Path, code: int) -> None:
    job = start(site, str(code), RECIPE="quickstart")
    job.communicate(timeout=30)

    assert job.returncode == code
    assert not requeued(site)


def test_requeueing_ends_at_the_limit(site: Path) -> None:
    job = start(site, "85", RECIPE="quickstart", MAX_RESTARTS="2", SLURM_RESTART_COUNT="2")
    output, _ = job.communicate(timeout=30)

    assert job.returncode == 85
    assert not requeued(site)
    assert "MAX_RESTARTS" in output


def test_settings_become_options_word_by_word(site: Path) -> None:
    start(site, "0", RECIPE="a b.yaml", DATA_ROOT="/data/x y", OUT="/runs/z", SLURM_GPUS_ON_NODE="4").communicate(
        timeout=30
    )

    arguments = (site / "arguments").read_text().strip()
    assert arguments == "run a b.yaml --data-root /data/x y --out /runs/z --processes 4"


def test_a_missing_recipe_is_asked_for(site: Path) -> None:
    job = start(site, "0")
    output, _ = job.communicate(timeout=30)

    assert job.returncode != 0
    assert "name a recipe" in output
