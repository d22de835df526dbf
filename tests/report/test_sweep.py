"""A searched target in the reports: how its vectors lie, every hidden state of a sweep, what scores were made with."""

from pathlib import Path
from typing import Any

import pytest

from ds_stilts.report.collect import read_run
from ds_stilts.report.html import render_html
from ds_stilts.report.markdown import render_markdown
from ds_stilts.report.provenance import provenance
from ds_stilts.report.verdict import summarise
from tests.report.conftest import scores, write_recipe, write_scores
from tests.report.test_html import Page


def write_searched(run_dir: Path, sweep: dict[str, Any] | None, **facts: Any) -> Path:
    run_dir.mkdir()
    write_recipe(run_dir, {"none": None}, ["tatoeba"])
    values = {"de": {"accuracy": 40.0}, "fr": {"accuracy": 60.0}}
    made = scores("none", "tatoeba", values, metrics=["accuracy"], format="retrieval", train=None)
    made |= {"layer": 2, "pooling": "mean", "sweep": sweep, **facts}
    made["languages"]["de"] |= {"alignment": 0.1234, "uniformity": -1.5678}
    write_scores(run_dir, made)
    return run_dir


def texts(run_dir: Path) -> tuple[str, str]:
    run = read_run(run_dir)
    page = " ".join(" ".join(Page(render_html(run, summarise(run))).text).split())
    return page, render_markdown(summarise(run))


def test_alignment_and_uniformity_stand_beside_the_score(tmp_path: Path) -> None:
    for text in texts(write_searched(tmp_path / "run", None)):
        assert "0.123" in text and "−1.568" in text and "Wang and Isola 2020" in text
        assert "oracle" not in text


def test_runs_without_search_say_nothing_of_vectors(small_run: Path) -> None:
    assert not any("uniformity" in text.lower() for text in texts(small_run))


SWEEP = {"layers": {"1": {"score": 30.0}, "2": {"score": 50.0}, "10": {"score": 70.0}}, "layer": 2, "oracle": 10}


@pytest.mark.parametrize(
    ("chosen_on", "reason"),
    [(None, "state 2 counts, the recipe's."), ("tuning half", "state 2 counts, chosen on the tuning half, which")],
)  # fmt: skip
def test_every_state_is_shown_with_the_one_that_counts_and_the_oracle(
    tmp_path: Path, chosen_on: str | None, reason: str
) -> None:
    for text in texts(write_searched(tmp_path / "run", {**SWEEP, "chosen_on": chosen_on})):
        assert "50.00 (counts)" in text and "70.00 (oracle)" in text and reason in text
        assert text.index("30.00") < text.index("50.00 (counts)") < text.index("70.00 (oracle)")
        assert "The highest is an oracle: it was found on what it is scored on" in text


def test_what_a_score_was_made_with_is_in_its_provenance(tmp_path: Path) -> None:
    run_dir = write_searched(
        tmp_path / "run", {**SWEEP, "chosen_on": "tuning half"}, special_tokens=False, preset="paper"
    )
    (row,) = provenance(read_run(run_dir)).scores
    assert "layer 2, chosen on the tuning half, mean, without special tokens, preset paper" in row
