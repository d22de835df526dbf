"""The ways of training, in this process: they are given the same examples, and learn the same from them."""

from dataclasses import replace

import pytest
import torch

from ds_stilts.bench.job import Job
from ds_stilts.bench.model import TRAINING, Rig
from ds_stilts.bench.ours import PlainWay
from ds_stilts.bench.slices import Slices
from ds_stilts.bench.summary import spread
from ds_stilts.bench.variants import VARIANTS

pytest.importorskip("accelerate")
CPU = torch.device("cpu")
SHIFTS = ("key.bias", "choice.out_proj.bias", "qa.out_proj.bias")
"""Softmax ignores a shift of its input: their gradient is pure rounding, which Adam blows up to whole steps."""


def test_the_trainer_and_the_plain_loop_learn_the_same(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    from ds_stilts.bench import ours, peers
    from ds_stilts.bench.peers import TrainerWay

    for module in (ours, peers):  # so tight that it clips every step of a model as small as this
        monkeypatch.setattr(module, "TRAINING", TRAINING.model_copy(update={"clip": 0.05}))

    job = replace(job, batch=24)  # every step has every task: the Trainer leaves the head of an absent one as it is
    slices = Slices(job, Rig(job, CPU).data)
    first = slices.batches("mixed", 0)[0]
    losses, weights = [], []
    for way in (TrainerWay(job, Rig(job, CPU), "fp32"), PlainWay(job, Rig(job, CPU), VARIANTS["packed"])):
        losses.append(way.loss(first))
        for number in range(job.rounds):
            batches = slices.batches("mixed", number)
            assert all({name for name, _ in batch} == set(job.source.shares) for batch in batches)
            measured = way.round(batches)
            assert measured.steps == job.steps and measured.tokens == slices.tokens(batches)
            assert (measured.slots > measured.tokens) == isinstance(way, TrainerWay)
            assert 0 < measured.wait_s < measured.wall_s and measured.seconds > 0
        weights.append(dict(way._rig.model.named_parameters()))
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    before = dict(Rig(job, CPU).model.named_parameters())
    for name in before.keys() - {key for key in before if key.endswith(SHIFTS)}:
        assert torch.allclose(weights[0][name], weights[1][name], rtol=0, atol=1e-6), name
        assert not torch.allclose(weights[0][name], before[name], rtol=0, atol=1e-5), name


def test_in_bf16_weights_are_rounded_and_their_copies_are_not(job: Job) -> None:
    slices = Slices(job, Rig(job, CPU).data)
    way = PlainWay(job, Rig(job, CPU), VARIANTS["packed_bf16"])
    way.round(slices.batches("mixed", 0))
    masters = way._masters
    assert masters is not None
    assert all(weight.dtype is torch.bfloat16 for weight in way._objective.parameters())
    pairs = [*zip(masters._weights, masters._copies, strict=True)]
    assert all(torch.equal(weight, copy.to(torch.bfloat16)) for weight, copy in pairs)
    assert any(not torch.equal(weight.float(), copy) for weight, copy in pairs)


def test_dropout_reaches_every_layer(job: Job) -> None:
    rig = Rig(replace(job, dropout=0.3), CPU)
    rates = [module.p for module in rig.model.modules() if isinstance(module, torch.nn.Dropout)]
    assert len(rates) > 4 and set(rates) == {0.3}


def test_quartiles_are_those_of_the_values() -> None:
    assert spread([3.0]) == {"median": 3.0, "q1": 3.0, "q3": 3.0}
    assert spread([1.0, 5.0, 2.0, 4.0, 3.0]) == {"median": 3.0, "q1": 2.0, "q3": 4.0}
