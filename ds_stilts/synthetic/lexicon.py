"""Which words and suffixes each language has: syllable strings drawn once from the world's seed.

Invariants that make every text decodable into the pieces that built it:
  * within one script no stem is a prefix of another (so stems are uniquely found, even where no spaces are written),
    and a spelling is shared by two languages only as a declared cognate, which then means the same;
  * a suffix is one syllable, that means one thing in its whole script.
How words are inflected and ordered is `grammar`'s business.
"""

import random
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from ds_stilts.synthetic.languages import LANGUAGES, Language
from ds_stilts.synthetic.world import FUNCTION_CONCEPTS, NEG, PASS, Mention, World

ACC, LOC, NOM, AFF = "ACC", "LOC", "NOM", "AFF"
"""Accusative, locative, nominative; and a verb that is neither negated nor passive."""

Features = tuple[str, ...]
"""What a suffix means: one feature, or two at once in a fusional verb."""

NUM_CLASSES = 2
"""Declension and conjugation classes of a fusional language: each has its own suffixes."""


def _syllables(consonants: str, vowels: str) -> tuple[str, ...]:
    return tuple(map("".join, product(consonants, vowels)))


SCRIPTS: dict[str, tuple[str, ...]] = {
    "latin": _syllables("bdfgklmnprstvz", "aeiou"),
    "greek": _syllables("βγδζθκλμνπρτφχ", "αειουω"),
    "cyrillic": _syllables("бвгджзклмнпрст", "аеиоу"),
    "georgian": _syllables("ბგდვზთკლმნპრსტ", "აეიოუ"),
    "armenian": _syllables("բգդզթլխկմնպռստ", "աեիոէ"),
    "kana": tuple("あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわ"),
}
"""Syllables of each writing system (lower case, no combining marks). A kana syllable is a single character."""


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """The words of one language."""

    language: Language
    stems: dict[Mention, str]
    """Spelling of both names of every content concept, and of the function words that the language has."""
    suffixes: dict[tuple[Features, int], str]
    """Spelling by meaning and class; the class is 0 except in fusional languages."""
    classes: dict[Mention, int]
    """Declension or conjugation class of each stem; 0 except in fusional languages."""

    @cached_property
    def meanings(self) -> dict[str, Features]:
        """What each stem and suffix means, by spelling: a stem one concept, a suffix its features."""
        words: dict[str, Features] = {text: (mention.concept,) for mention, text in self.stems.items()}
        return words | {text: features for (features, _), text in self.suffixes.items()}


def build_lexicons(world: World, seed: int) -> dict[str, Lexicon]:
    """Draw the lexicons of all declared languages; a pure function of the world's concepts and the seed."""
    taken: dict[str, _Script] = {}
    lexicons: dict[str, Lexicon] = {}
    for code, language in LANGUAGES.items():
        rng = random.Random(f"lexicon/{seed}/{code}")
        script = taken.setdefault(language.script, _Script(SCRIPTS[language.script]))
        content = [Mention(concept, name) for concept in world.content_concepts for name in (0, 1)]
        stems: dict[Mention, str] = {}
        if language.cognates_with:
            shared = rng.sample(content, round(language.cognate_share * len(content)))
            stems = {mention: lexicons[language.cognates_with].stems[mention] for mention in shared}
        inflected = language.morphology != "isolating"
        words = [Mention(c) for c in FUNCTION_CONCEPTS if not (inflected and c in (NEG, PASS))]
        for mention in words + content:
            if mention not in stems:
                stems[mention] = script.stem(rng)
        fusional = language.morphology == "fusional"
        suffixes = {key: script.suffix(rng) for key in _paradigm(language)}
        classes = {mention: rng.randrange(NUM_CLASSES) if fusional else 0 for mention in stems}
        lexicons[code] = Lexicon(language=language, stems=stems, suffixes=suffixes, classes=classes)
    return lexicons


def _paradigm(language: Language) -> list[tuple[Features, int]]:
    if language.morphology == "isolating":
        return []
    if language.morphology == "agglutinative":
        return [((feature,), 0) for feature in (ACC, LOC, NEG, PASS)]
    fused: list[Features] = [(NOM,), (ACC,), (LOC,), (AFF,), (NEG,), (PASS,), (NEG, PASS)]
    return [(features, number) for features in fused for number in range(NUM_CLASSES)]


class _Script:
    """Hands out the spellings of one script so that no stem begins another."""

    def __init__(self, syllables: tuple[str, ...]) -> None:
        self.syllables = syllables
        self.stems: set[str] = set()
        self.beginnings: set[str] = set()
        self.suffixes: set[str] = set()

    def stem(self, rng: random.Random) -> str:
        while True:
            parts = rng.choices(self.syllables, k=rng.choice((2, 2, 3)))
            text = "".join(parts)
            prefixes = {text[:end] for end in range(1, len(text))}
            if text not in self.stems and text not in self.beginnings and not prefixes & self.stems:
                self.stems.add(text)
                self.beginnings |= prefixes
                return text

    def suffix(self, rng: random.Random) -> str:
        text = rng.choice([syllable for syllable in self.syllables if syllable not in self.suffixes])
        self.suffixes.add(text)
        return text
