"""Killed at random instants and started again, an evaluation ends with the rows of one that was left alone."""

from pathlib import Path

import pytest

from tests.faults.interruptions import TARGETS, interrupt


@pytest.mark.spine
@pytest.mark.timeout(900)
def test_three_random_kills_lose_and_double_no_row(tmp_path: Path) -> None:
    assert interrupt(tmp_path, kills=3, seed=5, pause_s=0.1, span_s=7.0, config="zero2_fp32", tasks=("synth_nli",)) >= 2


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_thirty_random_kills_lose_and_double_no_row(tmp_path: Path) -> None:
    assert (
        interrupt(
            tmp_path, kills=30, seed=1, pause_s=0.5, span_s=24.0, config="zero3_release_fp32", tasks=tuple(TARGETS)
        )
        >= 25
    )
