"""How much the order of tasks matters, in studies where it was planted to, and where it was planted not to."""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ds_stilts.statistics.components import RESIDUAL
from ds_stilts.studies.cells import Cell
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.estimates import AGGREGATES, answer
from ds_stilts.studies.report.gains import compare, gains
from ds_stilts.studies.report.orders import LANGUAGE, ORDER, RUN, SEED, Orders, order_effects
from ds_stilts.studies.report.write import write_study_report
from tests.studies.planted import Effect, nothing, plant, planted_study

TASKS = ("synth_qa", "synth_paraphrase", "synth_ner")
EFFECTS = {"first": 9.0, "second": 0.0, "third": -9.0}
NOT_RUN = ("again", "mixed", "shorter")
ZERO_SHOT = ("bb", "cc", "dd", "ff")
"""Of aa labels were seen."""


def sequence(*tasks: str) -> dict[str, Any]:
    return {"intermediate": {"sequence": [{"tasks": {task: {"max_examples": 60}}} for task in tasks]}}


ARMS = {
    "none": {"role": "baseline"},
    "first": sequence("synth_qa", "synth_paraphrase", "synth_ner"),
    "second": sequence("synth_paraphrase", "synth_ner", "synth_qa"),
    "third": sequence("synth_ner", "synth_paraphrase", "synth_qa"),
    "again": sequence("synth_qa", "synth_paraphrase", "synth_ner"),
    "mixed": {"intermediate": {"tasks": {task: {"max_examples": 60} for task in TASKS}}},
    "shorter": sequence("synth_qa", "synth_paraphrase"),
}  # fmt: skip


def planted_orders(
    folder: Path, effect: Effect, *, skip: Callable[[Cell], bool] = lambda cell: False, **changes: Any
) -> Path:
    """Three orders of three tasks, one of them twice, and arms that are none; what is no order is not run."""
    shape = {
        "arms": ARMS,
        "targets": {"synth_nli": {"score_languages": ["aa", *ZERO_SHOT]}},
        "seeds": {"intermediate": [1, 2, 3, 4]},
        "contrasts": {"first_or_third": {"arm": "first", "against": "third"}},
        "aggregate": "worst_language",
        "statistics__resamples": 200,
    }
    study = planted_study(**{**shape, **changes})
    return plant(folder, study, effect, items=200, skip=lambda cell: cell.arm in NOT_RUN or skip(cell))


def read(folder: Path) -> tuple[Evidence, Orders]:
    evidence = read_evidence(folder)
    compared = compare(evidence)
    (found,) = order_effects(evidence, gains(evidence, compared, answer(evidence, compared.to_answer(evidence))))
    return evidence, found


@pytest.fixture(scope="module")
def ordered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evidence, Orders]:
    folder = tmp_path_factory.mktemp("orders") / "ordered"
    return read(planted_orders(folder, lambda arm, target, language: EFFECTS.get(arm, 0.0)))


def test_orders_are_arms_with_the_same_tasks_in_another_order(ordered: tuple[Evidence, Orders]) -> None:
    _, found = ordered
    assert list(found.arms) == ["first", "second", "third"]
    assert found.arms["second"] == ("synth_paraphrase", "synth_ner", "synth_qa")
    assert found.left_out == ("again",), "has the same order as the first"
    own = found.targets["synth_nli"]
    assert own.seeds == (1, 2, 3, 4) and own.languages == ZERO_SHOT


def test_an_order_that_matters_has_its_share_and_the_least_p(ordered: tuple[Evidence, Orders]) -> None:
    """Planted: 9, 0 and −9 points, and seeds and runs of SD about 1; levels of languages lie further apart."""
    evidence, found = ordered
    own = found.targets["synth_nli"]
    assert list(own.components) == [ORDER, SEED, LANGUAGE, RUN, RESIDUAL]
    assert sum(one.share for one in own.components.values()) == pytest.approx(1)
    variances = {name: one.variance for name, one in own.components.items()}
    assert 40 < variances[ORDER] < 160 and max(variances[SEED], variances[RUN]) < 8 < variances[LANGUAGE]
    assert [own.components[name].n for name in (ORDER, SEED, LANGUAGE, RUN)] == [3, 4, 4, 12]
    for aggregate, test in own.tests.items():
        by_hand = [
            [
                AGGREGATES[aggregate](
                    np.array([evidence.value(name, "synth_nli", seed, code) for code in ZERO_SHOT]), ZERO_SHOT
                )
                for seed in own.seeds
            ]
            for name in found.arms
        ]
        assert test.sd == pytest.approx(np.std(np.mean(by_hand, axis=1), ddof=1))
        assert test.sd > 3 * test.by_luck and test.permutations == 216 and test.is_exact
    assert set(own.tests) == {"mean", "worst_language"}
    assert own.tests["mean"].p == own.tests["mean"].least_p == pytest.approx(1 / 216)
    assert found.adjusted_p["synth_nli", "mean"] == pytest.approx(2 / 216), "Holm over two tests"


def test_an_order_that_does_not_matter_is_not_found(tmp_path: Path) -> None:
    _, found = read(planted_orders(tmp_path / "study", nothing))
    own = found.targets["synth_nli"]
    assert all(test.p > 0.1 for test in own.tests.values())
    assert own.components[ORDER].share < 0.02 < own.components[LANGUAGE].share


def test_places_are_means_over_the_orders_that_have_a_task_there(ordered: tuple[Evidence, Orders]) -> None:
    evidence, found = ordered

    def gain(name: str) -> float:
        pairs = [(seed, code) for seed in (1, 2, 3, 4) for code in ZERO_SHOT]
        return float(
            np.mean([
                evidence.value(name, "synth_nli", *pair) - evidence.value("none", "synth_nli", *pair) for pair in pairs
            ])
        )  # fmt: skip

    last = {phase: one for (place, phase), one in found.positions.items() if place == "last"}
    first = {phase: one for (place, phase), one in found.positions.items() if place == "first"}
    assert {phase: one.arms for phase, one in last.items()} == {
        "synth_ner": ("first",),
        "synth_qa": ("second", "third"),
    }
    assert set(first) == set(TASKS)
    assert last["synth_qa"].gains["synth_nli"] == pytest.approx((gain("second") + gain("third")) / 2)
    assert first["synth_ner"].gains["synth_nli"] == pytest.approx(gain("third"))


def test_common_seeds_count_and_what_is_not_finished_or_has_one_language_is_said(tmp_path: Path) -> None:
    def skip(cell: Cell) -> bool:
        return (cell.arm == "third" and cell.target == "synth_choice") or (
            cell.arm == "first" and cell.seed.intermediate == 2
        )

    targets = {name: {"score_languages": ["cc"]} for name in ("synth_nli", "synth_choice")}
    folder = planted_orders(tmp_path / "study", nothing, targets=targets, skip=skip)
    write_study_report(folder)
    (values,) = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["orders"]
    whole = values["targets"]["synth_nli"]
    assert whole["seeds"] == [1, 3, 4] and whole["tests"]["mean"]["seeds"] == 3
    assert list(whole["components"]) == [ORDER, SEED, RESIDUAL], "of one language the residual is that of runs"
    assert values["targets"]["synth_choice"]["note"] == "of third no seed is finished yet"
    assert values["positions"]["first / synth_ner"]["gains"]["synth_choice"] is None
    assert values["positions"]["first / synth_qa"]["gains"]["synth_choice"] is not None
    markdown = (folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "synth_choice: of third no seed is finished yet" in markdown
    assert re.search(
        r"^\| synth_nli +\| +3 \| +1 \| [^|]* % [^|]*\| [^|]* % [^|]*\| +– \| +– \| [^|]* %", markdown, re.M
    )


def test_two_orders_are_a_contrast_and_have_no_part(tmp_path: Path) -> None:
    arms = {name: ARMS[name] for name in ("none", "first", "second", "again")}
    contrasts = {"order": {"arm": "first", "against": "second"}}
    folder = planted_orders(tmp_path / "study", nothing, arms=arms, contrasts=contrasts, seeds={"intermediate": [1, 2]})
    write_study_report(folder)
    assert json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["orders"] == []
    assert 'id="orders"' not in (folder / "report" / "report.html").read_text(encoding="utf-8")


def test_page_markdown_and_json_show_shares_test_and_places(ordered: tuple[Evidence, Orders]) -> None:
    folder = ordered[0].folder
    write_study_report(folder)
    page = html.unescape((folder / "report" / "report.html").read_text(encoding="utf-8"))
    markdown = (folder / "report" / "report.md").read_text(encoding="utf-8")
    (values,) = json.loads((folder / "report" / "report.json").read_text(encoding="utf-8"))["orders"]
    shares = {name: f"{100 * one['share']:.1f} %" for name, one in values["targets"]["synth_nli"]["components"].items()}
    assert 'id="orders"' in page and f"the order explains {shares[ORDER]} of the variance of scores" in page
    row = next(line for line in markdown.splitlines() if re.match(r"\| synth_nli +\| +4 \| +4 \|", line))
    assert [cell.strip().split(" [")[0] for cell in row.split("|")[4:9]] == [
        shares[name] for name in (ORDER, SEED, RUN, LANGUAGE, RESIDUAL)
    ]
    assert "Left out, as an arm before them has the same order: again." in page
    assert "permutation test of 3 orders within 4 seeds, all 216 permutations" in page
    assert re.search(r"^\| synth_nli +\| worst language +\|.*\| +all 216 \|$", markdown, re.MULTILINE)
    gain = values["positions"]["last / synth_ner"]["gains"]["synth_nli"]
    assert re.search(rf"^\| synth_ner +\| first +\| +\+{gain:.2f} \|$", markdown, re.MULTILINE)
