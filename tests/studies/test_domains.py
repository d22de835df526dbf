"""How far arms are from what is scored: in words, in a language that all have, and kept for one report only."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import datasets
import pytest

from ds_stilts.cli.main import main
from ds_stilts.errors import RecipeError, UserError
from ds_stilts.studies.domains import KEPT, Domains, kept_domains, measure_domains
from ds_stilts.studies.expand import expand
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import check_study
from ds_stilts.tasks import get_task
from tests.hub import nli_rows, put_in_cache, write_hub
from tests.small import tokenizer, xlmr
from tests.studies.worlds import values, write

SEA = [f"sea{number}" for number in range(60)]
LAW = [f"law{number}" for number in range(60)]
IN_LETTERS = str.maketrans("0123456789", "abcdefghij")
"""For a model that knows no digits."""


def sentence(draw: Random, vocabulary: Sequence[str]) -> str:
    return " ".join(draw.choices(vocabulary, k=8))


def pairs(vocabulary: Sequence[str], count: int, seed: int) -> list[tuple[str, str]]:
    draw = Random(seed)
    return [(sentence(draw, vocabulary), sentence(draw, vocabulary)) for _ in range(count)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """XNLI and SNLI are about the sea, MNLI and QQP about the law."""
    root = tmp_path / "root"
    for folder in ("xnli", "labels/xnli", "mnli", "snli", "qqp"):
        (root / folder).mkdir(parents=True)
    for code in ("en", "sw"):
        (root / f"xnli/test-{code}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs(SEA, 100, 1)))
        (root / f"labels/xnli/test-{code}.tsv").write_text("neutral\n" * 100)
    for name, vocabulary in (("mnli", LAW), ("snli", SEA)):
        rows = [{"premise": a, "hypothesis": b, "label": "neutral"} for a, b in pairs(vocabulary, 200, 2)]
        (root / name / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    lines = [f"{place}\t1\t2\t{a}\t{b}\t0\n" for place, (a, b) in enumerate(pairs(LAW, 200, 3))]
    (root / "qqp/train.tsv").write_text("id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n" + "".join(lines))
    return root


def arm(*tasks: str, **more: object) -> dict[str, object]:
    return {"intermediate": {"tasks": {task: {} for task in tasks}, "steps": 4, "mixing": "uniform", **more}}


ARMS = {
    "none": {"role": "baseline"},
    "sea": arm("snli"),
    "law": arm("mnli"),
    "both": arm("snli", "mnli"),
    "in_turn": {
        "intermediate": {"sequence": [{"tasks": {"snli": {}}, "steps": 3}, {"tasks": {"mnli": {}}, "steps": 1}]},
        "unmatched": "a test",
    },
    "sum": {"intermediate": {"merge": {"arms": ["sea", "law"]}}, "unmatched": "a test"},
}


def values_of(**changes: object) -> dict[str, Any]:
    own = {
        "base__data": {},
        "base__start": {"model": "owner/model"},
        "arms": ARMS,
        "targets": {"xnli": {"score_languages": ["en", "sw"]}},
        "contrasts": {"helps": {"arm": "sea", "against": "none"}},
    }
    return values(**{**own, **changes})


def real_study(**changes: object) -> Study:
    return check_study(values_of(**changes), source="study.yaml", folder=Path())


def measured(wanted: Study, root: Path, folder: Path, *, embed: bool = False) -> Domains:
    return measure_domains(wanted, folder=folder, store=Store(root=folder / "store"), data_root=root, embed=embed)


def test_an_arm_is_near_what_has_its_words_and_a_mixture_between(root: Path, tmp_path: Path) -> None:
    found = measured(real_study(), root, tmp_path / "study")
    xnli = found.targets["xnli"]
    assert xnli.languages == ("en",) and xnli.words == 800, "half of 100 pairs of 16 words, in English alone"
    arms, halves = xnli.divergence.arms, xnli.divergence.halves
    assert arms["law"] == pytest.approx(1), "no word is shared"
    assert halves == pytest.approx(arms["sea"], abs=0.02) and arms["sea"] < 0.1
    assert arms["sea"] < arms["in_turn"] < arms["both"] < 0.5
    assert arms["both"] == pytest.approx(0.31, abs=0.05), "half of its words: 0.311"
    assert xnli.proxy is None, "25 pieces are too few"
    assert set(found.left_out) == {"none", "sum"} and "merges other arms" in found.left_out["sum"]


def test_with_words_enough_a_classifier_and_a_model_tell_them_apart_as_far_as_they_can(
    root: Path, tmp_path: Path
) -> None:
    xlmr().save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    sea, law = ([word.translate(IN_LETTERS) for word in words] for words in (SEA, LAW))
    more = pairs(sea, 900, 6), pairs(sea, 900, 7), pairs(law, 900, 8)
    (root / "xnli/test-en.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in more[0]))
    (root / "labels/xnli/test-en.tsv").write_text("neutral\n" * 900)
    for name, own in (("snli", more[1]), ("mnli", more[2])):
        rows = [{"premise": a, "hypothesis": b, "label": "neutral"} for a, b in own]
        (root / name / "train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    wanted = real_study(base__start={"model": str(tmp_path / "model")})
    own = measured(wanted, root, tmp_path / "study", embed=True).targets["xnli"]
    assert own.words == 900 * 16 // 2 and own.proxy is not None
    assert own.proxy.arms["law"] == 2 and abs(own.proxy.arms["sea"]) < 0.3 and abs(own.proxy.halves) < 0.3
    assert own.proxy.arms["both"] == pytest.approx(1, abs=0.3), "of its halves one is always told, the other guessed"
    assert own.mmd is not None
    arms = own.mmd.arms
    assert arms["law"] > arms["both"] > arms["in_turn"] > max(arms["sea"], own.mmd.halves)
    assert arms["both"] == pytest.approx(arms["law"] / 4, rel=0.4), "half of a mixture: a quarter of the square"
    assert abs(own.mmd.halves) < 0.02 and abs(arms["sea"]) < 0.02
    kept = kept_domains(tmp_path / "study", expand(wanted))
    assert kept is not None and kept.targets["xnli"] == own
    without = measured(wanted, root, tmp_path / "study").targets["xnli"]
    assert without.mmd is None and without.proxy == own.proxy


def test_a_start_model_that_is_not_there_is_told_before_anything_is_read(root: Path, tmp_path: Path) -> None:
    wanted = real_study(base__start={"model": str(tmp_path / "none")})
    with pytest.raises(UserError, match="none"):
        measured(wanted, root, tmp_path / "study", embed=True)


def test_the_command_shows_what_there_is_and_says_what_there_is_not(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, values_of())
    words = ["domains", str(file), "--out", str(tmp_path / "study"), "--data-root", str(root)]
    monkeypatch.setattr("sys.argv", ["ds-stilts", "study", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().out
    assert ended.value.code == 0 and "divergence of words: 0 the same words as often" in told
    assert "proxy A-distance" not in told
    assert "xnli: 800 words of each set, in en; too few to cut into pieces, for which 6,400 are needed" in told
    assert "left out: none trains nothing before the targets" in told


def test_distances_are_kept_for_these_recipes_only(root: Path, tmp_path: Path) -> None:
    folder, wanted = tmp_path / "study", real_study()
    found = measured(wanted, root, folder)
    assert kept_domains(folder, expand(wanted)) == found
    other = real_study(targets={"xnli": {"score_languages": ["en"]}})
    assert kept_domains(folder, expand(other)) is None and kept_domains(tmp_path, expand(wanted)) is None
    values = json.loads((folder / KEPT).read_text())
    (folder / KEPT).write_text(json.dumps({**values, "targets": [1]}))
    assert kept_domains(folder, expand(wanted)) is None


def test_what_an_arm_reads_at_most_is_what_counts(root: Path, tmp_path: Path) -> None:
    """Of the first ten pairs hardly a word is like another set's as often."""
    arms = {"none": ARMS["none"], "few": {"intermediate": {"tasks": {"snli": {"max_examples": 40}}}}}
    wanted = real_study(arms=arms, contrasts={"helps": {"arm": "few", "against": "none"}})
    assert measured(wanted, root, tmp_path / "study").targets["xnli"].words == 40 * 16
    arms["few"]["intermediate"]["tasks"]["snli"]["max_examples"] = 10  # type: ignore[index]
    wanted = real_study(arms=arms, contrasts={"helps": {"arm": "few", "against": "none"}})
    with pytest.raises(
        RecipeError, match=r"xnli has too few words in en: .* an arm trains on, has 160, and of fewer than 500"
    ):
        measured(wanted, root, tmp_path / "study")


def test_what_comes_from_the_hub_is_fetched_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    rows = nli_rows([(a, b, "neutral") for a, b in pairs(SEA, 150, 4)])
    hub = write_hub(tmp_path / "xnli", {("en", "train"): rows, ("en", "test"): rows, ("de", "test"): rows})
    put_in_cache(tmp_path / "hf", hub, "facebook/xnli", "0" * 40)
    wanted = real_study(
        base__data={"source": "hub"},
        arms={"none": ARMS["none"], "own": arm("xnli")},
        targets={"xnli": {"score_languages": ["en", "de"]}},
        contrasts={"helps": {"arm": "own", "against": "none"}},
    )
    own = measured(wanted, tmp_path / "fetched", tmp_path / "study").targets["xnli"]
    assert own.divergence.arms["own"] == pytest.approx(own.divergence.halves, abs=0.03)


def test_a_target_with_too_few_words_is_left_out_and_the_others_are_measured(root: Path, tmp_path: Path) -> None:
    rows = [{"premise": a, "hypothesis": b, "label": "neutral"} for a, b in pairs(SEA, 20, 5)]
    (root / "snli" / f"{get_task('snli').score_split}.jsonl").write_text(
        "".join(json.dumps(row) + "\n" for row in rows)
    )
    wanted = real_study(
        targets={"xnli": {"score_languages": ["en", "sw"]}, "snli": {}}, contrasts__helps__of={"targets": ["xnli"]}
    )
    found = measured(wanted, root, tmp_path / "study")
    assert set(found.targets) == {"xnli"} and found.left_out["snli"].startswith("has too few words in en: ")


def test_a_target_without_a_common_language_is_left_out_and_none_at_all_is_a_sentence(
    root: Path, tmp_path: Path
) -> None:
    wanted = real_study(targets={"xnli": {"score_languages": ["sw"]}})
    with pytest.raises(RecipeError, match="xnli is not scored in en, in which all arms train"):
        measured(wanted, root, tmp_path / "study")
    bare = {"none": ARMS["none"], "again": {"role": "control"}}
    only = real_study(arms=bare, contrasts={"same": {"arm": "again", "against": "none"}})
    with pytest.raises(RecipeError, match="no arm trains anything before the targets"):
        measured(only, root, tmp_path / "study")
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="give another folder with --out"):
        measured(real_study(), root, tmp_path / "file")


def test_of_a_task_in_many_languages_its_share_is_that_of_all_of_them(root: Path, tmp_path: Path) -> None:
    """Half of what is drawn is running text about the sea, of which one line in ten is English: of the English words
    that are read one in twenty-one or so, since a line has half the words of a pair."""
    (root / "text").mkdir()
    for code, count in (("en", 100), ("sw", 900)):
        with gzip.open(root / f"text/{code}.txt.gz", "wt") as file:
            file.write("".join(f"{a}\n" for a, _ in pairs(SEA, count, 4)))
    half = {"intermediate": {"tasks": {"mnli": {"share": 0.5}, "text": {"share": 0.5}}, "steps": 4}}
    alone = {
        "intermediate": {"tasks": {"mnli": {"share": 0.5}, "text": {"share": 0.5, "languages": ["en"]}}, "steps": 4}
    }
    arms = {"none": ARMS["none"], "law": ARMS["law"], "many": half, "english": alone}
    wanted = real_study(arms=arms, contrasts={"helps": {"arm": "law", "against": "none"}})
    found = measured(wanted, root, tmp_path / "study").targets["xnli"].divergence.arms
    assert found["english"] == pytest.approx(0.46, abs=0.03), "a third of its words: 0.459"
    assert found["many"] == pytest.approx(0.86, abs=0.03), "of its words 0.048: 0.860"


def test_lines_that_are_joined_are_read_as_many_at_once_as_fit(root: Path, tmp_path: Path) -> None:
    """Half of the items are inputs of 64 words about the sea, the others pairs of 16 about the law."""
    (root / "text").mkdir()
    with gzip.open(root / "text/en.txt.gz", "wt") as file:
        file.write("".join(f"{a}\n" for a, _ in pairs(SEA, 200, 4)))
    tasks = {"mnli": {"share": 0.5}, "text": {"share": 0.5, "languages": ["en"], "join_lines": True}}
    joined = {"intermediate": {"tasks": tasks, "max_tokens": 64, "steps": 4}}
    arms = {"none": ARMS["none"], "law": ARMS["law"], "joined": joined}
    wanted = real_study(arms=arms, contrasts={"helps": {"arm": "law", "against": "none"}})
    found = measured(wanted, root, tmp_path / "study").targets["xnli"].divergence.arms
    assert found["joined"] == pytest.approx(0.11, abs=0.04), "four of five words: 0.108, and not one of three: 0.459"


def test_an_arm_that_reads_no_word_is_a_sentence_and_not_the_nearest_of_all(root: Path, tmp_path: Path) -> None:
    (root / "text").mkdir()
    with gzip.open(root / "text/en.txt.gz", "wt") as file:
        file.write("...\n" * 30)
    dots = {"intermediate": {"tasks": {"text": {"languages": ["en"]}}, "steps": 4}}
    arms = {"none": ARMS["none"], "law": ARMS["law"], "dots": dots}
    wanted = real_study(arms=arms, contrasts={"helps": {"arm": "law", "against": "none"}})
    with pytest.raises(RecipeError, match="or what an arm trains on, has 0, and"):
        measured(wanted, root, tmp_path / "study")
