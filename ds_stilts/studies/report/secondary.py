"""Secondary measures: what the source language gains, the gap of transfer to the others, and calibration by language.

They are described, not tested: no verdict rests on them, and nothing is corrected for their number. Aggregates over
languages are other secondary measures, in `gains`.

The gap is the value in the source language minus the mean over the languages that means are over (XTREME: Hu et al.
2020, arXiv:2003.11080, section 5.1), of targets that are scored in both, and then the mean over targets. Calibration is
`evaluation.calibration`'s error, which is no sum over items: its intervals cover seeds only.
"""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace

from ds_stilts.statistics.multi_bootstrap import Cell
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.estimates import Asked, Finding, answer, arm, level
from ds_stilts.studies.report.gains import Comparisons
from ds_stilts.synthetic.languages import SOURCE

SOURCES = ("en", SOURCE)
"""English, and the made-up language that plays it."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One measure of one arm."""

    level: float | None
    """The arm's own value, in percent, of a gap in points; the mean over its finished seeds."""
    change: Finding | None
    """Minus the baseline's, over paired seeds; None of the baseline, and of what cannot be compared."""


@dataclass(frozen=True, kw_only=True)
class Secondary:
    """Secondary measures of every arm, over targets of the overall mean."""

    gap_targets: tuple[str, ...]
    """Those that are scored in the source language too."""
    source: Mapping[str, Measured]
    """By arm, the value in the source language."""
    others: Mapping[str, Measured]
    """The mean over the other languages of the same targets."""
    gap: Mapping[str, Measured]
    """`source` minus `others`."""
    calibrated_targets: tuple[str, ...]
    """Those whose rows have a confidence."""
    calibration: Mapping[str, Measured]
    """By arm, expected calibration error in percent, over the languages of the overall mean."""
    by_language: Mapping[tuple[str, str], Measured]
    """By language and arm, the same; of every language, the source too."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SecondaryQuestions:
    """What the measures that are made of scores ask of the rows, before any number is known."""

    compared: Comparisons
    source: Mapping[str, tuple[Cell, ...]]
    """By arm."""
    others: Mapping[str, tuple[Cell, ...]]

    def to_answer(self, evidence: Evidence) -> list[Asked]:
        """What `estimates.answer` is to answer."""
        return [one for name in self.compared.finished for one in self._ask(evidence, name)]

    def _ask(self, evidence: Evidence, name: str) -> Iterable[Asked]:
        source, others = self.source[name], self.others[name]
        for measure, cells, minus in (("source", source, ()), ("others", others, ()), ("gap", source, others)):
            yield _difference(evidence, self.compared, name, ("secondary", name, measure), cells, minus)


def question_secondary(evidence: Evidence, compared: Comparisons) -> SecondaryQuestions:
    """What to ask of the rows, so that it can be answered from one set of draws with other things."""
    source, others = {}, {}
    for name in evidence.study.arms:
        own = [cell for cell in compared.own_cells(name) if cell[0] in compared.common and cell[1] not in SOURCES]
        of_source = {target: _source(evidence, target) for target in dict.fromkeys(target for target, _ in own)}
        source[name] = tuple((target, code) for target, code in of_source.items() if code)
        others[name] = tuple(cell for cell in own if of_source[cell[0]])
    return SecondaryQuestions(compared=compared, source=source, others=others)


def secondary(evidence: Evidence, questions: SecondaryQuestions, findings: Mapping[Hashable, Finding]) -> Secondary:
    """All of them, from answers to what `questions` asks."""
    compared, arms = questions.compared, tuple(evidence.study.arms)
    values = {
        name: (level(evidence, name, questions.source[name]), level(evidence, name, questions.others[name]))
        for name in arms
    }

    def measured(measure: str, own: Mapping[str, float | None]) -> dict[str, Measured]:
        return {name: Measured(level=own[name], change=findings.get(("secondary", name, measure))) for name in arms}

    gaps = {
        name: None if source is None or others is None else source - others for name, (source, others) in values.items()
    }
    errors = _errors(evidence)
    scored = [(target, code) for target in compared.common for code in errors.languages(target)]
    codes = dict.fromkeys(code for _, code in scored)
    wanted: dict[tuple[str, ...], list[Cell]] = {
        (name,): [cell for cell in compared.own_cells(name) if cell in scored] for name in arms
    }
    for code in codes:
        wanted |= {(code, name): [cell for cell in scored if cell[1] == code] for name in arms}
    found = _measure(errors, compared, wanted)
    return Secondary(
        gap_targets=tuple(target for target in compared.common if _source(evidence, target)),
        source=measured("source", {name: pair[0] for name, pair in values.items()}),
        others=measured("others", {name: pair[1] for name, pair in values.items()}),
        gap=measured("gap", gaps),
        calibrated_targets=tuple(dict.fromkeys(target for target, _ in scored)),
        calibration={name: found[name,] for name in arms},
        by_language={(code, name): found[code, name] for code in codes for name in arms},
    )


def _source(evidence: Evidence, target: str) -> str | None:
    """The source language of a target, if it is scored in it."""
    scored = evidence.languages(target)
    return next((code for code in SOURCES if code in scored), None)


def _errors(evidence: Evidence) -> Evidence:
    """The same with calibration errors for values, which are made of no sums."""
    scored = {
        key: {
            seed: tuple(replace(one, values=one.calibration, tallies=dict.fromkeys(one.calibration)) for one in own)
            for seed, own in seeds.items()
        }
        for key, seeds in evidence.scored.items()
    }
    return replace(evidence, scored=scored)


def _measure(
    errors: Evidence, compared: Comparisons, wanted: Mapping[tuple[str, ...], list[Cell]]
) -> dict[tuple[str, ...], Measured]:
    """Each of the wanted means; the last part of a name is its arm."""
    asked = [
        _difference(errors, compared, name[-1], name, cells)
        for name, cells in wanted.items()
        if name[-1] in compared.finished
    ]
    findings = answer(errors, asked)
    return {
        name: Measured(level=level(errors, name[-1], cells), change=findings.get(name))
        for name, cells in wanted.items()
    }


def _difference(
    evidence: Evidence,
    compared: Comparisons,
    name: str,
    key: Hashable,
    cells: Iterable[Cell],
    minus: Iterable[Cell] = (),
) -> Asked:
    return Asked(
        name=key,
        ours=arm(name, evidence.study.targets),
        theirs=compared.baseline,
        cells=tuple(cells),
        minus=tuple(minus),
    )
