"""The list of submitted jobs in a run folder."""

from pathlib import Path

import pytest

from ds_stilts.errors import CheckpointError, ClusterError
from ds_stilts.jobs.logs import follow, stage_logs
from ds_stilts.jobs.record import Submitted, add_to_record, read_record

JOB = Submitted(
    submission=1, name="train/qa", number=12, cluster="west", script="train",
    stages=("targets/qa/synth_nli", "targets/qa/synth_pos"), array=True, train_only=True,
    log="small-train-qa-12_{}.log", time="2026-11-28T00:00:00Z",
)  # fmt: skip


def test_what_is_added_is_read_again_in_order(tmp_path: Path) -> None:
    assert read_record(tmp_path) == []
    later = Submitted(**{**JOB.__dict__, "number": 13, "submission": 2, "cluster": None})
    add_to_record(tmp_path, JOB)
    add_to_record(tmp_path, later)

    assert read_record(tmp_path) == [JOB, later]
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.json"]


def test_each_element_has_a_stage_and_a_log(tmp_path: Path) -> None:
    assert JOB.elements() == {"12_0": ("targets/qa/synth_nli",), "12_1": ("targets/qa/synth_pos",)}
    assert JOB.log_of("12_1", tmp_path) == tmp_path / "jobs" / "small-train-qa-12_1.log"


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 2, "jobs": []}', '{"format": 1, "jobs": [{"name": "x"}]}'])
def test_a_record_changed_by_hand_gets_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "jobs.json").write_text(text)
    with pytest.raises(ClusterError, match=r"jobs\.json is not as it was written"):
        read_record(tmp_path)


def test_a_file_in_place_of_a_run_folder_is_not_called_a_damaged_record(tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("")
    with pytest.raises(ClusterError, match=r"jobs\.json cannot be read \(Not a directory\); name the folder of a run"):
        read_record(tmp_path / "recipe.yaml")


def test_the_logs_of_a_stage_are_found_by_its_name(tmp_path: Path) -> None:
    add_to_record(tmp_path, JOB)

    assert list(stage_logs(tmp_path, "targets/qa/synth_pos")) == [JOB.log_of("12_1", tmp_path)]
    with pytest.raises(CheckpointError, match=r"'targets/qa/synth_po' \(did you mean 'targets/qa/synth_pos'\?\)"):
        stage_logs(tmp_path, "targets/qa/synth_po")
    with pytest.raises(CheckpointError, match="no jobs were submitted"):
        stage_logs(tmp_path / "none", None)


def test_a_log_is_followed_from_before_it_is_there_until_its_job_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ds_stilts.jobs.logs._LOOK_EVERY_S", 0.001)
    monkeypatch.setattr("ds_stilts.jobs.logs._ASK_EVERY_S", 0.01)
    path, texts = tmp_path / "log", iter(["one\n", "two\n"])

    def is_over() -> bool:  # each time it is asked, the job has said more
        text = next(texts, None)
        if text is None:
            with path.open("a") as file:
                file.write("last words\n")
            return True
        with path.open("a") as file:
            file.write(text)
        return False

    assert "".join(follow(path, is_over)) == "one\ntwo\nlast words\n"
