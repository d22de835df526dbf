"""Metrics as their communities compute them, on plain values and in percent.

Accuracy and binary F1; exact match and F1 of the official SQuAD v1.1 script; chunk F1 of seqeval 0.0.12, the version
behind XTREME's published tagging scores. Where values come from (files, prediction rows) is not decided here.
"""

import re
import string
from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence as Seq
from typing import Any

from ds_stilts.errors import DataError

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def with_gold(rows: Seq[Mapping[str, Any]], task_name: str, language: str) -> list[Mapping[str, Any]]:
    """The rows whose gold is known.

    Raises:
        DataError: there is none, so nothing can be scored.
    """
    known = [row for row in rows if row["gold"] not in (None, [])]
    if not known:
        raise DataError(
            f"task '{task_name}', language '{language}': none of the {len(rows)} predictions has a gold label, so "
            "there is no score; put the official label file beside the examples or choose another split"
        )
    return known


def accuracy(golds: Seq[Any], predictions: Seq[Any]) -> float:
    """Share of equal values."""
    return 100.0 * sum(gold == guess for gold, guess in zip(golds, predictions, strict=True)) / len(golds)


def binary_f1(golds: Seq[Any], predictions: Seq[Any], positive: Any) -> float:
    """F1 of the class `positive`; 0 when it is neither in the gold nor predicted (as scikit-learn's default)."""
    both = sum(gold == guess == positive for gold, guess in zip(golds, predictions, strict=True))
    named = sum(gold == positive for gold in golds) + sum(guess == positive for guess in predictions)
    return 100.0 * 2 * both / named if named else 0.0


def normalise_answer(text: str) -> str:
    """Lower-case, without ASCII punctuation and English articles, single spaces: the SQuAD v1.1 script's normaliser.

    It does the same in every language: full-width forms keep their width and Chinese is not segmented.
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(prediction: str, golds: Seq[str]) -> float:
    """1 if the prediction equals one of the golds after normalisation, else 0."""
    return float(any(normalise_answer(prediction) == normalise_answer(gold) for gold in golds))


def answer_f1(prediction: str, golds: Seq[str]) -> float:
    """Best bag-of-words F1, 0 to 1, over the golds; 0 when nothing is left after normalisation, even on both sides."""
    return max(_answer_f1(normalise_answer(prediction).split(), normalise_answer(gold).split()) for gold in golds)


def _answer_f1(prediction: list[str], gold: list[str]) -> float:
    common = sum((Counter(prediction) & Counter(gold)).values())
    if common == 0:
        return 0.0
    precision, recall = common / len(prediction), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def squad_scores(golds: Seq[Seq[str]], predictions: Seq[str]) -> dict[str, float]:
    """`exact_match` and `f1` over questions, each with its own best gold, as evaluate-v1.1.py does."""
    pairs = list(zip(predictions, golds, strict=True))
    return {
        "exact_match": 100.0 * sum(exact_match(guess, gold) for guess, gold in pairs) / len(pairs),
        "f1": 100.0 * sum(answer_f1(guess, gold) for guess, gold in pairs) / len(pairs),
    }


def chunks(tags: Seq[str]) -> set[tuple[str, int, int]]:
    """Chunks (type, first, last) of one tag sequence, as `get_entities` of seqeval 0.0.12 finds them.

    The first letter of a tag is its position (B I E S O, anything else counts as inside), what follows the last "-"
    its type; a tag without "-" is its own type. Hence, for part-of-speech tags: neighbours with the same tag are one
    chunk (NOUN NOUN), but SCONJ and SYM, which begin with the S of "single", stand alone, and a tag that begins with
    O is outside.
    """
    found: set[tuple[str, int, int]] = set()
    begin, before, before_type = 0, "O", ""
    for i, tag in enumerate([*tags, "O"]):
        position, kind = tag[:1], tag.split("-")[-1]
        changed = before_type != kind
        if (
            before in ("E", "S")
            or (before in ("B", "I") and position in ("B", "S", "O"))
            or (before not in ("O", ".") and changed)
        ):
            found.add((before_type, begin, i - 1))
        if (
            position in ("B", "S")
            or (before in ("E", "S", "O") and position in ("E", "I"))
            or (position not in ("O", ".") and changed)
        ):
            begin = i
        before, before_type = position, kind
    return found


def chunk_f1(golds: Seq[Seq[str]], predictions: Seq[Seq[str]]) -> float:
    """Micro F1 of chunks over sentences, digit for digit that of seqeval 0.0.12.

    As there, sentences are strung together with an "O" after each, so one prediction of another length than its
    sentence would shift all that follow: callers check lengths.
    """
    true, guessed = (chunks([tag for sentence in side for tag in (*sentence, "O")]) for side in (golds, predictions))
    right = len(true & guessed)
    precision = right / len(guessed) if guessed else 0.0
    recall = right / len(true) if true else 0.0
    return 100.0 * (2 * precision * recall / (precision + recall)) if right else 0.0
