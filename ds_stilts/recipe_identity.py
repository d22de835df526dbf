"""Which keys of a recipe decide numbers: what a run's fingerprint and a stage's key are made of.

Left out is what changes no number, and every key at a value that does what recipes did before there was the key.
"""

from typing import Any

_INDIFFERENT = {
    "checkpoint_every", "keep_checkpoints", "log_every", "micro_batch_tokens", "activation_checkpointing",
    "gradient_cosines",
}  # fmt: skip
"""Keys of a phase that change no number."""
_LATER = {
    "random_init": False,
    "validation": None, "heads": "fresh", "reuse_head": None, "optimizer": "adamw", "compile": None, "use": None,
    "family": "xlmr", "freeze": None, "layer_lr_decay": 1.0, "anneal": 0.8,
    "one_task_steps": False, "batch_tokens": None, "goal": None, "join_lines": False, "average": None,
    "lora": None, "target_seed": None, "seed": None, "translated": False, "domains": None, "where": None,
}  # fmt: skip
"""Keys that the first recipes did not have, with the value that changes nothing."""


def deciding(node: Any) -> Any:
    """A recipe's values, or a part of them, without what decides no number.

    Keys that came later count only where they are used, so that older runs can still be gone on with.
    """
    if isinstance(node, list):
        return [deciding(value) for value in node]
    if not isinstance(node, dict):
        return node
    tasks = list(node.get("tasks") or {}) if "mixing" in node else []
    # Items are drawn by the tasks' order, which a dictionary's equality does not see.
    order = {"task_order": tasks} if tasks != sorted(tasks) else {}
    return order | {
        key: deciding(_choosing(value) if key == "validation" else value)
        for key, value in node.items()
        if key not in _INDIFFERENT
        and not (key in _LATER and value == _LATER[key])
        and not (key == "validation" and _only_watches(value) and node.get("mixing") != "adaptive")
    }


def _only_watches(validation: Any) -> bool:
    """Whether nothing follows from what a validation finds: no early stop."""
    return isinstance(validation, dict) and validation.get("patience", 0) is None


def _choosing(validation: Any) -> Any:
    """A validation without what is only shown."""
    if not isinstance(validation, dict):
        return validation
    kept = {key: value for key, value in validation.items() if key != "probe"}
    unlabelled = kept.pop("unlabelled", None)
    if kept.get("choose_by", "value") == "value":
        kept.pop("choose_by", None)
        return kept
    return {**kept, "unlabelled": {key: value for key, value in unlabelled.items() if key != "oracle"}}
