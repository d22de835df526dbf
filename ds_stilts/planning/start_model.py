"""Which model a recipe starts from, as shapes: from a folder's config.json, `start.architecture`, or a public config.

Weights are never read, and the network is asked only for the config of a hub id that is not in the table.
"""

import json
from pathlib import Path
from typing import Any

from ds_stilts.errors import CheckpointError
from ds_stilts.planning.public_models import PUBLIC_MODELS, public_config
from ds_stilts.planning.shapes import ModelShape, shape_of
from ds_stilts.recipe import Recipe, Start


def start_shape(recipe: Recipe) -> tuple[ModelShape, str]:
    """Shape of the start model, and where it is known from.

    Raises:
        CheckpointError: no config can be had, or none that can be used.
    """
    config, source = _config(recipe)
    return shape_of(config, source, heads=recipe.start.use == "heads"), source


def start_tokenizer(recipe: Recipe) -> str | None:
    """Fingerprint of the start model's tokenizer, as prepared files quote it; None where it is not on this machine, or
    is still to be made. The network is not asked."""
    start = recipe.start
    if start.model is None:
        return None
    from huggingface_hub import try_to_load_from_cache

    from ds_stilts.data.identity import tokenizer_fingerprint
    from ds_stilts.models.loading import load_tokenizer

    folder = Path(start.model)
    if not folder.is_dir():
        file = try_to_load_from_cache(start.model, "tokenizer.json", revision=start.revision)
        if not isinstance(file, str):
            return None
        folder = Path(file).parent
    try:
        return tokenizer_fingerprint(load_tokenizer(str(folder)))
    except CheckpointError:
        return None  # the run says so


def _config(recipe: Recipe) -> tuple[dict[str, Any], str]:
    start = recipe.start
    if start.architecture:
        return _made(recipe), "start.architecture"
    assert start.model is not None
    file = Path(start.model) / "config.json"
    if file.is_file():
        return _read(file), str(file)
    if Path(start.model).is_dir():
        raise CheckpointError(f"'{start.model}' is no model in Hugging Face layout: it has no config.json")
    listed = public_config(start.model)
    if listed:
        return listed, f"the table of public models ({start.model})"
    return _from_hub(start), f"the hub's config.json of {start.model}"


def _made(recipe: Recipe) -> dict[str, Any]:
    """Fields of the config that `ds_stilts.models` will make of an `architecture` section."""
    architecture, tokenizer = recipe.start.architecture, recipe.start.tokenizer
    assert architecture is not None
    vocabulary = tokenizer.vocabulary if tokenizer else _made_up_vocabulary(recipe)
    if architecture.family == "mt5":
        return {
            "model_type": "mt5",
            "vocab_size": vocabulary,
            "d_model": architecture.hidden_size,
            "num_layers": architecture.layers,
            "num_heads": architecture.heads,
            "d_kv": architecture.hidden_size // architecture.heads,
            "d_ff": architecture.intermediate_size,
            "dropout_rate": architecture.dropout,
        }
    return {
        "model_type": "xlm-roberta",
        "vocab_size": vocabulary,
        "hidden_size": architecture.hidden_size,
        "num_hidden_layers": architecture.layers,
        "num_attention_heads": architecture.heads,
        "intermediate_size": architecture.intermediate_size,
        "hidden_dropout_prob": architecture.dropout,
        "max_position_embeddings": architecture.max_tokens + 2,
        "type_vocab_size": 1,
        "pad_token_id": 1,
    }


def _made_up_vocabulary(recipe: Recipe) -> int:
    """Pieces of the made-up languages' tokenizer, with its special tokens."""
    from ds_stilts.models.tokenizer import FIRST_TOKENS
    from ds_stilts.synthetic.lexicon import build_lexicons
    from ds_stilts.synthetic.presets import find_preset
    from ds_stilts.synthetic.tokenizer import vocabulary
    from ds_stilts.synthetic.world import World

    made_up = recipe.data.synthetic
    assert made_up is not None
    world = World(find_preset(made_up.preset).world, made_up.seed)
    return len(FIRST_TOKENS) + len(vocabulary(build_lexicons(world, made_up.seed))) + 1


def _read(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} cannot be read as JSON ({error}); get it again from its source") from None
    if not isinstance(config, dict):
        raise CheckpointError(f"{file} holds no JSON object; get it again from its source")
    return config


def _from_hub(start: Start) -> dict[str, Any]:
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(start.model, revision=start.revision, trust_remote_code=False)
    except (OSError, ValueError):
        raise CheckpointError(
            f"start.model: the shape of '{start.model}' is not known here and the hub cannot be reached for it; put "
            f"its config.json into a folder and name that, or use one of: {', '.join(PUBLIC_MODELS)}"
        ) from None
    fields: dict[str, Any] = config.to_dict()
    return fields
