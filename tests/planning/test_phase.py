"""One phase: what is trained, micro-batch and accumulation as the run derives them, the largest budget that fits."""

from dataclasses import replace
from typing import Any

import pytest

from ds_stilts.models.encoder import SUPPORTED, PackedEncoder
from ds_stilts.models.family import MT5
from ds_stilts.models.freezing import freeze_parameters
from ds_stilts.models.lora import add_adapters
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.planning.adapters import factors, linear_names
from ds_stilts.planning.data_sizes import TaskSize
from ds_stilts.planning.deepspeed_estimate import differences
from ds_stilts.planning.machine import FILL, GIB, Machine
from ds_stilts.planning.phase import PhaseNeeds, is_frozen, largest_budget, needs, num_steps, weigh
from ds_stilts.planning.public_models import PUBLIC_MODELS
from ds_stilts.planning.shapes import shape_of
from ds_stilts.planning.zero import ZeroSetting
from ds_stilts.recipe import Freeze, Lora, Training
from ds_stilts.tasks import get_task
from tests.distributed.tiny import TRAINING, data, mixture, planner
from tests.models.test_architectures import build
from tests.small import mt5

BF16 = ZeroSetting(stage=2, dtype_bytes=2, gradient_bytes=2, reduce_bucket=50_000_000, overlap_comm=True)


def size(items: int | None = 1000, tokens: float = 100.0, longest: int = 128) -> TaskSize:
    return TaskSize(items=items, item_tokens=tokens, longest=longest, counted="", lengths_known=True)


def phase(
    *tasks: str,
    model: str = "FacebookAI/xlm-roberta-large",
    machine: Machine | None = None,
    sizes: dict[str, TaskSize] | None = None,
    **training: Any,
) -> PhaseNeeds:
    values = {"tasks": {name: {} for name in tasks}, "steps": 10, "batch_examples": 4096, **training}
    found = sizes or {name: size() for name in tasks}
    return needs(
        "arms.a",
        Training.model_validate(values),
        [get_task(name) for name in tasks],
        shape_of(PUBLIC_MODELS[model], model),
        found,
        machine or Machine(nodes=1, gpus=8, gpu_memory=80 * GIB),
    )


def heads(found: PhaseNeeds) -> dict[str, tuple[int, ...]]:
    return {weight.name: weight.shape for weight in found.weights if weight.part == "heads"}


def test_each_head_is_counted_once_with_the_width_of_its_task() -> None:
    assert heads(phase("mnli", "squad_v1")) == {
        "nli.dense.weight": (1024, 1024), "nli.dense.bias": (1024,),
        "nli.out_proj.weight": (3, 1024), "nli.out_proj.bias": (3,),
        "squad_v1.out_proj.weight": (2, 1024), "squad_v1.out_proj.bias": (2,),
    }  # fmt: skip


@pytest.mark.parametrize("freeze", [{"embeddings": True}, {"layers": 1}, {"embeddings": True, "layers": 3}])
@pytest.mark.parametrize("kind", [*SUPPORTED, MT5])
def test_what_is_counted_as_frozen_is_what_the_run_freezes(kind: str, freeze: dict[str, Any]) -> None:
    model = mt5(num_layers=3) if kind == MT5 else build(kind)
    encoder = PackedT5Encoder(model) if kind == MT5 else PackedEncoder(model.base_model)
    freeze_parameters(encoder, Freeze(**freeze), "arms.a")
    shape = shape_of(model.config.to_dict(), kind)
    counted = {weight.name for weight in shape.weights if is_frozen(weight, Freeze(**freeze), shape.layers)}
    assert counted == {name for name, parameter in encoder.hf.named_parameters() if not parameter.requires_grad}
    assert counted


@pytest.mark.parametrize("modules", [None, ["dense", "lin1", "wo", "query"]])
@pytest.mark.parametrize("kind", [*SUPPORTED, MT5])
def test_low_rank_additions_are_counted_as_the_run_makes_them(kind: str, modules: list[str] | None) -> None:
    model = mt5(num_layers=3) if kind == MT5 else build(kind)
    encoder = PackedT5Encoder(model) if kind == MT5 else PackedEncoder(model.base_model)
    shape = shape_of(model.config.to_dict(), kind)
    lora = Lora(rank=4, modules=[name for name in modules if name in linear_names(shape)] if modules else None)
    add_adapters(encoder, lora, "arms.a", seed=1)
    counted = {weight.name: weight.shape for weight in factors(shape, lora)}
    trained = {name: tuple(p.shape) for name, p in encoder.hf.named_parameters() if p.requires_grad}
    assert counted and counted == trained


def test_a_phase_with_low_rank_additions_trains_them_and_its_heads_only() -> None:
    whole, part = phase("mnli"), phase("mnli", lora={"rank": 8})
    names = {weight.name.split(".")[-3] for weight in part.weights if weight.part == "blocks"}
    assert names == {"lora_A", "lora_B"} and heads(part) == heads(whole)
    assert sum(w.numel for w in part.weights if w.part == "blocks") == 24 * 2 * 2 * 8 * 1024
    assert part.frozen == whole.shape.weights
    spared = weigh(whole, BF16, 4096).states_peak - weigh(part, BF16, 4096).states_peak
    assert spared > 12 * sum(weight.numel for weight in whole.shape.weights) / 8
    text = phase("mnli", model="google/mt5-large", lora={})
    assert all(".lora_" in weight.name for weight in text.weights) and "lm_head.weight" in {w.name for w in text.frozen}


def test_a_phase_with_frozen_parameters_needs_less_memory_and_counts_each_parameter_once() -> None:
    whole, part = phase("mnli"), phase("mnli", freeze={"embeddings": True, "layers": 12})
    assert len(whole.weights) == len(part.weights) + len(part.frozen)
    embeddings = sum(weight.numel for weight in whole.weights if weight.part == "embeddings")
    spared = weigh(whole, BF16, 4096).states_peak - weigh(part, BF16, 4096).states_peak
    assert spared > 12 * embeddings / 8, "fp32 masters and two moments of the embeddings, over eight ranks"


def test_heads_are_those_that_the_run_builds() -> None:
    from ds_stilts.models.heads import build_head

    for kind, outputs, task in (("classification", 3, "mnli"), ("span", 2, "squad_v1")):
        built = {
            f"{get_task(task).head}.{name}": tuple(p.shape)
            for name, p in build_head(kind, 1024, outputs, 0.1).named_parameters()
        }
        assert built == heads(phase(task))


def test_running_text_brings_the_language_head_and_logits_of_the_masked_rows() -> None:
    labelled, text = (weigh(phase(name), BF16, 4096) for name in ("mnli", "text"))
    assert labelled.logit_bytes == 0
    tokens = 4096 + 128  # a budget may be exceeded by one item
    assert text.logit_bytes == pytest.approx(0.15 * tokens * (12 * 250_002 + 2 * 6 * 1024), rel=1e-6)


def test_a_small_step_bounds_a_micro_batch_too() -> None:
    assert phase("mnli", batch_examples=32).most_tokens(4096) == 32 // 8 * 128


def test_accumulation_is_what_the_run_derives_when_lengths_are_known() -> None:
    for budget in (60, 8):  # at 8, a step has too few items for the micro-batches that the budget would want
        training = TRAINING.model_copy(update={"micro_batch_tokens": budget})
        tasks = data(training)
        order = mixture(tasks, training)
        largest = max(sum(int(tasks[name].tokens[item]) for name, item in order.step(k)) for k in range(12))
        for world_size in (1, 2, 3):
            machine, found = Machine(nodes=1, gpus=world_size), {"mnli": size(tokens=largest / 6)}
            planned = phase("mnli", machine=machine, sizes=found, batch_examples=6).accumulation(budget)
            assert planned == planner(tasks, world_size, training).accumulation
            assert planned <= 6 // world_size


@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("memory", [12, 16, 24, 80])
def test_the_largest_budget_fits_and_a_larger_one_does_not(memory: int, checkpointing: bool) -> None:
    machine = Machine(nodes=1, gpus=8, gpu_memory=memory * GIB)
    found = phase("text", machine=machine, activation_checkpointing=checkpointing)
    budget = largest_budget(found, BF16)
    assert budget is not None
    limit = FILL * memory * GIB
    assert weigh(found, BF16, budget).total <= limit
    assert budget >= found.rank_tokens or weigh(found, BF16, budget + 256).total > limit


def test_nothing_fits_where_not_even_the_states_do() -> None:
    small = phase("mnli", model="google/mt5-xxl")
    assert largest_budget(small, BF16) is not None  # 80 GiB
    assert (
        largest_budget(phase("mnli", machine=Machine(nodes=1, gpus=8, gpu_memory=8 * GIB), model="google/mt5-xl"), BF16)
        is None
    )


def test_no_budget_is_larger_than_a_ranks_whole_share_of_a_step() -> None:
    found = phase("mnli", batch_examples=64)
    assert largest_budget(found, BF16) == found.rank_tokens == 64 // 8 * 128


def test_checkpointing_makes_room_and_is_counted_where_the_recipe_asks_for_it() -> None:
    found = phase("mnli")
    off, on = weigh(found, BF16, 16_384), weigh(found.checkpointed, BF16, 16_384)
    assert off.total - on.total == off.activation_bytes - on.checkpointed_bytes > 0


@pytest.mark.parametrize("offload", ["none", "optimizer"])
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_averaging_holds_the_trained_values_once_more_where_they_are_stepped(stage: int, offload: Any) -> None:
    setting = replace(BF16, stage=stage, offload=offload if stage else "none")
    once, more = (phase("mnli", **given) for given in ({}, {"average": {"last": 2, "every": 3}}))
    masters = [sum(t.bytes for t in weigh(once, setting, 4096).terms if t.name == "fp32 master weights")]
    added = [t for t in weigh(more, setting, 4096).terms if t.name == "sum of weights that are averaged"]
    assert [term.bytes for term in added] == masters
    assert added[0].where == ("host" if offload == "optimizer" and stage else "device")
    beside = differences(more.weights, weigh(more, setting, 4096).terms, setting, 8)
    assert beside is None or added[0].where == "host" or added[0].name in {row.name for row in beside}


@pytest.mark.parametrize(
    ("training", "items", "steps"),
    [
        ({"steps": 7}, {"a": None}, 7),
        ({"epochs": 2.0, "batch_examples": 32}, {"a": 100, "b": 60}, 10),
        ({"epochs": 2.0, "batch_examples": 32}, {"a": 100, "b": None}, None),
        ({"epochs": 1.0, "batch_examples": 10, "mixing": "capped", "cap": 50}, {"a": 100, "b": 20}, 7),
        ({"epochs": 2.0, "batch_tokens": 4096}, {"a": 100, "b": 60}, 8),  # of 100 tokens each
        ({"epochs": 2.0, "batch_tokens": 4096}, {"a": 100, "b": None}, None),
    ],
)
def test_steps_follow_from_items_once_all_are_known(
    training: dict[str, Any], items: dict[str, int | None], steps: int | None
) -> None:
    sizes = {name: size(items=count) for name, count in items.items()}
    assert num_steps(Training.model_validate(training), sizes) == steps


def test_a_step_by_tokens_has_no_more_but_for_an_item() -> None:
    found = phase("mnli", batch_examples=None, batch_tokens=16_384)  # on 8 ranks; an item has 128 tokens at most
    assert [found.accumulation(budget) for budget in (4096, 2048, 2047, 1024)] == [1, 1, 2, 2]
    assert found.rank_tokens == 16_384 // 8 + 2 * 128
    assert found.most_tokens(1024) == 1024 + 128


def test_accumulation_by_tokens_is_what_the_run_derives() -> None:
    training = TRAINING.model_copy(update={"batch_examples": None, "batch_tokens": 300})
    tasks = data(training)
    longest = max(int(one.tokens.max()) for one in tasks.values())
    for world_size, budget in ((1, 60), (2, 60), (2, 100), (3, 90), (1, 300), (1, 299)):
        machine, found = Machine(nodes=1, gpus=world_size), {"mnli": size(longest=longest)}
        own = phase("mnli", machine=machine, sizes=found, batch_examples=None, batch_tokens=300).accumulation(budget)
        derived = planner(tasks, world_size, training.model_copy(update={"micro_batch_tokens": budget})).accumulation
        assert own == min(derived, max(1, 300 // longest // world_size)), "or as many items as there surely are"
