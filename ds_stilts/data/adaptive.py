"""Shares that follow the validations of a phase: a task is drawn the more often, the further it is from its goal.

They change at validations only, and are kept in a history from which the same order can be drawn again. When a phase is
validated, and where the history is stored, lives in `ds_stilts.engine.watch`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from ds_stilts.data.mixture import Mixture

LEAST_GAP = 1.0
"""Percentage points that a task counts with at the least, so that one which has reached its goal is not forgotten. Our
own choice."""


def adaptive_shares(values: Mapping[str, float], goals: Mapping[str, float]) -> dict[str, float]:
    """Sampling probabilities p_t ∝ max(goal_t - value_t, 1).

    In proportion to the gap between a task's present performance and what it reaches alone (Gottumukkala et al. 2020,
    Dynamic Sampling Strategies for Multi-Task Reading Comprehension). That the gap is a difference in points, and not a
    ratio, is our reading of the abstract and introduction; the method section was not read.

    Args:
        values: in percent, of the latest validation.
        goals: in percent.
    """
    gaps = {name: max(goals[name] - value, LEAST_GAP) for name, value in values.items()}
    return {name: gap / sum(gaps.values()) for name, gap in gaps.items()}


class AdaptiveMixture(Mixture):
    """An order whose shares are known up to the next validation only; uniform before the first.

    Args:
        sizes, seed, batch, lengths, one_task: see `Mixture`.
        longest: tokens of the longest item of all tasks.
        goals: by task, the value in percent that counts as reached.
        every: steps between validations.
        total_steps: steps of the phase.
    """

    def __init__(
        self,
        *,
        sizes: Mapping[str, int],
        seed: int,
        batch: int,
        longest: int,
        goals: Mapping[str, float],
        every: int,
        total_steps: int,
        lengths: Mapping[str, np.ndarray] | None = None,
        one_task: bool = False,
    ) -> None:
        self.history: list[dict[str, float]] = []
        """Shares of each task after each validation."""
        self._longest, self._goals, self._every, self._total_steps = longest, goals, every, total_steps
        first = np.full((min(every, total_steps), len(sizes)), 1 / len(sizes))
        super().__init__(sizes=sizes, shares=first, seed=seed, batch=batch, lengths=lengths, one_task=one_task)

    def follow(self, values: Mapping[str, float]) -> None:
        """Draw the steps up to the next validation by what this one found."""
        self._go_on(adaptive_shares(values, self._goals))

    def restore(self, history: Sequence[Mapping[str, float]]) -> None:
        """Draw again what was drawn when `history` was kept."""
        assert not self.history, "it is restored before anything is trained"
        for shares in history:
            self._go_on(shares)

    @property
    def fewest(self) -> int:
        """Fewest items that a step can have, whatever validations will say."""
        return self._batch if self.batch_tokens is None else max(1, self.batch_tokens // self._longest)

    def most_tokens(self, tokens: Mapping[str, np.ndarray]) -> int:
        """An upper bound, whatever validations will say: the longest item in every place."""
        return self.batch_tokens or self._batch * self._longest

    def _go_on(self, shares: Mapping[str, float]) -> None:
        self.history.append(dict(shares))
        steps = min(self._every, self._total_steps - self.num_steps)
        if steps > 0:
            self.extend(np.tile([shares[name] for name in self.names], (steps, 1)))
