"""`write_report` as its callers see it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from ds_stilts.cli.report import report
from ds_stilts.errors import DataError
from ds_stilts.report import write_report


def test_three_files_are_written_and_named(small_run: Path) -> None:
    paths = write_report(small_run)
    assert [path.name for path in paths] == ["report.html", "report.md", "summary.json"]
    assert sorted(path.name for path in (small_run / "report").iterdir()) == [
        "report.html",
        "report.md",
        "summary.json",
    ]
    assert paths[0].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_summary_json_holds_the_unrounded_numbers(small_run: Path) -> None:
    values = json.loads(write_report(small_run)[2].read_text(encoding="utf-8"))
    xnli = values["targets"][0]
    assert values["format"] == 1
    assert xnli["arms"]["nli"]["difference"] == pytest.approx(-1 / 3, abs=1e-12)
    assert values["comparisons"][0]["mean_difference"] == pytest.approx(13 / 12, abs=1e-12)


def test_writing_twice_gives_the_same_bytes(full_run: Path) -> None:
    first = [path.read_bytes() for path in write_report(full_run)]
    assert [path.read_bytes() for path in write_report(full_run)] == first


def test_no_scores_is_an_error_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no scores yet"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_score_leaves_the_old_report(small_run: Path, edit_scores) -> None:
    old = write_report(small_run)[0].read_bytes()
    edit_scores(small_run, "nli", "xnli", lambda values: values.pop("languages"))
    with pytest.raises(DataError, match="field languages"):
        write_report(small_run)
    assert (small_run / "report" / "report.html").read_bytes() == old


def test_the_verb_prints_the_paths_of_every_run(small_run: Path, baseline_only: Path) -> None:
    app = typer.Typer()
    app.command()(report)
    result = CliRunner().invoke(app, [str(small_run), str(baseline_only)])
    assert result.exit_code == 0
    lines = result.output.split()
    assert len(lines) == 6
    assert all(Path(line).is_file() for line in lines)
