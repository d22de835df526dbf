"""What each arm costs: planned from its recipe, and compared with the others. Pure; what was really used is a ledger's.

FLOPs follow the rule 6 · N · tokens (Kaplan et al. 2020, arXiv:2001.08361, section 2.1: two for the forward pass and
four for the backward pass), with N the parameters that a token is multiplied with: blocks and heads, and those that see
only some tokens by their share (`planning.phase`): what an mT5 writes text with, and the word embedding, which is also
the matrix that masked tokens are told by. Embedding tables are else looked up and count nothing; with activation
checkpointing the forward pass is done twice: 8 · N · tokens.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from ds_stilts.data.sampling import mean_shares
from ds_stilts.errors import CheckpointError
from ds_stilts.planning.data_sizes import Known, TaskSize
from ds_stilts.planning.machine import Machine
from ds_stilts.planning.phase import PhaseNeeds, num_steps
from ds_stilts.planning.recipe_plan import phase_needs
from ds_stilts.planning.start_model import start_shape
from ds_stilts.recipe import Recipe
from ds_stilts.studies.sections import Budget
from ds_stilts.tasks import get_task

FORWARD, BACKWARD = 2, 4
"""Floating point operations a parameter and token."""


@dataclass(frozen=True, kw_only=True)
class PhaseCost:
    """One training phase, as planned; None where it depends on data that are not prepared."""

    steps: int | None
    examples: int | None
    tokens: int | None
    tokens_are: str
    """"exact" (so many a step), "a mean of prepared files" (of this tokenizer and data), or "an upper bound"."""
    active_parameters: int
    parameters: int
    """All that the phase's folder holds."""
    operations: int
    """FLOPs a parameter and token."""
    counts: Mapping[str, TaskSize]
    """By task, how many items it brings and where that is known from."""
    merges: tuple[str, ...] = ()
    """Keys of the phases that a merged arm sums: their training is what its model has learned in. It trains nothing."""

    @property
    def flops(self) -> float | None:
        return None if self.tokens is None else float(self.operations * self.active_parameters * self.tokens)

    def amount(self, quantity: str) -> int | None:
        """Steps, examples or tokens; None where it is not known for certain."""
        if quantity == "tokens" and self.tokens_are != "exact":
            return None
        found: int | None = getattr(self, quantity)
        return found


def phase_costs(
    recipe: Recipe, ranks: int, data_root: Path | None = None, assumed: Mapping[str, int] | None = None
) -> dict[str, PhaseCost]:
    """Cost of every training phase and every merged arm of a recipe, by the key where it stands.

    Args:
        data_root: folder of the official files, whose examples are counted; None: no file is looked at.
        assumed: training items of a language, by task, where nothing else says them.

    Returns:
        {} where the start model's shape is not known here.

    Raises:
        DataError: a data file is malformed.
    """
    try:
        shape, _ = start_shape(recipe)
    except CheckpointError:
        return {}
    known = Known(recipe, data_root, assumed or {})
    found = {needs.where: _cost(needs) for needs in phase_needs(known, shape, Machine(nodes=1, gpus=ranks))}
    for arm, phase in recipe.arms.items():
        if phase and phase.merge:
            merges = tuple(where for other in phase.merge.arms for where in found if _belongs(where, other))
            found[f"arms.{arm}"] = _merging(found, merges)
    return found


def _merging(costs: Mapping[str, PhaseCost], merges: tuple[str, ...]) -> PhaseCost:
    """What a merged arm costs itself: no step, and a folder. Heads of others beside the largest one's are left out."""
    return PhaseCost(
        steps=0,
        examples=0,
        tokens=0,
        tokens_are="exact",
        active_parameters=max(costs[where].active_parameters for where in merges),
        parameters=max(costs[where].parameters for where in merges),
        operations=0,
        counts={},
        merges=merges,
    )


def _cost(needs: PhaseNeeds) -> PhaseCost:
    training, sizes = needs.training, needs.sizes
    steps = num_steps(training, sizes)
    known = all(size.lengths_known for size in sizes.values())
    tokens = examples = None
    if steps is not None:
        examples = steps * training.batch_examples if training.batch_examples else None
        if training.batch_tokens:
            tokens = steps * training.batch_tokens
        elif known and training.batch_examples:
            tokens = round(steps * training.batch_examples * sum(_mean_tokens(needs, steps).values()))
        else:
            tokens = round(steps * needs.step_tokens)
    weights = (*needs.weights, *needs.frozen)
    active = sum(w.numel * needs.passed_by(w) for w in weights if w.part != "embeddings")
    if needs.rows_share and not needs.shape.decoder_layers:  # an mT5's output matrix is its own, and among the weights
        counted = steps is not None and all(size.items for size in sizes.values())
        means = _mean_tokens(needs, steps or 0) if counted else dict.fromkeys(sizes, 1.0)
        masked = sum(mean for name, mean in means.items() if get_task(name).format == "masked_lm") / sum(means.values())
        active += masked * needs.rows_share * needs.shape.hidden * needs.shape.vocabulary
    return PhaseCost(
        steps=steps,
        examples=examples,
        tokens=tokens,
        tokens_are="exact"
        if training.batch_tokens and training.steps
        else "a mean of prepared files"
        if known
        else "an upper bound",
        active_parameters=round(active),
        parameters=sum(weight.numel for weight in weights),
        operations=BACKWARD + FORWARD * (2 if training.activation_checkpointing else 1),
        counts=sizes,
    )


def _mean_tokens(needs: PhaseNeeds, steps: int) -> dict[str, float]:
    """By task, its tokens in an item of the phase's mixture; they add up to those of the mean item."""
    drawn = mean_shares({name: size.items or 0 for name, size in needs.sizes.items()}, needs.training, steps)
    return {name: drawn[name] * size.item_tokens for name, size in needs.sizes.items()}


def arm_amount(costs: Mapping[str, PhaseCost], arm: str, budget: Budget) -> int | None:
    """What an arm's model has used of the matched quantity, as planned; None: not known."""
    own = [cost.amount(budget.match) for cost in learned_in(costs, arm)]
    targets = [cost.amount(budget.match) for where, cost in costs.items() if where.startswith("targets.")]
    if budget.over == "intermediate":
        targets = []
    known = [amount for amount in (*own, *targets) if amount is not None]
    if len(known) < len(own) + len(targets):
        return None
    return sum(known[: len(own)]) + (round(fmean(known[len(own) :])) if targets else 0)


def learned_in(costs: Mapping[str, PhaseCost], arm: str) -> list[PhaseCost]:
    """The phases that an arm's model has learned in: its own, or those of all arms that it merges."""
    own = [cost for where, cost in costs.items() if _belongs(where, arm)]
    return [costs[where] for cost in own for where in cost.merges] or own


def _belongs(where: str, arm: str) -> bool:
    return where == f"arms.{arm}" or where.startswith(f"arms.{arm}.sequence.")


def mismatch(amounts: Mapping[str, int | None], budget: Budget) -> tuple[str, str, float] | None:
    """The two arms that differ most in what was to be matched, and by what share of the smaller one.

    Args:
        amounts: of the arms that are compared; those not known are left out.

    Returns:
        (larger arm, smaller arm, share), or None where no two differ by more than the tolerance.
    """
    known: dict[str, int] = {arm: amount for arm, amount in amounts.items() if amount is not None}
    if len(known) < 2:
        return None
    most, least = max(known, key=lambda arm: known[arm]), min(known, key=lambda arm: known[arm])
    share = (known[most] - known[least]) / known[least] if known[least] else float(known[most] > 0)
    return (most, least, share) if share > budget.tolerance else None


def total(values: Iterable[float | None]) -> float | None:
    """Their sum; None if one is not known."""
    found = list(values)
    return None if any(value is None for value in found) else sum(value for value in found if value is not None)
