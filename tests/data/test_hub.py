"""Copies from the Hugging Face hub: the same examples as the official files, fetched once, and known by their commit.

No network is used: a folder in the hub's layout goes through the same `datasets.load_dataset`.
"""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import datasets
import pytest
import xxhash
from filelock import FileLock

from ds_stilts.data.hub import fetch, record_of
from ds_stilts.errors import DataError, RecipeError
from ds_stilts.tasks import Task, get_task
from ds_stilts.tasks.examples import Example, PairExample
from ds_stilts.tasks.hub import Hub
from tests.hub import at, nli_rows, put_in_cache, write_hub

LABELS = ("contradiction", "entailment", "neutral")
PAIRS = [(f"premise {n} «é»\n", f'"hypothesis" {n}\t中', LABELS[n * n % 3]) for n in range(11)]
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub that no other test has written to."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf"))  # for processes that a test starts
    return tmp_path / "hf"


@pytest.fixture
def mnli(tmp_path: Path) -> Task:
    rows = [{**row, "idx": n} for n, row in enumerate(nli_rows(PAIRS))]
    return at(get_task("mnli"), write_hub(tmp_path / "glue", {("mnli", "validation_matched"): rows}))


def write_mnli(root: Path) -> None:
    (root / "mnli").mkdir(parents=True)
    lines = [json.dumps({"premise": p, "hypothesis": h, "label": label}) for p, h, label in PAIRS]
    (root / "mnli" / "dev_matched.jsonl").write_text("\n".join(lines), encoding="utf-8")


def from_hub(task: Task, split: str, language: str, root: Path) -> list[Example]:
    fetch(task, split, language, root)
    return task.examples(split, language, root)


def test_both_sources_give_the_same_examples_in_the_same_order(mnli: Task, tmp_path: Path) -> None:
    write_mnli(tmp_path / "official")
    official = mnli.examples("dev", "en", tmp_path / "official")
    assert official[1] == PairExample(id="1", premise=PAIRS[1][0], hypothesis=PAIRS[1][1], label="entailment")
    assert from_hub(mnli, "dev", "en", tmp_path / "copies") == official


def test_both_sources_of_a_control_give_the_same_examples(tmp_path: Path) -> None:
    write_mnli(tmp_path / "official")
    (tmp_path / "official/mnli/dev_matched.jsonl").rename(tmp_path / "official/mnli/train.jsonl")
    folder = write_hub(tmp_path / "glue", {("mnli", "train"): nli_rows(PAIRS)})
    control = at(get_task("mnli:shuffled"), folder)
    official = control.examples("train", "en", tmp_path / "official")
    assert [e.label for e in official] != [label for _, _, label in PAIRS]  # type: ignore[union-attr]
    assert from_hub(control, "train", "en", tmp_path / "copies") == official


def test_a_copy_serves_the_task_and_its_control(mnli: Task, tmp_path: Path) -> None:
    assert fetch(mnli, "dev", "en", tmp_path) == fetch(get_task("mnli:shuffled"), "dev", "en", tmp_path)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "split", "language"), [("mnli", "dev", "en"), ("xnli", "test", "de"), ("xnli", "dev", "zh")]
)
def test_official_pairs_and_their_hub_rows_are_the_same(
    name: str, split: str, language: str, real_data: Path, tmp_path: Path
) -> None:
    task = get_task(name)
    assert task.hub is not None
    official = task.examples(split, language, real_data)
    rows = nli_rows((e.premise, e.hypothesis, e.label) for e in official if isinstance(e, PairExample))
    where = (str(task.hub.config_of(language)), task.hub.splits[split])
    folder = write_hub(tmp_path / "hub", {where: rows})
    assert len(official) >= 1000
    assert from_hub(at(task, folder), split, language, tmp_path / "copies") == official


@pytest.mark.real_data
def test_official_questions_and_their_hub_rows_are_the_same(real_data: Path, tmp_path: Path) -> None:
    task = get_task("squad_v1")
    assert task.hub is not None
    folder = write_hub(tmp_path / "hub", {("plain_text", "validation"): squad_rows(real_data / "squad/dev-v1.1.json")})
    official = task.examples("dev", "en", real_data)
    assert len(official) == 1190
    assert from_hub(at(task, folder), "dev", "en", tmp_path / "copies") == official


@pytest.mark.real_data
def test_a_split_that_another_data_set_has_is_fetched_from_there(real_data: Path, tmp_path: Path) -> None:
    xquad, squad = get_task("xquad"), get_task("squad_v1")
    assert xquad.hub is not None and squad.hub is not None and xquad.hub.of("train") == squad.hub
    folder = write_hub(tmp_path / "hub", {("plain_text", "train"): squad_rows(real_data / "squad/dev-v1.1.json")})
    task = replace(xquad, hub=replace(xquad.hub, others={"train": replace(squad.hub, id=str(folder))}))
    assert from_hub(task, "train", "en", tmp_path / "copies") == squad.examples("dev", "en", real_data)


def squad_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of the hub's rajpurkar/squad (id, title, context, question, answers: two lists) from the official file."""
    return [
        {
            "id": question["id"],
            "title": article["title"],
            "context": paragraph["context"],
            "question": question["question"],
            "answers": {
                "text": [answer["text"] for answer in question["answers"]],
                "answer_start": [answer["answer_start"] for answer in question["answers"]],
            },
        }
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def test_official_files_win_over_a_copy(mnli: Task, tmp_path: Path) -> None:
    write_mnli(tmp_path)
    copy = fetch(mnli, "dev", "en", tmp_path)
    assert copy.is_file() and mnli.files("dev", "en", tmp_path) == [tmp_path / "mnli" / "dev_matched.jsonl"]


def test_a_language_has_a_configuration_of_its_own(tmp_path: Path) -> None:
    folder = write_hub(
        tmp_path / "xnli",
        {(code, "test"): nli_rows([(f"{code} {n}", "h", LABELS[n]) for n in range(3)]) for code in ("de", "sw")},
    )
    xnli = at(get_task("xnli"), folder)
    fetch(xnli, "test", "sw", tmp_path)
    assert xnli.available_languages("test", tmp_path) == ["sw"]
    assert [e.premise for e in xnli.examples("test", "sw", tmp_path)] == ["sw 0", "sw 1", "sw 2"]  # type: ignore[union-attr]


def test_beside_a_copy_stands_what_it_is_a_copy_of(mnli: Task, tmp_path: Path) -> None:
    path = fetch(mnli, "dev", "en", tmp_path)
    assert mnli.hub is not None
    assert record_of(path) == {
        "id": mnli.hub.id,
        "config": "mnli",
        "split": "validation_matched",
        "revision": None,  # a folder on this machine has no commit
        "rows": 11,
        "checksum": f"xxh3:{xxhash.xxh3_128_hexdigest(path.read_bytes())}",
    }


def test_a_copy_that_is_there_is_never_fetched_again(mnli: Task, tmp_path: Path) -> None:
    path = fetch(mnli, "dev", "en", tmp_path)
    before = path.stat().st_mtime_ns
    gone = at(mnli, "owner/not-there")
    assert fetch(gone, "dev", "en", tmp_path) == path and path.stat().st_mtime_ns == before


def test_two_processes_that_fetch_the_same_both_get_it_whole(mnli: Task, tmp_path: Path) -> None:
    with get_context("spawn").Pool(2) as pool:
        paths = pool.starmap(fetch, [(mnli, "dev", "en", tmp_path)] * 2)
    assert paths[0] == paths[1]
    assert len(mnli.examples("dev", "en", tmp_path)) == 11
    assert sorted(path.suffix for path in paths[0].parent.iterdir()) == [".json", ".lock", ".parquet"]


def test_who_comes_second_waits_and_takes_what_the_first_has_made(mnli: Task, tmp_path: Path) -> None:
    made = fetch(mnli, "dev", "en", tmp_path / "made")
    path = Hub.path("mnli", "dev", "en", tmp_path / "copies")
    path.parent.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        with FileLock(path.with_suffix(".lock")):
            second = pool.submit(fetch, at(mnli, "owner/not-there"), "dev", "en", tmp_path / "copies")
            time.sleep(0.3)
            assert not second.done()
            shutil.copy(made, path)
        assert second.result(timeout=30) == path


def test_a_fetch_that_breaks_off_leaves_no_copy(mnli: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(self: Any, path: str) -> None:
        Path(path).write_bytes(b"PAR1 half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(datasets.Dataset, "to_parquet", breaks)
        fetch(mnli, "dev", "en", tmp_path)
    assert [path.suffix for path in (tmp_path / "hub" / "mnli").iterdir()] == [".lock"]
    assert len(from_hub(mnli, "dev", "en", tmp_path)) == 11


def test_offline_the_cache_is_used_and_its_commit_recorded(cache: Path, mnli: Task, tmp_path: Path) -> None:
    put_in_cache(cache, tmp_path / "glue", "nyu-mll/glue", COMMIT)
    path = fetch(get_task("mnli"), "dev", "en", tmp_path)
    assert (record_of(path)["id"], record_of(path)["revision"], record_of(path)["rows"]) == ("nyu-mll/glue", COMMIT, 11)


def test_offline_another_commit_than_the_pinned_one_is_refused(cache: Path, mnli: Task, tmp_path: Path) -> None:
    put_in_cache(cache, tmp_path / "glue", "nyu-mll/glue", COMMIT)
    task = get_task("mnli")
    assert task.hub is not None
    pinned = replace(task, hub=replace(task.hub, revision="f" * 40))
    with pytest.raises(DataError, match=f"holds nyu-mll/glue at revision {COMMIT}, but {'f' * 40} is asked for"):
        fetch(pinned, "dev", "en", tmp_path)
    assert not list(tmp_path.rglob("dev-en.parquet"))


def test_an_unreachable_hub_says_how_to_do_without(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        fetch(get_task("mnli"), "dev", "en", tmp_path)
    assert str(raised.value) == (
        "the Hugging Face hub's copy of task 'mnli' (nyu-mll/glue, configuration 'mnli', split 'validation_matched') "
        "cannot be had: HF_HUB_OFFLINE or HF_DATASETS_OFFLINE is set, and the Hugging Face cache does not hold it; "
        "download the official files from https://huggingface.co/datasets/nyu-mll/glue and give their folder with "
        "--data-root."
    )


def test_a_configuration_or_split_that_is_not_there_is_told_with_those_that_are(mnli: Task, tmp_path: Path) -> None:
    assert mnli.hub is not None
    other = replace(mnli, hub=replace(mnli.hub, config="mnlo"))
    with pytest.raises(DataError, match=r"'mnlo' not found. Available: \['mnli'\]; download .* --data-root"):
        fetch(other, "dev", "en", tmp_path)
    other = replace(mnli, hub=replace(mnli.hub, splits={"dev": "dev"}))
    with pytest.raises(DataError, match=r"Unknown split \"dev\"\. Should be one of \['validation_matched'\]; download"):
        fetch(other, "dev", "en", tmp_path)


def test_a_data_set_with_a_script_is_refused_and_the_script_not_run(mnli: Task, tmp_path: Path) -> None:
    (tmp_path / "glue" / "glue.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    with pytest.raises(DataError, match=r"scripts are no longer supported, but found glue\.py; download"):
        fetch(mnli, "dev", "en", tmp_path)
    assert not (tmp_path / "ran").exists()


def test_a_split_that_the_hub_lacks_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no copy that we know of task 'panx', split 'dev'; download .* --data-root"):
        fetch(replace(get_task("panx"), hub=None), "dev", "en", tmp_path)
    with pytest.raises(RecipeError, match="'xnli' has no language 'de' in split 'train'"):
        fetch(get_task("xnli"), "train", "de", tmp_path)


def test_a_copy_with_another_label_than_the_tasks_is_told_by_its_row(tmp_path: Path) -> None:
    rows = [*nli_rows(PAIRS), {"premise": "p", "hypothesis": "h", "label": -1}]
    task = at(get_task("mnli"), write_hub(tmp_path / "glue", {("mnli", "validation_matched"): rows}))
    fetch(task, "dev", "en", tmp_path)
    with pytest.raises(DataError, match=r"dev-en\.parquet, row 12: label '-1' is not one of task 'mnli' \(0, 1, 2\)"):
        task.examples("dev", "en", tmp_path)


@pytest.mark.parametrize(
    ("name", "config", "rows", "classes", "message"),
    [
        (
            "xnli",
            "en",
            nli_rows(PAIRS),
            {"label": ["contradiction", "entailment", "neutral"]},
            "0 is 'contradiction' there, and would be read as 'entailment'",
        ),
        (
            "panx",
            "en",
            [{"tokens": ["a", "b"], "ner_tags": [0, 1]}] * 2,
            {"ner_tags": ["O", "B-LOC", "I-LOC", "B-PER", "I-PER", "B-ORG", "I-ORG"]},
            "1 is 'B-LOC' there, and would be read as 'B-PER'",
        ),
    ],
)
def test_a_copy_that_numbers_its_labels_otherwise_is_refused(
    name: str, config: str, rows: list[dict[str, Any]], classes: dict[str, list[str]], message: str, tmp_path: Path
) -> None:
    task = at(get_task(name), write_hub(tmp_path / "hub", {(config, "validation"): rows}, classes))
    with pytest.raises(DataError, match=f"'{name}' .*numbers its labels otherwise .*: {message}; download"):
        fetch(task, "dev", "en", tmp_path)
    assert not list(tmp_path.rglob("dev-en.parquet"))


def test_class_names_that_are_none_of_our_words_say_nothing(tmp_path: Path) -> None:
    rows = [{"question1": "a", "question2": "b", "label": n % 2} for n in range(4)]
    folder = write_hub(tmp_path / "hub", {("qqp", "train"): rows}, {"label": ["not_duplicate", "duplicate"]})
    found = from_hub(at(get_task("qqp"), folder), "train", "en", tmp_path)
    assert [e.label for e in found if isinstance(e, PairExample)] == ["0", "1", "0", "1"]


def test_a_copy_without_its_record_is_told(mnli: Task, tmp_path: Path) -> None:
    path = fetch(mnli, "dev", "en", tmp_path)
    path.with_suffix(".json").unlink()
    with pytest.raises(DataError, match=r"dev-en\.json, which says what dev-en\.parquet is a copy of, .*remove both"):
        record_of(path)


def test_a_root_that_cannot_be_written_to_is_told(mnli: Task, tmp_path: Path) -> None:
    (tmp_path / "hub").write_text("a file", encoding="utf-8")
    with pytest.raises(DataError, match=r"dev-en\.parquet cannot be written \(Not a directory\); give a folder"):
        fetch(mnli, "dev", "en", tmp_path)
