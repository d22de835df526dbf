"""Means over languages of one kind, within a target: word order, family, script, resource class.

Kinds are compared within a target only, as targets differ in their languages. What a benchmark's folder gets besides
stands in `ds_stilts.evaluation.analysis`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean

from ds_stilts.report.facts import UNKNOWN, LanguageFacts, word_order_key


@dataclass(frozen=True, kw_only=True)
class KindRow:
    """Languages of one kind."""

    by: str
    """One of `KINDS`."""
    kind: str
    """What they have in common; "unknown" of those that the sources lack it of."""
    languages: tuple[str, ...]
    scores: Mapping[str, float]
    """By arm."""
    differences: Mapping[str, float]


_FACT = {"word order": "word_order", "family": "family", "script": "script", "resource class": "joshi"}
KINDS = tuple(_FACT)


def kind_rows(
    languages: Iterable[LanguageFacts],
    scores: Mapping[str, Mapping[str, float]],
    differences: Mapping[str, Mapping[str, float]],
) -> tuple[KindRow, ...]:
    """The kinds of one target's languages.

    Args:
        scores, differences: arm → language code → value; an arm may lack languages.
    """
    known = list(languages)
    rows = []
    for by, name in _FACT.items():
        members: dict[str, list[str]] = {}
        for facts in known:
            members.setdefault(getattr(facts, name), []).append(facts.code)
        rows += [
            KindRow(
                by=by,
                kind=kind,
                languages=tuple(members[kind]),
                scores=_means(scores, members[kind]),
                differences=_means(differences, members[kind]),
            )
            for kind in sorted(members, key=word_order_key if by == "word order" else _alphabetical)
        ]
    return tuple(rows)


def _alphabetical(kind: str) -> tuple[bool, str]:
    return kind == UNKNOWN, kind


def _means(values: Mapping[str, Mapping[str, float]], codes: list[str]) -> dict[str, float]:
    own = {arm: [by_code[code] for code in codes if code in by_code] for arm, by_code in values.items()}
    return {arm: fmean(found) for arm, found in own.items() if found}
