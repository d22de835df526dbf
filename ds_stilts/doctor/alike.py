"""What must be alike on all hosts, judged from what each says of itself: versions, code, user, clock, own name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.surroundings import is_loopback

_SAME = "install the same environment on all hosts, or put it on a file system that they share"
_AWRY_S, _WRONG_S = 1.0, 60.0
"""Clocks: files from the future confuse builds from some seconds on; Slurm's keys (munge) expire after minutes."""


def compare_versions(here: Mapping[str, Any], facts: Mapping[str, Mapping[str, Any]]) -> list[Finding]:
    """Python, packages and our own code of each host against this machine's.

    Args:
        here: what `ds_stilts.doctor.agent.facts` says here.
        facts: host → what it says there.
    """
    problems = []
    for host, there in facts.items():
        if there["python"] != here["python"]:
            found = f"{there['python']}, and {here['python']} here"
            problems.append(fail("Python", found, _SAME, host))
        differ = [
            f"{name} {_version(there['packages'].get(name))} (here {_version(version)})"
            for name, version in here["packages"].items()
            if there["packages"].get(name) != version
        ]
        if differ:
            problems.append(fail("packages", "; ".join(differ), _SAME, host))
        if there["code"] != here["code"]:
            found = f"the files of ds_stilts are others ({there['code']}, here {here['code']})"
            problems.append(fail("code", found, "copy or install the same ds_stilts on all hosts", host))
        if there["user"] != here["user"]:
            found = f"{there['user']}, and {here['user']} here"
            remedy = "log in as the same user everywhere: ranks write into one folder"
            problems.append(warn("user", found, remedy, host))
    if problems:
        return problems
    packages = sum(version is not None for version in here["packages"].values())
    return [
        ok("versions", f"the same Python {here['python']}, {packages} packages and ds_stilts, as user {here['user']}")
    ]


def _version(version: str | None) -> str:
    return version or "missing"


@dataclass(frozen=True, kw_only=True)
class Offset:
    """How far a clock is ahead of ours, and how well that is known."""

    ahead_s: float
    within_s: float


def offset(rounds: list[tuple[float, float, float]]) -> Offset:
    """A clock's offset from round trips (sent, their time, received), s: their time against the middle of the quickest
    one, which is off by half of it at most (as NTP does, RFC 5905, section 8)."""
    sent, theirs, received = min(rounds, key=lambda each: each[2] - each[0])
    return Offset(ahead_s=theirs - (sent + received) / 2, within_s=(received - sent) / 2)


def judge_clocks(offsets: Mapping[str, Offset]) -> list[Finding]:
    """A finding for each host whose clock is surely wrong; one for all of them where none is."""
    problems = []
    for host, each in offsets.items():
        surely_s = abs(each.ahead_s) - each.within_s
        if surely_s > _AWRY_S:
            make = fail if surely_s > _WRONG_S else warn
            where = "ahead of" if each.ahead_s > 0 else "behind"
            found = f"{abs(each.ahead_s):.1f} s {where} this machine's (± {each.within_s:.3f} s)"
            remedy = "let the same time service (chrony, ntpd, systemd-timesyncd) set the clocks of all hosts"
            problems.append(make("clock", found, remedy, host))
    if problems or not offsets:
        return problems
    most = max(offsets.values(), key=lambda each: abs(each.ahead_s))
    return [
        ok("clock", f"at most {abs(most.ahead_s) * 1e3:.1f} ms from this machine's (± {most.within_s * 1e3:.1f} ms)")
    ]


def judge_own_names(facts: Mapping[str, Mapping[str, Any]], adds_up: bool) -> list[Finding]:
    """Whether each host's own name stands for an address that others can reach: gloo binds to it, unless
    GLOO_SOCKET_IFNAME names an interface (torch/csrc/distributed/c10d/ProcessGroupGloo.cpp).

    Args:
        adds_up: gloo has computed a sum over the hosts all the same. Of two ranks the one with the larger address
            calls the other (gloo/transport/tcp/pair.cc), so that a single host on loopback may never be called.
    """
    make = warn if adds_up else fail
    problems = []
    for host, there in facts.items():
        name, addresses = there["name"], there["addresses"]
        lines = f"/etc/hosts of {host}: `{there['master'] or 'ADDRESS'} {name}`"
        if there["interface"]:
            continue
        if not addresses:
            problems.append(make("own name", f"{name} stands for no address there", f"add a line to {lines}", host))
        elif is_loopback(addresses[0]):
            found = f"{name} is {addresses[0]} there: gloo would listen where no other host can reach it"
            remedy = f"put its address in place of that in {lines}, or set GLOO_SOCKET_IFNAME in .deepspeed_env"
            problems.append(make("own name", found, remedy, host))
    told = ", ".join(f"{there['name']} is {(there['addresses'] or ['?'])[0]}" for there in facts.values())
    return problems or [ok("own name", told if len(facts) <= 8 else f"{len(facts)} names stand for real addresses")]
