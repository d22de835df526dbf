"""Files of claims: faults are told by key, and the shipped one is about what the package has."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.errors import RecipeError
from ds_stilts.recipe_file import load_recipe, shipped_recipes
from ds_stilts.studies.claims.claims_file import load_claims, shipped_claims

CONTRAST = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}}


def write(folder: Path, entry: dict[str, Any], **more: Any) -> str:
    path = folder / "claims.yaml"
    values = {"claims": "mine", "title": "A paper", "version": "v1", "entries": {"A": {"text": "It helps.", **entry}}}
    path.write_text(yaml.safe_dump({**values, **more}))
    return str(path)


def test_the_shipped_claims_are_fourteen_and_say_what_is_not_verified() -> None:
    claims = load_claims()
    assert shipped_claims() == ["phang2020"] and list(claims.entries) == [f"C{number}" for number in range(1, 15)]
    assert claims.version == "v2" and claims.model == "FacebookAI/xlm-roberta-large"
    numbers = [part.predicted.number for part in claims.entries["C1"].parts.values() if part.predicted]
    assert numbers == [8.2, 7.5, 7.0] and "second hand" in claims.entries["C1"].unverified
    assert (
        claims.entries["C4"].groups()["tydiqa"][0] == "tydiqa.anli_plus" and claims.entries["C4"].needed("tydiqa") == 5
    )


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "give `parts` or `structure`"),
        ({"structure": "families", "parts": {"a": CONTRAST}}, "give `parts` or `structure`"),
        ({"structure": "familes"}, "there is no 'familes' (did you mean 'families'?)"),
        ({"parts": {"a": {"arm": "qa", "against": "none"}}}, "parts.a: what would confirm it is not said"),
        ({"parts": {"a": CONTRAST}, "needs": {"b": 1}}, "needs.b: there is no such group"),
        ({"parts": {"a": CONTRAST}, "needs": {"a": 2}}, "needs.a: 2 of 1 parts make no sense"),
        ({"parts": {"a": CONTRAST}, "metrics": "f1"}, "metrics: unknown key (did you mean 'metric'?)"),
        ({"parts": {"a": {**CONTRAST, "predicted": {"number": 3}}}}, "`number` and `within` go together"),
    ],
)
def test_a_fault_is_told_by_file_and_key(tmp_path: Path, entry: dict[str, Any], message: str) -> None:
    path = write(tmp_path, entry)
    with pytest.raises(RecipeError) as error:
        load_claims(path)
    assert message in str(error.value) and path in str(error.value) and "entries.A" in str(error.value)


def test_an_unknown_name_is_a_sentence() -> None:
    with pytest.raises(RecipeError, match=r"no claims 'phang202' \(did you mean 'phang2020'\?\)"):
        load_claims("phang202")


def test_claims_are_no_recipe(tmp_path: Path) -> None:
    assert not any("claims/" in name for name in shipped_recipes())
    with pytest.raises(RecipeError, match="is a list of claims, nothing to run"):
        load_recipe(write(tmp_path, {"parts": {"a": CONTRAST}}))


def test_keys_may_be_taken_over_from_another_entry_and_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(
        "claims: mine\ntitle: t\nversion: v1\nentries:\n  A:\n    text: x\n    parts:\n"
        "      one: &one {arm: qa, against: none, predicted: {sign: positive}}\n      two: {<<: *one, arm: harm}\n"
    )
    parts = load_claims(str(path)).entries["A"].parts
    assert (parts["two"].arm, parts["two"].against) == ("harm", "none")
    path.write_text(path.read_text().replace("arm: harm", "arm: harm, arm: qa"))
    with pytest.raises(RecipeError, match="key 'arm' is given twice"):
        load_claims(str(path))
