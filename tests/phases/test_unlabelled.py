"""What predictions in target languages say at a validation, on a random model in a world of one rank."""

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.data.prepare import SplitKey
from ds_stilts.engine.choosing import Look
from ds_stilts.engine.objective import Objective
from ds_stilts.errors import DataError
from ds_stilts.evaluation.harness import predict_whole
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.formats.base import Limits
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.phases.splits import unlabelled_keys
from ds_stilts.phases.unlabelled import Found, Oracle, Unlabelled
from ds_stilts.phases.validation import make_watch
from ds_stilts.recipe import Evaluation, Recipe
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import Example, PairExample
from ds_stilts.tasks.task import Split
from tests.evaluation.test_harness import ids
from tests.small import prepared, task, tokenizer, xlmr

LABELS = ("contradiction", "entailment", "neutral")
TASK = get_task("xnli")
NUM = 24


def write(root: Path, language: str, seed: int, labels: list[str]) -> None:
    """Pairs of random letters; the same seed makes the same texts."""
    draw = random.Random(seed)
    texts = ["".join(draw.choices("abcdefghij ", k=12)).strip() + "k" for _ in range(2 * NUM)]
    lines = [f"{texts[2 * i]}\t{texts[2 * i + 1]}\t{label}\n" for i, label in enumerate(labels)]
    path = root / "xnli" / f"dev-{language}.tsv"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """German is English word for word; Swahili is something else."""
    for language, seed in {"en": 1, "de": 1, "sw": 2}.items():
        write(tmp_path, language, seed, [LABELS[(i + seed) % 3] for i in range(NUM)])
    return tmp_path


def run_of(root: Path, **unlabelled: Any) -> Run:
    validation = {"every": 1, "examples": 9, "unlabelled": {"examples": 20, **unlabelled}}
    target = {"steps": 1, "score_languages": ["en", "de", "sw"], "validation": validation}
    values = {"name": "r", "start": {"model": "m"}, "arms": {"none": None}, "targets": {"xnli": target}}
    return Run(recipe=Recipe.model_validate(values), run_dir=root, data_root=root)


def objective() -> Objective:
    torch.manual_seed(0)
    head = build_head("classification", 32, 3, 0.0)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)  # a fresh head would give every example the same label
    return Objective(MultiTaskModel(PackedEncoder(xlmr().base_model), {"xnli": head}), [TASK])


def looked(root: Path, ranks: Ranks, **unlabelled: Any) -> Look:
    model = objective()
    run = run_of(root, **unlabelled)
    watch = make_watch(
        run, ranks, run.recipe.targets["xnli"], [TASK], model, tokenizer(), max_tokens=64, num_layers=3, num_steps=1
    )
    assert watch is not None
    found = watch.look(1)
    assert model.training, "the phase goes on training"
    return found


def test_a_language_with_the_very_texts_of_the_pivot_agrees_with_it_in_all_items(root: Path, ranks: Ranks) -> None:
    found = looked(root, ranks, languages=["de", "sw"])
    shown = found.shown["unlabelled"]["languages"]
    assert shown["de"]["agreement"] == 100 and shown["sw"]["agreement"] < 50
    assert found.agreement == pytest.approx((100 + shown["sw"]["agreement"]) / 2)
    assert found.entropy == pytest.approx((shown["de"]["entropy"] + shown["sw"]["entropy"]) / 2)
    assert 0 < shown["de"]["entropy"] < 1.0987 and found.oracle is None and "oracle" not in found.shown


def test_labels_change_the_oracle_and_nothing_else(root: Path, ranks: Ranks) -> None:
    first = looked(root, ranks, oracle=True)
    for language, seed in {"de": 1, "sw": 2}.items():
        write(root, language, seed, [LABELS[(i * i + seed) % 3] for i in range(NUM)])
    second, without = looked(root, ranks, oracle=True), looked(root, ranks)
    assert first.figures == second.figures == without.figures
    assert first.shown["unlabelled"] == second.shown["unlabelled"] == without.shown["unlabelled"]
    assert first.oracle != second.oracle and set(first.shown["oracle"]["languages"]) == {"de", "sw"}


def test_the_oracle_is_the_tasks_score_on_the_labels_of_the_file(root: Path, ranks: Ranks) -> None:
    """German's labels are written to be what the model says in 15 of 20 cases; only the first 20 are looked at."""
    model, run = objective().eval(), run_of(root, languages=["de"])
    given = [[0, 5, 2, 2, 6, 2]] * 20
    _, key = unlabelled_keys(run, run.recipe.targets["xnli"], TASK, 64)
    assert key.language == "de" and key.unlabelled
    unit = LanguageWork(key=key, prepared=prepared(given), zero_shot=True)
    (answer,) = {
        json.loads(one.prediction)
        for one in predict_whole(model, unit, key.examples(root), Evaluation(), ranks.world, ranks.stop).values()
    }
    other = next(label for label in LABELS if label != answer)
    write(root, "de", 1, [answer] * 15 + [other] * 5 + [answer] * (NUM - 20))
    oracle = Oracle([replace(key, unlabelled=False)], run)
    free = Unlabelled(TASK, [(unit, key.examples(root))], None, oracle)
    measured = free.measure(model, Evaluation(), ranks.world, ranks.stop)
    assert measured.oracle == 75 and measured.agreement is None
    assert measured.shown["oracle"] == {"score": 75, "languages": {"de": 75}}
    assert measured.said.endswith("(by labels 75.0)") and measured.points["unlabelled/oracle"] == 75


def test_a_file_without_labels_has_no_oracle_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "own.tsv").touch()
    texts = [PairExample(id=f"{i}", premise="a", hypothesis="b", label=None) for i in range(3)]
    bare = task("own", labels=LABELS, splits={"dev": Split(read=lambda *_, **__: texts, file="own.tsv")})
    key = SplitKey(task=bare, split="dev", language="en", limits=Limits(max_tokens=8), training=False)
    with pytest.raises(DataError, match=r"own\.tsv has no labels, and validation\.unlabelled\.oracle asks for them"):
        Oracle([key], run_of(tmp_path))


def test_a_language_without_common_items_leaves_the_mean_agreement_unknown(root: Path, ranks: Ranks) -> None:
    keys = {key.language: key for key in unlabelled_keys(run_of(root), run_of(root).recipe.targets["xnli"], TASK, 64)}

    def unit(language: str, prefix: str) -> tuple[LanguageWork, list[Example]]:
        pairs: list[Example] = [
            PairExample(id=f"{prefix}{i}", premise="", hypothesis="", label=None) for i in range(12)
        ]
        given = prepared(ids(12))
        return LanguageWork(key=keys[language], prepared=given, zero_shot=True), pairs

    def found(*units: tuple[LanguageWork, list[Example]]) -> Found:
        return Unlabelled(TASK, units, "en", None).measure(objective().eval(), Evaluation(), ranks.world, ranks.stop)

    assert found(unit("en", "a"), unit("de", "a")).agreement == 100
    with_stranger = found(unit("en", "a"), unit("de", "a"), unit("sw", "b"))
    assert with_stranger.agreement is None and "agreement" not in with_stranger.said
    assert "agreement" not in with_stranger.points
    assert with_stranger.shown["unlabelled"]["languages"]["de"]["agreement"] == 100
