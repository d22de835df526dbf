"""Everything that is checked between hosts, in the order in which one thing rests on another."""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ds_stilts.doctor import agent as here
from ds_stilts.doctor.alike import Offset, compare_versions, judge_clocks, judge_own_names, offset
from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.group import Group
from ds_stilts.doctor.network import check_ports, check_sum
from ds_stilts.doctor.remote import Agent
from ds_stilts.doctor.shared import check_shared
from ds_stilts.resources import cache_folder

_ROUNDS = 8
"""Round trips for a clock."""

Progress = Callable[[str], None]
Look = Callable[[Group, Progress], list[Finding]]


def check_hosts(hosts: list[str], out: Path, data_root: Path | None, progress: Progress) -> list[Finding]:
    """Check a group of hosts from this machine, which need not be one of them.

    Args:
        hosts: names as ssh takes them; the first is where rank 0 would be.
        out: run folder.
        data_root: folder with the official files, if one was named.
        progress: told what is being done.
    """
    if not shutil.which("ssh"):
        return [fail("ssh", "is not on this machine", "install it (Debian, Ubuntu: apt-get install openssh-client)")]
    progress(f"connecting to {len(hosts)} hosts")
    group, findings = Group.join(hosts)
    with group:
        for look in (_alike, _folders(out, data_root), _network):
            if group.hosts:
                findings += look(group, progress)
                findings += group.lost()
    return findings


def _alike(group: Group, progress: Progress) -> list[Finding]:
    progress("comparing versions and clocks")
    facts = group.ask("versions", "facts")
    if not facts:
        return []
    offsets = group.each("clock", _offset)
    return [*compare_versions(here.facts(), facts), *judge_clocks(offsets)]


def _offset(agent: Agent) -> Offset:
    rounds = []
    for _ in range(_ROUNDS):
        sent = time.time()
        theirs = agent.question("clock", 15.0, {})
        rounds.append((sent, float(theirs), time.time()))
    return offset(rounds)


def _folders(out: Path, data_root: Path | None) -> Look:
    def look(group: Group, progress: Progress) -> list[Finding]:
        progress("writing to shared folders")
        run = "give a folder that all hosts share with --out, or mount it on every host"
        found = check_shared("run folder", out.absolute(), group, run)
        found += _check_cache(group)
        return found + (_check_data_root(data_root.absolute(), group) if data_root else [])

    return look


def _check_cache(group: Group) -> list[Finding]:
    """Whether ranks on all hosts look for prepared files in one folder; if not, each host tokenises for itself."""
    remedy = "name a folder that all hosts share in DS_STILTS_CACHE, also in .deepspeed_env, or prepare on each host"
    mine = str(cache_folder().absolute())
    places = {host: facts["cache"] for host, facts in group.ask("cache", "facts").items()}
    other = {host: place for host, place in places.items() if place != mine}
    found = [warn("cache", f"is {place} there, and {mine} here", remedy, host) for host, place in other.items()]
    rest = group.without(other)
    return found + (check_shared("cache", Path(mine), rest, remedy, warn) if rest.hosts else [])


def _check_data_root(root: Path, group: Group) -> list[Finding]:
    """Whether every host sees at the top of the data root what this machine sees."""
    mine = here.listing(str(root))
    if "error" in mine:
        return []  # said of this machine already
    remedy = f"mount or copy {root} on every host, or give a folder that they share with --data-root"
    answers = group.ask("data root", "listing", path=str(root))
    found = [
        fail("data root", f"{root}: {_entries(there)} there, {_entries(mine)} here", remedy, host)
        for host, there in answers.items()
        if there != mine
    ]
    return found or [ok("data root", f"{root}: the same {mine['entries']} entries on all hosts")]


def _entries(there: Mapping[str, Any]) -> str:
    return str(there.get("error") or f"{there['entries']} entries ({there['names']})")


def _network(group: Group, progress: Progress) -> list[Finding]:
    facts = group.ask("own name", "facts")
    if len(facts) < 2:
        return []
    progress("connecting every host to every other")
    ports = check_ports(group, facts)
    total: list[Finding] = []
    if len(group.hosts) > 1 and all(
        finding.verdict == "ok" for finding in ports
    ):  # else it would wait in vain, and say less
        progress("adding numbers over all hosts")
        total = check_sum(group, facts)
    adds_up = bool(total) and all(finding.verdict != "fail" for finding in total)
    return [*judge_own_names(facts, adds_up), *ports, *total]
