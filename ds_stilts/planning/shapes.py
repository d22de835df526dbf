"""Names and shapes of a model's parameters, from the fields of its config.json alone: no torch, no weights.

Families are those whose layout transformers fixes: BERT and (XLM-)RoBERTa, XLM-R XL, DistilBERT, mT5. Names are
transformers' own, so that a test can hold each list against the model that transformers builds. Other families are
built on the meta device, which takes some seconds of imports. Which config a recipe means: `planning.start_model`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ds_stilts.errors import CheckpointError

Part = Literal["embeddings", "blocks", "heads"]


@dataclass(frozen=True, slots=True)
class Weight:
    """One parameter."""

    name: str
    shape: tuple[int, ...]
    part: Part

    @property
    def numel(self) -> int:
        return math.prod(self.shape)


@dataclass(frozen=True, kw_only=True)
class ModelShape:
    """What memory depends on."""

    model_type: str
    vocabulary: int
    hidden: int
    layers: int
    """Encoder blocks."""
    decoder_layers: int
    """0 for an encoder."""
    heads: int
    attention_width: int
    """Heads times width of a head; the hidden size except in mT5."""
    intermediate: int
    max_tokens: int | None
    """Longest input; None: not limited by the architecture."""
    dropout: bool
    """Whether training draws dropout masks."""
    weights: tuple[Weight, ...]
    """Embeddings and blocks."""
    language_head: tuple[Weight, ...]
    """What a language-model head has of its own; its matrix is the word embedding unless it is listed here."""


def shape_of(config: Mapping[str, Any], where: str, *, heads: bool = False) -> ModelShape:
    """Shape of the model that a config.json describes.

    Args:
        config: its fields.
        where: file or model, for messages.
        heads: of mT5, take the encoder alone, on which heads stand; else all of it, which writes text.

    Raises:
        CheckpointError: no model_type, or a field of its family is missing.
    """
    kind = config.get("model_type")
    if not isinstance(kind, str):
        raise CheckpointError(f"{where} does not say which model it is: it has no model_type")
    try:
        if kind == "mt5":
            return _mt5(config, heads)
        return FAMILIES[kind](config) if kind in FAMILIES else _built(config, where)
    except KeyError as error:
        raise CheckpointError(f"{where} has no '{error.args[0]}', which a model of type '{kind}' needs") from None


def _dense(name: str, outputs: int, inputs: int, part: Part) -> list[Weight]:
    return [Weight(f"{name}.weight", (outputs, inputs), part), Weight(f"{name}.bias", (outputs,), part)]


def _norm(name: str, width: int, part: Part) -> list[Weight]:
    return [Weight(f"{name}.weight", (width,), part), Weight(f"{name}.bias", (width,), part)]


def _tables(rows: Mapping[str, int], width: int) -> list[Weight]:
    return [Weight(f"embeddings.{name}.weight", (count, width), "embeddings") for name, count in rows.items()]


def _bert(config: Mapping[str, Any]) -> ModelShape:
    width, inner, vocabulary = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    kind = config["model_type"]
    is_xl, is_bert = kind == "xlm-roberta-xl", kind == "bert"
    weights = _tables(
        {
            "word_embeddings": vocabulary,
            "position_embeddings": config["max_position_embeddings"],
            "token_type_embeddings": config["type_vocab_size"],
        },
        width,
    )
    weights += [] if is_xl else _norm("embeddings.LayerNorm", width, "embeddings")
    for index in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{index}"
        for name in ("query", "key", "value"):
            weights += _dense(f"{layer}.attention.self.{name}", width, width, "blocks")
        weights += _dense(f"{layer}.attention.output.dense", width, width, "blocks")
        weights += _norm(
            f"{layer}.attention.{'self_attn_layer_norm' if is_xl else 'output.LayerNorm'}", width, "blocks"
        )
        weights += _dense(f"{layer}.intermediate.dense", inner, width, "blocks")
        weights += _dense(f"{layer}.output.dense", width, inner, "blocks")
        weights += _norm(f"{layer}.{'LayerNorm' if is_xl else 'output.LayerNorm'}", width, "blocks")
    weights += _norm("encoder.LayerNorm", width, "blocks") if is_xl else []
    head = "cls.predictions" if is_bert else "lm_head"
    transform, norm = ("transform.dense", "transform.LayerNorm") if is_bert else ("dense", "layer_norm")
    language_head = [
        Weight(f"{head}.bias", (vocabulary,), "heads"),
        *_dense(f"{head}.{transform}", width, width, "heads"),
        *_norm(f"{head}.{norm}", width, "heads"),
    ]
    first_position = 0 if is_bert else (config.get("pad_token_id") or 0) + 1  # see ds_stilts.models.encoder
    return ModelShape(
        model_type=kind,
        vocabulary=vocabulary,
        hidden=width,
        layers=config["num_hidden_layers"],
        decoder_layers=0,
        heads=config["num_attention_heads"],
        attention_width=width,
        intermediate=inner,
        max_tokens=config["max_position_embeddings"] - first_position,
        dropout=config.get("hidden_dropout_prob", 0.1) > 0,
        weights=tuple(weights),
        language_head=tuple(language_head),
    )


def _distilbert(config: Mapping[str, Any]) -> ModelShape:
    width, inner, vocabulary = config["dim"], config["hidden_dim"], config["vocab_size"]
    positions = config["max_position_embeddings"]
    weights = _tables({"word_embeddings": vocabulary, "position_embeddings": positions}, width)
    weights += _norm("embeddings.LayerNorm", width, "embeddings")
    for index in range(config["n_layers"]):
        layer = f"transformer.layer.{index}"
        for name in ("q_lin", "k_lin", "v_lin", "out_lin"):
            weights += _dense(f"{layer}.attention.{name}", width, width, "blocks")
        weights += _norm(f"{layer}.sa_layer_norm", width, "blocks")
        weights += _dense(f"{layer}.ffn.lin1", inner, width, "blocks")
        weights += _dense(f"{layer}.ffn.lin2", width, inner, "blocks")
        weights += _norm(f"{layer}.output_layer_norm", width, "blocks")
    language_head = [
        *_dense("vocab_transform", width, width, "heads"),
        *_norm("vocab_layer_norm", width, "heads"),
        Weight("vocab_projector.bias", (vocabulary,), "heads"),
    ]
    return ModelShape(
        model_type="distilbert",
        vocabulary=vocabulary,
        hidden=width,
        layers=config["n_layers"],
        decoder_layers=0,
        heads=config["n_heads"],
        attention_width=width,
        intermediate=inner,
        max_tokens=positions,
        dropout=config.get("dropout", 0.1) > 0,
        weights=tuple(weights),
        language_head=tuple(language_head),
    )


def _mt5(config: Mapping[str, Any], encoder_only: bool) -> ModelShape:
    """Encoder, decoder and an output matrix of its own (see `ds_stilts.models.seq2seq.untied`), or the encoder."""
    width, heads, vocabulary = config["d_model"], config["num_heads"], config["vocab_size"]
    inner, attention = config["d_ff"], heads * config["d_kv"]
    gated = str(config.get("feed_forward_proj", "gated-gelu")).startswith("gated")
    layers = {"encoder": config["num_layers"]}
    if not encoder_only:
        layers["decoder"] = config.get("num_decoder_layers") or config["num_layers"]
    weights = [Weight("shared.weight", (vocabulary, width), "embeddings")]

    def attend(name: str) -> Iterable[Weight]:
        for projection in ("q", "k", "v"):
            yield Weight(f"{name}.{projection}.weight", (attention, width), "blocks")
        yield Weight(f"{name}.o.weight", (width, attention), "blocks")

    for stack, depth in layers.items():
        for index in range(depth):
            parts = ["SelfAttention"] + (["EncDecAttention"] if stack == "decoder" else [])
            for place, part in enumerate(parts):
                layer = f"{stack}.block.{index}.layer.{place}"
                weights += attend(f"{layer}.{part}")
                if index == 0 and part == "SelfAttention":
                    buckets = config.get("relative_attention_num_buckets", 32)
                    weights.append(Weight(f"{layer}.{part}.relative_attention_bias.weight", (buckets, heads), "blocks"))
                weights.append(Weight(f"{layer}.layer_norm.weight", (width,), "blocks"))
            layer = f"{stack}.block.{index}.layer.{len(parts)}"
            for name in ("wi_0", "wi_1") if gated else ("wi",):
                weights.append(Weight(f"{layer}.DenseReluDense.{name}.weight", (inner, width), "blocks"))
            weights.append(Weight(f"{layer}.DenseReluDense.wo.weight", (width, inner), "blocks"))
            weights.append(Weight(f"{layer}.layer_norm.weight", (width,), "blocks"))
        weights.append(Weight(f"{stack}.final_layer_norm.weight", (width,), "blocks"))
    own = [] if encoder_only else [Weight("lm_head.weight", (vocabulary, width), "heads")]
    return ModelShape(
        model_type="mt5",
        vocabulary=vocabulary,
        hidden=width,
        layers=layers["encoder"],
        decoder_layers=layers.get("decoder", 0),
        heads=heads,
        attention_width=attention,
        intermediate=inner,
        max_tokens=None,
        dropout=config.get("dropout_rate", 0.1) > 0,
        weights=tuple(weights),
        language_head=tuple(own),
    )


def _built(config: Mapping[str, Any], where: str) -> ModelShape:
    """Shape of any other masked-LM encoder that the Auto classes know, built without memory."""
    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM

    from ds_stilts.models.weights import named_once

    try:
        known = AutoConfig.for_model(**config)
        with torch.device("meta"):
            model = AutoModelForMaskedLM.from_config(known, trust_remote_code=False)
    except (ValueError, TypeError, AttributeError) as error:
        known_types = ", ".join([*FAMILIES, "mt5"])
        raise CheckpointError(
            f"{where} describes a model of type '{config['model_type']}', of which transformers builds no masked-LM "
            f"encoder ({str(error).strip().splitlines()[0]}); use one of type {known_types}"
        ) from None
    prefix = f"{model.base_model_prefix}."
    found: dict[Part, list[Weight]] = {"embeddings": [], "blocks": [], "heads": []}
    for name, parameter in named_once(model).items():
        part: Part = "heads" if not name.startswith(prefix) else "embeddings" if "embeddings" in name else "blocks"
        found[part].append(Weight(name.removeprefix(prefix), tuple(parameter.shape), part))
    return ModelShape(
        model_type=config["model_type"],
        vocabulary=known.vocab_size,
        hidden=known.hidden_size,
        layers=known.num_hidden_layers,
        decoder_layers=0,
        heads=known.num_attention_heads,
        attention_width=known.hidden_size,
        intermediate=known.intermediate_size,
        max_tokens=getattr(known, "max_position_embeddings", None),
        dropout=getattr(known, "hidden_dropout_prob", 0.1) > 0,
        weights=tuple(found["embeddings"] + found["blocks"]),
        language_head=tuple(found["heads"]),
    )


FAMILIES: dict[str, Callable[[Mapping[str, Any]], ModelShape]] = {
    "bert": _bert,
    "roberta": _bert,
    "xlm-roberta": _bert,
    "xlm-roberta-xl": _bert,
    "distilbert": _distilbert,
}
"""model_type → its shape, of encoders that are counted without building them."""
