"""What the report says about a language beside its scores: name, family, script, word order, resource class.

The facts themselves live in `ds_stilts.tasks.languages`; here a code that is not there becomes "unknown" rather than
an error, since scores of a new language are worth showing before anybody has described it.
"""

from dataclasses import dataclass

UNKNOWN = "unknown"
_ORDERS = ("SVO", "SOV", "VSO", "VOS", "OVS", "OSV")


@dataclass(frozen=True, kw_only=True)
class LanguageFacts:
    """Display facts of one language."""

    code: str
    name: str
    family: str
    script: str
    word_order: str
    joshi: str = UNKNOWN
    """Resource class of Joshi et al. 2020, "0" (left behind) to "5" (winners)."""

    def sort_key(self) -> tuple[int, str, str, str]:
        """Word order (frequent ones first, unknown last), then name."""
        return (*word_order_key(self.word_order), self.name, self.code)


def word_order_key(word_order: str) -> tuple[int, str]:
    """Sorts the six basic orders first, mixed ones alphabetically after them, "unknown" last."""
    if word_order == UNKNOWN:
        return (len(_ORDERS) + 1, "")
    return (_ORDERS.index(word_order) if word_order in _ORDERS else len(_ORDERS), word_order)


def language_facts(code: str) -> LanguageFacts:
    """Facts of a language code; every missing one is "unknown", and the name falls back to the code."""
    from ds_stilts.tasks import languages

    try:
        found = languages.language_facts(code)
    except KeyError:
        return LanguageFacts(code=code, name=code, family=UNKNOWN, script=UNKNOWN, word_order=UNKNOWN)
    return LanguageFacts(
        code=code,
        name=found.name or code,
        family=found.family or UNKNOWN,
        script=found.script or UNKNOWN,
        word_order=found.word_order or UNKNOWN,
        joshi=UNKNOWN if found.joshi is None else str(found.joshi),
    )
