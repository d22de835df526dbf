"""From a recipe and what is done of it to jobs, and what waits for what."""

import pytest

from ds_stilts.jobs.graph import Job, job_graph
from ds_stilts.plan import stages
from tests.jobs.stand_ins import RECIPE, recipe

ALL = stages(recipe())
TRAINED = [stage for stage in ALL if stage.startswith("targets/") and not stage.endswith("retrieval")]


def waits(jobs: list[Job]) -> dict[str, list[str]]:
    return {job.name: [f"{wait.how} {wait.job}" for wait in job.after] for job in jobs}


def test_arms_wait_for_the_start_targets_for_their_arm_and_scoring_for_its_own_target() -> None:
    made = RECIPE.replace(
        "{model: no_such_model}",
        "{architecture: {hidden_size: 32, heads: 2, layers: 1, intermediate_size: 64}, oracle: {}}",
    )
    jobs = job_graph(recipe(made), done=())

    assert waits(jobs) == {
        "start": [],
        "train/none": ["afterok start"],
        "ready/none": ["afterok start"],
        "score/none": ["aftercorr train/none"],
        "arms/qa": ["afterok start"],
        "train/qa": ["afterok arms/qa"],
        "ready/qa": ["afterok arms/qa"],
        "score/qa": ["aftercorr train/qa"],
        "arms/both": ["afterok start"],
        "train/both": ["afterok arms/both"],
        "ready/both": ["afterok arms/both"],
        "score/both": ["aftercorr train/both"],
        "report": [f"afterany {job.name}" for job in jobs[:-1]],
    }


def test_nothing_waits_for_a_start_that_makes_no_model() -> None:
    jobs = job_graph(recipe(), done=())

    assert jobs[0].name == "start" and jobs[0].one_process
    assert {name: after for name, after in waits(jobs).items() if "afterok start" in after} == {}


def test_every_stage_is_trained_once_and_scored_once() -> None:
    jobs = job_graph(recipe(), done=())
    trained = [stage for job in jobs if job.script == "train" for stage in job.stages]
    scored = [stage for job in jobs if job.script == "evaluate" for stage in job.stages]

    assert sorted(trained) == sorted([stage for stage in ALL if not stage.startswith("targets/")] + TRAINED)
    assert sorted(scored) == sorted(stage for stage in ALL if stage.startswith("targets/"))


def test_an_element_that_scores_has_the_number_of_the_one_that_trains() -> None:
    by_name = {job.name: job for job in job_graph(recipe(), done=(), trained=["targets/qa/synth_nli"])}

    for arm in recipe().arms:
        assert by_name[f"score/{arm}"].stages == by_name[f"train/{arm}"].stages
        assert by_name[f"train/{arm}"].train_only and by_name[f"train/{arm}"].array
    assert by_name["train/qa"].stages == ("targets/qa/synth_pos",)


def test_what_is_trained_is_only_scored_and_at_once() -> None:
    done = ["start", "arms/qa"]
    by_name = {job.name: job for job in job_graph(recipe(), done=done, trained=["targets/qa/synth_nli"])}

    assert "arms/qa" not in by_name
    assert by_name["ready/qa"].stages == ("targets/qa/synth_nli", "targets/qa/synth_retrieval")
    assert by_name["ready/qa"].after == ()


def test_a_perturbed_target_is_only_scored_once_the_clean_one_is_trained() -> None:
    made = recipe(RECIPE.replace("synth_retrieval: {}", '"synth_pos:noise": {}'))
    by_name = {job.name: job for job in job_graph(made, done=["start"])}
    noisy = "targets/none/synth_pos:noise"

    assert by_name["train/none"].stages == by_name["score/none"].stages == (
        "targets/none/synth_nli", "targets/none/synth_pos",
    )  # fmt: skip
    assert by_name["perturbed/none"].stages == (noisy,) and by_name["perturbed/none"].script == "evaluate"
    assert waits([by_name["perturbed/none"]]) == {"perturbed/none": ["afterok train/none"]}
    for known in ({"done": ["start", "targets/none/synth_pos"]}, {"done": ["start"], "trained": [noisy[:-6]]}):
        by_name = {job.name: job for job in job_graph(made, **known)}
        assert "perturbed/none" not in by_name and noisy in by_name["ready/none"].stages
        assert by_name["ready/none"].after == ()


def test_a_merged_arm_waits_for_those_that_it_merges_and_needs_one_process() -> None:
    merging = recipe(RECIPE.replace("targets:", "  sum: {merge: {arms: [qa, both]}}\ntargets:"))

    def job(done: list[str]) -> Job:
        return {job.name: job for job in job_graph(merging, done=done)}["arms/sum"]

    assert waits([job([])]) == {"arms/sum": ["afterok arms/both", "afterok arms/qa"]}
    assert job([]).one_process and job([]).stages == ("arms/sum",)
    done = ["start", "arms/qa", "arms/both/1"]
    assert waits([job(done)]) == {"arms/sum": ["afterok arms/both"]}
    assert waits([job([*done, "arms/both/2"])]) == {"arms/sum": []}


def test_the_phases_of_a_sequence_are_one_job_and_begin_where_they_stopped() -> None:
    def phases(done: list[str]) -> tuple[str, ...]:
        return {job.name: job for job in job_graph(recipe(), done=done)}["arms/both"].stages

    assert phases(["start"]) == ("arms/both/1", "arms/both/2")
    assert phases(["start", "arms/both/1"]) == ("arms/both/2",)


@pytest.mark.parametrize("missing", TRAINED)
def test_stages_that_are_done_are_in_no_job(missing: str) -> None:
    arm = missing.split("/")[1]
    jobs = job_graph(recipe(), done=[stage for stage in ALL if stage != missing])

    assert [job.name for job in jobs] == [f"train/{arm}", f"score/{arm}", "report"]
    assert jobs[0].stages == jobs[1].stages == (missing,)
    assert jobs[0].after == ()


def test_a_chain_with_nothing_left_has_no_jobs() -> None:
    assert job_graph(recipe(), done=ALL, reported=True) == []


def test_only_the_report_is_left_where_it_is_older_than_the_scores() -> None:
    (job,) = job_graph(recipe(), done=ALL, reported=False)

    assert job.name == "report" and job.after == ()
