"""A tokenizer whose vocabulary is exactly the words and suffixes of the made-up languages, in XLM-R's shape.

Invariants: ids 0 `<s>`, 1 `<pad>`, 2 `</s>`, 3 `<unk>`, last `<mask>`; `<s> A </s>` and `<s> A </s></s> B </s>`
(Conneau et al. 2020); a word is one stem piece ("▁" before it at a word's start) and one piece a suffix. In the
language without spaces a stem has a piece without "▁" too, since it also stands inside a run of words. Letters are a
fallback of low score for text that is not of these languages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ds_stilts.models.tokenizer import FIRST_TOKENS, MASK, xlmr_tokenizer
from ds_stilts.synthetic.lexicon import SCRIPTS, Features, Lexicon
from ds_stilts.synthetic.world import ASK, STOP

SPACE = "▁"
PIECE_SCORE, LETTER_SCORE = -8.0, -20.0
"""Unigram log-probabilities: any split into words beats one that needs a letter."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """An entry of the vocabulary."""

    text: str
    """As the tokenizer spells it, with "▁"."""
    score: float
    spelling: str
    """Without "▁": pieces that spell the same word are one word."""
    language: str | None
    """First language that has it; None for marks and letters."""
    meaning: Features
    """Concepts it stands for; empty for letters."""


def vocabulary(lexicons: Mapping[str, Lexicon]) -> list[Piece]:
    """All pieces between the special tokens, in id order (the first has id 4)."""
    pieces: dict[str, Piece] = {}

    def add(text: str, language: str | None, meaning: Features, score: float = PIECE_SCORE) -> None:
        pieces.setdefault(
            text, Piece(text=text, score=score, spelling=text.lstrip(SPACE), language=language, meaning=meaning)
        )

    for mark in (STOP, ASK):
        add(mark, None, (mark,))
        add(SPACE + mark, None, (mark,))
    for code, lexicon in lexicons.items():
        for mention, stem in lexicon.stems.items():
            add(SPACE + stem, code, (mention.concept,))
            if not lexicon.language.spaced:
                add(stem, code, (mention.concept,))
        for (features, _), suffix in lexicon.suffixes.items():
            add(suffix, code, features)
    for letter in [SPACE, *sorted({letter for syllables in SCRIPTS.values() for s in syllables for letter in s})]:
        add(letter, None, (), LETTER_SCORE)
    return list(pieces.values())


def build_tokenizer(lexicons: Mapping[str, Lexicon], max_tokens: int) -> Any:
    """A `PreTrainedTokenizerFast` over `vocabulary(lexicons)`; `max_tokens` becomes its `model_max_length`."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    entries = [(token, 0.0) for token in FIRST_TOKENS]
    entries += [(piece.text, piece.score) for piece in vocabulary(lexicons)]
    entries.append((MASK, 0.0))
    tokenizer = Tokenizer(models.Unigram(entries, unk_id=FIRST_TOKENS.index("<unk>"), byte_fallback=False))
    # As XLM-R: cutting at spaces first keeps them out of the offsets and makes runs of spaces one.
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(replacement=SPACE, prepend_scheme="always")]
    )
    tokenizer.decoder = decoders.Metaspace(replacement=SPACE, prepend_scheme="always")
    return xlmr_tokenizer(tokenizer, max_tokens)
