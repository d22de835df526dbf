"""How often the test of a slope over languages rejects where hardly any family has a second language.

Seven languages in six families, as the made-up ones that are scored zero-shot: gains of three tasks and six seeds with
random family, language, task and seed, of a slope of 0 (which should be rejected in 5 %) and of -1. Three ways: the
mixed model with families, without them, and `studies.slopes.mixed_slope`, which takes families as units.

    python benchmarks/family_units.py [SIMULATIONS]
"""

import sys

import numpy as np

from ds_stilts.report.facts import language_facts
from ds_stilts.statistics.mixed_model import language_slope
from ds_stilts.studies.covariates import covariate
from ds_stilts.studies.slopes import Columns, mixed_slope

LANGUAGES = ("bb", "cc", "dd", "ee", "ff", "gg", "hh")
CASES = ((1.0, 1.0), (1.0, 0.3), (2.0, 0.3), (0.0, 1.0), (0.0, 0.0))
"""Standard deviations of families and of languages; of the residual it is 2, of tasks and seeds 1."""


def main(simulations: int) -> None:
    rows = [(code, task, seed) for code in LANGUAGES for task in "abc" for seed in range(6)]
    codes, tasks, seeds = (list(column) for column in zip(*rows, strict=True))
    family = {code: language_facts(code).family for code in LANGUAGES}
    families = [family[code] for code in codes]
    distance = np.array([covariate("distance", code) for code in codes], np.float64)
    print(f"{simulations} simulations; rejected, of slope 0 / of slope -1, percent")
    print("family SD, language SD | mixed model | without family | families as units")
    for family_sd, language_sd in CASES:
        draw, hits = np.random.default_rng(1), np.zeros((3, 2))
        for _ in range(simulations):
            of = {name: family_sd * draw.normal() for name in dict.fromkeys(families)}
            own = {code: language_sd * draw.normal() for code in LANGUAGES}
            shared = {key: draw.normal() for key in ("a", "b", "c", *range(6))}
            noise = 2 * draw.normal(size=len(rows))
            null = np.array([of[family[c]] + own[c] + shared[t] + shared[s] for c, t, s in rows]) + noise
            for place, slope in enumerate((0.0, -1.0)):
                columns = {"languages_N": codes, "tasks_N": tasks, "seeds_N": seeds}
                gains = null + slope * distance
                found = (
                    language_slope(gains, distance, families_N=families, **columns),
                    language_slope(gains, distance, families_N=codes, **columns),
                    mixed_slope(gains, Columns(covariate_N=distance, families_N=families, **columns)),
                )
                hits[:, place] += [one.p is not None and one.p < 0.05 for one in found]
        shown = " | ".join(f"{null:.1f} / {power:.1f}" for null, power in 100 * hits / simulations)
        print(f"{family_sd:g}, {language_sd:g} | {shown}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
