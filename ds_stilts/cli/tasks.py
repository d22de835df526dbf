"""The verb `tasks`: what can be trained and scored. Prints the catalogue; decides nothing."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ds_stilts.tasks import Task


def tasks(
    name: Annotated[str | None, typer.Argument(help="One task in detail, e.g. xnli or mnli:shuffled.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="All fields, for another program.")] = False,
) -> None:
    """List the tasks: data, languages, metrics, licence; or show one in detail.

    Example: ds-stilts tasks xnli --json
    """
    from ds_stilts.tasks import all_tasks, get_task

    chosen = all_tasks() if name is None else [get_task(name)]
    if as_json:
        import json

        rows = [_row(task) for task in chosen]
        typer.echo(json.dumps(rows if name is None else rows[0], ensure_ascii=False, indent=2))
    elif name is None:
        _print_table(chosen)
    else:
        _print_detail(chosen[0])


def _row(task: "Task") -> dict[str, Any]:
    """Every field of a task as plain values; a split says its files and the languages that have it."""
    from dataclasses import fields

    row = {field.name: getattr(task, field.name) for field in fields(task)}
    row["chance"] = dict(task.chance)
    row["splits"] = {
        name: {"file": split.file, "labels": split.labels, "languages": split.languages or task.languages}
        for name, split in task.splits.items()
    }
    return row


def _print_table(chosen: list["Task"]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
    for heading in ("task", "format", "languages", "metrics"):
        table.add_column(heading, no_wrap=True, justify="right" if heading == "languages" else "left")
    table.add_column("licence", no_wrap=True, ratio=1)
    for task in chosen:
        languages = str(len(task.languages))
        table.add_row(task.name, task.format, languages, ", ".join(task.metrics), escape(task.licence))
    console = Console()
    console.print(table)
    console.print("NAME:shuffled is a task's label-shuffled control; `ds-stilts tasks NAME` shows one whole.")


def _print_detail(task: "Task") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ds_stilts.tasks.languages import language_name

    table = Table(title=task.title, show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")

    def add(label: str, value: str) -> None:
        if value:
            table.add_row(label, escape(value))

    add("task", task.name)
    add("format", task.format)
    add("languages", ", ".join(f"{language_name(code)} ({code})" for code in task.languages))
    for name, split in task.splits.items():
        languages = "" if split.languages is None else f"; only {', '.join(split.languages)}"
        labels = "" if split.labels is None else f" with {split.labels}"
        add(f"{name} split", f"{split.file}{labels}{languages}")
    add("scored on", task.score_split)
    add("labels", ", ".join(task.labels))
    add("choices", str(task.num_choices) if task.num_choices else "")
    add("metrics", ", ".join(task.metrics))
    add("chance", ", ".join(f"{metric} {value:.1f}" for metric, value in task.chance.items()))
    add("training data", task.train_data)
    add("head", task.head)
    add("longest input", f"{task.max_tokens} tokens")
    add("had from", task.url)
    add("hub", f"{task.hub_id}, revision {task.hub_revision or 'not pinned'}" if task.hub_id else "")
    add("licence", task.licence)
    add("citation", task.citation)
    add("version", task.version)
    add("note", task.note)
    Console().print(table)
