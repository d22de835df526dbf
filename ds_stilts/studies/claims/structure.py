"""Claims about what there is, not about numbers: checked against the catalogue, the recipes and the graph of stages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ds_stilts.evaluation.benchmarks import XTREME
from ds_stilts.formats import get_format
from ds_stilts.plan import stage_before, stages
from ds_stilts.recipe import Recipe
from ds_stilts.tasks import all_tasks

NINE = ("anli_plus", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "ccg", "cosmosqa", "commonsenseqa")
"""The intermediate tasks of Phang et al. 2020, as jiant registers them."""
FAMILIES = {
    "question answering": "squad_v1",
    "tagging": "ccg",
    "sentence completion": "hellaswag",
    "paraphrase": "qqp",
    "natural language inference": "mnli",
}
FORMATS = {
    "classification": "sentence_pair",
    "question answering": "span_qa",
    "multiple choice": "multiple_choice",
    "tagging": "tagging",
    "retrieval": "retrieval",
}
NUM_TASKS, NUM_LANGUAGES = 9, 40


@dataclass(frozen=True, kw_only=True)
class Structure:
    """What was found."""

    holds: bool
    found: str
    rule: str


def _xtreme_zero_shot() -> Structure:
    tasks = XTREME.tasks()
    languages = {code for task in tasks for code in XTREME.languages(task)}
    own = [next(iter(task.split("train").languages or task.languages)) for task in tasks if not task.is_searched]
    return Structure(
        holds=len(tasks) == NUM_TASKS and len(languages) == NUM_LANGUAGES and set(own) == {"en"},
        found=f"{len(tasks)} tasks in {len(languages)} languages; the {len(own)} trained ones learn from "
        f"{', '.join(sorted(set(own)))} unless told otherwise",
        rule=f"{NUM_TASKS} tasks, {NUM_LANGUAGES} languages, training in English alone",
    )


def _nine_intermediates() -> Structure:
    known = {task.name for task in all_tasks()}
    found = [name for name in NINE if name in known]
    lacking = [name for name in NINE if name not in known]
    return Structure(
        holds=not lacking,
        found=f"{len(found)} of 9 are declared: {', '.join(found)}"
        + (f"; missing: {', '.join(lacking)}" if lacking else ""),
        rule="each of the nine is in the catalogue",
    )


def _families() -> Structure:
    known = {task.name: task for task in all_tasks()}
    found = {family: known[name].format for family, name in FAMILIES.items() if name in known}
    return Structure(
        holds=len(found) == len(FAMILIES),
        found="; ".join(f"{family}: {FAMILIES[family]} ({form})" for family, form in found.items()),
        rule="each family has a task",
    )


def _targets_are_xtreme() -> Structure:
    tasks = XTREME.tasks()
    trained = [task.name for task in tasks if not task.is_searched]
    searched = [task.name for task in tasks if task.is_searched]
    return Structure(
        holds=len(trained) == 7 and searched == ["bucc2018", "tatoeba"],
        found=f"trained: {', '.join(trained)}; without training: {', '.join(searched)}",
        rule="seven trained targets, and BUCC and Tatoeba without training",
    )


def _formats() -> Structure:
    tasks = all_tasks()
    found = {
        kind: sum(task.format == form for task in tasks)
        for kind, form in FORMATS.items()
        if get_format(form) is not None
    }
    return Structure(
        holds=all(found.get(kind) for kind in FORMATS),
        found=", ".join(f"{kind}: {count} tasks" for kind, count in found.items()),
        rule="each kind has a format and tasks of it",
    )


def _three_phases() -> Structure:
    recipe = _chain({"mid": {"tasks": {"synth_qa": {}}}})
    last = next(stage for stage in stages(recipe) if stage.startswith("targets/mid/"))
    chain = [last]
    while (before := stage_before(recipe, chain[-1])) is not None:
        chain.append(before)
    return Structure(
        holds=[stage.partition("/")[0] for stage in reversed(chain)] == ["start", "arms", "targets"],
        found=f"a target's model comes from {' → '.join(reversed(chain))}",
        rule="start model, intermediate phase and target are three stages, each beginning with the one before",
    )


def _single_and_mixed() -> Structure:
    arms = {"one": ["synth_qa"], "several": ["synth_qa", "synth_nli"]}
    recipe = _chain({name: {"tasks": {task: {} for task in tasks}} for name, tasks in arms.items()})
    found = {name: [list(phase.tasks) for phase in recipe.phases_of(name)] for name in arms}
    return Structure(
        holds=found == {name: [tasks] for name, tasks in arms.items()},
        found="; ".join(f"arm '{name}': one phase of {', '.join(own[0])}" for name, own in found.items()),
        rule="an arm trains on one task or on a mixture",
    )


def _chain(arms: Mapping[str, object]) -> Recipe:
    """A recipe of made-up languages with these arms."""
    return Recipe.model_validate(
        {
            "name": "structure",
            "data": {"synthetic": {"preset": "tiny"}},
            "start": {"architecture": {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 64},
                      "oracle": {"sigma": 0.3}},
            "training": {"steps": 1},
            "arms": arms,
            "targets": {"synth_pos": {}},
        }
    )  # fmt: skip


STRUCTURES: Mapping[str, Callable[[], Structure]] = {
    "xtreme_zero_shot": _xtreme_zero_shot,
    "nine_intermediates": _nine_intermediates,
    "families": _families,
    "targets_are_xtreme": _targets_are_xtreme,
    "formats": _formats,
    "three_phases": _three_phases,
    "single_and_mixed": _single_and_mixed,
}
"""By the name that a claim's `structure` has."""
