"""Which losses raise the alarm."""

import json
import random
from pathlib import Path

import pytest

from ds_stilts.engine.spikes import SIGMAS, SpikeAlarm
from ds_stilts.engine.telemetry import Telemetry


def series(length: int, jumps: dict[int, float]) -> list[float]:
    """Noise of standard deviation 0.1 around a slowly falling loss, with jumps."""
    rng = random.Random(3)
    return [2.0 - 0.001 * k + rng.gauss(0, 0.1) + jumps.get(k, 0.0) for k in range(length)]


def flagged(losses: list[float]) -> list[int]:
    alarm = SpikeAlarm()
    return [k for k, loss in enumerate(losses) if alarm.look({"qa": loss}).get("qa", 0.0) > SIGMAS]


def test_only_jumps_are_flagged_and_each_where_it_is() -> None:
    assert flagged(series(600, {})) == []
    assert flagged(series(600, {200: 3.0, 450: 5.0})) == [200, 450]
    assert flagged(series(600, {200: -3.0})) == [], "a loss that falls is no alarm"


def test_sigmas_are_those_of_the_last_128_values() -> None:
    alarm = SpikeAlarm()
    for k in range(1000):
        alarm.look({"qa": 100.0 + k % 2 if k < 872 else 1.0 + k % 2})
    # 128 values, half 1 and half 2: mean 1.5, deviation 0.5.
    assert alarm.look({"qa": 6.5})["qa"] == pytest.approx(10.0)


def test_too_few_values_raise_no_alarm_and_each_task_has_its_own_series() -> None:
    alarm = SpikeAlarm()
    for k in range(15):
        assert alarm.look({"qa": 1.0 + 0.1 * (k % 2), "nli": 50.0 + k % 2}) == {}
    assert alarm.look({"qa": 9.0}) == {}
    assert alarm.look({"qa": 1.0}).keys() == {"qa"}, "16 values are enough"
    assert alarm.look({"nli": 50.0}) == {}, "nli has 15"


def test_a_loss_that_is_not_finite_does_not_spoil_the_series() -> None:
    alarm = SpikeAlarm()
    for k in range(20):
        alarm.look({"qa": 1.0 + 0.1 * (k % 2)})
    assert alarm.look({"qa": float("nan")}) == {} and alarm.look({"qa": float("inf")}) == {}
    assert abs(alarm.look({"qa": 1.05})["qa"]) < 1


def log(folder: Path, losses: list[float], first: int, last: int) -> None:
    telemetry = Telemetry(folder, label="arms/qa", num_steps=len(losses), first_step=first, enabled=True)
    for step in range(first + 1, last + 1):
        values = {
            "loss": 1.0,
            "lr": 1e-4,
            "grad_norm": 2.0,
            "losses": {"qa": losses[step - 1]},
            "grad_norms": {},
            "items": {},
            "data_wait_s": 0.0,
        }
        telemetry.step(step, tokens=64, values=values)
    telemetry.close()


def test_a_resumed_phase_flags_what_an_unbroken_one_flags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    losses = series(120, {60: 3.0, 90: 4.0})
    log(tmp_path / "whole", losses, 0, 120)
    log(tmp_path / "broken", losses, 0, 75)
    log(tmp_path / "broken", losses, 70, 120)
    capsys.readouterr()
    spikes = [
        {line["step"]: line["spikes"] for line in map(json.loads, path.read_text().splitlines()) if "spikes" in line}
        for path in (tmp_path / "whole/metrics.jsonl", tmp_path / "broken/metrics.jsonl")
    ]
    assert spikes[0] == spikes[1] and list(spikes[0]) == [61, 91]


def test_an_alarm_is_said_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log(tmp_path, series(60, {50: 3.0}), 0, 60)
    said = [line for line in capsys.readouterr().err.splitlines() if "jumped" in line]
    assert len(said) == 1 and said[0].startswith("arms/qa  step 51: the loss of qa jumped to")
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    drawn = {event.step: event.value for event in events.Scalars("loss_sigmas/qa")}
    assert [step for step, value in drawn.items() if value > SIGMAS] == [51]
