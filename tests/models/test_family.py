"""Which models write text, known from a recipe and a config.json alone."""

import json
from pathlib import Path

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.models.family import is_mt5, writes_text
from ds_stilts.recipe import Start


def start(tmp_path: Path, model_type: str, **keys: str) -> Start:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model_type}))
    return Start(model=str(tmp_path), **keys)  # type: ignore[arg-type]


def test_mt5_writes_text_unless_heads_are_asked_for(tmp_path: Path) -> None:
    assert writes_text(start(tmp_path, "mt5")) and writes_text(start(tmp_path, "mt5", use="text"))
    assert not writes_text(start(tmp_path, "mt5", use="heads")) and is_mt5(start(tmp_path, "mt5", use="heads"))


def test_an_encoder_has_heads_and_cannot_write(tmp_path: Path) -> None:
    assert not writes_text(start(tmp_path, "xlm-roberta")) and not writes_text(start(tmp_path, "bert", use="heads"))
    with pytest.raises(RecipeError, match=r"start\.use: an encoder \(.*\) writes no text; remove the key"):
        writes_text(start(tmp_path, "xlm-roberta", use="text"))


def test_a_folder_without_a_config_is_left_to_the_phase_that_loads_it(tmp_path: Path) -> None:
    assert not writes_text(Start(model=str(tmp_path)))
    (tmp_path / "config.json").write_text("{")
    assert not writes_text(Start(model=str(tmp_path)))
    assert writes_text(Start(model=str(tmp_path), use="text")), "no encoder that would have to be refused"
    assert writes_text(Start(model="no_such/model", use="text")), "of an id too, where the hub is out of reach"


def test_a_model_to_be_made_is_of_its_architecture() -> None:
    made = {"tokenizer": {"vocabulary": 300}}
    assert writes_text(Start.model_validate({"architecture": {"family": "mt5"}, **made}))
    assert not writes_text(Start.model_validate({"architecture": {}, **made}))
