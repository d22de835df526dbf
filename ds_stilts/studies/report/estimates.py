"""Numbers of one arm minus another over paired seeds: what is asked, and what the rows answer.

Everything that is asked of the same two arms and seeds is answered from one set of draws. Where values are no sums over
items, seeds alone are looked at; where there is one seed, there is a number without an interval. Each answer names its
method.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.report.facts import language_facts
from ds_stilts.statistics.bootstrap import Tally
from ds_stilts.statistics.estimate import Estimate, paired_contrast
from ds_stilts.statistics.fairness import family_mean, gini, worst, worst_decile
from ds_stilts.statistics.multi_bootstrap import Cell, Contrast, Measure, SeedScores, cells_of, multi_bootstrap
from ds_stilts.studies.report.collect import Evidence

OverLanguages = Callable[[np.ndarray, Sequence[str]], np.ndarray]
"""From values [..., languages] of one target, and the languages, to one value [...]."""

AGGREGATES: Mapping[str, OverLanguages] = {
    "mean": lambda values, languages: values.mean(axis=-1),
    "worst_language": lambda values, languages: worst(values),
    "worst_decile": lambda values, languages: worst_decile(values),
    "family_mean": lambda values, languages: family_mean([language_facts(one).family for one in languages])(values),
    "sd_over_languages": lambda values, languages: values.std(axis=-1),
    "gini": lambda values, languages: gini(values),
}
"""Ways to put the languages of one target together; targets are then averaged."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One number: an arm minus another, over some cells, less the same over other cells if there are any."""

    name: Hashable
    ours: Mapping[str, str]
    """By target, the arm; the same for all but where the best of several is taken for each target."""
    theirs: str
    cells: tuple[Cell, ...]
    """(target, language)."""
    minus: tuple[Cell, ...] = ()
    aggregate: str = "mean"
    """One of `AGGREGATES`."""
    seeds: tuple[int, ...] | None = None
    """Only these; None: all that are paired."""

    @property
    def all_cells(self) -> tuple[Cell, ...]:
        return tuple(dict.fromkeys(self.cells + self.minus))


@dataclass(frozen=True, kw_only=True)
class Finding:
    """The answer."""

    estimate: float | None
    """In points; None: nothing is paired, and `note` says why."""
    found: Estimate | None = None
    """With interval and p; None: `note` says why there is none."""
    seeds: tuple[int, ...] = ()
    """Intermediate seeds that are paired."""
    per_seed: tuple[float, ...] = ()
    """The number of each."""
    note: str = ""

    @property
    def seed_sd(self) -> float:
        """Of the number over seeds."""
        return float(np.std(self.per_seed, ddof=1)) if len(self.per_seed) > 1 else 0.0

    @property
    def item_se(self) -> float:
        """Standard error from the test items alone."""
        return self.found.item_se if isinstance(self.found, Contrast) else 0.0


def arm(name: str, targets: Iterable[str]) -> dict[str, str]:
    """`Asked.ours` of one arm."""
    return dict.fromkeys(targets, name)


def answer(evidence: Evidence, asked: Iterable[Asked]) -> dict[Hashable, Finding]:
    """Every number that is asked, by its name."""
    found: dict[Hashable, Finding] = {}
    groups: dict[Hashable, list[Asked]] = defaultdict(list)
    order = []
    for one in asked:
        order.append(one.name)
        seeds = paired_seeds(evidence, one)
        if not one.cells:
            found[one.name] = Finding(estimate=None, note="there is no language to compare in")
        elif not seeds:
            found[one.name] = Finding(estimate=None, note=_why_unpaired(evidence, one))
        else:
            arms = tuple(sorted({(target, one.ours[target]) for target, _ in one.all_cells}))
            # One arm for all targets: all that is asked of it shares the draws.
            key = arms[0][1] if len({name for _, name in arms}) == 1 else arms
            groups[key, one.theirs, seeds].append(one)
    for (_, _, seeds), own in groups.items():  # type: ignore[misc]
        found |= _Pass.of(evidence, own, seeds).answers()
    return {name: found[name] for name in order}


def paired_seeds(evidence: Evidence, asked: Asked) -> tuple[int, ...]:
    """Seeds that both arms have of every target that is asked for, in the study's order."""
    whole = [
        evidence.seeds(asked.ours[target], target) & evidence.seeds(asked.theirs, target)
        for target in {target for target, _ in asked.all_cells}
    ]
    common = set.intersection(*whole) if whole else set()
    return tuple(
        seed
        for seed in evidence.study.seeds.intermediate
        if seed in common and (asked.seeds is None or seed in asked.seeds)
    )


def _why_unpaired(evidence: Evidence, asked: Asked) -> str:
    for target in dict.fromkeys(target for target, _ in asked.all_cells):
        for name in (asked.ours[target], asked.theirs):
            if not evidence.seeds(name, target):
                return f"arm '{name}' has no finished seed of '{target}' yet"
    return "no seed is finished in both arms and all targets"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pass:
    """What is answered from the same runs."""

    evidence: Evidence
    asked: Sequence[Asked]
    seeds: tuple[int, ...]
    ours: Mapping[str, str]
    theirs: str
    cells: tuple[Cell, ...]
    """Of all that is asked, in the order of `cells_of`."""
    measures: Mapping[Hashable, Measure] = field(default_factory=dict)

    @staticmethod
    def of(evidence: Evidence, asked: Sequence[Asked], seeds: tuple[int, ...]) -> "_Pass":
        cells = tuple(sorted({cell for one in asked for cell in one.all_cells}))
        ours: dict[str, str] = {}
        for one in asked:
            ours |= one.ours
        return _Pass(
            evidence=evidence,
            asked=asked,
            seeds=seeds,
            ours=ours,
            theirs=asked[0].theirs,
            cells=cells,
            measures={one.name: _measure(one, cells) for one in asked},
        )

    def answers(self) -> dict[Hashable, Finding]:
        values = self._values(lambda target: self.ours[target]), self._values(lambda _: self.theirs)
        per_seed = {
            name: tuple(map(float, measure(values[0]) - measure(values[1]))) for name, measure in self.measures.items()
        }
        found, note = self._estimates(per_seed)
        return {
            name: Finding(
                estimate=float(np.mean(own)), found=found.get(name), seeds=self.seeds, per_seed=own, note=note
            )
            for name, own in per_seed.items()
        }

    def _estimates(self, per_seed: Mapping[Hashable, tuple[float, ...]]) -> tuple[dict[Hashable, Estimate], str]:
        if len(self.seeds) < 2:
            return {}, "one paired seed shows no spread over seeds: no interval"
        ours, theirs = self._scores(lambda target: self.ours[target]), self._scores(lambda _: self.theirs)
        if ours is not None and theirs is not None:
            try:
                resamples = self.evidence.study.statistics.resamples
                return dict(multi_bootstrap(ours, theirs, self.measures, resamples=resamples)), ""
            except StatisticsError as error:
                return self._over_seeds(per_seed), f"over seeds only, since items do not pair: {error}"
        return self._over_seeds(per_seed), "over seeds only: a value is not made of sums over items"

    def _over_seeds(self, per_seed: Mapping[Hashable, tuple[float, ...]]) -> dict[Hashable, Estimate]:
        return {
            name: paired_contrast(np.array(own), np.zeros(len(own)))
            for name, own in per_seed.items()
            if np.isfinite(own).all()
        }

    def _values(self, arm_of: Callable[[str], str]) -> np.ndarray:
        """[seeds, cells] in percent."""
        return np.array(
            [
                [self.evidence.value(arm_of(target), target, seed, language) for target, language in self.cells]
                for seed in self.seeds
            ]
        )

    def _scores(self, arm_of: Callable[[str], str]) -> list[SeedScores] | None:
        """By seed; None where a cell's value is not made of sums."""
        scores: list[SeedScores] = []
        for seed in self.seeds:
            own: dict[str, dict[str, Tally]] = {}
            for target, language in self.cells:
                sums = self.evidence.tally(arm_of(target), target, seed, language)
                if sums is None:
                    return None
                own.setdefault(target, {})[language] = sums
            scores.append(own)
        assert cells_of(scores[0]) == self.cells
        return scores


def _measure(asked: Asked, cells: Sequence[Cell]) -> Measure:
    over = AGGREGATES[asked.aggregate]

    def of(chosen: Iterable[Cell]) -> Measure:
        places: dict[str, list[int]] = {}
        for cell in chosen:
            places.setdefault(cell[0], []).append(cells.index(cell))
        named = [(own, [cells[place][1] for place in own]) for own in places.values()]
        return lambda values: np.mean([over(values[..., own], languages) for own, languages in named], axis=0)

    first, second = of(asked.cells), of(asked.minus) if asked.minus else None
    return first if second is None else lambda values: first(values) - second(values)


def level(evidence: Evidence, name: str, cells: Sequence[Cell], aggregate: str = "mean") -> float | None:
    """One arm's own value over some cells, the mean over its finished seeds; None where it has none of all targets."""
    asked = Asked(name=name, ours=arm(name, (target for target, _ in cells)), theirs=name, cells=tuple(cells))
    seeds = paired_seeds(evidence, asked)
    if not cells or not seeds:
        return None
    values = np.array([[evidence.value(name, target, seed, language) for target, language in cells] for seed in seeds])
    return float(_measure(replace(asked, aggregate=aggregate), cells)(values).mean())
