"""`ds-stilts data overlap` from outside: what is printed, for people and for programs."""

import json
from pathlib import Path

import datasets
import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app
from ds_stilts.recipe_file import load_recipe
from ds_stilts.report.repeats import read_repeats
from tests.hub import nli_rows, put_in_cache, write_hub

RECIPE = """
name: small
start: {model: owner/model}
arms: {none: null, nli: {tasks: {mnli: {}}, steps: 1}, mix: {tasks: {mnli: {}}, steps: 1}}
targets: {xnli: {steps: 1}}
"""
NUMBERS = (
    "one two three four five six",
    "seven eight nine ten eleven",
    "twelve thirteen fourteen",
    "a hundred and ten",
)


def ds_stilts(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Of four scored pairs in each of five languages MNLI has the first of all of them but Swahili's."""
    root = tmp_path / "root"
    for code in ("ar", "de", "en", "fr", "sw"):
        rows = [f"{code.upper()}: {code * 9} {number}!\tYes, {code}.\n" for number in NUMBERS]
        write(root / f"xnli/test-{code}.tsv", "".join(rows))
        write(root / f"labels/xnli/test-{code}.tsv", "neutral\nentailment\n" * 2)
    rows = [
        {"premise": f"{code} {code * 9} {NUMBERS[0]}", "hypothesis": f"yes {code}"} for code in ("ar", "de", "en", "fr")
    ]
    write(root / "mnli/train.jsonl", "".join(json.dumps({**row, "label": "neutral"}) + "\n" for row in rows))
    write(root / "xnli/train-en.tsv", "Quite another sentence\tYes\tneutral\n")
    write(tmp_path / "small.yaml", RECIPE)
    return root


def test_a_table_of_targets_and_training_sets_and_what_is_found_is_shown(root: Path, tmp_path: Path) -> None:
    answer = ds_stilts("data", "overlap", tmp_path / "small.yaml", "--data-root", root)
    assert answer.exit_code == 0, answer.output
    table, rest, example = answer.stdout.split("\n\n")
    head, mnli = (" ".join(line.split()) for line in table.splitlines())
    assert head == "target split trained on in declared examples same near text languages"
    of = ", ".join(f"{code} 1 of 4" for code in ("ar", "de", "en", "fr"))
    assert mnli == f"xnli test mnli train arms.nli and 1 more identical 20 4 0 0 {of}"
    assert rest.startswith("Nothing found in 1 of 2 pairs of a scored split and a training set")
    assert example.splitlines() == [
        "same: xnli test ar 0, mnli train 0",
        f"  AR: {'ar' * 9} {NUMBERS[0]}!",
        f"  ar {'ar' * 9} {NUMBERS[0]}",
    ]


def test_programs_get_a_line_a_language(root: Path, tmp_path: Path) -> None:
    answer = ds_stilts("data", "overlap", tmp_path / "small.yaml", "--data-root", root, "--json")
    found = json.loads(answer.stdout)
    assert (found["near"], found["shortest"], len(found["lines"])) == (0.7, 40, 10)
    (german,) = [one for one in found["lines"] if one["language"] == "de" and one["training"]["task"] == "mnli"]
    assert {key: german[key] for key in ("same", "near", "text", "examples", "declared", "phases")} == {
        "same": 1, "near": 0, "text": 0, "examples": 4, "declared": "identical", "phases": ["arms.nli", "arms.mix"],
    }  # fmt: skip


def test_what_is_found_is_kept_beside_a_run_of_this_recipe_only(root: Path, tmp_path: Path) -> None:
    recipe, folder = tmp_path / "small.yaml", tmp_path / "run"
    asked = ("data", "overlap", recipe, "--data-root", root, "--out", folder)
    assert ds_stilts(*asked).exit_code == 0 and not folder.exists(), "there is no run to keep it for"
    write(folder / "fingerprint", load_recipe(str(recipe), []).fingerprint() + "\n")
    assert ds_stilts(*asked).stderr.count("Not kept") == 0
    assert read_repeats(folder, (folder / "fingerprint").read_text().strip()) == {
        ("xnli", code): ("1 of the 4 scored examples is in mnli train, whatever their labels (nli, mix)",)
        for code in ("ar", "de", "en", "fr")
    }
    (folder / "overlap.json").unlink()
    write(folder / "fingerprint", "another")
    assert "holds a run of another recipe" in ds_stilts(*asked).stderr and not (folder / "overlap.json").exists()


def test_what_the_recipe_reads_from_the_hub_is_fetched_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    calm = ("The sea is calm on this morning in March", "It is quiet", "neutral")
    rows = nli_rows([calm, ("Ships left the harbour before the storm began", "They sail", "entailment")])
    parts = {("en", "train"): rows, ("en", "test"): rows}
    put_in_cache(tmp_path / "hf", write_hub(tmp_path / "xnli", parts), "facebook/xnli", "0" * 40)
    given = "name: far\ndata: {source: hub}\nstart: {model: m}\narms: {none: null}\n"
    write(tmp_path / "far.yaml", given + "targets: {xnli: {steps: 1, score_languages: [en]}}\n")
    answer = ds_stilts("data", "overlap", tmp_path / "far.yaml", "--data-root", tmp_path / "fetched", "--json")
    assert answer.exit_code == 0, answer.output
    (line,) = json.loads(answer.stdout)["lines"]
    assert (line["target"], line["language"], line["same"]) == ("xnli", "en", 2)


def test_made_up_languages_that_nobody_has_run_are_a_sentence(tmp_path: Path) -> None:
    answer = ds_stilts("data", "overlap", "quickstart", "--out", tmp_path / "nowhere")
    assert answer.exit_code == 2
    assert "recipe 'quickstart' makes up its languages when it runs; run it first" in answer.stderr
