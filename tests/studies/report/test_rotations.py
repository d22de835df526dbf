"""Rotating hold-outs: the mean of several differences, each over the languages that its own arms have left out."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from ds_stilts.statistics.bootstrap import Tally
from ds_stilts.statistics.estimate import paired_contrast
from ds_stilts.statistics.multi_bootstrap import Contrast as BootstrapContrast
from ds_stilts.studies.claims.claims_file import load_claims
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.report.contrast_part import contrasts_part
from ds_stilts.studies.report.contrasts import judge_contrasts, question_contrasts
from ds_stilts.studies.report.document import Bullets
from ds_stilts.studies.report.estimates import Asked, Finding, answer, arm
from ds_stilts.studies.report.summary import summarise
from ds_stilts.studies.study import Study
from tests.statistics.bands import SIMULATIONS, in_band
from tests.studies.planted import plant, planted_study, qa_gains_harm_loses
from tests.studies.worlds import study

ROTATIONS = [
    {"arm": "qa", "against": "none", "languages": ["bb", "cc", "dd"]},
    {"arm": "shuffled", "against": "harm", "languages": ["dd", "ee"]},
]
CONTRASTS = {
    "own": {"rotations": ROTATIONS},
    "low": {
        "rotations": [{"arm": one["arm"], "against": one["against"]} for one in ROTATIONS],
        "of": {"targets": ["synth_nli"], "languages": ["ee", "gg", "hh"]},
        "minus": {"targets": ["synth_choice"], "languages": ["bb", "ff"]},
        "aggregate": "worst_language",
    },
    "slope": {"rotations": [{"arm": name, "against": "none"} for name in ("qa", "shuffled")], "slope": "distance"},
    **{
        f"slope_{name}": {"arm": name, "against": "none", "slope": "distance"} for name in ("qa", "shuffled")
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    made = planted_study(contrasts=CONTRASTS, statistics__resamples=200)
    return read_evidence(plant(tmp_path_factory.mktemp("rotations") / "study", made, qa_gains_harm_loses, items=80))


@pytest.fixture(scope="module")
def found(evidence: Evidence) -> dict[str, Finding]:
    questions = question_contrasts(evidence, evidence.study.contrasts)
    findings = answer(evidence, questions.to_answer())
    judged = judge_contrasts(evidence, questions, findings, evidence.study.statistics)
    return {name: one.finding for name, one in judged.items()}


def test_each_rotation_is_over_its_own_languages_and_all_weigh_the_same(
    evidence: Evidence, found: dict[str, Finding]
) -> None:
    def gain(ours: str, theirs: str, target: str, seed: int, codes: list[str]) -> float:
        mean = [np.mean([evidence.value(name, target, seed, code) for code in codes]) for name in (ours, theirs)]
        return float(mean[0] - mean[1])

    targets = ("synth_nli", "synth_choice")
    first = [np.mean([gain("qa", "none", one, seed, ["bb", "cc", "dd"]) for one in targets]) for seed in range(1, 7)]
    other = [np.mean([gain("shuffled", "harm", one, seed, ["dd", "ee"]) for one in targets]) for seed in range(1, 7)]
    assert found["own"].per_seed == pytest.approx(np.add(first, other) / 2)
    assert found["own"].of_each == pytest.approx([np.mean(first), np.mean(other)])
    assert found["own"].estimate == pytest.approx((np.mean(first) + np.mean(other)) / 2)


def test_what_is_taken_off_and_the_worst_language_are_of_each_rotation(
    evidence: Evidence, found: dict[str, Finding]
) -> None:
    def worst(name: str, target: str, seed: int, codes: tuple[str, ...]) -> float:
        return min(evidence.value(name, target, seed, code) for code in codes)

    def difference(name: str, seed: int) -> float:
        return worst(name, "synth_nli", seed, ("ee", "gg", "hh")) - worst(name, "synth_choice", seed, ("bb", "ff"))

    by_hand = [
        np.mean([difference("qa", seed) - difference("none", seed), difference("shuffled", seed)
                 - difference("harm", seed)])
        for seed in range(1, 7)
    ]  # fmt: skip
    assert found["low"].per_seed == pytest.approx(by_hand)


def test_the_slope_of_a_mean_over_rotations_is_the_mean_of_their_slopes(found: dict[str, Finding]) -> None:
    """Exactly where the mixed model weighs languages alike: here within a tenth of a point per unit."""
    single = [found[f"slope_{name}"].estimate for name in ("qa", "shuffled")]
    assert found["slope"].estimate == pytest.approx(np.mean(single), abs=0.1)  # type: ignore[arg-type]


def test_seeds_are_paired_over_all_arms_of_all_rotations(tmp_path: Path) -> None:
    made = planted_study(contrasts=CONTRASTS, statistics__resamples=200)
    folder = plant(
        tmp_path / "study", made, items=20, skip=lambda cell: (cell.arm, cell.seed.intermediate) == ("harm", 5)
    )
    partial = read_evidence(folder)
    questions = question_contrasts(partial, made.contrasts)
    judged = judge_contrasts(partial, questions, answer(partial, questions.to_answer()), made.statistics)
    assert judged["own"].finding.seeds == (1, 2, 3, 4, 6)
    assert "seed 5 not finished in all arms" in judged["own"].judgement.why
    assert judged["own"].num_languages == 4


def test_the_report_shows_each_rotation_beside_their_mean(evidence: Evidence, found: dict[str, Finding]) -> None:
    blocks = contrasts_part(summarise(evidence, load_claims())).blocks
    said = [text for block in blocks if isinstance(block, Bullets) for text in block.items]
    numbers = [f"{value:+.2f}".replace("-", "−") for value in found["own"].of_each]
    assert f"own, of each rotation: qa − none {numbers[0]}, shuffled − harm {numbers[1]}." in said


LEVELS = {"l0": 0.5, "l1": 0.2, "l2": -0.1}
EFFECTS = {("a", "l0"): 0.2, ("a", "l2"): 0.1, ("b", "l1"): 0.3, ("b", "l2"): 0.0}
"""On the deviate's scale, where an arm has left the language out."""
LABELS = 1.0
"""What labels in a language do there: far more than any gain without them."""
LEFT_OUT = {"a": ("l0", "l2"), "b": ("l1", "l2")}
SEEDS, ITEMS, EASY, LIKING, SEED, SHARED, OF_LANGUAGE = 6, 150, 0.8, 0.3, 0.1, 0.1, 0.03
"""Standard deviations: of items for all arms and for one, of seeds for one arm, of the intermediate arms together, and
of one arm in one language."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Drawn:
    """What `answer` reads of a study's folder, drawn: two arms that leave out one language each, and their reference.

    As in `tests.statistics.worlds`, with three arms on one set of items and what a seed adds to both intermediate arms.
    """

    right: dict[tuple[str, str], np.ndarray]
    """By arm and language, [seeds, items]."""
    study: Study
    """Its seeds and resamples count."""

    @staticmethod
    def of(draw: np.random.Generator) -> "Drawn":
        made = study(seeds={"intermediate": list(range(SEEDS))}, statistics={"resamples": 200})
        easy, together = EASY * draw.normal(size=ITEMS), SHARED * draw.normal(size=(SEEDS, 1))
        right = {}
        for name in ("a", "b", "ref"):
            own, liking = SEED * draw.normal(size=(SEEDS, 1)), LIKING * draw.normal(size=ITEMS)
            own = own + (0.0 if name == "ref" else together)
            for code, level in LEVELS.items():
                effect = 0.0 if name == "ref" else EFFECTS.get((name, code), LABELS)
                mean = level + effect + own + OF_LANGUAGE * draw.normal(size=(SEEDS, 1)) + easy + liking
                right[name, code] = (draw.normal(size=(SEEDS, ITEMS)) < mean).astype(float)
        return Drawn(right=right, study=made)

    @cached_property
    def ids(self) -> np.ndarray:
        return np.arange(ITEMS)

    def seeds(self, name: str, target: str) -> set[int]:
        return set(range(SEEDS))

    def value(self, name: str, target: str, seed: int, language: str) -> float:
        return float(100 * self.right[name, language][seed].mean())

    def tally(self, name: str, target: str, seed: int, language: str) -> Tally:
        over = self.right[name, language][seed].reshape(-1, 1, 1)
        return Tally(ids=self.ids, over=over, under=np.ones_like(over))


def truth() -> float:
    """Of the mean over rotations, where seeds and items have no end: normal deviates add up to a normal deviate."""
    common = 1 + EASY**2 + LIKING**2 + SEED**2 + OF_LANGUAGE**2

    def expected(mean: float, variance: float) -> float:
        return float(100 * stats.norm.cdf(mean / variance**0.5))

    rotations = [
        np.mean(
            [
                expected(LEVELS[code] + EFFECTS[name, code], common + SHARED**2) - expected(LEVELS[code], common)
                for code in left_out
            ]
        )
        for name, left_out in LEFT_OUT.items()
    ]
    return float(np.mean(rotations))


def rotations() -> Asked:
    one, other = (
        Asked(name=name, ours=arm(name, ["t"]), theirs="ref", cells=tuple(("t", code) for code in left_out))
        for name, left_out in LEFT_OUT.items()
    )
    return Asked(name="mean", ours=one.ours, theirs=one.theirs, cells=one.cells, also=(other,))


def test_intervals_of_a_mean_over_rotations_hold_the_truth_as_often_as_they_say() -> None:
    """The rotations share the reference arm, the items, and a part of what each seed adds."""
    draw, asked, expected = np.random.default_rng(11), rotations(), truth()
    answers = [answer(Drawn.of(draw), [asked])["mean"].found for _ in range(SIMULATIONS)]  # type: ignore[arg-type]
    intervals = [one.interval for one in answers if one is not None and one.interval is not None]
    assert all(isinstance(one, BootstrapContrast) for one in answers) and len(intervals) == SIMULATIONS
    hits = sum(low <= expected <= high for low, high in intervals)
    assert in_band(hits, 0.95), hits


def test_the_spread_over_seeds_is_that_of_the_mean_not_of_rotations_that_know_nothing_of_each_other() -> None:
    """Rotations share seeds of the reference, so that adding their variances up would show too little."""
    evidence, asked = Drawn.of(np.random.default_rng(12)), rotations()
    finding = answer(evidence, [asked])["mean"]  # type: ignore[arg-type]
    each = [answer(evidence, [one])[one.name].per_seed for one in asked.differences]  # type: ignore[arg-type]
    by_hand = paired_contrast(np.mean(each, axis=0), np.zeros(SEEDS))
    found = finding.found
    assert isinstance(found, BootstrapContrast) and found.seed_se == pytest.approx(by_hand.se)
    apart = np.sqrt(sum(np.var(one, ddof=1) / SEEDS for one in each)) / 2
    assert found.seed_se > 1.05 * apart
