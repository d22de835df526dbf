"""What each arm gains over the baseline: by target, group of tasks, language, kind of language, and in all.

Means are over languages that are zero-shot in both arms. An overall mean is over the targets that every compared arm
has finished and of whose training data no arm has seen anything; with the overlapping ones it is shown apart. Targets
with perturbed texts have their own rows and are in no mean.
"""

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass

from ds_stilts.labelled import is_zero_shot, train_languages
from ds_stilts.report.facts import language_facts
from ds_stilts.report.kinds import KINDS
from ds_stilts.statistics.multi_bootstrap import Cell
from ds_stilts.statistics.multiplicity import adjusted
from ds_stilts.studies.guards import labels_seen
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.estimates import AGGREGATES, Asked, Finding, arm, level
from ds_stilts.studies.report.overlap import Overlaps, overlaps
from ds_stilts.studies.report.typology import OverLanguages, over_languages
from ds_stilts.tasks import get_task
from ds_stilts.tasks.languages import known_languages
from ds_stilts.tasks.languages import language_facts as all_facts

GROUPS = {
    "sentence_pair": "classification", "multiple_choice": "multiple choice", "tagging": "tagging",
    "span_qa": "question answering", "pair_regression": "similarity", "retrieval": "retrieval",
    "mining": "retrieval", "ranking": "retrieval",
}  # fmt: skip
"""Group of tasks by format, as XTREME's."""

OVERALL, WITH_OVERLAP = ("overall",), ("with overlap",)
FAIR = tuple(name for name in AGGREGATES if name != "mean")


@dataclass(frozen=True, kw_only=True)
class Gain:
    """One number of an arm minus the baseline, with its p among the others of its table."""

    finding: Finding
    adjusted_p: float | None = None
    """Holm over the arm × task table; false discovery rate (Benjamini and Hochberg) over arm × language."""


@dataclass(frozen=True, kw_only=True)
class ArmGains:
    """One arm against the baseline."""

    arm: str
    targets: Mapping[str, Gain]
    overall: Gain
    with_overlap: Gain | None
    """Over all finished targets, where some overlap."""
    groups: Mapping[str, Finding]
    left_out: Mapping[str, Finding]
    """By target, the overall mean without it."""
    fair: Mapping[str, Finding]
    """By aggregate, over the overall mean's cells."""
    languages: Mapping[str, Gain]
    """The mean over targets that have the language; also of languages that are not zero-shot."""
    cells: Mapping[Cell, Finding]
    kinds: Mapping[tuple[str, str], Finding]
    """By ("word order", "SOV"), …."""
    distance: OverLanguages


@dataclass(frozen=True, kw_only=True)
class Gains:
    """Every arm against the baseline."""

    baseline: str
    arms: Mapping[str, ArmGains]
    common: tuple[str, ...]
    """Targets of the overall mean."""
    overlaps: Overlaps
    not_zero_shot: Mapping[str, tuple[str, ...]]
    """By language, the arms in whose targets it is not zero-shot for every target."""
    labelled: tuple[str, ...]
    """Arms that have no zero-shot language with the baseline: their means are over languages with labels."""
    levels: Mapping[tuple[str, str], float | None]
    """By arm and aggregate, the arm's own value over the cells of the overall mean."""
    targets: Mapping[tuple[str, str], float | None]
    """By arm and target, the arm's own value over zero-shot languages."""
    kinds: Mapping[tuple[str, str], tuple[str, ...]]
    """The languages of each kind, of those that means over kinds are over."""

    @property
    def uneven(self) -> tuple[str, ...]:
        """Languages that are not zero-shot in some arms only, so that the means of these lack them; arms without any
        other language have them in their means, and do not count."""
        some = {name for name in (self.baseline, *self.arms) if name not in self.labelled}
        return tuple(code for code, names in self.not_zero_shot.items() if set(names) & some and not some <= set(names))


def language_targets(one: ArmGains, language: str, common: Iterable[str]) -> list[str]:
    """The targets that an arm's gain in a language is the mean of: those of the overall mean, or all where none of
    these has the language."""
    having = [target for target, own in one.cells if own == language]
    return [target for target in having if target in common] or having


def group_of(target: str) -> str:
    """The group of tasks that a target belongs to."""
    return GROUPS[get_task(target).format]


def baseline_of(evidence: Evidence) -> str:
    """The first arm that is declared as one, else the first arm."""
    arms = evidence.study.arms
    return next((name for name, one in arms.items() if one.role == "baseline"), next(iter(arms)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparisons:
    """What is compared with the baseline, before any number is known."""

    baseline: str
    finished: Mapping[str, list[str]]
    """By arm that can be compared, the targets that it and the baseline have a seed of."""
    common: tuple[str, ...]
    overlaps: Overlaps
    cells: Mapping[str, tuple[list[Cell], bool]]
    """By arm, what its means are over, and whether labels were seen there."""
    kinds: Mapping[tuple[str, str], tuple[str, ...]]

    def to_answer(self, evidence: Evidence) -> list[Asked]:
        """What `estimates.answer` is to answer."""
        return [one for name in self.finished for one in _ask(evidence, self, name)]

    def own_cells(self, name: str) -> list[Cell]:
        """An arm's cells; the baseline's are those that all arms share."""
        if name in self.cells:
            return self.cells[name][0]
        all_cells = [own for own, _ in self.cells.values()]
        return [cell for cell in all_cells[0] if all(cell in own for own in all_cells)] if all_cells else []


def compare(evidence: Evidence) -> Comparisons:
    """What can be compared so far."""
    base, study = baseline_of(evidence), evidence.study
    found = overlaps(evidence)
    finished = {
        name: [target for target in study.targets if evidence.seeds(name, target) & evidence.seeds(base, target)]
        for name in study.arms
        if name != base
    }
    finished = {name: targets for name, targets in finished.items() if targets}
    overlapping = {target for _, target in found}
    cells = {name: _cells(evidence, name, base, targets) for name, targets in finished.items()}
    common = tuple(
        target
        for target in study.clean_targets()
        if finished and target not in overlapping and all(target in targets for targets in finished.values())
    )
    counted = [_counted(own, common, study.clean_targets()) for own, _ in cells.values()]
    return Comparisons(
        baseline=base,
        finished=finished,
        common=common,
        overlaps=found,
        cells=cells,
        kinds=_kinds({language for own in counted for _, language in own}),
    )


def gains(evidence: Evidence, compared: Comparisons, findings: Mapping[Hashable, Finding]) -> Gains:
    """Everything that is compared with the baseline, from answers to what `compared` asks."""
    study = evidence.study
    by_arm = {
        name: {asked.name[1:]: findings[asked.name] for asked in _ask(evidence, compared, name)}  # type: ignore[index]
        for name in compared.finished
    }
    table = _adjusted(by_arm, "target", "holm")
    rates = _adjusted(by_arm, "language", "benjamini_hochberg")
    own = {name: compared.own_cells(name) for name in study.arms}
    return Gains(
        baseline=compared.baseline,
        arms={name: _arm_gains(evidence, compared, name, by_arm[name], table, rates) for name in compared.finished},
        common=compared.common,
        overlaps=compared.overlaps,
        not_zero_shot=_not_zero_shot(evidence),
        labelled=tuple(name for name, (_, has_labels) in compared.cells.items() if has_labels),
        levels={
            (name, aggregate): level(evidence, name, _common(own[name], compared.common), aggregate)
            for name in study.arms
            for aggregate in AGGREGATES
        },
        targets={
            (name, target): level(evidence, name, [cell for cell in own[name] if cell[0] == target])
            for name in study.arms
            for target in study.targets
        },
        kinds=compared.kinds,
    )


def _common(cells: Iterable[Cell], common: Collection[str]) -> list[Cell]:
    return [cell for cell in cells if cell[0] in common]


def _counted(cells: Collection[Cell], common: Collection[str], clean: Collection[str]) -> list[Cell]:
    """Those of an arm's cells that its means over kinds of languages, and its slope, are over."""
    return _common(cells, common) or _common(cells, clean)


def _cells(evidence: Evidence, name: str, base: str, targets: list[str]) -> tuple[list[Cell], bool]:
    """Cells that are zero-shot in both arms; where there are none, those in which the baseline was not trained (and
    True)."""
    seen = {
        target: labels_seen(evidence.recipes[name], name, target) | labels_seen(evidence.recipes[base], base, target)
        for target in targets
    }
    everything = [(target, language) for target in targets for language in evidence.languages(target)]
    zero_shot = [(target, language) for target, language in everything if is_zero_shot(language, seen[target])]
    if zero_shot:
        return zero_shot, False
    own = {target: set(_trained(evidence, base, target)) for target in targets}
    return [(target, language) for target, language in everything if is_zero_shot(language, own[target])], True


def _trained(evidence: Evidence, name: str, target: str) -> list[str]:
    task = get_task(target)
    return [] if task.is_searched else train_languages(evidence.recipes[name].targets[target], task)


def _not_zero_shot(evidence: Evidence) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, recipe in evidence.recipes.items():
        for target in evidence.study.targets:
            seen = labels_seen(recipe, name, target)
            for language in evidence.languages(target):
                if not is_zero_shot(language, seen):
                    found.setdefault(language, []).append(name)
    return {language: tuple(dict.fromkeys(names)) for language, names in found.items()}


def _kinds(languages: set[str]) -> dict[tuple[str, str], tuple[str, ...]]:
    found: dict[tuple[str, str], list[str]] = {}
    for by in KINDS:
        for language in sorted(languages):
            found.setdefault((by, kind_of(language, by)), []).append(language)
    return {key: tuple(own) for key, own in sorted(found.items(), key=lambda item: KINDS.index(item[0][0]))}


def kind_of(language: str, by: str) -> str:
    """A language's kind, one of `KINDS`; the resources of made-up languages are their share of the running text."""
    facts = language_facts(language)
    if by == "resource class" and language in known_languages() and all_facts(language).made_up:
        from ds_stilts.synthetic.languages import LANGUAGES

        return f"{LANGUAGES[language].data_share:g} × text"
    return {
        "word order": facts.word_order,
        "family": facts.family,
        "script": facts.script,
        "resource class": facts.joshi,
    }[by]


def _ask(evidence: Evidence, compared: Comparisons, name: str) -> Iterable[Asked]:
    ours, cells = arm(name, evidence.study.targets), compared.cells[name][0]
    common, finished = compared.common, compared.finished[name]

    def ask(key: tuple[Hashable, ...], chosen: Iterable[Cell], aggregate: str = "mean") -> Asked:
        asked = (name, *key)
        return Asked(name=asked, ours=ours, theirs=compared.baseline, cells=tuple(chosen), aggregate=aggregate)

    clean_targets = evidence.study.clean_targets()
    mean = _common(cells, common)
    yield ask(OVERALL, mean)
    if {target for _, target in compared.overlaps} & set(finished):
        yield ask(WITH_OVERLAP, _common(cells, clean_targets))
    for target in finished:
        yield ask(("target", target), [cell for cell in cells if cell[0] == target])
    groups: dict[str, list[Cell]] = {}
    for cell in mean:
        groups.setdefault(group_of(cell[0]), []).append(cell)
    for group, own in groups.items():
        yield ask(("group", group), own)
    for target in common if len(common) > 1 else ():
        yield ask(("without", target), [cell for cell in mean if cell[0] != target])
    for aggregate in FAIR:
        yield ask(("fair", aggregate), mean, aggregate)
    everything = [(target, language) for target in finished for language in evidence.languages(target)]
    for cell in everything:
        yield ask(("cell", *cell), [cell])
    for language in dict.fromkeys(language for _, language in everything):
        own = [cell for cell in everything if cell[1] == language]
        yield ask(("language", language), _counted(own, common, clean_targets) or own)
    for kind, languages in compared.kinds.items():
        if own := [cell for cell in _counted(cells, common, clean_targets) if cell[1] in languages]:
            yield ask(("kind", *kind), own)


def _adjusted(
    by_arm: Mapping[str, Mapping[tuple[Hashable, ...], Finding]], kind: str, method: str
) -> dict[Hashable, float]:
    """Adjusted p of one kind of numbers, all arms together."""
    p: dict[Hashable, float] = {
        (name, *key): one.found.p
        for name, found in by_arm.items()
        for key, one in found.items()
        if key[0] == kind and one.found is not None and one.found.p is not None
    }
    return {key: one.adjusted_p for key, one in adjusted(p, method).items()}  # type: ignore[arg-type]


def _arm_gains(
    evidence: Evidence,
    compared: Comparisons,
    name: str,
    found: Mapping[tuple[Hashable, ...], Finding],
    table: Mapping[Hashable, float],
    rates: Mapping[Hashable, float],
) -> ArmGains:
    cells = compared.cells[name][0]

    def those(kind: str) -> dict[str, Finding]:
        return {str(key[1]): one for key, one in found.items() if key[0] == kind}

    def with_p(kind: str, among: Mapping[Hashable, float]) -> dict[str, Gain]:
        return {key: Gain(finding=one, adjusted_p=among.get((name, kind, key))) for key, one in those(kind).items()}

    counted = Asked(
        name=name,
        ours=arm(name, evidence.study.targets),
        theirs=compared.baseline,
        cells=tuple(_counted(cells, compared.common, evidence.study.clean_targets())),
    )
    return ArmGains(
        arm=name,
        targets=with_p("target", table),
        overall=Gain(finding=found[OVERALL]),
        with_overlap=Gain(finding=found[WITH_OVERLAP]) if WITH_OVERLAP in found else None,
        groups=those("group"),
        left_out=those("without"),
        fair=those("fair"),
        languages=with_p("language", rates),
        cells={(str(key[1]), str(key[2])): one for key, one in found.items() if key[0] == "cell"},
        kinds={(str(key[1]), str(key[2])): one for key, one in found.items() if key[0] == "kind"},
        distance=over_languages(evidence, counted, "distance"),
    )
