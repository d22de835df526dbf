"""A small study whose start model lies in a store, made without an engine, as if `study run` had been stopped early."""

from pathlib import Path
from typing import Any

from ds_stilts.phases.start import make_initial
from ds_stilts.studies.expand import expand
from ds_stilts.studies.keys import stage_key
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.studies.world import stored_world

USE: dict[str, Any] = {"max_examples": 60}
ARMS: dict[str, Any] = {
    "none": {"role": "baseline"},
    "qa": {"intermediate": {"tasks": {"synth_qa": USE}}},
    "nli": {"intermediate": {"tasks": {"synth_nli": USE}}},
    "joint": {"intermediate": {"tasks": {"synth_qa": {**USE, "share": 3}, "synth_nli": {**USE, "share": 1}}}},
    "chain": {
        "intermediate": {
            "sequence": [{"tasks": {"synth_nli": USE}, "steps": 3}, {"tasks": {"synth_qa": USE}, "steps": 1}]
        }
    },
    "merged": {"intermediate": {"merge": {"arms": {"qa": 1.0, "chain": -0.5}}}, "unmatched": "trains nothing"},
    "shuffled": {"intermediate": {"tasks": {"synth_nli:shuffled": USE}}, "role": "control"},
    "longer": {"targets": {"synth_nli": {"steps": 5}}, "role": "control", "unmatched": "more of the target"},
}
CHANGES: dict[str, Any] = {
    "arms": ARMS,
    "targets": {"synth_nli": {}, "synth_choice": {}},
    "contrasts": {"c": {"arm": "qa", "against": "none"}},
}
"""What makes the small study of `tests.studies.worlds` one with arms to choose from."""


def make_start(study: Study, store: Store) -> Path:
    """The start model of the first seed, in the store."""
    recipe = expand(study)[0].recipe
    folder = store.folder(stage_key(recipe, "start", {}))
    make_initial(recipe, store.folder(stored_world(recipe, store)), folder / "model")
    (folder / "DONE").write_text("{}")
    return folder / "model"
