"""Tasks that a recipe declares itself, for every kind of file, and what is said of a wrong declaration."""

import json
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.errors import DataError, RecipeError
from ds_stilts.plan import check_recipe
from ds_stilts.recipe import OwnTask, Recipe
from ds_stilts.recipe_file import load_recipe, parse_recipe
from ds_stilts.tasks import declare_own, get_task
from ds_stilts.tasks.custom import own_task
from ds_stilts.tasks.examples import ChoiceExample, PairExample, ScoredPairExample, TaggedSentence, TextExample

RECIPE = """
name: own
start: {model: m}
training: {epochs: 1}
arms: {none: null}
targets: {my_nli: {}}
tasks:
  my_nli:
    format: sentence_pair
    languages: [en, de]
    labels: [different, same]
    files: {train: "mine/train-{lang}.csv", test: "mine/test-{lang}.csv"}
    columns: {premise: a, hypothesis: b, label: gold}
"""


def own(tmp_path: Path, name: str, text: str, **given: Any) -> Any:
    """The only example of a one-line file under a declaration."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    task = own_task("mine", OwnTask(files={"train": name}, **given))
    (example,) = task.examples("train", "en", tmp_path)
    return example


def test_a_csv_with_columns_of_its_own_names(tmp_path: Path) -> None:
    example = own(
        tmp_path,
        "a.csv",
        'a,gold,b\n"one, two",same,three\n',
        format="sentence_pair",
        labels=["different", "same"],
        columns={"premise": "a", "hypothesis": "b", "label": "gold"},
    )
    assert example == PairExample(id="0", premise="one, two", hypothesis="three", label="same")


def test_single_sentences(tmp_path: Path) -> None:
    given = {"labels": ["bad", "good"], "columns": {"premise": "review", "hypothesis": None}}
    example = own(tmp_path, "a.csv", "review,label\nfine,good\n", format="sentence_pair", **given)
    assert example == PairExample(id="0", premise="fine", hypothesis="", label="good")


def test_choices_in_columns_of_their_own(tmp_path: Path) -> None:
    example = own(
        tmp_path,
        "a.tsv",
        "stem\tx\ty\tright\nwhy\tthis\tthat\tB\n",
        format="multiple_choice",
        num_choices=2,
        columns={"context": "stem", "choices": ["x", "y"], "label": "right", "names": ["A", "B"]},
    )
    assert example == ChoiceExample(id="0", context="why", choices=("this", "that"), label=1)


def test_numbers_words_and_running_text(tmp_path: Path) -> None:
    scored = json.dumps({"sentence1": "a", "sentence2": "b", "score": 2.5})
    assert own(tmp_path, "a.jsonl", scored, format="pair_regression") == ScoredPairExample(
        id="0", premise="a", hypothesis="b", score=2.5
    )
    assert own(tmp_path, "a.txt", "w\tX\nv\tY\n", format="tagging", labels=["X", "Y"]) == TaggedSentence(
        id="0", words=("w", "v"), tags=("X", "Y")
    )
    assert own(tmp_path, "b.txt", "a line\n", format="masked_lm") == TextExample(id="0", text="a line")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", json.dumps({"url": "u", "text": "one, two"})),
        ("a.csv", 'url,text\nu,"one, two"\n'),
        ("a.tsv", "url\ttext\nu\tone, two\n"),
    ],
)
def test_of_a_table_of_running_text_its_text_is_learned_and_not_the_table(
    name: str, content: str, tmp_path: Path
) -> None:
    assert own(tmp_path, name, content, format="masked_lm") == TextExample(id="0", text="one, two")
    (tmp_path / name).write_text(content.replace("text", "body"), encoding="utf-8")
    named = own_task("mine", OwnTask(files={"train": name}, format="masked_lm", columns={"text": "body"}))
    assert named.examples("train", "en", tmp_path)[0] == TextExample(id="0", text="one, two")
    with pytest.raises(DataError, match="field 'text' is missing; found: url, body"):
        own_task("mine", OwnTask(files={"train": name}, format="masked_lm")).examples("train", "en", tmp_path)


def test_questions_in_squads_layout_and_in_lines(tmp_path: Path) -> None:
    context, answers = "the cat sat", [{"text": "cat", "answer_start": 4}]
    qas = [{"id": "q", "question": "who", "answers": answers}]
    squad = {"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}
    flat = {"id": "q", "question": "who", "context": context, "answers": {"text": ["cat"], "answer_start": [4]}}
    assert own(tmp_path, "a.json", json.dumps(squad), format="span_qa") == own(
        tmp_path, "a.jsonl", json.dumps(flat), format="span_qa"
    )


@pytest.mark.parametrize(
    ("format", "column", "gold", "given"),
    [
        ("sentence_pair", "right", "1", {"labels": ["0", "1"], "columns": {"label": "right"}}),
        ("pair_regression", "score", "1", {"columns": {"premise": "premise", "hypothesis": "hypothesis"}}),
        ("multiple_choice", "right", "1", {"num_choices": 2, "columns": {"label": "right", "choices": ["a", "b"]}}),
    ],
)
def test_gold_that_lies_apart_is_taken_whatever_its_column_is_called_and_holds(
    format: str, column: str, gold: str, given: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text(f"premise,hypothesis,context,a,b,{column}\np,h,c,x,y,0\n", encoding="utf-8")
    (tmp_path / "gold.txt").write_text(f"{gold}\n", encoding="utf-8")
    for apart, wanted in (({}, "0"), ({"train": "gold.txt"}, gold)):
        task = own_task("mine", OwnTask(format=format, files={"train": "a.csv"}, gold=apart, **given))
        (example,) = task.examples("train", "en", tmp_path)
        found = example.score if isinstance(example, ScoredPairExample) else example.label  # type: ignore[union-attr]
        assert float(found) == float(wanted)  # type: ignore[arg-type]


def test_a_recipe_makes_its_tasks_known_and_its_paths_whole(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(RECIPE, encoding="utf-8")
    recipe = load_recipe(str(tmp_path / "own.yaml"))
    check_recipe(recipe, processes=1)
    task = get_task("my_nli")
    assert task.split("train").file == str(tmp_path / "mine" / "train-{lang}.csv")
    assert (task.score_split, task.chance, task.head) == ("test", {"accuracy": 50.0}, "my_nli")
    assert get_task("my_nli:shuffled").train_data == "my_nli"


@pytest.mark.parametrize(
    ("splits", "scored"),
    [
        (["train", "dev", "test"], "test"),
        (["train", "dev"], "dev"),
        (["train", "validation"], "validation"),
        (["held_out"], "held_out"),
    ],
)
def test_what_is_trained_on_is_not_what_is_scored(splits: list[str], scored: str) -> None:
    files = {split: f"{split}.csv" for split in splits}
    assert own_task("mine", OwnTask(format="span_qa", files=files)).score_split == scored


def test_a_target_with_training_files_alone_is_refused_unless_it_says_so() -> None:
    text = RECIPE.replace(', test: "mine/test-{lang}.csv"', "").replace("{epochs: 1}", "{epochs: 1, batch_examples: 4}")
    with pytest.raises(RecipeError, match=r"targets\.my_nli: 'my_nli' has no split but the one that it is trained on"):
        check_recipe(parse_recipe(text, source="own.yaml"), processes=1)
    text = text.replace("my_nli: {}", "my_nli: {score_split: train}")
    check_recipe(parse_recipe(text, source="own.yaml"), processes=1)


def test_another_recipe_does_not_know_them() -> None:
    check_recipe(parse_recipe(RECIPE, source="own.yaml"), processes=1)
    declare_own({}, {})
    with pytest.raises(RecipeError, match="no task 'my_nli'"):
        get_task("my_nli")


def test_where_the_files_lie_does_not_change_the_experiment_and_the_labels_do() -> None:
    def fingerprint(old: str, new: str) -> str:
        return parse_recipe(RECIPE.replace(old, new), source="own.yaml").fingerprint()

    assert fingerprint("mine/", "elsewhere/") == fingerprint("", "")
    assert fingerprint("[different, same]", "[same, different]") != fingerprint("", "")


def test_a_recipe_without_own_tasks_keeps_its_fingerprint() -> None:
    text = RECIPE.partition("tasks:")[0].replace("my_nli", "xnli")
    recipe = parse_recipe(text, source="own.yaml")
    assert "tasks" not in text and recipe.fingerprint() == Recipe.model_validate(recipe.model_dump()).fingerprint()


def test_numbers_in_yaml_are_the_labels_of_that_name(tmp_path: Path) -> None:
    text = RECIPE.replace("label: gold", "label: gold, names: {0: different, 1: same}, drop: [-1]")
    given = parse_recipe(text.replace("-{lang}", "").replace("[en, de]", "[en]"), source="own.yaml").tasks["my_nli"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/train.csv").write_text("a,b,gold\nx,y,-1\nx,y,1\nx,y,0\n", encoding="utf-8")
    found = own_task("mine", given).examples("train", "en", tmp_path)
    assert [(example.id, example.label) for example in found] == [("1", "same"), ("2", "different")]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("    labels: [different, same]\n", "", r"tasks\.my_nli\.labels is missing: a task of format 'sentence_pair'"),
        ("premise: a", "premis: a", r"tasks\.my_nli\.columns\.premis: unknown \(did you mean 'premise'\?\)"),
        ("test-{lang}.csv", "test.csv", r"files\.test: .* is one file for 2 languages; write \{lang\}"),
        ("test-{lang}.csv", "test-{lang}.xlsx", r"can be read from \(\.csv, \.tsv, \.jsonl\); convert it"),
        ("[different, same]", "[no, yes]", r"tasks\.my_nli\.labels: YAML reads yes, no, .* write them in quotes"),
        ("{premise: a", '{drop: "-1", premise: a', r"my_nli\.columns\.drop: '-1' .*write a list such as \[a, b\]"),
        ("{premise: a", "{names: [a, b], premise: a", r"columns\.names: \['a', 'b'\] .*write pairs such as \{a: b\}"),
        ("{premise: a", "{id: [a], premise: a", r"columns\.id: \['a'\] .*write the name of a column or null"),
        ("{premise: a", "{drop: [no], premise: a", r"my_nli\.columns: YAML reads yes, no, .* write them in quotes"),
        ("premise: a", "premise: null", r"columns\.premise: None does not belong there; write the name of a column"),
        ("premise: a", 'premise: "{a"', r"columns\.premise: '\{a' has a brace that belongs to no name of a column"),
        ("premise: a", 'premise: "{}"', r"columns\.premise: '\{\}' has a brace that belongs to no name of a column"),
        ("train-{lang}", "train-{lang}-{set}", r"files\.train: '.*' has braces that are not \{lang\}"),
        ("    labels:", "    gold: {tset: a}\n    labels:", r"gold\.tset: there is no split of .*'test'\?\); give its"),
        ("my_nli", "xnli", r"tasks\.xnli: the catalogue has a task of that name"),
        ("my_nli", "My-NLI", r"tasks\.My-NLI: name it with small letters"),
        ("format: sentence_pair", "format: sentense_pair", r"tasks\.my_nli\.format: .*'sentence_pair'"),
    ],
)
def test_a_wrong_declaration_gets_a_sentence(old: str, new: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        check_recipe(parse_recipe(RECIPE.replace(old, new), source="own.yaml"), processes=1)


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("a.txt", {"format": "masked_lm"}),
        ("a.json", {"format": "span_qa"}),
        ("a.jsonl", {"format": "tagging", "labels": ["O"]}),
    ],
)
def test_gold_that_would_not_be_read_is_refused(name: str, given: dict[str, Any]) -> None:
    with pytest.raises(RecipeError, match=r"tasks\.mine\.gold\.test: gold that lies apart, .* is not read for 'a\."):
        own_task("mine", OwnTask(files={"test": name}, gold={"test": "gold.txt"}, **given))
