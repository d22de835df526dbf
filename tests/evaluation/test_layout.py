"""Files of XTREME's layout are read as its own script reads them, and what it would stumble over is a sentence."""

import json
from pathlib import Path

import pytest

from ds_stilts.errors import DataError
from ds_stilts.evaluation import layout
from ds_stilts.evaluation.benchmarks import XTREME, XTREME_R
from ds_stilts.evaluation.layout import find_files
from ds_stilts.tasks import get_task
from ds_stilts.tasks.declaration import words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def folders(root: Path, **tasks: str) -> tuple[Path, Path]:
    """Empty files of tasks, whose languages are separated by spaces, in both folders."""
    for side in ("predictions", "labels"):
        for task, languages in tasks.items():
            for language in languages.split():
                path = root / side / task / layout.file_name(get_task(task), language)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("")
    return root / "predictions", root / "labels"


def test_lines_keep_blank_ones_and_lose_white_space(path: Path) -> None:
    path.write_bytes(b" entailment \r\n\r\nneutral\rcontradiction\n\n")
    assert layout.read_lines(path) == ["entailment", "", "neutral", "contradiction", ""]


def test_each_further_blank_line_is_an_empty_sentence(path: Path) -> None:
    path.write_text("\nDET\nthe\tNOUN\n\n\nVERB\n")
    assert layout.read_tags(path) == [[], ["DET", "the\tNOUN"], [], ["VERB"]]
    path.write_text("DET\n\n")
    assert layout.read_tags(path) == [["DET"]]
    path.write_text("DET\n\n\n")
    assert layout.read_tags(path) == [["DET"], []]


def test_data_is_unwrapped_everywhere_and_gold_may_be_a_bare_list(path: Path) -> None:
    articles = [{"paragraphs": [{"qas": [{"id": "1", "answers": [{"text": "a"}, {"text": "b"}]}]}]}]
    for root in (articles, {"data": articles}):
        path.write_text(json.dumps(root))
        assert layout.read_questions(path) == [layout.Question(id="1", answers=["a", "b"])]
    for root in ({"1": "x"}, {"data": {"1": "x"}}):
        path.write_text(json.dumps(root))
        assert layout.read_answers(path) == {"1": "x"}
    path.write_text(json.dumps({"data": {"1": ["Q1"]}}))
    assert layout.read_rankings(path) == {"1": ["Q1"]}


@pytest.mark.parametrize(
    ("reader", "text", "problem"),
    [
        ("read_answers", '{"1": "x"', "broken JSON"),
        ("read_answers", '["x"]', "expected an object"),
        ("read_answers", '{"1": NaN}', "holds NaN"),
        ("read_answers", '{"1": null}', "the answer to '1' must be a string, found null"),
        ("read_questions", '{"1": "x"}', "field 'data' must be a list of objects"),
        ("read_questions", '[{"paragraphs": [{"qas": [{"answers": []}]}]}]', "field 'id' is missing"),
        ("read_questions", '[{"paragraphs": [{"qas": [{"id": "1", "answers": "x"}]}]}]', "'answers.text' is missing"),
        ("read_rankings", '{"1": "Q1"}', "'1' must have a list of ids, found \"Q1\""),
        ("read_rankings", '{"1": [NaN]}', "holds NaN"),
        ("read_choices", '{"label": 1}\n{"label": NaN}\n', "holds NaN"),
        ("read_choices", '{"label": 1}\n\n', "line 2, column 1: broken JSON"),
        ("read_choices", '{"label": 1}\n{"idx": 1}\n', "line 2: field 'label' is missing"),
        ("read_choices", "1\n", "line 1: field 'label' is missing; found: none"),
        ("read_lines", "\ufeff0\n", "byte order mark of UTF-8"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(reader: str, text: str, problem: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=problem) as caught:
        getattr(layout, reader)(path)
    assert str(caught.value).startswith(str(path))


def test_bytes_that_are_not_utf_8_are_told_with_their_line(path: Path) -> None:
    path.write_bytes(b"0\n\xff\n")
    with pytest.raises(DataError, match="line 2: byte 0xff is not UTF-8"):
        layout.read_lines(path)


def test_files_are_paired_and_what_is_missing_is_named(tmp_path: Path) -> None:
    predictions, labels = folders(tmp_path, xnli="en de", bucc2018="de fr ru zh", xcopa="et")
    (predictions / "mlqa").mkdir()
    found = find_files(predictions, labels, XTREME)
    assert {task: [pair.language for pair in pairs] for task, pairs in found.pairs.items()} == {
        "xnli": ["de", "en"], "bucc2018": ["de", "fr", "ru", "zh"],
    }  # fmt: skip
    assert found.pairs["xnli"][0].predictions == predictions / "xnli" / "test-de.tsv"
    assert found.missing["xnli"] == list(words("ar bg el es fr hi ru sw th tr ur vi zh"))
    assert found.missing["mlqa"] == list(XTREME.languages(get_task("mlqa")))
    assert "bucc2018" not in found.missing
    assert found.ignored == ["xcopa"]


def test_a_language_with_labels_alone_is_refused(tmp_path: Path) -> None:
    predictions, labels = folders(tmp_path, xquad="en de th")
    for language in ("de", "th"):
        (predictions / "xquad" / f"test-{language}.json").unlink()
    with pytest.raises(DataError, match=r"xquad has no test-de\.json: predictions of de, th are missing, which .*add"):
        find_files(predictions, labels, XTREME)


@pytest.mark.parametrize("side", ["predictions", "labels"])
def test_another_extension_is_refused(side: str, tmp_path: Path) -> None:
    both = folders(tmp_path, xcopa="et")
    (tmp_path / side / "xcopa" / "test-et.jsonl").rename(tmp_path / side / "xcopa" / "test-et.json")
    with pytest.raises(DataError, match=rf"{side}/xcopa/test-et\.json: files .* must be called test-et\.jsonl; rename"):
        find_files(*both, XTREME_R)


def test_folders_without_a_task_say_what_they_hold(tmp_path: Path) -> None:
    predictions, labels = folders(tmp_path, xnli="en")
    with pytest.raises(DataError, match=r"there is no folder .*/nowhere with labels"):
        find_files(predictions, tmp_path / "nowhere", XTREME)
    with pytest.raises(DataError, match=r"holds no task of XTREME: found labels, predictions, expected folders named"):
        find_files(tmp_path, labels, XTREME)
    (predictions / "xnli").rename(predictions / "xnlli")
    with pytest.raises(DataError, match=r"found xnlli \(did you mean 'xnli'\?\), expected"):
        find_files(predictions, labels, XTREME)


def test_two_folders_of_different_tasks_have_nothing_to_score(tmp_path: Path) -> None:
    predictions, _ = folders(tmp_path / "one", xnli="en")
    _, labels = folders(tmp_path / "other", panx="en")
    with pytest.raises(DataError, match=r"have no task of XTREME in common .* predictions are of xnli"):
        find_files(predictions, labels, XTREME)
