"""What the validations of a phase have said so far: which step is the best, and whether it is time to stop.

The state is a few numbers that go into the cursor of every checkpoint, so that a phase that was killed decides as one
that was not. How a value is measured is the caller's; when checkpoints are saved and loaded is the loop's.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from ds_stilts.data.adaptive import AdaptiveMixture
from ds_stilts.engine.choosing import Look, Rule, merit, noted


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What validations have said up to some step."""

    value: float | None = None
    """That of the best so far, in percent."""
    merit: float | None = None
    """What the best so far was chosen by, where that is not its value: minus its entropy, or its agreement."""
    best_step: int = 0
    """Where it was."""
    worse: int = 0
    """Validations since, none of them better."""


class Watch:
    """Looks at a phase every so many steps.

    Args:
        every: steps between looks; the last step is looked at too.
        patience: looks in a row without a better value after which to stop, keeping the best step's weights; None:
            only look.
        num_steps: steps of the phase.
        measure: what a validation finds. A collective that gives all ranks the same.
        order: the steps' items, where their shares follow from what is measured.
        rule: what the best step is chosen by.
    """

    def __init__(
        self,
        *,
        every: int,
        patience: int | None,
        num_steps: int,
        measure: Callable[[], Look],
        order: AdaptiveMixture | None = None,
        rule: Rule = "value",
    ) -> None:
        self._every, self._patience, self._num_steps, self._measure = every, patience, num_steps, measure
        self._order, self.rule = order, rule
        self.seen = Seen()
        self.is_owed = False
        """Whether a look was begun and not brought to its end: it is the next thing to do."""
        self.looks: list[dict[str, Any]] = []
        """Every validation so far, where texts without labels are looked at."""

    @property
    def keeps_best(self) -> bool:
        return self._patience is not None

    @property
    def is_over(self) -> bool:
        """Whether patience is at its end."""
        return self._patience is not None and self.seen.worse >= self._patience

    def is_due(self, step: int) -> bool:
        """Whether to look after `step` steps."""
        return step % self._every == 0 or step == self._num_steps

    def look(self, step: int) -> Look:
        """Measure after `step` steps, and note whether it is the best so far.

        Raises:
            StoppedCleanly: what measures was asked to stop; nothing is noted but that this look is owed.
        """
        self.is_owed = True
        found = self._measure()
        self.is_owed = False
        worth, before = merit(self.rule, found.figures), self.seen
        best = before.value if before.merit is None else before.merit
        if best is None or worth > best:
            own = None if self.rule == "value" else worth
            self.seen = Seen(value=found.figures.value, merit=own, best_step=step)
        else:
            self.seen = replace(before, worse=before.worse + 1)
        if found.entropy is not None:
            self.looks.append(noted(step, found))
        if self._order:
            self._order.follow(found.values)
        return found

    def is_best(self, step: int) -> bool:
        """Whether `step` is the best so far and its weights are to be kept."""
        return self.keeps_best and self.seen.best_step == step

    @property
    def shares(self) -> Sequence[Mapping[str, float]]:
        """What followed from each look, where shares do."""
        return self._order.history if self._order else ()

    def facts(self) -> dict[str, Any]:
        """What the phase's own facts tell: the best, by what it was chosen, and the shares."""
        seen = {key: value for key, value in asdict(self.seen).items() if key != "merit" or value is not None}
        chosen = {} if self.rule == "value" else {"choose_by": self.rule}
        return {**seen, **chosen, **({"shares": list(self.shares)} if self._order else {})}

    def state(self) -> dict[str, Any]:
        """For the cursor of a checkpoint."""
        owed = {"owed": True} if self.is_owed else {}
        return {**self.facts(), **({"looks": self.looks} if self.looks else {}), **owed}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; from the start if it is empty."""
        self.seen = Seen(**{key: state[key] for key in ("value", "merit", "best_step", "worse") if key in state})
        self.is_owed = state.get("owed", False)
        self.looks = [dict(look) for look in state.get("looks", ())]
        if self._order:
            self._order.restore(state.get("shares", ()))
