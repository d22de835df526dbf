"""Where the numbers come from, as rows of text: run, machine, versions, stages, and what each score was made with.

Invariants: a fact that the run did not store is left out, never guessed; nothing here is computed from scores.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ds_stilts.report.collect import Run, Scores
from ds_stilts.report.curves import Curve
from ds_stilts.report.numbers import NOTHING, count, duration, points

Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """Text for the last part of the report."""

    facts: tuple[tuple[str, str], ...]
    """(label, value)"""
    stages: Rows
    """stage, state, wall time"""
    scores: Rows
    """One row an (arm, target), columns as `SCORE_COLUMNS`."""
    checksums: Rows
    """target, language, split, checksum, arms"""


SCORE_COLUMNS = (
    "Target",
    "Arm",
    "Checkpoint",
    "Trained on",
    "Layer / pooling",
    "Attention",
    "Seed",
    "World",
)


def provenance(run: Run) -> Provenance:
    """Collect the provenance of a run; `run.json` may lack any key while the run is unfinished."""
    in_order = [(arm, target) for target in run.targets for arm in run.arms if (arm, target) in run.scores]
    return Provenance(
        facts=tuple((label, value) for label, value in _facts(run) if value),
        stages=_stages(run.info),
        scores=tuple(_score_row(run.scores[key]) for key in in_order),
        checksums=_checksums(run, in_order),
    )


def _facts(run: Run) -> list[tuple[str, str]]:
    info = run.info
    command = info.get("command")
    return [
        ("Fingerprint", _text(info.get("fingerprint"))),
        ("Command", shlex.join(map(str, command)) if isinstance(command, list) else _text(command)),
        ("Started", _text(info.get("started"))),
        ("Finished", _text(info.get("finished"))),
        ("Wall time", duration(_number(info.get("wall_s"))).replace(NOTHING, "")),
        ("Machine", _joined(info.get("machine"))),
        ("Versions", _joined(info.get("versions"))),
        ("Phase 1", _pretraining(run.pretrain)),
        ("Scored examples in training", _repeats(run)),
        *((f"Arm “{arm}”", _arm(run, arm)) for arm in run.arms),
        *((f"Validation of “{curve.phase}”", _validation(curve)) for curve in run.curves),
    ]


def _repeats(run: Run) -> str:
    if run.repeats is None:
        return ""
    found = list(dict.fromkeys(target for target, _ in run.repeats))
    return f"found in {', '.join(found)}; see the notes of their languages" if found else "looked for, none found"


def _arm(run: Run, arm: str) -> str:
    if merged := run.arm_merges.get(arm):
        return f"merged from {' and '.join(merged)}, without training"
    if phases := run.arm_phases.get(arm):
        return f"intermediate tasks: {'; then '.join(', '.join(tasks) for tasks in phases)}"
    return "no intermediate tasks"


def _validation(curve: Curve) -> str:
    if not curve.validation:
        return ""
    step, value = max(curve.validation, key=lambda point: (point[1], -point[0]))
    last = curve.validation[-1][0]
    return f"best {points(value)} at step {step}; {count(len(curve.validation), 'validation')}, the last at step {last}"


def _pretraining(pretrain: Mapping[str, Any]) -> str:
    """What phase 1 did; of a loaded checkpoint it is not known here what text it had seen before."""
    tasks, loaded = pretrain.get("tasks"), _text(pretrain.get("model"))
    said = [f"loaded from {loaded}"] if loaded else []
    if pretrain.get("random_init"):
        said = [f"the shape of {loaded} with random weights"]
    if isinstance(tasks, list) and tasks:
        said.append(f"trained here on {', '.join(map(str, tasks))}")
    if pretrain.get("parallel_text"):
        said.append("parallel text was seen")
    elif said and not loaded:
        said.append("no parallel text was seen")
    return "; ".join(said)


def _stages(info: Mapping[str, Any]) -> Rows:
    stages = info.get("stages")
    return tuple(
        (
            _text(stage.get("stage")),
            "done" if stage.get("done") else "not finished",
            duration(_number(stage.get("wall_s"))),
        )
        for stage in (stages if isinstance(stages, list) else [])
        if isinstance(stage, dict)
    )


def _score_row(scores: Scores) -> tuple[str, ...]:
    train, world = scores.train, scores.world
    trained_on = "not trained"
    if train:
        languages = ", ".join(train.languages)
        trained_on = f"{train.split} ({languages}), {count(train.examples, 'example')}, {count(train.steps, 'step')}"
    layer = "" if scores.layer is None else f"layer {scores.layer}"
    if scores.sweep:
        layer += f", chosen on the {scores.sweep.chosen_on}" if scores.sweep.chosen_on else ", the recipe's"
    special = "without special tokens" if scores.special_tokens is False else ""
    preset = f"preset {scores.preset}" if scores.preset else ""
    return (
        scores.title,
        scores.arm,
        scores.checkpoint or NOTHING,
        trained_on,
        ", ".join(filter(None, (layer, scores.pooling, special, preset))) or NOTHING,
        scores.attention or NOTHING,
        NOTHING if scores.seed is None else str(scores.seed),
        f"{world.processes} × ZeRO-{world.zero_stage}, {world.dtype}" if world else NOTHING,
    )


def _checksums(run: Run, in_order: list[tuple[str, str]]) -> Rows:
    arms: dict[tuple[str, str, str, str], list[str]] = {}
    for key in in_order:
        scores = run.scores[key]
        for code, language in scores.languages.items():
            if language.checksum:
                arms.setdefault((scores.title, code, scores.split_of(code), language.checksum), []).append(scores.arm)
    return tuple((*row, ", ".join(names)) for row, names in arms.items())


def _joined(values: Any) -> str:
    if not isinstance(values, dict):
        return _text(values)
    return ", ".join(f"{key} {value}" for key, value in values.items() if value is not None)


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
