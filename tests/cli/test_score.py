"""`ds-stilts score` from outside: what it prints, and one sentence with exit code 2 where something is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluation.folders import write_folder


def score(predictions: Path, labels: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ds_stilts", "score", str(predictions), "--labels", str(labels), *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    return write_folder(tmp_path, "xtreme", 8, 5)


def test_json_has_the_promised_shape(folders: tuple[Path, Path]) -> None:
    answer = score(*folders, "--benchmark", "xtreme", "--json")
    assert answer.returncode == 0, answer.stderr
    scores = json.loads(answer.stdout)
    assert scores["benchmark"] == "xtreme" and scores["score_is_official"] is True
    assert list(scores["groups"]) == ["classification", "tagging", "qa", "retrieval"]
    assert scores["score"] == pytest.approx(sum(task["score"] for task in scores["tasks"].values()) / 9)
    metrics = {name: list(task["averages"]) for name, task in scores["tasks"].items()}
    kinds = {"accuracy": "pawsx xnli tatoeba", "f1 precision recall": "udpos panx bucc2018",
             "exact_match f1": "xquad mlqa tydiqa"}  # fmt: skip
    assert metrics == {task: kind.split() for kind, tasks in kinds.items() for task in tasks.split()}
    for task in scores["tasks"].values():
        assert {tuple(cell) for cell in task["languages"].values()} == {tuple(task["averages"])}
    qa = scores["tasks"]["mlqa"]
    assert qa["score"] == (qa["averages"]["exact_match"] + qa["averages"]["f1"]) / 2
    assert scores["missing"] == {} and scores["ignored"] == []


def test_the_table_has_tasks_groups_total_languages_and_remarks(folders: tuple[Path, Path]) -> None:
    predictions, labels = folders
    (predictions / "notes").mkdir()
    path = predictions / "tatoeba" / "test-de.tsv"
    path.write_text("".join(f"[{line}]\n" for line in (labels / "tatoeba" / "test-de.tsv").read_text().split()))
    scores = json.loads(score(*folders, "--json").stdout)
    lines = score(*folders).stdout.splitlines()
    for name, value in (*scores["groups"].items(), ("XTREME", scores["score"])):
        (row,) = [line.split() for line in lines if line.startswith(f"{name} ")]
        assert row[1] == f"{value:.2f}", name
    (row,) = [line.split() for line in lines if line.startswith("tatoeba  ")]
    assert row[1:3] == ["36", f"{scores['tasks']['tatoeba']['score']:.2f}"]
    (languages,) = [line for line in lines if line.startswith("tatoeba accuracy: ")]
    assert "de 0.00, el " in languages
    (remark,) = [line for line in lines if line.startswith("tatoeba de: ")]
    assert remark.endswith(
        ' is "[' + path.read_text()[1] + ']", not a plain integer from 0 (without that: accuracy 100.00)'
    )
    assert lines[-1] == "not tasks of XTREME, and not looked at: notes"


def test_without_a_task_there_is_no_total_and_it_is_named(folders: tuple[Path, Path]) -> None:
    predictions, labels = folders
    (predictions / "xquad").rename(predictions.parent / "elsewhere")
    (labels / "xnli" / "test-sw.tsv").unlink()
    (predictions / "xnli" / "test-sw.tsv").unlink()
    answer = score(*folders)
    (total,) = [line for line in answer.stdout.splitlines() if line.startswith("XTREME ")]
    assert total.split(maxsplit=2)[1:] == ["-", "no total: missing xnli (sw); xquad"]
    assert json.loads(score(*folders, "--json").stdout)["score"] is None


def test_the_total_of_xtreme_r_is_marked_as_composed_here(tmp_path: Path) -> None:
    folders = write_folder(tmp_path, "xtreme-r", 9, 3)
    answer = score(*folders, "--benchmark", "xtreme-r")
    (total,) = [line for line in answer.stdout.splitlines() if line.startswith("XTREME-R ")]
    assert total.endswith("mean of 10 tasks, composed here: the official script gives no total")
    scores = json.loads(score(*folders, "--benchmark", "xtreme-r", "--json").stdout)
    assert scores["score_is_official"] is False and scores["score"] is not None


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def lose_a_language(predictions: Path, labels: Path) -> None:
    (predictions / "xnli" / "test-sw.tsv").unlink()


def lose_a_line(predictions: Path, labels: Path) -> None:
    path = predictions / "pawsx" / "test-ko.tsv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


def name_an_unknown_id(predictions: Path, labels: Path) -> None:
    spoil(predictions / "xquad" / "test-th.json", "{", '{"other": "x", ')


def lose_a_tag(predictions: Path, labels: Path) -> None:
    path = predictions / "udpos" / "test-yo.tsv"
    path.write_text(path.read_text().partition("\n")[2])


def take_labels_off(predictions: Path, labels: Path) -> None:
    for folder in (predictions, labels):
        (folder / "xnli" / "test-sw.tsv").write_text("neutral\n" * 5010)


def take_answers_off(predictions: Path, labels: Path) -> None:
    path = labels / "tydiqa" / "test-bn.json"
    gold = json.loads(path.read_text())
    for paragraph in gold["data"][0]["paragraphs"]:
        for question in paragraph["qas"]:
            question["answers"] = [{"text": "", "answer_start": 0}]
    path.write_text(json.dumps(gold))


def answer_nan(predictions: Path, labels: Path) -> None:
    (predictions / "mlqa" / "test-vi.json").write_text('{"q0": NaN}')


def predict_nan(predictions: Path, labels: Path) -> None:
    (predictions / "tatoeba" / "test-sw.tsv").write_text("0\nnan\n1\n2\n3\n")


def cut_a_file(predictions: Path, labels: Path) -> None:
    path = predictions / "mlqa" / "test-vi.json"
    path.write_text(path.read_text(encoding="utf-8")[:-2], encoding="utf-8")


def rename_a_file(predictions: Path, labels: Path) -> None:
    (predictions / "xquad" / "test-th.json").rename(predictions / "xquad" / "test-th.tsv")


def lose_the_labels(predictions: Path, labels: Path) -> None:
    labels.rename(labels.with_name("other"))


@pytest.mark.parametrize(
    ("spoiled", "file", "sentence"),
    [
        (lose_a_language, "predictions/xnli", "has no test-sw.tsv: predictions of sw are missing"),
        (lose_a_line, "predictions/pawsx/test-ko.tsv", "has 4 lines but"),
        (name_an_unknown_id, "predictions/xquad/test-th.json", "has no 'other', the first of 1 unknown ids"),
        (lose_a_tag, "predictions/udpos/test-yo.tsv", "line 1: sentence 1 begins here and has"),
        (take_labels_off, "labels/xnli/test-sw.tsv", "all 5010 examples have 'neutral', as in files whose labels"),
        (take_answers_off, "labels/tydiqa/test-bn.json", "have no gold, as in files whose labels were taken off"),
        (answer_nan, "predictions/mlqa/test-vi.json", "holds NaN"),
        (predict_nan, "predictions/tatoeba/test-sw.tsv", "label 2 is 'nan', which is no prediction"),
        (cut_a_file, "predictions/mlqa/test-vi.json", "broken JSON"),
        (rename_a_file, "predictions/xquad/test-th.tsv", "files of task 'xquad' must be called test-th.json"),
        (lose_the_labels, "there is no folder", "with labels; give one that holds a folder a task"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_exit_code_2(
    spoiled: object, file: str, sentence: str, folders: tuple[Path, Path]
) -> None:
    spoiled(*folders)  # type: ignore[operator]
    answer = score(*folders, "--json")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1, answer.stderr
    assert answer.stderr.startswith("error: ")
    assert file in answer.stderr and sentence in answer.stderr


def test_an_unknown_benchmark_is_one_sentence(folders: tuple[Path, Path]) -> None:
    answer = score(*folders, "--benchmark", "xtreme-s")
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: there is no benchmark 'xtreme-s' (did you mean 'xtreme-r'?)")


def test_scoring_needs_no_torch(folders: tuple[Path, Path]) -> None:
    code = (
        "import sys; from pathlib import Path; from ds_stilts.evaluation.benchmarks import XTREME; "
        "from ds_stilts.evaluation.official import score_folder; "
        f"score_folder(Path({str(folders[0])!r}), Path({str(folders[1])!r}), XTREME); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
