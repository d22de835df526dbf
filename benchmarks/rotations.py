"""How often intervals of a mean over two rotations hold the truth, beside those that take rotations for independent.

The studies are those of tests/studies/report/test_rotations.py: rotations that share their reference arm, the items and
a part of what each seed adds. Independent: the variances of the two single contrasts added up.

    python benchmarks/rotations.py [SIMULATIONS]
"""

import sys

import numpy as np

from ds_stilts.statistics.estimate import satterthwaite, student
from ds_stilts.studies.report.estimates import answer
from tests.studies.report.test_rotations import Drawn, rotations, truth


def main(simulations: int) -> None:
    draw, asked, expected, hits = np.random.default_rng(99), rotations(), truth(), np.zeros(2)
    for _ in range(simulations):
        evidence = Drawn.of(draw)
        together = answer(evidence, [asked])["mean"].found  # type: ignore[arg-type]
        single = [answer(evidence, [one])[one.name].found for one in asked.differences]  # type: ignore[arg-type]
        assert together is not None
        variance, df = satterthwaite(*[(one.se**2 / 4, one.df) for one in single if one is not None])
        apart, _ = student(together.estimate, variance**0.5, df)
        intervals = (together.interval, apart)
        hits += [one is not None and one[0] <= expected <= one[1] for one in intervals]
    as_one, independent = 100 * hits / simulations
    print(
        f"{simulations} simulations: 95 % intervals hold the truth in {as_one:.1f} %, independent {independent:.1f} %"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4_000)
