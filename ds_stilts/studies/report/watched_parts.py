"""The parts of a report on what validations saw besides: the cost of choosing a step, and alignment over training."""

from collections.abc import Sequence
from statistics import fmean

from ds_stilts.engine.choosing import RULES
from ds_stilts.report.curves import thin
from ds_stilts.report.numbers import NOTHING, count, points, signed
from ds_stilts.studies.report.document import Block, Figure, Figures, Fold, Part, Table, Td, Text, note
from ds_stilts.studies.report.plots import steps_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.watched import Kept, ProbedStage, ProbedStep, Selected

TITLES = {
    "last": "Last step", "value": "Dev value", "entropy": "Lowest entropy", "agreement": "Greatest agreement",
    "oracle": "Oracle",
}  # fmt: skip
MOST_STEPS = 12
"""Rows of a table."""
MOST_LINES = 4
"""In a plot, besides the last hidden state and the best."""


def selection_part(report: StudyReport) -> Part | None:
    """What each rule would have kept; None where no text without labels was looked at."""
    selected = report.watched.selected
    if not selected:
        return None
    rules = [rule for rule in RULES if any(rule in one.rules for one in selected)]
    judged = [one for one in selected if "oracle" in one.rules]
    means = [_mean_row(judged, rules)] if len(judged) > 1 else []
    blocks: list[Block] = [
        Text(
            text=(
                "The score that each rule's step has on the target languages' own labels, how far it lies below the "
                "best step of the same run, and which step it is. "
                if judged
                else "The step that each rule would keep; with `oracle: true` its score would stand here too. "
            )
            + "The labels that the oracle reads choose nothing."
        ),
        Table(
            id="selection-table",
            caption="By arm and target, means over seeds; scores are those of the part of the split that was looked at",
            head=("Arm", "Target", "Kept by", *(TITLES[rule] for rule in rules), "Seeds"),
            rows=(*(_row(one, rules) for one in selected), *means),
            text_columns=3,
        ),
        note(
            "Dev value: of the phase's validation, in its training language unless the recipe says otherwise. Entropy "
            "and agreement are of predictions on texts without labels in the languages that are scored and not trained "
            "in, agreement with those for the same items in the training language, beyond chance (kappa). A model "
            "whose step was kept by one of them is zero-shot in labels, not in texts. The oracle is the best step by "
            "labels: nobody has it zero-shot."
        ),
    ]
    return Part(
        id="selection",
        title="Which checkpoint: what label-free selection would have cost",
        short="Checkpoint",
        blocks=tuple(blocks),
    )


def _row(one: Selected, rules: list[str]) -> tuple[Td, ...]:
    by = ", ".join(TITLES.get(rule, rule).lower() for rule in one.chosen_by)
    return (
        Td(text=one.arm),
        Td(text=one.target, sub=(one.split,)),
        Td(text=by),
        *(_kept_td(one.rules.get(rule)) for rule in rules),
        Td(text=str(one.seeds)),
    )


def _kept_td(kept: Kept | None) -> Td:
    if kept is None:
        return Td(text=NOTHING, tone="none")
    at = _steps(kept.steps)
    if kept.score is None:
        return Td(text=at)
    below = () if kept.gap is None else (f"{signed(-kept.gap)} to the best" if kept.gap else "the best",)
    return Td(text=points(kept.score), sub=(*below, at))


def _steps(steps: Sequence[int]) -> str:
    low, high = min(steps), max(steps)
    return f"step {low}" if low == high else f"steps {low} to {high}"


def _mean_row(judged: Sequence[Selected], rules: list[str]) -> tuple[Td, ...]:
    cells = []
    for rule in rules:
        gaps = [gap for one in judged if rule in one.rules and (gap := one.rules[rule].gap) is not None]
        cells.append(Td(text=signed(-fmean(gaps)) if len(gaps) == len(judged) else NOTHING))
    return (Td(text=f"Mean gap of {len(judged)}"), Td(text=""), Td(text=""), *cells, Td(text=""))


def probe_part(report: StudyReport) -> Part | None:
    """How translations lay together while phases were trained; None where no probe looked."""
    probed = report.watched.probed
    if not probed:
        return None
    plots = _plots([one for one in probed if not one.stage.startswith("targets/")])
    blocks: list[Block] = [
        *([plots] if plots.figures else []),
        Table(
            id="probe-table",
            caption="Sentence retrieval at the hidden state that is the best at the last look, first look → last look",
            head=("Stage", "Hidden state", "Accuracy", "Alignment", "Uniformity", "Looks"),
            rows=tuple(map(_stage_row, probed)),
        ),
        note(
            "Means over languages and seeds, of the first queries of each language among their own translations: they "
            "compare over steps, not with a task's score. Alignment is the mean squared distance of translations as "
            "unit vectors, uniformity the logarithm of the mean Gaussian potential of all pairs (Wang and Isola 2020): "
            "lower is better in both. Alignment alone falls too where all vectors fall together."
        ),
        Fold(
            title="Every hidden state over the steps",
            blocks=tuple(_stage_table(place, one) for place, one in enumerate(probed, 1)),
        ),
    ]
    return Part(id="probe", title="Alignment over training", short="Alignment", blocks=tuple(blocks))


def _plots(probed: Sequence[ProbedStage]) -> Figures:
    """Alignment at some hidden states, on one scale for all phases."""
    shown = {one.stage: _shown_layers(one) for one in probed}
    values = [own.alignment[place] for one in probed for own in one.steps for place in shown[one.stage]]
    span = (min(values, default=0.0), max(values, default=0.0))
    return Figures(
        figures=tuple(
            Figure(
                caption=f"{one.stage}: alignment at some hidden states",
                svg=steps_svg(
                    {
                        str(one.layers[place]): tuple((own.step, own.alignment[place]) for own in one.steps)
                        for place in shown[one.stage]
                    },
                    span=span,
                    unit="step; at the line's end its hidden state",
                    label=f"Alignment over steps, {one.stage}; the numbers stand in the table below",
                ),
            )
            for one in probed
        )
    )


def _shown_layers(one: ProbedStage) -> list[int]:
    """Places of hidden states: the best one at the last look, and some others from the first to the last."""
    spread = thin([(place, 0.0) for place in range(len(one.layers))], MOST_LINES)
    return sorted({place for place, _ in spread} | {_best(one)})


def _best(one: ProbedStage) -> int:
    """Place of the hidden state at which most is found at the last look."""
    return max(range(len(one.layers)), key=one.steps[-1].accuracy.__getitem__)


def _stage_row(one: ProbedStage) -> tuple[Td, ...]:
    first, last = one.steps[0], one.steps[-1]
    place = _best(one)
    return (
        Td(text=one.stage, sub=(f"{one.task}: {count(len(one.languages), 'language')}",)),
        Td(text=str(one.layers[place])),
        Td(text=f"{points(first.accuracy[place])} → {points(last.accuracy[place])}"),
        Td(text=f"{points(first.alignment[place], 3)} → {points(last.alignment[place], 3)}"),
        Td(text=f"{points(first.uniformity[place])} → {points(last.uniformity[place])}"),
        Td(text=str(len(one.steps)), sub=(_steps([first.step, last.step]), count(one.seeds, "seed"))),
    )


def _stage_table(place: int, one: ProbedStage) -> Table:
    shown = {step for step, _ in thin([(own.step, 0.0) for own in one.steps], MOST_STEPS)}
    return Table(
        id=f"probe-{place}",
        caption=f"{one.stage}, {one.task}: accuracy by hidden state; below, alignment and uniformity",
        head=("Step", *map(str, one.layers)),
        rows=tuple(_step_row(own) for own in one.steps if own.step in shown),
    )


def _step_row(own: ProbedStep) -> tuple[Td, ...]:
    cells = zip(own.accuracy, own.alignment, own.uniformity, strict=True)
    return (
        Td(text=str(own.step)),
        *(Td(text=points(accuracy), sub=(points(near, 3), points(spread))) for accuracy, near, spread in cells),
    )
