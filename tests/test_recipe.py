"""A recipe is read as it is meant, or refused in a sentence."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Recipe, Training
from ds_stilts.recipe_file import find_recipe, load_recipe, parse_recipe, shipped_recipes

BASE: dict[str, Any] = {
    "name": "probe",
    "start": {"model": "xlm-roberta-large"},
    "arms": {"none": None, "mnli": {"tasks": {"mnli": {}}, "steps": 100}},
    "targets": {"xnli": {"epochs": 2}},
}


def text(**changes: Any) -> str:
    return yaml.safe_dump({**copy.deepcopy(BASE), **changes})


def read(content: str, *overrides: str) -> Recipe:
    return parse_recipe(content, source="probe.yaml", overrides=overrides)


def refused(content: str, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        read(content, *overrides)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_short_recipe_is_completed_with_defaults() -> None:
    recipe = read(text())
    assert recipe.seed == 1 and recipe.engine.config == "zero2_fp32"
    assert recipe.arms["none"] is None
    assert recipe.arms["mnli"] is not None and recipe.arms["mnli"].lr == Training().lr == 1e-5


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sed": 2}, "probe.yaml: sed: unknown key (did you mean 'seed'?); known here: name, "),
        ({"start": {"modle": "x"}}, "start.modle: unknown key (did you mean 'model'?)"),
        ({"targets": {"xnli": {"epochs": 1, "weigth_decay": 0}}},
         "targets.xnli.weigth_decay: unknown key (did you mean 'weight_decay'?)"),
        ({"arms": {"a": {"steps": 1, "tasks": {"mnli": {"langauges": ["en"]}}}}},
         "arms.a.tasks.mnli.langauges: unknown key (did you mean 'languages'?)"),
        ({"training": {"warmpu": 0.1}}, "training.warmpu: unknown key (did you mean 'warmup'?)"),
        ({"engine": {"prozesses": 2}}, "engine.prozesses: unknown key (did you mean 'processes'?)"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_where_it_stands_with_the_nearest_known_one(changes: Any, sentence: str) -> None:
    assert sentence in refused(text(**changes))


def test_a_key_given_twice_is_refused_with_its_line() -> None:
    assert refused(text() + "seed: 1\nseed: 2\n").startswith("probe.yaml, line ")
    content = "name: x\nstart:\n  model: a\n  model: b\narms: {none: null}\ntargets: {}\n"
    assert refused(content) == "probe.yaml, line 4: key 'model' is given twice"


@pytest.mark.parametrize(
    "content", ["a: [1", "{a: 1}: b", "? [a]\n: b", "a: !!python/object:os.system {}", "a: b\n---\nc: d"]
)
def test_what_is_not_plain_yaml_is_refused(content: str) -> None:
    assert "probe.yaml" in refused(content)


@pytest.mark.parametrize(("content", "found"), [("- a\n", "list"), ("", "NoneType"), ("word", "str")])
def test_a_recipe_is_a_mapping(content: str, found: str) -> None:
    assert refused(content) == f"probe.yaml: a recipe is a YAML mapping, found {found}"


@pytest.mark.parametrize("number", ["1e-3", "1.0e-3", "0.001", "1E-3", ".1e-2", "+1e-3"])
def test_numbers_are_read_as_people_mean_them(number: str) -> None:
    arms = f"arms: {{a: {{steps: 1, lr: {number}, tasks: {{mnli: {{}}}}}}}}"
    recipe = read(f"name: x\nstart: {{model: m}}\n{arms}\ntargets: {{}}\n")
    assert recipe.arms["a"] is not None and recipe.arms["a"].lr == 0.001


def test_a_quoted_number_stays_text() -> None:
    assert read(text(description="x")).description == "x"
    assert read(text(), "description='1e-3'").description == "1e-3"


def test_overrides_reach_any_depth_and_win() -> None:
    recipe = read(
        text(training={"lr": 2e-5, "epochs": 1}),
        "seed=7", "arms.mnli.lr=1e-3", "arms.mnli.tasks.mnli.languages=[en, de]", "data.root=/d",
        "targets.xnli.epochs=3", "training.warmup=0.5",
    )  # fmt: skip
    assert (recipe.seed, recipe.data.root) == (7, "/d")
    arm = recipe.arms["mnli"]
    assert arm is not None and (arm.lr, arm.warmup) == (1e-3, 0.5)
    assert arm.tasks["mnli"].languages == ["en", "de"]
    assert (recipe.targets["xnli"].lr, recipe.targets["xnli"].epochs, recipe.targets["xnli"].warmup) == (2e-5, 3, 0.5)


def test_an_override_may_make_what_is_not_there() -> None:
    assert read(text(), "targets.tydiqa.steps=5").targets["tydiqa"].steps == 5
    assert "tydiqa" in read(text(training={"steps": 5}), "targets.tydiqa=null").targets


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("seed", "--set seed: write it as key=value"),
        ("sed=2", "sed: unknown key"),
        ("seed=x", "seed: "),
        ("seed=[", "--set seed=["),
        ("name.mnli=2", "--set name.mnli=2: 'mnli' would stand inside of 'probe', which has no keys; set that first"),
    ],
)
def test_a_bad_override_is_told(override: str, sentence: str) -> None:
    assert sentence in refused(text(), override)


def test_the_training_section_is_taken_over_unless_a_phase_has_its_own() -> None:
    recipe = read(
        text(
            training={"lr": 3e-5, "batch_examples": 8, "steps": 50},
            start={"model": "m", "pretrain": {"tasks": {"text": {}}, "batch_examples": 64}},
            arms={"none": None, "mnli": {"tasks": {"mnli": {}}, "lr": 1e-4}},
            targets={"xnli": None, "udpos": {}},
        )
    )
    assert recipe.start.pretrain is not None and recipe.arms["mnli"] is not None
    phases = [recipe.start.pretrain, recipe.arms["mnli"], recipe.targets["xnli"], recipe.targets["udpos"]]
    assert [phase.lr for phase in phases] == [3e-5, 1e-4, 3e-5, 3e-5]
    assert [phase.batch_examples for phase in phases] == [64, 8, 8, 8]
    assert [phase.steps for phase in phases] == [50, 50, 50, 50]
    assert recipe.arms["none"] is None


def test_a_phases_own_epochs_replace_the_common_steps_and_the_other_way_round() -> None:
    recipe = read(text(training={"steps": 50}))
    assert (recipe.targets["xnli"].steps, recipe.targets["xnli"].epochs) == (None, 2)
    recipe = read(text(training={"epochs": 3}))
    assert recipe.arms["mnli"] is not None
    assert (recipe.arms["mnli"].steps, recipe.arms["mnli"].epochs) == (100, None)


def test_steps_and_epochs_together_are_refused() -> None:
    assert "targets.xnli: give `steps` or `epochs`, not both" in refused(
        text(targets={"xnli": {"steps": 1, "epochs": 1}})
    )


def test_a_phases_own_batch_in_tokens_replaces_the_common_one_in_examples_and_the_other_way_round() -> None:
    recipe = read(text(training={"batch_tokens": 4096}, targets={"xnli": {"epochs": 1, "batch_examples": 16}}))
    assert recipe.arms["mnli"] is not None
    assert (recipe.arms["mnli"].batch_examples, recipe.arms["mnli"].batch_tokens) == (None, 4096)
    assert (recipe.targets["xnli"].batch_examples, recipe.targets["xnli"].batch_tokens) == (16, None)
    again = read(yaml.safe_dump(recipe.model_dump(mode="json")))
    assert again.fingerprint() == recipe.fingerprint() != read(text()).fingerprint()
    assert (Training().batch_examples, Training().batch_tokens) == (32, None)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"batch_tokens": 4096, "batch_examples": 8}, "give `batch_examples` or `batch_tokens`, not both"),
        ({"batch_examples": None}, "`batch_examples` is null and there is no `batch_tokens`; give one of the two"),
    ],
)
def test_a_batch_is_given_in_examples_or_in_tokens(changes: Any, sentence: str) -> None:
    assert f"targets.xnli: {sentence}" in refused(text(targets={"xnli": {"epochs": 1, **changes}}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"start": {}}, "give either `model`"),
        ({"start": {"model": "m", "architecture": {}}}, "give either `model`"),
        ({"start": {"model": "m", "tokenizer": {}}}, "belong to a model made from `architecture`"),
        ({"start": {"architecture": {}}}, "needs `tokenizer`"),
        ({"start": {"architecture": {}, "oracle": {}}}, "start.oracle needs `data.synthetic`"),
        ({"data": {"synthetic": {}, "source": "hub"}}, "data.source: made-up languages are not on the hub"),
        ({"data": {"source": "web"}}, "data.source: Input should be 'files' or 'hub' (found 'web')"),
        ({"arms": {}}, "arms: give at least one"),
        ({"arms": {"a": {"steps": 1}}}, "arms.a.tasks: name at least one task"),
        ({"targets": {"xnli": {"steps": 1, "tasks": {"mnli": {}}}}}, "targets.xnli.tasks: a target trains on its own"),
        ({"arms": {"a": {"steps": 1, "tasks": {"mnli": {"share": 1}, "squad_v1": {}}}}}, "give `share` for every task"),
        ({"arms": {"a": {"steps": 1, "tasks": {"mnli": {"share": 0}}}}}, "a share is a number above 0, or an"),
        ({"arms": {"a": {"steps": 1, "tasks": {"mnli": {"share": "0.5 - t"}}}}}, "'0.5 - t' is below 0 for some t"),
        ({"arms": {"a": {"steps": 1, "tasks": {"mnli": {"share": "1 - s"}}}}}, "'s' in '1 - s' means nothing here"),
        ({"arms": {"a": {"steps": 1, "tasks": {"mnli": {"share": "t"}}}}}, "arms.a.tasks: all shares are 0 at some t"),
        ({"name": "a/b"}, "name: "),
        ({"seed": -1}, "seed: "),
        ({"arms": {"a": {"steps": 0, "tasks": {"mnli": {}}}}}, "arms.a.steps: "),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(changes: Any, sentence: str) -> None:
    assert sentence in refused(text(**changes))


def test_a_refused_value_is_shown() -> None:
    assert "(found 'seven')" in refused(text(seed="seven"))


@pytest.mark.parametrize(
    "override",
    [
        "engine.processes=7", "data.root=/elsewhere", "description=other", "arms.mnli.checkpoint_every=3",
        "arms.mnli.log_every=3", "arms.mnli.micro_batch_tokens=99", "evaluation.batch_tokens=99",
        "evaluation.batch_examples=3", "data.source=hub", "arms.mnli.layer_lr_decay=1", "arms.mnli.freeze=null",
        "evaluation={pooling: mean, special_tokens: true, preset: null, sweep: null}", "arms.mnli.lora=null",
    ],
)  # fmt: skip
def test_the_fingerprint_does_not_see_what_changes_no_number(override: str) -> None:
    assert read(text(), override).fingerprint() == read(text()).fingerprint()


@pytest.mark.parametrize(
    "override",
    [
        "seed=2", "arms.mnli.lr=1e-3", "training.lr=1e-3", "arms.mnli.tasks.mnli.max_examples=5",
        "targets.xnli.epochs=3", "start.model=other", "arms.squad.tasks.squad_v1={}", "engine.config=zero3_bf16",
        "targets.udpos={epochs: 1}", "evaluation.layer=3", "data.synthetic.seed=2", "arms.mnli.layer_lr_decay=0.9",
        "arms.mnli.freeze={embeddings: true}", "arms.mnli.freeze={layers: 2}", "arms.mnli.lora={}",
        "evaluation.preset=paper", "evaluation.pooling=cls", "evaluation.special_tokens=false", "evaluation.sweep=all",
    ],
)  # fmt: skip
def test_the_fingerprint_sees_whatever_decides_a_number(override: str) -> None:
    changed = read(text(), override, *(["arms.squad.steps=1"] if "squad" in override else []))
    assert changed.fingerprint() != read(text()).fingerprint()


def test_writing_a_common_key_into_the_phases_is_the_same_experiment() -> None:
    common = read(text(training={"lr": 1e-3}))
    written = read(text(), "arms.mnli.lr=1e-3", "targets.xnli.lr=1e-3")
    assert common.fingerprint() == written.fingerprint()


def test_a_resolved_recipe_is_the_same_recipe() -> None:
    recipe = read(text(training={"lr": 1e-3, "steps": 3}))
    dumped = yaml.safe_dump(recipe.model_dump(mode="json", exclude={"training"}))
    assert read(dumped).fingerprint() == recipe.fingerprint()


CHAIN: dict[str, Any] = {
    "none": None,
    "chain": {"lr": 1e-4, "steps": 5, "sequence": [{"tasks": {"mnli": {}}, "epochs": 1}, {"tasks": {"squad_v1": {}}}]},
}


def test_phases_of_a_sequence_take_over_what_stands_beside_it_and_then_the_training_section() -> None:
    recipe = read(text(training={"lr": 3e-5, "clip": 0.5}, arms=CHAIN), "arms.chain.sequence.2.lr=2e-4")
    first, second = recipe.phases_of("chain")
    assert [(phase.lr, phase.clip, phase.steps, phase.epochs) for phase in (first, second)] == [
        (1e-4, 0.5, None, 1),
        (2e-4, 0.5, 5, None),
    ]
    assert recipe.phases_of("none") == [] and list(recipe.intermediate()) == [
        "arms.chain.sequence.1",
        "arms.chain.sequence.2",
    ]


def test_a_resolved_sequence_is_the_same_recipe_and_says_nothing_but_its_phases() -> None:
    recipe = read(text(arms=CHAIN))
    dumped = recipe.model_dump(mode="json", exclude={"training"})
    assert list(dumped["arms"]["chain"]) == ["sequence"] and "sequence" not in dumped["arms"]["chain"]["sequence"][0]
    again = read(yaml.safe_dump(dumped))
    assert again == recipe.model_copy(update={"training": {}}) and again.fingerprint() == recipe.fingerprint()


@pytest.mark.parametrize(
    ("arm", "overrides", "sentence"),
    [
        ({"sequence": [{"steps": 1}]}, [], "arms.a.sequence.1.tasks: name at least one task"),
        ({"sequence": []}, [], "arms.a.tasks: name at least one task"),
        ({"sequence": [{"tasks": {"mnli": {}}, "lrr": 1}]}, [],
         "arms.a.sequence.1.lrr: unknown key (did you mean 'lr'?)"),
        ({"sequence": [{"tasks": {"mnli": {}}}], "tasks": {"mnli": {}}}, [],
         "arms.a: give `tasks` or `sequence`, not both"),
        ({"sequence": [{"tasks": {"mnli": {}}}], "stepps": 3}, [], "arms.a.stepps: unknown key (did you"),
        ({"sequence": [{"tasks": {"mnli": {}}, "steps": 1, "epochs": 1}]}, [],
         "arms.a.sequence.1: give `steps` or `epochs`, not both"),
        ({"sequence": [{"tasks": {"mnli": {}}}]}, ["arms.a.sequence.2.lr=1"], "'2' stands for a place in a list of 1"),
        ({"sequence": [{"tasks": {"mnli": {}}}]}, ["arms.a.sequence.x.lr=1"], "count from 1"),
    ],
)  # fmt: skip
def test_a_slip_in_a_sequence_is_told_by_its_place(arm: Any, overrides: list[str], sentence: str) -> None:
    assert sentence in refused(text(arms={"a": arm}), *overrides)


def test_the_fingerprint_sees_a_validation_that_shares_follow() -> None:
    arm = {"tasks": {"mnli": {}, "qqp": {}}, "steps": 100, "validation": {"every": 10}}
    adaptive, uniform = (
        [text(arms={"a": {**arm, "mixing": mixing, "validation": {"every": every}}}) for every in (10, 20)]
        for mixing in ("adaptive", "uniform")
    )
    assert read(adaptive[0]).fingerprint() != read(adaptive[1]).fingerprint()
    assert read(uniform[0]).fingerprint() == read(uniform[1]).fingerprint()


@pytest.mark.parametrize(
    ("mixing", "use", "sentence"),
    [
        ("adaptive", {"share": 2}, 'arms.a.tasks: mnli.share: with mixing "adaptive" shares follow the validations'),
        ("uniform", {"goal": 80}, 'arms.a.tasks: mnli.goal: only mixing "adaptive" looks at it; remove it'),
    ],
)
def test_what_adaptive_mixing_or_another_would_ignore_is_refused(mixing: str, use: Any, sentence: str) -> None:
    arm = {"tasks": {"mnli": use, "qqp": {}}, "mixing": mixing, "steps": 9, "validation": {"every": 3}}
    assert sentence in refused(text(arms={"a": arm}))


def test_older_recipes_keep_their_fingerprint() -> None:
    """Worked out by the code before there were sequences, validation, reused heads and a choice of optimizers."""
    assert read(text()).fingerprint() == "ea6ee2f33362dbf6"


def test_watching_alone_is_the_same_experiment_and_stopping_early_is_another() -> None:
    watched = read(text(), "targets.xnli.validation={every: 5}", "arms.mnli.validation={every: 9, examples: 3}")
    assert watched.fingerprint() == read(text()).fingerprint()
    stopped = read(text(), "targets.xnli.validation={every: 5, patience: 2}")
    assert stopped.fingerprint() != watched.fingerprint()
    assert read(text(), "targets.xnli.validation={every: 6, patience: 2}").fingerprint() != stopped.fingerprint()
    assert read(text(), "targets.xnli.heads=reuse").fingerprint() != read(text()).fingerprint()


def test_phase_1_does_not_take_over_validation() -> None:
    start = {"model": "m", "pretrain": {"tasks": {"text": {}}, "steps": 3}}
    recipe = read(text(training={"validation": {"every": 5}, "lr": 1e-3}, start=start))
    assert recipe.start.pretrain is not None and recipe.start.pretrain.validation is None
    assert recipe.start.pretrain.lr == recipe.targets["xnli"].lr == 1e-3
    assert recipe.targets["xnli"].validation == recipe.phases_of("mnli")[0].validation != None  # noqa: E711


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("arms.mnli.warmup=2.5", "arms.mnli.warmup: 2.5 is neither a share below 1 nor a whole number of steps"),
        ("arms.mnli.warmup=100", "arms.mnli.warmup: 100 steps would fill all 100; give fewer"),
        ("targets.xnli={epochs: 2, optimizer: adafactor, adam_eps: 1e-6}", "targets.xnli.adam_eps: adafactor has no"),
        ("targets.xnli={epochs: 2, compile: layers, activation_checkpointing: true}", "targets.xnli.compile: torch."),
        ("evaluation={preset: paper, layer: 3}", "evaluation: layer: preset paper brings its own; remove `layer`, or"),
        ("evaluation={preset: script, pooling: cls}", "evaluation: pooling: preset script brings its own"),
        ("evaluation={pooling: cls, special_tokens: false}", "evaluation: special_tokens: cls pooling takes a special"),
        ("evaluation.sweep=[]", "evaluation: sweep: it names no hidden state; give some, `all`, or remove it"),
        ("arms.mnli.layer_lr_decay=1.1", "arms.mnli.layer_lr_decay: Input should be less than or equal to 1"),
        ("arms.mnli.layer_lr_decay=0", "arms.mnli.layer_lr_decay: Input should be greater than 0"),
        ("arms.mnli.freeze={}", "arms.mnli.freeze: nothing is frozen by it; give `embeddings: true`, `layers: N`"),
        ("arms.mnli.freeze={layer: 2}", "arms.mnli.freeze.layer: unknown key (did you mean 'layers'?)"),
        (
            "start={architecture: {}, tokenizer: {}, pretrain: {tasks: {text: {}}, steps: 1, freeze: {layers: 1}}}",
            "start.pretrain.freeze: a model made from `architecture` has learned nothing that could be kept",
        ),
        (
            "start={architecture: {}, tokenizer: {}, pretrain: {tasks: {text: {}}, steps: 1, lora: {}}}",
            "start.pretrain.lora: a model made from `architecture` has learned nothing that could be kept",
        ),
        ("arms.mnli.lora={rank: 0}", "arms.mnli.lora.rank: Input should be greater than or equal to 1"),
        ("arms.mnli.lora={modules: []}", "arms.mnli.lora.modules: List should have at least 1 item"),
        (
            "targets.xnli={epochs: 2, lora: {}, freeze: {layers: 1}}",
            "targets.xnli.lora: it leaves all of the model as it is already; remove `freeze`",
        ),
        ("arms.mnli={tasks: {mnli: {}}, lora: {}, average: {last: 2, every: 1}}", "mnli.lora: the mean of two factors"),
        (
            "arms.mnli.average={last: 3, every: 50}",
            "arms.mnli.average: 3 weights that lie 50 steps apart need 101 steps, and the phase has 100; give less",
        ),
        (
            "targets.xnli={epochs: 2, average: {last: 2, every: 1}, validation: {every: 5, patience: 2}}",
            "targets.xnli.average: with `validation.patience` the phase ends with the weights of its best step",
        ),
        ("arms.mnli.optimizer=adam", "'adamw', 'adafactor' or 'lamb'"),
    ],
)
def test_what_the_optimisation_would_ignore_or_could_not_do_is_told(override: str, sentence: str) -> None:
    assert sentence in refused(text(), override)


@pytest.mark.parametrize("name", shipped_recipes())
def test_every_shipped_recipe_is_read(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.description and recipe.targets
    assert find_recipe(name).is_file()


def test_a_recipe_is_found_by_path_or_the_nearest_name_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text(), encoding="utf-8")
    assert load_recipe(str(path)).name == "probe"
    with pytest.raises(RecipeError, match=r"no recipe 'quickstrat' \(did you mean 'quickstart'\?\)"):
        load_recipe("quickstrat")


def test_a_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RecipeError, match=r"x\.yaml cannot be read as a recipe"):
        load_recipe(str(tmp_path / "x.yaml"))
