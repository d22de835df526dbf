"""Which training sets of a recipe hold scored examples of which target, counted in files with planted ones."""

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError
from ds_stilts.phases.context import Run
from ds_stilts.phases.overlap_scan import OverlapLine, scan_overlap
from ds_stilts.recipe import Recipe

WORDS = [a + b + c for a in ("ka", "lo", "mi", "tu", "re") for b in ("na", "so", "di") for c in ("k", "l", "n", "r")]
LABELS = ("neutral", "entailment", "contradiction")


def sentence(draw: random.Random, length: int = 16) -> str:
    return " ".join(draw.choices(WORDS, k=length))


def one_word_less(text: str) -> str:
    words = text.split()
    return " ".join(words[: len(words) // 2] + words[len(words) // 2 + 1 :])


def write_pairs(path: Path, pairs: list[tuple[str, str]], gold: Path | None = None) -> None:
    """Sentence pairs as XNLI has them, with the label beside them or in a file of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = [LABELS[number % 3] for number in range(len(pairs))]
    rows = [f"{a}\t{b}" + ("" if gold else f"\t{label}") for (a, b), label in zip(pairs, labels, strict=True)]
    path.write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    if gold:
        gold.parent.mkdir(parents=True, exist_ok=True)
        gold.write_text("".join(label + "\n" for label in labels), encoding="utf-8")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """XNLI scored in en and sw, 60 pairs each. Of these MNLI has 8 in capitals, 7 with a word less and 6 with another
    hypothesis, XNLI's own training split 5, and running text the premises of 4 in sw; all else is new."""
    root, draw = tmp_path_factory.mktemp("root"), random.Random(3)
    scored = {code: [(sentence(draw), sentence(draw, 8)) for _ in range(60)] for code in ("en", "sw")}
    for code, pairs in scored.items():
        write_pairs(root / f"xnli/test-{code}.tsv", pairs, root / f"labels/xnli/test-{code}.tsv")
    en = scored["en"]
    planted = [(f"{a.upper()}.", b) for a, b in en[:8]]
    planted += [(one_word_less(a), b) for a, b in en[8:15]]
    planted += [(a, sentence(draw)) for a, _ in en[15:21]]
    rows = planted + [(sentence(draw), sentence(draw, 8)) for _ in range(200)]
    genres = ["fiction"] * 11 + ["travel"] * (len(rows) - 11)
    mnli = [
        {"premise": a, "hypothesis": b, "label": LABELS[number % 3], "genre": genre}
        for number, ((a, b), genre) in enumerate(zip(rows, genres, strict=True))
    ]
    (root / "mnli").mkdir()
    (root / "mnli/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mnli), encoding="utf-8")
    own = en[30:35] + [(sentence(draw), sentence(draw, 8)) for _ in range(20)]
    write_pairs(root / "xnli/train-en.tsv", own)
    (root / "text").mkdir()
    lines = [a for a, _ in scored["sw"][:4]] + [sentence(draw) for _ in range(30)]
    for code, own_lines in (("sw", lines), ("de", [sentence(draw) for _ in range(30)])):
        (root / f"text/{code}.txt.gz").write_bytes(gzip.compress("\n".join(own_lines).encode()))
    return root


def scan(root: Path, arms: dict[str, Any], targets: dict[str, Any] | None = None) -> list[OverlapLine]:
    values = {
        "name": "r",
        "start": {"model": "owner/model", "pretrain": {"tasks": {"text": {"languages": ["de", "sw"]}}, "steps": 1}},
        "arms": {name: phase and {**phase, "steps": 1} for name, phase in arms.items()},
        "targets": targets or {"xnli": {"steps": 1}},
    }
    return scan_overlap(Run(recipe=Recipe.model_validate(values), run_dir=root, data_root=root))


def counts(lines: list[OverlapLine]) -> dict[tuple[str, str], tuple[int, int, int]]:
    return {(line.training.label, line.language): (line.same, line.near, line.text) for line in lines}


ARMS: dict[str, Any] = {"none": None, "nli": {"tasks": {"mnli": {}}}, "more": {"tasks": {"mnli": {}}}}


@pytest.fixture(scope="module")
def lines(root: Path) -> list[OverlapLine]:
    return scan(root, ARMS)


def test_what_was_planted_is_found_and_nothing_else(lines: list[OverlapLine]) -> None:
    assert counts(lines) == {
        ("text train", "en"): (0, 0, 0),
        ("text train", "sw"): (0, 0, 4),
        ("mnli train", "en"): (8, 7, 6),
        ("mnli train", "sw"): (0, 0, 0),
        ("xnli train", "en"): (5, 0, 0),
        ("xnli train", "sw"): (0, 0, 0),
    }
    assert all(line.examples == 60 for line in lines)


def test_a_line_says_where_it_is_trained_what_is_declared_and_shows_some(lines: list[OverlapLine]) -> None:
    by = {(line.training.task, line.language): line for line in lines}
    assert by["text", "sw"].phases == ("start.pretrain",) and by["text", "sw"].declared == "none"
    assert by["mnli", "en"].phases == ("arms.nli", "arms.more") and by["mnli", "en"].declared == "identical"
    assert by["xnli", "en"].phases == ("targets.xnli",)
    shown = by["mnli", "en"].shown
    assert [one.kind for one in shown] == ["same"] * 2 + ["near"] * 2 + ["text"] * 2
    assert all(0.7 <= one.resemblance < 1 and one.texts[0] != one.texts[1] for one in shown if one.kind == "near")
    assert {one.trained.split()[0] for one in by["text", "sw"].shown} == {"sw"}, "of two languages, which"


def test_only_examples_that_are_trained_on_and_scored_are_looked_at(root: Path) -> None:
    arms = {
        "fiction": {"tasks": {"mnli": {"where": {"genre": ["fiction"]}}}},
        "few": {"tasks": {"mnli": {"max_examples": 3}}},
    }
    found = counts(scan(root, arms, {"xnli": {"steps": 1, "score_languages": ["en"], "max_score_examples": 10}}))
    assert found["mnli train (genre fiction)", "en"] == (8, 2, 0)
    assert found["mnli train (first 3)", "en"] == (3, 0, 0)
    assert found["xnli train", "en"] == (0, 0, 0)


def test_a_targets_own_training_split_is_set_beside_no_other_target(root: Path) -> None:
    targets = {"xnli": {"steps": 1, "score_languages": ["en"]}, "mnli": {"steps": 1, "score_split": "train"}}
    found = scan(root, {"none": None}, targets)
    assert [(line.target, line.training.task) for line in found] == [
        ("xnli", "text"), ("xnli", "xnli"), ("mnli", "text"), ("mnli", "mnli"),
    ]  # fmt: skip
    assert counts(found)["mnli train", "en"] == (221, 0, 0)


def test_a_perturbed_target_and_its_clean_one_are_looked_for_in_one_training_set(root: Path) -> None:
    targets = {name: {"steps": 1, "score_languages": ["en"]} for name in ("xnli", "xnli:no_case")}
    found = [line for line in scan(root, {"none": None}, targets) if line.training.task != "text"]
    assert [(line.target, line.training.label) for line in found] == [
        ("xnli", "xnli train"),
        ("xnli:no_case", "xnli train"),
    ]
    assert [line.phases for line in found] == [("targets.xnli",), ("targets.xnli:no_case",)]
    assert found[0].training == found[1].training and [line.same for line in found] == [5, 5]


def test_a_missing_file_is_a_sentence(root: Path) -> None:
    with pytest.raises(DataError, match=r"train-v1\.1\.json is missing: task 'squad_v1'"):
        scan(root, {"qa": {"tasks": {"squad_v1": {}}}})
