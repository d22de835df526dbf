"""A run that learned nothing is found by its answers and by its score, in a language that it was trained in."""

import json
from pathlib import Path
from typing import Any

from ds_stilts.evaluation.rows import Row, write_shard
from ds_stilts.evaluation.scores import scores_from_rows
from ds_stilts.studies.collapse import collapsed
from ds_stilts.tasks import get_task

LABELS = ("contradiction", "entailment", "neutral")


def scored(folder: Path, predictions: dict[str, list[Any]], golds: list[Any], task: str = "synth_nli") -> Path:
    """A target's folder as a run leaves it, with these predictions by language."""
    for language, given in predictions.items():
        rows = [
            Row(task=task, language=language, split="test", id=str(place), index=place, gold=json.dumps(gold),
                prediction=json.dumps(prediction), score=1.0, tokens=5, zero_shot=language != "aa")
            for place, (gold, prediction) in enumerate(zip(golds, given, strict=True))
        ]  # fmt: skip
        write_shard(rows, folder / "predictions", language, 0)
    made = scores_from_rows(get_task(task), list(predictions), folder / "predictions", "float32")
    own = get_task(task)
    facts = {"format": own.format, "value_metrics": list(own.value_metrics), "train": {"languages": ["aa"]}}
    (folder / "scores.json").write_text(json.dumps({**facts, **made}))
    return folder


GOLD = [LABELS[number % 3] for number in range(300)]


def test_one_answer_for_everything_is_a_collapse(tmp_path: Path) -> None:
    same = scored(tmp_path / "same", {"aa": ["neutral"] * 300}, GOLD)
    assert collapsed(same) == "100.0% of its answers in aa are 'neutral'"


def test_a_score_that_guessing_reaches_is_a_collapse(tmp_path: Path) -> None:
    shifted = [LABELS[(number // 3) % 3] for number in range(300)]
    found = collapsed(scored(tmp_path / "chance", {"aa": shifted}, GOLD))
    assert found is not None and "is what guessing gives (33.3)" in found


def test_what_has_learned_is_no_collapse_and_chance_in_another_language_neither(tmp_path: Path) -> None:
    learned = [gold if number % 4 else LABELS[0] for number, gold in enumerate(GOLD)]
    assert collapsed(scored(tmp_path / "good", {"aa": learned}, GOLD)) is None
    assert collapsed(scored(tmp_path / "far", {"aa": learned, "cc": ["neutral"] * 300}, GOLD)) is None


def test_a_tagger_that_says_one_tag_is_found(tmp_path: Path) -> None:
    golds = [["NOUN", "VERB", "NOUN", "PUNCT"] for _ in range(60)]
    one = scored(tmp_path / "tags", {"aa": [["NOUN"] * 4] * 60}, golds, task="synth_pos")
    assert collapsed(one) == "100.0% of its answers in aa are 'NOUN'"
    assert collapsed(scored(tmp_path / "right", {"aa": golds}, golds, task="synth_pos")) is None
