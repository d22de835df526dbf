"""A whole prediction: its value, its text, and what a user is told."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.evaluation.similarity import TaskVectors, embedding_similarity
from ds_stilts.studies.predict.prediction import predict_study, similarity
from ds_stilts.studies.predict.tasks import Part
from ds_stilts.studies.predict.text import prediction_text
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task
from tests.studies.planted import plant


def vectors(*embedding: float) -> TaskVectors:
    return TaskVectors(
        embedding_D=torch.tensor(embedding, dtype=torch.float64), sketches=torch.zeros(1, 4), agreement=1
    )


def test_an_arms_similarity_is_the_weighted_mean_over_its_tasks() -> None:
    target, task = vectors(1.0, 0.0), get_task("synth_qa")
    parts = [
        Part(task=task, weight=0.75, vectors=vectors(3.0, 4.0)),
        Part(task=task, weight=0.25, vectors=vectors(0, 1)),
    ]
    assert similarity(target, parts, embedding_similarity) == pytest.approx(0.75 * 0.6)
    taken_off = [parts[0], Part(task=task, weight=-0.25, vectors=vectors(1.0, 0.0))]
    assert similarity(target, taken_off, embedding_similarity) == pytest.approx(0.75 * 0.6 - 0.25)


def test_arms_that_differ_in_the_order_of_their_tasks_alone_are_equal() -> None:
    target, weights = vectors(1.0, 0.0), (0.1, 0.2, 0.3, 0.4)
    parts = [Part(task=get_task("synth_qa"), weight=own, vectors=vectors(own, 1.0)) for own in weights]
    found = {similarity(target, list(order), embedding_similarity) for order in permutations(parts)}
    assert len(found) == 1


@pytest.fixture(scope="module")
def folder(ranked: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def effect(arm: str, target: str, language: str) -> float:
        return {"qa": 8.0, "nli": -3.0, "joint": -6.0}.get(arm, 0.0)

    return plant(tmp_path_factory.mktemp("planted"), ranked, effect, items=300)


@pytest.fixture(scope="module")
def found(ranked: Study, store: Store, folder: Path) -> dict[str, Any]:
    return predict_study(ranked, folder=folder, store=store, examples=24)


def test_every_arm_has_both_similarities_to_every_target_and_its_score(found: dict[str, Any]) -> None:
    assert found["layers"] == [1, 2] and found["start"]["seed"] == 5
    assert found["arms"]["joint"] == {"synth_qa": pytest.approx(0.75), "synth_nli": pytest.approx(0.25)}
    for own in found["targets"].values():
        assert list(own["arms"]) == ["qa", "nli", "joint", "chain", "merged"]
        for arm in own["arms"].values():
            assert -1 <= arm["gradient"] <= 1 and -1 <= arm["embedding"] <= 1
            assert arm["score"] - own["truth"]["baseline"] == pytest.approx(arm["gain"])
        assert set(own["truth"]["predictors"]) == {"embedding", "gradient"}
        assert set(own["truth"]["chance"]["regret"]) == {"1", "3"}


def test_the_targets_own_task_is_the_most_alike_and_is_marked(found: dict[str, Any]) -> None:
    arms = found["targets"]["synth_nli"]["arms"]
    assert max(arms, key=lambda arm: arms[arm]["embedding"]) == "nli"
    own = ["synth_nli"]
    assert [arms[arm]["overlap"] for arm in ("qa", "nli", "joint", "chain", "merged")] == [[], own, own, own, own]
    assert all(arm["overlap"] == [] for arm in found["targets"]["synth_choice"]["arms"].values())


def test_a_prediction_is_made_again_to_the_last_digit(
    ranked: Study, store: Store, folder: Path, found: dict[str, Any]
) -> None:
    assert predict_study(ranked, folder=folder, store=store, examples=24) == found


def test_the_text_has_ranks_gains_and_regret_beside_that_of_chance(found: dict[str, Any]) -> None:
    text = prediction_text(found)
    line = next(line for line in text.splitlines() if line.split()[:1] == ["nli"])
    own = found["targets"]["synth_nli"]["arms"]["nli"]
    assert line.split()[:3] == ["nli", f"{own['embedding']:.3f}", "(1)"]
    told = f"{own['score']:.1f} {own['gain']:+.1f} synth_nli (synth_nli: the target's own training data)"
    assert " ".join(line.split()[5:]) == told
    chance = found["targets"]["synth_nli"]["truth"]["chance"]["regret"]
    (random,) = [line for line in text[: text.index("synth_choice\n")].splitlines() if "random choice" in line]
    assert random.split() == ["random", "choice", f"{chance['1']:.1f}", "%", f"{chance['3']:.1f}", "%"]
    assert "Spearman (n = 5)" in text and "left out: shuffled is a control" in text


def test_without_scores_the_text_says_that_nothing_is_known(ranked: Study, store: Store, tmp_path: Path) -> None:
    bare = predict_study(ranked, folder=tmp_path / "new", store=store, examples=4, arms=["qa", "nli"], layers=[2])
    assert all(own["truth"] is None for own in bare["targets"].values())
    assert "the study's folder has scores of no two of these arms" in prediction_text(bare)
    assert not (tmp_path / "new").exists()
