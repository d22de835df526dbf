"""What a target's stage leaves of the choice of its step."""

import json
from pathlib import Path
from typing import Any

from ds_stilts.engine.choosing import Look, Rule
from ds_stilts.engine.watch import Watch
from ds_stilts.phases.selection import NAME, write_selection
from ds_stilts.recipe import Target, Validation


def written(folder: Path, rule: Rule, patience: int | None, *, free: bool = True) -> dict[str, Any] | None:
    """After three looks, of which the second is the best by value and the first by entropy."""
    looks = iter([(50.0, 0.1, 30.0), (60.0, 0.2, 35.0), (55.0, 0.3, 40.0)])

    def measure() -> Look:
        value, entropy, oracle = next(looks)
        return Look(values={"nli": value}, **({"entropy": entropy, "oracle": oracle} if free else {}))

    watch = Watch(every=2, patience=patience, num_steps=6, measure=measure, rule=rule)
    for step in (2, 4, 6):
        watch.look(step)
    section = {
        "every": 2,
        "patience": patience,
        **({"unlabelled": {"split": "dev"}, "choose_by": rule} if free else {}),
    }
    target = Target(steps=6, validation=Validation.model_validate(section))
    write_selection(folder, target, watch, watch.seen.best_step if watch.keeps_best else 6)
    path = folder / NAME
    assert [*folder.iterdir()] == ([path] if path.exists() else []), "and nothing half written"
    return json.loads(path.read_text()) if path.exists() else None


def test_the_kept_step_the_rule_and_the_gap_of_every_rule_are_told(tmp_path: Path) -> None:
    found = written(tmp_path, "entropy", 5)
    assert found is not None
    assert (found["split"], found["kept"], found["chosen_by"]) == ("dev", 2, "entropy")
    assert {rule: (own["step"], own["gap"]) for rule, own in found["rules"].items()} == {
        "last": (6, 0), "value": (4, 5), "entropy": (2, 10), "oracle": (6, 0),
    }  # fmt: skip


def test_without_patience_the_last_step_was_chosen_by_nothing(tmp_path: Path) -> None:
    found = written(tmp_path, "value", None)
    assert found is not None and (found["kept"], found["chosen_by"]) == (6, "last")


def test_where_no_text_without_labels_was_looked_at_there_is_no_file(tmp_path: Path) -> None:
    assert written(tmp_path, "value", 5, free=False) is None
