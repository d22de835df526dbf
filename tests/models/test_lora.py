"""Low-rank additions: a phase begins with the model's states, only additions and heads learn, and merging is exact."""

import pytest
import torch
from torch import nn

from ds_stilts.engine.objective import Objective
from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.models import lora as lora_module
from ds_stilts.models.dropout import Dropout
from ds_stilts.models.encoder import SUPPORTED, PackedEncoder
from ds_stilts.models.lora import add_adapters, additions, check_adapters, check_peft, merged, plain_name
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.models.weights import named_once
from ds_stilts.recipe import Lora
from tests.distributed import tiny, tiny_mt5
from tests.models.test_architectures import build
from tests.models.test_freezing import backward
from tests.small import mt5

LORA = Lora(rank=4, alpha=6)


def states(encoder: PackedEncoder, ids: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = encoder.hf.eval()(input_ids=ids).last_hidden_state
    return found


@pytest.mark.parametrize("kind", SUPPORTED)
def test_it_begins_with_the_models_states_and_ends_in_matrices_that_give_the_same(kind: str) -> None:
    model = build(kind)
    encoder = PackedEncoder(model.base_model)
    before = {name: parameter.detach().clone() for name, parameter in named_once(model).items()}
    encoder.hf.set_attn_implementation("eager")
    ids = torch.randint(5, 32, (3, 11))
    own = states(encoder, ids)
    add_adapters(encoder, LORA, "arms.a", seed=5)
    assert torch.equal(states(encoder, ids), own)
    assert named_once(model).keys() == before.keys()
    factors = additions(model)
    assert factors.keys() <= before.keys() and len(factors) == 2 * encoder.num_layers
    for a, b, scale in factors.values():
        assert scale == 1.5 and a.shape[0] == b.shape[1] == 4
        nn.init.normal_(b, std=0.1)
    added = states(encoder, ids)
    assert (added - own).abs().max() > 1e-2
    plain = build(kind)
    plain.load_state_dict(
        {
            name: merged(value, *(part.detach() for part in factors[name][:2]), factors[name][2])
            if name in factors
            else value
            for name, value in before.items()
        },
        strict=False,
    )
    fresh = PackedEncoder(plain.base_model)
    fresh.hf.set_attn_implementation("eager")
    torch.testing.assert_close(states(fresh, ids), added, rtol=1e-5, atol=1e-5)


def test_only_additions_and_heads_get_a_gradient_and_a_tied_matrix_does_not() -> None:
    hf = tiny.masked_lm()
    objective = Objective(tiny.model(hf), tiny.TASKS).train()
    add_adapters(objective.model.encoder, LORA, "arms.a", seed=5)
    for name, parameter in backward(objective, tiny.data(), tiny.TRAINING).items():
        own = "lora_" in name or name.startswith("model.heads.")
        assert (parameter.grad is not None) == own, name
    assert hf.lm_head.decoder.weight.grad is None and hf.lm_head.dense.weight.grad is not None


def test_mt5_that_writes_text_learns_in_both_stacks_and_nothing_else_of_it_does() -> None:
    objective = tiny_mt5.text_objective().train()
    add_adapters(objective.model.encoder, LORA, "arms.a", seed=5)
    found = backward(objective, tiny_mt5.text_data(), tiny_mt5.TRAINING)
    assert {name for name, p in found.items() if p.grad is not None} == {name for name in found if "lora_" in name}
    assert len(additions(objective.model.encoder.hf)) == 2 * (2 + 2 * 2), "of self attention, and of reading the source"


def test_factors_are_drawn_by_the_seed_alone_and_lie_in_memory_where_the_model_is_shapes_only() -> None:
    def factors(seed: int, device: str) -> list[torch.Tensor]:
        encoder = PackedEncoder(tiny.masked_lm().base_model.to(device))
        torch.manual_seed(torch.seed())
        add_adapters(encoder, LORA, "arms.a", seed)
        return [a.detach() for a, _, _ in additions(encoder.hf).values()]

    first, again, other, shapes = factors(1, "cpu"), factors(1, "cpu"), factors(2, "cpu"), factors(1, "meta")
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(torch.equal(a, b) for a, b in zip(first, shapes, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(first, other, strict=True))
    assert len({tuple(a.flatten().tolist()) for a in first}) == len(first)


def test_the_draws_of_everything_else_stay_what_they_are() -> None:
    encoder = PackedEncoder(tiny.masked_lm().base_model)
    torch.manual_seed(9)
    expected = torch.rand(3)
    torch.manual_seed(9)
    add_adapters(encoder, LORA, "arms.a", seed=5)
    assert torch.equal(torch.rand(3), expected)


def test_its_dropout_is_ours_and_named_layers_get_an_addition() -> None:
    encoder = PackedEncoder(tiny.masked_lm().base_model)
    add_adapters(encoder, Lora(dropout=0.25, modules=["dense", "key"]), "arms.a", seed=5)
    assert {part.p for part in encoder.hf.modules() if type(part) is Dropout} == {0.0, 0.25}
    layer = "encoder.layer.0."
    names = {name.removeprefix(layer) for name in additions(encoder.hf) if name.startswith(layer)}
    assert names == {
        "attention.self.key.weight", "attention.output.dense.weight", "intermediate.dense.weight",
        "output.dense.weight",
    }  # fmt: skip


def test_what_a_model_has_not_is_refused_by_name() -> None:
    encoder = PackedT5Encoder(mt5())
    with pytest.raises(
        RecipeError, match=r"arms\.a\.lora\.modules: .*no linear layer 'query'; they have k, o, q, v, wi_0"
    ):
        add_adapters(encoder, Lora(modules=["q", "query"]), "arms.a", seed=5)
    with pytest.raises(RecipeError, match=r"no linear layer 'wi0' \(did you mean 'wi_0'\?\)"):
        add_adapters(encoder, Lora(modules=["wi0"]), "arms.a", seed=5)
    assert all(plain_name(name) == name for name, _ in encoder.hf.named_parameters()), "nothing was put in"
    with pytest.raises(RecipeError, match=r"arms\.a\.lora: what this model calls queries and values is not known"):
        check_adapters(LORA, {"in_proj", "out_proj"}, "arms.a")


def test_a_machine_without_peft_is_told_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lora_module.importlib.util, "find_spec", lambda name: None if name == "peft" else name)
    with pytest.raises(ClusterError, match=r"arms\.a\.lora: it needs peft.*pip install 'ds-stilts\[lora\]'"):
        check_peft("arms.a")
