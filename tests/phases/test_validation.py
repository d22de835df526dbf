"""What a validation measures, on a random model in a world of one rank."""

import json
from pathlib import Path

from ds_stilts.engine.objective import Objective
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.phases.context import Ranks, Run
from ds_stilts.phases.validation import make_watch
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import get_task
from tests.small import tokenizer, xlmr

CONTEXT = "the cat sat on the mat"
QUESTIONS = [
    {"id": "0", "question": "who sat", "answers": [{"text": "cat", "answer_start": 4}], "is_impossible": False},
    {"id": "1", "question": "who ran", "answers": [], "is_impossible": True},
]


def test_questions_that_may_have_no_answer_are_measured_by_what_they_are_scored_by(
    tmp_path: Path, ranks: Ranks
) -> None:
    """The value of SQuAD 2.0 is its best over thresholds, which needs each prediction's margin."""
    squad = {"version": "v2.0", "data": [{"title": "t", "paragraphs": [{"context": CONTEXT, "qas": QUESTIONS}]}]}
    (tmp_path / "squad2").mkdir()
    (tmp_path / "squad2" / "dev-v2.0.json").write_text(json.dumps(squad))
    arm = {"tasks": {"squad_v2": {}}, "steps": 1, "validation": {"every": 1}}
    recipe = Recipe.model_validate({"name": "r", "start": {"model": "m"}, "arms": {"a": arm}, "targets": {}})
    task = get_task("squad_v2")
    model = MultiTaskModel(PackedEncoder(xlmr().base_model), {task.head: build_head("span", 32, 2, 0.0)})
    watch = make_watch(
        Run(recipe=recipe, run_dir=tmp_path, data_root=tmp_path), ranks, recipe.phases_of("a")[0], [task],
        Objective(model, [task]), tokenizer(), max_tokens=64, num_layers=3, num_steps=1,
    )  # fmt: skip
    assert watch is not None
    # refusing both is right for one of the two, and some threshold always gets there
    assert watch.look(1).values["squad_v2"] >= 50.0
