"""`ds-stilts doctor`: is this machine, or this group of hosts, able to carry a run, and what is missing."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ds_stilts.cli.options import DataRoot, Json, OutDir

if TYPE_CHECKING:
    from ds_stilts.doctor.finding import Finding, Section, Verdict

Hosts = Annotated[
    str | None,
    typer.Option(
        "--hosts",
        metavar="H1,H2",
        help="Check between these hosts too, over ssh without a password.",
        show_default=False,
    ),
]
Hostfile = Annotated[
    Path | None,
    typer.Option(
        "--hostfile", metavar="FILE", help="The same, for the hosts of DeepSpeed's hostfile.", show_default=False
    ),
]


def doctor(
    hosts: Hosts = None,
    hostfile: Hostfile = None,
    data_root: DataRoot = None,
    out: OutDir = None,
    as_json: Json = False,
) -> None:
    """Check this machine, and with --hosts a group of them: what a run needs, what is missing, what to do about it.

    ok: fine; warn: some runs trip over it; fail: a run cannot work, or hangs. Exits with 1 if anything fails. Changes
    nothing, and leaves no file behind.

    \b
    Example:
        ds-stilts doctor
        ds-stilts doctor --data-root /data/xtreme --out /scratch/runs
        ds-stilts doctor --hosts node1,node2 --out /scratch/runs
    """
    from ds_stilts.cluster.hostfile import parse_hosts, read_hostfile
    from ds_stilts.errors import ClusterError

    if hosts is not None and hostfile is not None:
        raise ClusterError("--hosts and --hostfile both name the hosts; give one of the two")
    names = parse_hosts(hosts) if hosts is not None else read_hostfile(hostfile) if hostfile else []
    from ds_stilts.doctor.finding import Section, count
    from ds_stilts.doctor.finding import as_json as plain
    from ds_stilts.doctor.hosts import check_hosts
    from ds_stilts.doctor.machine import check_machine
    from ds_stilts.engine.telemetry import say, wipe

    def progress(line: str) -> None:
        say(line, passing=True)

    folder = out or Path("runs")
    sections = check_machine(folder, data_root, progress)
    if names:
        found = check_hosts(names, folder, data_root, progress)
        sections.append(Section(title=f"Between {len(names)} hosts", findings=tuple(found)))
    wipe()
    if as_json:
        from ds_stilts.cli.printing import print_json

        print_json(plain(sections))
    else:
        _print(sections)
    if count(sections, "fail"):
        raise typer.Exit(1)


_STYLES: "dict[Verdict, str]" = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def _print(sections: "Sequence[Section]") -> None:
    """A table with a heading for each section; a remedy stands under what it is for."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from ds_stilts.doctor.finding import count

    console = Console(highlight=False)
    names = [_name(finding) for section in sections for finding in section.findings]
    for section in sections:
        table = Table.grid(padding=(0, 2))
        table.add_column(min_width=6)
        table.add_column(min_width=max(map(len, names)))
        table.add_column(overflow="fold")
        for finding in section.findings:
            style = _STYLES[finding.verdict]
            table.add_row(Text(f"  {finding.verdict}", style=style), _name(finding), Text(finding.found))
            if finding.remedy:
                table.add_row("", "", Text(f"→ {finding.remedy}", style=style))
        console.print(Text(section.title, style="bold"))
        if console.is_terminal:
            console.print(table)
        else:  # whole lines, for grep
            wide = Console(highlight=False, width=10_000)
            with wide.capture() as lines:
                wide.print(table)
            typer.echo("\n".join(line.rstrip() for line in lines.get().splitlines()))
        typer.echo()
    worst: Verdict = "fail" if count(sections, "fail") else "warn" if count(sections, "warn") else "ok"
    told = ", ".join(f"{count(sections, verdict)} {verdict}" for verdict in _STYLES)
    console.print(Text(told, style=_STYLES[worst]))


def _name(finding: "Finding") -> str:
    return f"{finding.host}: {finding.name}" if finding.host else finding.name
