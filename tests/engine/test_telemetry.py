"""metrics.jsonl holds each step once, whatever happened to the run."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.engine.choosing import Look, Rule
from ds_stilts.engine.telemetry import Telemetry, duration, say
from ds_stilts.engine.watch import Seen


def run(folder: Path, first: int, last: int, loss: float = 1.0) -> None:
    telemetry = Telemetry(folder, label="arms/qa", num_steps=10, first_step=first, enabled=True)
    for step in range(first + 1, last + 1):
        values = {"loss": loss, "lr": 1e-4, "grad_norm": 2.0, "losses": {"qa": loss}, "grad_norms": {"qa": 0.5}}
        values |= {"items": {"qa": 8}, "data_wait_s": 0.0}
        telemetry.step(step, tokens=640, values=values)
    telemetry.close()


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_line_has_what_a_plot_needs(tmp_path: Path) -> None:
    run(tmp_path, 0, 2)
    first, second = lines(tmp_path)
    assert {**first, "tokens_per_s": 0, "elapsed_s": 0} == {
        "step": 1, "loss": 1.0, "lr": 1e-4, "grad_norm": 2.0, "losses": {"qa": 1.0}, "grad_norms": {"qa": 0.5},
        "items": {"qa": 8}, "data_wait_s": 0.0, "tokens_per_s": 0, "elapsed_s": 0,
    }  # fmt: skip
    assert second["step"] == 2 and second["tokens_per_s"] > 0
    assert list((tmp_path / "tensorboard").iterdir())


def test_a_resumed_phase_drops_the_lines_after_its_checkpoint(tmp_path: Path) -> None:
    run(tmp_path, 0, 7, loss=1.0)
    run(tmp_path, 5, 10, loss=2.0)
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == [
        *((step, 1.0) for step in range(1, 6)),
        *((step, 2.0) for step in range(6, 11)),
    ]


def test_a_phase_that_starts_over_starts_its_file_over(tmp_path: Path) -> None:
    run(tmp_path, 0, 7)
    run(tmp_path, 0, 2)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2]


def test_a_line_that_was_cut_off_by_a_kill_does_not_stop_the_next_start(tmp_path: Path) -> None:
    run(tmp_path, 0, 3)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "lo')
    run(tmp_path, 3, 5)
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 3, 4, 5]


def test_other_ranks_write_nothing(tmp_path: Path) -> None:
    telemetry = Telemetry(tmp_path / "phase", label="x", num_steps=1, first_step=0, enabled=False)
    telemetry.step(1, tokens=1, values={})
    telemetry.close()
    assert not (tmp_path / "phase").exists()


def test_the_last_progress_line_of_a_phase_is_always_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path, 8, 10, loss=0.5)
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("arms/qa  step 10/10  loss 0.5000") and "trained in 0 s" in last


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600, "1 h 00 min"),
        (7620, "2 h 07 min"),
    ],
)
def test_durations_are_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_what_is_said_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    say("hello")
    say("world")
    assert capsys.readouterr() == ("", "hello\nworld\n")


def test_a_log_file_is_not_flooded_with_passing_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for step in range(100):
        say(f"step {step}", passing=True)
    say("done")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) <= 2 and lines[-1] == "done"


FULL = """
import resource, sys
from pathlib import Path
from tests.engine.test_telemetry import run
resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))  # no file may grow beyond, as if the disk were full
run(Path(sys.argv[1]), 0, 40)
print("went on")
"""


def test_a_full_disk_ends_the_records_with_one_sentence_and_not_the_run(tmp_path: Path) -> None:
    answer = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, timeout=100)
    assert answer.stdout == "went on\n", answer.stderr
    said = [line for line in answer.stderr.splitlines() if not line.startswith("arms/qa  step")]
    assert said == [f"{tmp_path}/metrics.jsonl cannot be written (File too large): from here on nothing is recorded"]
    assert 1 <= len(lines(tmp_path)) < 40


def validated(folder: Path, rule: Rule = "value") -> dict[str, Any]:
    """The record of a second look, at step 4, that was the best by value and not by entropy."""
    telemetry = Telemetry(folder, label="arms/qa", num_steps=10, first_step=0, enabled=True)
    shown, points = {"unlabelled": {"entropy": 0.5}}, {"unlabelled/entropy": 0.5}
    look = Look(values={"qa": 60.0, "nli": 40.0}, entropy=0.5, shown=shown, points=points, said=["entropy 0.500"])
    seen = Seen(value=50.0, best_step=4) if rule == "value" else Seen(value=45.0, merit=-0.4, best_step=2, worse=1)
    telemetry.validation(4, look, seen, rule=rule)
    telemetry.close()
    (line,) = lines(folder)
    assert line["step"] == 4
    found: dict[str, Any] = line["validation"]
    return found


def test_a_validation_has_its_values_the_best_so_far_and_what_it_saw_besides(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ds_stilts.engine.telemetry._PASSING_EVERY_S", 0.0)
    found = validated(tmp_path / "a")
    assert found == {
        "value": 50.0, "tasks": {"qa": 60.0, "nli": 40.0}, "best": 50.0, "best_step": 4, "worse": 0,
        "unlabelled": {"entropy": 0.5},
    }  # fmt: skip
    found = validated(tmp_path / "b", "entropy")
    assert (found["choose_by"], found["best"], found["best_step"], found["worse"]) == ("entropy", 45.0, 2, 1)
    said = capsys.readouterr().err
    assert "validation 50.00, the best so far; entropy 0.500" in said
    assert "validation 50.00, best by entropy 45.00 at step 2; entropy 0.500" in said


def test_a_look_that_is_made_again_by_the_next_start_has_one_line(tmp_path: Path) -> None:
    """As where a run is killed after an owed look was told, and before the checkpoint says that it is owed no more."""
    run(tmp_path, 0, 4)
    for _ in range(2):
        telemetry = Telemetry(tmp_path, label="arms/qa", num_steps=10, first_step=4, enabled=True)
        telemetry.validation(4, Look(values={"qa": 50.0}), Seen(value=50.0, best_step=4))
        telemetry.close()
    assert [(line["step"], "validation" in line) for line in lines(tmp_path)][-2:] == [(4, False), (4, True)]
