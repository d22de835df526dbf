"""Read a run folder into plain values: scores, recipe, provenance.

Invariants: nothing is computed or rounded here, and the folder is never written to. A run may be unfinished: only the
scores of at least one target must exist. Training curves are read by `curves`; differences and means live in `summary`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from ds_stilts.errors import DataError
from ds_stilts.report.curves import Curve, read_curve
from ds_stilts.report.repeats import Repeats, read_repeats

Finite = Annotated[float, Field(allow_inf_nan=False)]
Percent = Finite
"""A metric value in percent; refused when it is not a finite number."""
Interval = tuple[Percent, Percent]
"""Low and high end, in percent or points, with 95 % confidence (see `ds_stilts.evaluation.confidence`)."""


@dataclass(frozen=True, kw_only=True)
class TrainFacts:
    """What a target was fine-tuned on."""

    split: str
    languages: tuple[str, ...]
    examples: int
    steps: int


@dataclass(frozen=True, kw_only=True)
class LanguageScores:
    """One language of one target, as scored for one arm."""

    metrics: dict[str, Percent]
    examples: int
    zero_shot: bool
    """False: labelled examples of this language were seen in training."""
    checksum: str = ""
    """Of the official file that was scored; two arms are compared only where it agrees."""
    split: str | None = None
    """Where it is another than the target's, whose file this language does not have."""
    majority: dict[str, Percent] = field(default_factory=dict)
    """The same metrics for a trivial guesser (majority class, most frequent tag); empty where none is known."""
    interval: Interval | None = None
    """Of the mean of the value metrics; None in scores of older versions, and where rows say nothing."""
    ece: Percent | None = None
    """Expected calibration error; None where the model gives no probabilities."""
    alignment: Finite | None = None
    """Of gold pairs, and uniformity of all texts, where texts are searched (see `ds_stilts.evaluation.geometry`)."""
    uniformity: Finite | None = None


@dataclass(frozen=True, kw_only=True)
class WorldFacts:
    """The machine shape that a target ran on; no score depends on it."""

    processes: int
    zero_stage: int
    dtype: str


@dataclass(frozen=True, kw_only=True)
class LayerScores:
    """One hidden state of a sweep."""

    score: Percent
    tuning_f1: Percent | None = None
    """Of the half of the sentences that is not scored, where states are chosen by it."""


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """What every hidden state would have scored, and how the one that counts was chosen."""

    layer: int
    chosen_on: str | None
    """None: it is the recipe's."""
    layers: dict[int, LayerScores]
    oracle: int


@dataclass(frozen=True, kw_only=True)
class Scores:
    """One `scores.json`: one target, one arm, every language."""

    task: str
    title: str
    arm: str
    format: str
    split: str
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    value_metrics: Annotated[tuple[str, ...], Field(min_length=1)]
    """Metrics whose mean is the score."""
    languages: Annotated[dict[str, LanguageScores], Field(min_length=1)]
    averages: dict[str, Percent]
    score: Percent
    interval: Interval | None = None
    score_split_is_official: bool = True
    train: TrainFacts | None = None
    """None where nothing is trained (retrieval)."""
    overlap: Literal["none", "identical", "superset"] = "none"
    """Whether the arm's intermediate tasks contain the target's own training data."""
    overlap_with: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    layer: int | None = None
    pooling: str | None = None
    special_tokens: bool | None = None
    """Whether they are pooled over."""
    preset: str | None = None
    sweep: Sweep | None = None
    use: str = ""
    """"heads" or "text": what answers."""
    attention: str = ""
    checkpoint: str = ""
    seed: int | None = None
    world: WorldFacts | None = None

    def split_of(self, code: str) -> str:
        """The split that a language was scored on."""
        return self.languages[code].split or self.split


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that a report is made from."""

    dir: Path
    name: str
    description: str
    arms: tuple[str, ...]
    """In the recipe's order; the first is the baseline."""
    arm_phases: Mapping[str, tuple[tuple[str, ...], ...]]
    """The tasks of each intermediate phase, in order, of each arm that trains any."""
    arm_merges: Mapping[str, tuple[str, ...]]
    """By arm that was merged from others, those."""
    targets: tuple[str, ...]
    """In the recipe's order, scored or not."""
    scores: Mapping[tuple[str, str], Scores]
    """By (arm, target)."""
    curves: tuple[Curve, ...]
    pretrain: Mapping[str, Any]
    """`start/pretrain.json`; empty where phase 1 loaded a public checkpoint."""
    repeats: Repeats | None
    """Scored examples that are in training data; None: nobody has looked."""
    info: Mapping[str, Any]
    """`run.json`; any key may be missing while the run is unfinished."""
    recipe_text: str
    recipe: Mapping[str, Any]
    """`recipe_text` as plain values; empty where there is none."""

    @property
    def baseline(self) -> str:
        return self.arms[0]


_scores_reader = TypeAdapter(Scores)


def read_run(run_dir: Path) -> Run:
    """Read a run folder.

    Raises:
        DataError: no such folder, no scores in it yet, or a file that is not what a run writes (names file and field).
    """
    if not run_dir.is_dir():
        raise DataError(f"{run_dir} is not a folder; give the folder of a run, the one that holds recipe.yaml.")
    paths = sorted(run_dir.glob("targets/*/*/scores.json"))
    if not paths:
        raise DataError(
            f"{run_dir} has no scores yet (no targets/<arm>/<target>/scores.json); a report needs at least one scored "
            f"target: continue the run with `ds-stilts run`, then ask again."
        )
    scores = {(item.arm, item.task): item for item in map(_read_scores, paths)}

    recipe_path = run_dir / "recipe.yaml"
    recipe_text = recipe_path.read_text(encoding="utf-8") if recipe_path.is_file() else ""
    recipe = _read_recipe(recipe_path, recipe_text)
    info = _read_mapping(run_dir / "run.json")
    planned = recipe.get("arms") or {}
    # Without a recipe, `none` is the only arm that can be told to be the baseline.
    arms = _in_order(planned, sorted({arm for arm, _ in scores}, key=lambda arm: (arm != "none", arm)))
    phases = {"start": "start", **{phase: f"arms/{phase}" for arm in arms for phase in _phases(arm, planned.get(arm))}}
    curves = [
        curve
        for name, folder in phases.items()
        if (curve := read_curve(run_dir / folder / "metrics.jsonl", phase=name))
    ]
    return Run(
        dir=run_dir,
        name=str(recipe.get("name") or info.get("name") or run_dir.resolve().name),
        description=str(recipe.get("description") or ""),
        arms=arms,
        arm_phases={
            arm: tuple(tuple(one.get("tasks") or ()) for one in phase.get("sequence") or [phase])
            for arm, phase in planned.items()
            if isinstance(phase, dict) and not phase.get("merge")
        },
        arm_merges={
            arm: tuple(phase["merge"].get("arms") or ())
            for arm, phase in planned.items()
            if isinstance(phase, dict) and isinstance(phase.get("merge"), dict)
        },
        targets=_in_order(recipe.get("targets") or {}, sorted({target for _, target in scores})),
        scores=scores,
        curves=tuple(curves),
        pretrain=_read_mapping(run_dir / "start" / "pretrain.json"),
        repeats=read_repeats(run_dir, str(info.get("fingerprint"))),
        info=info,
        recipe_text=recipe_text,
        recipe=recipe,
    )


def _phases(arm: str, phase: Any) -> list[str]:
    """ "<arm>" of a mixture, "<arm>/1", "<arm>/2", … of a sequence."""
    sequence = phase.get("sequence") if isinstance(phase, dict) else None
    return [f"{arm}/{place}" for place in range(1, len(sequence) + 1)] if sequence else [arm]


def _in_order(planned: Mapping[str, Any], found: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*planned, *found]))


def _read_scores(path: Path) -> Scores:
    try:
        scores = _scores_reader.validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        found = "" if first["type"] == "missing" else f", found {str(first['input'])[:60]!r}"
        raise DataError(
            f"{path}{f', field {where}' if where else ''}: {first['msg']}{found}; score the target again to rewrite it."
        ) from None
    arm, target = path.parts[-3:-1]
    if (scores.arm, scores.task) != (arm, target):
        raise DataError(
            f"{path} says arm '{scores.arm}' and task '{scores.task}', but lies in the folder of '{arm}' and "
            f"'{target}'; move it back where it was written."
        )
    for code, language in scores.languages.items():
        lacking = [name for name in scores.value_metrics if name not in language.metrics]
        if lacking:
            raise DataError(
                f"{path}, field languages.{code}.metrics: '{lacking[0]}' is missing, found "
                f"{', '.join(language.metrics) or 'no metric'}; score the target again to rewrite it."
            )
    return scores


def _read_recipe(path: Path, text: str) -> dict[str, Any]:
    """The recipe as plain YAML, not as a checked `Recipe`: reports of older versions must stay readable."""
    try:
        values = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise DataError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    groups = [values] if not isinstance(values, dict) else [values.get("arms") or {}, values.get("targets") or {}]
    if not all(isinstance(group, dict) for group in groups):
        raise DataError(
            f"{path} is not a recipe (`arms` and `targets` must be mappings); restore the one the run wrote."
        )
    return dict(values)


def _read_mapping(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise DataError(
            f"{path}, line {error.lineno}: not JSON ({error.msg}); remove it to report without it."
        ) from None
    if not isinstance(values, dict):
        raise DataError(
            f"{path}: expected a JSON object, found {type(values).__name__}; remove it to report without it."
        )
    return values
