"""Published numbers stand beside a run only where both are the same thing, and say where they are from."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.evaluation.benchmarks import BENCHMARKS, get_benchmark
from ds_stilts.report.collect import read_run
from ds_stilts.report.html import render_html
from ds_stilts.report.markdown import render_markdown
from ds_stilts.report.published import Published, beside_published, published_table
from ds_stilts.report.verdict import summarise
from ds_stilts.tasks import get_task
from tests.report.conftest import scores, write_recipe, write_scores
from tests.report.test_html import Page

ROWS = published_table()["rows"]


def start(run_dir: Path, **values: Any) -> None:
    path = run_dir / "recipe.yaml"
    recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
    path.write_text(yaml.safe_dump({**recipe, "start": values}, sort_keys=False), encoding="utf-8")


@pytest.fixture
def large_run(tmp_path: Path) -> Path:
    """XLM-R Large on all of XNLI and on all languages of XTREME-R's PAN-X; English is best everywhere."""
    run_dir = tmp_path / "large"
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None, "nli": ["mnli"]}, ["xnli", "panx"])
    start(run_dir, model="FacebookAI/xlm-roberta-large")
    for arm, gain in (("none", 0.0), ("nli", 1.0)):
        for name, metric in (("xnli", "accuracy"), ("panx", "f1")):
            task = get_task(name)
            values = {code: {metric: 70.0 + gain + 8 * (code == "en")} for code in task.languages}
            made = scores(arm, name, values, metrics=[metric], format=task.format)
            for code, cell in made["languages"].items():
                cell["examples"] = task.split("test").published_count(code) or cell["examples"]
            write_scores(run_dir, made)
    return run_dir


def found(run_dir: Path) -> Published:
    return beside_published(read_run(run_dir))


def test_every_packaged_number_is_a_task_and_metric_of_ours_with_source_and_confidence() -> None:
    table = published_table()
    for row in ROWS:
        assert row["source"] in table["sources"] and row["confidence"] in table["confidence_levels"]
        assert row["benchmark"] in BENCHMARKS and row["use"] in ("heads", "text")
        for task, values in row["scores"].items():
            assert get_benchmark(row["benchmark"]).languages(get_task(task))
            assert values and set(values) <= set(get_task(task).metrics)
            assert all(0 < value < 100 for value in values.values())
    assert {row["source"] for row in ROWS} == set(table["sources"]), "every source is one of a number"
    for conflict in table["known_conflicts"]:
        about = [
            row for row in ROWS if row["name"] in conflict["names"] and set(row["scores"]) & set(conflict["tasks"])
        ]
        assert about, conflict["text"]


def test_a_known_model_is_set_beside_its_numbers_and_those_with_intermediate_tasks(large_run: Path) -> None:
    values = {(one.target, one.model, one.value): one for one in found(large_run).values}
    readme = values["xnli", "XLM-R Large", 79.2]
    assert readme.own == {"none": pytest.approx(70 + 8 / 15), "nli": pytest.approx(71 + 8 / 15)}
    assert (readme.benchmark, readme.metric) == ("XTREME", "accuracy")
    assert readme.confidence in ("primary", "leaderboard_copy") and readme.source
    assert ("xnli", "X-STILTs", 80.4) in values and ("xnli", "X-STILTs", 80.0) in values
    assert any("X-STILTs differs by source" in text for text in found(large_run).conflicts)
    assert not any("TyDiQA" in text for text in found(large_run).conflicts), "only of what is shown"


def test_the_mean_is_over_the_languages_of_the_benchmark_alone(large_run: Path) -> None:
    (one,) = {tuple(one.own.items()) for one in found(large_run).values if one.target == "panx"}
    assert len(get_task("panx").languages) == 48
    assert dict(one)["none"] == pytest.approx(70 + 8 / 40)


def with_target(**values: Any) -> Callable[[Path, Any], None]:
    def change(run_dir: Path, _: Any) -> None:
        path = run_dir / "recipe.yaml"
        recipe = yaml.safe_load(path.read_text(encoding="utf-8"))
        recipe["targets"] = {name: values for name in recipe["targets"]}
        path.write_text(yaml.safe_dump(recipe, sort_keys=False), encoding="utf-8")

    return change


def with_scores(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path, Any], None]:
    def all_targets(run_dir: Path, edit_scores: Any) -> None:
        for arm in ("none", "nli"):
            for target in ("xnli", "panx"):
                edit_scores(run_dir, arm, target, change)

    return all_targets


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_scores(lambda values: values["languages"].pop("sw")), "XNLI: not scored in sw"),
        (with_scores(lambda values: values.update(score_split_is_official=False)), "not scored on the split"),
        (with_scores(lambda values: values["languages"]["de"].update(split="dev")), "not scored on the split"),
        (with_scores(lambda values: values["train"].update(languages=["en", "de"])), "not trained on the whole"),
        (with_scores(lambda values: values.update(use="text")), "published with heads, here with text"),
        (with_target(max_score_examples=100), "only the first 100 examples of each language are scored"),
        (with_target(max_train_examples=100), "not trained on the whole English training set"),
    ],
)
def test_another_protocol_is_not_compared_and_the_reason_is_said(large_run: Path, edit_scores, change, reason) -> None:
    change(large_run, edit_scores)
    published = found(large_run)
    assert published.values == () and reason in "; ".join(published.why_not)
    line = f"Not set beside published numbers: {'; '.join(published.why_not)}."
    run = read_run(large_run)
    assert line in " ".join("".join(Page(render_html(run, summarise(run))).text).split())
    assert line in render_markdown(summarise(run))


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"architecture": {"layers": 2}}, "the start model was made here"),
        ({"model": "somebody/a-model"}, "no published scores of somebody/a-model are known here"),
        ({"model": "xlm-roberta-large", "random_init": True}, "drawn anew or trained further"),
        ({"model": "xlm-roberta-large", "pretrain": {"steps": 5}}, "drawn anew or trained further"),
        ({"model": "google/mt5-small"}, "published with text, here with heads"),
    ],
)
def test_another_model_is_not_compared(large_run: Path, edit_scores, given: dict[str, Any], reason: str) -> None:
    with_scores(lambda values: values.update(use="heads"))(large_run, edit_scores)
    start(large_run, **given)
    assert found(large_run).values == () and reason in "; ".join(found(large_run).why_not)


def test_a_model_in_a_folder_is_known_by_its_folders_name(large_run: Path) -> None:
    whole = found(large_run)
    start(large_run, model="/models/xlm-roberta-large/")
    assert found(large_run) == whole and whole.values


def test_the_reports_show_number_source_confidence_and_conflict(large_run: Path) -> None:
    run = read_run(large_run)
    source, text = render_html(run, summarise(run)), render_markdown(summarise(run))
    page = Page(source)
    assert [a["id"] for tag, a in page.tags if tag == "section"][:3] == ["summary", "totals", "published"]
    assert not re.search(r"https?://", source)
    for part in (" ".join("".join(page.text).split()), text):
        for wanted in ("Beside published numbers", "79.20", "70.53", "rembert", "X-STILTs differs by source"):
            assert wanted.lower() in part.lower()
    assert "Not set beside" not in source + text


def test_old_runs_without_a_recipe_get_a_line(small_run: Path) -> None:
    (small_run / "recipe.yaml").unlink()
    (reason,) = found(small_run).why_not
    assert "does not say which model" in reason
