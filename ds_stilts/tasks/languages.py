"""What is known of a language beside its data: name, family, script, word order. Reports group scores by these.

The table is `languages.json` beside this file, with its attribution inside. Codes are XTREME's (ISO 639-1); "aa" to
"hh" are the made-up languages of `ds_stilts.synthetic`, whatever else the registry gives those codes to.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """Facts of one language; None where the sources have no value."""

    code: str
    name: str
    family: str | None = None
    """Top-level family; "isolate" where there is none."""
    script: str | None = None
    """ISO 15924 code."""
    word_order: str | None = None
    """Dominant order of subject, object and verb; "SVO/SOV" where two are."""
    adposition: str | None = None
    """"prep", "postp" or "mixed"."""
    adjective: str | None = None
    """"AN" (before the noun) or "NA"; given for made-up languages only."""
    morphology: str | None = None
    """"isolating", "agglutinative" or "fusional"; given for made-up languages only."""
    joshi: int | None = None
    """Resource class of Joshi et al. 2020 (arXiv:2004.09095), 0 (left behind) to 5 (winners)."""
    syntactic_distance: float | None = None
    """Cosine distance of URIEL's syntactic features from English's, 0 to 1; not of made-up languages, whose grammars
    are known (`ds_stilts.synthetic.distance`)."""
    made_up: bool = False
    note: str = ""


@cache
def _table() -> dict[str, Language]:
    text = (resources.files("ds_stilts.tasks") / "languages.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    return {
        code: Language(code=code, made_up=group == "made_up", **facts)
        for group in ("natural", "made_up")
        for code, facts in stored[group].items()
    }


def known_languages() -> list[str]:
    """Codes in the table: natural languages alphabetically, then the made-up ones."""
    return list(_table())


def language_facts(code: str) -> Language:
    """Facts of a language.

    Raises:
        KeyError: the code is not in the table.
    """
    return _table()[code]


def language_name(code: str) -> str:
    """English name, or the code itself where the table has none, so that any language can be printed."""
    return _table()[code].name if code in _table() else code
