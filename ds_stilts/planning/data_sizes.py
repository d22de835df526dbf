"""How many items a phase trains on and how long they are, as far as it is known without reading data, and from where.

Prepared files know both; else a count may be published, or the made-up languages' preset gives it, and a task's longest
input bounds the length. Running text has no published count: it is known once it is prepared.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.plan import longest_item
from ds_stilts.recipe import Recipe, Target, Training
from ds_stilts.tasks.task import Task

_SETS = {
    "synth_nli": "nli",
    "synth_paraphrase": "paraphrase",
    "synth_qa": "qa",
    "synth_qa_low": "qa_low",
    "synth_pos": "tagging",
    "synth_ner": "tagging",
    "synth_choice": "choice",
    **{f"synth_nli_{domain}": "nli" for domain in ("one", "two")},
    **{f"synth_nli_low_{domain}": "qa_low" for domain in ("one", "two")},
}
"""Task → its training set's size in `ds_stilts.synthetic.presets.SetSizes`."""


@dataclass(frozen=True, kw_only=True)
class TaskSize:
    """What one task of a phase brings."""

    items: int | None
    """Training items; None: not known before its data are prepared."""
    item_tokens: float
    """Mean tokens of an item, or the most it can have."""
    longest: int
    """Tokens of the longest possible item."""
    counted: str
    """Where `items` is from."""
    lengths_known: bool
    """Whether `item_tokens` is a mean of prepared files, not an upper bound."""


def task_size(recipe: Recipe, phase: Training, task: Task, prepared: Path, limit: int | None) -> TaskSize:
    """Size of a task in a phase.

    Args:
        prepared: folder of prepared files.
        limit: longest input of the model.
    """
    use = phase.tasks.get(task.name)
    most = phase.max_train_examples if isinstance(phase, Target) else use.max_examples if use else None
    split = use.split if use else "train"
    longest = longest_item(phase, task, limit)
    languages = _languages(phase, task, split)
    # A file's name does not say whether its lines are joined.
    known_by = [] if use and use.join_lines else languages or []
    facts = [_newest(prepared, task, split, language) for language in known_by]
    if facts and all(facts):
        items, tokens = (sum(fact[key] for fact in facts if fact) for key in ("items", "tokens"))
        capped = min(items, most * len(facts)) if most else items
        mean = min(float(longest), tokens / max(1, items))
        return TaskSize(items=capped, item_tokens=mean, longest=longest, counted="prepared files", lengths_known=True)
    counts = [_published(recipe, task, split, language) for language in languages or []]
    known = [min(count, most) if most else count for count, _ in counts if count is not None]
    if languages and len(known) == len(languages):
        source = counts[0][1]
        return TaskSize(items=sum(known), item_tokens=longest, longest=longest, counted=source, lengths_known=False)
    return TaskSize(items=None, item_tokens=longest, longest=longest, counted="not prepared yet", lengths_known=False)


def _languages(phase: Training, task: Task, split: str) -> list[str] | None:
    """Languages trained on; None: all whose files lie under the data root (running text)."""
    use = phase.tasks.get(task.name)
    given = phase.train_languages if isinstance(phase, Target) else use.languages if use else None
    if given:
        return given
    known = list(task.split(split).languages or task.languages)
    return None if task.format == "masked_lm" else known[:1]


def _published(recipe: Recipe, task: Task, split: str, language: str) -> tuple[int | None, str]:
    made_up = recipe.data.synthetic
    if made_up and task.name in _SETS:
        from ds_stilts.synthetic.presets import find_preset

        size: int = getattr(find_preset(made_up.preset).sets, _SETS[task.name])
        return size, f"preset {made_up.preset}"
    return task.split(split).published_count(language), "published counts"


def _newest(prepared: Path, task: Task, split: str, language: str) -> dict[str, int] | None:
    """Items and tokens of the newest prepared file of a split, whichever tokenizer made it."""
    folder = prepared / task.name.replace(":", "_")
    files = sorted(folder.glob(f"{split}-{language}-*.json"), key=lambda path: path.stat().st_mtime)
    try:
        return {key: int(json.loads(files[-1].read_text(encoding="utf-8"))[key]) for key in ("items", "tokens")}
    except (IndexError, OSError, ValueError, KeyError):
        return None  # a plan does not need it; the run makes it again
