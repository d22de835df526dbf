"""What a recipe freezes gets no gradient, and all else gets one."""

import re
from typing import Any

import pytest
from torch import nn

from ds_stilts.data.batch import training_batch
from ds_stilts.engine.objective import Objective
from ds_stilts.errors import RecipeError
from ds_stilts.models.freezing import freeze_parameters
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.recipe import Freeze
from tests.distributed import tiny, tiny_mt5
from tests.small import mt5


def backward(objective: nn.Module, tasks: dict[str, Any], training: Any) -> dict[str, nn.Parameter]:
    """Parameters after one step's backward passes: of one micro-batch some tasks may have no rows."""
    share = tiny.planner(tasks, 1, training).share(0, 0)
    for slots in share.micro_batches:
        objective(training_batch(slots, tasks, 0, tiny.MASKING), share.coefficients)[0].backward()
    return dict(objective.named_parameters())


@pytest.mark.parametrize(
    ("freeze", "pattern"),
    [
        ({"embeddings": True}, r"\.embeddings\."),
        ({"layers": 1}, r"\.layer\.0\."),
        ({"embeddings": True, "layers": 1}, r"\.embeddings\.|\.layer\.0\."),
        ({"embeddings": True, "layers": 2}, r"\.encoder\."),
        (None, r"nothing"),
    ],
)
def test_frozen_parameters_get_no_gradient_and_all_others_do(freeze: Any, pattern: str) -> None:
    objective = Objective(tiny.model(tiny.masked_lm()), tiny.TASKS).train()
    freeze_parameters(objective.model.encoder, Freeze(**freeze) if freeze else None, "arms/a")
    for name, parameter in backward(objective, tiny.data(), tiny.TRAINING).items():
        assert (parameter.grad is None) == bool(re.search(pattern, name)), name


def test_a_tied_output_matrix_is_frozen_with_the_embeddings_and_its_head_goes_on_learning() -> None:
    hf = tiny.masked_lm()
    objective = Objective(tiny.model(hf), tiny.TASKS).train()
    freeze_parameters(objective.model.encoder, Freeze(embeddings=True), "arms/a")
    backward(objective, tiny.data(), tiny.TRAINING)
    assert hf.lm_head.decoder.weight is hf.base_model.embeddings.word_embeddings.weight
    own = {name: p.grad is not None for name, p in hf.lm_head.named_parameters() if name != "decoder.weight"}
    assert all(own.values()) and "dense.weight" in own and hf.lm_head.decoder.weight.grad is None


def test_mt5_that_writes_text_trains_its_decoder_and_output_matrix_whatever_is_frozen() -> None:
    objective = tiny_mt5.text_objective().train()
    freeze_parameters(objective.model.encoder, Freeze(embeddings=True, layers=2), "arms/a")
    for name, parameter in backward(objective, tiny_mt5.text_data(), tiny_mt5.TRAINING).items():
        part = name.removeprefix("model.encoder.hf.").split(".")[0]
        assert (parameter.grad is None) == {"shared": True, "encoder": True, "decoder": False, "lm_head": False}[part]


def test_more_layers_than_the_model_has_are_refused_with_both_numbers() -> None:
    encoder = PackedT5Encoder(mt5())  # two layers in the encoder, three in the decoder
    sentence = "arms/a.freeze.layers is 3, but the start model has 2 layers; give 2 to freeze all of them, or fewer"
    with pytest.raises(RecipeError, match=re.escape(sentence)):
        freeze_parameters(encoder, Freeze(layers=3), "arms/a")
    assert all(parameter.requires_grad for parameter in encoder.parameters())
