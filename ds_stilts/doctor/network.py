"""Whether the hosts of a group can talk: every one to every other on any port, and a sum over all of them."""

import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ds_stilts.doctor.finding import Finding, fail, ok, warn
from ds_stilts.doctor.group import Group
from ds_stilts.doctor.remote import CONNECT_S, START_S, remote_python
from ds_stilts.doctor.surroundings import is_loopback
from ds_stilts.engine.reach import MARK

_CONNECT_S = 5.0
_SUM_S = 20.0
"""For ranks to find each other, and for each sum."""
_IMPORT_S = 60.0
"""For PyTorch to be imported over there, at worst."""


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
    world = ["--size", str(len(hosts)), "--address", address, "--port", str(port), "--wait-s", str(_SUM_S)]

    def rank(number: int) -> dict[str, Any]:
        command = ["-m", "ds_stilts.engine.reach", "--rank", str(number), *world]
        return _run(remote_python(hosts[number], *command))

    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        said = dict(zip(hosts, pool.map(rank, range(len(hosts))), strict=True))
    return judge_sum(said, address)


def _run(command: list[str]) -> dict[str, Any]:
    """What one rank says; with an error in place of an answer where it says none in time."""
    wait_s = CONNECT_S + START_S + _IMPORT_S + 3 * _SUM_S
    with tempfile.TemporaryFile("w+", errors="replace") as said:
        # Its input stays open as long as we wait: the rank ends when that is closed.
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said) as process:
            try:
                process.wait(timeout=wait_s)
            except subprocess.TimeoutExpired:
                process.kill()
                return {"error": f"no word within {wait_s:.0f} s"}
        said.seek(0)
        lines = [line.strip() for line in said if line.strip()]
    answers = [line for line in lines if line.startswith(MARK)]
    if answers:
        return dict(json.loads(answers[-1].removeprefix(MARK)))
    return {"error": lines[-1] if lines else f"exit code {process.returncode}"}


def judge_sum(said: dict[str, dict[str, Any]], address: str) -> list[Finding]:
    """What the ranks' words mean.

    Args:
        said: host → what `ds_stilts.engine.reach` says there.
        address: where rank 0 was looked for.
    """
    errors = {host: words["error"] for host, words in said.items() if "error" in words}
    if errors:
        first = next(iter(said))
        remedy = (
            f"see the lines above; every host must reach {first} at {address} (the first word of `hostname -I` there), "
            "and the others by their names: name the interface in GLOO_SOCKET_IFNAME, or give --master_addr"
        )
        return [fail("sum", error, remedy, host) for host, error in errors.items()]
    words = next(iter(said.values()))
    told = [_told(name, words[name]) for name in ("gloo", "nccl") if name in words]
    found = f"{len(said)} ranks add up; {', '.join(told)}"
    gpus = words["gpus"]
    if 0 < gpus < len(said):
        return [warn("sum", f"{found}; only {gpus} of {len(said)} hosts have a GPU", "take hosts of one kind")]
    return [ok("sum", found)]


def _told(name: str, times: dict[str, float]) -> str:
    return f"{name} {times['latency_s'] * 1e3:.2f} ms for one number, {times['rate'] * 8 / 1e9:.1f} Gbit/s for many"
