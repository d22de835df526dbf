"""The sections of a recipe that stand beside its phases: model to make, data, engine, evaluation, the user's own tasks.

The recipe itself and its phases are in `ds_stilts.recipe`, from which all of these can be imported.
"""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tokenizer(Section):
    """A unigram tokenizer trained on the pretraining text."""

    vocabulary: int = Field(default=16000, ge=64)
    sampling_exponent: float = Field(default=0.5, gt=0, le=1)
    """Languages enter training with n^exponent characters (Conneau et al. 2020 use 0.3 for XLM-R's data)."""
    max_characters: int = Field(2_000_000, ge=1000)
    """Text that the trainer reads. More costs time in proportion (scripts without spaces most of all) and hardly
    changes the pieces: 3.2 instead of 1.3 million characters made real text 0.7 % shorter in tokens."""


class Architecture(Section):
    """A model with random weights."""

    family: Literal["xlmr", "mt5"] = "xlmr"
    """XLM-R's architecture, or mT5's with as many layers in the decoder as in the encoder."""
    hidden_size: int = Field(default=256, ge=8)
    layers: int = Field(default=4, ge=1)
    heads: int = Field(default=4, ge=1)
    intermediate_size: int = Field(default=1024, ge=8)
    max_tokens: int = Field(default=512, ge=16)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    attention_dropout: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def one_dropout(self) -> "Architecture":
        if self.family == "mt5" and self.attention_dropout != type(self).model_fields["attention_dropout"].default:
            raise ValueError("mT5 has one dropout for all; give `dropout`, and remove `attention_dropout`")
        return self


class Oracle(Section):
    """Word vectors of made-up languages placed by meaning: the transfer knob of the offline default."""

    sigma: float = Field(default=0.3, ge=0)
    """Noise against the shared meaning vector: 0 = perfectly aligned languages."""
    scale: float = Field(default=0.4, gt=0)


class Synthetic(Section):
    """Made-up languages, written to the run folder in the official layouts before anything else happens."""

    preset: Literal["tiny", "small"] = "tiny"
    seed: int = 7
    translated: bool = False
    """Write the labelled training sets in every language, as translations of the source's, not in the source alone."""
    domains: float | None = Field(default=None, ge=0, le=1)
    """Write sets of two domains besides, and how far these lie apart: the share of their examples that speak of
    persons, places, things and deeds of their own (1: they have none in common). None: there are no domains."""


class Data(Section):
    root: str | None = None
    """Folder with the official files; `--data-root` overrides. Not used with `synthetic`."""
    source: Literal["files", "hub"] = "files"
    """"hub": what the root lacks is fetched into it from the Hugging Face hub. Default root: in the cache folder."""
    synthetic: Synthetic | None = None


class Average(Section):
    """The weights that a phase ends with: the mean of several of its last (see `ds_stilts.engine.averaging`). A
    validation looks at the weights of its own step, not at the mean."""

    last: int = Field(ge=2)
    """How many: those after the last step, and after the steps before it that lie `every` apart."""
    every: int = Field(ge=1)

    def steps(self, num_steps: int) -> list[int]:
        """The steps of a phase after which weights count, in order; the last one is `num_steps`."""
        return list(range(num_steps - (self.last - 1) * self.every, num_steps + 1, self.every))

    def misfit(self, num_steps: int) -> str | None:
        """What is wrong with it in a phase of so many steps; None: nothing."""
        if self.steps(num_steps)[0] >= 1:
            return None
        return (
            f"{self.last} weights that lie {self.every} steps apart need {(self.last - 1) * self.every + 1} steps, and "
            f"the phase has {num_steps}; give less of either"
        )


class Freeze(Section):
    """What a phase leaves as it is; heads, and mT5's decoder, are always trained (see `ds_stilts.models.freezing`)."""

    embeddings: bool = False
    """Of words and positions, with their LayerNorm; and so the output matrix of masked LM where it is tied to them."""
    layers: int = Field(default=0, ge=0)
    """The lowest so many layers of the encoder."""

    @model_validator(mode="after")
    def something(self) -> "Freeze":
        if not self.embeddings and not self.layers:
            raise ValueError("nothing is frozen by it; give `embeddings: true`, `layers: N`, or remove it")
        return self


NOT_WITH_LORA = {
    "freeze": "it leaves all of the model as it is already",
    "average": "the mean of two factors is not that of their products",
}
"""Keys that cannot stand beside `lora`, and why."""


class Lora(Section):
    """Train low-rank additions to linear layers, and heads, instead of the model (Hu et al. 2021, arXiv:2106.09685; see
    `ds_stilts.models.lora`). A phase ends with them added to the model's matrices."""

    rank: int = Field(default=8, ge=1)
    alpha: float = Field(default=8, gt=0)
    """The additions count alpha / rank times. Both defaults are peft's."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Of what the additions read."""
    modules: list[str] | None = Field(default=None, min_length=1)
    """Last parts of the names of the layers that get one, e.g. [query, key, value, dense]; None: the projections to
    queries and values, as in most of the paper's experiments."""


class Engine(Section):
    config: str = "zero2_fp32"
    """A file of `ds_configs/` by name, or a path to a DeepSpeed JSON."""
    processes: int = Field(default=2, ge=1)
    """Ranks that `ds-stilts run` starts on this machine; the deepspeed launcher's count wins when it starts us."""
    attention: Literal["auto", "grouped", "block_diagonal", "varlen", "flash", "eager"] = "auto"
    """How packed sequences attend (see `ds_stilts.models.attention`); "auto": what is fastest of all that work on this
    machine, in this precision and with the model's attention dropout."""
    hang_timeout_s: float = Field(default=600.0, ge=1)
    """Seconds without progress in training after which a run ends with every rank's stacks on disk. Starting, saving
    and scoring have half an hour, or this if it is longer."""


class Evaluation(Section):
    batch_tokens: int = Field(default=8192, ge=8)
    """Token budget of one forward batch on one rank; no score depends on it."""
    batch_examples: int | None = Field(default=None, ge=1)
    """Upper limit of examples in one forward batch; no score depends on it."""
    whole_model: bool = False
    """Under ZeRO-3: score with the whole model on every rank, which waits for no other in any layer, instead of the
    partitioned one. For models that fit (`ds-stilts plan` says so); no score depends on it."""
    layer: int | None = None
    """hidden_states index for retrieval (0 = embeddings); None: 14 of 24 layers, and the same share of others."""
    pooling: Literal["mean", "cls"] = "mean"
    """Of retrieval: the mean of a text's states, or that of its first token."""
    special_tokens: bool = True
    """Whether the mean is over the special tokens too."""
    preset: Literal["paper", "script"] | None = None
    """Layer and pooling that XTREME's retrieval tasks were published with (see `ds_stilts.evaluation.pooling`)."""
    sweep: Literal["all"] | list[int] | None = None
    """Further hidden states to search with, from the same forward pass. Where part of the gold is set apart for
    choosing (BUCC), the best one on that part counts; elsewhere they are only shown."""

    @model_validator(mode="after")
    def one_pooling(self) -> "Evaluation":
        if self.pooling == "cls" and not self.special_tokens:
            raise ValueError("special_tokens: cls pooling takes a special token's state; remove one of the two")
        for key in ("layer", "pooling", "special_tokens"):
            if self.preset and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"{key}: preset {self.preset} brings its own; remove `{key}`, or `preset`")
        if self.sweep == []:
            raise ValueError("sweep: it names no hidden state; give some, `all`, or remove it")
        return self

    def pooled(self) -> dict[str, Any]:
        """The retrieval settings that are not the default, but for `layer`."""
        own = {key: getattr(self, key) for key in ("pooling", "special_tokens", "preset", "sweep")}
        return {key: value for key, value in own.items() if value != type(self).model_fields[key].default}


def _in_one_order(where: dict[str, list[str]]) -> dict[str, list[str]]:
    """Values name a set: two ways of writing it are one recipe."""
    if not where:
        raise ValueError("it names no field; write e.g. {genre: [fiction]}, or remove it")
    return {field: sorted(set(where[field])) for field in sorted(where)}


Chosen = Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], AfterValidator(_in_one_order)]
"""Field of a file → values, one of which an example must have."""


class Part(Section):
    """Examples of a task as a task of their own (see `ds_stilts.tasks.part`)."""

    of: str
    """A task of the catalogue."""
    where: Chosen


def _as_text(given: Any) -> Any:
    """What YAML reads as a whole number is meant as a label of that name."""
    if isinstance(given, bool):
        raise ValueError("YAML reads yes, no, on, off, true and false as truth values; write them in quotes")
    if isinstance(given, list):
        return [_as_text(item) for item in given]
    if isinstance(given, dict):
        return {_as_text(key): _as_text(value) for key, value in given.items()}
    return str(given) if isinstance(given, int) else given


class OwnTask(Section):
    """A task made of the user's own files; what each format needs is said in `ds_stilts.tasks.custom`."""

    format: Literal["sentence_pair", "pair_regression", "multiple_choice", "tagging", "span_qa", "masked_lm"]
    files: dict[str, str] = Field(min_length=1)
    """Split → file, `{lang}` standing for the language code; relative to the recipe's own folder."""
    languages: list[str] = Field(default=["en"], min_length=1)
    columns: dict[str, str | list[str] | dict[str, str] | None] = {}
    """What the format calls a column → what the file does."""
    gold: dict[str, str] = {}
    """Split → file with its labels, one a line, where they lie apart."""
    labels: list[str] = []
    num_choices: int = Field(default=0, ge=0)
    score_range: tuple[float, float] | None = None
    no_answer: bool = False
    max_tokens: int | None = Field(default=None, ge=8)
    title: str = ""
    licence: str = "That of the user's own files"
    citation: str = "The user's own files"

    @field_validator("labels", mode="before")
    @classmethod
    def labels_as_text(cls, labels: Any) -> Any:
        return _as_text(labels) if isinstance(labels, list) else labels

    @field_validator("columns", mode="before")
    @classmethod
    def columns_as_text(cls, columns: Any) -> Any:
        return {role: _as_text(column) for role, column in columns.items()} if isinstance(columns, dict) else columns
