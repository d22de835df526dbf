"""The sections of a study file: arms, seeds, budget, contrasts, statistics, hardware. The file: `studies.study`."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from ds_stilts.recipe_sections import Section
from ds_stilts.studies.covariates import Covariate

Aggregate = Literal["mean", "worst_language", "sd_over_languages"]


class StudyArm(Section):
    """One arm: an intermediate phase as in a recipe's `arms`, and what else differs in it."""

    intermediate: dict[str, Any] | None = None
    """An arm of a recipe (`tasks`, `steps`, `sequence`, …); null: no intermediate phase."""
    role: Literal["treatment", "control", "baseline"] = "treatment"
    """"baseline": nothing but the start model and the targets; its budget is not compared."""
    start: dict[str, Any] = {}
    """Keys that stand in for those of the base recipe's `start`: another model, another alignment."""
    targets: dict[str, dict[str, Any]] = {}
    """By target, keys that stand in for the study's own: other training languages, more steps."""
    unmatched: str | None = None
    """Why this arm's budget is not held against the others'; null: it is."""
    note: str = ""

    @property
    def stands_apart(self) -> bool:
        """Whether it needs a recipe of its own: start model or targets differ from those of the other arms."""
        return bool(self.start or self.targets)

    @property
    def is_merged(self) -> bool:
        """Whether it sums what other arms have learned; its budget is then theirs."""
        return bool((self.intermediate or {}).get("merge"))

    @property
    def is_matched(self) -> bool:
        return self.role != "baseline" and self.unmatched is None


class Seeds(Section):
    """Two nested levels: a seed of what comes before the targets, and in each of these some of the targets."""

    intermediate: list[int] = Field(min_length=1)
    """All are run and all are reported. Arms of one seed have the same data order and heads, so they are paired."""
    targets_each: int = Field(default=1, ge=1, le=100)
    """Target seeds within each intermediate seed; no two intermediate seeds share one."""

    @field_validator("intermediate")
    @classmethod
    def once(cls, seeds: list[int]) -> list[int]:
        twice = [seed for seed in seeds if seeds.count(seed) > 1]
        if twice:
            raise ValueError(f"seed {twice[0]} stands there twice; a seed repeated is no new evidence")
        if min(seeds) < 0:
            raise ValueError(f"{min(seeds)} is no seed; give whole numbers from 0 on")
        return seeds


class Budget(Section):
    """What is held equal over arms."""

    match: Literal["tokens", "steps", "examples"] = "tokens"
    """"tokens": real tokens trained on, no padding."""
    over: Literal["intermediate", "all"] = "intermediate"
    """"all": with what the targets are trained on, the mean over targets; for arms that give their share there."""
    tolerance: float = Field(default=0.02, gt=0, lt=1)
    """Greatest difference between two arms, as a share of the smaller one."""


class AssumedItems(Section):
    """A training set's size that was not read from its source."""

    items: int = Field(gt=0)
    """Of each language that is trained on."""
    why: str = Field(min_length=1)
    """Where the number is from, and what would settle it."""


class Cells(Section):
    """Which scores of an arm are meant."""

    targets: list[str] | None = Field(default=None, min_length=1)
    """null: all of the study but perturbed copies ("xquad:noise")."""
    languages: list[str] | None = Field(default=None, min_length=1)
    """null: of each target, every scored language that it is not trained in."""


class Prediction(Section):
    """What is expected of a contrast, in points; exactly one kind."""

    sign: Literal["positive", "negative"] | None = None
    number: float | None = None
    """Expected value; `within` says how near counts."""
    within: float | None = Field(default=None, gt=0)
    equal_within: float | None = Field(default=None, gt=0)
    """No difference beyond this margin (equivalence, two one-sided tests)."""
    not_below: float | None = Field(default=None, le=0)
    """Not worse than by this much (non-inferiority)."""

    @model_validator(mode="after")
    def one_kind(self) -> "Prediction":
        kinds = ("sign", "number", "equal_within", "not_below")
        given = [key for key in kinds if getattr(self, key) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of {', '.join(kinds)}; found {', '.join(given) or 'none'}")
        if (self.within is None) != (self.number is None):
            raise ValueError("`number` and `within` go together: how near to the number counts as it")
        return self


class Rotation(Section):
    """One of several differences of which a contrast is the mean, over the languages that are left out of its arms."""

    arm: str
    against: str
    languages: list[str] | None = Field(default=None, min_length=1)
    """In place of `of.languages`: those that this rotation holds out; null: those of `of`."""

    @model_validator(mode="after")
    def two_arms(self) -> "Rotation":
        if self.against == self.arm:
            raise ValueError(f"against: '{self.against}' would be compared with itself")
        return self


class Contrast(Section):
    """Arm minus arm, in points of the primary metric, over seeds that are paired."""

    arm: str | None = None
    best_of: list[str] | None = Field(default=None, min_length=2)
    """In place of `arm`: for each target the best of these, chosen on other seeds than those it is measured on. The arm
    that it is held against may be among them."""
    rotations: list[Rotation] | None = Field(default=None, min_length=2)
    """In place of `arm` and `against`: the mean over these differences, each over languages of its own."""
    against: str = ""
    """"" with `rotations`, which name their own."""
    of: Cells = Cells()
    minus: Cells | None = None
    """The difference there is taken off: how much more the arm helps in `of` than here."""
    slope: Covariate | None = None
    """In place of a mean: by how much the difference changes with one unit of this fact of a language."""
    aggregate: Aggregate | None = None
    """Over languages; null: the study's."""
    predicted: Prediction | None = None
    """null: an estimate with its interval, and no verdict."""
    confirmatory: bool = False
    """Counts in the family that is corrected for multiplicity. Needs a prediction."""
    zero_shot: bool = True
    """false: arms may have been trained on labels in the languages that are compared."""
    note: str = ""

    @property
    def arms(self) -> list[str]:
        if self.rotations:
            return list(dict.fromkeys(name for one in self.rotations for name in (one.arm, one.against)))
        return [*(self.best_of or [str(self.arm)]), self.against]

    def differences(self) -> list["Contrast"]:
        """What it is the mean of: each rotation as a contrast of its own; without any, itself."""
        return [self] if self.rotations is None else [self._rotated(one) for one in self.rotations]

    def _rotated(self, rotation: Rotation) -> "Contrast":
        of = self.of if rotation.languages is None else self.of.model_copy(update={"languages": rotation.languages})
        own = {"rotations": None, "arm": rotation.arm, "against": rotation.against, "of": of}
        return self.model_copy(update=own)

    @model_validator(mode="after")
    def one_shape(self) -> "Contrast":
        if sum(one is not None for one in (self.arm, self.best_of, self.rotations)) != 1:
            raise ValueError("give `arm`, `best_of` or `rotations`, exactly one of them")
        if self.rotations and self.against:
            raise ValueError("against: each rotation names its own; remove it")
        if not self.rotations and not self.against:
            raise ValueError("against: give the arm that it is held against")
        twice = [
            one for place, one in enumerate(self.rotations or [], start=1) if one in (self.rotations or [])[place:]
        ]
        if twice:
            raise ValueError(
                f"rotations: {twice[0].arm} − {twice[0].against} stands there twice and would count double"
            )
        own = [one for one in self.rotations or [] if one.languages]
        if self.slope and own:
            raise ValueError(
                "slope: rotations over languages of their own would mix up language and rotation; give the languages "
                "that all leave out under `of`"
            )
        if own and self.of.languages:
            raise ValueError("of.languages: rotations name their own; remove it, or `languages` of the rotations")
        if self.slope and (self.minus or self.aggregate):
            raise ValueError(f"slope: it is taken over all languages; remove {'minus' if self.minus else 'aggregate'}")
        if self.confirmatory and self.predicted is None:
            raise ValueError("confirmatory: what would confirm it is not said; give `predicted`")
        if self.against == self.arm:
            raise ValueError(f"against: '{self.against}' would be compared with itself")
        return self


class Scaling(Section):
    """Gains of arms that differ in an amount, e.g. how many languages they learn from: a shape, and no verdict."""

    amount: str = Field(min_length=1)
    """What is counted, in words: "tasks that are not English"."""
    arms: dict[float, list[str]] = Field(min_length=3)
    """By amount, the arms that have so much; their mean counts."""
    against: str
    """The arm that gains are over."""
    of: dict[str, Cells] = Field(min_length=1, max_length=6)
    """By a name, the scores that one line is of. Languages are named, since they have to be the same for all arms."""
    zero_shot: bool = True
    """false: arms may have been trained on labels in the languages that are compared."""

    @property
    def named(self) -> list[tuple[float, str]]:
        """Every arm with its amount, from the least on."""
        return [(amount, arm) for amount in sorted(self.arms) for arm in self.arms[amount]]

    @model_validator(mode="after")
    def one_amount_each(self) -> "Scaling":
        names = [arm for _, arm in self.named]
        twice = [arm for arm in names if names.count(arm) > 1]
        if twice:
            raise ValueError(f"arms: '{twice[0]}' stands there twice")
        if self.against in names:
            raise ValueError(f"arms: '{self.against}' would be compared with itself; name another arm under `against`")
        for amount, arms in self.arms.items():
            if amount < 0 or not arms:
                raise ValueError(f"arms.{amount:g}: {'give an arm' if not arms else 'an amount is 0 or more'}")
        for name, cells in self.of.items():
            if cells.languages is None:
                raise ValueError(f"of.{name}.languages: name them, so that they are the same for all arms")
        return self


class Statistics(Section):
    """How contrasts are judged."""

    test: Literal["bootstrap", "sign", "sign_flip"] = "bootstrap"
    """Over paired seeds and items ("bootstrap"), or over paired seeds alone by an exact test."""
    alpha: float = Field(default=0.05, gt=0, lt=1)
    resamples: int = Field(default=10_000, ge=200)
    multiplicity: Literal["holm", "none"] = "holm"
    """Over the confirmatory contrasts; per-language tables always show false discovery rates."""
    seed_sd: float = Field(default=1.0, gt=0)
    """Standard deviation over seeds of one arm's difference, in points, that the power is computed with until there are
    runs to measure it on."""
    item_se: float = Field(default=0.5, ge=0)
    """Standard error of a difference from the test items alone, in points; as `seed_sd` an assumption."""
    language_sd: float | None = Field(default=None, ge=0)
    """Standard deviation over languages of a difference, in points, about its line over a fact and as it would be with
    endless seeds, test items included; an assumption that the power of slopes is computed with. null: none is
    announced."""
    family_sd: float = Field(default=0.0, ge=0)
    """The same of what is common to the languages of a family, on top."""
    cell_sd: float | None = Field(default=None, gt=0)
    """Standard deviation of what is left of the difference of one language, target and seed, once what each adds is
    taken off; goes with `language_sd`. Mostly larger than `seed_sd`, which is of a mean over many."""

    @model_validator(mode="after")
    def spread_of_slopes(self) -> "Statistics":
        if (self.language_sd is None) != (self.cell_sd is None):
            raise ValueError("`language_sd` and `cell_sd` go together: the power of a slope takes both")
        if self.family_sd and self.language_sd is None:
            raise ValueError("family_sd: it is for the power of slopes alone; give `language_sd` and `cell_sd` too")
        return self


class Keep(Section):
    """What stays on disk of stages that are done, beside rows, scores and records."""

    target_models: bool = True
    """false: a target's trained model goes once the target, and every stage of the study that reads the model, is done.
    Start models and those of arms stay."""


class Hardware(Section):
    """What the cost is computed for. The defaults are what one core reached with the quickstart's model; see
    docs/measurements.md."""

    device: str = "CPU core"
    tflops: float = Field(default=0.015, gt=0)
    """Of one device, in the engine's precision, dense."""
    utilisation: float = Field(default=1.0, gt=0, le=1)
    """Share of that which training reaches."""
    devices: int = Field(default=2, ge=1)
    """In all; a stage takes as many as the base's `engine.processes`."""
    stage_s: float = Field(default=3.0, ge=0)
    """Seconds of a stage beside its arithmetic: start, loading, saving, scoring's overhead."""
