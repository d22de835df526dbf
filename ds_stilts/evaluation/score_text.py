"""The scores of a folder as text for people: tasks, groups, total, languages and their kinds, what numbers hide."""

from collections.abc import Mapping
from collections.abc import Sequence as Seq

from ds_stilts.evaluation.official import FolderScores, Remark


def score_text(scores: FolderScores) -> str:
    """All of it, in percent with two decimals as the official script prints them."""
    return "\n\n".join(part for part in (_table(scores), _languages(scores), _kinds(scores), _remarks(scores)) if part)


def _table(scores: FolderScores) -> str:
    benchmark = scores.benchmark
    rows: list[tuple[str, str, str, str]] = [("task", "languages", "score", "averages")]
    for task in benchmark.tasks():
        whole, missing = len(benchmark.languages(task)), len(scores.missing.get(task.name, ()))
        if task.name not in scores.tasks:
            rows.append((task.name, f"0 of {whole}", "-", "no predictions or no labels"))
            continue
        found = scores.tasks[task.name]
        count = f"{whole - missing} of {whole}" if missing else str(whole)
        rows.append((task.name, count, f"{found.score:.2f}", _values(found.averages)))
    for group, names in {**benchmark.groups, **benchmark.composed}.items():
        value = f"{scores.groups[group]:.2f}" if group in scores.groups else "-"
        rows.append((group, "", value, f"mean of {', '.join(names)}"))
    rows.append((benchmark.title, "", "-" if scores.score is None else f"{scores.score:.2f}", _total(scores)))
    return _aligned(rows)


def _total(scores: FolderScores) -> str:
    if scores.score is None:
        lacking = [
            f"{name} ({', '.join(codes)})" if name in scores.tasks else name for name, codes in scores.missing.items()
        ]
        return f"no total: missing {'; '.join(lacking)}"
    composed = "" if scores.benchmark.score_is_official else ", composed here: the official script gives no total"
    return f"mean of {len(scores.tasks)} tasks{composed}"


def _aligned(rows: Seq[tuple[str, str, str, str]]) -> str:
    first, second, third = (max(len(row[column]) for row in rows) for column in range(3))
    return "\n".join(f"{a:<{first}}  {b:>{second}}  {c:>{third}}  {d}".rstrip() for a, b, c, d in rows)


def _languages(scores: FolderScores) -> str:
    lines = []
    for name, task in scores.tasks.items():
        for metric in task.averages:
            values = ", ".join(f"{code} {cell[metric]:.2f}" for code, cell in task.languages.items())
            lines.append(f"{name} {metric}: {values}")
    return "\n".join(lines)


def _kinds(scores: FolderScores) -> str:
    lines = []
    for name, task in scores.tasks.items():
        found = task.analysis
        gap = "" if found.gap_to_english is None else f"; gap to English {found.gap_to_english:.2f}"
        lines.append(f"{name} worst: {found.worst} {found.worst_score:.2f}{gap}")
        for by, kinds in found.by.items():
            values = ", ".join(f"{kind} {one.score:.2f} ({len(one.languages)})" for kind, one in kinds.items())
            lines.append(f"{name} by {by.replace('_', ' ')}: {values}")
    return "\n".join(lines)


def _remarks(scores: FolderScores) -> str:
    lines = [_remark(remark) for remark in scores.remarks]
    if scores.ignored:
        lines.append(f"not tasks of {scores.benchmark.title}, and not looked at: {', '.join(scores.ignored)}")
    return "\n".join(lines)


def _remark(remark: Remark) -> str:
    own = f" (without that: {_values(remark.own)})" if remark.own else ""
    return f"{remark.task} {remark.language}: {remark.text}{own}"


def _values(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{metric} {value:.2f}" for metric, value in metrics.items())
