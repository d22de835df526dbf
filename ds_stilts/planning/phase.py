"""One training phase on one machine: trained parameters, memory at each ZeRO stage, micro-batch, accumulation, steps.

Pure: gets shapes, sizes and settings as values. Gathering them for a recipe lives in `planning.recipe_plan`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ds_stilts.data.sampling import phase_length
from ds_stilts.data.steps import accumulation_for
from ds_stilts.formats import get_format
from ds_stilts.formats.text_to_text.span_corruption import MEAN_SPAN_TOKENS
from ds_stilts.planning.activations import TARGET_SHARE, Activations, activations
from ds_stilts.planning.adapters import factors
from ds_stilts.planning.data_sizes import TaskSize
from ds_stilts.planning.machine import FILL, Machine
from ds_stilts.planning.shapes import ModelShape, Weight
from ds_stilts.planning.states import Term, averaging, held, in_addition, model_states, peak
from ds_stilts.planning.zero import ZeroSetting
from ds_stilts.recipe import Freeze, Training
from ds_stilts.tasks.task import Task

_ROUND = 256
"""Token budgets are proposed in multiples of this."""
_LAYER = re.compile(r"(?:encoder|transformer)\.(?:layer|block)\.(\d+)\.")
_OF_WHAT_IS_READ = re.compile(r"\.EncDecAttention\.[kv]\.")
"""Matrices of a decoder that every token read passes."""


@dataclass(frozen=True, kw_only=True)
class PhaseNeeds:
    """A phase, ready to be weighed at any setting."""

    where: str
    training: Training
    shape: ModelShape
    weights: tuple[Weight, ...]
    """Trained parameters: the model's, and of its heads each once."""
    frozen: tuple[Weight, ...]
    """The model's other parameters."""
    sizes: Mapping[str, TaskSize]
    """By task."""
    rows_share: float
    """Rows that reach a vocabulary-sized layer, per token read."""
    target_share: float
    """Tokens written, per token read."""
    machine: Machine

    @property
    def step_tokens(self) -> float:
        """Tokens of a step; of so many items, the longest mean one in every place, so rather too many."""
        if self.training.batch_tokens is not None:
            return self.training.batch_tokens
        assert self.training.batch_examples is not None
        return self.training.batch_examples * max(size.item_tokens for size in self.sizes.values())

    @property
    def step_items(self) -> int:
        """Fewest items of a step."""
        if self.training.batch_tokens is not None:
            return max(self.machine.ranks, self.training.batch_tokens // self.longest)
        assert self.training.batch_examples is not None
        return self.training.batch_examples

    @property
    def longest(self) -> int:
        return max(size.longest for size in self.sizes.values())

    @property
    def rank_tokens(self) -> int:
        """Most tokens that one rank can have in a step."""
        if self.training.batch_tokens is not None:
            return -(-self.training.batch_tokens // self.machine.ranks) + 2 * self.longest
        return -(-self.step_items // self.machine.ranks) * self.longest

    @property
    def checkpointed(self) -> "PhaseNeeds":
        """The same phase with activation checkpointing."""
        return replace(self, training=self.training.model_copy(update={"activation_checkpointing": True}))

    def passed_by(self, weight: Weight) -> float:
        """Tokens that a weight of a block or head is multiplied with, per token read: fewer where text is written."""
        if self.shape.decoder_layers and weight.part == "heads":
            return self.rows_share
        if weight.name.startswith("decoder.") and not _OF_WHAT_IS_READ.search(weight.name):
            return self.target_share
        return 1.0

    def activations(self, setting: ZeroSetting, checkpointing: bool = False) -> Activations:
        """Activations in the setting's dtype."""
        return activations(
            self.shape,
            dtype_bytes=setting.dtype_bytes,
            mean_tokens=max(size.item_tokens for size in self.sizes.values()),
            rows_share=self.rows_share,
            target_share=self.target_share,
            checkpointing=checkpointing,
        )

    def accumulation(self, budget: int) -> int:
        """Micro-batches a step and rank, as the run will derive them."""
        return accumulation_for(self.step_tokens, self.step_items, self.machine.ranks, budget)

    def most_tokens(self, budget: int) -> int:
        """Tokens that a micro-batch can have: the budget and, over it, one item."""
        return min(budget + self.longest, self.rank_tokens)


@dataclass(frozen=True, kw_only=True)
class Weighed:
    """A phase at one setting and token budget, in bytes of one GPU."""

    setting: ZeroSetting
    terms: list[Term]
    activation_bytes: int
    checkpointed_bytes: int
    """Activations where blocks are computed again in the backward pass."""
    logit_bytes: int
    """Part of both."""
    checkpointing: bool
    """Which of the two the recipe asks for."""

    @property
    def total(self) -> int:
        """Held, and the larger of the backward pass with all activations and the optimizer step."""
        kept = self.checkpointed_bytes if self.checkpointing else self.activation_bytes
        backward = in_addition(self.terms, "backward") + kept
        return held(self.terms) + max(backward, in_addition(self.terms, "step"))

    @property
    def states_peak(self) -> int:
        return peak(self.terms)


def needs(
    where: str,
    training: Training,
    tasks: Sequence[Task],
    shape: ModelShape,
    sizes: Mapping[str, TaskSize],
    machine: Machine,
) -> PhaseNeeds:
    """What a phase trains: the model and one head for each task, or those that share one."""
    heads: dict[str, list[Weight]] = {}
    for task in tasks:
        form = get_format(task.format)
        if shape.decoder_layers or form.head == "masked_lm":
            heads["language"] = list(shape.language_head)
        elif task.head not in heads:
            heads[task.head] = _head(task.head, form.head, shape.hidden, form.num_outputs(task))
    masked = any(task.format == "masked_lm" for task in tasks)
    written = 0.0
    if shape.decoder_layers:  # span corruption replaces three tokens (its mean span) by one sentinel and writes both
        corrupted = training.masking * (1 + 1 / MEAN_SPAN_TOKENS) / (1 - training.masking * (1 - 1 / MEAN_SPAN_TOKENS))
        written = max(TARGET_SHARE, corrupted) if masked else TARGET_SHARE
    rows_share = written or (training.masking if masked else 0.0)
    own = [weight for name in sorted(heads) for weight in heads[name]]
    frozen = tuple(weight for weight in shape.weights if is_frozen(weight, training.freeze, shape.layers))
    if training.lora:
        frozen = (*shape.weights, *own) if shape.decoder_layers else shape.weights
        own = [*([] if shape.decoder_layers else own), *factors(shape, training.lora)]
    left = set(frozen)
    return PhaseNeeds(
        where=where,
        training=training,
        shape=shape,
        weights=(*(weight for weight in shape.weights if weight not in left), *own),
        frozen=frozen,
        sizes=sizes,
        rows_share=rows_share,
        target_share=written,
        machine=machine,
    )


def is_frozen(weight: Weight, freeze: Freeze | None, layers: int) -> bool:
    """Whether the run freezes a parameter; what `ds_stilts.models.freezing` does to modules, said by names.

    Args:
        layers: of the encoder.
    """
    if freeze is None or weight.part == "heads" or weight.name.startswith("decoder."):
        return False
    if weight.part == "embeddings":
        return freeze.embeddings
    layer = _LAYER.match(weight.name)
    return (int(layer[1]) + 1 if layer else layers) <= freeze.layers


def weigh(phase: PhaseNeeds, setting: ZeroSetting, budget: int) -> Weighed:
    """Memory of a phase with micro-batches of `budget` tokens."""
    tokens = phase.most_tokens(budget)
    kept = phase.activations(setting)
    terms = model_states(phase.weights, setting, phase.machine.ranks, phase.accumulation(budget), phase.frozen)
    return Weighed(
        setting=setting,
        terms=[*terms, averaging(terms)] if phase.training.average else terms,
        activation_bytes=kept.of(tokens),
        checkpointed_bytes=phase.activations(setting, checkpointing=True).of(tokens),
        logit_bytes=round(tokens * kept.logits_per_token),
        checkpointing=phase.training.activation_checkpointing,
    )


def largest_budget(phase: PhaseNeeds, setting: ZeroSetting) -> int | None:
    """The largest token budget with which the phase fills at most `FILL` of a GPU, no larger than one rank's share of a
    step; None: not even its longest item fits.

    Args:
        phase: with a machine whose GPU memory is known.
    """
    assert phase.machine.gpu_memory is not None
    limit = int(FILL * phase.machine.gpu_memory)
    enough = max(phase.longest, phase.rank_tokens)
    if weigh(phase, setting, enough).total <= limit:
        return enough
    low, high = 0, -(-enough // _ROUND)  # in multiples: `low` fits or is 0, `high` does not or is too many
    while high - low > 1:
        middle = (low + high) // 2
        if weigh(phase, setting, middle * _ROUND).total <= limit:
            low = middle
        else:
            high = middle
    return low * _ROUND if low * _ROUND >= phase.longest else None


def num_steps(training: Training, sizes: Mapping[str, TaskSize]) -> int | None:
    """Optimizer steps of a phase; None: they depend on items that are not known yet."""
    known = {name: size.items for name, size in sizes.items() if size.items is not None}
    if training.steps is None and len(known) < len(sizes):
        return None
    return phase_length(training, known, {name: size.item_tokens for name, size in sizes.items()})


def _head(name: str, kind: str, hidden: int, outputs: int) -> list[Weight]:
    """Shapes of the heads of `ds_stilts.models.heads`."""
    if kind in ("embedding", "masked_lm"):
        return []
    dense = [
        Weight(f"{name}.dense.weight", (hidden, hidden), "heads"),
        Weight(f"{name}.dense.bias", (hidden,), "heads"),
    ]
    last = [
        Weight(f"{name}.out_proj.weight", (outputs, hidden), "heads"),
        Weight(f"{name}.out_proj.bias", (outputs,), "heads"),
    ]
    return dense + last if kind in ("classification", "choice") else last
