"""All heads run in every forward pass, whatever the batch holds."""

import pytest
import torch

from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.models.packing import Packing
from tests.small import xlmr

IDS, PACKING = torch.arange(4, 16), Packing(lengths=(5, 7))


@pytest.fixture
def model() -> MultiTaskModel:
    hf = xlmr()
    heads = {
        "qa": build_head("span", 32, 2, 0.0),
        "choice": build_head("choice", 32, 1, 0.0),
        "text": hf.lm_head,
        "nli": build_head("classification", 32, 3, 0.0),
    }
    return MultiTaskModel(PackedEncoder(hf.base_model), heads)


def test_each_head_reads_its_own_rows_of_the_states(model: MultiTaskModel) -> None:
    rows = {"nli": torch.tensor([0, 5]), "qa": torch.tensor([3, 4, 11])}
    with torch.no_grad():
        states, logits = model(IDS, PACKING, rows)
    assert {name: tuple(values.shape) for name, values in logits.items()} == {
        "choice": (0, 1),
        "nli": (2, 3),
        "qa": (3, 2),
        "text": (0, 32),
    }
    torch.testing.assert_close(logits["qa"], model.heads["qa"](states[[3, 4, 11]]))
    torch.testing.assert_close(logits["nli"], model.heads["nli"](states[[0, 5]]))


def test_heads_run_in_sorted_order_however_they_were_given(model: MultiTaskModel) -> None:
    order: list[str] = []
    for name, head in model.heads.items():
        head.register_forward_hook(lambda *_, name=name: order.append(name))
    model(IDS, PACKING, {"qa": torch.tensor([1])})
    assert order == ["choice", "nli", "qa", "text"]


def test_a_batch_without_a_heads_task_gives_it_zero_gradients_and_the_encoder_its_own(model: MultiTaskModel) -> None:
    _, logits = model(IDS, PACKING, {"nli": torch.tensor([0, 5])})
    sum(values.sum() for values in logits.values()).backward()
    for name, head in model.heads.items():
        for parameter in head.parameters():
            if parameter is not model.encoder.hf.embeddings.word_embeddings.weight:  # tied to the language head
                assert parameter.grad is not None, name
                assert bool(parameter.grad.any()) == (name == "nli"), name
    missing = [name for name, parameter in model.encoder.named_parameters() if parameter.grad is None]
    assert missing == ["hf.pooler.dense.weight", "hf.pooler.dense.bias"] or missing == []


def test_the_states_come_from_the_asked_layer(model: MultiTaskModel) -> None:
    with torch.no_grad():
        states, _ = model(IDS, PACKING, {}, layer=1)
        torch.testing.assert_close(states, model.encoder(IDS, PACKING, layer=1))
