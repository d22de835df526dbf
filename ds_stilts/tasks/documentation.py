"""The catalogue in words: the facts of each task for `ds-stilts tasks NAME`, and `docs/tasks.md` made of all of them.

    python -m ds_stilts.tasks.documentation > docs/tasks.md

Everything here is read from the declarations; nothing is said about a task that they do not say.
"""

import re
import sys
from collections.abc import Iterator, Mapping

from ds_stilts.tasks import FOLDERS, all_tasks, description, group_of
from ds_stilts.tasks.languages import language_name
from ds_stilts.tasks.overlap import overlap
from ds_stilts.tasks.perturbed import PERTURBATIONS
from ds_stilts.tasks.task import Split, Task

_BENCHMARKS = {"xtreme": "XTREME", "xtreme-r": "XTREME-R"}
_SHOWN_LABELS = 40
_HEAD = """\
# Tasks

<!-- Made by `python -m ds_stilts.tasks.documentation > docs/tasks.md`; change the declarations instead. -->

What can be trained and scored, as the declarations in `ds_stilts/tasks/` have it. `ds-stilts tasks` lists the same, and
`ds-stilts tasks NAME --json` gives every field to another program.

Files lie under `--data-root` in the layout of XTREME's `scripts/download_data.sh` or of the original release; any of
them may be packed (`.gz`). `{lang}` stands for the language code. *Examples* are the published numbers, and *?* where a
number was not read from its source. With `data.source: hub` in a recipe, what the data root lacks is fetched from the
Hugging Face hub, where a task names a copy there; the commit is written beside each copy and into the run.

`NAME:shuffled` is the label-shuffled control of any task with training labels, `NAME:real_fake` the discrimination of
real from corrupted sentences, made of running text.

A target is scored on perturbed texts under the name `NAME:` and one of these. Its model is that of the clean target, or
its own, trained on the clean data with the same seeds, where a recipe does not train the clean one alike. Ids and gold
are those of the clean target, and it is in no benchmark and in no mean over targets:

"""


def facts(task: Task) -> dict[str, str]:
    """What is known of a task beside its splits, as short texts by name; what does not apply is left out."""
    labels = task.labels
    found = {
        "format": task.format,
        "languages": ", ".join(map(_named, task.languages)),
        "benchmarks": "; ".join(_benchmark(task, name) for name in task.benchmarks),
        "scored on": task.score_split,
        "labels": ", ".join(labels) if len(labels) <= _SHOWN_LABELS else f"{len(labels):,}: {labels[0]} … {labels[-1]}",
        "choices": str(task.num_choices or ""),
        "no answer": "is a possible answer" if task.no_answer else "",
        "scores": "{:g} to {:g}".format(*task.score_range) if task.score_range else "",
        "metrics": ", ".join(task.metrics),
        "value": f"mean of {' and '.join(task.value_metrics)}" if len(task.value_metrics) > 1 else "",
        "chance": ", ".join(f"{metric} {value:.1f}" for metric, value in task.chance.items()),
        "training data": task.train_data if task.train_data != task.name else "",
        "contains": ", ".join(task.contains),
        "overlaps with": ", ".join(f"{name} ({kind})" for name, kind in _overlaps(task).items()),
        "head": task.head if task.head != task.name else "",
        "longest input": f"{task.max_tokens} tokens",
        "where": _fields(task),
        "hub": _hub(task),
        "had from": task.url,
        "to be had": task.obtain,
        "licence": task.licence,
        "citation": task.citation,
        "version": task.version,
        "note": task.note,
    }
    return {name: text for name, text in found.items() if text}


def split_facts(task: Task, name: str) -> str:
    """Files, languages and published examples of a split in one line."""
    split = task.splits[name]
    languages = "" if split.languages is None else f"; only {', '.join(split.languages)}"
    return f"{' + '.join(_files(split))}{languages}; examples: {examples(split, task)}"


def examples(split: Split, task: Task) -> str:
    """The published number of examples: "2,490 a language", "100 to 20,000 a language", "?"."""
    languages = split.languages or task.languages
    counts = [split.published_count(language) for language in languages]
    known = [count for count in counts if count is not None]
    if not known:
        return "?"
    number = f"{min(known):,}" if min(known) == max(known) else f"{min(known):,} to {max(known):,}"
    missing = f" ({len(counts) - len(known)} of them: ?)" if len(known) < len(counts) else ""
    return f"{number} a language{missing}" if len(languages) > 1 else number


def markdown() -> str:
    """`docs/tasks.md`: a table of each part of the catalogue, then a section for each of its tasks."""
    parts = [_HEAD + _perturbations()]
    for folder, heading in FOLDERS.items():
        tasks = [task for task in all_tasks() if group_of(task) == folder]
        if tasks:
            parts += [f"## {heading}\n", _table(tasks), *(_section(task) for task in tasks)]
    return "\n".join(parts)


def _perturbations() -> str:
    """A line for each way to perturb a target."""
    lines = ["| name | title | what is scored | formats |", "| --- | --- | --- | --- |"]
    for name, way in PERTURBATIONS.items():
        title, done = (part.format(text="in the text") for part in (way.title, way.note.removeprefix("Perturbed: ")))
        lines.append(_row([f"`NAME:{name}`", title, done[0].upper() + done[1:], ", ".join(way.formats)]))
    return "\n".join(lines) + "\n"


def _table(tasks: list[Task]) -> str:
    rows = ["| task | what | format | languages | metric | licence |", "| --- | --- | --- | --- | --- | --- |"]
    for task in tasks:
        languages = task.languages[0] if len(task.languages) == 1 else str(len(task.languages))
        cells = [f"[{task.name}](#{_anchor(task)})", description(task), task.format, languages]
        rows.append(_row([*cells, ", ".join(task.value_metrics), task.licence]))
    return "\n".join(rows) + "\n"


def _section(task: Task) -> str:
    lines = [_heading(task), "", description(task), ""]
    lines += ["| split | files | languages | examples |", "| --- | --- | --- | --- |"]
    for name, split in task.splits.items():
        languages = (
            ", ".join(split.languages or task.languages) if split.languages or len(task.languages) < 2 else "all"
        )
        scored = f"{name} (scored)" if name == task.score_split else name
        lines.append(_row([scored, ", ".join(f"`{file}`" for file in _files(split)), languages, examples(split, task)]))
    in_tables = {"scored on"} | ({"languages"} if len(task.languages) == 1 else set())
    texts = {name: text for name, text in facts(task).items() if name not in in_tables}
    if task.hub:
        texts["hub"] = texts["hub"].replace(
            task.hub.id, f"[{task.hub.id}](https://huggingface.co/datasets/{task.hub.id})", 1
        )
    return "\n".join([*lines, "", *(f"- **{name}:** {text}" for name, text in texts.items())]) + "\n"


def _heading(task: Task) -> str:
    return f"### {task.name}: {task.title}"


def _anchor(task: Task) -> str:
    """The anchor that GitHub gives a heading: small letters, spaces as hyphens, other punctuation left out."""
    return re.sub(r"[^\w\- ]", "", _heading(task).removeprefix("### ").lower()).replace(" ", "-")


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _named(code: str) -> str:
    name = language_name(code)
    return code if name == code else f"{name} ({code})"


def _files(split: Split) -> Iterator[str]:
    yield from [split.file, *([split.labels] if split.labels else []), *split.also]


def _benchmark(task: Task, name: str) -> str:
    averaged = task.benchmarks[name]
    left_out = [code for code in task.languages if code not in averaged]
    number = f"all {len(averaged)}" if not left_out else str(len(averaged))
    return f"{_BENCHMARKS[name]} averages {number} languages" + (
        f" (without {', '.join(left_out)})" if left_out else ""
    )


def _overlaps(task: Task) -> Mapping[str, str]:
    """Other tasks whose training data are this one's, or inside it."""
    kinds = {other.name: overlap(task, other) for other in all_tasks() if "train" in other.splits and other != task}
    return {name: kind for name, kind in kinds.items() if kind != "none" and "train" in task.splits}


def _fields(task: Task) -> str:
    """Fields by which a recipe may choose examples, and the splits that have them."""
    splits: dict[str, list[str]] = {}
    for name, split in task.splits.items():
        for field in split.fields:
            splits.setdefault(field, []).append(name)
    return "; ".join(f"{field} ({', '.join(names)})" for field, names in splits.items())


def _hub(task: Task) -> str:
    hub = task.hub
    if hub is None:
        return ""
    named = ", ".join(f"{ours} is its {theirs}" for ours, theirs in hub.splits.items() if ours != theirs)
    parts = [
        f"{hub.id}{f', configuration {hub.config}' if hub.config else ''}",
        f"splits {', '.join(hub.splits)}{f' ({named})' if named else ''}",
        *(f"{split} from {other.id}" for split, other in hub.others.items()),
        f"revision {hub.revision}"
        if hub.revision
        else "revision not pinned, resolved at the first download and recorded",
    ]
    return "; ".join(parts) + (f". {hub.note}" if hub.note else "")


if __name__ == "__main__":
    sys.stdout.write(markdown())
