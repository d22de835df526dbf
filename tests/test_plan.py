"""What a recipe leads to, and what it cannot ask for, known before any file is opened."""

from typing import Any

import pytest

from ds_stilts.errors import RecipeError
from ds_stilts.plan import (
    arm_stages,
    check_recipe,
    clean_target,
    reused_head,
    stage_before,
    stages,
    trains_target,
)
from ds_stilts.plan_validation import validated_tasks, validation_languages
from ds_stilts.recipe import Recipe, Target, TaskUse, Training, Validation
from ds_stilts.recipe_file import load_recipe, shipped_recipes
from ds_stilts.tasks import get_task

MADE = {"architecture": {"hidden_size": 32, "heads": 2}, "tokenizer": {"vocabulary": 64}}
TEXT = {"tasks": {"text": {}}, "steps": 3}


def recipe(**changes: Any) -> Recipe:
    values: dict[str, Any] = {
        "name": "r",
        "start": {"model": "owner/model"},
        "arms": {"none": None, "nli": {"tasks": {"mnli": {}}, "steps": 5}},
        "targets": {"xnli": {"steps": 5}, "tatoeba": {}},
    }
    return Recipe.model_validate({**values, **changes})


def test_stages_come_in_the_order_in_which_they_need_each_other() -> None:
    names = stages(recipe())
    assert names == [
        "start", "arms/nli", "targets/none/xnli", "targets/none/tatoeba", "targets/nli/xnli", "targets/nli/tatoeba",
    ]  # fmt: skip
    for made in (recipe(), recipe(start={**MADE, "pretrain": TEXT})):
        for place, name in enumerate(names):
            before = stage_before(made, name)
            assert before is None or before in names[:place]


def test_a_stage_begins_with_the_model_of_the_one_before_it() -> None:
    made = recipe(start={**MADE, "pretrain": TEXT})
    assert [stage_before(made, name) for name in ("start", "arms/nli", "targets/none/xnli", "targets/nli/xnli")] == [
        None, "start", "start", "arms/nli",
    ]  # fmt: skip


def test_a_checkpoint_that_is_only_loaded_needs_no_stage_before() -> None:
    assert stage_before(recipe(), "arms/nli") is None
    assert stage_before(recipe(), "targets/none/xnli") is None
    assert stage_before(recipe(start={"model": "owner/model", "pretrain": TEXT}), "arms/nli") == "start"


def test_a_perturbed_target_begins_with_the_clean_ones_model_and_comes_after_it() -> None:
    made = recipe(targets={"xquad:noise": {"steps": 5}, "tatoeba": {}, "xquad": {"steps": 5}})
    names = [name for name in stages(made) if name.startswith("targets/nli/")]
    assert names == ["targets/nli/tatoeba", "targets/nli/xquad", "targets/nli/xquad:noise"]
    assert [stage_before(made, name) for name in names] == ["arms/nli", "arms/nli", "targets/nli/xquad"]
    assert [trains_target(made, target) for target in made.targets] == [False, False, True]


WATCHED = {"every": 2, "unlabelled": {"split": "dev"}}


@pytest.mark.parametrize(
    ("clean", "perturbed"),
    [
        ({"xquad": {}}, {"xquad:distractor": {}}),
        ({"xquad": {}}, {"xquad:noise": {"score_languages": ["de"], "max_score_examples": 9}}),
        ({"xquad": {}}, {"xquad:noise": {"micro_batch_tokens": 512, "checkpoint_every": 7, "log_every": 1}}),
        ({"xquad": {"validation": {"every": 2}}}, {"xquad:noise": {"validation": {"every": 2}}}),
        ({"tydiqa": {}}, {"tydiqa:noise": {}}),
        ({"xnli": {"validation": WATCHED}}, {"xnli:noise": {"validation": WATCHED}}),
    ],
)
def test_a_perturbed_target_that_is_trained_alike_has_the_clean_ones_model(clean: Any, perturbed: Any) -> None:
    made = recipe(targets={**clean, **perturbed}, training={"steps": 5})
    assert clean_target(made, next(iter(perturbed))) == next(iter(clean))


@pytest.mark.parametrize(
    ("clean", "perturbed"),
    [
        ({"mlqa": {}}, {"xquad:noise": {}}),
        ({"xquad:distractor": {}}, {"xquad:noise": {}}),
        ({"xquad": {}}, {"xquad:noise": {"lr": 0.5}}),
        ({"xquad": {}}, {"xquad:noise": {"max_tokens": 64}}),
        ({"xquad": {}}, {"xquad:noise": {"validation": {"every": 2}}}),
        # Its dev set is what is scored, so that a look at it is one at perturbed texts.
        ({"tydiqa": {"validation": {"every": 2}}}, {"tydiqa:noise": {"validation": {"every": 2}}}),
        # Looks without labels are in the languages that are scored.
        ({"xnli": {"validation": WATCHED}}, {"xnli:noise": {"validation": WATCHED, "score_languages": ["de"]}}),
        ({"squad_v1": {}}, {"squad_v1:shuffled": {}}),
    ],
)
def test_any_other_perturbed_target_trains_a_model_of_its_own(clean: Any, perturbed: Any) -> None:
    name = next(iter(perturbed))
    made = recipe(targets={**clean, **perturbed}, training={"steps": 5})
    assert clean_target(made, name) is None and trains_target(made, name)
    assert stage_before(made, f"targets/nli/{name}") == "arms/nli"


CHAIN = {"sequence": [{"tasks": {"mnli": {}}, "steps": 1}, {"tasks": {"squad_v1": {}}, "steps": 1}]}


def test_a_sequence_has_a_stage_for_each_phase_and_targets_begin_with_the_last() -> None:
    made = recipe(arms={"none": None, "chain": CHAIN}, targets={"xnli": {"steps": 1}}, start={**MADE, "pretrain": TEXT})
    names = stages(made)
    assert names == ["start", "arms/chain/1", "arms/chain/2", "targets/none/xnli", "targets/chain/xnli"]
    assert [stage_before(made, name) for name in names] == [None, "start", "arms/chain/1", "start", "arms/chain/2"]
    assert [list(phase.tasks) for phase in arm_stages(made, "chain").values()] == [["mnli"], ["squad_v1"]]
    assert arm_stages(made, "none") == {}


def test_what_is_wrong_in_a_phase_of_a_sequence_is_told_by_its_place() -> None:
    phases = [CHAIN["sequence"][0], {"tasks": {"squad_v1": {}}}]
    with pytest.raises(RecipeError, match=r"arms\.a\.sequence\.2: how long to train is missing"):
        check_recipe(recipe(arms={"a": {"sequence": phases}}), processes=1)


ARMS = {"none": None, "nli": {"tasks": {"mnli": {}}, "steps": 5}, "chain": CHAIN}


@pytest.mark.parametrize(
    ("target", "values", "expected"),
    [
        ("xnli", {}, [None, None, None]),
        ("xnli", {"heads": "reuse"}, [None, "mnli", "mnli"]),
        ("xquad", {"heads": "reuse"}, [None, None, "squad_v1"]),
        ("xquad", {"heads": "reuse", "reuse_head": "squad_v1"}, [None, None, "squad_v1"]),
    ],
)
def test_a_head_is_reused_where_an_arm_has_trained_one_that_fits(
    target: str, values: dict[str, Any], expected: list[str | None]
) -> None:
    made = recipe(arms=ARMS, targets={target: {"steps": 1, **values}})
    check_recipe(made, processes=1)
    assert [reused_head(made, arm, get_task(target)) for arm in ARMS] == expected


def test_of_several_heads_that_fit_one_must_be_named_unless_it_has_the_targets_own_name() -> None:
    both = {"mix": {"tasks": {"mnli": {}, "jnli": {}}, "steps": 5}}
    assert get_task("mnli").labels == get_task("jnli").labels and get_task("mnli").head != get_task("jnli").head
    with pytest.raises(RecipeError, match=r"targets\.xnli\.heads: arm 'mix' trains several heads .*mnli, jnli"):
        check_recipe(recipe(arms=both, targets={"xnli": {"steps": 1, "heads": "reuse"}}), processes=1)
    named = recipe(arms=both, targets={"xnli": {"steps": 1, "heads": "reuse", "reuse_head": "jnli"}})
    check_recipe(named, processes=1)
    assert reused_head(named, "mix", get_task("xnli")) == "jnli"
    own = {"mix": {"tasks": {"mnli": {}, "xnli": {}}, "steps": 5}}
    made = recipe(arms=own, targets={"xnli": {"steps": 1, "heads": "reuse"}})
    assert reused_head(made, "mix", get_task("xnli")) == "xnli"


@pytest.mark.parametrize(
    ("targets", "sentence"),
    [
        ({"xnli": {"steps": 1, "reuse_head": "mnli"}}, "xnli.reuse_head: the head is fresh; add `heads: reuse`"),
        ({"tatoeba": {"heads": "reuse"}}, "tatoeba.heads: nothing is trained for a retrieval task"),
        ({"udpos": {"steps": 1, "heads": "reuse"}}, r"udpos.heads: no arm trains a head that fits 'udpos' \(tagging"),
        ({"xnli": {"steps": 1, "heads": "reuse", "reuse_head": "mlni"}},
         "xnli.reuse_head: no arm trains task 'mlni' .did you mean 'mnli'"),
        ({"xnli": {"steps": 1, "heads": "reuse", "reuse_head": "squad_v1"}},
         "the head of 'squad_v1' does not fit: it was trained for span_qa and 'xnli' is sentence_pair"),
        ({"pawsx": {"steps": 1, "heads": "reuse", "reuse_head": "mnli"}},
         "does not fit: its labels are contradiction, entailment, neutral, and those of 'pawsx' 0, 1"),
    ],
)  # fmt: skip
def test_a_head_that_cannot_be_reused_is_refused(targets: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        check_recipe(recipe(arms=ARMS, targets=targets), processes=1)


@pytest.mark.parametrize(
    ("validation", "sentence"),
    [
        ({"split": "devv"}, "nli.validation: task 'mnli' has no split 'devv'"),
        ({"languages": ["de"]}, "nli.validation.languages: task 'mnli' has no language 'de'"),
        ({"languages": []}, "nli.validation.languages: the list is empty"),
        ({"metric": "f1"}, "nli.validation.metric: task 'mnli' has no metric 'f1'; it has: accuracy"),
    ],
)
def test_a_validation_that_cannot_be_is_refused(validation: dict[str, Any], sentence: str) -> None:
    arms = {"nli": {"tasks": {"mnli": {}}, "steps": 5, "validation": {"every": 2, **validation}}}
    with pytest.raises(RecipeError, match=rf"arms\.{sentence}"):
        check_recipe(recipe(arms=arms), processes=1)


def test_running_text_has_nothing_to_validate_alone_and_is_left_out_of_a_mixture() -> None:
    watched = {"steps": 5, "validation": {"every": 2}}
    with pytest.raises(RecipeError, match=r"arms\.mlm\.validation: running text has no score to watch"):
        check_recipe(recipe(arms={"mlm": {"tasks": {"text": {}}, **watched}}), processes=1)
    mixed = recipe(arms={"mix": {"tasks": {"text": {}, "mnli": {}}, **watched}})
    check_recipe(mixed, processes=1)
    (phase,) = mixed.phases_of("mix")
    assert [task.name for task in validated_tasks(phase, [get_task("text"), get_task("mnli")])] == ["mnli"]


@pytest.mark.parametrize(
    ("name", "phase", "expected"),
    [
        ("xnli", Target(validation=Validation(every=1)), ["en"]),
        ("xnli", Target(validation=Validation(every=1, languages=["de", "sw"])), ["de", "sw"]),
        ("panx", Target(validation=Validation(every=1), train_languages=["de", "sw"]), ["de"]),
        ("tydiqa", Training(validation=Validation(every=1), tasks={"tydiqa": TaskUse(languages=["ko", "en"])}), ["ko"]),
        ("klue_nli", Training(validation=Validation(every=1), tasks={"klue_nli": TaskUse()}), ["ko"]),
    ],
)
def test_validation_is_in_english_or_the_first_language_that_is_trained_on(
    name: str, phase: Training, expected: list[str]
) -> None:
    """XNLI's dev set has 15 languages and begins with Arabic; choosing by any of them would not be zero-shot."""
    assert validation_languages(phase, get_task(name)) == expected


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_can_run_as_it_is(name: str) -> None:
    shipped = load_recipe(name)
    check_recipe(shipped, shipped.engine.processes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"start": {"architecture": {"hidden_size": 32, "heads": 3}, "tokenizer": {}, "pretrain": TEXT}},
            "32 cannot be",
        ),
        ({"start": MADE}, "start.tokenizer: it is trained on the tasks of start.pretrain; add"),
        (
            {"start": {**MADE, "pretrain": {"tasks": {"mnli": {}}, "steps": 1}}},
            "start.pretrain.tasks.mnli: the tokenizer",
        ),
        (
            {"start": {**MADE, "oracle": {}, "pretrain": TEXT}, "data": {"synthetic": {}}},
            "start: `oracle` brings its own tokenizer",
        ),
        ({"start": {**MADE, "pretrain": TEXT, "revision": "abc"}}, "start.revision: it names a version"),
        ({"start": {**MADE, "pretrain": {"tasks": {"txet": {}}, "steps": 1}}}, "start.pretrain.tasks: no task 'txet'"),
        ({"targets": {"xnli:shufled": {"steps": 1}}}, "targets: no variant 'shufled' of task 'xnli'"),
        ({"targets": {"xnli": {"steps": 1, "score_languages": ["xx"]}}}, "targets.xnli.score_languages: .*'xx'"),
        ({"targets": {"xnli": {"steps": 1, "score_languages": []}}}, "targets.xnli.score_languages: the list is empty"),
        ({"targets": {"xnli": {"steps": 1, "train_languages": ["de"]}}}, "targets.xnli.train_languages: .*it has: en"),
        ({"targets": {"xnli": {}}}, "targets.xnli: how long to train is missing"),
        ({"targets": {"xnli": {"steps": 1, "batch_examples": 3}}}, "targets.xnli.batch_examples is 3, .* 4 ranks"),
        (
            {"targets": {"xnli": {"steps": 1, "batch_tokens": 511}}},
            "targets.xnli.batch_tokens is 511, too few for 4 ranks, .*xnli may have 128 tokens; raise it to 512",
        ),
        (
            {"arms": {"a": {"tasks": {"mnli": {}, "cosmosqa": {}}, "steps": 1, "batch_tokens": 512}}},
            "arms.a.batch_tokens is 512, .*: one of cosmosqa may have 1,024 tokens; raise it to 4,096",
        ),
        (
            {"arms": {"a": {"tasks": {"mnli": {}, "qqp": {}}, "steps": 9, "mixing": "adaptive"}}},
            'arms.a.mixing: "adaptive" follows what validations find; add `validation`',
        ),
        (
            {
                "arms": {
                    "a": {
                        "tasks": {"mnli": {}, "text": {}},
                        "steps": 9,
                        "mixing": "adaptive",
                        "validation": {"every": 3},
                    }
                }
            },
            "arms.a.mixing: .*'text' is running text",
        ),
        (
            {
                "arms": {
                    "a": {
                        "tasks": {"mnli": {}, "qqp": {}},
                        "steps": 9,
                        "mixing": "adaptive",
                        "validation": {"every": 9},
                    }
                }
            },
            "arms.a.mixing: .* would never change a share, .* after step 9",
        ),
        (
            {"arms": {"a": {"tasks": {"mnli": {"join_lines": True}}, "steps": 9}}},
            "arms.a.tasks.mnli.join_lines: only running text",
        ),
        (
            {"arms": {"a": {"tasks": {"ntrex": {"join_lines": True}}, "steps": 9}}},
            "arms.a.tasks.ntrex.join_lines: only running text without translations",
        ),
        (
            {"arms": {"a": {"tasks": {"xquad:noise": {}}, "steps": 9}}},
            "arms.a.tasks.xquad:noise: texts are perturbed where they are scored only; train on 'xquad'",
        ),
        (
            {"targets": {"xquad:noise": {"steps": 9, "score_split": "dev"}}},
            "targets.xquad:noise.score_split: of 'xquad:noise' only split 'test' is perturbed",
        ),
        (
            {"arms": {"a": {"tasks": {"mnli": {"where": {"gener": ["fiction"]}}}, "steps": 9}}},
            r"arms\.a\.tasks\.mnli\.where\.gener: .*task 'mnli', split 'train', .* \(did you mean 'genre'\?\); they "
            "can by: genre",
        ),
        (
            {"arms": {"a": {"tasks": {"snli": {"where": {"genre": ["fiction"]}}}, "steps": 9}}},
            r"arms\.a\.tasks\.snli\.where\.genre: .*they cannot by any; remove it",
        ),
        ({"engine": {"config": "mine.json"}}, "engine.config: .*or give the path of a DeepSpeed JSON file"),
    ],
)
def test_what_cannot_be_done_is_told_by_its_key(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        check_recipe(recipe(**changes), processes=4)


def test_a_pool_is_nothing_to_score() -> None:
    with pytest.raises(RecipeError, match=r"targets\.mewslix\.score_split: 'pool' is what is searched in"):
        check_recipe(recipe(targets={"mewslix": {"score_split": "pool"}}), processes=1)


@pytest.mark.parametrize("name", ["bucc2018", "lareqa", "mewslix"])
def test_nothing_can_be_trained_on_a_set_that_is_searched(name: str) -> None:
    check_recipe(recipe(targets={name: {}}), processes=4)
    with pytest.raises(RecipeError, match=rf"arms\.a\.tasks\.{name}: nothing can be trained on a retrieval task"):
        check_recipe(recipe(arms={"a": {"tasks": {name: {}}, "steps": 1}}), processes=4)


def test_a_retrieval_target_needs_neither_steps_nor_examples_for_every_rank() -> None:
    check_recipe(recipe(targets={"tatoeba": {"batch_examples": 1}}), processes=4)
