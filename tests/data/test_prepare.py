"""Prepared files: made once, remade exactly when something that decides their content changes.

Several processes, kills and memory: tests/data/test_prepare_processes.py.
"""

import fcntl
import gzip
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds_stilts.data.checksums import checksum
from ds_stilts.data.encode import CHUNK_EXAMPLES
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import SplitKey, is_prepared, prepare, prepared_folder, prepared_path
from ds_stilts.data.prepared import facts_path, open_prepared, read_facts
from ds_stilts.errors import DataError, StoppedCleanly, UserError
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Limits
from ds_stilts.tasks import get_task
from tests.small import tokenizer

TEXT = "abc def\nghij\nabcdefghi\n"


class Place:
    """A data root with running text, a folder for prepared files, and what is asked for."""

    def __init__(self, folder: Path) -> None:
        self.root, self.prepared = folder / "data", folder / "prepared"
        self.write(TEXT)
        self.tokenizer: Any = tokenizer()
        self.key = SplitKey(
            task=get_task("text"), split="train", language="de", limits=Limits(max_tokens=32), training=True
        )

    def write(self, text: str, language: str = "de") -> None:
        path = self.root / f"text/{language}.txt.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(text.encode(), mtime=0))

    def make(self) -> Path:
        return prepare(self.key, Encoder(self.tokenizer), self.root, self.prepared)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_an_unchanged_split_is_not_tokenised_again(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first = place.make()
    before = first.stat().st_mtime_ns
    monkeypatch.setattr(type(get_format("masked_lm")), "encode", lambda *_, **__: pytest.fail("tokenised again"))
    place.write(TEXT)  # a new file with the same content
    assert place.make() == first and first.stat().st_mtime_ns == before


def test_what_a_tokenizer_was_last_used_for_changes_nothing(place: Place) -> None:
    first = place.make()
    place.tokenizer(["a", "bcd"], truncation=True, max_length=3, padding=True)
    assert place.make() == first


@pytest.mark.parametrize(
    "change",
    [
        lambda place: place.write(TEXT.replace("ghij", "ghik")),
        lambda place: setattr(place, "tokenizer", tokenizer("abcdefghij")),
        lambda place: setattr(place, "key", replace(place.key, limits=Limits(max_tokens=8))),
        lambda place: setattr(place, "key", replace(place.key, limits=Limits(max_tokens=32, doc_stride=3))),
        lambda place: setattr(place, "key", replace(place.key, max_examples=1)),
        lambda place: setattr(place, "key", replace(place.key, training=False)),
        lambda place: setattr(place, "key", replace(place.key, task=replace(place.key.task, version="next"))),
        lambda place: setattr(place, "key", replace(place.key, task=replace(place.key.task, labels=("a",)))),
    ],
    ids=["source", "tokenizer", "max_tokens", "doc_stride", "max_examples", "training", "task version", "labels"],
)
def test_whatever_decides_the_content_makes_a_new_file(place: Place, change: Any) -> None:
    first = place.make()
    change(place)
    second = place.make()
    assert second != first and second.exists() and first.exists()


def test_what_is_only_said_about_a_task_changes_nothing(place: Place) -> None:
    first = place.make()
    place.key = replace(place.key, task=replace(place.key.task, note="New.", licence="?", metrics=("other",)))
    assert place.make() == first


def test_a_change_of_our_own_code_makes_a_new_file(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    first = place.make()
    monkeypatch.setattr("ds_stilts.data.prepare.code_fingerprint", lambda: "of tomorrow")
    assert place.make() != first


def test_a_change_in_a_further_file_of_the_split_makes_a_new_one(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.key = replace(place.key, task=get_task("ntrex"))
    (place.root / "ntrex").mkdir()
    (place.root / "ntrex/de.tsv.gz").write_bytes(gzip.compress(b"1\tab\n"))
    made = []
    for english in (b"1\tcd\n", b"1\tce\n"):
        (place.root / "ntrex/en.tsv.gz").write_bytes(gzip.compress(english))
        made.append(open_prepared([place.make()]).sequence(0).ids)
    assert made[0] != made[1]


def test_what_is_opened_is_what_the_format_made(place: Place) -> None:
    examples = place.key.examples(place.root)
    wanted = list(
        get_format("masked_lm").encode(examples, place.key.task, place.tokenizer, place.key.limits, training=True)
    )
    opened = open_prepared([place.make()])
    assert [opened.sequence(i) for i in range(opened.num_items)] == wanted
    assert opened.checksum == checksum([place.root / "text/de.txt.gz"])


def test_items_of_several_sequences_stay_whole_over_several_files(tmp_path: Path) -> None:
    task = get_task("synth_choice")
    lines = [json.dumps({"context": "ab", "choices": ["c", "de", "f", "a" * n], "label": n}) for n in (1, 2, 3)]
    paths = []
    for language in ("bb", "cc"):
        file = tmp_path / "data" / task.split("test").file.format(lang=language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        key = SplitKey(task=task, split="test", language=language, limits=Limits(max_tokens=32), training=False)
        paths.append(prepare(key, Encoder(tokenizer()), tmp_path / "data", tmp_path / "prepared"))
    facts = read_facts(paths[0])
    assert (facts.examples, facts.items, facts.sequences) == (3, 3, 12)
    opened = open_prepared(paths)
    assert opened.num_items == 6
    assert opened.item_starts.tolist() == list(range(0, 25, 4))
    assert opened.example.tolist() == [example for example in range(6) for _ in range(4)]
    assert np.array_equal(opened.ids.lengths[:12], opened.ids.lengths[12:])


def test_a_bad_file_leaves_nothing_behind(place: Place) -> None:
    (place.root / "text/de.txt.gz").write_bytes(b"not gzip")
    with pytest.raises(DataError, match=r"de\.txt\.gz is not a whole gzip file"):
        place.make()
    assert not list(place.prepared.rglob("*.arrow"))


def test_a_half_written_file_is_never_taken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    form = type(get_format("masked_lm"))
    whole = form.encode

    def dies(*arguments: Any, **options: Any) -> Any:
        yield next(iter(whole(*arguments, **options)))
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(form, "encode", dies)
        with pytest.raises(KeyboardInterrupt):
            place.make()
    assert not list(place.prepared.rglob("*.arrow"))
    assert open_prepared([place.make()]).num_items == 3


def test_a_missing_file_is_a_sentence(place: Place) -> None:
    place.key = replace(place.key, language="fr")
    with pytest.raises(DataError, match=r"fr\.txt\.gz is missing: task 'text'"):
        place.make()


def test_a_split_longer_than_a_chunk_is_one_file_in_order(place: Place) -> None:
    lines = [("abcdefghij"[n % 10]) * (n % 7 + 1) for n in range(2 * CHUNK_EXAMPLES + 5)]
    place.write("\n".join(lines) + "\n")
    opened = open_prepared([place.make()])
    assert opened.num_items == len(lines)
    assert opened.example.tolist() == list(range(len(lines)))
    words = [place.tokenizer(line)["input_ids"] for line in lines]
    assert [opened.ids[i].tolist() for i in range(len(lines))] == words


def test_the_first_examples_are_those_of_the_whole(place: Place) -> None:
    place.key = replace(place.key, max_examples=2)
    assert read_facts(place.make()).examples == open_prepared([place.make()]).num_items == 2


def test_facts_are_those_of_the_file(place: Place) -> None:
    place.write("ab\nabc\n")
    path = place.make()
    # <s> ▁ a b </s> and <s> ▁ a b c </s>
    assert asdict(read_facts(path)) == {
        "task": "text", "split": "train", "language": "de", "examples": 2, "items": 2, "sequences": 2, "tokens": 11,
        "bytes": path.stat().st_size, "checksum": checksum([place.root / "text/de.txt.gz"]),
        "tokenizer": Encoder(place.tokenizer).fingerprint, "where": None,
    }  # fmt: skip


def test_a_part_of_a_split_is_another_file_that_says_which_and_the_whole_is_what_it_was(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.key = replace(place.key, task=get_task("mnli"), language="en")
    rows = [{"premise": "ab", "hypothesis": word, "label": "neutral", "genre": word} for word in ("cd", "ef", "cd")]
    (place.root / "mnli").mkdir()
    (place.root / "mnli/train.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    whole = place.make()
    assert "where" not in json.loads(facts_path(whole).read_text(encoding="utf-8"))
    place.key = replace(place.key, where={"genre": ["cd"]})
    part = place.make()
    assert part != whole and open_prepared([part]).num_items == 2 and read_facts(part).where == {"genre": ["cd"]}
    place.key = replace(place.key, max_examples=1)
    assert open_prepared([place.make()]).num_items == 1
    place.key = replace(place.key, max_examples=None, where=None)
    assert place.make() == whole and open_prepared([whole]).num_items == 3


def test_a_file_without_its_facts_is_made_again(place: Place) -> None:
    path = place.make()
    facts_path(path).unlink()
    assert not is_prepared(path)
    assert place.make() == path and is_prepared(path)


@pytest.mark.timeout(60)
def test_who_waits_for_another_process_is_alive_and_can_be_stopped(place: Place) -> None:
    told: list[int] = []

    def stop(examples: int) -> None:
        told.append(examples)
        if len(told) == 2:
            raise StoppedCleanly

    encoder = Encoder(place.tokenizer)
    path = prepared_path(place.key, encoder, place.root, place.prepared)
    path.parent.mkdir(parents=True)
    with path.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as another process at the same file
        with pytest.raises(StoppedCleanly):
            prepare(place.key, encoder, place.root, place.prepared, stop)
    assert told == [0, 0]
    assert prepare(place.key, encoder, place.root, place.prepared, told.append) == path and told == [0, 0, 3]


def test_what_a_killed_process_left_is_removed(place: Place) -> None:
    path = place.make()
    path.unlink()
    left = path.with_suffix(".999999.tmp")
    left.write_bytes(b"half")
    assert place.make() == path and not left.exists()


def test_a_folder_that_cannot_be_written_names_the_remedy(place: Place) -> None:
    place.prepared.write_text("a file where the folder should be")
    with pytest.raises(UserError, match=r"cannot be written to .*DS_STILTS_CACHE"):
        place.make()


def test_runs_share_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DS_STILTS_CACHE", str(tmp_path / "own"))
    assert prepared_folder() == tmp_path / "own" / "prepared"
    monkeypatch.delenv("DS_STILTS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert prepared_folder() == tmp_path / "xdg" / "ds_stilts" / "prepared"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert prepared_folder() == tmp_path / ".cache" / "ds_stilts" / "prepared"


def test_texts_without_their_labels_are_another_file_in_which_no_label_counts(tmp_path: Path) -> None:
    path = tmp_path / "data/xnli/dev-de.tsv"
    path.parent.mkdir(parents=True)
    place = Place(tmp_path)
    place.key = SplitKey(
        task=get_task("xnli"), split="dev", language="de", limits=Limits(max_tokens=32), training=False, unlabelled=True
    )
    contents = []
    for labels in (("neutral", "entailment"), ("entailment", "neutral")):
        path.write_text("".join(f"abc\tdef\t{label}\n" for label in labels), encoding="utf-8")
        assert [example.label for example in place.key.examples(place.root)] == [None, None]  # type: ignore[union-attr]
        bare = open_prepared([place.make()])
        contents.append([(bare.sequence(place).ids, bare.sequence(place).targets) for place in range(2)])
    assert contents[0] == contents[1]
    labelled = replace(place.key, unlabelled=False)
    assert prepare(labelled, Encoder(place.tokenizer), place.root, place.prepared) != place.make()
