"""Which test of a slope over few languages rejects as often as it says: four ways on the same fits, on one core.

    OMP_NUM_THREADS=1 python benchmarks/statistics_slopes.py [--simulations 2000]

Prints a Markdown table (docs/statistics.md has it): the share of data sets without a slope in which p < 0.05.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ds_stilts.statistics.kenward_roger import adjusted_slope  # noqa: E402
from ds_stilts.statistics.mixed_model import language_slope  # noqa: E402
from ds_stilts.statistics.products import Products  # noqa: E402
from ds_stilts.statistics.reml import fit_reml  # noqa: E402
from tests.statistics.gains import CASES, Gains  # noqa: E402

WAYS = ("Wald, normal", "Wald, t(L−2)", "Kenward-Roger, no variance below 0", "Kenward-Roger, in use")


def rejected(case: Gains, draw: np.random.Generator) -> list[bool]:
    """In one data set, by way."""
    rows = case.rows(draw)
    in_use = language_slope(**rows)
    design = np.column_stack([np.ones(len(rows["gains_N"])), rows["covariate_N"]])
    columns = {"family": "families_N", "language": "languages_N", "task": "tasks_N", "seed": "seeds_N"}
    effects = [np.eye(max(rows[key]) + 1)[rows[key]] for name, key in columns.items() if name not in in_use.left_out]
    products = Products.of(rows["gains_N"], design, effects)
    fit = fit_reml(products)
    fixed = products.fixed
    covariance = fit.residual * np.linalg.inv((products.gram @ products.inverse(fit.ratios).step)[fixed, fixed])
    wald = abs(fit.fixed[1]) / covariance[1, 1] ** 0.5
    se, df = adjusted_slope(products, fit.ratios, fit.residual, 1)
    t_two = stats.t.sf(wald, case.num_languages - 2), stats.t.sf(abs(fit.fixed[1]) / se, df)
    return [
        2 * stats.norm.sf(wald) < 0.05,
        2 * t_two[0] < 0.05,
        2 * t_two[1] < 0.05,
        in_use.p is not None and in_use.p < 0.05,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    simulations = parser.parse_args().simulations
    print(f"| case | {' | '.join(WAYS)} |\n| --- |{' --- |' * len(WAYS)}", flush=True)
    for name, case in CASES.items():
        draw, null = np.random.default_rng(40), replace(case, slope=0.0)
        shares = 100 * np.mean([rejected(null, draw) for _ in range(simulations)], axis=0)
        print(f"| {name} | {' | '.join(f'{share:.1f}' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
