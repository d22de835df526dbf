"""The stages of a study as a graph: what is done once, which runs it serves, and what must be done before it. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ds_stilts.plan import stages_before
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.keys import stage_key

Sources = Callable[[StudyRun], Mapping[str, str]]
"""What the stages of a run read (see `studies.sources`)."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """One stage that is done once."""

    key: str
    run: StudyRun
    """The first run that has it; carried out as that run's stage."""
    stage: str
    before: tuple[str, ...]
    """Keys of the stages whose models it reads: that which it begins with, and those that it merges."""
    serves: tuple[tuple[StudyRun, str], ...]
    """Every run that has it, with the stage's name there."""

    @property
    def kind(self) -> str:
        """ "start", "arms" or "targets"."""
        return self.stage.partition("/")[0]


def build_graph(runs: Sequence[StudyRun], sources: Sources) -> list[Node]:
    """The stages of all runs, each once, in an order in which every stage comes after those before it.

    Start models first, then arms, then targets, each in the order of the runs: what many wait for is done early.
    """
    found: dict[str, Node] = {}
    for run in runs:
        read = sources(run)
        for stage in run.stages:
            key = stage_key(run.recipe, stage, read)
            earlier = found.get(key)
            found[key] = Node(
                key=key,
                run=earlier.run if earlier else run,
                stage=earlier.stage if earlier else stage,
                before=tuple(stage_key(run.recipe, before, read) for before in stages_before(run.recipe, stage)),
                serves=(*(earlier.serves if earlier else ()), (run, stage)),
            )
    # Recipes with a start model that is only loaded have a stage "start" that records it and is waited for by none.
    kinds = ("start", "arms", "targets")
    return sorted(found.values(), key=lambda node: kinds.index(node.kind))
