"""Promises of the files: official layouts, exact gold, translations, equal bytes, nothing half-written."""

import gzip
import json
import random
from pathlib import Path

import pytest

from ds_stilts.errors import DataError
from ds_stilts.synthetic import write_world
from ds_stilts.synthetic.grammar import ENTITY_TAGS, POS_TAGS, write
from ds_stilts.synthetic.languages import LANGUAGES, SOURCE
from ds_stilts.synthetic.presets import PRESETS
from ds_stilts.synthetic.sentences import retrieval_sentences
from ds_stilts.synthetic.write import SUMMARY, bitext, write_sets
from ds_stilts.tasks import get_task

from .conftest import FEW, SEED


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def tagged(path: Path) -> list[list[tuple[str, str]]]:
    blocks = path.read_text(encoding="utf-8").rstrip("\n").split("\n\n")
    return [[tuple(line.split("\t")) for line in block.split("\n")] for block in blocks]


def test_writing_twice_gives_the_same_bytes_and_another_seed_others(tmp_path, data_root):
    write_sets(tmp_path / "again", FEW, SEED)
    write_sets(tmp_path / "other", FEW, SEED + 1)
    assert files(tmp_path / "again") == files(data_root)
    other = files(tmp_path / "other")
    assert other.keys() == files(data_root).keys()
    assert not [name for name in other if other[name] == files(data_root)[name]]


def test_every_set_has_its_declared_files_and_counts(tmp_path):
    sizes, counts = FEW.sets, write_sets(tmp_path, FEW, SEED)
    assert set(counts) == set(files(tmp_path))
    expected = {f"synth/text/{c}.txt.gz": round(sizes.text * LANGUAGES[c].data_share) for c in LANGUAGES}
    train = {"nli": sizes.nli, "paraphrase": sizes.paraphrase, "pos": sizes.tagging, "ner": sizes.tagging}
    for code in LANGUAGES:
        for name, number in [*train.items(), ("choice", sizes.choice), ("qa", sizes.qa), ("qa_low", sizes.qa_low)]:
            pattern = {"choice": "{}-{}.jsonl", "qa": "{}.{}.json", "qa_low": "{}.{}.json"}.get(name, "{}-{}.tsv")
            for split, size in (("train", number), ("dev", sizes.dev), ("test", sizes.test)):
                if split != "train" or code == SOURCE:
                    expected[f"synth/{name}/{pattern.format(split, code)}"] = size
        if code != SOURCE:
            for name in (f"{code}-aa.aa", f"{code}-aa.{code}", f"labels/test-{code}.tsv"):
                expected[f"synth/retrieval/{name}"] = sizes.retrieval
    assert counts == expected


@pytest.mark.parametrize("code", LANGUAGES)
def test_counts_are_what_the_files_hold(code, data_root):
    sizes, root = FEW.sets, data_root / "synth"
    with gzip.open(root / f"text/{code}.txt.gz", "rt", encoding="utf-8") as text:
        assert sum(1 for _ in text) == round(sizes.text * LANGUAGES[code].data_share)
    for name in ("nli", "paraphrase"):
        rows = [line.split("\t") for line in lines(root / f"{name}/test-{code}.tsv")]
        labels = {"nli": {"contradiction", "entailment", "neutral"}, "paraphrase": {"0", "1"}}[name]
        assert len(rows) == sizes.test
        assert {len(row) for row in rows} == {3}
        assert {row[2] for row in rows} == labels
    assert len(tagged(root / f"pos/dev-{code}.tsv")) == sizes.dev


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", ["qa", "qa_low"])
def test_answers_stand_where_the_file_says_at_word_boundaries(name, code, data_root, lexicons):
    known = lexicons[code].meanings
    seen = set()
    for split in ("train", "dev", "test") if code == SOURCE else ("dev", "test"):
        data = json.loads((data_root / f"synth/{name}/{split}.{code}.json").read_text(encoding="utf-8"))
        assert data["version"] == "1.1"
        for article in data["data"]:
            for paragraph in article["paragraphs"]:
                (question,) = paragraph["qas"]
                word, *bare = question["answers"]
                for answer in question["answers"]:
                    start, end = answer["answer_start"], answer["answer_start"] + len(answer["text"])
                    assert paragraph["context"][start:end] == answer["text"]
                start, end = word["answer_start"], word["answer_start"] + len(word["text"])
                if LANGUAGES[code].spaced:
                    assert paragraph["context"][end] in " ."
                    assert start == 0 or paragraph["context"][start - 1] == " "
                stem = bare[0]["text"] if bare else word["text"]
                assert known[stem][0].startswith(("person", "object", "place"))
                assert bool(bare) == (stem != word["text"])
                if bare:
                    assert bare[0]["answer_start"] == start
                    assert known[word["text"].removeprefix(stem)][0] in ("NOM", "ACC", "LOC")
                assert question["question"].endswith("?")
                assert question["id"] not in seen
                seen.add(question["id"])


@pytest.mark.parametrize("code", LANGUAGES)
def test_tags_are_official_and_both_sets_hold_the_same_words(code, data_root):
    for split in ("dev", "test"):
        pos = tagged(data_root / f"synth/pos/{split}-{code}.tsv")
        ner = tagged(data_root / f"synth/ner/{split}-{code}.tsv")
        assert [[word for word, _ in s] for s in pos] == [[word for word, _ in s] for s in ner]
        assert {tag for sentence in pos for _, tag in sentence} <= set(POS_TAGS)
        assert {tag for sentence in ner for _, tag in sentence} <= set(ENTITY_TAGS)
        for words in pos:
            assert sum(tag == "VERB" for _, tag in words) == 1
            assert [tag for _, tag in words].index("PUNCT") == len(words) - 1


@pytest.mark.parametrize("code", [code for code in LANGUAGES if code != SOURCE])
def test_retrieval_labels_are_a_permutation_that_joins_equal_meanings(code, world, lexicons):
    meanings = retrieval_sentences(world, random.Random(3), 80)
    meant = {
        lang: {write([event], lexicons[lang]).text: event.meaning for event in meanings} for lang in (SOURCE, code)
    }
    source, other, labels = bitext(meanings, lexicons[SOURCE], lexicons[code], SEED)
    assert source == sorted(source)
    assert sorted(labels) == list(range(80))
    assert labels != list(range(80))
    for line, label in zip(source, labels, strict=True):
        assert meant[SOURCE][line] == meant[code][other[label]]


def test_retrieval_files_hold_the_bitext(data_root):
    folder = data_root / "synth/retrieval"
    source, labels = lines(folder / "cc-aa.aa"), [int(line) for line in lines(folder / "labels/test-cc.tsv")]
    assert len(set(source)) == len(set(lines(folder / "cc-aa.cc"))) == FEW.sets.retrieval
    assert sorted(labels) == list(range(FEW.sets.retrieval))


def test_choices_have_four_continuations_and_a_label(data_root):
    rows = [json.loads(line) for line in lines(data_root / "synth/choice/test-hh.jsonl")]
    assert len(rows) == FEW.sets.test
    for row in rows:
        assert row.keys() == {"context", "choices", "label"}
        assert len(set(row["choices"])) == 4
        assert row["label"] in range(4)


@pytest.fixture
def few_preset(monkeypatch):
    monkeypatch.setitem(PRESETS, "few", FEW)


def test_a_world_appears_whole_and_a_second_call_leaves_it_alone(tmp_path, few_preset):
    folder = tmp_path / "data"
    (tmp_path / "data.tmp.killed").mkdir()
    (tmp_path / "data.tmp.killed" / "left over").write_text("from a killed run")
    summary = write_world(folder, preset="few", seed=1)
    assert json.loads((folder / SUMMARY).read_text()) == summary
    assert {path.name for path in tmp_path.iterdir()} == {"data", "data.tmp.killed"}
    assert "left over" not in files(folder)
    (folder / "synth/nli/train-aa.tsv").touch()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert write_world(folder, preset="few", seed=1) == summary
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_of_two_that_write_a_world_at_once_one_does_and_both_have_it(tmp_path, few_preset, monkeypatch):
    folder = tmp_path / "data"

    def overtaken(building, preset, seed, **knobs):
        monkeypatch.undo()
        monkeypatch.setitem(PRESETS, "few", FEW)
        write_world(folder, preset="few", seed=1)
        return write_sets(building, preset, seed, **knobs)

    monkeypatch.setattr("ds_stilts.synthetic.write.write_sets", overtaken)
    summary = write_world(folder, preset="few", seed=1)
    assert json.loads((folder / SUMMARY).read_text()) == summary
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_place_that_cannot_be_taken_is_an_error(tmp_path, few_preset):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(NotADirectoryError):
        write_world(tmp_path / "data", preset="few", seed=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "elsewhere"]


def test_a_folder_with_something_else_is_refused(tmp_path, few_preset):
    write_world(tmp_path / "data", preset="few", seed=1)
    with pytest.raises(DataError, match="seed 2"):
        write_world(tmp_path / "data", preset="few", seed=2)


def test_translated_training_sets_are_line_by_line_the_sources_and_change_no_other_file(tmp_path, data_root):
    counts = write_sets(tmp_path, FEW, SEED, translated=True)
    plain = {path.relative_to(data_root): path.read_bytes() for path in data_root.rglob("*") if path.is_file()}
    written = {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    assert {name: written[name] for name in plain} == plain
    assert all("train" in name.name for name in written.keys() - plain.keys())
    labels = [
        [line.split("\t")[2] for line in (tmp_path / f"synth/nli/train-{code}.tsv").read_text().splitlines()]
        for code in ("aa", "cc", "hh")
    ]
    assert labels[0] == labels[1] == labels[2] and len(labels[0]) == counts["synth/nli/train-cc.tsv"] == FEW.sets.nli


def concepts(folder, domain):
    """Names of persons, places, things and verbs that the inference pairs of a domain mention, in the source."""
    from ds_stilts.synthetic.lexicon import build_lexicons
    from ds_stilts.synthetic.world import World

    lexicon = build_lexicons(World(FEW.world, SEED), SEED)["aa"]
    words = set((folder / f"synth/{domain}/nli/train-aa.tsv").read_text().replace("\t", " ").replace(".", " ").split())
    meant = {meaning for word in words for meaning in lexicon.meanings.get(word, ())}
    return {concept for concept in meant if concept.rstrip("0123456789") in ("person", "place", "object", "verb")}


@pytest.fixture(scope="module")
def far(tmp_path_factory):
    """A world with two domains that have nothing in common."""
    folder = tmp_path_factory.mktemp("far")
    write_sets(folder, FEW, SEED, domains=1.0)
    return folder


def test_domains_that_lie_far_apart_have_no_concept_in_common_and_near_ones_have_all(tmp_path, data_root, far):
    write_sets(tmp_path / "near", FEW, SEED, domains=0.0)

    one, two = (concepts(far, domain) for domain in ("one", "two"))
    assert len(one) > 10 and len(two) > 10 and not one & two
    near_one, near_two = (concepts(tmp_path / "near", domain) for domain in ("one", "two"))
    assert len(near_one & near_two) > 20
    for name in ("synth/nli/train-aa.tsv", "synth/qa/test.cc.json", "synth/text/aa.txt.gz"):
        assert (far / name).read_bytes() == (data_root / name).read_bytes()


def test_the_text_of_a_domain_is_its_training_premises_without_their_labels(far):
    for domain in ("one", "two"):
        premises = [line.split("\t")[0] for line in lines(far / f"synth/{domain}/nli/train-aa.tsv")]
        text = get_task(f"synth_text_{domain}").examples("train", "aa", far)
        assert [example.text for example in text] == premises and len(premises) == FEW.sets.nli
        pairs = get_task(f"synth_text_{domain}:real_fake").examples("train", "aa", far)
        assert {pair.premise for pair in pairs if pair.label == "real"} < set(premises)


def test_a_folder_with_other_knobs_is_another_world(tmp_path, monkeypatch):
    monkeypatch.setitem(PRESETS, "few", FEW)
    plain = write_world(tmp_path / "data", preset="few", seed=1)
    assert "domains" not in plain and "translated" not in plain
    with pytest.raises(DataError, match="holds something other"):
        write_world(tmp_path / "data", preset="few", seed=1, domains=1.0)
    made = write_world(tmp_path / "more", preset="few", seed=1, domains=1.0, translated=True)
    assert (made["domains"], made["translated"]) == (1.0, True)
    assert write_world(tmp_path / "more", preset="few", seed=1, domains=1.0, translated=True) == made
