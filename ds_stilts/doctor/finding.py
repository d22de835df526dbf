"""What one check has found: a verdict, what is there, and what to do about it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["ok", "warn", "fail"]
"""Fine; something that will bite some runs; something that no run, or none on these hosts, survives."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the table."""

    name: str
    verdict: Verdict
    found: str
    """What is there, in words and numbers."""
    remedy: str = ""
    """One sentence, wherever the verdict is not "ok"."""
    host: str = ""
    """Whom it is about; empty for this machine, or for all hosts together."""

    def __post_init__(self) -> None:
        assert (self.verdict == "ok") != bool(self.remedy), f"{self.name}: a remedy belongs to what is not ok"


def ok(name: str, found: str, host: str = "") -> Finding:
    """A finding that asks for nothing."""
    return Finding(name=name, verdict="ok", found=found, host=host)


def warn(name: str, found: str, remedy: str, host: str = "") -> Finding:
    """A finding that some runs trip over."""
    return Finding(name=name, verdict="warn", found=found, remedy=remedy, host=host)


def fail(name: str, found: str, remedy: str, host: str = "") -> Finding:
    """A finding that ends or hangs a run."""
    return Finding(name=name, verdict="fail", found=found, remedy=remedy, host=host)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Findings that stand together under a heading."""

    title: str
    findings: tuple[Finding, ...]


def count(sections: Iterable[Section], verdict: Verdict) -> int:
    """How many findings have a verdict."""
    return sum(finding.verdict == verdict for section in sections for finding in section.findings)


def as_json(sections: Iterable[Section]) -> dict[str, Any]:
    """Plain values: counts, and every finding with its section."""
    sections = list(sections)
    findings = [{"section": section.title, **asdict(finding)} for section in sections for finding in section.findings]
    return {
        "ok": count(sections, "ok"),
        "warn": count(sections, "warn"),
        "fail": count(sections, "fail"),
        "findings": findings,
    }
