"""Parameter groups, and each optimizer against its formula."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import MT5Config, MT5ForConditionalGeneration
from transformers.optimization import Adafactor

from ds_stilts.engine.lamb import Lamb
from ds_stilts.engine.optimizer import build_optimizer, parameter_groups
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Training
from tests.small import xlmr


@pytest.fixture
def model() -> MultiTaskModel:
    hf = xlmr()
    return MultiTaskModel(
        PackedEncoder(hf.base_model), {"nli": build_head("classification", 32, 3, 0.0), "text": hf.lm_head}
    )


def test_biases_and_layer_norms_are_not_decayed_and_all_else_is(model: MultiTaskModel) -> None:
    decayed, plain = parameter_groups(model, Training())
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.01, 0.0)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    plain_names = {names[id(parameter)] for parameter in plain["params"]}
    decayed_names = {names[id(parameter)] for parameter in decayed["params"]}
    assert plain_names == {n for n in names.values() if n.endswith("bias") or "LayerNorm" in n or "layer_norm" in n}
    assert "encoder.hf.embeddings.LayerNorm.weight" in plain_names
    assert "encoder.hf.embeddings.word_embeddings.weight" in decayed_names
    assert "heads.nli.out_proj.weight" in decayed_names


def test_the_layer_norms_of_mt5_which_are_a_class_of_their_own_are_not_decayed() -> None:
    mt5 = MT5ForConditionalGeneration(
        MT5Config(vocab_size=50, d_model=16, d_kv=4, d_ff=32, num_layers=2, num_heads=2, tie_word_embeddings=False)
    )
    names = {id(parameter): name for name, parameter in mt5.named_parameters()}
    _, plain = parameter_groups(mt5, Training())
    assert {names[id(parameter)] for parameter in plain["params"]} == {n for n in names.values() if "layer_norm" in n}
    assert (
        len(plain["params"]) == 2 * 2 + 2 * 3 + 2
    )  # two in an encoder layer, three in a decoder layer, two at the end


def test_every_parameter_is_in_one_group_once_the_tied_ones_too(model: MultiTaskModel) -> None:
    grouped = [id(parameter) for group in parameter_groups(model, Training()) for parameter in group["params"]]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(parameter) for parameter in model.parameters()}


def test_a_group_without_parameters_is_left_out() -> None:
    assert len(parameter_groups(nn.Linear(2, 2, bias=False), Training())) == 1


def test_frozen_parameters_are_left_out() -> None:
    layer = nn.Linear(2, 2)
    layer.bias.requires_grad_(False)
    (group,) = parameter_groups(layer, Training())
    assert group["params"] == [layer.weight]


def test_each_layer_learns_at_a_share_of_the_rate_of_what_lies_on_top_of_it(model: MultiTaskModel) -> None:
    """Of three layers, counted from 0: layer l at lr · d^(3 - l), embeddings at lr · d^4, heads at lr."""
    groups = parameter_groups(model, Training(lr=0.1, layer_lr_decay=0.5, weight_decay=0.2))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    rates = {names[id(parameter)]: group["lr"] for group in groups for parameter in group["params"]}
    assert rates.keys() == set(names.values())
    shares = {"layer.2.": 0.5, "layer.1.": 0.25, "layer.0.": 0.125, "embeddings.": 0.0625}
    for name, rate in rates.items():
        share = next((share for part, share in shares.items() if part in name), 1.0)
        assert rate == pytest.approx(0.1 * share), name
    assert [group["lr"] for group in groups] == sorted((group["lr"] for group in groups), reverse=True)
    assert len(groups) == 2 * 5 and {group["weight_decay"] for group in groups} == {0.0, 0.2}
    for group in groups:
        assert (group["weight_decay"] == 0.0) == all(
            names[id(p)].endswith("bias") or "norm" in names[id(p)].lower() for p in group["params"]
        )


def test_a_schedule_scales_each_groups_own_rate(model: MultiTaskModel) -> None:
    training = Training(lr=0.1, layer_lr_decay=0.5)
    optimizer = build_optimizer(model, training)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.5)
    assert scheduler.get_last_lr() == pytest.approx([0.05 * 0.5 ** (place // 2) for place in range(10)])


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("lamb", Lamb)])
def test_adamw_and_lamb_have_the_recipes_numbers(name: str, kind: type) -> None:
    training = Training.model_validate(
        {"optimizer": name, "lr": 3e-4, "weight_decay": 0.2, "adam_betas": (0.8, 0.95), "adam_eps": 1e-6}
    )
    optimizer = build_optimizer(nn.Linear(2, 2), training)
    assert type(optimizer) is kind
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (3e-4, (0.8, 0.95), 1e-6)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.2, 0.0]


def test_adafactor_takes_the_recipes_learning_rate_as_it_is() -> None:
    optimizer = build_optimizer(nn.Linear(2, 2), Training(optimizer="adafactor", lr=1e-3, weight_decay=0.2))
    assert type(optimizer) is Adafactor
    for group in optimizer.param_groups:
        assert (group["lr"], group["relative_step"], group["scale_parameter"]) == (1e-3, False, False)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.2, 0.0]


def test_adafactor_keeps_rows_and_columns_of_a_matrix() -> None:
    layer = nn.Linear(30, 20)
    optimizer = build_optimizer(layer, Training(optimizer="adafactor"))
    layer(torch.ones(1, 30)).sum().backward()
    optimizer.step()
    state = optimizer.state[layer.weight]
    assert (tuple(state["exp_avg_sq_row"].shape), tuple(state["exp_avg_sq_col"].shape)) == ((20,), (30,))


def test_lamb_is_algorithm_2_of_its_paper() -> None:
    rng = np.random.default_rng(0)
    x, beta1, beta2, eps, decay, lr = rng.normal(size=(4, 3)), 0.9, 0.99, 1e-6, 0.1, 0.05
    parameter = nn.Parameter(torch.tensor(x))
    optimizer = Lamb([parameter], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=decay)
    m = v = np.zeros_like(x)
    for t in range(1, 5):
        gradient = rng.normal(size=x.shape)
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient**2
        r = (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + eps)
        u = r + decay * x
        x = x - lr * np.linalg.norm(x) / np.linalg.norm(u) * u
    assert parameter.detach().numpy() == pytest.approx(x, rel=1e-12)


def test_lamb_without_trust_ratio_and_decay_is_adam() -> None:
    start = torch.randn(5, dtype=torch.float64)
    ours, theirs = nn.Parameter(start.clone()), nn.Parameter(start.clone())
    lamb = Lamb([{"params": [ours], "adapts": False}], lr=0.1, eps=1e-6, weight_decay=0.0)
    adam = torch.optim.Adam([theirs], lr=0.1, eps=1e-6)
    for _ in range(3):
        ours.grad = torch.randn(5, dtype=torch.float64)
        theirs.grad = ours.grad.clone()
        lamb.step()
        adam.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=0)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_lambs_steps_are_as_long_as_the_parameter_whatever_the_decay_and_those_of_biases_are_not(decay: float) -> None:
    layer = nn.Linear(4, 4)
    nn.init.constant_(layer.bias, 5.0)
    before = [parameter.detach().clone() for parameter in (layer.weight, layer.bias)]
    optimizer = build_optimizer(layer, Training(optimizer="lamb", lr=0.01, weight_decay=decay))
    layer(torch.ones(2, 4)).square().sum().backward()
    optimizer.step()
    weight, bias = ((now.detach() - old).norm() / 0.01 for now, old in zip(layer.parameters(), before, strict=True))
    assert float(weight) == pytest.approx(float(before[0].norm()), rel=1e-4)
    assert float(bias) == pytest.approx(2.0, rel=1e-4)  # Adam's first step: 1 for each of the four


def test_lamb_goes_on_from_a_checkpoint_whose_groups_do_not_say_whether_they_adapt() -> None:
    layer = nn.Linear(4, 4)
    optimizer = build_optimizer(layer, Training(optimizer="lamb"))
    state = optimizer.state_dict()
    for group in state["param_groups"]:
        del group["adapts"]
    optimizer.load_state_dict(state)
    assert [group["adapts"] for group in optimizer.param_groups] == [True, False]


def test_lamb_moves_a_parameter_of_zeros() -> None:
    parameter = nn.Parameter(torch.zeros(3))
    parameter.grad = torch.ones(3)
    Lamb([parameter], lr=0.1).step()
    assert parameter.detach().tolist() == pytest.approx([-0.1] * 3)
