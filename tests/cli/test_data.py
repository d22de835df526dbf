"""`ds-stilts data check` and `data prepare` from outside: what is printed, and the exit codes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from ds_stilts.cli.main import app
from tests.small import tokenizer, xlmr

RECIPE = """
name: small
start: {{model: {model}}}
arms: {{none: null, nli: {{tasks: {{mnli: {{}}}}, steps: 1}}}}
targets: {{xnli: {{steps: 1}}}}
"""
PAIR = {"premise": "abc", "hypothesis": "de", "label": "neutral"}


def ds_stilts(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """MNLI (2 training rows), XNLI (3 English training rows, 2 Swahili ones with gold) and a recipe beside them."""
    monkeypatch.setenv("DS_STILTS_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "root"
    write(root / "mnli/train.jsonl", "".join(json.dumps(PAIR) + "\n" for _ in range(2)))
    write(root / "xnli/train-en.tsv", "a\tb\tneutral\na\tc\tentailment\nd\tb\tneutral\n")
    write(root / "xnli/test-sw.tsv", "a\tb\nc\td\n")
    write(root / "labels/xnli/test-sw.tsv", "neutral\nentailment\n")
    write(tmp_path / "small.yaml", RECIPE.format(model=tmp_path / "model"))
    xlmr(vocabulary=64).save_pretrained(tmp_path / "model")
    tokenizer().save_pretrained(tmp_path / "model")
    return root


def test_check_without_a_recipe_looks_at_all_that_is_there(root: Path) -> None:
    answer = ds_stilts("data", "check", "--data-root", root)
    assert answer.exit_code == 0, answer.output
    table, _, rest = answer.stdout.partition("\n\n")
    assert [line.split() for line in table.splitlines()] == [
        ["task", "split", "examples", "state", "languages"],
        ["mnli", "train", "2", "part", "(2", "of", "392,702)", "en"],
        ["xnli", "train", "3", "part", "(3", "of", "392,702)", "en"],
        ["xnli", "test", "2", "part", "(2", "of", "5,010)", "sw"],
        ["xnli_genres", "train", "3", "part", "(3", "of", "392,702)", "en"],
    ]  # 392,702 and 5,010: MultiNLI's and XNLI's papers
    assert "  xnli: CC BY-NC 4.0" in rest
    not_here = rest.partition("Not here: ")[2]
    assert "squad_v1" in not_here and "mnli," not in not_here and "synth" not in not_here


def test_every_problem_is_listed_and_only_wrong_exits_with_2(root: Path) -> None:
    (root / "labels/xnli/test-sw.tsv").unlink()
    write(root / "xnli/test-de.tsv", "a\tb\n")
    write(root / "labels/xnli/test-de.tsv", "perhaps\n")
    answer = ds_stilts("data", "check", "--data-root", root)
    assert answer.exit_code == 2
    assert "test-sw.tsv is missing" in answer.stdout and "line 1: label 'perhaps'" in answer.stdout
    assert answer.stderr.endswith("error: 2 of 5 splits and languages are wrong, listed above\n")
    programs = ds_stilts("data", "check", "--data-root", root, "--json")
    states = {(line["split"], line["language"]): line["state"] for line in json.loads(programs.stdout)["lines"]}
    assert programs.exit_code == 2
    assert states["test", "sw"] == states["test", "de"] == "wrong" and states["train", "en"] == "part"


def test_what_a_recipe_needs_and_is_missing_is_wrong(root: Path, tmp_path: Path) -> None:
    (root / "mnli/train.jsonl").unlink()
    (root / "xnli/test-sw.tsv").unlink()
    answer = ds_stilts("data", "check", tmp_path / "small.yaml", "--data-root", root)
    assert answer.exit_code == 2
    assert "train.jsonl is missing" in answer.stdout and "is missing: task 'xnli'" in answer.stdout
    assert "error: 2 of 3 splits" in answer.stderr


def test_the_part_that_a_recipe_chooses_has_a_line_of_its_own(root: Path, tmp_path: Path) -> None:
    genres = ("fiction", "travel", "fiction")
    write(root / "mnli/train.jsonl", "".join(json.dumps({**PAIR, "genre": genre}) + "\n" for genre in genres))
    arguments = ["data", "check", tmp_path / "small.yaml", "--data-root", root]
    key = "arms.nli.tasks.mnli.where={genre: [%s]}"
    found = ds_stilts(*arguments, "--set", key % "fiction")
    assert found.exit_code == 0, found.output
    assert [line.split() for line in found.stdout.splitlines()[1:3]] == [
        ["mnli", "train", "3", "part", "(3", "of", "392,702)", "en"],
        ["mnli", "train", "(genre", "fiction)", "2", "unknown", "en"],
    ]
    lines = json.loads(ds_stilts(*arguments, "--json", "--set", key % "fiction").stdout)["lines"]
    assert [line.get("where") for line in lines[:3]] == [None, {"genre": ["fiction"]}, None]
    refused = ds_stilts(*arguments, "--set", key % "poetry")
    assert refused.exit_code == 2
    assert "mnli train (genre poetry) en: " in refused.stdout and "no example has genre 'poetry'" in refused.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "name the folder with the official files with --data-root DIR"),
        (["--data-root", "nowhere"], "there is no folder nowhere to read data files from"),
        (["--data-root", ".", "--set", "seed=2"], "--set changes a recipe, and none is given"),
    ],
)
def test_check_without_anything_to_look_at_is_a_sentence(arguments: list[str], sentence: str) -> None:
    answer = ds_stilts("data", "check", *arguments)
    assert answer.exit_code == 2 and sentence in answer.stderr


def test_prepare_makes_all_splits_once_and_writes_the_card(root: Path, tmp_path: Path) -> None:
    arguments = ["data", "prepare", tmp_path / "small.yaml", "--data-root", root, "--out", tmp_path / "out"]
    first = ds_stilts(*arguments, "--processes", 1)
    assert first.exit_code == 0, first.output
    rows = [line.split() for line in first.stdout.splitlines()[:4]]
    assert rows[0] == ["task", "split", "language", "examples", "sequences", "tokens", "bytes", "seconds", "cached"]
    # <s> ▁ a b c </s> </s> ▁ d e </s> is 11 tokens; pairs of one letter are 8
    assert [row[:6] + row[8:] for row in rows[1:]] == [
        ["mnli", "train", "en", "2", "2", "22", "no"],
        ["xnli", "train", "en", "3", "3", "24", "no"],
        ["xnli", "test", "sw", "2", "2", "16", "no"],
    ]
    card = json.loads((tmp_path / "out/corpus.json").read_text())
    assert [task["tokens"] for phase in card["phases"].values() for task in phase["tasks"]] == [22, 24]
    assert "| mnli | 2 | 2 | 22 | 100.0% | xnli (identical) |" in (tmp_path / "out/corpus.md").read_text()

    again = ds_stilts(*arguments, "--json")
    told = json.loads(again.stdout)
    assert [split["cached"] for split in told["splits"]] == [True] * 3
    assert all(Path(split["path"]).is_relative_to(tmp_path / "cache") for split in told["splits"])


def test_prepare_takes_the_part_that_the_recipe_asks_for_and_tells_one_that_is_not_there(
    root: Path, tmp_path: Path
) -> None:
    genres = ("fiction", "travel", "fiction")
    write(root / "mnli/train.jsonl", "".join(json.dumps({**PAIR, "genre": genre}) + "\n" for genre in genres))
    arguments = ["data", "prepare", tmp_path / "small.yaml", "--data-root", root, "--out", tmp_path / "out"]
    key = "arms.nli.tasks.mnli.where={genre: [%s]}"
    made = ds_stilts(*arguments, "--processes", 1, "--json", "--set", key % "fiction")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["splits"][0]["examples"] == 2
    assert "| mnli | train (genre fiction) | en | 2 |" in (tmp_path / "out/corpus.md").read_text()
    refused = ds_stilts(*arguments, "--processes", 1, "--set", key % "poetry")
    assert refused.exit_code == 2
    assert "no example has genre 'poetry'; there are fiction (2), travel (1)." in refused.output


def test_prepare_of_a_recipe_that_makes_its_tokenizer_says_who_prepares(root: Path, tmp_path: Path) -> None:
    made = "{architecture: {}, tokenizer: {}, pretrain: {tasks: {text: {}}, steps: 1}}"
    write(tmp_path / "made.yaml", RECIPE.format(model="M").replace("{model: M}", made))
    answer = ds_stilts("data", "prepare", tmp_path / "made.yaml", "--data-root", root)
    assert answer.exit_code == 2
    assert "makes its own tokenizer in the stage 'start'" in answer.stderr and "ds-stilts run" in answer.stderr
