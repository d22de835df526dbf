"""Loading and making start models: Hugging Face folders in, `PackedEncoder` and language-model head out.

Only safetensors weights are read and no code of a checkpoint is ever run (`trust_remote_code` stays off).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ds_stilts.errors import CheckpointError
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.recipe import Architecture


@dataclass(frozen=True, kw_only=True)
class StartModel:
    """What phase 1 hands on."""

    encoder: PackedEncoder
    masked_lm: Any
    """The whole `…ForMaskedLM` model: it owns the encoder and the tied head, and knows how to save both."""
    tokenizer: Any

    @property
    def language_head(self) -> nn.Module:
        """The masked-LM head; its output matrix is the word embedding itself."""
        return self.masked_lm.lm_head if hasattr(self.masked_lm, "lm_head") else self.masked_lm.cls


def load_tokenizer(folder: str, revision: str | None = None) -> Any:
    """A fast tokenizer (character offsets are needed for span QA).

    Raises:
        CheckpointError: nothing there, or only a slow tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, revision=revision, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"no tokenizer could be loaded from '{folder}': {_first_line(error)}") from None
    if not tokenizer.is_fast:
        raise CheckpointError(
            f"'{folder}' has only a slow tokenizer; span QA needs offsets. Convert it to tokenizer.json."
        )
    return tokenizer


def load_start(folder: str, revision: str | None = None) -> StartModel:
    """Load an encoder with its masked-LM head (a fresh one where the checkpoint has none) and tokenizer, in fp32.

    Raises:
        CheckpointError: nothing there, not safetensors, or a tokenizer that does not fit the model.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForMaskedLM
    from transformers.utils import logging

    logging.set_verbosity_error()  # what is missing is checked below, and said in a sentence
    logging.disable_progress_bar()
    tokenizer = load_tokenizer(folder, revision)
    try:
        model, loaded = AutoModelForMaskedLM.from_pretrained(
            folder,
            revision=revision,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="float32",
            output_loading_info=True,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise CheckpointError(
            f"no masked-LM encoder with safetensors weights in '{folder}': {_first_line(error)}"
        ) from None
    missing = [key for key in loaded["missing_keys"] if key.startswith(f"{model.base_model_prefix}.")]
    if missing:
        raise CheckpointError(f"'{folder}' lacks encoder weights that its config asks for, the first is {missing[0]}")
    return _start(model, tokenizer, folder)


def make_start(architecture: Architecture, tokenizer: Any) -> StartModel:
    """An XLM-R-architecture model with random weights for a tokenizer, in fp32; the caller seeds torch."""
    from transformers import XLMRobertaForMaskedLM

    config = xlmr_config(architecture, len(tokenizer), tokenizer)
    return _start(XLMRobertaForMaskedLM(config), tokenizer, "a model made from scratch")


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


def _start(model: Any, tokenizer: Any, name: str) -> StartModel:
    vocabulary = model.config.vocab_size
    if len(tokenizer) > vocabulary:
        raise CheckpointError(
            f"the tokenizer does not fit the model: '{name}' has {len(tokenizer)} pieces but the model's embedding has "
            f"{vocabulary} rows. Use the tokenizer that the model was trained with."
        )
    model.train()
    return StartModel(encoder=PackedEncoder(model.base_model), masked_lm=model, tokenizer=tokenizer)


def save_folder(model: Any, tokenizer: Any, folder: Path, state: dict[str, Any]) -> None:
    """Write a Hugging Face folder: config, `state` as safetensors (sharded), tokenizer.

    Args:
        model: a transformers model whose parameter names `state` uses.
        state: full CPU tensors; of tied parameters any one name is enough.
    """
    # transformers keeps only its own choice of the names of a tied weight, and only if that one is there: without it, an
    # encoder opened without the language head would get random word embeddings.
    names: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    whole = dict(state)
    for tied in names.values():
        whole.update(dict.fromkeys(tied, next(state[name] for name in tied if name in state)))
    previous = model.config._attn_implementation
    model.config._attn_implementation = "sdpa"  # ours is not one that a stranger's transformers knows
    model.save_pretrained(folder, state_dict=whole)
    model.config._attn_implementation = previous
    tokenizer.save_pretrained(folder)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
