"""Learning curves: losses of the intermediate phases over tokens, seeds put together, and nothing that is not there."""

import html
import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from ds_stilts.studies.cells import read_study, stage_folders
from ds_stilts.studies.expand import expand
from ds_stilts.studies.report.learning import Learning, learning
from ds_stilts.studies.report.plots import learning_svg
from ds_stilts.studies.report.write import write_study_report
from ds_stilts.studies.study import Study
from tests.studies.planted import plant, planted_study

CHAIN = {"steps": 4, "sequence": [{"tasks": {"synth_qa": {}}}, {"tasks": {"synth_nli": {}}}]}


def study(**changes: Any) -> Study:
    arms = {
        "none": {"role": "baseline"},
        "qa": {"intermediate": {"tasks": {"synth_qa": {}}}},
        "chain": {"intermediate": CHAIN, "unmatched": "two phases"},
    }
    shape = {"arms": arms, "seeds": {"intermediate": [1, 2, 3]}, "contrasts": {"c": {"arm": "qa", "against": "none"}}}
    return planted_study(**{**shape, **changes})


def write_losses(folder: Path, *, without: tuple[str, int] = ("", 0)) -> None:
    """Loss 4 − 0.5 · step at four steps of 250 tokens, and each seed's number in hundredths on top of it."""
    for run, stage, place in stage_folders(read_study(folder), folder):
        if stage.startswith("arms/"):
            if (stage, run.seed.intermediate) == without:
                shutil.rmtree(place)
                continue
            lines = [{"step": step, "loss": 4 - 0.5 * step + run.seed.intermediate / 100} for step in (1, 2, 4)]
            (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = plant(tmp_path / "study", study(), items=20)
    write_losses(made)
    return made


def curves(folder: Path) -> dict[str, tuple[Learning, ...]]:
    return learning(expand(read_study(folder)), folder)


def test_a_curve_is_the_mean_over_seeds_between_the_lowest_and_the_highest(folder: Path) -> None:
    (qa,) = curves(folder)["qa"]

    assert (qa.phase, qa.tasks, qa.seeds) == ("qa", ("synth_qa",), 3)
    assert qa.tokens == (250, 500, 1000), "the ledger has 1,000 tokens in 4 steps"
    assert qa.mean == pytest.approx((3.52, 3.02, 2.02))
    assert qa.low == pytest.approx((3.51, 3.01, 2.01)) and qa.high == pytest.approx((3.53, 3.03, 2.03))
    assert "none" not in curves(folder), "a baseline learns nothing before the targets"


def test_the_phases_of_a_chain_stand_one_after_another(folder: Path) -> None:
    first, second = curves(folder)["chain"]
    assert (first.phase, second.phase, second.tasks) == ("chain/1", "chain/2", ("synth_nli",))
    assert (first.begin, second.begin) == (0, 1000) and second.tokens == (1250, 1500, 2000)


def test_target_seeds_that_share_a_phase_count_once(tmp_path: Path) -> None:
    folder = plant(tmp_path / "study", study(seeds={"intermediate": [1, 2], "targets_each": 2}), items=20)
    write_losses(folder)
    assert curves(folder)["qa"][0].seeds == 2


def test_what_is_not_finished_is_left_out_and_what_follows_it_too(tmp_path: Path) -> None:
    folder = plant(tmp_path / "study", study(seeds={"intermediate": [1]}), items=20)
    write_losses(folder, without=("arms/chain/1", 1))
    assert list(curves(folder)) == ["qa"]

    (place,) = folder.glob("runs/*/seed-1/arms/qa")
    (place / "ledger.json").unlink()
    assert curves(folder) == {}
    write_study_report(folder)
    assert "No intermediate phase has been finished yet" in (folder / "report" / "report.md").read_text()


def test_only_steps_that_all_seeds_logged_are_put_together(folder: Path) -> None:
    (place,) = folder.glob("runs/*/seed-2/arms/qa")
    with (place / "metrics.jsonl").open("a") as file:  # as a resumed seed logs
        file.write('{"step": 3, "loss": 2.5}\n{"step": 4, "loss": NaN}\n{"step": 5, "lo')
    (qa,) = curves(folder)["qa"]
    assert qa.tokens == (250, 500) and qa.num_not_finite == 1


def test_the_report_draws_every_arm_and_says_its_numbers_in_a_table(folder: Path) -> None:
    write_study_report(folder)
    page = html.unescape((folder / "report" / "report.html").read_text())
    markdown = " ".join((folder / "report" / "report.md").read_text().split())

    assert page.count('aria-label="Loss over tokens, ') == 2
    for row in ("chain/2 | synth_nli | 3 | 1,000 | 3.520 | 2.020 | 2.010 to 2.030", "qa | synth_qa | 3 | 1,000 |"):
        assert row in markdown
    values = json.loads((folder / "report" / "report.json").read_text())
    assert values["learning"]["qa"][0]["mean"] == pytest.approx([3.52, 3.02, 2.02])


def test_a_band_is_drawn_where_there_are_seeds_to_span_it(folder: Path) -> None:
    shown = curves(folder)["chain"]
    root = ElementTree.fromstring(learning_svg(shown, label="x <&>"))
    kinds = [one.get("class", "") for one in root.iter()]
    assert kinds.count("area") == 2 and kinds.count("line-0") == 2
    words = [one.text for one in root.iter("text")]
    assert "tokens" in words and "2k" in words
    single = Learning(phase="p", tasks=(), seeds=1, begin=0, tokens=(10.0,), mean=(1.0,), low=(1.0,), high=(1.0,),
                      num_not_finite=0)  # fmt: skip
    kinds = [one.get("class", "") for one in ElementTree.fromstring(learning_svg([single], label="x")).iter()]
    assert "area" not in kinds and kinds.count("dot-0") == 1
