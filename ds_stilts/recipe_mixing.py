"""How the tasks of a phase are mixed and its steps are cut: what stands under `tasks`, and what the keys beside it may
say together. The phase itself is in `ds_stilts.recipe`.
"""

import math
from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from ds_stilts.recipe_sections import Chosen, Section

EITHER = {"steps", "epochs"}, {"batch_examples", "batch_tokens"}
"""Of each, a phase that has one of its own does not take over the other from `training:`."""


class TaskUse(Section):
    """How one task takes part in a mixture."""

    languages: list[str] | None = None
    """None: English (or the first language) for labelled tasks, every available language for running text."""
    split: str = "train"
    max_examples: int | None = Field(default=None, ge=1)
    """Keep only the first so many examples of each language."""
    join_lines: bool = False
    """Of running text: fill sequences with as many whole lines, in the order of the file, as there is room for (without
    document boundaries, RoBERTa's FULL-SENTENCES; Liu et al. 2019), instead of one line each."""
    where: Chosen | None = None
    """Field of the file → values: train only on the examples that have one of them, e.g. one genre of MultiNLI;
    `max_examples` counts these. By fields that the task declares (`ds-stilts tasks NAME`)."""
    loss_weight: float = Field(default=1.0, ge=0)
    """w_t in the loss of a step (see `ds_stilts.data.steps`)."""
    share: float | str | None = None
    """Sampling share (relative to the other tasks'): a number, or an expression of t, the share of the phase that is
    done, e.g. "1 - t" (see `ds_stilts.expression`). Given for all tasks of a phase or for none."""
    goal: float | None = Field(default=None, gt=0, le=100)
    """Of mixing "adaptive": the validation's value, in percent, that counts as reached, e.g. what the task reaches when
    it is trained alone. None: 100."""

    @field_validator("share")
    @classmethod
    def a_share(cls, share: float | str | None) -> float | str | None:
        if isinstance(share, str):
            from ds_stilts.expression import over_a_phase

            if (over_a_phase(share) < 0).any():
                raise ValueError(f"'{share}' is below 0 for some t from 0 to 1; write max(0, …) around it")
        elif share is not None and not 0 < share < math.inf:
            raise ValueError(f"a share is a number above 0, or an expression of t; {share:g} is neither")
        return share


def one_batch(values: Any) -> Any:
    """The keys of a phase with exactly one of `batch_examples` and `batch_tokens` in them, or neither."""
    if not isinstance(values, dict):
        return values
    items, tokens = values.get("batch_examples"), values.get("batch_tokens")
    if items is not None and tokens is not None:
        raise ValueError("give `batch_examples` or `batch_tokens`, not both")
    if tokens is None and items is None and "batch_examples" in values:
        raise ValueError("`batch_examples` is null and there is no `batch_tokens`; give one of the two")
    return values if tokens is None else {**values, "batch_examples": None}


def check_shares(tasks: Mapping[str, TaskUse], adaptive: bool) -> None:
    """Check what the tasks of a phase say together.

    Args:
        adaptive: whether shares follow validations.

    Raises:
        ValueError: what does not fit.
    """
    for name, use in tasks.items():
        if adaptive and use.share is not None:
            raise ValueError(f'{name}.share: with mixing "adaptive" shares follow the validations; remove it')
        if not adaptive and use.goal is not None:
            raise ValueError(f'{name}.goal: only mixing "adaptive" looks at it; remove it')
    given = [use.share is not None for use in tasks.values()]
    if any(given) and not all(given):
        raise ValueError("give `share` for every task or for none")
    written = {name: use.share for name, use in tasks.items() if isinstance(use.share, str)}
    if written and len(written) == len(given):
        from ds_stilts.expression import over_a_phase

        if not all(any(values) for values in zip(*map(over_a_phase, written.values()), strict=True)):
            raise ValueError("all shares are 0 at some t from 0 to 1; nothing would be drawn")
