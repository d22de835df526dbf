"""Made-up gains of languages, tasks and seeds whose slope is known, for the tests and the benchmark."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Gains:
    """A full crossing; fields are variances but for the counts and the slope."""

    num_languages: int
    num_families: int
    num_tasks: int = 1
    num_seeds: int = 3
    family: float = 0.5
    language: float = 0.5
    task: float = 1.0
    seed: float = 0.25
    residual: float = 1.0
    slope: float = 0.0

    def rows(self, draw: np.random.Generator) -> dict[str, Any]:
        """Columns, named as the arguments of `language_slope`. Every family has a language; the others are dealt out.

        The covariate goes with the family as much as with the language, as typology does.
        """
        family_L = np.r_[
            np.arange(self.num_families), draw.integers(0, self.num_families, self.num_languages - self.num_families)
        ]
        covariate_L = (draw.normal(size=self.num_families)[family_L] + draw.normal(size=self.num_languages)) / 2**0.5
        shape = (self.num_languages, self.num_tasks, self.num_seeds)
        languages, tasks, seeds = (axis.ravel() for axis in np.indices(shape))
        gains = (
            self.slope * covariate_L[languages]
            + self.family**0.5 * draw.normal(size=self.num_families)[family_L][languages]
            + self.language**0.5 * draw.normal(size=self.num_languages)[languages]
            + self.task**0.5 * draw.normal(size=self.num_tasks)[tasks]
            + self.seed**0.5 * draw.normal(size=self.num_seeds)[seeds]
            + self.residual**0.5 * draw.normal(size=len(languages))
        )
        return {
            "gains_N": gains,
            "covariate_N": covariate_L[languages],
            "languages_N": languages.tolist(),
            "families_N": family_L[languages].tolist(),
            "tasks_N": tasks.tolist(),
            "seeds_N": seeds.tolist(),
        }


CASES = {
    "XQuAD: 12 languages": Gains(num_languages=12, num_families=6, num_seeds=6, slope=0.7),
    "two tasks": Gains(num_languages=12, num_families=6, num_tasks=2, num_seeds=3, slope=0.7),
    "MLQA: 7 languages": Gains(num_languages=7, num_families=4, num_seeds=6, family=0.3, language=1.0),
    "large families": Gains(num_languages=16, num_families=4, num_seeds=3, family=1.0, language=0.3),
}
"""Few languages, few families, families that dominate, and a crossing of tasks."""
