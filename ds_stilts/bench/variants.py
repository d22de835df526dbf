"""The ways of training that are measured, as data. How each is done lives in `peers` and `ours`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ds_stilts.errors import RecipeError, suggestion

Dtype = Literal["fp32", "bf16"]
Order = Literal["mixed", "by_task", "grouped", "ungrouped"]
EXTRA = "pip install 'ds-stilts[bench]'"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One way of training."""

    name: str
    way: Literal["trainer", "plain", "engine"]
    """The Hugging Face Trainer on padded batches; ours in a plain loop; ours in the loop of a run, under DeepSpeed."""
    order: Order = "mixed"
    """Which examples form a batch; see `ds_stilts.bench.slices`."""
    bf16: bool = False
    """Always bf16, whatever the others are in."""
    attention: str = "auto"
    """How ours attends; see `ds_stilts.models.attention`."""
    compiled: bool = False
    """Whether torch.compile fuses each layer."""
    only_if_named: bool = False
    """Whether it is left out unless it is asked for."""


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant(name="hf_default", way="trainer"),
        Variant(name="hf_by_task", way="trainer", order="by_task"),
        Variant(name="hf_grouped", way="trainer", order="grouped"),
        Variant(name="packed", way="plain"),
        Variant(name="packed_ungrouped", way="plain", order="ungrouped"),
        Variant(name="engine", way="engine"),
        Variant(name="packed_bf16", way="plain", bf16=True),
        Variant(name="engine_bf16", way="engine", bf16=True),
        *(
            Variant(name=f"packed_{way}", way="plain", attention=way, only_if_named=True)
            for way in ("grouped", "block_diagonal", "varlen", "flash", "eager")
        ),
        Variant(name="packed_compiled", way="plain", compiled=True, only_if_named=True),
    )
}
BASE = "hf_default"
"""What the column of ratios divides by."""
PAIRS = (
    ("packed", "hf_by_task"),
    ("packed_ungrouped", "hf_grouped"),
    ("engine", "packed"),
    ("engine_bf16", "packed_bf16"),
    *((f"packed_{other}", "packed") for other in ("grouped", "block_diagonal", "varlen", "flash", "eager", "compiled")),
)
"""Further ratios, each of two variants that train on the same examples in a round."""


def choose(asked: Sequence[str] | None, dtype: Dtype, *, has_accelerate: bool) -> tuple[list[Variant], dict[str, str]]:
    """The variants to measure, and those left out, with why.

    Args:
        asked: names; None: all that can be measured here.
        dtype: of the variants that are not always in bf16.
        has_accelerate: whether the Trainer can run.

    Raises:
        RecipeError: an unknown name, one that stands twice, none at all, or one that cannot be measured here.
    """
    for place, name in enumerate(asked or []):
        if name not in VARIANTS:
            raise RecipeError(
                f"--variants: no variant '{name}'{suggestion(name, list(VARIANTS))}; known: {', '.join(VARIANTS)}"
            )
        if name in (asked or [])[:place]:
            raise RecipeError(f"--variants: '{name}' stands twice; name each variant once")
    if asked is not None and not asked:
        raise RecipeError(f"--variants names none; known: {', '.join(VARIANTS)}")
    chosen, left_out = [], {}
    usual = [variant for variant in VARIANTS.values() if not variant.only_if_named]
    for variant in usual if asked is None else map(VARIANTS.__getitem__, asked):
        why = _why_not(variant, dtype, has_accelerate)
        if why and asked is not None:
            raise RecipeError(f"--variants: '{variant.name}' cannot be measured: {why}")
        if why:
            left_out[variant.name] = why
        else:
            chosen.append(variant)
    return chosen, left_out


def _why_not(variant: Variant, dtype: Dtype, has_accelerate: bool) -> str | None:
    if variant.way == "trainer" and not has_accelerate:
        return f"the Hugging Face Trainer needs accelerate: {EXTRA}"
    if variant.bf16 and dtype == "bf16":
        return f"with --dtype bf16 it is '{variant.name.removesuffix('_bf16')}'"
    return None


def dtype_of(variant: Variant, dtype: Dtype) -> Dtype:
    """What a variant computes in, where the others compute in `dtype`."""
    return "bf16" if variant.bf16 else dtype
