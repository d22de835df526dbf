"""What decides a prepared file's content beside the data: the tokenizer, the task's declaration, and our own code.

Each becomes text or a hash that is equal on every machine and in every process, and changes when its content does.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import xxhash

import ds_stilts
from ds_stilts.tasks.task import Task

_SAID_OR_SCORED = {
    "title", "benchmarks", "score_split", "metrics", "value_metrics", "train_data", "contains", "head", "url",
    "licence", "citation", "note", "chance", "splits", "parallel", "perturbed_from",
}  # fmt: skip
"""Fields of a task that change no token: prose, what is scored, and other splits than the one that is read."""
_CODE = (
    "formats/*.py",
    "formats/text_to_text/*.py",
    "tasks/readers/*.py",
    "tasks/examples.py",
    "tasks/task.py",
    "tasks/shuffled.py",
    "tasks/real_fake.py",
    "tasks/perturbations.py",
    "tasks/perturbed.py",
    "tasks/intermediate/hellaswag.py",
    "tasks/non_english/parsinlu_mc.py",
    "data/encode.py",
)
"""Of declarations, those that are not values alone, but have functions of their own."""


def tokenizer_fingerprint(tokenizer: Any) -> str:
    """Hash of a fast tokenizer's whole definition."""
    backend = tokenizer.backend_tokenizer
    # Part of the definition's text, but only what the last call asked for: transformers sets both anew at each call.
    backend.no_truncation()
    backend.no_padding()
    settings = f"{tokenizer.truncation_side} {tokenizer.unk_token_id}"
    return xxhash.xxh3_128_hexdigest(f"{backend.to_str()} {settings}".encode())


def declaration(task: Task, split: str) -> str:
    """Everything of a task that its readers and its format may look at, for one split."""
    own = [field.name for field in fields(task) if field.name not in _SAID_OR_SCORED]
    return stable({**{name: getattr(task, name) for name in own}, "split": task.split(split)})


@cache
def code_fingerprint() -> str:
    """Hash of the code between an official file and its token ids, so that no file outlives a change of it."""
    digest = xxhash.xxh3_128()
    for path in code_files():
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def code_files() -> list[Path]:
    """The files that `code_fingerprint` is of."""
    package = Path(ds_stilts.__file__).parent
    return [path for pattern in _CODE for path in sorted(package.glob(pattern))]


def stable(value: Any) -> str:
    """`repr` that never holds an address: functions by their name, data classes and containers by their content."""
    if is_dataclass(value) and not isinstance(value, type):
        inside = (f"{field.name}={stable(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({', '.join(inside)})"
    if isinstance(value, partial):
        return f"partial({stable(value.func)}, {stable(value.args)}, {stable(value.keywords)})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{stable(key)}: {stable(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (set, frozenset)):
        return "{" + ", ".join(sorted(stable(item) for item in value)) + "}"
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return "[" + ", ".join(stable(item) for item in value) + "]"
    if callable(value):
        return f"{value.__module__}.{value.__qualname__}"
    return repr(value)
