"""What XTREME's own script computes from one language's files, written down plainly from its description.

From the rules in the benchmark's papers and the behaviour of `evaluate.py` (google-research/xtreme, 838c13b), not from
its text, and with nothing of this package: seqeval 0.0.12 and scikit-learn where that script or its equals use them.
"""

import json
import re
import string
import unicodedata
from collections import Counter
from pathlib import Path

from seqeval.metrics import f1_score, precision_score, recall_score
from sklearn.metrics import accuracy_score

ARTICLES = {
    "en": r"\b(a|an|the)\b",
    "es": r"\b(un|una|unos|unas|el|la|los|las)\b",
    "vi": r"\b(của|là|cái|chiếc|những)\b",
    "de": r"\b(ein|eine|einen|einem|eines|einer|der|die|das|den|dem|des)\b",
    "ar": r"\sال^|ال",
}


def oracle(task: str, language: str, labels: Path, predictions: Path) -> dict[str, float]:
    """The metrics of one pair of files, in percent."""
    if task in ("pawsx", "xnli", "tatoeba"):
        return {
            "accuracy": 100 * accuracy_score(*(path.read_text("utf-8").splitlines() for path in (labels, predictions)))
        }
    if task == "xcopa":
        sides = (
            [json.loads(line)["label"] for line in path.read_text("utf-8").splitlines()]
            for path in (labels, predictions)
        )
        return {"accuracy": 100 * accuracy_score(*sides)}
    if task in ("udpos", "panx"):
        sides = [[part.split() for part in path.read_text("utf-8").split("\n\n")] for path in (labels, predictions)]
        return {
            "f1": 100 * f1_score(*sides),
            "precision": 100 * precision_score(*sides),
            "recall": 100 * recall_score(*sides),
        }
    if task == "bucc2018":
        gold, found = (set(path.read_text("utf-8").splitlines()) for path in (labels, predictions))
        precision, recall = len(gold & found) / len(found), len(gold & found) / len(gold)
        f1 = 2 / (1 / precision + 1 / recall)
        return {"f1": 100 * f1, "precision": 100 * precision, "recall": 100 * recall}
    golds, guesses = (json.loads(path.read_text("utf-8")) for path in (labels, predictions))
    if task in ("mewslix", "lareqa"):
        values = [average_precision(ids, guesses.get(query, [])[:20]) for query, ids in golds.items()]
        return {"map@20": 100 * sum(values) / len(values)}
    pairs = []
    for article in golds["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                texts = [answer["text"] for answer in question["answers"]]
                pairs.append(graded(texts, guesses.get(question["id"]), language if task == "mlqa" else None))
    return {name: 100 * sum(pair[name] for pair in pairs) / len(pairs) for name in ("exact_match", "f1")}


def average_precision(right: list[str], ranked: list[str]) -> float:
    """Sum of the precision at each rank where a right one appears for the first time, over how many there could be."""
    first = [rank for rank, id in enumerate(ranked) if id in right and id not in ranked[:rank]]
    return sum((number + 1) / (rank + 1) for number, rank in enumerate(first)) / min(len(right), 20)


def graded(golds: list[str], guess: str | None, language: str | None) -> dict[str, float]:
    """Exact match and F1, each of the gold that gives the most; `language` for MLQA's normaliser, None for SQuAD's."""
    if guess is None:
        return {"exact_match": 0.0, "f1": 0.0}
    given, wanted = tokens(guess, language), [tokens(gold, language) for gold in golds]
    return {"exact_match": float(given in wanted), "f1": max(overlap(given, gold) for gold in wanted)}


def overlap(given: list[str], gold: list[str]) -> float:
    same = sum(min(count, given.count(token)) for token, count in Counter(gold).items())
    return 2 * same / (len(given) + len(gold)) if same else 0.0


def tokens(text: str, language: str | None) -> list[str]:
    text = "".join(
        letter
        for letter in text.lower()
        if letter not in string.punctuation and (language is None or not unicodedata.category(letter).startswith("P"))
    )
    text = re.sub(ARTICLES.get(language or "en", r"(?!)"), " ", text)
    if language == "zh":
        text = "".join(f" {letter} " if "\u4e00" <= letter <= "\u9fa5" else letter for letter in text)
    return text.split()
