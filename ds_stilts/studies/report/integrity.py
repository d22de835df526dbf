"""What a reader must know before believing a number: leaks, overlap, collapsed runs, selection, unequal seeds."""

from dataclasses import dataclass

from ds_stilts.errors import DataError
from ds_stilts.labelled import is_zero_shot, train_languages
from ds_stilts.plan import score_splits
from ds_stilts.plan_validation import validation_languages
from ds_stilts.report.beside import kept_overlap
from ds_stilts.studies.beside import fingerprints
from ds_stilts.studies.collapse import collapsed
from ds_stilts.studies.guards import labels_seen
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.studies.report.gains import Gains
from ds_stilts.studies.sections import Contrast
from ds_stilts.tasks import get_task


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing that was looked at."""

    title: str
    is_fine: bool
    found: tuple[str, ...]
    """Clauses; of a check that is fine, what was looked at."""


def checks(evidence: Evidence, gains: Gains) -> tuple[Check, ...]:
    """Look at all of them."""
    return (
        _zero_shot(evidence, gains),
        _overlap(gains),
        *_repeats(evidence),
        _selection(evidence),
        _collapsed(evidence),
        _seeds(evidence),
        _rows(evidence),
    )


def _check(title: str, problems: list[str], fine: str) -> Check:
    return Check(title=title, is_fine=not problems, found=tuple(problems) or (fine,))


def _zero_shot(evidence: Evidence, gains: Gains) -> Check:
    """From the recipes, and whether rows say the same."""
    problems, scored = [], 0
    leaks: dict[tuple[str, str], list[str]] = {}
    for name, recipe in evidence.recipes.items():
        for target in evidence.study.targets:
            seen = labels_seen(recipe, name, target)
            own = _trained(evidence, name, target)
            languages = evidence.languages(target)
            scored += sum(is_zero_shot(code, seen) for code in languages)
            leaked = [code for code in languages if not is_zero_shot(code, seen) and is_zero_shot(code, own)]
            if leaked:
                leaks.setdefault((name, ", ".join(leaked)), []).append(target)
            rows = [
                code
                for seed in evidence.scored.get((name, target), {}).values()
                for one in seed
                for code in languages
                if one.zero_shot[code] != is_zero_shot(code, seen)
            ]
            if rows:
                problems.append(
                    f"{name}, {target}: rows of {', '.join(sorted(set(rows)))} say otherwise than the recipe whether "
                    "they are zero-shot"
                )
    problems += [
        f"{name} has seen labels in {languages} before {', '.join(targets)}: not zero-shot there, "
        + ("but in its means, which have no other language" if name in gains.labelled else "and not in its means")
        for (name, languages), targets in leaks.items()
    ]
    held = ", ".join(evidence.study.held_out)
    return _check(
        "Zero-shot",
        problems,
        f"no arm has seen labels of {scored} scored arm × target × language cells other than those that a target is "
        f"trained in{f'; held out from every arm: {held}' if held else ''}",
    )


def _trained(evidence: Evidence, name: str, target: str) -> set[str]:
    task = get_task(target)
    return set() if task.is_searched else set(train_languages(evidence.recipes[name].targets[target], task))


def _overlap(gains: Gains) -> Check:
    problems = [
        f"{name} has trained on the training data of {target} in its intermediate phase ({what}); marked † and left "
        "out of the overall means"
        for (name, target), what in gains.overlaps.items()
    ]
    return _check("Train overlap", problems, "no arm's intermediate tasks hold a target's training data")


def _repeats(evidence: Evidence) -> list[Check]:
    """What was found of scored items in training files; nothing where nobody has looked (`ds-stilts study overlap`)."""
    lines = kept_overlap(evidence.folder, fingerprints(evidence.runs))
    if lines is None:
        return []
    problems: dict[str, list[str]] = {}
    for line in lines:
        if line["same"] + line["near"]:
            phases = [where.removeprefix("arms.") for where in line["phases"]]
            problems.setdefault(
                f"{line['target']}, {line['split']}, in {line['training']['task']} {line['training']['split']} "
                f"({', '.join(phases)})",
                [],
            ).append(f"{line['language']} {line['same']} + {line['near']} of {line['examples']:,}")
    return [
        _check(
            "Scored items in training",
            [f"{where}: the same + nearly the same {', '.join(found)}" for where, found in problems.items()],
            "no scored item is, or is nearly, in what is trained on before it is scored, whatever its label",
        )
    ]


def _selection(evidence: Evidence) -> Check:
    """Whether anything was chosen on what is scored."""
    problems, looked = [], []
    for name, recipe in evidence.recipes.items():
        for target, wanted in recipe.targets.items():
            task = get_task(target)
            best = wanted.validation
            if best is None or best.patience is None or task.is_searched:
                continue
            if best.unlabelled and not best.chooses_by_labels:
                looked.append(f"{target}: {best.choose_by} on texts without labels of split '{best.unlabelled.split}'")
                continue
            seen = validation_languages(wanted, task)
            looked.append(f"{target}: split '{best.split}' in {', '.join(seen)}")
            both = set(seen) & set(evidence.languages(target))
            if best.split in score_splits(wanted, task) and both:
                problems.append(
                    f"{name}, {target}: weights are chosen on split '{best.split}' in {', '.join(sorted(both))}, which "
                    "is scored too"
                )
    for name, contrast in evidence.study.contrasts.items():
        lacking = _without_dev(evidence, contrast)
        if lacking:
            problems.append(
                f"contrast {name}: not every run of {', '.join(lacking)} has a value on dev, so the best arms there "
                "are chosen on the split that is scored, on other seeds than those that count"
            )
    chosen = "; ".join(dict.fromkeys(looked))
    fine = (
        f"weights and arms are chosen on what is not scored: {chosen}"
        if chosen
        else "nothing is selected: every run keeps its last step"
    )
    return _check("Test never used for selection", problems, fine)


def _without_dev(evidence: Evidence, contrast: Contrast) -> list[str]:
    """Targets of a best of several for which some arm cannot be chosen by dev; none of a single arm."""
    asked = [cells for cells in (contrast.of, contrast.minus) if cells]
    return [
        target
        for target in dict.fromkeys(target for cells in asked for target in evidence.study.targets_of(cells))
        if any(
            evidence.dev(name, target, seed) is None
            for name in contrast.best_of or ()
            for seed in evidence.seeds(name, target)
        )
    ]


def _collapsed(evidence: Evidence) -> Check:
    """Of the cells that can be read; the others stand under the rows."""
    looked, problems = 0, []
    for cell in (one for one in evidence.cells if one.is_done):
        try:
            why = collapsed(cell.folder)
        except DataError:
            continue
        looked += 1
        if why:
            problems.append(f"{cell.arm}, {cell.target}, seed {cell.seed.label}: {why}; it is counted all the same")
    return _check("Collapsed runs", problems, f"none of {looked} scored runs answers one thing or guesses")


def _seeds(evidence: Evidence) -> Check:
    whole = {
        (name, target): len(evidence.seeds(name, target))
        for name in evidence.study.arms
        for target in evidence.study.targets
    }
    most = len(evidence.study.seeds.intermediate)
    short: dict[tuple[str, int], list[str]] = {}
    for (name, target), count in whole.items():
        if count < most:
            short.setdefault((name, count), []).append(target)
    problems = [
        f"{name} has {count} of {most} seeds of {', '.join(targets)}; only seeds that both arms have are paired"
        for (name, count), targets in short.items()
    ]
    return _check("Equal seeds", problems, f"every arm has all {most} seeds of every target")


def _rows(evidence: Evidence) -> Check:
    rows = sum(one.num_examples for own in evidence.scored.values() for seed in own.values() for one in seed)
    uneven = {target: evidence.uneven_languages(target) for target in evidence.study.targets}
    problems = [
        f"{target}: {', '.join(codes)} scored in some runs only, and left out of every number"
        for target, codes in uneven.items()
        if codes
    ]
    return _check(
        "Scores from rows",
        [*evidence.problems, *problems],
        f"every number is recomputed from {rows:,} prediction rows, and stored scores agree with them",
    )
