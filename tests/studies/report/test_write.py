"""The written report: one page that needs no network, Markdown and JSON that say the same, for whatever is there."""

import html
import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.report.numbers import signed, signed_between
from ds_stilts.studies.cells import STUDY
from ds_stilts.studies.report.write import write_study_report
from ds_stilts.studies.study import Study

Copy = Callable[..., tuple[Path, Study]]


@pytest.fixture(scope="module")
def folder(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The planted study with a name and a question that would break a page, and its report."""
    folder = tmp_path_factory.mktemp("written") / "study"
    shutil.copytree(planted, folder)
    study = yaml.safe_load((folder / STUDY).read_text())
    study["question"] = "Is <b>5 & 6</b> more | than `4`?"
    (folder / STUDY).write_text(yaml.safe_dump(study, sort_keys=False))
    paths = write_study_report(folder)
    assert [path.name for path in paths] == ["report.html", "report.md", "report.json"]
    return folder / "report"


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def values(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return found


class Reader(HTMLParser):
    """What tags a page has, and that they are closed in order."""

    VOID = {"meta", "br", "wbr", "rect", "circle", "path", "line"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID or tag in ("rect", "circle", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] in self.VOID and self.open[-1] != tag:
            self.open.pop()
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}>"
        self.open.pop()


def test_the_page_loads_nothing_and_runs_nothing(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    tags = {tag for tag, _ in reader.seen}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed"} and "svg" in tags
    assert not re.search(r"(src|href)\s*=\s*[\"'](?!#)", page) and "url(" not in page and "@import" not in page


def test_every_link_has_its_part_and_every_drawing_its_words(page: str) -> None:
    reader = Reader()
    reader.feed(page)
    ids = [attrs["id"] for _, attrs in reader.seen if "id" in attrs]
    assert len(ids) == len(set(ids))
    for tag, attrs in reader.seen:
        if tag == "a":
            assert str(attrs["href"]).removeprefix("#") in ids
        if tag == "svg":
            assert attrs["role"] == "img" and attrs["aria-label"]
    parts = [
        "contrasts",
        "targets",
        "languages",
        "kinds",
        "distance",
        "decomposition",
        "fairness",
        "secondary",
        "learning",
        "budget",
        "integrity",
    ]
    assert {*parts, "plan", "claims"} <= set(ids)


def test_what_people_wrote_is_text_not_markup(page: str, folder: Path) -> None:
    assert "<b>5" not in page and "Is &lt;b&gt;5 &amp; 6&lt;/b&gt; more | than `4`?" in page
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    assert "Is &lt;b>5 & 6&lt;/b> more | than \\`4\\`?" in markdown


def test_page_markdown_and_json_have_the_same_numbers(page: str, folder: Path, values: dict[str, Any]) -> None:
    text = html.unescape(page)
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    for name, one in values["contrasts"].items():
        judged = one["judgement"]
        for number in (signed(judged["estimate"]), signed_between(judged["interval"]), judged["verdict"]):
            assert number in text and number in markdown, (name, number)
    for name, one in values["gains"]["arms"].items():
        for target, gain in one["targets"].items():
            number = signed(gain["finding"]["estimate"])
            assert number in text and number in markdown, (name, target)
    assert values["verdict"] in text and values["format"] == 1


def test_the_first_two_sentences_are_question_and_verdict(values: dict[str, Any]) -> None:
    assert values["verdict"].startswith("Of 2 confirmatory predictions: 2 confirmed (qa_helps: +")
    assert "not finished" not in values["verdict"]


def test_every_number_of_the_json_is_finite_and_says_how_it_was_made(values: dict[str, Any]) -> None:
    for one in values["contrasts"].values():
        assert one["judgement"]["method"] and one["judgement"]["rule"] and one["judgement"]["n"] > 0
    assert values["gains"]["arms"]["qa"]["overall"]["finding"]["found"]["method"].startswith("multi-bootstrap")
    assert "NaN" not in json.dumps(values)


def test_claims_that_no_run_is_about_are_not_run_and_say_why(page: str, values: dict[str, Any]) -> None:
    by_id = {one["id"]: one for one in values["claims"]}
    assert by_id["C1"]["verdict"] == "NOT RUN" and by_id["C8"]["verdict"] == "CONFIRMED"
    assert "NOT RUN, C1" in page and "has no arm" in html.unescape(page)


def test_a_half_done_study_is_reported_as_far_as_it_is(copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.arm == "qa" or cell.seed.intermediate > 2)
    write_study_report(folder)
    values = json.loads((folder / "report" / "report.json").read_text())
    assert values["verdict"].endswith("The study is not finished: 12 of 48 targets are scored.")
    assert values["contrasts"]["qa_helps"]["judgement"]["verdict"] == "NOT RUN"
    assert "qa" not in values["gains"]["arms"] and values["gains"]["arms"]["harm"]["overall"]["finding"]["estimate"] < 0
    text = html.unescape((folder / "report" / "report.html").read_text())
    assert (
        "arm 'qa' has no finished seed of 'synth_nli' yet" in text and "qa, seeds 1, 2, 3, 4, 5, 6: no target" in text
    )


def test_a_study_with_only_its_baseline_has_a_report_too(copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.arm != "none")
    write_study_report(folder)
    text = html.unescape((folder / "report" / "report.html").read_text())
    assert not re.search(r"<p[^>]*>\s*</p>", text), "an empty paragraph"
    assert "There is no overall mean yet" in text and "no arm can be compared with the baseline yet" in text


def test_the_same_rows_make_the_same_report(copied: Copy, folder: Path) -> None:
    again, _ = copied()
    shutil.copy(folder.parent / STUDY, again / STUDY)
    write_study_report(again)
    for name in ("report.html", "report.md", "report.json"):
        assert (again / "report" / name).read_text() == (folder / name).read_text()
