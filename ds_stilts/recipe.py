"""The typed description of a run: one YAML file, from start model to report. Reading the file: `ds_stilts.recipe_file`.

Precedence: defaults in this file < the recipe's `training:` section < the phase's own keys < `--set a.b=c`. The
resolved recipe is stored with the run, and its fingerprint guards every checkpoint. Unknown keys are errors with a
suggestion.
"""

import hashlib
import json
import re
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from ds_stilts.errors import suggestion
from ds_stilts.recipe_identity import deciding
from ds_stilts.recipe_merging import Merge, check_merges
from ds_stilts.recipe_mixing import EITHER, TaskUse, check_shares, one_batch
from ds_stilts.recipe_sections import (
    NOT_WITH_LORA,
    Architecture,
    Average,
    Data,
    Engine,
    Evaluation,
    Freeze,
    Lora,
    Oracle,
    OwnTask,
    Part,
    Section,
    Synthetic,
    Tokenizer,
)
from ds_stilts.recipe_validation import Probe, Unlabelled, Validation

__all__ = [
    "Architecture", "Arm", "Average", "Data", "Engine", "Evaluation", "Freeze", "Lora", "Merge", "Oracle", "OwnTask",
    "Part", "Probe", "Recipe", "Section", "Start", "Synthetic", "Target", "TaskUse", "Tokenizer", "Training",
    "Unlabelled", "Validation",
]  # fmt: skip


class Training(Section):
    """One training phase. Defaults are those of jiant's XTREME runs (nyu-mll/jiant, d_write_configs.sh) if any."""

    model_config = ConfigDict(allow_inf_nan=False)

    tasks: dict[str, TaskUse] = {}
    mixing: Literal["proportional", "uniform", "capped", "temperature", "annealed", "sequence", "adaptive"] = (
        "proportional"
    )
    """How often each task is drawn (see `ds_stilts.data.sampling`); "sequence": one task after another, in the order of
    `tasks`, under one optimizer and schedule; "adaptive": by what each `validation` finds (see
    `ds_stilts.data.adaptive`)."""
    cap: int = Field(default=131072, ge=1)
    """K of mixing "capped": p_t ∝ min(n_t, K). 2^17 is quoted for Phang et al. 2020 from memory; unverified."""
    temperature: float = Field(default=2.0, gt=0)
    """T of mixing "temperature": p_t ∝ n_t^(1/T)."""
    anneal: float = Field(default=0.8, ge=0, le=1)
    """Of mixing "annealed": p_t ∝ n_t^(1 - anneal · t), t the share of the phase that is done. 0.8 is quoted for
    Stickland & Murray 2019 from memory; unverified."""
    one_task_steps: bool = False
    """Draw one task for each step instead of one for each item, as jiant does; the shares stay what they are, with
    `batch_tokens` those of the steps."""
    steps: int | None = Field(default=None, ge=1)
    """Optimizer steps; exactly one of `steps` and `epochs`."""
    epochs: float | None = Field(default=None, gt=0)
    """Passes over the (capped) total of all tasks' items, or of their tokens with `batch_tokens`."""
    batch_examples: int | None = Field(default=32, ge=1)
    """Items in one optimizer step, over all ranks; exactly one of this and `batch_tokens`."""
    batch_tokens: int | None = Field(default=None, ge=8)
    """Tokens in one optimizer step, over all ranks, up to an item more or less (see `ds_stilts.data.mixture`)."""
    micro_batch_tokens: int = Field(default=4096, ge=8)
    """Token budget of one micro-batch on one rank; accumulation is derived from it."""
    optimizer: Literal["adamw", "adafactor", "lamb"] = "adamw"
    """The last two need every parameter whole, which ZeRO leaves only at stage 0 (see `ds_stilts.engine.optimizer`)."""
    lr: float = Field(default=1e-5, gt=0)
    layer_lr_decay: float = Field(default=1.0, gt=0, le=1)
    """Each layer learns at so much of the rate of what lies on top of it: heads at `lr`, the last layer at this share
    of it, the one below at this share of that, the embeddings slowest (see `ds_stilts.engine.optimizer`)."""
    freeze: Freeze | None = None
    """None: everything is trained."""
    lora: Lora | None = None
    """None: what is trained is the model itself."""
    schedule: Literal["linear", "constant", "cosine", "inverse_sqrt"] = "linear"
    """What the learning rate does after the warm-up (see `ds_stilts.engine.schedules`)."""
    warmup: float = Field(default=0.1, ge=0)
    """How long the learning rate rises from 0: below 1 a share of the steps, a whole number from 1 on so many steps."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Not applied to biases and LayerNorm weights."""
    adam_betas: tuple[Annotated[float, Field(ge=0, lt=1)], Annotated[float, Field(ge=0, lt=1)]] = (0.9, 0.999)
    adam_eps: float = Field(default=1e-8, gt=0)
    clip: float = Field(default=1.0, gt=0)
    """Gradient norm clipping, global."""
    activation_checkpointing: bool = False
    """Keep only each layer's input and compute the layer again in the backward pass: less memory, a third more time,
    the same numbers."""
    compile: Literal["layers"] | None = None
    """Let torch.compile fuse each layer (ZeRO stages 0 to 2): the same numbers but for rounding."""
    max_tokens: int | None = Field(default=None, ge=8)
    """Longest input; None: each task's own."""
    masking: float = Field(default=0.15, gt=0, lt=1)
    """Share of tokens predicted by masked LM (Devlin et al. 2019: 15 %, of which 80/10/10)."""
    checkpoint_every: int = Field(default=500, ge=1)
    """Steps between engine checkpoints."""
    keep_checkpoints: int = Field(default=2, ge=1)
    """Newest engine checkpoints to keep until the phase is done; the best by a metric is kept besides."""
    log_every: int = Field(default=10, ge=1)
    gradient_cosines: list[Annotated[int, Field(ge=1)]] = []
    """Layers of the encoder, 1 the lowest, for which it is logged how far the tasks' gradients agree (see
    `ds_stilts.engine.agreement`). With several tasks; by arithmetic 0.5 % of a step for each, at a width of 768."""
    average: Average | None = None
    """None: the phase ends with the weights of its last step, or of its best with `validation.patience`."""
    validation: Validation | None = None
    """Not taken over from the `training:` section by start.pretrain: running text has no score."""

    @model_validator(mode="before")
    @classmethod
    def one_batch(cls, values: Any) -> Any:
        return one_batch(values)


class Arm(Training):
    """An intermediate phase: one mixture of tasks, several phases one after another, or other arms merged."""

    sequence: list[Training] = []
    """Phases that each begin with the model of the one before, counted from 1. Each trains its own tasks' heads only;
    the other heads stay as they are, and a head that comes again goes on from where it was. Keys that stand beside
    `sequence` are taken over by every phase that does not have its own."""
    merge: Merge | None = None
    """In place of training: what arms that stand above have learned, summed. Nothing may stand beside it."""

    @property
    def phases(self) -> list[Training]:
        """What is trained."""
        return [] if self.merge else list(self.sequence) or [self]

    @model_validator(mode="before")
    @classmethod
    def merges_or_trains(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("merge"):
            beside = [key for key in values if key in cls.model_fields and key != "merge"]
        else:
            beside = []
        if beside:
            raise ValueError(f"with `merge` nothing is trained, and `{beside[0]}` would be ignored; remove it")
        return values

    @model_serializer(mode="wrap")
    def one_form(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        form = "merge" if self.merge else "sequence" if self.sequence else None
        return {k: v for k, v in values.items() if (k == form if form else k not in ("merge", "sequence"))}


class Target(Training):
    """One target: fine-tuned on its English training split, scored in every language that lies there."""

    score_split: str | list[str] | None = None
    """None: the split that the benchmark reports. A list: for each language the first that lies there."""
    score_languages: list[str] | None = None
    """None: every language of the task whose files are there."""
    max_score_examples: int | None = Field(default=None, ge=1)
    train_languages: list[str] | None = None
    """None: English, or the first language that has a training split."""
    max_train_examples: int | None = Field(default=None, ge=1)
    heads: Literal["fresh", "reuse"] = "fresh"
    """"fresh" as Phang et al. 2020; "reuse" begins with the head that an intermediate phase has trained, where the arm
    has one of the same kind and labels."""
    reuse_head: str | None = None
    """Intermediate task whose head is reused; None: the only one that fits."""


class Start(Section):
    """Phase 1: a checkpoint to load, or one to make."""

    model: str | None = None
    """A folder in Hugging Face layout, or a hub id."""
    revision: str | None = None
    seed: int | None = Field(default=None, ge=0)
    """Of what is made or drawn here, so that runs of several seeds can begin with one model. None: the recipe's."""
    random_init: bool = False
    """Draw all weights instead of loading them: of `model` only config.json and the tokenizer are read. For trying
    full-size shapes where no weights are; the scores mean nothing."""
    tokenizer: Tokenizer | None = None
    architecture: Architecture | None = None
    oracle: Oracle | None = None
    pretrain: Training | None = None
    use: Literal["heads", "text"] | None = None
    """How the model learns and answers: by a head on the encoder's states, or by writing text, which mT5 can. None:
    mT5 writes text, all others have heads."""
    note: str = ""
    """What readers of the scores must know about a loaded checkpoint, e.g. that it saw parallel text."""

    @model_validator(mode="after")
    def one_way(self) -> "Start":
        if (self.model is None) == (self.architecture is None):
            raise ValueError("give either `model` (a checkpoint to load) or `architecture` (one to make), not both")
        if self.model is not None and (self.tokenizer or self.oracle):
            raise ValueError("`tokenizer` and `oracle` belong to a model made from `architecture`; remove them")
        if self.seed is not None and not (self.architecture or self.random_init or self.pretrain):
            raise ValueError("seed: a checkpoint that is loaded as it is draws nothing; remove `seed`")
        if self.architecture and self.random_init:
            raise ValueError("a model made from `architecture` has random weights already; remove `random_init`")
        if self.architecture and not self.tokenizer and not self.oracle:
            raise ValueError("a model made from `architecture` needs `tokenizer` (or `oracle`, for made-up languages)")
        return self


class Recipe(Section):
    """A whole run."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    seed: int = Field(default=1, ge=0)
    target_seed: int | None = Field(default=None, ge=0)
    """Of heads, order and dropout of the targets, so that several can be trained from one intermediate model. None:
    `seed`."""
    data: Data = Data()
    start: Start
    training: dict[str, Any] = {}
    """Keys that every phase takes over unless it has its own."""
    arms: dict[str, Arm | None]
    """Intermediate phases by name. `none: null` is the baseline without one; the first arm is compared against."""
    targets: dict[str, Target]
    tasks: dict[str, OwnTask] = {}
    """The user's own tasks by name; arms and targets name them like any other."""
    parts: dict[str, Part] = {}
    """Parts of tasks by name, e.g. the pairs of one genre; arms and targets name them like any other task."""
    engine: Engine = Engine()
    evaluation: Evaluation = Evaluation()

    @model_validator(mode="before")
    @classmethod
    def spread_training(cls, values: Any) -> Any:
        if not isinstance(values, dict) or not isinstance(values.get("training", {}), dict):
            return values
        common = values.get("training", {})
        unknown = [key for key in common if key not in Training.model_fields]
        if unknown:
            raise ValueError(
                f"training.{unknown[0]}: unknown key{suggestion(str(unknown[0]), list(Training.model_fields))}"
            )

        def spread(phase: Any, common: dict[str, Any] = common) -> Any:
            if not isinstance(phase, dict) or phase.get("merge"):
                return phase
            inherited = {
                k: v for k, v in common.items() if not any(k in either and either & phase.keys() for either in EITHER)
            }
            if isinstance(phase.get("sequence"), list) and phase["sequence"]:
                beside = {k: v for k, v in phase.items() if k in Training.model_fields and k != "tasks"}
                rest = {k: v for k, v in phase.items() if k not in beside}
                return {**rest, "sequence": [spread(one, spread(beside)) for one in phase["sequence"]]}
            return {**inherited, **phase}

        values = dict(values)
        for group in ("arms", "targets"):
            if isinstance(values.get(group), dict):
                values[group] = {
                    name: spread({} if phase is None and group == "targets" else phase)
                    for name, phase in values[group].items()
                }
        start = values.get("start")
        if isinstance(start, dict) and isinstance(start.get("pretrain"), dict):
            text = {key: value for key, value in common.items() if key != "validation"}
            values["start"] = {**start, "pretrain": spread(start["pretrain"], text)}
        return values

    @model_validator(mode="after")
    def sensible(self) -> "Recipe":
        if not self.arms:
            raise ValueError("arms: give at least one, e.g. `none: null` for the baseline without intermediate task")
        merges = {name: arm.merge if arm else None for name, arm in self.arms.items()}
        check_merges(merges, {name for name, arm in self.arms.items() if arm is None})
        for name, arm in self.arms.items():
            if arm is not None and arm.sequence and arm.tasks:
                raise ValueError(f"arms.{name}: give `tasks` or `sequence`, not both; each phase has tasks of its own")
        if self.start.architecture and (first := self.start.pretrain):
            for key in ("freeze", "lora"):
                if getattr(first, key):
                    raise ValueError(
                        f"start.pretrain.{key}: a model made from `architecture` has learned nothing that could be "
                        f"kept; write `{key}: null` here"
                    )
        for where, phase in self.trained().items():
            if not phase.tasks and not where.startswith("targets."):
                raise ValueError(f"{where}.tasks: name at least one task")
            if phase.steps is not None and phase.epochs is not None:
                raise ValueError(f"{where}: give `steps` or `epochs`, not both")
            if phase.warmup >= 1 and phase.warmup != int(phase.warmup):
                raise ValueError(
                    f"{where}.warmup: {phase.warmup} is neither a share below 1 nor a whole number of steps"
                )
            if phase.steps is not None and phase.warmup >= max(1, phase.steps):
                raise ValueError(f"{where}.warmup: {phase.warmup:.0f} steps would fill all {phase.steps}; give fewer")
            if phase.compile and phase.activation_checkpointing:
                raise ValueError(
                    f"{where}.compile: torch.compile leaves a layer that is recomputed as it is; give `compile` or "
                    "`activation_checkpointing`, not both"
                )
            if phase.compile and phase.gradient_cosines:
                raise ValueError(
                    f"{where}.gradient_cosines: what passes within a compiled layer cannot be watched; remove one of "
                    "`compile` and `gradient_cosines`"
                )
            if phase.average and phase.validation and phase.validation.patience:
                raise ValueError(
                    f"{where}.average: with `validation.patience` the phase ends with the weights of its best step; "
                    "give one of the two"
                )
            for key, why in NOT_WITH_LORA.items():
                if phase.lora and getattr(phase, key):
                    raise ValueError(f"{where}.lora: {why}; remove `{key}`")
            if phase.average and phase.steps and (problem := phase.average.misfit(phase.steps)):
                raise ValueError(f"{where}.average: {problem}")
            if phase.optimizer == "adafactor":
                for key in ("adam_betas", "adam_eps"):
                    if getattr(phase, key) != Training.model_fields[key].default:
                        raise ValueError(f"{where}.{key}: adafactor has no such number and would ignore it; remove it")
            if where.startswith("targets.") and phase.tasks:
                raise ValueError(f"{where}.tasks: a target trains on its own training split; use `arms` for others")
            try:
                check_shares(phase.tasks, phase.mixing == "adaptive")
            except ValueError as error:
                raise ValueError(f"{where}.tasks: {error}") from None
        for key, names in (("tasks", self.tasks), ("parts", self.parts)):
            for name in names:
                if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                    raise ValueError(
                        f"{key}.{name}: name it with small letters, digits and '_', the first one a letter"
                    )
        if self.data.synthetic and self.data.source == "hub":
            raise ValueError("data.source: made-up languages are not on the hub; remove `source`, or `synthetic`")
        if self.start.oracle and not self.data.synthetic:
            raise ValueError("start.oracle needs `data.synthetic`: only made-up languages have known meanings")
        return self

    def seed_of(self, purpose: str) -> int:
        """The seed of one kind of stage: "start", "arms" or "targets"."""
        own = {"start": self.start.seed, "targets": self.target_seed}.get(purpose)
        return self.seed if own is None else own

    def phases_of(self, arm: str) -> list[Training]:
        """The phases that an arm's model has learned in: its own in their order, or those of all arms that it merges;
        none of a baseline."""
        phase = self.arms[arm]
        if phase is None:
            return []
        return [one for other in phase.merge.arms for one in self.phases_of(other)] if phase.merge else phase.phases

    def intermediate(self) -> dict[str, Training]:
        """Every intermediate phase that is trained, by the key where it stands."""
        return {
            f"arms.{arm}.sequence.{place}" if phase.sequence else f"arms.{arm}": one
            for arm, phase in self.arms.items()
            if phase is not None
            for place, one in enumerate(phase.phases, start=1)
        }

    def trained(self) -> dict[str, Training]:
        """Every phase of the run, by the key where it stands: phase 1, those of the arms, the targets."""
        start = {"start.pretrain": self.start.pretrain} if self.start.pretrain else {}
        return {**start, **self.intermediate(), **{f"targets.{name}": target for name, target in self.targets.items()}}

    def fingerprint(self) -> str:
        """Hash of `identity()`: two runs with the same fingerprint are the same experiment."""
        return hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:16]

    def identity(self) -> dict[str, Any]:
        """Everything that decides the numbers; not how many processes share the work and in which portions, where the
        data lies, and how often progress is saved or shown."""
        values = self.model_dump(mode="json", exclude={"description", "training", "engine", "evaluation"})
        del values["data"]["root"], values["data"]["source"]
        for task in values["tasks"].values():
            del task["files"], task["gold"]
        if not values["tasks"]:
            del values["tasks"]
        if not values["parts"]:
            del values["parts"]
        values["engine"] = self.engine.config
        values["layer"] = self.evaluation.layer
        if pooled := self.evaluation.pooled():  # older runs have none of it
            values["retrieval"] = pooled

        return dict(deciding(values))
