"""What kind of model a recipe starts with, and how it is used: read by heads, or writing text. Reads no weights."""

import json
from functools import cache
from pathlib import Path

from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Start

MT5 = "mt5"
"""`model_type` of the only encoder-decoder that is known here."""
UNKNOWN = ""
"""There is no config to be had: the hub is out of reach, or the folder holds none."""


def writes_text(start: Start) -> bool:
    """Whether a recipe is learned and scored as text-to-text: mT5, unless `start.use` is "heads".

    Raises:
        RecipeError: `start.use` is "text" and the model is an encoder.
    """
    if start.use != "text":
        return is_mt5(start) and start.use != "heads"
    if _type_of(start) not in (MT5, UNKNOWN):  # of what is not known, the phase that loads it will tell
        raise RecipeError(
            f"start.use: an encoder ({start.model or 'start.architecture'}) writes no text; remove the key, or start "
            "from an mT5 model"
        )
    return True


def is_mt5(start: Start) -> bool:
    """Whether a recipe starts with an mT5 model; no where that is not known."""
    return _type_of(start) == MT5


def _type_of(start: Start) -> str:
    if start.architecture:
        return start.architecture.family
    return _model_type(str(start.model), start.revision)


@cache
def _model_type(name: str, revision: str | None) -> str:
    """The config's `model_type`, or `UNKNOWN`."""
    file = Path(name) / "config.json"
    if Path(name).is_dir():
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return UNKNOWN
        return str(found.get("model_type", UNKNOWN)) if isinstance(found, dict) else UNKNOWN
    from huggingface_hub.utils import logging
    from transformers import AutoConfig

    # Each retry of an unreachable hub would be a line; the loading phase says it in one.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        return str(AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False).model_type)
    except Exception:  # whatever is wrong with it, the phase that loads it says so
        return UNKNOWN
