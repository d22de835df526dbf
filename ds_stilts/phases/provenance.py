"""What is said beside a number: overlap with training data, languages with labels, parallel text; the model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ds_stilts.data.prepare import SplitKey
from ds_stilts.phases.context import Run
from ds_stilts.plan_validation import validation_languages
from ds_stilts.recipe import Recipe, Target
from ds_stilts.tasks import get_task
from ds_stilts.tasks.overlap import overlap
from ds_stilts.tasks.task import Task

_PARALLEL = ("ntrex",)


def parallel_text_tasks(recipe: Recipe, arm: str | None = None) -> list[str]:
    """Tasks of phase 1, or of what an arm learns after it, that show the model translations."""
    phases = [recipe.start.pretrain] if arm is None else recipe.phases_of(arm)
    return list(dict.fromkeys(name for phase in phases if phase for name in phase.tasks if name in _PARALLEL))


def overlap_of_arm(recipe: Recipe, arm: str, task: Task) -> tuple[str, list[str]]:
    kinds = {name: overlap(get_task(name), task) for phase in recipe.phases_of(arm) for name in phase.tasks}
    found = [name for name, kind in kinds.items() if kind != "none"]
    return (kinds[found[0]] if found else "none"), found


def notes(run: Run, task: Task, arm: str) -> list[str]:
    found = [task.note] if task.note else []
    for who, parallel in (
        ("phase 1", parallel_text_tasks(run.recipe)),
        ("the intermediate phase", parallel_text_tasks(run.recipe, arm)),
    ):
        if task.is_searched and parallel:
            found.append(f"{who} saw parallel text ({', '.join(parallel)})")
    if run.recipe.start.random_init:
        found.append("the start model's weights are random (start.random_init): its scores mean nothing")
    if run.recipe.start.note:
        found.append(run.recipe.start.note)
    return found


def training_notes(
    run: Run, target: Target, task: Task, scored: list[SplitKey], trained: Mapping[str, Any]
) -> list[str]:
    """What readers of a target's scores must know of how it was trained beside its data.

    Args:
        scored: what it is scored on.
        trained: facts of its training phase, as in `phase.json`.
    """
    found = []
    if trained.get("head"):
        found.append(f"its head goes on from that of '{trained['head']}' in the intermediate phase")
    elif target.heads == "reuse" and not task.is_searched:
        found.append("its head is fresh, as no intermediate phase of this arm trains one that fits")
    if trained.get("lora"):
        found.append(f"it was trained by {_additions(trained['lora'])}")
    best, wanted = trained.get("validation"), target.validation
    if best and wanted and wanted.patience:
        seen = validation_languages(target, task)
        step = f"its weights are those of step {best['best_step']} of {best['stopped']}"
        if wanted.unlabelled and wanted.choose_by != "value":
            texts = f"on texts without labels of split '{wanted.unlabelled.split}'"
            had = "lowest entropy" if wanted.choose_by == "entropy" else "greatest agreement between languages"
            found.append(f"{step}, which had the {had} {texts}: it is zero-shot in labels, not in texts")
            return found
        found.append(
            f"{step}, which had the best {wanted.metric or 'score'} on split '{wanted.split}' in {', '.join(seen)}"
        )
        both = [key.language for key in scored if key.split == wanted.split and key.language in seen]
        if both:
            found.append(f"these weights were chosen on the very split that is scored here in {', '.join(both)}")
    return found


def _additions(lora: Mapping[str, Any]) -> str:
    return f"low-rank additions (LoRA of rank {lora['rank']}, alpha {lora['alpha']:g}), not as a whole"


def model_card(run: Run, stage: str, facts: dict[str, Any], opened_by: str) -> str:
    """The card of a model that was trained.

    Args:
        facts: of its phase, as in `phase.json`.
        opened_by: the class of transformers whose parameters lie in the folder, all of them and no other.
    """
    by = f" It was trained by {_additions(facts['lora'])}; they are summed into the weights." if "lora" in facts else ""
    items = "\n".join(f"- {name}: {count:,} training items" for name, count in facts["items"].items())
    done = f"Trained by ds_stilts for {facts['steps']} steps from `{_called(run, facts['source'])}`"
    return _card(run, stage, done, by, items, opened_by)


def merged_card(run: Run, stage: str, facts: dict[str, Any], opened_by: str) -> str:
    """The card of a model that was merged (see `ds_stilts.phases.merging`); arguments as those of `model_card`."""
    terms = " + ".join(f"{weight:g} · ({arm} - start)" for arm, weight in facts["merged"].items())
    learned = "\n".join(f"- {arm}: {', '.join(tasks)}" for arm, tasks in facts["tasks"].items())
    done = f"Merged by ds_stilts, without training, as start + {terms}; start is `{_called(run, facts['source'])}`"
    by = " A task head that several of these have is their mean." if len(facts["merged"]) > 1 else ""
    return _card(run, stage, done, by, learned, opened_by)


def _called(run: Run, source: str) -> str:
    """What readers elsewhere can make of where a model lay: its stage, its hub id, or the folder's own name."""
    path = Path(source)
    if path.is_relative_to(run.run_dir):
        return path.relative_to(run.run_dir).as_posix().removesuffix("/model")
    return path.name if path.is_dir() else source


def _card(run: Run, stage: str, done: str, more: str, listed: str, opened_by: str) -> str:
    return (
        f"---\nlibrary_name: transformers\ntags:\n- ds_stilts\n- intermediate-task-training\n---\n\n"
        f"# {run.recipe.name}: {stage}\n\n{run.recipe.description}\n\n"
        f"{done}, seed {run.recipe.seed}, recipe fingerprint `{run.recipe.fingerprint()}`.{more}\n\n{listed}\n\n"
        f"Open it with `transformers.{opened_by}.from_pretrained`. Task heads, where there are any, lie in "
        "`heads.safetensors`. The licences of the training data apply to what was learned from them.\n"
    )
