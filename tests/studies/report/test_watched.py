"""What validations saw besides, from records written by hand; the page shows it, and nothing where nobody looked."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ds_stilts.engine.choosing import Look, Rule, noted, selection
from ds_stilts.phases.selection import NAME
from ds_stilts.studies.expand import expand
from ds_stilts.studies.report.collect import read_evidence
from ds_stilts.studies.report.watched import watched
from ds_stilts.studies.report.write import write_study_report
from tests.studies.planted import log
from tests.studies.worlds import study

Row = tuple[float, float, float, float | None]
"""Value, entropy, agreement and what labels say, of one look."""
ONE: list[Row] = [(50, 0.9, 60, 40), (70, 0.5, 75, 52), (68, 0.3, 80, 45)]
OTHER: list[Row] = [(50, 0.3, 60, 40), (51, 0.5, 75, 42), (52, 0.6, 50, 50)]


def runs(folder: Path) -> list[Path]:
    """Of both seeds."""
    return sorted((folder / "runs" / "shared").iterdir())


def rows(markdown: Path) -> list[list[str]]:
    """The rows of all tables."""
    lines = markdown.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines if line.startswith("| ")]


def select(stage: Path, rows: Sequence[Row], chosen_by: Rule = "entropy") -> None:
    """What a target whose looks found these has kept and written; looks are ten steps apart."""
    looks = [
        noted(10 * place, Look(values={"synth_nli": value}, entropy=entropy, agreement=agreement, oracle=oracle))
        for place, (value, entropy, agreement, oracle) in enumerate(rows, start=1)
    ]
    (stage / NAME).write_text(json.dumps({"split": "dev", "kept": 30, **selection(looks, chosen_by=chosen_by)}))


def look(step: int, accuracy: list[float], alignment: list[float], examples: int = 20) -> dict[str, Any]:
    """The line of a validation with a probe of three hidden states."""
    probe = {
        "task": "synth_retrieval", "layers": [0, 1, 4], "accuracy": accuracy, "alignment": alignment,
        "uniformity": [-2.0, -2.5, -3.0], "languages": {"bb": {"examples": examples}, "ee": {"examples": examples}},
    }  # fmt: skip
    return {"step": step, "validation": {"value": 50.0, "probe": probe}}


@pytest.fixture
def chosen(small: Path) -> Path:
    """Both seeds of one target of one arm chose by entropy, one of another looked without labels for the oracle."""
    for run, rows in zip(runs(small), (ONE, OTHER), strict=True):
        select(run / "targets/qa/synth_nli", rows)
    select(runs(small)[0] / "targets/none/synth_nli", [(*row[:3], None) for row in ONE], "value")
    return small


@pytest.fixture
def probed(small: Path) -> Path:
    """An arm of two seeds, of which one went on longer, and a target of one."""
    first, second = runs(small)
    log(
        first / "arms/qa",
        look(10, [10, 20, 30], [1.0, 0.9, 0.8]), look(20, [20, 60, 50], [0.8, 0.5, 0.6]),
        look(30, [99, 99, 99], [0.1, 0.1, 0.1]),
    )  # fmt: skip
    log(second / "arms/qa", look(10, [20, 40, 30], [1.0, 0.7, 0.6]), look(20, [30, 80, 40], [0.6, 0.3, 0.4]))
    log(first / "targets/qa/synth_nli", look(5, [10, 10, 10], [1.5, 1.5, 1.5]), {"step": 5, "loss": 1.0})
    return small


def test_what_each_rule_would_have_kept_is_a_mean_over_seeds(chosen: Path) -> None:
    without, found = watched(read_evidence(chosen)).selected
    assert (found.arm, found.target, found.chosen_by, found.split, found.seeds) == (
        "qa", "synth_nli", ("entropy",), "dev", 2,
    )  # fmt: skip
    assert {rule: kept.steps for rule, kept in found.rules.items()} == {
        "last": (30, 30), "value": (20, 30), "entropy": (30, 10), "agreement": (30, 20), "oracle": (20, 30),
    }  # fmt: skip
    assert {rule: (kept.score, kept.gap) for rule, kept in found.rules.items()} == {
        "last": (47.5, 3.5), "value": (51, 0), "entropy": (42.5, 8.5), "agreement": (43.5, 7.5), "oracle": (51, 0),
    }  # fmt: skip
    assert (without.arm, without.seeds) == ("none", 1) and "oracle" not in without.rules
    assert without.rules["entropy"].score is None and without.rules["entropy"].gap is None


def test_probes_are_means_over_seeds_at_the_steps_that_all_have(probed: Path) -> None:
    arm, target = watched(read_evidence(probed)).probed
    assert (arm.stage, arm.task, arm.layers, arm.languages) == ("arms/qa", "synth_retrieval", (0, 1, 4), ("bb", "ee"))
    assert arm.seeds == 2 and [own.step for own in arm.steps] == [10, 20]
    assert arm.steps[1].accuracy == (25, 70, 45)
    assert arm.steps[1].alignment == pytest.approx((0.7, 0.4, 0.5)) and arm.steps[1].uniformity == (-2, -2.5, -3)
    assert (target.stage, target.seeds, [own.step for own in target.steps]) == ("targets/qa/synth_nli", 1, [5])


def test_a_seed_that_probed_something_else_is_in_no_mean(probed: Path) -> None:
    log(runs(probed)[1] / "arms/qa", look(10, [90, 90, 90], [0.1, 0.1, 0.1], examples=50))
    arm, _ = watched(read_evidence(probed)).probed
    assert arm.seeds == 1 and arm.steps[0].accuracy == (10, 20, 30) and len(arm.steps) == 3


def test_the_page_shows_what_a_choice_without_labels_cost(chosen: Path) -> None:
    write_study_report(chosen)
    page = (chosen / "report" / "report.html").read_text(encoding="utf-8")
    found = rows(chosen / "report" / "report.md")
    assert 'id="selection"' in page and 'id="probe"' not in page and 'id="gradients"' not in page
    assert [
        "qa", "synth_nli [dev]", "lowest entropy", "47.50 [−3.50 to the best; step 30]",
        "51.00 [the best; steps 20 to 30]", "42.50 [−8.50 to the best; steps 10 to 30]",
        "43.50 [−7.50 to the best; steps 20 to 30]", "51.00 [the best; steps 20 to 30]", "2",
    ] in found  # fmt: skip
    assert ["none", "synth_nli [dev]", "dev value", "step 30", "step 20", "step 30", "step 30", "–", "1"] in found
    assert not any(row[0].startswith("Mean gap") for row in found), "of one target there is no mean"


def test_gaps_are_averaged_over_the_targets_whose_labels_were_read(chosen: Path) -> None:
    for run in runs(chosen):
        select(run / "targets/qa/synth_choice", ONE)
    write_study_report(chosen)
    (means,) = [row for row in rows(chosen / "report" / "report.md") if row[0].startswith("Mean gap")]
    assert means == ["Mean gap of 2", "", "", "−5.25", "0.00", "−7.75", "−7.25", "0.00", ""]


def test_the_page_draws_alignment_of_intermediate_phases_over_their_steps(probed: Path) -> None:
    write_study_report(probed)
    page = (probed / "report" / "report.html").read_text(encoding="utf-8")
    arm, target = (
        row for row in rows(probed / "report" / "report.md") if row[0].endswith("[synth_retrieval: 2 languages]")
    )
    assert 'id="probe"' in page and 'id="selection"' not in page
    (drawing,) = re.findall(r'<svg[^>]*aria-label="Alignment over steps.*?</svg>', page, re.DOTALL)
    root = ElementTree.fromstring(drawing)
    assert len([one for one in root if one.tag == "path"]) == 3 and "arms/qa" in root.get("aria-label", "")
    assert arm[1:] == ["1", "30.00 → 70.00", "0.800 → 0.400", "−2.50 → −2.50", "2 [steps 10 to 20; 2 seeds]"]
    assert target[0].startswith("targets/qa/synth_nli ") and target[-1] == "1 [step 5; 1 seed]"


def test_a_study_in_which_nobody_looked_has_none_of_these_parts(small: Path) -> None:
    write_study_report(small)
    page = (small / "report" / "report.html").read_text(encoding="utf-8")
    assert 'id="fairness"' in page and not [name for name in ("selection", "probe", "gradients") if f'"{name}"' in page]


def test_a_study_may_ask_for_all_three_as_the_page_says() -> None:
    page = (Path(__file__).parents[3] / "docs" / "study-report.md").read_text(encoding="utf-8")
    asked = yaml.safe_load(page.partition("## Which checkpoint")[2].partition("```yaml\n")[2].partition("```")[0])
    cosines = asked["base"]["training"]["gradient_cosines"]
    made = study(
        base__training__gradient_cosines=cosines, arms={"none": {"role": "baseline"}, **asked["arms"]},
        targets=asked["targets"], contrasts={"helps": {"arm": "both", "against": "none"}},
    )  # fmt: skip
    recipe = expand(made)[0].recipe
    (arm,), target = recipe.phases_of("both"), recipe.targets["synth_nli"]
    assert arm.gradient_cosines == cosines and arm.validation and arm.validation.probe
    assert target.validation and target.validation.unlabelled and target.validation.unlabelled.oracle
