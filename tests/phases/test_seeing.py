"""Nodes that see each other's changes to the run folder late, as over NFS."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.engine import watchdog
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError
from ds_stilts.phases import context, run_stage
from ds_stilts.phases.context import Ranks, Run, prepare_all, see
from ds_stilts.recipe import Recipe

STAGES = {"start": "_start", "arms/qa": "_arm", "targets/qa/xquad": "_target"}


class Second(World):
    """Rank 1 of two; rank 0 sees nothing of what there was."""

    def __init__(self) -> None:
        super().__init__(1, 2, torch.device("cpu"))

    def barrier(self) -> None: ...

    def gather(self, value: Any) -> list[Any]:
        return [tuple(False for _ in value) if isinstance(value, tuple) else None, value]

    def meet(self, meanwhile: Callable[[], None]) -> None:
        meanwhile()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    values = {"name": "r", "start": {"model": "owner/model"}, "arms": {"qa": {"tasks": {"squad_v1": {}}, "steps": 1}},
              "targets": {"xquad": {"steps": 1}}}  # fmt: skip
    return Run(recipe=Recipe.model_validate(values), run_dir=tmp_path / "run", data_root=tmp_path)


@pytest.fixture
def ranks() -> Ranks:
    return Ranks(world=Second(), stop=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("left", ["DONE", "model"])
def test_a_rank_that_still_sees_what_rank_0_has_removed_goes_into_the_stage_with_it(
    run: Run, ranks: Ranks, stage: str, left: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else rank 0 would wait for it in the stage's first collective."""
    place = run.run_dir / stage / left
    place.parent.mkdir(parents=True)
    place.touch() if left == "DONE" else place.mkdir()
    gone_into: list[str] = []
    for name in STAGES.values():
        monkeypatch.setattr(f"ds_stilts.phases.{name}", lambda *_, _name=name, **__: gone_into.append(_name))
    run_stage(run, stage, ranks)
    assert gone_into == [STAGES[stage]]


def test_a_rank_waits_until_it_sees_the_model_that_rank_0_has_written(run: Run, ranks: Ranks) -> None:
    model = run.run_dir / "arms" / "qa" / "model"
    see(run, ranks, "owner/model")
    later = threading.Timer(0.3, lambda: model.mkdir(parents=True))
    later.start()
    see(run, ranks, str(model))
    assert model.is_dir()
    later.join()


def test_a_run_folder_that_is_not_shared_is_told(run: Run, ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_SEEN_S", 0.0)
    with pytest.raises(CheckpointError, match=r"arms/qa/model was written by rank 0 .*--out.*that all nodes share"):
        see(run, ranks, str(run.run_dir / "arms" / "qa" / "model"))


def test_a_node_with_a_cache_of_its_own_shows_life_while_it_tokenises_what_rank_0_has(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its watchdog ends the run after half an hour, each time anew."""

    class Stop:
        def alone(self) -> bool:
            return False

        def check(self, what: str) -> None: ...

    beats: list[int] = []

    def prepare(*given: Any) -> Path:
        *_, progress = given
        progress(512)
        return Path("made")

    monkeypatch.setattr(context, "prepare", prepare)
    monkeypatch.setattr(watchdog, "beat", lambda phase, step=0: beats.append(step))
    monkeypatch.setattr(context, "Encoder", lambda tokenizer: None)
    ranks = Ranks(world=Second(), stop=Stop())  # type: ignore[arg-type]
    assert prepare_all(run, ranks, ["of rank 0"], None) == [Path("made")]  # type: ignore[list-item]
    assert 512 in beats
