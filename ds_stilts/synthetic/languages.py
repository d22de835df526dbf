"""The eight made-up languages, as data: grammar switches, script, cognates and share of the running text.

The switches follow the idea of White & Cotterell 2021 ("Examining the Inductive Bias of Neural Language Models with
Artificial Languages"): languages that differ in head direction and morphology but mean the same. "aa" plays English.
Words are drawn in `lexicon`, sentences built in `grammar`.
"""

from dataclasses import dataclass
from typing import Literal

SWITCHES = ("order", "adposition", "adjective", "morphology", "spaced")


@dataclass(frozen=True, kw_only=True, slots=True)
class Language:
    """One language's declaration."""

    code: str
    order: Literal["SVO", "SOV", "VSO"]
    adposition: Literal["before", "after"]
    """Where the adposition stands relative to its noun phrase."""
    adjective: Literal["before", "after"]
    """Where the adjective stands relative to its noun."""
    morphology: Literal["isolating", "agglutinative", "fusional"]
    script: str
    """Key of `lexicon.SCRIPTS`; languages that share one never share a word by accident."""
    data_share: float
    """Running text relative to a language that has plenty."""
    spaced: bool = True
    """Whether words are set apart by spaces."""
    cognates_with: str | None = None
    cognate_share: float = 0.0
    """Share of content words spelled as in `cognates_with`."""
    role: str


LANGUAGES: dict[str, Language] = {
    language.code: language
    for language in (
        Language(code="aa", order="SVO", adposition="before", adjective="before", morphology="isolating",
                 script="latin", data_share=1.0, role="source: plays English"),
        Language(code="bb", order="SVO", adposition="before", adjective="after", morphology="isolating",
                 script="greek", data_share=1.0, role="near, another script"),
        Language(code="cc", order="SOV", adposition="after", adjective="before", morphology="agglutinative",
                 script="cyrillic", data_share=1.0, role="far"),
        Language(code="dd", order="VSO", adposition="before", adjective="after", morphology="isolating",
                 script="georgian", data_share=1.0, role="verb first"),
        Language(code="ee", order="SOV", adposition="after", adjective="before", morphology="agglutinative",
                 script="armenian", data_share=0.05, role="low resource"),
        Language(code="ff", order="SVO", adposition="before", adjective="before", morphology="isolating",
                 script="latin", data_share=1.0, cognates_with="aa", cognate_share=0.3, role="cognates of aa"),
        Language(code="gg", order="SOV", adposition="after", adjective="after", morphology="fusional",
                 script="cyrillic", data_share=0.3, cognates_with="cc", cognate_share=0.3, role="family of cc"),
        Language(code="hh", order="SVO", adposition="before", adjective="before", morphology="isolating",
                 script="kana", data_share=0.3, spaced=False, role="no spaces between words"),
    )
}  # fmt: skip
"""In alphabetical order; a language comes after the one it has cognates with."""

SOURCE = "aa"


def distance(l1: str, l2: str) -> int:
    """Typological distance of two languages: how many of the five grammar `SWITCHES` differ (Hamming)."""
    first, second = LANGUAGES[l1], LANGUAGES[l2]
    return sum(getattr(first, switch) != getattr(second, switch) for switch in SWITCHES)
