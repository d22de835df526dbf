"""The part of a report on orders of tasks: shares of variance, a permutation test, and what came first and last."""

from collections.abc import Iterator

from ds_stilts.report.numbers import NOTHING, count, points, signed
from ds_stilts.statistics.components import RESIDUAL, Component
from ds_stilts.studies.report.document import Block, Bullets, Part, Table, Td, Text, note, td
from ds_stilts.studies.report.gains import Gains
from ds_stilts.studies.report.mean_parts import FAIR_WORDS
from ds_stilts.studies.report.orders import LANGUAGE, ORDER, PLACES, RUN, SEED, Orders, Position, TargetOrders
from ds_stilts.studies.report.overlap import FOOTNOTE, mark_of
from ds_stilts.studies.report.summary import StudyReport
from ds_stilts.studies.report.words import methods_notes, p_text

_SHARES = (ORDER, SEED, RUN, LANGUAGE, RESIDUAL)
_KEY = (
    "Variance components of a full crossing, by the method of moments. The share of orders is what all runs of one "
    "order have in common, those of seeds and languages likewise; order × seed is what one run has of its own in all "
    "languages, its luck among it; the residual is one run in one language: noise of its items, and what an order or a "
    "seed does in single languages. An estimate below 0, which chance gives where there is little, is shown as 0. Few "
    "orders and few seeds make rough shares."
)
_TEST = (
    "Orders are exchanged within each seed, as if they changed nothing, and the orders' means compared each time. SD "
    "by luck is what to expect if runs differed by nothing but their own luck. The test is of these test items; it "
    "says whether orders differ, not which."
)
_PLACES = (
    "A description, not a test: where a task comes last (or first) in one order only, its place cannot be told from "
    "the rest of that order."
)


def orders_part(report: StudyReport) -> Part | None:
    """Every set of tasks in several orders; None where fewer than three arms differ in nothing else."""
    if not report.orders:
        return None
    blocks = [block for place, one in enumerate(report.orders, start=1) for block in _blocks(report, one, place)]
    return Part(id="orders", title="How much the order of tasks matters", short="Orders", blocks=tuple(blocks))


def _blocks(report: StudyReport, orders: Orders, place: int) -> Iterator[Block]:
    yield Bullets(items=tuple(_said(target, one) for target, one in orders.targets.items()))
    named = "; ".join(f"{name}: {' → '.join(order)}" for name, order in orders.arms.items())
    yield Text(text=f"{count(len(orders.arms), 'order')} of the same tasks. {named}.")
    if orders.left_out:
        yield note(f"Left out, as an arm before them has the same order: {', '.join(orders.left_out)}.")
    yield Table(
        id=f"orders-shares-{place}",
        caption=f"Shares of the variance of scores over {count(len(orders.arms), 'order')}, seeds and languages; below "
        "each its standard deviation in points.",
        head=("Target", "Seeds", "Languages", *(name.capitalize() for name in _SHARES)),
        rows=tuple(
            (Td(text=target), *td(str(len(one.seeds)), str(len(one.languages))), *_shares(one))
            for target, one in orders.targets.items()
        ),
    )
    yield note(_KEY)
    tested = [(target, key) for target, one in orders.targets.items() for key in one.tests]
    if tested:
        yield Table(
            id=f"orders-test-{place}",
            caption="Whether the means of orders lie further apart than by chance: standard deviations in points, p of "
            "a permutation test, and Holm's p over this table.",
            head=("Target", "Of", "SD of orders", "SD by luck", "p", "Holm's p", "Permutations"),
            rows=tuple(_test(orders, target, key) for target, key in tested),
            text_columns=2,
        )
        yield note(_TEST)
        yield from methods_notes(one.method for own in orders.targets.values() for one in own.tests.values())
    yield from _positions(report.gains, orders, place)


def _said(target: str, one: TargetOrders) -> str:
    if one.note:
        return f"{target}: {one.note}"
    found = {name: _percent(part) for name, part in one.components.items()}
    run = f", the two together {found[RUN]}" if RUN in found else ""
    return f"{target}: the order explains {found[ORDER]} of the variance of scores, the seed {found[SEED]}{run}"


def _percent(part: Component) -> str:
    return f"{points(100 * part.share, 1)} %"


def _shares(one: TargetOrders) -> Iterator[Td]:
    for name in _SHARES:
        part = one.components.get(name)
        yield Td(text=_percent(part), sub=(points(part.variance**0.5),)) if part else Td(text=NOTHING)


def _test(orders: Orders, target: str, aggregate: str) -> tuple[Td, ...]:
    found = orders.targets[target].tests[aggregate]
    digits = 3 if aggregate == "gini" else 2
    return (
        *td(target, FAIR_WORDS.get(aggregate, aggregate), points(found.sd, digits), points(found.by_luck, digits)),
        *td(p_text(found.p), p_text(orders.adjusted_p[target, aggregate])),
        Td(text=f"{'all' if found.is_exact else 'random'} {found.permutations:,}"),
    )


def _positions(gains: Gains, orders: Orders, place: int) -> Iterator[Block]:
    rows: list[tuple[Td, ...]] = []
    for where in PLACES:
        rows.append((Td(text=f"came {where}"),))
        rows += [
            (Td(text=phase), Td(text=", ".join(one.arms)), *_gains(gains, one))
            for (at, phase), one in orders.positions.items()
            if at == where
        ]
    yield Table(
        id=f"orders-places-{place}",
        caption=f"Mean gain over “{gains.baseline}” in points of the orders in which a task came last, and of those in "
        "which it came first.",
        head=("Task", "Orders", *orders.targets),
        rows=tuple(rows),
        text_columns=2,
    )
    marked = any(mark_of(gains.overlaps, (name, gains.baseline), orders.targets) for name in orders.arms)
    yield note(f"{_PLACES} {FOOTNOTE}" if marked else _PLACES)


def _gains(gains: Gains, one: Position) -> Iterator[Td]:
    for target, gain in one.gains.items():
        mark = mark_of(gains.overlaps, (*one.arms, gains.baseline), [target]) if gain is not None else ""
        yield Td(text=f"{signed(gain)}{mark}")
