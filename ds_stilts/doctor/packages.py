"""Python and package versions, against the ranges that this package was installed with.

Asks the metadata of installed packages; imports none of them. A host asks the same of itself for a comparison.
"""

import platform
from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement

from ds_stilts.doctor.finding import Finding, fail, ok, warn

OURS = "ds_stilts"
_TOLD = ("torch", "deepspeed", "transformers")
"""Whose versions decide most; said where all is well."""
_INSTALL = "install it with `pip install -c constraints.txt ds-stilts`, or `make setup` in a checkout"

Version = Callable[[str], str]
"""Installed version of a package; raises metadata.PackageNotFoundError."""


def check_python(version: str | None = None) -> Finding:
    """Whether this Python is new enough, by the metadata of this package.

    Args:
        version: as in "3.11.7"; None: of this process.
    """
    version = version or platform.python_version()
    try:
        wanted = metadata.metadata(OURS)["Requires-Python"] or ""
    except metadata.PackageNotFoundError:
        wanted = ""
    from packaging.specifiers import SpecifierSet

    if version in SpecifierSet(wanted, prereleases=True):
        return ok("Python", f"{version}" + (f" ({wanted})" if wanted else ""))
    return fail("Python", f"{version}, and {wanted} is needed", "make a virtual environment of a newer Python")


def requirements() -> list[Requirement] | None:
    """What this package asks for, extras with their marker; None where it is not installed, only importable."""
    try:
        return [Requirement(text) for text in metadata.requires(OURS) or []]
    except metadata.PackageNotFoundError:
        return None


def installed(wanted: Iterable[Requirement], version: Version = metadata.version) -> dict[str, str | None]:
    """Installed version of each package that is asked for; None where it is missing."""
    found: dict[str, str | None] = {}
    for requirement in wanted:
        try:
            found[requirement.name] = version(requirement.name)
        except metadata.PackageNotFoundError:
            found[requirement.name] = None
    return found


def check_packages(wanted: list[Requirement] | None, version: Version = metadata.version) -> list[Finding]:
    """One finding for each package that is missing or out of its range; one for all of them where there is none.

    Args:
        wanted: what `requirements` returns.
        version: asked for each package.
    """
    if wanted is None:
        return [warn("packages", "ds_stilts is not installed here, only importable, so ranges are not known", _INSTALL)]
    needed = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    there = installed(wanted, version)
    problems = []
    for each in needed:
        found = there[each.name]
        if found is None:
            problems.append(fail(each.name, f"is not installed; {each} is needed", _INSTALL))
        elif not each.specifier.contains(found, prereleases=True):
            problems.append(fail(each.name, f"{found}, and {each.specifier} is needed", _INSTALL))
    for name, extra, each in _extras(wanted):
        found = there[name]
        if found is not None and not each.specifier.contains(found, prereleases=True):
            remedy = f"install it with `pip install 'ds-stilts[{extra}]'`, or do without"
            problems.append(warn(name, f"{found}, and {each.specifier} is needed for [{extra}]", remedy))
    if problems:
        return problems
    told = ", ".join(f"{name} {there[name]}" for name in _TOLD if there.get(name))
    absent = [f"{name} [{extra}]" for name, extra, _ in _extras(wanted) if there[name] is None]
    more = f"; not here, and optional: {', '.join(absent)}" if absent else ""
    return [ok("packages", f"all {len(needed)} within their ranges: {told}{more}")]


def _extras(wanted: Iterable[Requirement]) -> list[tuple[str, str, Requirement]]:
    """Package, extra and requirement, of extras that add something for users."""
    return [
        (each.name, extra, each)
        for each in wanted
        for extra in ("bench", "lora")
        if each.marker and not each.marker.evaluate({"extra": ""}) and each.marker.evaluate({"extra": extra})
    ]
