"""The catalogue in words, and the page made of it."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from ds_stilts.tasks import FOLDERS, all_tasks, description, get_task, group_of
from ds_stilts.tasks.documentation import examples, facts, markdown, split_facts
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs
from ds_stilts.tasks.task import Split, Task

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
READ = get_task("mnli").splits["train"].read


def test_the_page_says_what_the_declarations_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "run: python -m ds_stilts.tasks.documentation > docs/tasks.md"
    )


def test_every_task_has_a_section_and_a_link_to_it() -> None:
    page = markdown()
    headings = re.findall(r"^### (.*)$", page, re.MULTILINE)
    assert [heading.partition(":")[0] for heading in headings] == [task.name for task in all_tasks()]
    # GitHub's anchors: small letters, spaces as hyphens, all punctuation but hyphens and underscores left out
    anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"^\| \[\w+\]\(#([^)]*)\)", page, re.MULTILINE)
    assert len(links) == len(headings) and set(links) == anchors


def test_every_part_of_the_catalogue_has_its_table_in_order() -> None:
    assert re.findall(r"^## (.*)$", markdown(), re.MULTILINE) == list(FOLDERS.values())


def test_no_line_of_a_table_has_a_cell_too_many() -> None:
    for line in markdown().splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) in (5, 7), line


def test_a_task_belongs_to_the_folder_that_declares_it() -> None:
    assert (group_of(get_task("mnli")), group_of(get_task("xnli"))) == ("intermediate", "targets")
    assert group_of(get_task("mnli:shuffled")) == "intermediate"
    assert group_of(replace(get_task("mnli"), name="my_own")) == ""


def test_a_task_is_described_by_its_declaration_and_a_variant_by_its_title() -> None:
    assert description(get_task("mnli")).startswith("English sentence pairs of ten genres")
    assert description(get_task("mnli:shuffled")) == "MultiNLI, training labels shuffled"


def task(**changes: object) -> Task:
    values = {"splits": {"test": Split(read=READ, file="a-{lang}.tsv")}, "hub": None, **changes}
    return replace(get_task("mnli"), name="mine", languages=("de", "en"), score_split="test", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("published", "languages", "expected"),
    [
        (None, None, "?"),
        (2490, None, "2,490 a language"),
        (2490, ("en",), "2,490"),
        ({"de": 10, "en": 20_000}, None, "10 to 20,000 a language"),
        ({"en": 5}, None, "5 a language (1 of them: ?)"),
        ({}, None, "?"),
    ],
)
def test_published_numbers_are_said_and_unknown_ones_not_invented(
    published: int | dict[str, int] | None, languages: tuple[str, ...] | None, expected: str
) -> None:
    assert examples(Split(read=READ, file="a", published=published, languages=languages), task()) == expected


def test_a_split_is_told_with_all_its_files() -> None:
    split = Split(read=READ, file="a-{lang}.tsv", labels="l.tsv", also=("b.tsv",), languages=("en",), published=7)
    assert split_facts(task(splits={"test": split}), "test") == "a-{lang}.tsv + l.tsv + b.tsv; only en; examples: 7"


def test_a_hub_copy_is_told_with_its_splits_and_the_state_of_its_revision() -> None:
    hub = Hub(id="o/n", config="{lang}", splits={"train": "train", "dev": "validation"}, columns=Pairs(), note="Small.")
    assert facts(task(hub=hub))["hub"] == (
        "o/n, configuration {lang}; splits train, dev (dev is its validation); revision not pinned, resolved at the "
        "first download and recorded. Small."
    )
    borrowed = facts(task(hub=replace(hub, others={"test": replace(hub, id="o/other")})))
    assert "(dev is its validation); test from o/other; revision" in borrowed["hub"]
    assert facts(task(hub=replace(hub, revision="abc", note="")))["hub"].endswith("; revision abc")


def test_fields_that_examples_can_be_chosen_by_are_told_with_their_splits() -> None:
    assert facts(get_task("mnli"))["where"] == "genre (train, dev)"
    assert "where" not in facts(get_task("xnli"))


def test_facts_that_do_not_apply_are_left_out() -> None:
    assert "hub" not in facts(task()) and "choices" not in facts(task())
    assert facts(get_task("synth_choice"))["choices"] == "4"


def test_benchmarks_say_over_how_many_languages_they_average() -> None:
    assert facts(task(benchmarks={"xtreme": ("de",), "xtreme-r": ("de", "en")}))["benchmarks"] == (
        "XTREME averages 1 languages (without en); XTREME-R averages all 2 languages"
    )


def test_overlaps_are_those_of_the_training_data() -> None:
    assert "mnli (identical)" in facts(get_task("xnli"))["overlaps with"]
    assert "overlaps with" not in facts(get_task("tatoeba"))
