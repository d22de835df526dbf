"""Intervals of differences between arms: from the rows behind the scores, or not at all."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.evaluation.confidence import paired_intervals, read_tally
from ds_stilts.report import write_report
from ds_stilts.report.collect import read_run
from ds_stilts.report.html import render_html
from ds_stilts.report.markdown import render_markdown
from ds_stilts.report.numbers import between, signed_between
from ds_stilts.report.pairing import difference_intervals
from ds_stilts.report.verdict import Summary, summarise
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task
from tests.report.conftest import NLI_LANGUAGES, write_recipe, write_rows

KEY = ("nli", "xnli")


def summary(run_dir: Path) -> Summary:
    run = read_run(run_dir)
    return summarise(run, difference_intervals(run))


def tallies(run_dir: Path, arm: str, codes: tuple[str, ...] = NLI_LANGUAGES) -> dict[str, Any]:
    folder = run_dir / "targets" / arm / "xnli" / "predictions"
    return {code: read_tally(get_task("xnli"), folder, code) for code in codes}


def test_an_arm_is_paired_with_the_baseline(run_with_rows: Path) -> None:
    (target,) = summary(run_with_rows).targets
    expected = paired_intervals(tallies(run_with_rows, "nli"), tallies(run_with_rows, "none"))
    result = target.arms["nli"]
    assert result.difference is not None and result.difference_interval == expected.score
    low, high = result.difference_interval
    assert low < result.difference < high
    for row in target.languages:
        assert row.cells["nli"].difference_interval == expected.languages[row.language.code]
        assert row.cells["none"].difference_interval is None
    assert target.arms["none"].difference_interval is None


def test_only_compared_languages_are_in_the_interval_of_the_mean(run_with_rows: Path, edit_scores) -> None:
    edit_scores(run_with_rows, "nli", "xnli", lambda values: values["languages"]["th"].update(checksum="xxh3:other"))
    (target,) = summary(run_with_rows).targets
    codes = ("en", "de")
    expected = paired_intervals(tallies(run_with_rows, "nli", codes), tallies(run_with_rows, "none", codes))
    assert expected.score is not None and target.arms["nli"].difference_interval == expected.score
    cells = {row.language.code: row.cells["nli"] for row in target.languages}
    assert cells["th"].difference_interval is None and cells["de"].difference_interval is not None


def test_a_run_without_rows_has_no_intervals_and_is_reported(run_with_rows: Path) -> None:
    for arm in ("none", "nli"):
        shutil.rmtree(run_with_rows / "targets" / arm / "xnli" / "predictions")
    found = summary(run_with_rows).targets[0].arms["nli"]
    assert found.difference is not None and found.difference_interval is None


def test_rows_that_do_not_make_the_stored_scores_are_not_used(run_with_rows: Path, edit_scores) -> None:
    edit_scores(run_with_rows, "nli", "xnli", lambda values: values["languages"]["de"]["metrics"].update(accuracy=1.0))
    intervals = difference_intervals(read_run(run_with_rows))[KEY]
    assert intervals.languages["de"] is None and intervals.score is None
    assert intervals.languages["en"] is not None


def test_scores_of_a_task_that_is_known_no_longer_are_reported_all_the_same(small_run: Path) -> None:
    assert ("nli", "paws") not in difference_intervals(read_run(small_run)), "there is no task of that name"
    assert difference_intervals(read_run(small_run))[KEY].score is None
    assert len(write_report(small_run)) == 3


def test_a_task_of_the_recipes_own_has_intervals_in_any_process(run_with_rows: Path) -> None:
    own = Task(
        name="mine", title="Mine", format="sentence_pair", languages=NLI_LANGUAGES, splits={}, labels=("x", "y"),
        metrics=("accuracy",),
    )  # fmt: skip
    write_recipe(run_with_rows, {"none": None, "nli": ["mnli"]}, ["xnli", "mine"])
    recipe = run_with_rows / "recipe.yaml"
    declared = {"format": "sentence_pair", "labels": ["x", "y"], "files": {"test": "{lang}.csv"}}
    declared["columns"] = {"premise": "a", "hypothesis": "b", "label": "c"}
    values = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    recipe.write_text(yaml.safe_dump({**values, "tasks": {"mine": declared}}, sort_keys=False), encoding="utf-8")
    for arm in ("none", "nli"):
        write_rows(run_with_rows, arm, own)
    intervals = difference_intervals(read_run(run_with_rows))
    assert intervals["nli", "mine"] == intervals["nli", "xnli"]
    recipe.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
    assert ("nli", "mine") not in difference_intervals(read_run(run_with_rows))


def test_every_report_shows_them(run_with_rows: Path) -> None:
    run, found = read_run(run_with_rows), summary(run_with_rows)
    result = found.targets[0].arms["nli"]
    wanted = [between(result.interval), signed_between(result.difference_interval)]
    wanted += [signed_between(row.cells["nli"].difference_interval) for row in found.targets[0].languages]
    assert all(wanted)
    page, text = render_html(run, found), render_markdown(found)
    for shown in wanted:
        assert f'<span class="sub">{shown}</span>' in page and f"[{shown}]" in text
    for written in (page, text):
        assert "Another training seed is not covered." in written
    values = json.loads(write_report(run_with_rows)[2].read_text(encoding="utf-8"))
    assert values["targets"][0]["arms"]["nli"]["difference_interval"] == list(result.difference_interval or ())


def test_the_calibration_error_has_a_column_where_there_is_one(run_with_rows: Path, small_run: Path) -> None:
    found = summary(run_with_rows)
    english = next(row for row in found.targets[0].languages if row.language.code == "en").cells["nli"]
    assert english.ece == pytest.approx(abs(75.0 - english.score))
    page, text = render_html(read_run(run_with_rows), found), render_markdown(found)
    assert f'<td class="num quiet">{english.ece:.2f}</td>' in page and "nli ECE" in text
    without = summary(small_run)
    assert "ECE" not in render_html(read_run(small_run), without) + render_markdown(without)
