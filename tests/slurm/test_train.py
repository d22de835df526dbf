"""The batch script of ranks, run by bash as Slurm would, with stand-ins for the programs that it calls."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.ci import skip_unless_ci
from tests.slurm.sites import FINISH, SLURM, WAIT, Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_ranks_that_were_warned_put_the_job_back_into_the_queue(site: Site) -> None:
    job = site.start("quickstart", behave=WAIT)
    site.wait_for_ranks()
    site.signal_ranks(signal.SIGUSR2)
    output, _ = job.communicate(timeout=30)

    assert job.returncode == 0, output
    assert site.requeued == ["7"]
    assert "back into the queue" in output


def test_a_warning_to_the_script_alone_is_handed_on(site: Site) -> None:
    job = site.start("quickstart", behave=WAIT)
    site.wait_for_ranks()
    job.send_signal(signal.SIGUSR2)
    output, _ = job.communicate(timeout=30)

    assert job.returncode == 0, output
    assert site.requeued == ["7"]


def test_an_element_of_an_array_requeues_itself_and_not_the_array(site: Site) -> None:
    element = {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "1", "STAGES": "arms/a arms/b"}
    code, output = site.end("quickstart", behave="exit 85", **element)

    assert code == 0, output
    assert site.requeued == ["5_1"]
    assert "<--stage><arms/b>" in site.noted("ranks") and "arms/a" not in site.noted("ranks")


def test_a_job_that_was_cancelled_is_not_brought_back(site: Site) -> None:
    code, output = site.end("quickstart", behave="exit 85", STATE="COMPLETING")

    assert code == 85
    assert site.requeued == []
    assert "not if it was cancelled" in output


def test_a_file_that_asks_for_a_stop_is_not_answered_by_another_start(site: Site) -> None:
    site.run.mkdir()
    (site.run / "STOP").touch()

    code, output = site.end("quickstart", behave="exit 85")

    assert code == 85
    assert site.requeued == []
    assert "asks for it" in output


@pytest.mark.parametrize("code", [1, 2, 137])
def test_any_other_end_keeps_its_exit_code_and_is_not_requeued(site: Site, code: int) -> None:
    assert site.end("quickstart", behave=f"exit {code}")[0] == code
    assert site.requeued == []


def test_a_fault_is_seen_though_ranks_that_were_told_to_leave_end_with_a_higher_code(site: Site) -> None:
    code, output = site.end("quickstart", behave='echo "bad input" >"$DS_STILTS_FAULT_NOTE"; exit 85')

    assert code == 85, output
    assert site.requeued == []
    assert not (site.run / "jobs").exists() or not list((site.run / "jobs").glob("fault*"))


def test_a_preempted_job_is_requeued_even_if_its_ranks_did_not_listen_yet(site: Site) -> None:
    code, output = site.end("quickstart", behave="exit 143", PREEMPTED="2026-11-28T12:00:00")

    assert code == 0, output
    assert site.requeued == ["7"]


def test_exit_code_0_without_the_mark_of_the_run_is_a_failure(site: Site) -> None:
    code, output = site.end("quickstart", behave="exit 0")

    assert code == 1
    assert "not done" in output


def test_a_stage_with_its_mark_is_a_success_whatever_the_exit_code(site: Site) -> None:
    code, output = site.end("quickstart", behave=f"{FINISH}; exit 1", STAGES="arms/qa", STAGE="arms/qa")

    assert code == 0, output
    assert "though its ranks ended with 1" in output


def test_a_whole_run_is_done_when_its_record_says_so(site: Site) -> None:
    record = '{\n "finished": "2026-11-28",\n "stages": [{\n"done": %s\n}]}'
    for done in ("true", "false"):
        behave = f'mkdir -p "$RUN"; echo \'{record % done}\' >"$RUN/run.json"'
        assert site.end("quickstart", behave=behave)[0] == int(done == "false")


def test_training_without_scoring_is_done_when_the_model_is_there(site: Site) -> None:
    stage = "targets/qa/xquad"
    behave = 'mkdir -p "$RUN/$STAGE/model"'
    assert site.end("quickstart", behave=behave, STAGES=stage, STAGE=stage)[0] == 1
    assert site.end("quickstart", "--no-scoring", behave=behave, STAGES=stage, STAGE=stage)[0] == 0


def test_a_whole_run_without_scoring_is_done_when_its_record_says_that_all_is_trained(site: Site) -> None:
    record = '{\n "finished": null,\n "stages": [{\n"done": false,\n"trained": true\n}, {\n"trained": %s\n}]}'
    for trained in ("true", "false"):
        behave = f'mkdir -p "$RUN"; echo \'{record % trained}\' >"$RUN/run.json"'
        code, output = site.end("quickstart", behave=behave, NO_SCORING="1")
        assert code == int(trained == "false"), output


def test_stages_go_one_after_another_and_those_that_are_done_are_passed_over(site: Site) -> None:
    behave = 'while [[ $1 != --stage ]]; do shift; done; mkdir -p "$RUN/$2"; echo >"$RUN/$2/DONE"'
    for stages in ("arms/qa/1", "arms/qa/1 arms/qa/2\narms/qa/3"):
        code, output = site.end("quickstart", behave=behave, STAGES=stages)
        assert code == 0, output

    asked = [line.split("<--stage>")[1] for line in site.noted("ranks").splitlines()]
    assert asked == ["<arms/qa/1>", "<arms/qa/2>", "<arms/qa/3>"]


def test_a_failed_stage_keeps_the_next_from_starting(site: Site) -> None:
    assert site.end("quickstart", behave="exit 3", STAGES="arms/a arms/b")[0] == 3
    assert "arms/b" not in site.noted("ranks")


def test_requeueing_ends_at_the_limit(site: Site) -> None:
    code, output = site.end("quickstart", behave="exit 85", MAX_RESTARTS="2", SLURM_RESTART_COUNT="2")

    assert code == 85
    assert site.requeued == []
    assert "MAX_RESTARTS" in output


def test_starts_that_bring_nothing_come_to_an_end_and_those_that_bring_something_do_not(site: Site) -> None:
    def life(number: int, behave: str) -> tuple[int, str]:
        return site.end("quickstart", behave=behave, SLURM_RESTART_COUNT=str(number), MAX_IDLE_RESTARTS="3")

    step = 'mkdir -p "$RUN/arms/qa/checkpoints/step-%s"; exit 85'
    ends = [life(0, "exit 85"), life(1, "exit 85"), life(2, step % 4), *(life(n, "exit 85") for n in (3, 4, 5))]

    assert [code for code, _ in ends] == [0, 0, 0, 0, 0, 85], ends
    assert "3 starts in a row" in ends[-1][1]


def test_restarts_by_slurm_itself_count_too(site: Site) -> None:
    node_fails = "kill -9 $PPID; exit 1"  # the stand-in for srun becomes the rank: its parent is the batch script
    for number in range(3):
        site.end("quickstart", behave=node_fails, SLURM_RESTART_COUNT=str(number), MAX_IDLE_RESTARTS="3")
    code, output = site.end("quickstart", behave="exit 0", SLURM_RESTART_COUNT="3", MAX_IDLE_RESTARTS="3")

    assert code == 1
    assert "giving up: 3 starts in a row" in output


def test_words_reach_the_ranks_one_by_one(site: Site) -> None:
    words = ("a b.yaml", "--set", "name='$(touch /tmp/x)'", "--set", 'x="1, 2"\ny')
    site.end(*words, DATA_ROOT="/data/x y", OUT=f"{site.folder}/run z")

    recipe, sets = f"<--recipe><a b.yaml><--out><{site.folder}/run z>", "".join(f"<{word}>" for word in words[1:])
    assert site.noted("ranks") == f"<-m><ds_stilts.train>{recipe}{sets}<--data-root></data/x y>\n"


def test_the_folder_and_the_stage_may_be_options(site: Site) -> None:
    site.end(f"--out={site.folder}/other", "--stage", "arms/qa", RECIPE="r.yaml", behave="exit 0")

    ranks = site.noted("ranks")
    assert f"<--recipe><r.yaml><--out><{site.folder}/other><--stage><arms/qa>" in ranks


def test_a_rank_for_each_gpu_of_each_node_with_its_share_of_cpus(site: Site) -> None:
    site.end("quickstart", SLURM_GPUS_ON_NODE="4", MASTER_ADDR="of another run", RANK="3")

    words = site.noted("srun").splitlines()[1].split()
    assert {"--kill-on-bad-exit=1", "--nodes=2", "--ntasks=8", "--ntasks-per-node=4", "--cpus-per-task=2"} <= set(words)
    there = site.noted("environment").splitlines()
    assert not [line for line in there if line.startswith(("MASTER_", "RANK=", "WORLD_SIZE=", "LOCAL_RANK="))]


def test_on_cpus_the_number_of_ranks_is_said(site: Site) -> None:
    site.end("quickstart", PROCESSES_PER_NODE="16")

    words = site.noted("srun").splitlines()[1].split()
    assert {"--ntasks=32", "--ntasks-per-node=16", "--overcommit"} <= set(words)


def test_a_container_holds_the_ranks_only_if_one_is_named(site: Site) -> None:
    site.end("quickstart")
    assert site.noted("apptainer") == ""
    site.end("quickstart", CONTAINER="/images/x.sif", CONTAINER_OPTIONS="--bind /data", SLURM_GPUS_ON_NODE="1")
    assert (
        site.noted("apptainer")
        .splitlines()[1]
        .startswith("exec --nv --bind /data /images/x.sif python -m ds_stilts.train")
    )
    site.end("quickstart", CONTAINER="a#b", CONTAINER_TOOL="pyxis")
    assert "--container-image=a#b" in site.noted("srun").splitlines()[-2]


def test_compiled_operations_are_kept_between_jobs_and_never_half_built(site: Site) -> None:
    build = (
        'mkdir -p "$TORCH_EXTENSIONS_DIR"/{adam,aio}; touch "$TORCH_EXTENSIONS_DIR"/{adam/adam.so,aio/aio.so,aio/lock}'
    )
    site.end("quickstart", behave=build)
    code, _ = site.end("quickstart", behave='ls "$TORCH_EXTENSIONS_DIR" >"$SITE/found"; exit 4')

    assert code == 4
    assert site.noted("found").split() == ["adam"]
    assert list((site.folder / "scratch").iterdir()) == []


def test_a_temporary_folder_that_only_the_submitting_machine_had_is_done_without(site: Site) -> None:
    variables = {"SCRATCH": "", "TMPDIR": "/proc/job-of-before", "USER": site.folder.name, "STAGE": "start"}
    code, output = site.end("quickstart", behave=FINISH, STAGES="start", **variables)

    assert code == 0, output
    assert f"SCRATCH_JOB=/tmp/ds_stilts-{site.folder.name}-7-0" in site.noted("environment").splitlines()
    assert not [line for line in site.noted("environment").splitlines() if line.startswith("TMPDIR=")]


def test_prepared_data_is_read_from_the_nodes_own_disk_if_asked_for(site: Site) -> None:
    cache = site.folder / "cache"
    for name in ("prepared/xnli/a.arrow", "data/file"):
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_text(name)
    look = (
        'cat "$DS_STILTS_CACHE"/*/* "$DS_STILTS_CACHE"/prepared/*/* >"$SITE/found" 2>&1; readlink "$DS_STILTS_CACHE"/*'
    )
    code, output = site.end(
        "quickstart", behave=f"{look} >>$SITE/found; exit 4", DS_STILTS_CACHE=str(cache), STAGE_CACHE="1"
    )

    assert code == 4, output
    found = site.noted("found")
    assert "prepared/xnli/a.arrow" in found and f"{cache}/data" in found and f"{cache}/prepared" not in found


def test_a_preamble_is_sourced_first(site: Site) -> None:
    preamble = site.folder / "pre amble.sh"
    preamble.write_text('echo "$undefined"; false; export LOADED="cuda/12"\n')
    site.end("quickstart", PREAMBLE=str(preamble))

    assert "LOADED=cuda/12" in site.noted("environment").splitlines()


@pytest.mark.parametrize(
    ("words", "variables", "sentence"),
    [
        ((), {}, "name a recipe"),
        (("r.yaml", "--stage"), {}, "--stage wants a value"),
        (("r.yaml",), {"CONTAINER": "x", "CONTAINER_TOOL": "docker"}, "apptainer and pyxis are known"),
        (("r.yaml",), {"SLURM_ARRAY_JOB_ID": "5", "SLURM_ARRAY_TASK_ID": "2", "STAGES": "a b"}, "names 2 stages"),
        (("r.yaml",), {"OUT": "/dev/null/run"}, "/dev/null/run cannot be written to"),
    ],
)
def test_bad_settings_get_a_sentence_before_any_rank_starts(
    site: Site, words: tuple[str, ...], variables: dict[str, str], sentence: str
) -> None:
    code, output = site.end(*words, **variables)

    assert code in (1, 2)
    assert sentence in output
    assert site.noted("ranks") == ""


def test_a_run_that_wrote_nothing_leaves_no_folder(site: Site) -> None:
    site.end("no_such_recipe", behave="exit 2")

    assert not site.run.exists()


@pytest.mark.parametrize("script", sorted(SLURM.glob("*.sbatch")), ids=lambda path: path.name)
def test_batch_scripts_are_bash_without_known_traps(script: Path) -> None:
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
    try:
        checked = subprocess.run(["shellcheck", str(script)], capture_output=True, text=True)
    except FileNotFoundError:
        skip_unless_ci("shellcheck is not installed")
    assert checked.returncode == 0, checked.stdout
