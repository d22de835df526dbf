"""Finds runs that learned nothing: a classifier that always answers the same, a score that a guess would reach.

Looked at in a language that the target was trained in: elsewhere, chance may be a true result of transfer.
"""

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

from ds_stilts.errors import DataError
from ds_stilts.studies.cells import read_scores

SAME_ANSWER = 0.99
"""Share of one and the same answer from which on a classifier counts as collapsed."""
_STANDARD_ERRORS = 2.0


def collapsed(folder: Path) -> str | None:
    """What is wrong with a scored target, as a phrase; None: nothing.

    Args:
        folder: of its stage.

    Raises:
        DataError: its scores or rows are damaged.
    """
    from pyarrow import ArrowInvalid

    scores = read_scores(folder)
    try:
        train, languages = scores.get("train"), scores["languages"]
        own = [code for code in (train["languages"] if train else []) if code in languages] or list(languages)
        return next(
            (found for code in own[:1] for found in [_same(scores, folder, code), _chance(scores, code)] if found), None
        )
    except (ArrowInvalid, OSError, KeyError, ValueError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())
        raise DataError(f"{folder}: scores or rows are damaged ({said}); score the target again") from None


def _same(scores: dict[str, Any], folder: Path, code: str) -> str | None:
    if scores["format"] not in ("sentence_pair", "multiple_choice", "tagging"):
        return None
    answers = Counter(_answers(folder / "predictions", code))
    golds = {gold for gold in _answers(folder / "predictions", code, column="gold")}
    if not answers or len(golds) < 2:
        return None
    answer, count = answers.most_common(1)[0]
    share = count / answers.total()
    return f"{share:.1%} of its answers in {code} are {answer!r}" if share >= SAME_ANSWER else None


def _answers(folder: Path, code: str, column: str = "prediction") -> list[str]:
    """Single answers: of tagging, those of the words."""
    import pyarrow.parquet as pq

    values = [
        json.loads(text)
        for path in sorted(folder.glob(f"{code}-*.parquet"))
        for text in pq.read_table(path, columns=[column]).column(column).to_pylist()
    ]
    return [str(one) for value in values for one in (value if isinstance(value, list) else [value])]


def _chance(scores: dict[str, Any], code: str) -> str | None:
    """Whether every value metric of which a guesser's score is known is within two standard errors of it."""
    cell = scores["languages"][code]
    guesses = {
        metric: max(cell.get(kind, {}).get(metric, -math.inf) for kind in ("majority", "random"))
        for metric in scores["value_metrics"]
    }
    known = {metric: guess for metric, guess in guesses.items() if guess > -math.inf}
    above = {metric: cell["metrics"][metric] - guess for metric, guess in known.items()}
    if not known or any(
        above[metric] > _STANDARD_ERRORS * _standard_error(guess, cell["examples"]) for metric, guess in known.items()
    ):
        return None
    metric = next(iter(known))
    return f"its {metric} in {code}, {cell['metrics'][metric]:.1f}, is what guessing gives ({known[metric]:.1f})"


def _standard_error(percent: float, count: int) -> float:
    """Of a share of so many independent items, in percent."""
    share = min(1.0, max(0.0, percent / 100))
    return 100 * math.sqrt(max(share * (1 - share), 1 / count) / count)
