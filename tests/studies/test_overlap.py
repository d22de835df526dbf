"""A study's scan: over the recipes of all its arms, kept in its folder, and of use to no other study's report."""

import json
from pathlib import Path

import pytest

from ds_stilts.errors import UserError
from ds_stilts.report.beside import OVERLAP, kept_overlap
from ds_stilts.studies.beside import fingerprints
from ds_stilts.studies.expand import expand
from ds_stilts.studies.overlap import scan_study
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from tests.studies.worlds import study

PAIRS = [
    ("The harbour was closed for repairs during the whole of March", "Ships could not land"),
    ("Her brother plays the trumpet in the orchestra of the opera", "He is a musician"),
    ("Snow fell on the northern villages for nine days without a break", "It was warm there"),
    ("The museum keeps its oldest coins in a room without windows", "Coins are on show"),
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """MNLI holds two scored pairs of XNLI, whose own training split holds none."""
    root = tmp_path / "root"
    for folder in ("xnli", "labels/xnli", "mnli"):
        (root / folder).mkdir(parents=True)
    for code, pairs in (("en", PAIRS), ("sw", [("Maneno mengine kabisa", "Ndiyo"), ("Hapana", "Labda")])):
        (root / f"xnli/test-{code}.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs))
        (root / f"labels/xnli/test-{code}.tsv").write_text("neutral\nentailment\n" * (len(pairs) // 2))
    (root / "xnli/train-en.tsv").write_text("Other words altogether, in one more sentence here\tSo it is\tneutral\n")
    rows = [{"premise": a, "hypothesis": b, "label": "neutral"} for a, b in [*PAIRS[:2], ("Yes", "No")]]
    (root / "mnli/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return root


def real_study(**changes: object) -> Study:
    values = {
        "base__data": {},
        "base__start": {"model": "owner/model"},
        "arms": {
            "none": {"role": "baseline"},
            "nli": {"intermediate": {"tasks": {"mnli": {}}}},
            "apart": {"intermediate": {"tasks": {"mnli": {}}}, "start": {"revision": "abc"}},
        },
        "targets": {"xnli": {"score_languages": ["en", "sw"]}},
        "contrasts": {"helps": {"arm": "nli", "against": "none"}},
    }
    return study(**{**values, **changes})


def test_arms_with_recipes_of_their_own_share_the_lines_that_they_share(root: Path, tmp_path: Path) -> None:
    folder, wanted = tmp_path / "study", real_study()
    lines = scan_study(wanted, folder=folder, store=Store(root=tmp_path / "store"), data_root=root)
    assert [(line.training.task, line.language, line.phases, line.same, line.near, line.text) for line in lines] == [
        ("mnli", "en", ("arms.nli", "arms.apart"), 2, 0, 0),
        ("mnli", "sw", ("arms.nli", "arms.apart"), 0, 0, 0),
        ("xnli", "en", ("targets.xnli",), 0, 0, 0),
        ("xnli", "sw", ("targets.xnli",), 0, 0, 0),
    ]
    kept = kept_overlap(folder, fingerprints(expand(wanted)))
    assert kept and [line["same"] for line in kept] == [2, 0, 0, 0] and kept[0]["shown"][0]["kind"] == "same"


def test_a_scan_of_other_recipes_is_not_this_studys(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    scan_study(real_study(), folder=folder, store=Store(root=tmp_path / "store"), data_root=root)
    other = real_study(targets={"xnli": {"score_languages": ["en", "sw"], "max_train_examples": 1}})
    assert kept_overlap(folder, fingerprints(expand(other))) is None
    own = fingerprints(expand(real_study()))
    (folder / OVERLAP).write_text("{}")
    assert kept_overlap(folder, own) is None and kept_overlap(tmp_path, own) is None
    (folder / OVERLAP).write_text(json.dumps({"recipes": own, "lines": [{"target": "xnli"}]}))
    assert kept_overlap(folder, own) is None, "changed by hand"


def test_a_folder_that_cannot_be_written_to_is_a_sentence(root: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="give another folder with --out"):
        scan_study(real_study(), folder=tmp_path / "file", store=Store(root=tmp_path / "store"), data_root=root)
