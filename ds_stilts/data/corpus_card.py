"""The card of what a recipe trains on: tasks, counts, sampling shares, overlaps, licences, checksums, citations.

A pure function of the recipe and the prepared files' facts, with no date, path or machine in it: equal data give equal
bytes, so that the card's hash in a checkpoint says what that was trained on.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import xxhash

from ds_stilts.data.prepared import Facts
from ds_stilts.data.sampling import mean_shares, phase_length
from ds_stilts.plan import trains_target
from ds_stilts.recipe import Recipe, Target, Training
from ds_stilts.tasks import get_task
from ds_stilts.tasks.overlap import overlap
from ds_stilts.tasks.part import chosen_words
from ds_stilts.tasks.task import Task

Corpus = Mapping[str, Mapping[str, Sequence[Facts]]]
"""Phase ("start.pretrain", "arms.NAME", "targets.NAME") → task → facts of each of its splits."""


def training_phases(recipe: Recipe) -> dict[str, Training]:
    """Everything that the recipe trains, under the key where it stands; targets that are only scored are left out."""
    phases: dict[str, Training] = {"start.pretrain": recipe.start.pretrain} if recipe.start.pretrain else {}
    phases |= recipe.intermediate()
    return phases | {
        f"targets.{name}": target for name, target in recipe.targets.items() if trains_target(recipe, name)
    }


def corpus_card(recipe: Recipe, corpus: Corpus, tokenizer: str) -> dict[str, Any]:
    """The card as plain values.

    Args:
        tokenizer: hash of the tokenizer's definition; items and tokens are counted with it.
    """
    phases = training_phases(recipe)
    return {
        "format": 1,
        "recipe": recipe.name,
        "fingerprint": recipe.fingerprint(),
        "tokenizer": tokenizer,
        "phases": {where: _phase(recipe, phases[where], uses) for where, uses in corpus.items()},
    }


def _phase(recipe: Recipe, phase: Training, uses: Mapping[str, Sequence[Facts]]) -> dict[str, Any]:
    sizes = {name: sum(facts.items for facts in splits) for name, splits in uses.items()}
    tokens = {name: sum(facts.tokens for facts in splits) / max(1, sizes[name]) for name, splits in uses.items()}
    known = sum(sizes.values()) > 0
    follows = phase.mixing == "adaptive" and len(uses) > 1
    drawn = mean_shares(sizes, phase, phase_length(phase, sizes, tokens)) if known else dict.fromkeys(sizes, 0.0)
    others = {} if isinstance(phase, Target) else {name: get_task(name) for name in recipe.targets}
    return {
        "mixing": phase.mixing if len(uses) > 1 else None,
        "tasks": [_task(get_task(name), uses[name], None if follows else drawn[name], others) for name in uses],
    }


def _task(task: Task, splits: Sequence[Facts], share: float | None, targets: Mapping[str, Task]) -> dict[str, Any]:
    return {
        "task": task.name,
        "title": task.title,
        "version": task.version,
        "examples": sum(facts.examples for facts in splits),
        "items": sum(facts.items for facts in splits),
        "tokens": sum(facts.tokens for facts in splits),
        "share": None if share is None else round(share, 6),
        "overlap": {name: kind for name, target in targets.items() if (kind := overlap(task, target)) != "none"},
        "splits": [
            {
                "split": facts.split,
                "language": facts.language,
                "examples": facts.examples,
                "items": facts.items,
                "tokens": facts.tokens,
                "checksum": facts.checksum,
                **({"where": facts.where} if facts.where else {}),
            }
            for facts in splits
        ],
        "licence": task.licence,
        "citation": task.citation,
    }


def card_json(card: Mapping[str, Any]) -> str:
    """The text of corpus.json."""
    return json.dumps(card, indent=1, ensure_ascii=False) + "\n"


def card_hash(card: Mapping[str, Any]) -> str:
    """xxh3 of corpus.json."""
    return f"xxh3:{xxhash.xxh3_128_hexdigest(card_json(card).encode())}"


def card_markdown(card: Mapping[str, Any]) -> str:
    """The text of corpus.md: the same for people."""
    lines = [
        f"# What {card['recipe']} trains on",
        "",
        f"Recipe fingerprint `{card['fingerprint']}`, tokenizer `{card['tokenizer']}`, card `{card_hash(card)}`. Items "
        "are what training draws, tokens are counted once over all of them. An overlap names a target whose own "
        "training data are the same (identical) or inside (superset).",
    ]
    for where, phase in card["phases"].items():
        lines += ["", f"## {where}", ""]
        if phase["mixing"]:
            lines += [f"Mixing: {phase['mixing']}.", ""]
        lines += _table(
            ("task", "examples", "items", "tokens", "share", "overlap", "licence"),
            [
                (
                    task["task"],
                    f"{task['examples']:,}",
                    f"{task['items']:,}",
                    f"{task['tokens']:,}",
                    "by validations" if task["share"] is None else f"{task['share']:.1%}",
                    ", ".join(f"{target} ({kind})" for target, kind in task["overlap"].items()) or "none",
                    task["licence"],
                )
                for task in phase["tasks"]
            ],
        )
    tasks = {task["task"]: task for phase in card["phases"].values() for task in phase["tasks"]}
    splits = {
        (task["task"], _part(facts), facts["language"], f"{facts['examples']:,}", f"`{facts['checksum']}`"): None
        for phase in card["phases"].values()
        for task in phase["tasks"]
        for facts in task["splits"]
    }
    lines += ["", "## Files", "", *_table(("task", "split", "language", "examples", "checksum"), list(splits))]
    lines += ["", "## Citations", "", *(f"- {task['title']}: {task['citation']}" for task in tasks.values())]
    return "\n".join(lines) + "\n"


def _part(facts: Mapping[str, Any]) -> str:
    """The split, and which of its examples."""
    chosen = chosen_words(facts.get("where"))
    return f"{facts['split']} ({chosen})" if chosen else str(facts["split"])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return ["| " + " | ".join(row) + " |" for row in cells]
