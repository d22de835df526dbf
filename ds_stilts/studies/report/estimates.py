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

OURS, THEIRS = 1, 2
"""Places in `_Pass.sides`."""
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
    """One number: an arm minus another, over some cells, less the same over other cells if there are any.

    Or the mean of several such differences, each of its own arms over its own cells (rotating hold-outs). That mean is
    taken within each seed and each draw of items, since the differences may share arms, items and what a seed adds.
    """

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
    also: tuple["Asked", ...] = ()
    """Further differences, of the same weight each as this one."""

    @property
    def differences(self) -> tuple["Asked", ...]:
        """All that the number is the mean of."""
        return (replace(self, also=()), *self.also) if self.also else (self,)

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
    of_each: tuple[float, ...] = ()
    """Where several differences are averaged, the number of each."""
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
        if not all(own.cells for own in one.differences):
            found[one.name] = Finding(estimate=None, note="there is no language to compare in")
        elif not seeds:
            found[one.name] = Finding(estimate=None, note=_why_unpaired(evidence, one))
        else:
            arms = tuple(sorted({(target, one.ours[target]) for target, _ in one.all_cells}))
            # One arm for all targets: all that is asked of it shares the draws.
            key: Hashable = arms[0][1] if len({name for _, name in arms}) == 1 else arms
            key = ("averaged", one.name) if one.also else key
            groups[key, one.theirs, seeds].append(one)
    for (_, _, seeds), own in groups.items():  # type: ignore[misc]
        found |= _Pass.of(evidence, own, seeds).answers()
    return {name: found[name] for name in order}


def paired_seeds(evidence: Evidence, asked: Asked) -> tuple[int, ...]:
    """Seeds that all arms have of every target that is asked of them, in the study's order."""
    whole = [
        evidence.seeds(one.ours[target], target) & evidence.seeds(one.theirs, target)
        for one in asked.differences
        for target in {target for target, _ in one.all_cells}
    ]
    common = set.intersection(*whole) if whole else set()
    return tuple(
        seed
        for seed in evidence.study.seeds.intermediate
        if seed in common and (asked.seeds is None or seed in asked.seeds)
    )


def _why_unpaired(evidence: Evidence, asked: Asked) -> str:
    for one in asked.differences:
        for target in dict.fromkeys(target for target, _ in one.all_cells):
            for name in (one.ours[target], one.theirs):
                if not evidence.seeds(name, target):
                    return f"arm '{name}' has no finished seed of '{target}' yet"
    return f"no seed is finished in {'all' if asked.also else 'both'} arms and all targets"


def _key(target: str, place: int) -> str:
    """A target among what one pass compares: its name, in further differences with a number behind it."""
    return target if place == 0 else f"{target} ({place + 1})"


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pass:
    """What is answered from the same runs."""

    evidence: Evidence
    asked: Sequence[Asked]
    seeds: tuple[int, ...]
    sides: Mapping[str, tuple[str, str, str]]
    """By `_key`: the target, our arm and theirs."""
    cells: tuple[Cell, ...]
    """(`_key`, language) of all that is asked, in the order of `cells_of`."""
    measures: Mapping[Hashable, Measure] = field(default_factory=dict)

    @staticmethod
    def of(evidence: Evidence, asked: Sequence[Asked], seeds: tuple[int, ...]) -> "_Pass":
        sides: dict[str, tuple[str, str, str]] = {}
        cells: set[Cell] = set()
        for place, one in ((place, one) for whole in asked for place, one in enumerate(whole.differences)):
            for target, language in one.all_cells:
                sides[_key(target, place)] = target, one.ours[target], one.theirs
                cells.add((_key(target, place), language))
        in_order = tuple(sorted(cells))
        return _Pass(
            evidence=evidence,
            asked=asked,
            seeds=seeds,
            sides=sides,
            cells=in_order,
            measures={one.name: _measure(one, in_order) for one in asked},
        )

    def answers(self) -> dict[Hashable, Finding]:
        ours, theirs = self._values(OURS), self._values(THEIRS)

        def differ(measure: Measure) -> tuple[float, ...]:
            return tuple(map(float, measure(ours) - measure(theirs)))

        per_seed = {name: differ(measure) for name, measure in self.measures.items()}
        of_each = {
            one.name: tuple(float(np.mean(differ(measure))) for measure in _measures(one, self.cells))
            for one in self.asked
            if one.also
        }
        found, note = self._estimates(per_seed)
        return {
            name: Finding(
                estimate=float(np.mean(own)), found=found.get(name), seeds=self.seeds, per_seed=own,
                of_each=of_each.get(name, ()), note=note,
            )
            for name, own in per_seed.items()
        }  # fmt: skip

    def _estimates(self, per_seed: Mapping[Hashable, tuple[float, ...]]) -> tuple[dict[Hashable, Estimate], str]:
        if len(self.seeds) < 2:
            return {}, "one paired seed shows no spread over seeds: no interval"
        ours, theirs = self._scores(OURS), self._scores(THEIRS)
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

    def _values(self, side: int) -> np.ndarray:
        """[seeds, cells] in percent."""
        read = [(self.sides[key][side], self.sides[key][0], language) for key, language in self.cells]
        return np.array(
            [[self.evidence.value(arm, target, seed, code) for arm, target, code in read] for seed in self.seeds]
        )

    def _scores(self, side: int) -> list[SeedScores] | None:
        """By seed; None where a cell's value is not made of sums."""
        scores: list[SeedScores] = []
        for seed in self.seeds:
            own: dict[str, dict[str, Tally]] = {}
            for key, language in self.cells:
                sums = self.evidence.tally(self.sides[key][side], self.sides[key][0], seed, language)
                if sums is None:
                    return None
                own.setdefault(key, {})[language] = sums
            scores.append(own)
        assert cells_of(scores[0]) == self.cells
        return scores


def _measure(asked: Asked, cells: Sequence[Cell]) -> Measure:
    each = _measures(asked, cells)
    return each[0] if len(each) == 1 else lambda values: np.mean([measure(values) for measure in each], axis=0)


def _measures(asked: Asked, cells: Sequence[Cell]) -> list[Measure]:
    """Of each difference; cells are those of a pass."""
    return [_one_measure(one, place, cells) for place, one in enumerate(asked.differences)]


def _one_measure(asked: Asked, place: int, cells: Sequence[Cell]) -> Measure:
    over = AGGREGATES[asked.aggregate]

    def of(chosen: Iterable[Cell]) -> Measure:
        places: dict[str, list[int]] = {}
        for target, language in chosen:
            places.setdefault(target, []).append(cells.index((_key(target, place), language)))
        named = [(own, [cells[column][1] for column in own]) for own in places.values()]
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
