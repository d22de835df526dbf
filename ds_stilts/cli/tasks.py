"""The verb `tasks`: what can be trained and scored. Prints the catalogue; decides nothing."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from ds_stilts.tasks import Task
    from ds_stilts.tasks.hub import Hub


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
    """Every field of a task as plain values; of a split and the hub's copy, those that are data."""
    from dataclasses import fields

    from ds_stilts.tasks import group_of

    row = {"group": group_of(task), **{field.name: getattr(task, field.name) for field in fields(task)}}
    row["chance"], row["benchmarks"] = dict(task.chance), dict(task.benchmarks)
    row["splits"] = {
        name: {
            "file": split.file,
            "labels": split.labels,
            "also": split.also,
            "languages": split.languages or task.languages,
            "stems": dict(split.stems),
            "published": split.published if isinstance(split.published, int | None) else dict(split.published),
        }
        for name, split in task.splits.items()
    }
    row["hub"] = task.hub and _hub(task.hub)
    return row


def _hub(hub: "Hub") -> dict[str, Any]:
    return {
        "id": hub.id,
        "config": hub.config,
        "splits": dict(hub.splits),
        "others": {split: _hub(other) for split, other in hub.others.items()},
        "languages": dict(hub.languages),
        "revision": hub.revision,
        "note": hub.note,
    }


def _print_table(chosen: list["Task"]) -> None:
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ds_stilts.tasks import FOLDERS, group_of

    console = Console()
    for folder, heading in FOLDERS.items():
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, expand=True)
        for name in ("task", "format", "languages", "metrics"):
            table.add_column(name, no_wrap=True, justify="right" if name == "languages" else "left")
        table.add_column("licence", no_wrap=True, ratio=1)
        for task in chosen:
            if group_of(task) == folder:
                languages, metrics = str(len(task.languages)), ", ".join(task.value_metrics)
                table.add_row(task.name, task.format, languages, metrics, escape(task.licence))
        if table.row_count:
            console.print(f"[bold]{heading}[/bold]")
            console.print(table)
    console.print(
        "NAME:shuffled is a task's label-shuffled control, NAME:real_fake one made of running text;\n"
        "NAME:noise, NAME:no_case and NAME:distractor are targets scored on perturbed texts;\n"
        "`ds-stilts tasks NAME` shows one whole."
    )


def _print_detail(task: "Task") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ds_stilts.tasks import FOLDERS, group_of
    from ds_stilts.tasks.documentation import facts, split_facts

    table = Table(title=escape(task.title), show_header=False, title_justify="left")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("task", f"{task.name} ({FOLDERS[group_of(task)]})")
    for name, text in facts(task).items():
        table.add_row(name, escape(text))
        if name == "languages":
            for split in task.splits:
                table.add_row(f"{split} split", escape(split_facts(task, split)))
    Console().print(table)
