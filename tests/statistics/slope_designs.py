"""Plans of slopes, and gains that spread as they assume, for the tests and benchmarks/statistics_simulations.py."""

import numpy as np

from ds_stilts.statistics.slope_power import SlopeDesign

TASK_SD = 2.0
"""Plans assume nothing of it."""


def design(family_sizes: tuple[int, ...], task_sizes: tuple[int, ...], num_seeds: int, **spreads: float) -> SlopeDesign:
    """A plan.

    Args:
        family_sizes: languages of each family.
        task_sizes: how many of the languages each task has, of all families alike.
        spreads: those of `SlopeDesign` that are not those below.
    """
    draw = np.random.default_rng(7)
    family_L = np.repeat(np.arange(len(family_sizes)), family_sizes)
    # As typology does, it goes with the family as much as with the language.
    covariate_L = (draw.normal(size=len(family_sizes))[family_L] + draw.normal(size=len(family_L))) / 2**0.5
    order = draw.permutation(len(family_L))
    rows = [
        (code, task, seed) for task, size in enumerate(task_sizes) for code in order[:size] for seed in range(num_seeds)
    ]
    languages, tasks, seeds = (tuple(map(int, column)) for column in zip(*rows, strict=True))
    return SlopeDesign(
        covariate_N=tuple(float(covariate_L[place]) for place in languages),
        languages_N=languages,
        families_N=tuple(int(family_L[place]) for place in languages),
        tasks_N=tasks,
        seeds_N=seeds,
        **{"family_sd": 0.0, "language_sd": 1.0, "seed_sd": 1.0, "cell_sd": 2.0, **spreads},
    )


CASES = {
    "7 languages without relatives": design((1,) * 7, (7, 7, 7), 6),
    "XNLI: 14 languages, 8 of one family": design((8, 1, 1, 1, 1, 1, 1), (14,), 6, family_sd=0.7),
    "38 languages, tasks of 38, 26 and 12": design((20, 4, 3, 2, 2, *(1,) * 7), (38, 26, 12), 6, family_sd=0.7),
    "38 languages, families alike": design((20, 4, 3, 2, 2, *(1,) * 7), (38, 26, 12), 6),
}


def columns(planned: SlopeDesign) -> dict[str, object]:
    """As arguments of `language_slope`, but for the gains."""
    return {
        "covariate_N": np.array(planned.covariate_N), "languages_N": planned.languages_N,
        "families_N": planned.families_N, "tasks_N": planned.tasks_N, "seeds_N": planned.seeds_N,
    }  # fmt: skip


def gains(planned: SlopeDesign, slope: float, draw: np.random.Generator) -> np.ndarray:
    """[rows], of a truth."""

    def shared(levels: tuple[object, ...], sd: float) -> np.ndarray:
        own = {level: sd * draw.normal() for level in dict.fromkeys(levels)}
        return np.array([own[level] for level in levels])

    return (
        slope * np.array(planned.covariate_N)
        + shared(planned.families_N, planned.family_sd)
        + shared(planned.languages_N, planned.language_sd)
        + shared(planned.seeds_N, planned.seed_sd)
        + shared(planned.tasks_N, TASK_SD)
        + planned.cell_sd * draw.normal(size=len(planned.covariate_N))
    )
