"""What is done to a text to see how robust a model is: small pure functions, alike in every process.

Only letters are touched, so that numbers stay what they are, and always a letter with its marks, so that no vowel sign
or tone is torn from its consonant. Which task's texts are perturbed, and where: `perturbed`.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from random import Random

NOISE_RATE = 0.05
"""Chance of a letter to be disturbed: of a question of 50 letters, two or three."""
FOLDED_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW")
"""Scripts whose marks are diacritics, without which text is still read; in others (Devanagari, Thai, kana, …) they are
vowels, tones or part of the letter."""
SENTENCE_CHARACTERS = (15, 300)
"""A sentence that is appended has at least and at most so many characters."""

_JOINERS = "\u200c\u200d"  # zero width; they shape the letter before them
_SENTENCE_END = re.compile(r"(?<=[.!?…؟۔।॥])\s+|(?<=[。\uff01\uff1f])\s*|\n+")


def add_noise(text: str, random: Random) -> str:
    """Text with `NOISE_RATE` of its letters disturbed: left out, written twice, or swapped with the next.

    A word is a run of letters of one script; of words with one letter nothing is left out, and nothing leaves its word.
    """
    return "".join(_disturbed(unit, random) if unit[0][0].isalpha() else "".join(unit) for unit in _runs(letters(text)))


def _disturbed(word: Sequence[str], random: Random) -> str:
    kept: list[str] = []
    place, num_left = 0, len(word)
    while place < len(word):
        letter = word[place]
        place += 1
        if random.random() >= NOISE_RATE:
            kept.append(letter)
            continue
        what = random.choice(("leave out", "twice", "swap"))
        if what == "swap" and place < len(word) and word[place] != letter:
            kept += [word[place], letter]
            place += 1
        elif what == "leave out" and num_left > 1:
            num_left -= 1
        else:
            kept += [letter, letter]
    return "".join(kept)


def fold(text: str) -> str:
    """Text in small letters, and without diacritics where a script has such (`FOLDED_SCRIPTS`).

    So "Où" becomes "ou", "й" becomes "и", and vowelled Arabic is unvowelled; Thai, Hindi and Chinese stay as they are.
    """
    return "".join(_folded(letter) for letter in letters(text))


def _folded(letter: str) -> str:
    if _script(letter[0]) in FOLDED_SCRIPTS:
        parts = unicodedata.normalize("NFD", letter)
        letter = "".join(part for part in parts if unicodedata.category(part) != "Mn") or letter
    return letter.lower()


def sentences(text: str) -> list[str]:
    """The sentences of a text that have a length of `SENTENCE_CHARACTERS`.

    Where a piece is longer, as in languages that mark no ends, it is cut at white space, or else anywhere.
    """
    least, most = SENTENCE_CHARACTERS
    found = []
    for piece in _SENTENCE_END.split(text):
        piece = piece.strip()
        if len(piece) > most:
            piece = (piece[: most + 1].rpartition(" ")[0] or piece[:most]).strip()
        if len(piece) >= least:
            found.append(piece)
    return found


def letters(text: str) -> list[str]:
    """Characters, each with the combining marks and joiners behind it; together they are the text."""
    found: list[str] = []
    for character in text:
        if found and (character in _JOINERS or unicodedata.category(character).startswith("M")):
            found[-1] += character
        else:
            found.append(character)
    return found


def _runs(units: Sequence[str]) -> list[list[str]]:
    """Neighbours of one script that are letters; everything else by itself."""
    found: list[list[str]] = []
    for unit in units:
        first = unit[0]
        if found and first.isalpha() and found[-1][0][0].isalpha() and _script(first) == _script(found[-1][0][0]):
            found[-1].append(unit)
        else:
            found.append([unit])
    return found


@cache
def _script(character: str) -> str:
    """The first word of its name in Unicode, e.g. "LATIN"; "" where it has none."""
    return unicodedata.name(character, "").partition(" ")[0]
