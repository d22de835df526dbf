"""Claims judged from runs with planted effects, and from the catalogue."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ds_stilts.evaluation.benchmarks import Benchmark
from ds_stilts.studies.claims import structure
from ds_stilts.studies.claims.claims_file import Claims, load_claims
from ds_stilts.studies.claims.judge import ClaimResult, judge_claims
from ds_stilts.studies.claims.text import claims_text, claims_values
from ds_stilts.studies.report.collect import Evidence, read_evidence
from ds_stilts.studies.study import Study

Copy = Callable[..., tuple[Path, Study]]
HELPS = {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}}
HARM = {**HELPS, "arm": "harm"}
NULL = {**HELPS, "arm": "shuffled"}


def claims(parts: dict[str, Any], needs: dict[str, int] | None = None, **more: Any) -> Claims:
    entry = {"text": "It helps.", "parts": parts, "needs": needs or {}}
    entry |= {key: more.pop(key) for key in ("split",) if key in more}
    statistics = {"resamples": 300}
    values = {"claims": "mine", "title": "A paper", "version": "v1", "statistics": statistics, "entries": {"A": entry}}
    return Claims.model_validate({**values, **more})


@pytest.fixture(scope="module")
def evidence(planted: Path) -> Evidence:
    return read_evidence(planted)


def judged(evidence: Evidence, *args: Any, **more: Any) -> ClaimResult:
    (found,) = judge_claims(claims(*args, **more), [evidence])
    return found


@pytest.mark.parametrize(
    ("parts", "needs", "verdict"),
    [
        ({"a": HELPS}, {}, "CONFIRMED"),
        ({"a": HARM}, {}, "REFUTED"),
        ({"a": NULL}, {}, "INCONCLUSIVE"),
        ({"a": HELPS, "b": HARM}, {}, "REFUTED"),
        ({"a": HELPS, "b": NULL}, {}, "INCONCLUSIVE"),
        ({"g.a": HELPS, "g.b": NULL, "g.c": HARM}, {"g": 1}, "CONFIRMED"),
        ({"g.a": HELPS, "g.b": NULL, "g.c": HARM}, {"g": 2}, "INCONCLUSIVE"),
        ({"g.a": HELPS, "g.b": HARM, "g.c": HARM}, {"g": 2}, "REFUTED"),
        ({"g.a": HELPS, "g.b": HARM, "h": {**NULL, "predicted": {"equal_within": 3}}}, {"g": 1}, "CONFIRMED"),
        ({"a": HELPS, "b": {**HELPS, "arm": "never_run"}}, {}, "INCONCLUSIVE"),
        ({"b": {**HELPS, "arm": "never_run"}}, {}, "NOT RUN"),
    ],
)
def test_a_claim_is_judged_by_its_parts(
    evidence: Evidence, parts: dict[str, Any], needs: dict[str, int], verdict: str
) -> None:
    assert judged(evidence, parts, needs).verdict == verdict


def test_a_verdict_comes_with_number_interval_n_and_rule(evidence: Evidence) -> None:
    found = judged(evidence, {"a": HELPS})
    part = found.parts["a"]
    assert part.estimate is not None and part.interval is not None and part.n == 6 and part.adjusted_p is not None
    assert "points; 95 % interval +" in found.why and "Holm-adjusted p < 0.05" in found.rule
    assert found.where == str(evidence.folder) and part.method.startswith("multi-bootstrap")


def test_low_power_is_said(evidence: Evidence) -> None:
    found = judged(evidence, {"a": NULL})
    assert "with power 0.8 these runs find an effect of" in found.why and found.parts["a"].detectable is not None


@pytest.mark.parametrize(
    ("parts", "more", "why"),
    [
        ({"a": {**HELPS, "arm": "mnli"}}, {}, "study 'small' has no arm 'mnli'"),
        ({"a": {**HELPS, "of": {"targets": ["xnli"]}}}, {}, "study 'small' has no target 'xnli'"),
        ({"a": HELPS}, {"split": "dev"}, "'synth_nli' is scored on test, and the claim is about 'dev'"),
        ({"a": HELPS}, {"model": "FacebookAI/xlm-roberta-large"}, "study 'small' starts from a model made there"),
    ],
)
def test_runs_of_something_else_judge_nothing(
    evidence: Evidence, parts: dict[str, Any], more: dict[str, Any], why: str
) -> None:
    found = judged(evidence, parts, **more)
    assert found.verdict == "NOT RUN" and why in found.why and found.where == ""


def test_a_claim_is_judged_in_the_first_study_that_it_is_about(evidence: Evidence, copied: Copy) -> None:
    folder, _ = copied(lambda cell: cell.arm == "qa")
    other = read_evidence(folder)
    (found,) = judge_claims(claims({"a": HELPS, "b": HARM}), [other, evidence])
    assert found.parts["a"].verdict == "CONFIRMED" and found.parts["b"].verdict == "REFUTED"
    assert found.where == f"{evidence.folder}, {folder}"


def test_without_runs_claims_about_runs_are_not_run_and_the_others_are_judged() -> None:
    found = {one.id: one for one in judge_claims(load_claims(), [])}
    assert [id for id, one in found.items() if one.verdict == "NOT RUN"] == [f"C{number}" for number in range(1, 8)]
    assert [id for id, one in found.items() if one.verdict == "CONFIRMED"] == [f"C{number}" for number in range(8, 15)]
    assert found["C8"].why.startswith("9 tasks in 40 languages") and found["C8"].where == "catalogue"
    text = claims_text(load_claims(), list(found.values()))
    for id, one in found.items():
        assert f"{id.ljust(3)}  {one.verdict}: " in text
    assert max(map(len, text.splitlines()[1:])) <= 110
    values = claims_values(load_claims(), list(found.values()))
    assert [one["id"] for one in values["results"]] == list(found) and values["version"] == "v2"


def test_a_claim_about_the_catalogue_is_refuted_where_the_catalogue_lacks_it(monkeypatch: pytest.MonkeyPatch) -> None:
    fewer = Benchmark(name="xtreme", title="XTREME", groups={"qa": ("xquad", "tydiqa")}, score_is_official=True)
    monkeypatch.setattr(structure, "XTREME", fewer)
    monkeypatch.setattr(structure, "NINE", (*structure.NINE, "triviaqa"))
    monkeypatch.setattr(structure, "FAMILIES", {**structure.FAMILIES, "dialogue": "persona"})
    monkeypatch.setattr(structure, "FORMATS", {**structure.FORMATS, "mining": "ranking"})
    refuted = [name for name, check in structure.STRUCTURES.items() if not check().holds]
    assert refuted == ["xtreme_zero_shot", "nine_intermediates", "families", "targets_are_xtreme"]
    assert "missing: triviaqa" in structure.STRUCTURES["nine_intermediates"]().found
