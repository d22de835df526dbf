"""Packed mT5 against Hugging Face's own on padded input, which is the oracle: fp32, 1e-5."""

import pytest
import torch
from transformers import MT5ForConditionalGeneration

from ds_stilts.models.packing import Packing, order_by_length
from ds_stilts.models.pairing import Pairing, order_targets
from ds_stilts.models.seq2seq import PackedSeq2Seq, Writing
from ds_stilts.models.t5_encoder import PackedT5Encoder
from tests.small import mt5

PAIRS = [(5, 1), (1, 3), (17, 3), (5, 3), (64, 9), (5, 1), (2, 2), (40, 21)]
"""(source tokens, target tokens), in an order that packing must change twice."""


def draw(lengths: list[int], seed: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(3, 64, (length,), generator=generator) for length in lengths]


SOURCES, TARGETS = draw([s for s, _ in PAIRS], 1), draw([t for _, t in PAIRS], 2)


def pack(
    sources: list[torch.Tensor], targets: list[torch.Tensor], source_of: list[int]
) -> tuple[torch.Tensor, torch.Tensor, Pairing, list[int]]:
    """Packed sources and targets, how they pair, and the packed order of the targets."""
    source_order = order_by_length([len(part) for part in sources])
    place = {source: i for i, source in enumerate(source_order)}
    order = order_targets([len(part) for part in targets], [len(sources[source]) for source in source_of])
    pairing = Pairing(
        sources=Packing(lengths=tuple(len(sources[i]) for i in source_order)),
        targets=Packing(lengths=tuple(len(targets[i]) for i in order)),
        source_of=tuple(place[source_of[i]] for i in order),
    )
    return torch.cat([sources[i] for i in source_order]), torch.cat([targets[i] for i in order]), pairing, order


def packed_losses(
    model: PackedSeq2Seq, sources: list[torch.Tensor], targets: list[torch.Tensor], source_of: list[int]
) -> list[torch.Tensor]:
    """Losses of each target's tokens, in the given order."""
    source_ids, target_ids, pairing, order = pack(sources, targets, source_of)
    losses = model.token_losses(model.encoder(source_ids, pairing.sources), target_ids, pairing)
    parts = dict(zip(order, losses.split(list(pairing.targets.lengths)), strict=True))
    return [parts[i] for i in range(len(targets))]


def padded_loss(model: MT5ForConditionalGeneration, reduction: str = "mean") -> torch.Tensor:
    rows = torch.nn.utils.rnn.pad_sequence(SOURCES, batch_first=True)
    mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(part) for part in SOURCES], batch_first=True)
    labels = torch.nn.utils.rnn.pad_sequence(TARGETS, batch_first=True, padding_value=-100)
    output = model(input_ids=rows, attention_mask=mask, labels=labels)
    if reduction == "mean":
        return output.loss
    return torch.nn.functional.cross_entropy(output.logits.transpose(1, 2), labels, reduction="none")


def test_the_mean_over_target_tokens_is_hugging_faces_loss() -> None:
    with torch.no_grad():
        losses = packed_losses(PackedSeq2Seq(PackedT5Encoder(mt5())), SOURCES, TARGETS, list(range(len(PAIRS))))
        assert float((torch.cat(losses).mean() - padded_loss(mt5())).abs()) <= 1e-5


def test_every_target_tokens_loss_is_hugging_faces() -> None:
    with torch.no_grad():
        losses = packed_losses(PackedSeq2Seq(PackedT5Encoder(mt5())), SOURCES, TARGETS, list(range(len(PAIRS))))
        expected = padded_loss(mt5(), "none")
    for i, own in enumerate(losses):
        assert float((own - expected[i, : len(own)]).abs().max()) <= 1e-5


def test_gradients_equal_the_padded_hugging_face_model() -> None:
    packed, reference = PackedSeq2Seq(PackedT5Encoder(mt5())), mt5()
    torch.cat(packed_losses(packed, SOURCES, TARGETS, list(range(len(PAIRS))))).sum().backward()
    padded_loss(reference, "none").sum().backward()
    expected = dict(reference.named_parameters())
    assert {"shared.weight", "lm_head.weight"} <= set(expected)
    for name, parameter in packed.encoder.hf.named_parameters():
        assert torch.allclose(parameter.grad, expected[name].grad, atol=5e-4, rtol=1e-4), name


def test_several_targets_of_one_source_equal_each_pair_alone() -> None:
    model = PackedSeq2Seq(PackedT5Encoder(mt5()))
    sources, labels = draw([7, 4, 7], 3), draw([2, 3, 2], 4)
    with torch.no_grad():
        together = packed_losses(model, sources, labels * 3, [0, 0, 0, 1, 1, 1, 2, 2, 2])
        for i, source in enumerate(sources):
            for j, label in enumerate(labels):
                (alone,) = packed_losses(model, [source], [label], [0])
                assert torch.allclose(together[3 * i + j], alone, atol=1e-5)


def test_a_target_sees_its_own_source_and_its_own_past_only() -> None:
    model = PackedSeq2Seq(PackedT5Encoder(mt5()))
    sources, targets = draw([6, 6, 9], 5), draw([4, 4, 4], 6)

    def losses(sources: list[torch.Tensor], targets: list[torch.Tensor]) -> list[torch.Tensor]:
        with torch.no_grad():
            return packed_losses(model, sources, targets, [0, 1, 2])

    before = losses(sources, targets)
    other = losses([(sources[0] + 5) % 60 + 3, *sources[1:]], targets)
    assert not torch.allclose(other[0], before[0], atol=1e-2)
    assert torch.equal(other[1], before[1]) and torch.equal(other[2], before[2])
    changed = targets[1].clone()
    changed[2] = (changed[2] + 5) % 60 + 3
    later = losses(sources, [targets[0], changed, targets[2]])
    assert torch.equal(later[0], before[0]) and torch.equal(later[1][:2], before[1][:2])
    assert not torch.allclose(later[1][3], before[1][3], atol=1e-2)


def test_the_output_layer_goes_through_torchs_linear_as_it_is_at_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under ZeRO-3 DeepSpeed replaces it by one that keeps no gathered weight until the backward pass."""
    model = PackedSeq2Seq(PackedT5Encoder(mt5()))
    seen: list[int] = []
    linear = torch.nn.functional.linear
    monkeypatch.setattr(torch.nn.functional, "linear", lambda *given: (seen.append(len(given[1])), linear(*given))[1])
    states = torch.randn(3, 32)
    whole = model.encoder.hf.lm_head(states)
    torch.testing.assert_close(model.logits_of(states, [5, 2]), whole[:, [5, 2]])
    assert seen == [64, 2]


def test_writing_step_by_step_gives_hugging_faces_greedy_text() -> None:
    reference, model = mt5(), PackedSeq2Seq(PackedT5Encoder(mt5()))
    order = order_by_length([len(part) for part in SOURCES])
    sources = [SOURCES[i] for i in order]
    packing = Packing(lengths=tuple(len(part) for part in sources))
    with torch.no_grad():
        writing = Writing(model.encoder(torch.cat(sources), packing), packing)
        written: list[torch.Tensor] = []
        for _ in range(12):
            written.append(model.next_logits(writing, written[-1] if written else None).argmax(dim=1))
        for place, source in enumerate(sources):
            expected = reference.generate(
                source[None], do_sample=False, num_beams=1, max_new_tokens=12, eos_token_id=None, use_cache=False
            )
            assert torch.stack(written)[:, place].tolist() == expected[0, 1:].tolist()


def test_packing_targets_needs_one_source_each() -> None:
    with pytest.raises(AssertionError):
        Pairing(sources=Packing(lengths=(2,)), targets=Packing(lengths=(1, 1)), source_of=(0,))
