"""The part of a report with gains against typological distance: plots, mixed model and family-blocked permutation."""

from ds_stilts.report.numbers import NOTHING, signed
from ds_stilts.studies.report.document import Block, Figure, Figures, Fold, Part, Table, Td, Text, note, sentence
from ds_stilts.studies.report.plots import scatter_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.typology import OverLanguages
from ds_stilts.studies.report.words import estimate_td, p_text

_KEY = (
    "Each dot is a language: its gain with what tasks and seeds add taken off. The line is least squares through the "
    "dots with its pointwise 95 % band, which takes languages for independent. The tests below do not: the mixed model "
    "has a random family, and the permutation shuffles within families."
)
_DISTANCE = (
    "Distance: of natural languages the syntactic cosine distance of URIEL from English, 0 to 1; of made-up languages "
    "how many of five switches of the grammar differ."
)


def distance_part(report: StudyReport) -> Part:
    """Every arm that can be compared."""
    shown = {name: one.distance for name, one in report.gains.arms.items() if one.distance.languages}
    blocks = _blocks(shown) if shown else (_nothing(report),)
    return Part(id="distance", title="Gain and typological distance", short="Distance", blocks=blocks)


def _nothing(report: StudyReport) -> Text:
    why = dict.fromkeys(why for one in report.gains.arms.values() for why in one.distance.notes)
    return Text(text=f"Not drawn: {'; '.join(why) or 'no arm can be compared with the baseline yet'}.")


def _blocks(shown: dict[str, OverLanguages]) -> tuple[Block, ...]:
    heights = [value for one in shown.values() for value in _heights(one)]
    span = (min(0.0, *heights), max(0.0, *heights))
    facts = [fact for one in shown.values() for fact, _ in one.languages.values()]
    across = (min(facts), max(facts))
    unknown = dict.fromkeys(code for one in shown.values() for code in one.unknown)
    return (
        Figures(
            figures=tuple(
                Figure(
                    caption=name,
                    svg=scatter_svg(
                        one.languages,
                        one.line,
                        across=across,
                        span=span,
                        under="distance from the source",
                        label=f"Gain over distance, {name}: {_said(one)}",
                    ),
                )
                for name, one in shown.items()
            )
        ),
        note(_KEY),
        Table(
            id="slopes-table",
            caption="Change of the gain with one unit of distance, in points.",
            head=("Arm", "Slope", "p, mixed model", "p, families shuffled", "Languages", "Methods"),
            rows=tuple(_row(name, one) for name, one in shown.items()),
            wide=(5,),
        ),
        Fold(title="The numbers behind the dots", blocks=(_dots(shown),)),
        note(_DISTANCE + (f" Not known of {', '.join(unknown)}, which are left out." if unknown else "")),
    )


def _heights(one: OverLanguages) -> list[float]:
    """What a plot has to hold: every dot and the line; a band may leave the frame."""
    return [gain for _, gain in one.languages.values()] + list(one.line.y if one.line else ())


def _said(one: OverLanguages) -> str:
    return "; ".join(f"{code} at {fact:g}: {signed(gain)}" for code, (fact, gain) in one.languages.items())


def _row(name: str, one: OverLanguages) -> tuple[Td, ...]:
    slope, shuffled = one.slope, one.permutation
    methods = [found.method for found in (slope, shuffled) if found is not None]
    return (
        Td(text=name),
        estimate_td(slope.estimate if slope else one.finding.estimate, slope.interval if slope else None),
        Td(text=p_text(slope.p if slope else None)),
        Td(
            text=p_text(shuffled.p if shuffled else None),
            sub=(f"{p_text(shuffled.least_p)} at the least",) if shuffled else (),
        ),
        Td(text=str(len(one.languages))),
        Td(text=sentence([*methods, *one.notes])),
    )


def _dots(shown: dict[str, OverLanguages]) -> Table:
    facts = {code: fact for one in shown.values() for code, (fact, _) in one.languages.items()}
    rows = []
    for code, fact in sorted(facts.items(), key=lambda item: item[1]):
        gains = [one.languages.get(code) for one in shown.values()]
        cells = [Td(text=signed(gain[1]) if gain else NOTHING) for gain in gains]
        rows.append((Td(text=code), Td(text=f"{fact:g}"), *cells))
    return Table(
        id="dots-table",
        caption="Distance of each language, and its gain in points.",
        head=("Language", "Distance", *shown),
        rows=tuple(rows),
    )
