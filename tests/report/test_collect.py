"""What a run folder may and may not look like."""

import json
from pathlib import Path

import pytest
import yaml

from ds_stilts.errors import DataError
from ds_stilts.report.collect import read_run
from ds_stilts.report.provenance import provenance


def test_order_of_arms_and_targets_is_the_recipes(full_run: Path) -> None:
    run = read_run(full_run)
    assert run.arms == ("none", "mnli_squad", "shuffled")
    assert run.baseline == "none"
    assert run.targets == ("xnli", "xquad", "udpos", "panx", "tatoeba", "tydiqa")
    assert run.arm_phases == {"mnli_squad": (("mnli", "squad_v1"),), "shuffled": (("mnli_shuffled",),)}
    assert len(run.scores) == 18
    assert [curve.phase for curve in run.curves] == ["start", "mnli_squad", "shuffled"]


def test_baseline_is_the_recipes_first_arm_whatever_its_name(small_run: Path) -> None:
    text = (small_run / "recipe.yaml").read_text()
    none = "  none: null\n"
    assert none in text
    (small_run / "recipe.yaml").write_text(text.replace(none, "").replace("targets:", none + "targets:"))
    assert read_run(small_run).baseline == "nli"


def test_without_a_recipe_none_is_the_baseline(small_run: Path) -> None:
    (small_run / "recipe.yaml").unlink()
    assert read_run(small_run).arms == ("none", "nli")


def test_a_folder_without_scores_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no scores yet.*continue the run with `ds-stilts run`"):
        read_run(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        read_run(tmp_path / "nowhere")


def test_a_broken_field_is_named_with_file_and_value(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "nli", "xnli", lambda values: values["languages"]["de"].update(examples="many"))
    with pytest.raises(
        DataError, match=r"targets/nli/xnli/scores\.json, field languages\.de\.examples: .*found 'many'"
    ):
        read_run(small_run)


def test_a_score_that_is_not_a_number_is_refused(small_run: Path, edit_scores) -> None:
    edit_scores(
        small_run, "nli", "xnli", lambda values: values["languages"]["de"]["metrics"].update(accuracy=float("nan"))
    )
    with pytest.raises(DataError, match=r"field languages\.de\.metrics\.accuracy"):
        read_run(small_run)


def test_a_language_without_the_headline_metric_is_refused(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "none", "xquad", lambda values: values["languages"]["de"]["metrics"].pop("f1"))
    with pytest.raises(DataError, match=r"field languages\.de\.metrics: 'f1' is missing"):
        read_run(small_run)


def test_scores_in_another_arms_folder_are_refused(small_run: Path, edit_scores) -> None:
    edit_scores(small_run, "nli", "xnli", lambda values: values.update(arm="none"))
    with pytest.raises(DataError, match="lies in the folder of 'nli'"):
        read_run(small_run)


def test_a_torn_run_json_is_named(small_run: Path) -> None:
    (small_run / "run.json").write_text('{"name": ')
    with pytest.raises(DataError, match=r"run\.json, line 1: not JSON"):
        read_run(small_run)


@pytest.mark.parametrize("text", ["- a\n- b\n", "arms: [none]\n"])
def test_a_file_that_is_no_recipe_is_named(small_run: Path, text: str) -> None:
    (small_run / "recipe.yaml").write_text(text)
    with pytest.raises(DataError, match="is not a recipe"):
        read_run(small_run)


def test_run_json_may_lack_everything(small_run: Path) -> None:
    (small_run / "run.json").write_text(json.dumps({}))
    assert read_run(small_run).name == "small"


def test_phases_of_a_sequence_have_tasks_and_curves_of_their_own(small_run: Path) -> None:
    recipe = yaml.safe_load((small_run / "recipe.yaml").read_text())
    recipe["arms"]["nli"] = {"sequence": [{"tasks": {"mnli": {}}}, {"tasks": {"squad_v1": {}, "qqp": {}}}]}
    (small_run / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    for place in (1, 2):
        folder = small_run / "arms" / "nli" / str(place)
        folder.mkdir(parents=True)
        lines = [{"step": 5, "loss": 1.0}, {"step": 5, "validation": {"value": 60.0 + place, "tasks": {}}}]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = read_run(small_run)
    assert run.arm_phases == {"nli": (("mnli",), ("squad_v1", "qqp"))}
    assert [curve.phase for curve in run.curves] == ["nli/1", "nli/2"]
    facts = dict(provenance(run).facts)
    assert facts["Arm “nli”"] == "intermediate tasks: mnli; then squad_v1, qqp"
    recipe["arms"]["nli"] = {"merge": {"arms": {"mnli": None, "qa": None}, "weight": None}}
    (small_run / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    merged = read_run(small_run)
    assert merged.arm_phases == {} and merged.arm_merges == {"nli": ("mnli", "qa")}
    assert dict(provenance(merged).facts)["Arm “nli”"] == "merged from mnli and qa, without training"
    assert facts["Validation of “nli/2”"] == "best 62.00 at step 5; 1 validation, the last at step 5"
