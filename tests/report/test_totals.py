"""Totals of a run: those of the benchmark's rules where every task is whole, and what is missing where one is not."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.evaluation.benchmarks import XTREME, XTREME_R, Benchmark
from ds_stilts.report.collect import read_run
from ds_stilts.report.html import render_html
from ds_stilts.report.markdown import render_markdown
from ds_stilts.report.totals import ArmTotals, run_totals
from ds_stilts.report.verdict import summarise
from tests.report.conftest import scores, write_recipe, write_scores
from tests.report.test_html import Page


def write_whole(run_dir: Path, benchmark: Benchmark) -> Path:
    """Every task whole: its first value metric is its place from 1 in the benchmark (English 10 more), all others 0."""
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None, "nli": ["mnli"]}, [task.name for task in benchmark.tasks()])
    for place, task in enumerate(benchmark.tasks(), start=1):
        values = {
            code: dict.fromkeys(task.metrics, 0.0) | {task.value_metrics[0]: place + 10.0 * (code == "en")}
            for code in task.languages
        }
        for arm in ("none", "nli"):
            made: dict[str, Any] = scores(arm, task.name, values, metrics=list(task.metrics), format=task.format)
            made |= {"value_metrics": list(task.value_metrics), "split": task.score_split, "title": task.title}
            for code, cell in made["languages"].items():
                cell["examples"] = task.split(task.score_split).published_count(code) or 1000
            write_scores(run_dir, made)
    return run_dir


def of(run_dir: Path, title: str, arm: str = "none") -> ArmTotals:
    (found,) = [one for one in run_totals(read_run(run_dir)) if one.title == title]
    return found.arms[arm]


def expected(place: int, num_languages: int, has_english: bool, qa: bool) -> float:
    """A task's value by hand."""
    return (place + (10 / num_languages if has_english else 0)) / (2 if qa else 1)


def test_the_total_of_xtreme_by_hand(tmp_path: Path) -> None:
    found = of(write_whole(tmp_path / "run", XTREME), "XTREME")
    pawsx, xnli = expected(1, 7, True, False), expected(2, 15, True, False)
    udpos, panx = expected(3, 33, True, False), expected(4, 40, True, False)
    xquad, mlqa, tydiqa = expected(5, 11, True, True), expected(6, 7, True, True), expected(7, 9, True, True)
    assert found.groups == {
        "classification": pytest.approx((pawsx + xnli) / 2),
        "tagging": pytest.approx((udpos + panx) / 2),
        "qa": pytest.approx((xquad + mlqa + tydiqa) / 3),
        "retrieval": pytest.approx((8 + 9) / 2),
    }
    assert found.score == pytest.approx((pawsx + xnli + udpos + panx + xquad + mlqa + tydiqa + 8 + 9) / 9)
    assert found.missing == ()


def test_xtreme_r_is_marked_as_composed_here(tmp_path: Path) -> None:
    run = read_run(write_whole(tmp_path / "run", XTREME_R))
    (_, composed) = run_totals(run)
    assert composed.composed and composed.arms["none"].score is not None
    assert "composed here: the official script gives none" in render_markdown(summarise(run))
    page = " ".join("".join(Page(render_html(run, summarise(run))).text).split())
    assert "the total is composed here, as the official script gives none" in page


def lose_a_language(values: dict[str, Any]) -> None:
    del values["languages"]["sw"]


def score_dev(values: dict[str, Any]) -> None:
    values["languages"]["sw"]["split"] = "dev"


def score_less(values: dict[str, Any]) -> None:
    values["languages"]["sw"]["examples"] = 5009


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lose_a_language, "XNLI not scored in sw"),
        (score_dev, "XNLI not scored on the split that the benchmark reports, 'test'"),
        (score_less, "XNLI scored in sw on 5,009 examples of 5,010"),
    ],
)
def test_what_is_not_whole_is_named_and_takes_group_and_total_away(
    tmp_path: Path, edit_scores: Any, change: Any, reason: str
) -> None:
    run_dir = write_whole(tmp_path / "run", XTREME)
    edit_scores(run_dir, "nli", "xnli", change)
    found = of(run_dir, "XTREME", "nli")
    assert (found.score, found.missing) == (None, (reason,))
    assert list(found.groups) == ["tagging", "qa", "retrieval"]
    assert of(run_dir, "XTREME").score is not None, "the other arm keeps its total"
    run = read_run(run_dir)
    text = render_markdown(summarise(run))
    assert f"- no total of XTREME for nli: {reason}" in text
    page = " ".join("".join(Page(render_html(run, summarise(run))).text).split())
    assert f"No total of XTREME for nli: {reason}." in page


def test_a_task_that_the_run_does_not_have_is_named(tmp_path: Path) -> None:
    run_dir = write_whole(tmp_path / "run", XTREME)
    for arm in ("none", "nli"):
        (run_dir / "targets" / arm / "bucc2018" / "scores.json").unlink()
    assert of(run_dir, "XTREME").missing == ("BUCC 2018 not scored",)


def test_languages_of_the_other_benchmark_do_not_count(tmp_path: Path, edit_scores: Any) -> None:
    """PAN-X has 48 languages here, of which XTREME's mean takes 40."""
    run_dir = write_whole(tmp_path / "run", XTREME)
    before = of(run_dir, "XTREME")
    edit_scores(run_dir, "none", "panx", lambda values: values["languages"]["qu"]["metrics"].update(f1=90.0))
    assert of(run_dir, "XTREME") == before


def test_where_nothing_is_whole_there_is_no_table_of_dashes(full_run: Path) -> None:
    run = read_run(full_run)
    text = render_markdown(summarise(run))
    assert "- no total of XTREME for none, mnli_squad, shuffled: PAWS-X not scored; XNLI not scored in" in text
    source = render_html(run, summarise(run))
    assert "totals-table" not in source and "No total of XTREME for none, mnli_squad, shuffled: PAWS-X" in source


def test_a_run_without_targets_of_a_benchmark_has_no_totals(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None}, ["synth_nli"])
    values = {"aa": {"accuracy": 50.0}}
    write_scores(run_dir, scores("none", "synth_nli", values, metrics=["accuracy"], format="sentence_pair"))
    run = read_run(run_dir)
    assert run_totals(run) == ()
    assert "Benchmark totals" not in render_markdown(summarise(run)) + render_html(run, summarise(run))
