"""Folders score as XTREME's own script scores them, and what its numbers hide is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.evaluation.benchmarks import get_benchmark
from ds_stilts.evaluation.layout import FilePair, find_files
from ds_stilts.evaluation.official import LanguageScores, score_folder, score_pair
from ds_stilts.tasks import get_task
from tests.evaluation.folders import write_folder
from tests.evaluation.oracles import oracle

GOLDENS = json.loads(Path(__file__).with_name("official_scores.json").read_text("utf-8"))
SEEDS = [(name, seed) for name in ("xtreme", "xtreme-r") for seed in GOLDENS[name]]


@pytest.mark.parametrize(("name", "seed"), SEEDS)
def test_a_folder_scores_as_the_official_script_scored_it(name: str, seed: str, tmp_path: Path) -> None:
    expected = GOLDENS[name][seed]
    scores = score_folder(*write_folder(tmp_path, name, int(seed), 23), get_benchmark(name))
    for task, means in expected["tasks"].items():
        found = {f"avg_{metric}": value for metric, value in scores.tasks[task].averages.items()}
        assert {**found, "avg_metric": scores.tasks[task].score} == means, task  # to the last bit
    groups = {group: value for group, value in expected["groups"].items() if group != "all_task"}
    assert scores.groups == {**scores.groups, **{group: pytest.approx(value, 1e-14) for group, value in groups.items()}}
    assert scores.score is not None and not scores.missing
    if name == "xtreme":
        assert scores.score == pytest.approx(expected["groups"]["all_task"], rel=1e-14)
        assert set(scores.groups) == set(groups)


@pytest.mark.parametrize(("name", "seed", "size"), [("xtreme", 4, 1), ("xtreme", 5, 40), ("xtreme-r", 6, 31)])
def test_every_language_scores_as_the_oracles_say(name: str, seed: int, size: int, tmp_path: Path) -> None:
    benchmark = get_benchmark(name)
    predictions, labels = write_folder(tmp_path, name, seed, size)
    scores = score_folder(predictions, labels, benchmark)
    checked = 0
    for task, pairs in find_files(predictions, labels, benchmark).pairs.items():
        for pair in pairs:
            expected = oracle(task, pair.language, pair.labels, pair.predictions)
            assert scores.tasks[task].languages[pair.language] == pytest.approx(expected, rel=1e-12), (task, pair)
            checked += 1
    assert checked == sum(len(benchmark.languages(task)) for task in benchmark.tasks())


@pytest.fixture
def scored(tmp_path: Path) -> Any:
    """`scored(task, language, labels, predictions)`: scores of two files with these texts."""

    def score(task: str, language: str, labels: str, predictions: str) -> LanguageScores:
        pair = FilePair(
            task=get_task(task), language=language, labels=tmp_path / "labels", predictions=tmp_path / "predictions"
        )
        pair.labels.write_text(labels, encoding="utf-8")
        pair.predictions.write_text(predictions, encoding="utf-8")
        return score_pair(pair)

    return score


def squad(**golds: list[str]) -> str:
    asked = [{"id": id, "answers": [{"text": text} for text in texts]} for id, texts in golds.items()]
    return json.dumps([{"paragraphs": [{"qas": asked}]}])


def own(scores: LanguageScores) -> dict[str, float]:
    (remark,) = scores.remarks
    return remark.own


def test_a_blank_line_on_both_sides_counts_and_is_told(scored: Any) -> None:
    scores = scored("pawsx", "de", "0\n1\n1\n\n", "0\n0\n1\n\n")
    assert scores.metrics == {"accuracy": 75.0}
    assert own(scores) == {"accuracy": pytest.approx(200 / 3)}
    assert scores.remarks[0].text == "blank lines of the labels, which count as examples: 1"


def test_labels_are_compared_as_text_and_own_as_meant(scored: Any) -> None:
    scores = scored("tatoeba", "de", "0\n1\n2\n3\n12\n", "00\n1.0\n[2]\n4\n12\n")
    assert scores.metrics == {"accuracy": 20.0}
    assert own(scores) == {"accuracy": 80.0}
    assert (
        scores.remarks[0].text
        == 'predictions that cannot be right: 3, the first: line 1 is "00", not a plain integer from 0'
    )


def test_a_label_of_no_class_counts_as_wrong_and_is_told(scored: Any) -> None:
    scores = scored("xnli", "de", "entailment\nneutral\n", "entail\nneutral\n")
    assert scores.metrics == {"accuracy": 50.0}
    assert own(scores) == {}
    assert scores.remarks[0].text == (
        'predictions that cannot be right: 1, the first: line 1 is "entail", not one of contradiction, entailment, '
        "neutral"
    )


def test_choices_are_compared_as_json_in_the_order_of_lines(scored: Any) -> None:
    scores = scored(
        "xcopa", "et", '{"label": 0}\n{"label": 1}\n{"label": 1}\n', '{"label": "0"}\n{"label": true}\n{"label": 1}\n'
    )
    assert scores.metrics == {"accuracy": pytest.approx(200 / 3)}
    assert (
        'predictions that cannot be right: 2, the first: line 1 is "0", not an integer from 0 to 1'
        in scores.remarks[0].text
    )


def test_the_order_of_idx_is_not_looked_at_and_told(scored: Any) -> None:
    golds = '{"idx": 0, "label": 0}\n{"idx": 1, "label": 1}\n{"idx": 2, "label": 1}\n'
    guesses = '{"idx": 1, "label": 1}\n{"idx": 0, "label": 0}\n{"idx": 2, "label": 1}\n'
    scores = scored("xcopa", "et", golds, guesses)
    assert scores.metrics == {"accuracy": pytest.approx(100 / 3)}
    assert own(scores) == {"accuracy": 100.0}


def test_lines_of_word_and_tag_are_tags_as_a_whole(scored: Any) -> None:
    scores = scored("udpos", "en", "DET\nNOUN\n\nVERB\n", "the\tDET\ncat\tNOUN\n\nVERB\n")
    assert scores.metrics == {
        "f1": pytest.approx(100 / 3),
        "precision": pytest.approx(100 / 3),
        "recall": pytest.approx(100 / 3),
    }
    assert own(scores) == {"f1": 100.0, "precision": 100.0, "recall": 100.0}


def test_tags_without_positions_merge_but_for_those_that_begin_with_s(scored: Any) -> None:
    # chunks of the gold: DET, NOUN NOUN, SCONJ, SCONJ, X; of the prediction: DET, NOUN, VERB, SCONJ, SCONJ, X
    scores = scored("udpos", "en", "DET\nNOUN\nNOUN\nSCONJ\nSCONJ\nX\n", "DET\nNOUN\nVERB\nSCONJ\nSCONJ\nX\n")
    assert scores.metrics == {"f1": pytest.approx(800 / 11), "precision": pytest.approx(400 / 6), "recall": 80.0}
    assert scores.remarks == []


def test_empty_sentences_on_both_sides_do_no_harm(scored: Any) -> None:
    assert scored("panx", "en", "B-PER\n\n\nO\n", "B-PER\n\n\nO\n").metrics["f1"] == 100.0


def test_pairs_are_a_set_in_which_blank_lines_are_one_pair(scored: Any) -> None:
    gold = "de-1\ten-1\nde-2\ten-2\n\n\n"
    scores = scored("bucc2018", "de", gold, "de-1\ten-1\nde-1\ten-1\nde-9\ten-9\n\n")
    assert scores.metrics == {
        "f1": pytest.approx(200 / 3),
        "precision": pytest.approx(200 / 3),
        "recall": pytest.approx(200 / 3),
    }
    assert own(scores) == {"f1": 50.0, "precision": 50.0, "recall": 50.0}


def test_three_columns_are_no_pair(scored: Any) -> None:
    scores = scored("bucc2018", "de", "de-1\ten-1\n", "1.07\tde-1\ten-1\n")
    assert scores.metrics == {"f1": 0.0, "precision": 0.0, "recall": 0.0}
    assert "cannot be right: 1, the first" in scores.remarks[0].text


def test_an_answer_of_nothing_matches_exactly_with_an_f1_of_nothing(scored: Any) -> None:
    scores = scored("xquad", "en", squad(a=["the"], b=["b c"]), json.dumps({"a": "", "b": "b c"}))
    assert scores.metrics == {"exact_match": 100.0, "f1": 50.0}
    assert own(scores) == {"exact_match": 100.0, "f1": 100.0}
    assert scores.remarks[0].text == (
        "right with nothing left after normalisation, which is an exact match with an F1 of 0: 1"
    )


def test_exact_match_and_f1_may_take_different_golds(scored: Any) -> None:
    scores = scored("tydiqa", "en", squad(a=["the", "b c"]), json.dumps({"a": "b"}))
    assert scores.metrics == {"exact_match": 0.0, "f1": pytest.approx(200 / 3)}


def test_a_question_without_a_prediction_counts_as_wrong(scored: Any) -> None:
    scores = scored("xquad", "en", squad(a=["x"], b=["y"], c=["z"]), json.dumps({"b": "y"}))
    assert scores.metrics == {"exact_match": pytest.approx(100 / 3), "f1": pytest.approx(100 / 3)}
    assert scores.remarks[0].text == "without a prediction, and wrong: 2, the first 'a'"
    assert own(scores) == {}


def test_a_question_without_gold_counts_as_wrong_unless_answered(scored: Any) -> None:
    labels = squad(a=["x"], b=[])
    alone = scored("xquad", "en", labels, json.dumps({"a": "x"}))
    assert alone.metrics == {"exact_match": 50.0, "f1": 50.0}  # as the official script counts it
    assert own(alone) == {"exact_match": 100.0, "f1": 100.0}
    answered = scored("xquad", "en", labels, json.dumps({"a": "x", "b": "y"}))
    assert answered.metrics == {"exact_match": 100.0, "f1": 100.0}  # where it stops
    assert "at which the official script stops" in answered.remarks[0].text


@pytest.mark.parametrize(
    ("task", "language", "gold", "guess", "exact"),
    [
        ("xquad", "de", "der Hund", "Hund", 0.0),  # English articles in every language
        ("xquad", "de", "the Hund", "Hund", 100.0),
        ("xquad", "zh", "北京 市", "北京市", 0.0),  # no segmentation
        ("tydiqa", "ko", "１９９８", "1998", 0.0),
        ("mlqa", "de", "der Hund", "Hund", 100.0),
        ("mlqa", "zh", "北京 市", "北京市", 100.0),
        ("mlqa", "ar", "باللغة", "بلغة", 0.0),
        ("mlqa", "ar", "بالبيت", "ب بيت", 100.0),  # the article goes inside words as well
        ("mlqa", "vi", "là nhà", "nhà", 100.0),
        ("mlqa", "vi", "l\u0061\u0300 nhà", "nhà", 0.0),  # and is not found in NFD
    ],
)
def test_answers_are_normalised_by_task_and_language(
    task: str, language: str, gold: str, guess: str, exact: float, scored: Any
) -> None:
    assert scored(task, language, squad(a=[gold]), json.dumps({"a": guess})).metrics["exact_match"] == exact


def test_mewslix_counts_the_first_gold_stripped_and_predictions_as_they_stand(scored: Any) -> None:
    golds = json.dumps({"data": {"a": [" Q1 ", "Q7"], "b": ["Q2"], "c": ["Q3"]}})
    guesses = json.dumps({"a": ["Q7", "Q7", "Q7", "Q1"], "b": [" Q2"], "c": [f"Q9{n}" for n in range(20)] + ["Q3"]})
    scores = scored("mewslix", "en", golds, guesses)
    assert scores.metrics == {"map@20": pytest.approx(100 * (1 / 4) / 3)}
    assert own(scores) == {"map@20": pytest.approx(100 * (1 / 4 + 1) / 3)}


def test_lareqa_looks_for_all_right_answers(scored: Any) -> None:
    golds = json.dumps({"a": ["x", "y"]})
    assert scored("lareqa", "en", golds, json.dumps({"a": ["x", "o", "y"]})).metrics == {
        "map@20": pytest.approx(100 * (1 + 2 / 3) / 2)
    }


WRONG = [
    ("xnli", "neutral\nentailment\n", "neutral\n", "has 1 lines but .*labels has 2; write one prediction for each"),
    ("xnli", "neutral\n", "neutral\n\n", "has 2 lines but .*labels has 1; the last 1 of .*predictions are blank"),
    ("xnli", "neutral\n", "nan\n", "label 1 is 'nan', which is no prediction"),
    ("xnli", "", "", "labels is empty"),
    ("xnli", "neutral\n" * 20, "neutral\n" * 20, "all 20 examples have 'neutral', as in files whose labels were taken"),
    ("tatoeba", "0\n" * 30, "0\n" * 30, "all 30 examples have '0'"),
    ("xcopa", '{"label": 0}\n' * 20, '{"label": 0}\n' * 20, "all 20 examples have '0'"),
    ("xcopa", '{"label": 0}\n{"label": 1}\n', '{"label": 0}\n', "has 1 lines but"),
    ("xcopa", '{"label": 0}\n', '{"label": NaN}\n', "holds NaN"),
    ("panx", "O\n\n" * 20, "O\n\n" * 20, "all 20 examples have 'O'"),
    ("panx", "B-PER\nO\n\nO\nO\n", "B-PER\nO\n\nO\n", "line 4: sentence 2 begins here and has 1 tags, but 2 in"),
    ("panx", "B-PER\n\nO\n", "B-PER\n", "has 1 sentences but .*labels has 2"),
    ("panx", "B-PER\n\nO\n", "B-PER\n\n\nO\n", "line 3: sentence 2 begins here and has 0 tags"),
    ("panx", "B-PER\n", "NaN\n", "label 1 is 'NaN'"),
    ("bucc2018", "\n", "de-1\ten-1\n", "labels is empty"),
    ("bucc2018", "de-1\ten-1\n", "de-1\tnan\n", "is 'nan'"),
    ("xquad", squad(a=["x"]), '{"a": "x", "b": "y", "c": "z"}', "has no 'b', the first of 2 unknown ids"),
    ("xquad", squad(a=[""], b=[]), '{"a": "x"}', "all 2 examples have no gold, as in files whose labels were taken"),
    ("xquad", squad(a=["x"]), '{"a": NaN}', "holds NaN"),
    ("mewslix", '{"a": ["Q1"]}', '{"b": ["Q1"]}', "has no 'b', the first of 1 unknown ids"),
    ("mewslix", '{"a": [], "b": [""]}', '{"a": ["Q1"]}', "all 2 examples have no gold"),
]  # fmt: skip


@pytest.mark.parametrize(("task", "labels", "predictions", "sentence"), WRONG)
def test_what_no_number_could_stand_for_is_refused(
    task: str, labels: str, predictions: str, sentence: str, scored: Any
) -> None:
    with pytest.raises(DataError, match=sentence):
        scored(task, "de", labels, predictions)


def test_totals_are_refused_with_a_language_missing_from_both_sides(tmp_path: Path) -> None:
    predictions, labels = write_folder(tmp_path, "xtreme", 7, 3)
    for folder in (predictions, labels):
        (folder / "udpos" / "test-yo.tsv").unlink()
    scores = score_folder(predictions, labels, get_benchmark("xtreme")).as_json()
    assert scores["score"] is None and scores["missing"] == {"udpos": ["yo"]}
    assert list(scores["groups"]) == ["classification", "qa", "retrieval"]
    assert len(scores["tasks"]["udpos"]["languages"]) == 32


def test_the_labels_that_lie_beside_the_real_data_score_themselves_perfectly(real_data: Path) -> None:
    scores = score_folder(real_data / "labels", real_data / "labels", get_benchmark("xtreme"))
    assert {name: task.score for name, task in scores.tasks.items()} == {
        "pawsx": 100.0, "xnli": 100.0, "udpos": pytest.approx(100.0), "tatoeba": pytest.approx(100.0),
    }  # fmt: skip
    assert scores.remarks == [] and scores.score is None
    assert scores.missing["xnli"] == ["bg", "sw", "ur"]
