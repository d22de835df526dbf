"""Loading and making start models: Hugging Face folders in, `PackedEncoder` and language-model head out.

Only safetensors weights are read and no code of a checkpoint is ever run (`trust_remote_code` stays off). A model can
be opened, which gives its shape and tells what is wrong with its files, and then be filled: wholly here, or part by
part in `ds_stilts.engine.partitioned_loading`.
"""

import copy
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ds_stilts.errors import CheckpointError
from ds_stilts.models.checkpoint_files import INDEX, SINGLE, WeightsWriter
from ds_stilts.models.encoder import PackedEncoder, check_supported
from ds_stilts.models.family import MT5
from ds_stilts.models.seq2seq import make_mt5, untied
from ds_stilts.models.t5_encoder import MAX_TOKENS, PackedT5Encoder
from ds_stilts.models.weights import Weights, keep_apart, named_once, skeleton
from ds_stilts.recipe import Architecture


@dataclass(frozen=True, kw_only=True)
class StartModel:
    """What phase 1 hands on."""

    encoder: PackedEncoder | PackedT5Encoder
    masked_lm: Any
    """The whole `…ForMaskedLM` model: it owns the encoder and the tied head, and knows how to save both. Of mT5: the
    whole model where it writes text, else the encoder alone."""
    tokenizer: Any
    weights: Weights | None = None
    """Where its initial values come from; None for a model made from nothing."""
    text: bool = False
    """Whether it writes text, instead of being read by heads."""

    @property
    def language_head(self) -> nn.Module:
        """The masked-LM head; its output matrix is the word embedding itself, unless the model keeps two."""
        model = self.masked_lm
        parts = _LANGUAGE_HEADS.get(model.config.model_type)
        if parts:
            return nn.Sequential(*(getattr(model, part) for part in parts))
        head: nn.Module = model.lm_head if hasattr(model, "lm_head") else model.cls
        return head


_LANGUAGE_HEADS = {
    "distilbert": ("vocab_transform", "activation", "vocab_layer_norm", "vocab_projector"),
    "electra": ("generator_predictions", "generator_lm_head"),
}
"""Where a head is several modules that the model calls one after the other."""
_REACHED = "give a folder, or a hub id that can be reached"


def load_tokenizer(folder: str, revision: str | None = None) -> Any:
    """A fast tokenizer (character offsets are needed for span QA).

    Raises:
        CheckpointError: nothing there, or only a slow tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except Exception as error:  # of a file that is JSON and no tokenizer, whatever its reader stumbles over
        local = Path(folder).is_dir()
        remedy = "put the model's tokenizer.json there" if local else _REACHED
        raise CheckpointError(f"no tokenizer could be loaded from '{folder}': {_first_line(error)}; {remedy}") from None
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # transformers makes one up where the files are missing
        raise CheckpointError(f"'{folder}' holds no tokenizer; put the model's tokenizer.json beside its config.json")
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"'{folder}' has only a slow tokenizer; span QA needs offsets. Convert it to tokenizer.json."
        )
    return tokenizer


def load_start(
    folder: str, revision: str | None = None, *, seed: int = 0, random_init: bool = False, text: bool = False
) -> StartModel:
    """As `open_start`, with all values in this process's memory, in fp32."""
    start = open_start(folder, revision, seed=seed, random_init=random_init, text=text)
    assert start.weights is not None
    start.weights.fill()
    return start


def open_start(
    folder: str, revision: str | None = None, *, seed: int = 0, random_init: bool = False, text: bool = False
) -> StartModel:
    """An encoder with its masked-LM head and tokenizer, all shapes and no values: parameters are on the meta device.

    Args:
        folder: a folder in Hugging Face layout, or a hub id.
        seed: of the values that the checkpoint lacks: a fresh masked-LM head for a bare encoder.
        random_init: read no weights at all, draw every value.
        text: whether the model, an mT5, is to write text.

    Raises:
        CheckpointError: nothing there, not safetensors, encoder weights missing or of another shape, an architecture
            that is not supported, or a tokenizer that does not fit the model.
    """
    quiet()
    config = _config(folder, revision)
    tokenizer = load_tokenizer(folder, revision)
    is_mt5 = config.model_type == MT5
    if text and not is_mt5:
        raise CheckpointError(f"'{folder}' is an encoder, which writes no text; remove `start.use`")
    model = _skeleton(config, text, folder)
    _check_vocabulary(tokenizer, config.vocab_size, folder)
    files = [] if random_init else weight_files(folder, revision)
    weights = Weights(model, files, seed)
    if weights.parted:  # transformers keeps both as well, whatever the config says (`tie_weights` of 5.23)
        keep_apart(model, weights.parted)
        weights = Weights(model, files, seed)
    prefix = "" if is_mt5 else f"{model.base_model_prefix}."
    missing = [name for name in weights.missing if name.startswith(prefix)]
    if missing and not random_init:
        part = "" if text else "encoder "
        raise CheckpointError(f"'{folder}' lacks {part}weights that its config asks for, the first is {missing[0]}")
    told = any(tokenizer("a", "a").get("token_type_ids", ()))  # as transformers would hand them to the model
    encoder = PackedT5Encoder(model) if is_mt5 else PackedEncoder(model.base_model, told_segments=told)
    return StartModel(encoder=encoder, masked_lm=model, tokenizer=tokenizer, weights=weights, text=text)


def _skeleton(config: Any, text: bool, folder: str) -> Any:
    """The model that a config describes and a run needs, without its values."""
    from transformers import AutoModelForMaskedLM, AutoModelForSeq2SeqLM, AutoModelForTextEncoding

    kind = AutoModelForMaskedLM
    if config.model_type == MT5:
        kind = AutoModelForSeq2SeqLM if text else AutoModelForTextEncoding
    try:
        model = skeleton(kind, config)
    except Exception as error:  # a width that its heads do not divide, an unknown activation, a padding id too large
        raise CheckpointError(
            f"'{folder}' has a config.json of which no model can be built: {_first_line(error)}; take it from the "
            "model's authors again"
        ) from None
    return untied(model) if text else model


def weight_files(folder: str, revision: str | None = None) -> list[Path]:
    """The safetensors files of a model folder or hub id, fetched if need be.

    Raises:
        CheckpointError: there are none, or one that the index names is missing.
    """
    single = _file(folder, SINGLE, revision)
    if single:
        return [single]
    index = _file(folder, INDEX, revision)
    if index is None:
        raise CheckpointError(
            f"'{folder}' has no {SINGLE} (nor shards with {INDEX}); other weight files can run code when they are "
            "opened, so convert them where you trust them: load the model with transformers and call save_pretrained"
        )
    try:
        names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CheckpointError(f"{index} is not a safetensors index; copy it again") from None
    files = []
    for name in names:
        if Path(name).name != name:
            raise CheckpointError(f"{index} names a weight file outside its folder: '{name}'")
        path = _file(folder, name, revision)
        if path is None:
            raise CheckpointError(f"'{folder}' has no {name}, which its {INDEX} names; copy the folder again")
        files.append(path)
    return files


def _file(folder: str, name: str, revision: str | None) -> Path | None:
    """A file of a local folder or of a hub repository; None if it has none of that name."""
    if Path(folder).is_dir():
        path = Path(folder) / name
        return path if path.is_file() else None
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(folder, name, revision=revision, _raise_exceptions_for_missing_entries=False)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{name} of '{folder}' could not be fetched: {_first_line(error)}") from None
    return Path(found) if found else None


def _config(folder: str, revision: str | None = None) -> Any:
    from transformers import AutoConfig

    if Path(folder).is_dir() and not (Path(folder) / "config.json").is_file():
        raise CheckpointError(f"'{folder}' is no model in Hugging Face layout: it has no config.json")
    try:
        config = AutoConfig.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except Exception as error:  # also of values of another type, for which transformers has errors of its own
        if not Path(folder).is_dir():
            raise CheckpointError(
                f"no model could be loaded from '{folder}': {_first_line(error)}; {_REACHED}"
            ) from None
        raise CheckpointError(f"'{folder}' has a config.json that cannot be used: {_first_line(error)}") from None
    if config.model_type != MT5:
        check_supported(config.model_type, folder)
    return config


def check_folder(folder: str, *, random_init: bool = False) -> int:
    """Check a local model folder without reading its weights; returns its number of layers.

    Raises:
        CheckpointError: config, safetensors weights or tokenizer are missing or broken, or the tokenizer does not fit.
    """
    quiet()
    config = _config(folder)
    if not random_init:
        weight_files(folder)
    _check_vocabulary(load_tokenizer(folder), config.vocab_size, folder)
    return int(config.num_hidden_layers)


def max_tokens_of(folder: str, revision: str | None = None) -> int:
    """Longest input of a model in tokens, from its config alone: it is built without weights.

    Raises:
        CheckpointError: no config that can be used.
    """
    quiet()
    config = _config(folder, revision)
    return (
        MAX_TOKENS
        if config.model_type == MT5
        else PackedEncoder(_skeleton(config, False, folder).base_model).max_tokens
    )


def make_start(architecture: Architecture, tokenizer: Any) -> StartModel:
    """A model with random weights for a tokenizer, in fp32; the caller seeds torch."""
    from transformers import XLMRobertaForMaskedLM

    if architecture.family == MT5:
        whole = make_mt5(architecture, len(tokenizer), tokenizer)
        return StartModel(encoder=PackedT5Encoder(whole), masked_lm=whole, tokenizer=tokenizer, text=True)
    config = xlmr_config(architecture, len(tokenizer), tokenizer)
    _check_vocabulary(tokenizer, config.vocab_size, "a model made from scratch")
    model = XLMRobertaForMaskedLM(config).train()
    return StartModel(encoder=PackedEncoder(model.base_model), masked_lm=model, tokenizer=tokenizer)


def xlmr_config(architecture: Architecture, vocabulary_size: int, tokenizer: Any) -> Any:
    """The Hugging Face config of an `architecture` section."""
    from transformers import XLMRobertaConfig

    return XLMRobertaConfig(
        vocab_size=vocabulary_size,
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=architecture.intermediate_size,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.attention_dropout,
        max_position_embeddings=architecture.max_tokens + 2,  # ids 0 and 1 are never used: positions start at 2
        type_vocab_size=1,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _check_vocabulary(tokenizer: Any, num_rows: int, name: str) -> None:
    if len(tokenizer) > num_rows:
        raise CheckpointError(
            f"the tokenizer does not fit the model: '{name}' has {len(tokenizer)} pieces but the model's embedding has "
            f"{num_rows} rows. Use the tokenizer that the model was trained with."
        )


def save_folder(model: Any, tokenizer: Any, folder: Path, state: dict[str, Any]) -> None:
    """Write a Hugging Face folder: config, `state` as safetensors (sharded), tokenizer.

    Args:
        model: a transformers model whose parameter names `state` uses.
        state: full tensors; of tied parameters any one name is enough.
    """
    aliases: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        aliases.setdefault(id(parameter), []).append(name)
    values = {
        name: next(state[alias] for alias in aliases[id(parameter)] if alias in state)
        for name, parameter in named_once(model).items()
    }
    save_description(model, tokenizer, folder)
    writer = WeightsWriter(folder, {name: tuple(value.shape) for name, value in values.items()})
    for name, value in values.items():
        writer.write(name, value)
    writer.close()


def save_description(model: Any, tokenizer: Any, folder: Path) -> None:
    """Write what a Hugging Face folder holds beside weights: config and tokenizer."""
    folder.mkdir(parents=True, exist_ok=True)
    quiet()
    config = copy.deepcopy(model.config)
    config._attn_implementation = "sdpa"  # ours is not one that a stranger's transformers knows
    config.architectures = [type(model).__name__]
    config.dtype = "float32"
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def quiet() -> None:
    """Keep transformers off the terminal: what is missing in a checkpoint is looked at here, and said in a sentence."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def _first_line(error: Exception) -> str:
    first, *more = str(error).strip().splitlines() or [""]
    if first.endswith(":") and more:  # what is wrong stands on the next one
        first = f"{first} {more[0].strip()}"
    if isinstance(error, KeyError):  # says no more than the key
        first = f"KeyError {first}"
    return first.strip(" .:") or type(error).__name__
