"""The contrasts that a study declared, answered from the rows, and judged by what they predicted."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean

import numpy as np

from ds_stilts.errors import StatisticsError
from ds_stilts.report.numbers import count
from ds_stilts.statistics.multi_bootstrap import Cell
from ds_stilts.statistics.selection import choose
from ds_stilts.studies.covariates import UNITS
from ds_stilts.studies.guards import all_languages, cell_languages
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.estimates import Asked, Finding, arm
from ds_stilts.studies.report.overlap import Overlaps, overlaps, remark_of
from ds_stilts.studies.report.typology import OverLanguages, over_languages
from ds_stilts.studies.report.verdicts import Claimed, Judgement, judge
from ds_stilts.studies.sections import Cells, Contrast, Statistics

FEWEST_TO_CHOOSE = 3
"""Seeds: one to choose on, and two that show a spread."""
_NAMED = 3
"""Languages without rows that a remark names; the tables by language show them all."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """One contrast."""

    name: str
    contrast: Contrast
    finding: Finding
    judgement: Judgement
    num_languages: int
    targets: tuple[str, ...]
    chosen: str
    """Of the best of several arms: which was chosen where, and on what; "" of a single arm."""
    slope: OverLanguages | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Questions:
    """What contrasts ask of the rows."""

    contrasts: Mapping[str, Contrast]
    asked: Mapping[str, Asked]
    """By contrast; those that cannot be asked are missing."""
    chosen: Mapping[str, str]
    failed: Mapping[str, str]
    """Why a contrast cannot be asked."""

    def to_answer(self) -> list[Asked]:
        """What `estimates.answer` is to answer: all but slopes, which are not means."""
        return [one for name, one in self.asked.items() if not self.contrasts[name].slope]


def question_contrasts(evidence: Evidence, contrasts: Mapping[str, Contrast]) -> Questions:
    """What to ask of the rows, so that it can be answered from one set of draws with other things."""
    asked: dict[str, Asked] = {}
    chosen: dict[str, str] = {}
    failed: dict[str, str] = {}
    for name, contrast in contrasts.items():
        try:
            asked[name], chosen[name] = _ask(evidence, name, contrast)
        except StatisticsError as error:
            failed[name] = str(error)
    return Questions(contrasts=contrasts, asked=asked, chosen=chosen, failed=failed)


def judge_contrasts(
    evidence: Evidence,
    questions: Questions,
    findings: Mapping[Hashable, Finding],
    statistics: Statistics,
    *,
    family: bool | None = None,
) -> dict[str, Answered]:
    """Judge contrasts that belong together.

    Args:
        findings: answers to `questions`.
        family: whether all of them are corrected for multiplicity together; None: those that are confirmatory.
    """
    contrasts, asked = questions.contrasts, questions.asked
    slopes = {
        name: over_languages(evidence, asked[name], contrast.slope)
        for name, contrast in contrasts.items()
        if contrast.slope and name in asked
    }
    found = {}
    for name, contrast in contrasts.items():
        if name not in asked:
            found[name] = Finding(estimate=None, note=questions.failed[name])
            continue
        own = slopes[name].finding if name in slopes else findings[asked[name].name]
        found[name] = _with_missing(evidence, contrast, own)
    claims: dict[Hashable, Claimed] = {
        name: Claimed(
            predicted=contrast.predicted,
            finding=found[name],
            in_family=contrast.predicted is not None and (contrast.confirmatory if family is None else family),
            unit=UNITS[contrast.slope] if contrast.slope else "points",
        )
        for name, contrast in contrasts.items()
    }
    judged = judge(claims, statistics)
    overlapping = overlaps(evidence)
    said = {
        name: one if one.estimate is None else replace(one, overlap=_overlap(overlapping, asked[str(name)]))
        for name, one in judged.items()
    }
    return {
        name: Answered(
            name=name,
            contrast=contrast,
            finding=found[name],
            judgement=said[name],
            num_languages=_num_languages(asked[name]) if name in asked else 0,
            targets=tuple(evidence.study.targets_of(contrast.of)),
            chosen=questions.chosen.get(name, ""),
            slope=slopes.get(name),
        )
        for name, contrast in contrasts.items()
    }


def _overlap(overlapping: Overlaps, asked: Asked) -> str:
    """Which of the arms that are compared have trained on a compared target's own data; of several those chosen."""
    return remark_of(
        overlapping,
        [
            (name, target)
            for one in asked.differences
            for target, _ in one.all_cells
            for name in (one.ours[target], one.theirs)
        ],
    )


def _num_languages(asked: Asked) -> int:
    return len({language for one in asked.differences for _, language in one.cells})


def cells_in(evidence: Evidence, contrast: Contrast, cells: Cells) -> tuple[Cell, ...]:
    """The (target, language) that a part of a contrast is about, of those that are scored; a target of which nothing
    is scored yet stands there with the languages that it will be scored in."""
    wanted = cell_languages(evidence.study, evidence.recipes, contrast, cells)
    found: list[Cell] = []
    for target, languages in wanted.items():
        scored = evidence.languages(target)
        found += [(target, language) for language in languages if not scored or language in scored]
    return tuple(found)


def _ask(evidence: Evidence, name: str, contrast: Contrast) -> tuple[Asked, str]:
    """What to estimate, and which arms were chosen.

    Raises:
        StatisticsError: too few seeds to choose the best arm on some and score it on others.
    """
    first, *others = [_difference(evidence, name, one) for one in contrast.differences()]
    asked = replace(first, also=tuple(others))
    return _best(evidence, contrast, asked) if contrast.best_of else (asked, "")


def _difference(evidence: Evidence, name: str, contrast: Contrast) -> Asked:
    return Asked(
        name=("contrast", name),
        ours=arm(contrast.arm or "", evidence.study.targets),
        theirs=contrast.against,
        cells=cells_in(evidence, contrast, contrast.of),
        minus=cells_in(evidence, contrast, contrast.minus) if contrast.minus else (),
        aggregate=contrast.aggregate or evidence.study.aggregate,
    )


def _best(evidence: Evidence, contrast: Contrast, asked: Asked) -> tuple[Asked, str]:
    """For each target the best arm, chosen on the dev split where every run has one, on some seeds; scored on the
    others."""
    arms = contrast.best_of or []
    targets = list(dict.fromkeys(target for target, _ in asked.all_cells))
    whole = [evidence.seeds(name, target) for name in contrast.arms for target in targets]
    common = set.intersection(*whole) if whole else set()
    seeds = [seed for seed in evidence.study.seeds.intermediate if seed in common]
    if len(seeds) < FEWEST_TO_CHOOSE:
        raise StatisticsError(
            f"{count(len(seeds), 'seed')} finished in all of its arms and targets; to choose the best on some and "
            f"score it on others takes {FEWEST_TO_CHOOSE}"
        )
    ours, said = {}, []
    score_on: tuple[int, ...] = ()
    for target in targets:
        languages = [language for own, language in asked.cells if own == target]
        dev = [[evidence.dev(name, target, seed) for seed in seeds] for name in arms]
        on_dev = all(value is not None for row in dev for value in row)
        looked_at = (
            dev
            if on_dev
            else [
                [fmean(evidence.value(name, target, seed, code) for code in languages) for seed in seeds]
                for name in arms
            ]
        )
        choice = choose(np.array(looked_at, np.float64))
        ours[target] = arms[choice.arm]
        score_on = tuple(seeds[place] for place in choice.score_on)
        chosen_on = ", ".join(str(seeds[place]) for place in choice.chosen_on)
        said.append(
            f"{target}: {arms[choice.arm]}, on {'dev' if on_dev else 'the scored split'} of seeds {chosen_on} "
            f"({choice.stability:.0%} of other halves agree)"
        )
    scored = ", ".join(map(str, score_on))
    return replace(asked, ours=ours, seeds=score_on), f"{'; '.join(said)}; scored on seeds {scored}"


def _with_missing(evidence: Evidence, contrast: Contrast, finding: Finding) -> Finding:
    """The finding with a note of seeds that are not paired, and of languages that no rows are of."""
    if finding.estimate is None:
        return finding
    said = [finding.note] if finding.note else []
    missing = [seed for seed in evidence.study.seeds.intermediate if seed not in finding.seeds]
    if missing and not contrast.best_of:
        noun = "seed" if len(missing) == 1 else "seeds"
        arms = "all" if contrast.rotations else "both"
        said.append(f"{noun} {', '.join(map(str, missing))} not finished in {arms} arms")
    for key in ("of", "minus"):
        wanted = all_languages(evidence.study, evidence.recipes, contrast, key)
        for target, languages in wanted.items():
            if lacking := [code for code in languages if code not in evidence.languages(target)]:
                more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
                said.append(f"{target} not scored in {', '.join(lacking[:_NAMED])}{more}, which are left out")
    return replace(finding, note="; ".join(said))
