"""The activation formulas are what autograd saves, in the models as they run here."""

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import MT5Config, MT5EncoderModel, MT5ForConditionalGeneration

from ds_stilts.formats.logits import sum_cross_entropy
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.packing import Packing
from ds_stilts.models.pairing import Pairing
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.planning.activations import LOGIT_BYTES, activations
from ds_stilts.planning.shapes import ModelShape, shape_of
from tests.small import bert, xlmr

LENGTHS = (24,) * 8
TOKENS = sum(LENGTHS)


def saved_bytes(run: Callable[[], Any], model: torch.nn.Module) -> int:
    """Bytes that autograd keeps of `run()` for the backward pass, each storage once, parameters not."""
    own = {parameter.untyped_storage().data_ptr() for parameter in model.parameters()}
    kept: dict[int, torch.Tensor] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.untyped_storage().data_ptr() not in own:
            kept.setdefault(tensor.untyped_storage().data_ptr(), tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = run()
    del result
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def per_block(make: Callable[[int], tuple[Callable[[], Any], torch.nn.Module]]) -> float:
    """Bytes of one block: two against one, so that nothing else counts."""
    one, two = (saved_bytes(*make(depth)) for depth in (1, 2))
    return two - one


def predicted(shapes: Sequence[ModelShape], mask_bytes: int, **arguments: Any) -> float:
    one, two = (
        activations(
            shape, dtype_bytes=4, rows_share=0.0, checkpointing=False, mask_bytes=mask_bytes, **arguments
        ).per_token
        for shape in shapes
    )
    return (two - one) * TOKENS


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("build", [xlmr, bert])
def test_a_block_of_the_bert_family_keeps_what_the_formula_says(build: Any, dropout: float) -> None:
    def hf(depth: int) -> Any:
        model = build()
        model.base_model.encoder.layer = model.base_model.encoder.layer[:depth]
        model.config.num_hidden_layers = depth
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.Dropout) and "self" not in name:  # attention's own is fused on a GPU
                module.p = dropout
        model.config.hidden_dropout_prob = dropout
        return model.train()

    def make(depth: int) -> tuple[Callable[[], Any], torch.nn.Module]:
        encoder = PackedEncoder(hf(depth).base_model)
        return lambda: encoder(torch.ones(TOKENS, dtype=torch.long), Packing(lengths=LENGTHS)), encoder

    shapes = [shape_of(hf(depth).config.to_dict(), "x") for depth in (1, 2)]
    assert per_block(make) == pytest.approx(predicted(shapes, mask_bytes=2, mean_tokens=24), rel=0.001)


def mt5_config(depth: int, decoder: int, dropout: float) -> MT5Config:
    return MT5Config(
        vocab_size=60, d_model=48, d_kv=16, d_ff=80, num_heads=4, num_layers=depth, num_decoder_layers=decoder,
        dropout_rate=dropout,
    )  # fmt: skip


@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_a_block_of_mt5s_encoder_keeps_no_more_than_the_formula_says(dropout: float) -> None:
    def make(depth: int) -> tuple[Callable[[], Any], torch.nn.Module]:
        encoder = PackedT5Encoder(MT5EncoderModel(mt5_config(depth, 1, dropout)).train())
        return lambda: encoder(torch.ones(TOKENS, dtype=torch.long), Packing(lengths=LENGTHS)), encoder

    shapes = [shape_of(mt5_config(depth, 1, dropout).to_dict(), "x", heads=True) for depth in (1, 2)]
    bound = predicted(shapes, mask_bytes=4, mean_tokens=24)
    assert 0.85 * bound < per_block(make) <= bound * (1.0 if dropout == 0 else 1.15)


def test_a_block_of_mt5s_decoder_keeps_about_what_the_formula_says() -> None:
    targets = (12,) * 8

    def make(decoder: int) -> tuple[Callable[[], Any], torch.nn.Module]:
        hf = MT5ForConditionalGeneration(mt5_config(1, decoder, 0.0)).train()
        model = PackedSeq2Seq(PackedT5Encoder(hf))
        sources = Packing(lengths=LENGTHS)
        pairing = Pairing(sources=sources, targets=Packing(lengths=targets), source_of=tuple(range(8)))

        def run() -> Any:
            states = model.encoder(torch.ones(TOKENS, dtype=torch.long), sources)
            return model.token_losses(states, torch.ones(sum(targets), dtype=torch.long), pairing)

        return run, model

    shapes = [shape_of(mt5_config(1, decoder, 0.0).to_dict(), "x") for decoder in (1, 2)]
    bound = predicted(shapes, mask_bytes=4, mean_tokens=24, target_share=0.5)
    assert 0.8 * bound < per_block(make) <= 1.05 * bound


class Live(TorchDispatchMode):
    """Follows how many bytes of tensors made under it exist at one time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._seen: dict[int, Any] = {}

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for tensor in result if isinstance(result, tuple) else (result,):
            if isinstance(tensor, torch.Tensor) and id(tensor.untyped_storage()) not in self._seen:
                self._add(tensor.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = id(storage), storage.nbytes()

        def gone(_: Any) -> None:
            del self._seen[key]
            self.now -= size

        self._seen[key] = weakref.ref(storage, gone)
        self.now += size
        self.most = max(self.most, self.now)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_logits_take_at_their_worst_what_is_counted(dtype: torch.dtype) -> None:
    rows_ND, matrix_VD = torch.randn(512, 8, dtype=dtype, requires_grad=True), torch.randn(5000, 8, dtype=dtype)
    targets = torch.zeros(512, dtype=torch.long)
    with Live() as live:
        loss = sum_cross_entropy(rows_ND @ matrix_VD.T, targets)
        loss.backward()
    assert live.most / (512 * 5000) == pytest.approx(LOGIT_BYTES, rel=0.02)


def test_checkpointing_keeps_the_input_of_each_block_and_one_block() -> None:
    shape = shape_of(xlmr().config.to_dict(), "x")
    kept, again = (
        activations(shape, dtype_bytes=2, mean_tokens=24, rows_share=0.0, checkpointing=on).per_token
        for on in (False, True)
    )
    block = 2 * (9 * 32 + 2 * 64) + 4 * (4 + 4)  # no dropout; width 32, intermediate 64, 4 heads, 3 blocks
    assert kept - again == 3 * block - (3 * 2 * 32 + block)
