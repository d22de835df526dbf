"""A run's rows become the files that XTREME takes, which score as the rows do; whatever is wrong stops them first."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.evaluation import layout
from ds_stilts.evaluation.benchmarks import XTREME, XTREME_R, Benchmark
from ds_stilts.evaluation.official import score_folder
from ds_stilts.evaluation.rows import Row, read_rows, write_shard
from ds_stilts.evaluation.scores import scores_from_rows
from ds_stilts.evaluation.submission import ILLEGAL, Submission, content, make_submission, write_submission
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task

Predicted = list[dict[str, Any]]
"""Of each example: "gold", "prediction", and any other field of a `Row` that is not the default."""


def write_run(
    root: Path, task: Task, predicted: Callable[[str], Predicted], *, arm: str = "none", split: str | None = None
) -> Path:
    """The part of a run folder that holds one target in all languages of its benchmark; two ranks wrote it."""
    folder = root / "targets" / arm / task.name
    languages = list(next(iter(task.benchmarks.values())))
    for language in languages:
        rows = []
        for index, given in enumerate(predicted(language)):
            values = {"id": str(index), "score": 0.0, "tokens": 3, "zero_shot": True, **given}
            values |= {key: json.dumps(values[key]) for key in ("gold", "prediction")}
            rows.append(Row(task=task.name, language=language, split=split or task.score_split, index=index, **values))
        for rank in range(2):
            write_shard(rows[rank::2], folder / "predictions", language, rank)
    (folder / "scores.json").write_text(json.dumps(scores_from_rows(task, languages, folder / "predictions")))
    return root


def guess(draw: Random, gold: Any, others: Any) -> Any:
    return gold if draw.random() < 0.7 else draw.choice(others)


def choices(language: str) -> Predicted:
    draw = Random(language)
    return [{"gold": gold, "prediction": guess(draw, gold, [0, 1])} for gold in draw.choices([0, 1], k=500)]


def questions(language: str) -> Predicted:
    draw, texts = Random(language), ["the cat", "cat sat", "là nhà", "北京 市", "der Hund", ""]
    return [{"gold": [gold], "prediction": guess(draw, gold, texts)} for gold in draw.choices(texts[:-1], k=20)]


def places(language: str) -> Predicted:
    draw = Random(language)
    ids = [f"{language}-{place}" for place in range(25)]
    return [{"gold": gold, "prediction": guess(draw, gold, ids)} for gold in draw.sample(ids, k=25)]


def tags(language: str) -> Predicted:
    draw, task = Random(language), get_task("panx")
    sentences = [draw.choices(task.labels, k=draw.randint(1, 3))
                 for _ in range(task.split("test").published_count(language) or 20)]  # fmt: skip
    return [{"gold": gold, "prediction": [guess(draw, tag, task.labels) for tag in gold]} for gold in sentences]


def pairs(language: str) -> Predicted:
    """Mined pairs with margins from 0.5 to 1.5, of which about half are right, and a sentence without one."""
    draw = Random(language)
    return [
        *({"id": f"{language}-{n}", "gold": [f"en-{n}"], "prediction": f"en-{draw.choice([n, 0])}",
           "score": draw.uniform(0.5, 1.5)} for n in range(1, 60)),
        {"id": f"{language}-60", "gold": ["en-60"], "prediction": None},
    ]  # fmt: skip


def sample(language: str) -> Predicted:
    """Right pairs with a margin of 1.25 and wrong ones of 1, so that F1 is best with 1.125, half-way between them."""
    ids = [(f"{language}-{n}", f"en-{n}") for n in range(40)]
    right: Predicted = [{"id": id, "gold": [other], "prediction": other, "score": 1.25} for id, other in ids[:20]]
    return [*right, *({"id": id, "gold": None, "prediction": other, "score": 1.0} for id, other in ids[20:])]


def submitted(run: Path, out: Path, benchmark: Benchmark = XTREME, **options: Any) -> Submission:
    made = make_submission(run, benchmark, **options)
    write_submission(made, out)
    return made


@pytest.mark.parametrize(
    ("name", "predicted", "benchmark"),
    [("xcopa", choices, XTREME_R), ("mlqa", questions, XTREME), ("tatoeba", places, XTREME), ("panx", tags, XTREME)],
)
def test_the_files_score_as_the_rows_do(
    name: str, predicted: Callable[[str], Predicted], benchmark: Benchmark, tmp_path: Path
) -> None:
    task = get_task(name)
    run = write_run(tmp_path / "run", task, predicted)
    submitted(run, tmp_path / "out", benchmark)
    labels = tmp_path / "labels" / name
    labels.mkdir(parents=True)
    for language in benchmark.languages(task):
        rows = [{**row, "prediction": row["gold"]} for row in
                read_rows(run / "targets" / "none" / name / "predictions", language)]  # fmt: skip
        gold: Any = content(rows, task, language)
        if name == "mlqa":
            asked = [{"id": id, "answers": [{"text": text} for text in texts]} for id, texts in gold.items()]
            text = json.dumps({"data": [{"paragraphs": [{"qas": asked}]}]})
        else:
            text = layout.as_text(task, gold)
        (labels / layout.file_name(task, language)).write_text(text, encoding="utf-8")
    found = score_folder(tmp_path / "out", labels.parent, benchmark).tasks[name]
    stored = json.loads((run / "targets" / "none" / name / "scores.json").read_text())
    assert found.score == pytest.approx(stored["score"], rel=1e-12) and 0 < found.score < 100
    for language, metrics in found.languages.items():
        shared = {metric: value for metric, value in stored["languages"][language]["metrics"].items()
                  if metric in metrics}  # fmt: skip
        assert shared and {metric: metrics[metric] for metric in shared} == pytest.approx(shared, rel=1e-12)


def test_the_zip_file_holds_the_folder_and_is_the_same_every_time(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", get_task("tatoeba"), places)
    made = submitted(run, tmp_path / "one" / "sub")
    submitted(run, tmp_path / "other" / "sub")
    assert "pawsx" in made.missing and "tatoeba" not in made.missing and len(made.missing) == 8
    with zipfile.ZipFile(tmp_path / "one" / "sub.zip") as archive:
        names = archive.namelist()
        assert sorted(names) == sorted(f"sub/tatoeba/test-{code}.tsv" for code in XTREME.languages(get_task("tatoeba")))
        for name in names:
            assert archive.read(name) == (tmp_path / "one" / name).read_bytes()
    assert (tmp_path / "one" / "sub.zip").read_bytes() == (tmp_path / "other" / "sub.zip").read_bytes()


def test_pairs_are_kept_from_the_margin_that_is_best_on_the_sample_set(tmp_path: Path) -> None:
    task = get_task("bucc2018")
    run = write_run(tmp_path / "run", task, pairs)
    made = make_submission(run, XTREME, bucc_dev=write_run(tmp_path / "dev", task, sample, split="dev"))
    for language in XTREME.languages(task):
        kept = [row for row in pairs(language) if row.get("score", 0.0) >= 1.125]
        lines = made.files[f"bucc2018/test-{language}.tsv"].splitlines()
        assert lines == [f"{row['id']}\t{row['prediction']}" for row in kept] and 5 < len(lines) < 40


def test_mined_pairs_without_a_sample_set_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", get_task("bucc2018"), pairs)
    with pytest.raises(DataError, match="which pairs count depends on a margin, which is tuned on the sample set"):
        make_submission(run, XTREME)
    for other in (run, tmp_path):
        with pytest.raises(DataError, match=r"none/bucc2018/predictions has no predictions of split 'dev', language"):
            make_submission(run, XTREME, bucc_dev=other)


def test_what_is_no_answer_stays_in_its_place() -> None:
    def rows(*predictions: Any) -> Predicted:
        return [{"id": str(n), "prediction": one, "legal": bool(one and any(one))} for n, one in enumerate(predictions)]

    assert content(rows("neutral", ""), get_task("xnli"), "de") == ["neutral", ILLEGAL]
    assert content(rows(["NOUN"], ["", ""]), get_task("udpos"), "de") == [["NOUN"], [ILLEGAL, ILLEGAL]]
    assert content(rows("x", ""), get_task("xquad"), "de") == {"0": "x", "1": ""}


def test_a_repeated_id_has_one_answer() -> None:
    rows = [{"id": id, "prediction": id, "legal": True} for id in ("a", "a#2", "b#2")]
    assert content(rows, get_task("tydiqa"), "en") == {"a": "a", "b#2": "b#2"}


def less(predicted: Callable[[str], Predicted], language: str, change: Callable[[Predicted], Predicted]) -> Any:
    """`predicted`, changed for one language."""
    return lambda code: change(predicted(code)) if code == language else predicted(code)


@pytest.mark.parametrize(
    ("name", "predicted", "options", "sentence"),
    [
        ("xcopa", less(choices, "th", lambda rows: rows[:-1]), {}, "'th': 499 examples are predicted, 499 lie in the "
         "file and 500 are published; score the whole"),
        ("xcopa", choices, {"split": "dev"}, "'et': the predictions are of split 'dev', and the benchmark's is 'test'"),
        ("xcopa", less(choices, "zh", lambda rows: [{"gold": 0, "prediction": 2}, *rows[1:]]), {},
         "'zh': 1 predictions cannot be right, the first: line 1 is 2, not an integer from 0 to 1"),
    ],
)  # fmt: skip
def test_rows_that_do_not_make_a_whole_file_are_refused(
    name: str, predicted: Any, options: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    run = write_run(tmp_path / "run", get_task(name), predicted, **options)
    with pytest.raises(DataError, match=sentence):
        submitted(run, tmp_path / "out", XTREME_R)
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.zip").exists()


def test_a_lost_row_is_refused_though_no_number_is_published(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", get_task("tatoeba"), places)
    folder = run / "targets" / "none" / "tatoeba" / "predictions"
    rows = [Row(**{**row, "gold": json.dumps(row["gold"]), "prediction": json.dumps(row["prediction"])})
            for row in read_rows(folder, "ka")]  # fmt: skip
    write_shard([row for row in rows if row.index % 2 == 0 and row.index != 4], folder, "ka", 0)
    with pytest.raises(DataError, match="'ka': 24 examples are predicted, 25 lie in the file"):
        make_submission(run, XTREME)


def test_a_missing_language_or_arm_or_task_is_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", get_task("tatoeba"), places)
    with pytest.raises(DataError, match=r"none/tatoeba has no predictions of az, lt, pl, uk, ro, and XTREME-R takes"):
        make_submission(run, XTREME_R)
    with pytest.raises(DataError, match="has no scored target of arm 'nli'; it has: none"):
        make_submission(run, XTREME, arm="nli")
    write_run(run, get_task("tatoeba"), places, arm="mnli")
    with pytest.raises(DataError, match="has the arms mnli, none, and a submission is of one; name it with --arm"):
        make_submission(run, XTREME)
    assert make_submission(run, XTREME, arm="mnli").files
    with pytest.raises(DataError, match="has no scored target; give the folder of a run"):
        make_submission(tmp_path, XTREME)


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_nothing_is_overwritten(name: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", get_task("tatoeba"), places)
    (tmp_path / name).write_text("mine")
    with pytest.raises(DataError, match=rf"/{name} is there already; remove it, or give another folder with --out"):
        submitted(run, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir() if path.name != "run"] == [name]
    assert (tmp_path / name).read_text() == "mine"
