"""Verdicts on claims, as text for people and as values for JSON."""

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from ds_stilts.report.numbers import count as counted
from ds_stilts.studies.claims.claims_file import Claims
from ds_stilts.studies.claims.judge import ClaimResult
from ds_stilts.studies.report.summary import plain

_WIDTH = 110


def claims_text(claims: Claims, results: Sequence[ClaimResult]) -> str:
    """One paragraph a claim: verdict, text, numbers, rule, and each part."""
    count = Counter(one.verdict for one in results)
    lines = [
        f"{claims.title}, {claims.version}",
        f"{counted(len(results), 'claim')}: {', '.join(f'{number} {verdict}' for verdict, number in count.items())}",
    ]
    wide = max(len(one.id) for one in results)
    for one in results:
        indent = " " * (wide + 2)
        lines += ["", *_wrapped(f"{one.id.ljust(wide)}  {one.verdict}: {one.text}", indent)]
        lines += _wrapped(f"{indent}found: {one.why}{f' ({one.where})' if one.where else ''}", f"{indent}  ")
        lines += _wrapped(f"{indent}rule: {one.rule}", f"{indent}  ")
        for label in ("metric", "note", "unverified"):
            if text := getattr(one, label):
                lines += _wrapped(f"{indent}{label}: {text}", f"{indent}  ")
        if len(one.parts) > 1 and one.verdict != "NOT RUN":
            for name, part in one.parts.items():
                size = f", n {part.n}" if part.n else ""
                lines += _wrapped(f"{indent}{name}: {part.verdict}, {part.why}{size}", f"{indent}  ")
    return "\n".join(lines)


def claims_values(claims: Claims, results: Sequence[ClaimResult]) -> dict[str, Any]:
    """For JSON."""
    return {
        "claims": claims.claims,
        "title": claims.title,
        "version": claims.version,
        "model": claims.model,
        "results": [plain(one) for one in results],
    }


def _wrapped(text: str, indent: str) -> list[str]:
    # Paths stay whole, so that they can be copied.
    return wrap(text, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
