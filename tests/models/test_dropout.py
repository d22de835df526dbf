"""Dropout on a CPU: what is dropped, how often, and that nothing but speed tells it from torch's."""

import math

import pytest
import torch
from torch import nn

from ds_stilts.models.dropout import Dropout, drop, use_dropout, use_torch_dropout
from tests.small import xlmr

SIX_SIGMA = 6
"""What a share may deviate by. Seeds are fixed: a test fails for a wrong rate, not by chance."""


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.003])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_elements_are_dropped_at_the_rate_and_the_others_are_scaled_for_it(
    probability: float, dtype: torch.dtype
) -> None:
    torch.manual_seed(1)
    states = torch.ones(1001, 999, dtype=dtype)
    dropped = drop(states, probability)
    rounded = round(probability * 2**15) / 2**15
    share = float((dropped == 0).float().mean())
    assert abs(share - rounded) < SIX_SIGMA * math.sqrt(rounded * (1 - rounded) / states.numel())
    expected = torch.tensor(1 / (1 - rounded)).to(dtype)
    assert dropped.dtype is dtype and set(dropped.unique().tolist()) == {0.0, float(expected)}


def test_neighbours_are_dropped_independently_also_those_of_one_draw() -> None:
    torch.manual_seed(2)
    zeros = (drop(torch.ones(400_000), 0.5) == 0).float().view(-1, 4)
    bound = SIX_SIGMA / math.sqrt(len(zeros))
    correlations = torch.corrcoef(torch.cat([zeros[:-1], zeros[1:]], dim=1).T)
    assert (correlations - torch.eye(8)).abs().max() < bound
    assert (zeros.mean(dim=0) - 0.5).abs().max() < bound / 2


@pytest.mark.parametrize("shape", [(0, 8), (1,), (3, 5), (2, 4, 7)])
def test_the_gradient_is_dropped_where_the_state_was(shape: tuple[int, ...]) -> None:
    torch.manual_seed(3)
    states = torch.rand(shape).add(1).requires_grad_()
    dropped = drop(states, 0.4)
    upstream = torch.rand(shape)
    dropped.backward(upstream)
    factor = dropped.detach() / states.detach()
    assert states.grad is not None
    torch.testing.assert_close(states.grad, upstream * factor)
    assert torch.equal(states.grad == 0, dropped == 0)


def test_states_and_gradients_may_lie_in_memory_as_they_will() -> None:
    torch.manual_seed(4)
    states = torch.rand(6, 4).add(1).requires_grad_()
    dropped = drop(states.t(), 0.5)
    dropped.sum().backward()  # an expanded scalar, stride 0
    assert states.grad is not None and torch.equal(states.grad.t() == 0, dropped == 0)


def test_a_seed_gives_the_same_again_and_a_saved_state_goes_on() -> None:
    torch.manual_seed(5)
    first = drop(torch.ones(100), 0.5)
    state = torch.get_rng_state()
    second = drop(torch.ones(100), 0.5)
    torch.set_rng_state(state)
    assert torch.equal(second, drop(torch.ones(100), 0.5))
    assert not torch.equal(first, second)
    torch.manual_seed(5)
    assert torch.equal(first, drop(torch.ones(100), 0.5))


def test_nothing_is_dropped_at_zero_or_while_evaluating() -> None:
    states = torch.rand(10, 10)
    assert torch.equal(drop(states, 0.0), states)
    assert torch.equal(Dropout(0.5).eval()(states), states)
    assert (Dropout(0.5)(states) == 0).any()


def test_a_model_gets_it_everywhere_and_can_give_it_back() -> None:
    model = xlmr(hidden_dropout_prob=0.3)
    before = {name: weight.clone() for name, weight in model.state_dict().items()}

    def kinds() -> list[tuple[type, float, bool]]:
        return [(type(m), m.p, m.training) for m in model.modules() if isinstance(m, nn.Dropout)]

    old = kinds()
    use_dropout(model)
    assert kinds() == [(Dropout, p, training) for _, p, training in old]
    assert all(torch.equal(weight, before[name]) for name, weight in model.state_dict().items())
    use_torch_dropout(model)
    assert kinds() == old
