"""Which interval of a hierarchical bootstrap covers what it says: five ways on the same made-up data, on one core.

    OMP_NUM_THREADS=1 python benchmarks/statistics_intervals.py [--simulations 2000]

Prints a Markdown table (docs/statistics.md has it): the share of 95 % intervals that hold the truth. All but the last
way draw seeds and items with replacement together, 400 times.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ds_stilts.statistics.estimate import paired_contrast  # noqa: E402
from ds_stilts.statistics.multi_bootstrap import mean_over_tasks, multi_bootstrap  # noqa: E402
from tests.statistics.worlds import CASES, World  # noqa: E402

RESAMPLES = 400
WAYS = (
    "percentiles", "± 1.96 · sd · √(S/(S−1))", "± t(S−1) · sd · √(S/(S−1))", "bootstrap-t", "± t · √(parts), in use"
)  # fmt: skip


def covered(world: World, draw: np.random.Generator) -> list[bool]:
    """Of one data set, by way."""
    ours, theirs = world.arms(draw)
    mean = {"mean": mean_over_tasks([("t", name) for name in world.languages])}
    ours_used = multi_bootstrap(ours, theirs, mean, resamples=RESAMPLES, seed=int(draw.integers(1 << 30)))["mean"]
    truth, size, estimate = world.truth(), world.num_seeds, ours_used.estimate
    contrast_SN = 100 * np.array(
        [
            np.mean([(a["t"][name].over - b["t"][name].over)[:, 0, 0] for name in world.languages], axis=0)
            for a, b in zip(ours, theirs, strict=True)
        ]
    )
    num_items = contrast_SN.shape[1]
    of_seed = draw.multinomial(num_items, np.full(num_items, 1 / num_items), RESAMPLES) / num_items @ contrast_SN.T
    times = draw.multinomial(size, np.full(size, 1 / size), RESAMPLES)
    drawn = (of_seed * times).sum(axis=1) / size
    sd = drawn.std() * (size / (size - 1)) ** 0.5
    low, high = np.quantile(drawn, [0.025, 0.975])
    # The same standard error in every draw as in the data: of its seeds, and the items' part as it is.
    errors = np.sqrt(((of_seed - drawn[:, None]) ** 2 * times).sum(axis=1) / (size - 1) / size + ours_used.item_se**2)
    there = errors > 0
    least, most = np.quantile((drawn - estimate)[there] / errors[there], [0.025, 0.975])
    off = abs(estimate - truth)
    assert ours_used.interval is not None
    return [
        low <= truth <= high,
        off <= 1.96 * sd,
        off <= stats.t.ppf(0.975, size - 1) * sd,
        estimate - most * ours_used.se <= truth <= estimate - least * ours_used.se,
        ours_used.interval[0] <= truth <= ours_used.interval[1],
    ]


def covered_differences(num_seeds: int, draw: np.random.Generator) -> list[bool]:
    """The same ways for exponential differences of seeds (skewness 2), without items: the hardest case."""
    values = draw.exponential(size=num_seeds) - 1
    used = paired_contrast(values, np.zeros(num_seeds))
    drawn = values[draw.integers(0, num_seeds, (RESAMPLES, num_seeds))]
    means, errors = drawn.mean(axis=1), drawn.std(axis=1, ddof=1) / num_seeds**0.5
    sd = means.std() * (num_seeds / (num_seeds - 1)) ** 0.5
    low, high = np.quantile(means, [0.025, 0.975])
    least, most = np.quantile(((means - used.estimate)[errors > 0]) / errors[errors > 0], [0.025, 0.975])
    assert used.interval is not None
    return [
        low <= 0 <= high,
        abs(used.estimate) <= 1.96 * sd,
        abs(used.estimate) <= stats.t.ppf(0.975, num_seeds - 1) * sd,
        used.estimate - most * used.se <= 0 <= used.estimate - least * used.se,
        used.interval[0] <= 0 <= used.interval[1],
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--simulations", type=int, default=2_000)
    simulations = parser.parse_args().simulations
    print(f"| case | seeds | {' | '.join(WAYS)} |\n| --- | --- |{' --- |' * len(WAYS)}", flush=True)
    for case, world in CASES.items():
        if world.chunks:
            continue  # the plain ways here are of means
        for num_seeds in (6, 10):
            draw, sized = np.random.default_rng(30), replace(world, num_seeds=num_seeds)
            shares = 100 * np.mean([covered(sized, draw) for _ in range(simulations)], axis=0)
            print(f"| {case} | {num_seeds} | {' | '.join(f'{share:.1f}' for share in shares)} |", flush=True)
    for num_seeds in (6, 10):
        draw = np.random.default_rng(31)
        shares = 100 * np.mean([covered_differences(num_seeds, draw) for _ in range(simulations)], axis=0)
        row = " | ".join(f"{share:.1f}" for share in shares)
        print(f"| exponential differences, no items | {num_seeds} | {row} |", flush=True)


if __name__ == "__main__":
    main()
