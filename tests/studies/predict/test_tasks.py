"""How much of each task an arm learns, and whose vectors are the same."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ds_stilts.errors import CheckpointError, RecipeError
from ds_stilts.phases.context import Run
from ds_stilts.recipe import TaskUse
from ds_stilts.studies.expand import expand
from ds_stilts.studies.predict.start import open_start
from ds_stilts.studies.predict.tasks import Tasks
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task


@pytest.fixture(scope="module")
def run(ranked: Study, store: Store, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return open_start(expand(ranked)[0], study="small", folder=tmp_path_factory.mktemp("study"), store=store)[0]


@pytest.fixture(scope="module")
def tasks(run: Run, start_model: Path) -> Tasks:
    return Tasks(run, str(start_model), examples=8, layers=[2], seed=0)


def weights(tasks: Tasks, arm: str) -> list[tuple[str, float]]:
    return [(part.task.name, pytest.approx(part.weight)) for part in tasks.parts(arm)]


def test_a_task_weighs_the_share_of_examples_that_an_arm_draws_of_it(tasks: Tasks) -> None:
    assert weights(tasks, "qa") == [("synth_qa", 1.0)]
    assert weights(tasks, "joint") == [("synth_qa", 0.75), ("synth_nli", 0.25)]
    assert weights(tasks, "chain") == [("synth_nli", 0.75), ("synth_qa", 0.25)]  # 3 steps and 1 of as many items


def test_a_merged_arm_has_the_tasks_of_its_arms_times_their_weights(tasks: Tasks) -> None:
    assert weights(tasks, "merged") == [("synth_nli", -0.375), ("synth_qa", -0.125), ("synth_qa", 1.0)]


def test_phases_of_as_many_tokens_weigh_by_their_items(run: Run, start_model: Path) -> None:
    """Where steps are counted in tokens, a task of longer items has fewer of them."""
    chain = run.recipe.arms["chain"]
    assert chain is not None
    phases = [one.model_copy(update={"steps": 2, "batch_tokens": 600, "batch_examples": None}) for one in chain.phases]
    arms = {**run.recipe.arms, "chain": chain.model_copy(update={"sequence": phases})}
    tasks = Tasks(replace(run, recipe=run.recipe.model_copy(update={"arms": arms})), str(start_model),
                  examples=2, layers=[2], seed=0)  # fmt: skip
    nli, qa = tasks.parts("chain")
    lengths = {
        name: float(tasks._data(phase, get_task(name), tasks._files(phase, get_task(name))).tokens.mean())
        for phase in phases
        for name in phase.tasks
    }
    assert nli.weight / qa.weight == pytest.approx(lengths["synth_qa"] / lengths["synth_nli"]) and nli.weight > 0.5


def test_vectors_are_made_once_for_all_phases_that_read_the_same(tasks: Tasks, run: Run) -> None:
    (qa,), joint = tasks.parts("qa"), tasks.parts("joint")
    assert joint[0].vectors is qa.vectors
    target = run.recipe.targets["synth_nli"]
    assert tasks.vectors(target, get_task("synth_nli")) is not joint[1].vectors  # that is of 60 examples, this of all


def test_a_task_that_a_phase_reads_otherwise_has_vectors_of_its_own(tasks: Tasks, run: Run) -> None:
    phase = run.recipe.arms["qa"]
    assert phase is not None
    other = phase.model_copy(update={"tasks": {"synth_qa": TaskUse(max_examples=30)}})
    first, second = (tasks.vectors(one, get_task("synth_qa")) for one in (phase, other))
    assert not torch.equal(first.embedding_D, second.embedding_D)


def test_what_is_read_depends_on_the_seed_alone(run: Run, start_model: Path) -> None:
    def embedding(seed: int) -> torch.Tensor:
        torch.manual_seed(torch.seed() % 1000)  # whatever was drawn before
        made = Tasks(run, str(start_model), examples=8, layers=[1, 2], seed=seed).parts("nli")[0].vectors
        return torch.cat([made.embedding_D, made.sketches.flatten()])

    assert torch.equal(embedding(0), embedding(0))
    assert not torch.equal(embedding(0), embedding(1))


def test_a_layer_that_the_model_lacks_is_told(run: Run, start_model: Path) -> None:
    with pytest.raises(RecipeError, match="--layer: the start model has layers 1 to 2, and no layer 3"):
        Tasks(run, str(start_model), examples=8, layers=[3], seed=0)


def test_a_start_model_that_the_study_has_not_made_is_asked_for_before_anything_is_written(
    ranked: Study, store: Store, tmp_path: Path
) -> None:
    first = expand(ranked)[0]
    assert Path(open_start(first, study="small", folder=tmp_path, store=store)[1]).is_dir()
    with pytest.raises(CheckpointError, match=r"does not hold it yet; `ds-stilts study run small` with the same"):
        open_start(first, study="small", folder=tmp_path, store=Store(root=tmp_path / "store"))
    assert list(tmp_path.iterdir()) == []
