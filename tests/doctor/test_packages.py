"""Versions against ranges: those that are here, and those that are not what is asked for."""

from importlib import metadata

import pytest
from packaging.requirements import Requirement

from ds_stilts.doctor.packages import check_packages, check_python, installed, requirements

WANTED = [
    Requirement(text)
    for text in ("torch>=2.5", "deepspeed>=0.16", "rich", 'peft>=0.18; extra == "lora"', 'pytest; extra == "test"')
]
HERE = {"torch": "2.13.0+cpu", "deepspeed": "0.19.8", "rich": "15.0.0"}


def asking(**versions: str) -> dict[str, str]:
    """Verdict and found of each finding where these versions are installed over those of `HERE`."""

    def version(name: str) -> str:
        try:
            return {**HERE, **versions}[name]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None

    return {each.name: f"{each.verdict}: {each.found}" for each in check_packages(WANTED, version)}


def test_this_environment_is_within_its_ranges() -> None:
    wanted = requirements()
    assert wanted
    (found,) = check_packages(wanted)
    assert found.verdict == "ok" and f"torch {metadata.version('torch')}" in found.found
    assert check_python().verdict == "ok"
    assert installed(wanted)["torch"] == metadata.version("torch")


def test_a_local_build_is_within_its_range_and_extras_that_are_absent_are_told() -> None:
    told = "all 3 within their ranges: torch 2.13.0+cpu, deepspeed 0.19.8; not here, and optional: peft [lora]"
    assert asking() == {"packages": f"ok: {told}"}


def test_what_is_too_old_fails_and_an_extra_that_is_too_old_is_a_warning() -> None:
    assert asking(torch="2.4.1", peft="0.9") == {
        "torch": "fail: 2.4.1, and >=2.5 is needed",
        "peft": "warn: 0.9, and >=0.18 is needed for [lora]",
    }


def test_what_is_missing_fails() -> None:
    (found,) = check_packages([Requirement("no-such-package>=1")])
    assert (found.verdict, found.found) == ("fail", "is not installed; no-such-package>=1 is needed")


def test_a_checkout_that_is_not_installed_is_a_warning() -> None:
    (found,) = check_packages(None)
    assert found.verdict == "warn" and "make setup" in found.remedy


@pytest.mark.parametrize(("version", "verdict"), [("3.9.18", "fail"), ("3.10.0", "ok"), ("3.14.0rc1", "ok")])
def test_a_python_that_is_too_old_fails(version: str, verdict: str) -> None:
    assert check_python(version).verdict == verdict
