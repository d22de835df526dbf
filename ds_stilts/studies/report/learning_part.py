"""The part of a report with the loss of each intermediate arm over tokens."""

from ds_stilts.report.numbers import between, points
from ds_stilts.studies.report.document import Block, Figure, Figures, Part, Table, Td, Text, note, td
from ds_stilts.studies.report.learning import Learning
from ds_stilts.studies.report.plots import learning_svg
from ds_stilts.studies.report.summary import StudyReport

_KEY = (
    "The line is the mean over seeds, the band goes from the lowest to the highest seed. Losses are running means over "
    "a twentieth of the logged steps (fewer at both ends), each over the tasks of its phase: arms with different tasks "
    "are not to be compared by their height."
)


def learning_part(report: StudyReport) -> Part:
    """Every arm that has been trained; the baseline has no curve."""
    shown = report.learning
    blocks: tuple[Block, ...] = (Text(text="No intermediate phase has been finished yet."),)
    if shown:
        phases = [phase for arm in shown.values() for phase in arm]
        lost = sum(phase.num_not_finite for phase in phases)
        gone = f" {lost} logged losses were not finite and are not drawn." if lost else ""
        blocks = (
            Figures(
                figures=tuple(
                    Figure(caption=arm, svg=learning_svg(own, label=f"Loss over tokens, {arm}: {_said(own)}"))
                    for arm, own in shown.items()
                )
            ),
            note(_KEY + gone),
            Table(
                id="learning-table",
                caption="Loss where a phase begins and where it ends, mean over seeds.",
                head=("Phase", "Tasks", "Seeds", "Tokens", "First loss", "Last loss", "Lowest and highest seed"),
                rows=tuple(map(_row, phases)),
                text_columns=2,
            ),
        )
    return Part(id="learning", title="Learning curves", short="Learning", blocks=blocks)


def _row(phase: Learning) -> tuple[Td, ...]:
    return (
        Td(text=phase.phase),
        Td(text=", ".join(phase.tasks)),
        *td(
            str(phase.seeds),
            f"{phase.tokens[-1] - phase.begin:,.0f}",
            points(phase.mean[0], 3),
            points(phase.mean[-1], 3),
            between((phase.low[-1], phase.high[-1]), 3),
        ),
    )


def _said(arm: tuple[Learning, ...]) -> str:
    return "; ".join(
        f"{phase.phase} from {points(phase.mean[0], 3)} to {points(phase.mean[-1], 3)} over "
        f"{phase.tokens[-1] - phase.begin:,.0f} tokens"
        for phase in arm
    )
