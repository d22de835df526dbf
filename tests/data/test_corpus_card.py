"""The card of a corpus: what it says, and that it says the same each time."""

import json
from typing import Any

from ds_stilts.data.corpus_card import Corpus, card_hash, card_json, card_markdown, corpus_card, training_phases
from ds_stilts.data.prepared import Facts
from ds_stilts.recipe import Recipe


def facts(task: str, language: str = "en", **values: Any) -> Facts:
    given = {"split": "train", "examples": 10, "items": 10, "sequences": 10, "tokens": 100, "bytes": 1}
    return Facts(**{"task": task, "language": language, "checksum": f"xxh3:{task}-{language}", **given, **values})


def recipe(**arm: Any) -> Recipe:
    values = {
        "name": "r",
        "start": {"model": "m"},
        "arms": {
            "none": None,
            "mix": {"tasks": {"mnli": {}, "tydiqa": {"languages": ["en", "ko"]}}, "steps": 1, **arm},
        },
        "targets": {"xnli": {"steps": 1}, "xquad": {"steps": 1}, "tatoeba": {}},
    }
    return Recipe.model_validate(values)


CORPUS: Corpus = {
    "arms.mix": {
        "mnli": [facts("mnli", items=30)],
        "tydiqa": [facts("tydiqa", items=60, examples=20), facts("tydiqa", "ko", tokens=7)],
    },
    "targets.xnli": {"xnli": [facts("xnli")]},
}


def test_everything_that_is_trained_has_its_place_and_what_is_only_scored_has_none() -> None:
    assert list(training_phases(recipe())) == ["arms.mix", "targets.xnli", "targets.xquad"]


def test_the_card_adds_up_languages_and_says_shares_and_overlaps() -> None:
    card = corpus_card(recipe(), CORPUS, "hash")
    mnli, tydiqa = card["phases"]["arms.mix"]["tasks"]
    assert (tydiqa["examples"], tydiqa["items"], tydiqa["tokens"]) == (30, 70, 107)
    assert (mnli["share"], tydiqa["share"]) == (0.3, 0.7)  # proportional to items
    assert mnli["overlap"] == {"xnli": "identical"} and tydiqa["overlap"] == {}
    assert [split["language"] for split in tydiqa["splits"]] == ["en", "ko"]
    assert mnli["licence"].startswith("OANC") and "Williams" in mnli["citation"]
    (xnli,) = card["phases"]["targets.xnli"]["tasks"]
    assert xnli["share"] == 1.0 and xnli["overlap"] == {}  # that a target is like itself says nothing


def test_the_card_says_which_part_of_a_split_was_read() -> None:
    genres = {"genre": ["fiction", "slate"]}
    card = corpus_card(recipe(), {"arms.mix": {"mnli": [facts("mnli", where=genres), facts("mnli")]}}, "hash")
    assert [split.get("where") for split in card["phases"]["arms.mix"]["tasks"][0]["splits"]] == [genres, None]
    assert "| mnli | train (genre fiction, slate) | en | 10 |" in card_markdown(card)


def test_shares_follow_the_recipes_mixing() -> None:
    card = corpus_card(recipe(mixing="uniform"), CORPUS, "hash")
    assert [task["share"] for task in card["phases"]["arms.mix"]["tasks"]] == [0.5, 0.5]
    assert card["phases"]["arms.mix"]["mixing"] == "uniform" and card["phases"]["targets.xnli"]["mixing"] is None


def test_equal_data_have_one_hash_and_other_data_another() -> None:
    first = corpus_card(recipe(), CORPUS, "hash")
    assert card_hash(first) == card_hash(corpus_card(recipe(), CORPUS, "hash"))
    assert json.loads(card_json(first)) == first
    changed = {**CORPUS, "targets.xnli": {"xnli": [facts("xnli", checksum="xxh3:other")]}}
    assert card_hash(corpus_card(recipe(), changed, "hash")) != card_hash(first)
    assert card_hash(corpus_card(recipe(), CORPUS, "other")) != card_hash(first)


def test_the_card_for_people_has_every_file_once_and_every_citation() -> None:
    text = card_markdown(corpus_card(recipe(), CORPUS, "hash"))
    for task, language in (("mnli", "en"), ("tydiqa", "en"), ("tydiqa", "ko"), ("xnli", "en")):
        assert text.count(f"`xxh3:{task}-{language}`") == 1
    assert "| tydiqa | 30 | 70 | 107 | 70.0% | none | Apache-2.0" in text
    assert "Williams, Nangia, Bowman 2018" in text and "TyDi" in text
