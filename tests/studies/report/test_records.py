"""Which stages' records a report reads, and that what a kill left behind in them costs no more than a line."""

from pathlib import Path

from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.records import done_stages, logged
from tests.studies.planted import log


def test_a_stage_that_runs_share_counts_once_and_one_that_is_not_done_not_at_all(small: Path) -> None:
    first, second = sorted((small / "runs" / "shared").iterdir())
    before = done_stages(read_evidence(small))
    assert before["arms/qa"] == [first / "arms/qa", second / "arms/qa"]
    (second / "arms/qa/DONE").unlink()
    for place in (first / "arms/shuffled", second / "arms/shuffled"):
        for path in place.iterdir():
            path.unlink()
        place.rmdir()
    (small / "stored").mkdir()
    (small / "stored/DONE").touch()
    for run in (first, second):
        (run / "arms/shuffled").symlink_to(small / "stored", target_is_directory=True)
    after = done_stages(read_evidence(small))
    assert after["arms/qa"] == [first / "arms/qa"] and after["arms/shuffled"] == [first / "arms/shuffled"]
    assert list(before) == list(after)


def test_lines_come_by_step_the_later_of_two_counts_and_a_torn_one_is_skipped(tmp_path: Path) -> None:
    assert logged(tmp_path, "loss") == {}
    log(
        tmp_path,
        {"step": 20, "loss": 3.0}, {"step": 20, "validation": {"value": 1.0}}, {"step": 10, "loss": 4.0},
        {"step": 20, "loss": 2.0},
        torn='{"step": 30, "loss": 1.',
    )  # fmt: skip
    assert list(logged(tmp_path, "loss").items()) == [(10, 4.0), (20, 2.0)]
    assert logged(tmp_path, "validation") == {20: {"value": 1.0}}
