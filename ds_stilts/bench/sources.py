"""The rows to train on: official files under a data root, or made-up languages where there are none."""

from pathlib import Path
from typing import Any

from ds_stilts.bench.job import Source
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import SplitKey, prepare, prepared_folder
from ds_stilts.formats.base import Limits
from ds_stilts.phases.start import train_tokenizer
from ds_stilts.recipe import Tokenizer
from ds_stilts.resources import cache_folder
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task

REAL = {"mnli": 0.40, "qqp": 0.25, "cosmosqa": 0.20, "squad_v1": 0.15}
"""Shares by examples. By tokens, most is multiple choice and questions."""
MADE_UP = {"synth_nli": 0.40, "synth_paraphrase": 0.25, "synth_choice": 0.20, "synth_qa": 0.15}
_PRESET, _WORLD_SEED = "tiny", 7
_CHARACTERS = 2_000_000
"""Of each task's text, at most so many are read for a tokenizer."""


def data_folder(data_root: Path | None) -> tuple[Path, dict[str, float], str]:
    """Where the official files lie, the shares of their tasks, and what to call them.

    Args:
        data_root: None: made-up languages are written to the cache folder.
    """
    if data_root is not None:
        return data_root, REAL, "MNLI .40, QQP .25, Cosmos QA .20, SQuAD .15 by examples"
    from ds_stilts.synthetic import write_world

    folder = cache_folder() / "bench" / f"made-up-{_PRESET}-{_WORLD_SEED}"
    write_world(folder, preset=_PRESET, seed=_WORLD_SEED)
    told = "made-up languages (inference .40, paraphrase .25, multiple choice .20, questions .15 by examples): their "
    return folder, MADE_UP, told + "sentences are short, so give --data-root DIR for ratios that mean something"


def make_tokenizer(root: Path, shares: dict[str, float], vocabulary: int, max_tokens: int) -> Any:
    """A tokenizer for the rows: of the made-up languages' words, or trained on the tasks' own text.

    Raises:
        DataError: an official file is missing or malformed, or has too little text for the vocabulary.
    """
    if shares is MADE_UP:
        from ds_stilts.synthetic.lexicon import build_lexicons
        from ds_stilts.synthetic.presets import find_preset
        from ds_stilts.synthetic.tokenizer import build_tokenizer
        from ds_stilts.synthetic.world import World

        return build_tokenizer(build_lexicons(World(find_preset(_PRESET).world, _WORLD_SEED), _WORLD_SEED), max_tokens)
    texts = {name: _texts(name, root) for name in shares}
    options = Tokenizer(vocabulary=vocabulary, sampling_exponent=1.0, max_characters=len(shares) * _CHARACTERS)
    return train_tokenizer(texts, options, max_tokens=max_tokens, seed=1)


def _texts(name: str, root: Path) -> list[str]:
    """What a task's training examples say, each text once, up to a limit."""
    found: dict[str, None] = {}
    left = _CHARACTERS
    task = get_task(name)
    for example in task.stream("train", _language(task), root):
        for field in ("premise", "hypothesis", "context", "question", "choices"):
            value = getattr(example, field, ())
            new = [text for text in ([value] if isinstance(value, str) else value) if text not in found]
            found |= dict.fromkeys(new)
            left -= sum(map(len, new))
        if left <= 0:
            break
    return list(found)


def _language(task: Task) -> str:
    """The one that its training set is in."""
    return (task.split("train").languages or task.languages)[0]


def prepare_source(root: Path, shares: dict[str, float], told: str, tokenizer: Any, max_tokens: int) -> Source:
    """Tokenise the training rows of every task, into the cache that runs share.

    Args:
        max_tokens: longest input of the model.

    Raises:
        DataError: an official file is missing or malformed.
    """
    files = {}
    with Encoder(tokenizer) as encoder:
        for name in shares:
            task = get_task(name)
            key = SplitKey(
                task=task,
                split="train",
                language=_language(task),
                limits=Limits(max_tokens=min(task.max_tokens, max_tokens)),
                training=True,
            )
            files[name] = prepare(key, encoder, root, prepared_folder())
    return Source(told=told, shares=shares, files=files)
