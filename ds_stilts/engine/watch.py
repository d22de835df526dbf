"""What the validations of a phase have said so far: which step is the best, and whether it is time to stop.

The state is a few numbers that go into the cursor of every checkpoint, so that a phase that was killed decides as one
that was not. How a value is measured is the caller's; when checkpoints are saved and loaded is the loop's.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from ds_stilts.data.adaptive import AdaptiveMixture


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What validations have said up to some step."""

    value: float | None = None
    """The best so far, in percent."""
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
        measure: value of each task in percent, the higher the better. A collective that gives all ranks the same.
        order: the steps' items, where their shares follow from what is measured.
    """

    def __init__(
        self,
        *,
        every: int,
        patience: int | None,
        num_steps: int,
        measure: Callable[[], Mapping[str, float]],
        order: AdaptiveMixture | None = None,
    ) -> None:
        self._every, self._patience, self._num_steps, self._measure = every, patience, num_steps, measure
        self._order = order
        self.seen = Seen()

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

    def look(self, step: int) -> dict[str, float]:
        """Measure after `step` steps and note the mean over tasks; returns the value of each task."""
        values = dict(self._measure())
        mean, best = fmean(values.values()), self.seen.value
        if best is None or mean > best:
            self.seen = Seen(value=mean, best_step=step)
        else:
            self.seen = Seen(value=best, best_step=self.seen.best_step, worse=self.seen.worse + 1)
        if self._order:
            self._order.follow(values)
        return values

    def is_best(self, step: int) -> bool:
        """Whether `step` is the best so far and its weights are to be kept."""
        return self.keeps_best and self.seen.best_step == step

    def state(self) -> dict[str, Any]:
        """For the cursor of a checkpoint."""
        return {**asdict(self.seen), **({"shares": list(self._order.history)} if self._order else {})}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned; from the start if it is empty."""
        seen = dict(state)
        history = seen.pop("shares", ())
        self.seen = Seen(**seen)
        if self._order:
            self._order.restore(history)
