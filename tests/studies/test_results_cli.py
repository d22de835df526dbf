"""`ds-stilts study report` and `study claims`, as a user types them."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ds_stilts.cli.main import app, main

CLAIMS = """
claims: mine
title: A paper
version: v1
entries:
  A:
    text: Question answering helps.
    parts: {qa: {arm: qa, against: none, predicted: {sign: positive}}}
"""


@pytest.fixture
def study(planted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planted, tmp_path / "study"))


def run(*words: object) -> str:
    result = CliRunner().invoke(app, ["study", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.output


def test_report_writes_three_files_and_names_them(study: Path) -> None:
    names = ("report.html", "report.md", "report.json")
    assert run("report", study).split() == [str(study / "report" / name) for name in names]
    assert all((study / "report" / name).stat().st_size for name in names)


def test_both_verbs_print_json_for_programs(study: Path) -> None:
    claims = study / "claims.yaml"
    claims.write_text(CLAIMS)
    report = json.loads(run("report", study, "--claims", claims, "--json"))
    assert report["claims"][0]["verdict"] == "CONFIRMED" and report["contrasts"]["harm_helps"]["judgement"]["verdict"]
    found = json.loads(run("claims", study, "--claims", claims, "--json"))
    assert found["results"][0]["parts"]["qa"]["estimate"] == pytest.approx(
        report["claims"][0]["parts"]["qa"]["estimate"]
    )
    text = run("claims", study, "--claims", claims)
    assert "A  CONFIRMED: Question answering helps." in text and str(study) in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["report", "nowhere"], "error: nowhere holds no study: it has no study.yaml"),
        (["claims", "nowhere"], "error: nowhere holds no study"),
        (["claims", "--claims", "phang"], "error: no claims 'phang'"),
    ],
)
def test_bad_input_is_a_sentence_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["ds-stilts", "study", *words])
    with pytest.raises(SystemExit) as error:
        main()
    assert error.value.code == 2 and message in capsys.readouterr().err
