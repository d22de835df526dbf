"""Several hosts that are asked at the same time; one that stops answering becomes a finding and is asked no more."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from ds_stilts.doctor.finding import Finding, fail, ok
from ds_stilts.doctor.remote import Agent, Unreachable

_ANSWER_S = 15.0
"""For an answer, beyond what the question itself waits for."""


class Group:
    """Agents by host, and what was found of hosts that went silent. Use as a context manager."""

    def __init__(self, agents: Mapping[str, Agent], lost: list[Finding]) -> None:
        self._agents, self._lost = dict(agents), lost

    @classmethod
    def join(cls, hosts: Iterable[str]) -> "tuple[Group, list[Finding]]":
        """Start an agent on every host.

        Returns:
            The hosts that can be asked, and a finding for each that cannot, or one for all.
        """
        names = list(hosts)
        agents = {}
        problems = []
        for host, answer in _together({name: Agent(name).__enter__ for name in names}).items():
            if isinstance(answer, Unreachable):
                problems.append(fail("ssh", answer.found, answer.remedy, host))
            else:
                agents[host] = answer
        if not problems:
            slowest = max(agents.values(), key=lambda agent: agent.started_s)
            told = f"all {len(names)} answer" if len(names) > 1 else f"{names[0]} answers"
            problems = [ok("ssh", f"{told}, the slowest ({slowest.host}) in {slowest.started_s:.1f} s")]
        return cls(agents, []), problems

    def __enter__(self) -> "Group":
        return self

    def __exit__(self, *_: object) -> None:
        for agent in self._agents.values():
            agent.__exit__()

    @property
    def hosts(self) -> list[str]:
        return list(self._agents)

    def without(self, hosts: Iterable[str]) -> "Group":
        """The same without some; those that go silent in it are known here too."""
        left_out = set(hosts)
        return Group({host: agent for host, agent in self._agents.items() if host not in left_out}, self._lost)

    def lost(self) -> list[Finding]:
        """Findings of hosts that went silent since this was last called."""
        found = list(self._lost)
        self._lost.clear()
        for finding in found:
            self._agents.pop(finding.host, None)
        return found

    def ask(self, check: str, question: str, **arguments: Any) -> dict[str, Any]:
        """Ask all hosts the same; answers by host, without those that give none."""
        return self.ask_each(check, question, {host: arguments for host in self._agents})

    def ask_each(self, check: str, question: str, arguments: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Ask each host with its own arguments.

        Args:
            check: the name under which a silent host becomes a finding.
            question: the name of a function in `ds_stilts.doctor.agent`.
        """

        def asking(agent: Agent) -> Any:
            given = arguments[agent.host]
            return agent.question(question, float(given.get("wait_s", 0.0)) + _ANSWER_S, given)

        return self.each(check, asking, only=set(arguments))

    def each(self, check: str, talk: Callable[[Agent], Any], only: set[str] | None = None) -> dict[str, Any]:
        """Call `talk` for the agents at the same time; results by host."""
        calls = {host: partial(talk, agent) for host, agent in self._agents.items() if only is None or host in only}
        answers = {}
        for host, answer in _together(calls).items():
            if isinstance(answer, Unreachable):
                self._lost.append(fail(check, answer.found, answer.remedy, host))
                self._agents.pop(host).__exit__()
            else:
                answers[host] = answer
        return answers


def _together(calls: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Results of calls made at the same time; of one that raises Unreachable, that."""

    def result(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except Unreachable as error:
            return error

    if not calls:
        return {}
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return dict(zip(calls, pool.map(result, calls.values()), strict=True))
