"""The part of a report with gains against the distance of domains; there is none where nobody has measured these."""

from ds_stilts.data.word_pieces import PIECE_WORDS
from ds_stilts.report.numbers import NOTHING, count, points, signed
from ds_stilts.statistics.cell_slope import CellSlope
from ds_stilts.studies.domain_distances import MEASURES, Distances
from ds_stilts.studies.report.document import Block, Figure, Figures, Part, Table, Td, note, sentence
from ds_stilts.studies.report.domains import DomainGains
from ds_stilts.studies.report.plots import scatter_svg
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.typology import Line
from ds_stilts.studies.report.words import estimate_td, p_text

STEP = 0.1
"""Slopes are told for a tenth of what a distance can be."""
TITLES = {"divergence": "Divergence of words", "proxy": "Proxy A-distance", "mmd": "Squared MMD in the start model"}
_KEY = (
    "Each dot is an arm: its gain over the baseline in that target's zero-shot languages, and the divergence of the "
    "words that it trains on from those that are scored. Lines have one slope in all targets."
)
_WHAT = {
    "divergence": "Jensen-Shannon divergence of word frequencies, 0 where they are equal, 1 where no word is shared, "
    "between samples of equally many words.",
    "proxy": f"How well a linear classifier of words tells pieces of {PIECE_WORDS} words apart that it has not learned "
    "from: around 0 where it guesses, 2 where it is always right.",
    "mmd": f"Maximum mean discrepancy of pieces of {PIECE_WORDS} words as the start model embeds them, squared: 0 on "
    "average where they are of one source.",
}
_DISTANCE = (
    "Distances are of texts, not of tasks: arms of another task, other labels or another order are as near as their "
    "texts."
)
_SLOPES = (
    "Within targets, arms are compared with one another in each target. Within targets and arms, what an arm gains in "
    "all targets alike is taken off too: whether it does better in its near targets than in its far ones. Intervals "
    "are over seeds, for these arms and targets; the permutation gives arms each other's distances. Nothing is "
    "corrected for there being several, and no verdict rests on them."
)


def domains_part(report: StudyReport) -> Part | None:
    """Distances of all arms, and the slopes over those that can be compared."""
    found = report.domains
    if found is None:
        return None
    blocks: list[Block] = [_figures(found), note(_KEY)] if found.gains else []
    if found.slopes:
        blocks += [_slopes(found), note(_SLOPES)]
    blocks += [*_distances(found), note(_DISTANCE)]
    left_out = "; ".join(f"{name} {why}" for name, why in found.distances.left_out.items())
    said = [*found.notes, *([f"without distance: {left_out}"] if left_out else [])]
    blocks += [note(" ".join(sentence([one]) for one in said))] if said else []
    return Part(id="domains", title="Gain and distance of domains", short="Domains", blocks=tuple(blocks))


def _figures(found: DomainGains) -> Figures:
    lines = {target: _line(found, target) for target in found.distances.targets if _dots(found, target)}
    heights = [0.0, *found.gains.values(), *(value for line in lines.values() if line for value in line.y)]
    far = [distance for target in lines for distance, _ in _dots(found, target).values()]
    figures = []
    for target, line in lines.items():
        dots = _dots(found, target)
        said = "; ".join(f"{arm} at {distance:.3f}: {signed(gain)}" for arm, (distance, gain) in dots.items())
        svg = scatter_svg(
            dots,
            line,
            across=(min(far), max(far)),
            span=(min(heights), max(heights)),
            under="divergence of what it trains on",
            label=f"Gain over distance of domains, {target}: {said}",
        )
        figures.append(Figure(caption=target, svg=svg))
    return Figures(figures=tuple(figures))


def _dots(found: DomainGains, target: str) -> dict[str, tuple[float, float]]:
    """By arm, distance and gain."""
    arms = found.distances.targets[target].divergence.arms
    return {arm: (arms[arm], gain) for (arm, own), gain in found.gains.items() if own == target}


def _line(found: DomainGains, target: str) -> Line | None:
    """The common slope, through the mean of the target's dots."""
    slope, dots = found.slopes.get(("divergence", "targets")), list(_dots(found, target).values())
    if slope is None:
        return None
    middle_x, middle_y = (sum(dot[place] for dot in dots) / len(dots) for place in (0, 1))
    ends = min(x for x, _ in dots), max(x for x, _ in dots)
    first, last = (middle_y + slope.estimate * (end - middle_x) for end in ends)
    return Line(x=ends, y=(first, last))


def _slopes(found: DomainGains) -> Table:
    return Table(
        id="domain-slopes-table",
        caption=f"Change of the gain with more distance, in points, over {count(len(found.seeds), 'seed')}.",
        head=("Distance", "Within", "Slope", "p, arms shuffled", "Arms", "Dots", "Methods"),
        rows=tuple(_row(measure, within, slope) for (measure, within), slope in found.slopes.items()),
        wide=(6,),
    )


def _row(measure: str, within: str, slope: CellSlope) -> tuple[Td, ...]:
    seeds, step = slope.over_seeds, STEP * MEASURES[measure]
    interval = None
    if seeds is not None and seeds.interval is not None:
        interval = (seeds.interval[0] * step, seeds.interval[1] * step)
    methods = [slope.method, seeds.method if seeds else "one seed: no interval"]
    return (
        Td(text=TITLES[measure], sub=(f"{step:g} more",)),
        Td(text=within),
        estimate_td(slope.estimate * step, interval),
        Td(text=p_text(slope.p), sub=(f"{p_text(slope.least_p)} at the least",)),
        Td(text=str(slope.arms)),
        Td(text=str(slope.cells)),
        Td(text=sentence(methods)),
    )


def _distances(found: DomainGains) -> list[Block]:
    """A table for each measure that some target has, and what it is."""
    targets = found.distances.targets
    arms = list(next(iter(targets.values())).divergence.arms)
    blocks: list[Block] = []
    for measure in MEASURES:
        known = {target: own.by_measure().get(measure) for target, own in targets.items()}
        if not any(known.values()):
            continue
        rows = [(Td(text=arm), *(_cell(found, arm, target, own) for target, own in known.items())) for arm in arms]
        halves = (
            Td(text="halves of what is scored", sub=("the same domain",)),
            *(Td(text=points(own.halves, 3) if own else NOTHING) for own in known.values()),
        )
        words = (
            Td(text="words compared"),
            *(Td(text=f"{own.words:,}", sub=(", ".join(own.languages),)) for own in targets.values()),
        )
        table = Table(
            id=f"domains-{measure}-table",
            caption=f"{TITLES[measure]} of each arm from each target, and its gain in points where it counts.",
            head=("Arm", *targets),
            rows=(*rows, halves, words),
        )
        blocks += [table, note(_WHAT[measure])]
    return blocks


def _cell(found: DomainGains, arm: str, target: str, own: Distances | None) -> Td:
    gain = found.gains.get((arm, target))
    return Td(text=points(own.arms[arm], 3) if own else NOTHING, sub=(signed(gain) if gain is not None else NOTHING,))
