"""An arm that trains nothing and merges what other arms have learned: what stands under `merge`, and what it may name.

Task arithmetic (Ilharco et al. 2022, arXiv:2212.04089): start + sum of weight · (arm - start). The arithmetic itself is
in `ds_stilts.models.merging`; how an arm is trained, in `ds_stilts.recipe`.
"""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pydantic import field_validator, model_validator

from ds_stilts.errors import suggestion
from ds_stilts.recipe_sections import Section


class Merge(Section):
    """Which arms, and how much of what each has learned."""

    arms: dict[str, float | None]
    """A list of arms, or arms with a weight each, which may be negative. Their order says nothing. Of a sequence, its
    last model is merged."""
    weight: float | None = None
    """Of every arm in a list. None: 1 / number of arms, which makes the mean of their models."""

    @field_validator("arms", mode="before")
    @classmethod
    def by_name(cls, arms: Any) -> Any:
        if isinstance(arms, str):
            raise ValueError(f"write a list, e.g. [{arms}]")
        if arms in ([], {}):
            raise ValueError("name at least one arm")
        if isinstance(arms, list):
            twice = [name for name in arms if arms.count(name) > 1]
            if twice:
                raise ValueError(f"arm '{twice[0]}' stands there twice; give it twice the weight")
            if other := [name for name in arms if not isinstance(name, str)]:
                raise ValueError(f"it lists the names of arms, found {other[0]!r}")
            return {name: None for name in arms}
        return arms

    @field_validator("arms")
    @classmethod
    def in_one_order(cls, arms: dict[str, float | None]) -> dict[str, float | None]:
        return {name: arms[name] for name in sorted(arms)}

    @model_validator(mode="after")
    def weighed_once(self) -> "Merge":
        given = [weight for weight in self.arms.values() if weight is not None]
        if given and len(given) < len(self.arms):
            raise ValueError("arms: give a weight for every arm or for none")
        if given and self.weight is not None:
            raise ValueError("weight: the arms have weights of their own, and it would be ignored; remove it")
        if not all(math.isfinite(weight) for weight in [*given, self.weight or 0.0]):
            raise ValueError("a weight is a finite number, e.g. 0.5")
        return self

    @property
    def weights(self) -> dict[str, Fraction]:
        """Each arm's weight, exactly, in the order in which they are summed: that of their names."""
        common = Fraction(1, len(self.arms)) if self.weight is None else Fraction(self.weight)
        return {name: common if own is None else Fraction(own) for name, own in self.arms.items()}


def check_merges(merges: Mapping[str, Merge | None], baselines: set[str]) -> None:
    """Check that merged arms name arms that are trained, and are trained before.

    Args:
        merges: of every arm of a recipe, in its order; None: it merges nothing.
        baselines: arms without an intermediate phase.

    Raises:
        ValueError: the first name that cannot be merged.
    """
    above: set[str] = set()
    for name, merge in merges.items():
        for other in merge.arms if merge else ():
            where = f"arms.{name}.merge.arms"
            if other not in merges:
                known = [arm for arm in merges if arm != name]
                raise ValueError(
                    f"{where}: there is no arm '{other}'{suggestion(other, known)}; the others are: {', '.join(known)}"
                )
            if other == name:
                raise ValueError(f"{where}: '{name}' would be merged from itself; name the arms it is made of")
            if other in baselines:
                raise ValueError(f"{where}: '{other}' has no intermediate phase, so it has nothing to add; remove it")
            if merges[other]:
                raise ValueError(f"{where}: '{other}' is merged itself; name the arms that it is made of")
            if other not in above:
                raise ValueError(f"{where}: '{other}' stands below it; move '{name}' below the arms that it merges")
        above.add(name)
