"""Arms that have trained on a target's own training data before it: a gain there is partly more of the same.

Such cells are marked wherever a number is of them, alone or among others.
"""

from collections.abc import Iterable, Mapping

from ds_stilts.phases.provenance import overlap_of_arm
from ds_stilts.studies.report.collect import Evidence
from ds_stilts.tasks import get_task

MARK = "†"
FOOTNOTE = f"{MARK} The intermediate tasks of one of the arms hold training data of a target that is counted here."

Overlaps = Mapping[tuple[str, str], str]
"""By arm and target: "identical" or "superset", and the tasks that make it so."""


def overlaps(evidence: Evidence) -> dict[tuple[str, str], str]:
    """Every arm and target of a study that overlap."""
    found = {}
    for name, recipe in evidence.recipes.items():
        for target in evidence.study.targets:
            kind, tasks = overlap_of_arm(recipe, name, get_task(target))
            if kind != "none":
                found[name, target] = f"{kind}: {', '.join(tasks)}"
    return found


def mark_of(found: Overlaps, arms: Iterable[str], targets: Iterable[str]) -> str:
    """What stands behind a number of these arms and targets: `MARK`, or nothing."""
    wanted = set(targets)
    return MARK if any((name, target) in found for name in arms for target in wanted) else ""


def remark_of(found: Overlaps, cells: Iterable[tuple[str, str]]) -> str:
    """Which (arm, target) overlap, as a clause; "" where none does."""
    own = [
        f"{name} / {target} ({found[name, target]})" for name, target in dict.fromkeys(cells) if (name, target) in found
    ]
    return f"{MARK} trained on a target's own training data before: {', '.join(own)}" if own else ""
