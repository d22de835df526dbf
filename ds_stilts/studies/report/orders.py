"""How much the order of intermediate tasks matters: shares of variance, a test, and which task came first and last.

Orders are arms that are sequences of the same tasks, each in another order; of arms with one and the same order the
first counts. All numbers of a target are over the seeds that every order has of it, and over languages that are
zero-shot in every order (all languages where none is).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.labelled import is_zero_shot
from ds_stilts.report.numbers import count
from ds_stilts.statistics.components import Component, pair_name, variance_components
from ds_stilts.statistics.multiplicity import adjusted
from ds_stilts.statistics.orders import OrderResult, order_test
from ds_stilts.studies.guards import labels_seen
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.estimates import AGGREGATES
from ds_stilts.studies.report.gains import Gains

FEWEST_ORDERS = 3
"""Two are a contrast."""
ORDER, SEED, LANGUAGE = "order", "seed", "language"
RUN = pair_name((ORDER, SEED))
"""What one run has of its own in all languages: luck, or an order that suits a seed; one run each cannot tell."""
PLACES = {"last": -1, "first": 0}


@dataclass(frozen=True, kw_only=True)
class TargetOrders:
    """One target."""

    seeds: tuple[int, ...]
    """Intermediate seeds that every order has."""
    languages: tuple[str, ...]
    components: Mapping[str, Component]
    """By `ORDER`, `SEED`, `LANGUAGE`, `RUN` and the residual; of one language without it, and `RUN` is the residual."""
    tests: Mapping[str, OrderResult]
    """By aggregate: the mean over languages, and what the study is about."""
    note: str = ""
    """Why there is nothing."""


@dataclass(frozen=True, kw_only=True)
class Position:
    """A task in one place."""

    arms: tuple[str, ...]
    """Orders that have it there."""
    gains: Mapping[str, float | None]
    """By target, their mean gain over the baseline in points; None: not all of them have one yet."""


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Arms that differ in the order of their tasks."""

    arms: Mapping[str, tuple[str, ...]]
    """By arm, the phases in their order; the tasks of a mixture are one phase, "mnli + qqp"."""
    left_out: tuple[str, ...]
    """Arms that have the order of one before them."""
    targets: Mapping[str, TargetOrders]
    adjusted_p: Mapping[tuple[str, str], float]
    """By target and aggregate, Holm over all these tests."""
    positions: Mapping[tuple[str, str], Position]
    """By place, "last" or "first", and phase."""


def order_effects(evidence: Evidence, gains: Gains) -> tuple[Orders, ...]:
    """Each set of tasks that at least three arms have in different orders."""
    found: dict[tuple[str, ...], dict[tuple[str, ...], list[str]]] = {}
    for name, recipe in evidence.recipes.items():
        arm = recipe.arms[name]
        if arm is not None and arm.sequence:
            order = tuple(" + ".join(sorted(phase.tasks)) for phase in arm.sequence)
            found.setdefault(tuple(sorted(order)), {}).setdefault(order, []).append(name)
    return tuple(_orders(evidence, gains, own) for own in found.values() if len(own) >= FEWEST_ORDERS)


def _orders(evidence: Evidence, gains: Gains, found: Mapping[tuple[str, ...], Sequence[str]]) -> Orders:
    arms = {names[0]: order for order, names in found.items()}
    targets = {target: _target(evidence, tuple(arms), target) for target in evidence.study.targets}
    p = {(target, aggregate): one.p for target, own in targets.items() for aggregate, one in own.tests.items()}
    return Orders(
        arms=arms,
        left_out=tuple(name for names in found.values() for name in names[1:]),
        targets=targets,
        adjusted_p={key: one.adjusted_p for key, one in adjusted(p, "holm").items()},
        positions={
            (place, phase): _position(
                gains, tuple(name for name, order in arms.items() if order[at] == phase), tuple(targets)
            )
            for place, at in PLACES.items()
            for phase in dict.fromkeys(order[at] for order in arms.values())
        },
    )


def _target(evidence: Evidence, arms: tuple[str, ...], target: str) -> TargetOrders:
    whole = [evidence.seeds(name, target) for name in arms]
    seeds = tuple(seed for seed in evidence.study.seeds.intermediate if all(seed in own for own in whole))
    seen = {language for name in arms for language in labels_seen(evidence.recipes[name], name, target)}
    every = evidence.languages(target)
    languages = tuple(language for language in every if is_zero_shot(language, seen)) or every
    components: dict[str, Component] = {}
    tests: dict[str, OrderResult] = {}
    note = ""
    if not languages:
        note = "there is no language that all have"
    elif len(seeds) < 2:
        lacking = [name for name, own in zip(arms, whole, strict=True) if not own]
        note = f"of {', '.join(lacking)} no seed is finished yet" if lacking else (
            f"{count(len(seeds), 'seed')} finished in every order, of at least two"
        )  # fmt: skip
    else:
        scores = np.array(
            [[[evidence.value(name, target, seed, code) for code in languages] for seed in seeds] for name in arms]
        )
        tests = {
            aggregate: order_test(AGGREGATES[aggregate](scores, languages))
            for aggregate in dict.fromkeys(("mean", evidence.study.aggregate))
        }
        try:
            components = _components(scores)
        except StatisticsError as error:
            note = str(error)
    return TargetOrders(seeds=seeds, languages=languages, components=components, tests=tests, note=note)


def _components(scores_OSL: np.ndarray) -> dict[str, Component]:
    if scores_OSL.shape[-1] == 1:
        return variance_components(scores_OSL[..., 0], (ORDER, SEED))
    return variance_components(scores_OSL, (ORDER, SEED, LANGUAGE), together=(ORDER, SEED))


def _position(gains: Gains, arms: tuple[str, ...], targets: Sequence[str]) -> Position:
    found: dict[str, float | None] = {}
    for target in targets:
        own = [_gain(gains, name, target) for name in arms]
        found[target] = None if None in own else fmean(one for one in own if one is not None)
    return Position(arms=arms, gains=found)


def _gain(gains: Gains, name: str, target: str) -> float | None:
    if name == gains.baseline:  # over itself
        return 0.0
    one = gains.arms.get(name)
    return one.targets[target].finding.estimate if one and target in one.targets else None
