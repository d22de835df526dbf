"""Learning-rate factors and parameter groups."""

import pytest
import torch
from torch import nn
from transformers import get_linear_schedule_with_warmup

from ds_stilts.engine.optimizer import adamw, parameter_groups, schedule
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Training
from tests.small import xlmr


def test_linear_rises_from_zero_and_falls_to_zero() -> None:
    factor = schedule(Training(warmup=0.2), 10)
    assert [factor(step) for step in range(11)] == pytest.approx(
        [0, 0.5, 1, 7 / 8, 6 / 8, 5 / 8, 4 / 8, 3 / 8, 2 / 8, 1 / 8, 0]
    )


def test_constant_stays_up_after_the_warm_up() -> None:
    factor = schedule(Training(warmup=0.2, schedule="constant"), 10)
    assert [factor(step) for step in range(11)] == [0, 0.5] + [1.0] * 9


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    assert schedule(Training(warmup=0.0), 10)(0) == 1.0


def test_it_never_falls_below_zero() -> None:
    assert schedule(Training(), 10)(25) == 0.0


@pytest.mark.parametrize(("warmup", "num_steps"), [(0.1, 100), (0.0, 7), (0.5, 13), (0.1, 1)])
def test_it_is_transformers_schedule(warmup: float, num_steps: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    theirs = get_linear_schedule_with_warmup(optimizer, round(warmup * num_steps), num_steps)
    ours = schedule(Training(warmup=warmup), num_steps)
    assert [ours(step) for step in range(num_steps)] == [theirs.lr_lambdas[0](step) for step in range(num_steps)]


@pytest.fixture
def model() -> MultiTaskModel:
    hf = xlmr()
    return MultiTaskModel(
        PackedEncoder(hf.base_model), {"nli": build_head("classification", 32, 3, 0.0), "text": hf.lm_head}
    )


def test_biases_and_layer_norms_are_not_decayed_and_all_else_is(model: MultiTaskModel) -> None:
    decayed, plain = parameter_groups(model, 0.01)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.01, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    plain_names = {names[id(parameter)] for parameter in plain["params"]}
    decayed_names = {names[id(parameter)] for parameter in decayed["params"]}
    assert plain_names == {n for n in names.values() if n.endswith("bias") or "LayerNorm" in n or "layer_norm" in n}
    assert "encoder.hf.embeddings.LayerNorm.weight" in plain_names
    assert "encoder.hf.embeddings.word_embeddings.weight" in decayed_names
    assert "heads.nli.out_proj.weight" in decayed_names


def test_every_parameter_is_in_one_group_once_the_tied_ones_too(model: MultiTaskModel) -> None:
    grouped = [id(parameter) for group in parameter_groups(model, 0.01) for parameter in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(parameter) for parameter in model.parameters()}


def test_a_group_without_parameters_is_left_out() -> None:
    assert len(parameter_groups(nn.Linear(2, 2, bias=False), 0.01)) == 1


def test_frozen_parameters_are_left_out() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    (group,) = parameter_groups(layer, 0.01)
    assert group["params"] == [layer.weight]


def test_the_optimizer_has_the_recipes_numbers() -> None:
    training = Training(lr=3e-4, weight_decay=0.2, adam_betas=(0.8, 0.95), adam_eps=1e-6)
    optimizer = adamw(nn.Linear(2, 2), training)
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (3e-4, (0.8, 0.95), 1e-6)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.2, 0.0]
