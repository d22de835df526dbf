"""Whether the hosts of a group can talk: every one to every other on any port, and a sum over all of them."""

import json
import subprocess
import tempfile
import time
from contextlib import ExitStack
from typing import IO, Any

from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.group import Group
from ds_stilts.doctor.remote import CONNECT_S, START_S, remote_python
from ds_stilts.doctor.surroundings import is_loopback
from ds_stilts.engine.reach import MARK

_CONNECT_S = 5.0
_COME_S = 60.0
"""For PyTorch to be imported over there, at worst, and the ranks to meet."""
_SUM_S = 20.0
"""For ranks that have met to connect and to add."""
_GRACE_S = 5.0
"""For others to say what they saw when a rank has failed."""


def address_of(facts: dict[str, Any]) -> str:
    """Where others should look for a host: what its name stands for, or else the first address that it has."""
    usable = [address for address in facts["addresses"] if not is_loopback(address)]
    return str((usable or [facts["master"]])[0])


def check_ports(group: Group, facts: dict[str, dict[str, Any]]) -> list[Finding]:
    """Connect every host to every other on a port that the system chooses, as gloo and NCCL do.

    Args:
        facts: host → what `ds_stilts.doctor.agent.facts` says there.
    """
    ports = group.ask("ports", "listen")
    places = {host: (address_of(facts[host]), port) for host, port in ports.items()}
    others = {host: [other for other in ports if other != host] for host in ports}
    wanted = {host: {"places": [places[other] for other in others[host]], "wait_s": _CONNECT_S} for host in ports}
    problems = []
    for host, said in group.ask_each("ports", "connect", wanted).items():
        shut = [(other, word) for other, word in zip(others[host], said, strict=True) if word]
        if shut:
            other, word = shut[0]
            more = f" (nor {len(shut) - 1} others)" if len(shut) > 1 else ""
            found = f"cannot reach {other} at {places[other][0]}, port {places[other][1]}{more}: {word}"
            remedy = "open all TCP ports above 1023 between the hosts (firewall, security group), or see their routes"
            problems.append(fail("ports", found, remedy, host))
    ways = len(ports) * (len(ports) - 1)
    return problems or [ok("ports", f"any port is open between the hosts, all {ways} ways")]


def check_sum(group: Group, facts: dict[str, dict[str, Any]]) -> list[Finding]:
    """Start a rank on each host and add numbers over all of them, where rank 0 is found as DeepSpeed's launcher says.

    Args:
        facts: as for `check_ports`.
    """
    hosts = group.hosts
    address = facts[hosts[0]]["master"] or address_of(facts[hosts[0]])
    port = group.ask_each("sum", "free_port", {hosts[0]: {}}).get(hosts[0])
    if port is None:
        return []
    world = ["--size", str(len(hosts)), "--address", address, "--port", str(port)]
    limits = ["--come-s", str(_COME_S), "--wait-s", str(_SUM_S)]
    commands = {
        host: remote_python(host, "-m", "ds_stilts.engine.reach", "--rank", str(rank), *world, *limits)
        for rank, host in enumerate(hosts)
    }
    return judge_sum(_run(commands), address)


def _run(commands: dict[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Host → what its rank says; an "error" where it failed, and nothing where it was ended since others had."""
    limit_s = CONNECT_S + START_S + 2 * _COME_S + _SUM_S
    ends, failed = time.monotonic() + limit_s, False
    with ExitStack() as stack:
        files = {host: stack.enter_context(tempfile.TemporaryFile("w+", errors="replace")) for host in commands}
        ranks = {
            # A rank ends when its input does, so that is held open.
            host: stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=files[host], stderr=files[host])
            )
            for host, command in commands.items()
        }
        while any(rank.poll() is None for rank in ranks.values()):
            if not failed and any(rank.poll() for rank in ranks.values()):
                failed, ends = True, time.monotonic() + _GRACE_S
            if time.monotonic() > ends:
                break
            time.sleep(0.05)
        running = [host for host, rank in ranks.items() if rank.poll() is None]
        for host in running:
            ranks[host].kill()
        said = {host: _word(files[host], rank.poll()) for host, rank in ranks.items() if host not in running}
    unsaid = f"no word within {limit_s:.0f} s"
    return said | ({} if failed else {host: {"error": unsaid} for host in running})


def _word(file: IO[str], code: int | None) -> dict[str, Any]:
    """What a rank said before it ended."""
    file.seek(0)
    lines = [line.strip() for line in file if line.strip()]
    answers = [line for line in lines if line.startswith(MARK)]
    if answers:
        return dict(json.loads(answers[-1].removeprefix(MARK)))
    return {"error": lines[-1] if lines else f"exit code {code}"}


def judge_sum(said: dict[str, dict[str, Any]], address: str) -> list[Finding]:
    """What the ranks' words mean.

    Args:
        said: host → what `ds_stilts.engine.reach` says there.
        address: where rank 0 was looked for.
    """
    errors = {host: words["error"] for host, words in said.items() if "error" in words}
    if errors:
        remedy = (
            f"every host must reach the first one at {address} (the first word of `hostname -I` there) and the others "
            "by what their names stand for: see the lines above, name the interface in GLOO_SOCKET_IFNAME, or give "
            "the launcher --master_addr"
        )
        return [fail("sum", error, remedy, host) for host, error in errors.items()]
    words = next(iter(said.values()))
    told = [_told(name, words[name]) for name in ("gloo", "nccl") if name in words]
    found = f"{len(said)} ranks add up, {', '.join(told)}"
    gpus = words["gpus"]
    if 0 < gpus < len(said):
        return [warn("sum", f"{found}; only {gpus} of {len(said)} hosts have a GPU", "take hosts of one kind")]
    return [ok("sum", found)]


def _told(name: str, times: dict[str, float]) -> str:
    return f"{name}: one number in {times['one_s'] * 1e3:.2f} ms, 8 MiB in {times['many_s'] * 1e3:.0f} ms"
