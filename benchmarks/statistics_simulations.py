"""How often each statistical method keeps its promise, on made-up data whose truth is known, on one core.

    OMP_NUM_THREADS=1 python benchmarks/statistics_simulations.py [--simulations 10000] [--only WORD]

Prints one row of a Markdown table after another (docs/statistics.md has them), and ends with exit code 1 if one lies
outside what is promised: intervals cover 93 to 97 %, tests reject at most 5.5 % of what is true, power is within 3
points of what was announced. Rows marked "limit" show where a method's assumptions end, and promise nothing. Contrasts
take 300 draws of items a simulation instead of 10,000, single runs 500 instead of 2,000, permutation tests 199 instead
of 9,999: that blurs an interval by 4 % of its width at random, and moves no promise.
"""

import argparse
import gc
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.simulation_rows import ALARMS, COVERS, Row, found, holds  # noqa: E402
from benchmarks.statistics_described import cell_slopes, one_run, scaling  # noqa: E402
from ds_stilts.statistics.blocked_permutation import blocked_permutation  # noqa: E402
from ds_stilts.statistics.estimate import paired_contrast  # noqa: E402
from ds_stilts.statistics.margins import equivalence, non_inferiority  # noqa: E402
from ds_stilts.statistics.mixed_model import Slope, language_slope  # noqa: E402
from ds_stilts.statistics.multi_bootstrap import Contrast, Measure, mean_over_tasks, multi_bootstrap  # noqa: E402
from ds_stilts.statistics.multiplicity import adjusted  # noqa: E402
from ds_stilts.statistics.orders import order_test  # noqa: E402
from ds_stilts.statistics.power import (  # noqa: E402
    Design,
    detectable_effect,
    detectable_margin,
    power_of_contrast,
    power_of_signs,
)
from ds_stilts.statistics.selection import best_of  # noqa: E402
from ds_stilts.statistics.signs import sign_flip_test, sign_test  # noqa: E402
from ds_stilts.statistics.slope_power import detectable_slope  # noqa: E402
from ds_stilts.studies.report.estimates import AGGREGATES  # noqa: E402
from tests.statistics.gains import CASES as GAINS  # noqa: E402
from tests.statistics.gains import Gains  # noqa: E402
from tests.statistics.slope_designs import CASES as SLOPES  # noqa: E402
from tests.statistics.slope_designs import columns  # noqa: E402
from tests.statistics.slope_designs import gains as slope_gains  # noqa: E402
from tests.statistics.worlds import CASES as WORLDS  # noqa: E402
from tests.statistics.worlds import World  # noqa: E402


def contrast(world: World, draw: np.random.Generator, measure: Measure | None = None) -> Contrast:
    """Of the mean over languages, unless another `measure` is given."""
    asked = {"it": measure or mean_over_tasks([("t", name) for name in world.languages])}
    return multi_bootstrap(*world.arms(draw), asked, resamples=300, seed=int(draw.integers(1 << 30)))["it"]


def contrasts() -> Iterator[Row]:
    one_language = {case: replace(world, num_languages=1) for case, world in WORLDS.items()}
    cases = {**one_language, "3 languages that share items": WORLDS["seeds and items alike"]}
    for case, world in cases.items():
        for num_seeds in (6, 10):
            sized = replace(world, num_seeds=num_seeds)
            yield Row(
                method="multi-bootstrap", case=f"{case}, {num_seeds} seeds", what="covers", band=COVERS,
                trial=lambda draw, w=sized: holds(contrast(w, draw), w.truth()),
            )  # fmt: skip
    null = replace(WORLDS["seeds dominate"], num_languages=1, effect=0.0)
    yield Row(
        method="multi-bootstrap", case="seeds dominate, 6 seeds, no effect", what="false alarms", band=ALARMS,
        trial=lambda draw: found(contrast(null, draw).p),
    )  # fmt: skip


def contrasts_of_languages() -> Iterator[Row]:
    """What is no mean: the least of several noisy values is too low in both arms, and a spread too large."""
    base = World(num_items=300, num_languages=4)
    cases = {
        "languages apart, an effect": replace(base, effect=0.3),
        "languages alike, no effect": replace(base, apart=False),
        "languages alike, an effect": replace(base, apart=False, effect=0.3),
    }
    for method in ("worst_language", "sd_over_languages"):
        for case, world in cases.items():
            for num_seeds in (6, 10):
                measure = partial(AGGREGATES[method], languages=world.languages)
                sized = replace(world, num_seeds=num_seeds)
                yield Row(
                    method=f"multi-bootstrap, {method}", case=f"{case}, {num_seeds} seeds", what="covers", band=COVERS,
                    trial=lambda draw, w=sized, m=measure: holds(contrast(w, draw, m), w.truth_of(m)),
                )  # fmt: skip


def announced_contrasts() -> Iterator[Row]:
    """Power from standard deviations as 300 pilots give them on average, then studies of their own."""
    for num_seeds in (6, 10):
        world = World(num_items=150, num_languages=1, effect=0.3, num_seeds=num_seeds)
        draw = np.random.default_rng(1)
        pilots = [contrast(world, draw) for _ in range(300)]
        seed_sd = np.mean([one.seed_se**2 * one.n for one in pilots]) ** 0.5
        item_se = np.mean([one.item_se**2 for one in pilots]) ** 0.5
        design = Design(num_seeds=num_seeds, seed_sd=float(seed_sd), item_se=float(item_se), num_items=150)
        power = power_of_contrast(design, world.truth())
        yield Row(
            method="multi-bootstrap", case=f"seeds and items, {num_seeds} seeds", what=f"power {power:.3f}",
            band=(power - 0.03, power + 0.03), trial=lambda draw, w=world: found(contrast(w, draw).p),
        )  # fmt: skip


def seeds_alone() -> Iterator[Row]:
    def skewed(draw: np.random.Generator, size: int) -> np.ndarray:
        return draw.exponential(size=size) - 1

    def normal(draw: np.random.Generator, size: int) -> np.ndarray:
        return draw.normal(size=size)

    def collapsing(draw: np.random.Generator, size: int) -> np.ndarray:
        return draw.normal(size=size) - 5 * (draw.random(size) < 0.1) + 0.5

    def still(_: np.random.Generator, size: int) -> np.ndarray:
        return np.zeros(size)

    kinds = {
        "normal": (normal, normal, COVERS),
        "both arms exponential": (skewed, skewed, COVERS),
        "one arm exponential": (skewed, normal, COVERS),
        "limit: exponential differences": (skewed, still, None),
        "limit: one seed in ten collapses, in one arm": (collapsing, normal, None),
    }
    for case, (ours, theirs, band) in kinds.items():
        for size in (6, 10):
            yield Row(
                method="paired t", case=f"{case}, {size} seeds", what="covers", band=band,
                trial=lambda draw, a=ours, b=theirs, n=size: holds(paired_contrast(a(draw, n), b(draw, n)), 0.0),
            )  # fmt: skip
    for size in (6, 10):
        for name, test in (("sign", sign_test), ("sign-flip", sign_flip_test)):
            yield Row(
                method=f"{name} test", case=f"exponential seeds, {size} seeds", what="false alarms", band=ALARMS,
                trial=lambda draw, t=test, n=size: found(t(skewed(draw, n), skewed(draw, n)).p),
            )  # fmt: skip


def announced() -> Iterator[Row]:
    for size in (6, 10):
        design = Design(num_seeds=size, seed_sd=1.2)
        effect = detectable_effect(design)
        yield Row(
            method="paired t", case=f"detectable effect of {size} seeds", what="power 0.800", band=(0.77, 0.83),
            trial=lambda draw, e=effect, n=size: found(
                paired_contrast(e + 1.2 * draw.normal(size=n), np.zeros(n)).p
            ),
        )  # fmt: skip
        effect = detectable_effect(design, test="sign")
        yield Row(
            method="sign test", case=f"detectable effect of {size} seeds", what="power 0.800", band=(0.77, 0.83),
            trial=lambda draw, e=effect, n=size: found(sign_test(e + 1.2 * draw.normal(size=n), np.zeros(n)).p),
        )  # fmt: skip
        power = power_of_signs(design, effect)
        yield Row(
            method="sign-flip test", case=f"the sign test's effect, {size} seeds", what=f"power at least {power:.3f}",
            band=(power - 0.03, 1.0),
            trial=lambda draw, e=effect, n=size: found(sign_flip_test(e + 1.2 * draw.normal(size=n), np.zeros(n)).p),
        )  # fmt: skip


def margins() -> Iterator[Row]:
    for size in (6, 10):
        design = Design(num_seeds=size, seed_sd=1.2)
        for claim, test in (("equivalent", equivalence), ("not worse", non_inferiority)):
            margin = detectable_margin(design, claim=claim)
            for truth, what, band in ((margin, "false alarms", ALARMS), (0.0, "power 0.800", (0.77, 0.83))):
                yield Row(
                    method=f"margin: {claim}", what=what, band=band,
                    case=f"{size} seeds, truth {'at the margin' if truth else '0'}",
                    trial=lambda draw, t=test, m=margin, x=truth, n=size: float(
                        t(paired_contrast(1.2 * draw.normal(size=n) - x, np.zeros(n)), m).holds
                    ),
                )  # fmt: skip
    edge = replace(WORLDS["seeds and items alike"], num_languages=1, effect=-0.15)
    yield Row(
        method="margin: not worse", case="multi-bootstrap, 6 seeds, truth at the margin", what="false alarms",
        band=ALARMS,
        trial=lambda draw: float(non_inferiority(contrast(edge, draw), -edge.truth()).holds),
    )  # fmt: skip


def selections() -> Iterator[Row]:
    for size in (6, 10):
        for case, truths in (("8 equal arms", np.zeros(8)), ("8 arms", np.linspace(0, 0.6, 8))):

            def trial(draw: np.random.Generator, m: np.ndarray = truths, n: int = size) -> float:
                best = best_of(m[:, None] + draw.normal(size=(8, n)), draw.normal(size=n))
                return holds(best, float(m[best.choice.arm]))

            yield Row(method="best of 8, nested", case=f"{case}, {size} seeds", what="covers", band=COVERS, trial=trial)


def several() -> Iterator[Row]:
    def family(draw: np.random.Generator, size: int, num_true: int) -> dict[int, float]:
        values = draw.random(size)
        values[:num_true] *= 1e-3
        return dict(enumerate(values))

    def holm(draw: np.random.Generator) -> float:
        return float(any(one.rejected for place, one in adjusted(family(draw, 10, 3), "holm").items() if place >= 3))

    def false_share(draw: np.random.Generator) -> float:
        hits = [k for k, one in adjusted(family(draw, 40, 20), "benjamini_hochberg").items() if one.rejected]
        return sum(place >= 20 for place in hits) / max(1, len(hits))

    adjusted({0: 0.5}, "holm")
    gc.freeze()  # statsmodels collects garbage in every correction; the modules that are loaded by now are none
    yield Row(method="Holm", case="10 tests, 3 effects", what="any false alarm", band=ALARMS, trial=holm)
    yield Row(
        method="Benjamini-Hochberg", case="40 tests, 20 effects", what="false share", band=ALARMS, trial=false_share
    )


def slopes() -> Iterator[Row]:
    def slope(case: Gains, draw: np.random.Generator) -> Slope:
        return language_slope(**case.rows(draw))

    for name, case in GAINS.items():
        for size in (6, 10):
            sized = replace(case, num_seeds=size)
            yield Row(
                method="mixed model", case=f"{name}, {size} seeds", what="covers", band=COVERS,
                trial=lambda draw, c=sized: holds(slope(c, draw), c.slope),
            )  # fmt: skip
    for name, case in {
        "no family effect": Gains(num_languages=12, num_families=6, family=0.0),
        "languages do not differ at all": Gains(num_languages=20, num_families=6, family=0.0, language=0.0),
    }.items():
        yield Row(
            method="mixed model", case=f"{name}, no slope", what="false alarms", band=ALARMS,
            trial=lambda draw, c=case: found(slope(c, draw).p),
        )  # fmt: skip
    for case, sizes in {"6 families of 3": [3] * 6, "families of 8, 3, 2, 1, 1, 1": [8, 3, 2, 1, 1, 1]}.items():
        families = np.repeat(np.arange(len(sizes)), sizes)

        def trial(draw: np.random.Generator, f: np.ndarray = families) -> float:
            gains, covariate = (draw.normal(size=6)[f] + 0.3 * draw.exponential(size=len(f)) for _ in range(2))
            number = int(draw.integers(1 << 30))
            return float(blocked_permutation(gains, covariate, f.tolist(), resamples=199, seed=number).p <= 0.05)

        yield Row(
            method="blocked permutation",
            case=f"{case}, skewed, no slope",
            what="false alarms",
            band=ALARMS,
            trial=trial,
        )


def announced_slopes() -> Iterator[Row]:
    for name, planned in SLOPES.items():
        least = detectable_slope(planned)
        yield Row(
            method="mixed model", case=f"{name}, detectable slope", what="power 0.800", band=(0.77, 0.83),
            trial=lambda draw, d=planned, x=least: found(language_slope(slope_gains(d, x, draw), **columns(d)).p),
        )  # fmt: skip


def orders() -> Iterator[Row]:
    def trial(draw: np.random.Generator) -> float:
        scores = 3 * draw.normal(size=6) + draw.exponential(size=(4, 6))
        return float(order_test(scores, most=199, seed=int(draw.integers(1 << 30))).p <= 0.05)

    yield Row(
        method="order test", case="4 orders that do not differ, 6 seeds that do, skewed runs", what="false alarms",
        band=ALARMS, trial=trial,
    )  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--simulations", type=int, default=10_000)
    parser.add_argument("--only", default="", help="rows whose method or case has this word")
    arguments = parser.parse_args()
    print("| method | case | what | found | promised | s |\n| --- | --- | --- | --- | --- | --- |", flush=True)
    outside = 0
    makers = (
        seeds_alone,
        announced,
        margins,
        selections,
        several,
        slopes,
        announced_slopes,
        orders,
        cell_slopes,
        scaling,
        one_run,
        contrasts,
        contrasts_of_languages,
        announced_contrasts,
    )
    for row in (row for make in makers for row in make()):
        if arguments.only not in f"{row.method} {row.case}":
            continue
        draw, start = np.random.default_rng(20), time.process_time()
        share = float(np.mean([row.trial(draw) for _ in range(arguments.simulations)]))
        promise = f"{100 * row.band[0]:.1f} to {100 * row.band[1]:.1f} %" if row.band else "limit"
        missed = row.band is not None and not row.band[0] <= share <= row.band[1]
        outside += missed
        print(
            f"| {row.method} | {row.case} | {row.what} | {100 * share:.2f} % | {promise}{' MISSED' if missed else ''} "
            f"| {time.process_time() - start:.0f} |",
            flush=True,
        )
    return 1 if outside else 0


if __name__ == "__main__":
    sys.exit(main())
