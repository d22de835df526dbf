"""The page: well formed, complete, self-contained, safe against hostile names, readable without colour or script."""

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ds_stilts.report.collect import read_run
from ds_stilts.report.facts import language_facts
from ds_stilts.report.html import render_html
from ds_stilts.report.verdict import summarise

VOID = {"meta", "br", "hr", "img", "link", "input", "col", "circle", "line"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and checks that every element is closed where it was opened."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    def attributes(self, *names: str) -> Iterator[str]:
        for _, attributes in self.tags:
            yield from (attributes[name] or "" for name in names if name in attributes)


def render(run_dir: Path) -> str:
    run = read_run(run_dir)
    return render_html(run, summarise(run))


def test_page_is_balanced_and_has_all_parts_in_order(full_run: Path) -> None:
    page = Page(render(full_run))
    sections = [attributes["id"] for tag, attributes in page.tags if tag == "section"]
    assert sections == ["summary", "totals", "heat", "targets", "kinds", "gap", "curves", "provenance"]
    ids = list(page.attributes("id"))
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.attributes("href")} <= set(ids), "every link leads somewhere on the page"
    for _, attributes in page.tags:
        assert set((attributes.get("aria-labelledby") or "").split()) <= set(ids)


def test_nothing_is_loaded_from_anywhere(full_run: Path) -> None:
    source = render(full_run)
    page = Page(source)
    assert all(
        link.startswith("#") for link in page.attributes("href", "src", "xlink:href", "data", "action", "poster")
    )
    assert not re.search(r"url\(|@import|https?://", source)
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)


def test_every_language_target_and_arm_is_there(full_run: Path) -> None:
    run = read_run(full_run)
    text = " ".join(Page(render(full_run)).text)
    for scores in run.scores.values():
        assert scores.title in text and scores.arm in text
        for code, language in scores.languages.items():
            assert language_facts(code).name in text
            assert f"{language.metrics[scores.metrics[0]]:.2f}".replace("-", "−") in text
            assert language.checksum in text
    assert run.info["fingerprint"] in text
    assert "phase 1 saw parallel text (ntrex)" in text
    assert "identical (squad_v1)" in text


def test_every_table_has_a_caption_and_its_own_scroll_box(full_run: Path) -> None:
    page = Page(render(full_run))
    boxes = [attributes for tag, attributes in page.tags if tag == "div" and attributes.get("class") == "scroll"]
    tables = [attributes for tag, attributes in page.tags if tag == "table"]
    captions = {attributes["id"] for tag, attributes in page.tags if tag == "figcaption" and "id" in attributes}
    assert len(boxes) == len(tables) > 10
    assert {table["aria-labelledby"] for table in tables} == captions
    assert all(box["tabindex"] == "0" and box["role"] == "region" for box in boxes)


def test_rows_of_a_table_are_equally_wide(full_run: Path) -> None:
    source = render(full_run)
    for table in re.findall(r"<table.*?</table>", source, flags=re.DOTALL):
        widths = set()
        reach: dict[int, int] = {}
        for number, row in enumerate(re.findall(r"<tr.*?</tr>", table, flags=re.DOTALL)):
            width = reach.pop(number, 0)
            for cell in re.findall(r"<t[hd][^>]*>", row):
                span = int((re.search(r'colspan="(\d+)"', cell) or ["", "1"])[1])
                rows = int((re.search(r'rowspan="(\d+)"', cell) or ["", "1"])[1])
                width += span
                for below in range(number + 1, number + rows):
                    reach[below] = reach.get(below, 0) + span
            widths.add(width)
        assert len(widths) == 1, table[:400]


def test_known_differences_are_in_the_cells(small_run: Path) -> None:
    source = render(small_run)
    assert re.search(r'<td class="num d\d">−6\.0</td>', source), "heat map, one decimal"
    assert re.search(r'<td class="num d\d">−6\.00</td>', source), "table, two decimals"
    assert re.search(r'<td class="num d\d">\+1\.08</td>', source), "mean without overlap"
    assert source.count('class="hole"') > 0


def test_hostile_strings_are_shown_not_run(small_run: Path, edit_scores) -> None:
    attack = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
    edit_scores(small_run, "nli", "xnli", lambda values: values.update(notes=[attack], title=attack, checkpoint=attack))
    edit_scores(small_run, "none", "xnli", lambda values: values.update(title=attack))
    (small_run / "run.json").write_text(json.dumps({"command": [attack], "machine": {attack: attack}}))
    recipe = small_run / "recipe.yaml"
    recipe.write_text(recipe.read_text() + "description: '</pre><script>alert(3)</script>'\n")
    source = render(small_run)
    page = Page(source)
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert "<script>alert(1)</script>" in "".join(page.text), "shown as text"


@pytest.mark.parametrize("fixture", ["baseline_only", "small_run"])
def test_runs_without_run_json_or_curves_render(fixture: str, request: pytest.FixtureRequest) -> None:
    page = Page(render(request.getfixturevalue(fixture)))
    assert "curves" not in [attributes.get("id") for _, attributes in page.tags]
    assert "#curves" not in list(page.attributes("href"))


def test_an_unfinished_run_says_what_is_missing(baseline_only: Path) -> None:
    text = " ".join("".join(Page(render(baseline_only)).text).split())
    assert "Only the baseline “none” is scored so far" in text
    assert "Not scored yet: none / xquad, nli / xnli, nli / xquad." in text
