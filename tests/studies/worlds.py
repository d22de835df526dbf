"""A small study in made-up languages, which tests change here and there."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ds_stilts.studies.study import Study
from ds_stilts.studies.study_file import check_study, load_study

STUDY: dict[str, Any] = {
    "study": "small",
    "question": "Does question answering help?",
    "size": "tiny",
    "base": {
        "data": {"synthetic": {"preset": "tiny"}},
        "start": {
            "architecture": {"hidden_size": 32, "layers": 2, "heads": 2, "intermediate_size": 64, "max_tokens": 128},
            "oracle": {"sigma": 0.3},
            "seed": 5,
        },
        "training": {"lr": 1.0e-3, "batch_examples": 8, "micro_batch_tokens": 400, "log_every": 2, "steps": 4},
        "engine": {"config": "zero2_fp32", "processes": 1},
    },
    "arms": {
        "none": {"role": "baseline"},
        "qa": {"intermediate": {"tasks": {"synth_qa": {"max_examples": 60}}}},
        "shuffled": {"intermediate": {"tasks": {"synth_qa:shuffled": {"max_examples": 60}}}, "role": "control"},
    },
    "targets": {
        "synth_qa_low": {"score_languages": ["aa", "bb"], "max_score_examples": 30},
        "synth_pos": {"score_languages": ["aa", "cc"], "max_score_examples": 30},
    },
    "seeds": {"intermediate": [1, 2]},
    "budget": {"match": "steps"},
    "contrasts": {"qa_helps": {"arm": "qa", "against": "none", "predicted": {"sign": "positive"}}},
}


def values(**changes: Any) -> dict[str, Any]:
    """The small study's values with some keys replaced; a dotted name (`arms__qa__note`) reaches inside."""
    found = copy.deepcopy(STUDY)
    for name, value in changes.items():
        *parents, last = name.split("__")
        node = found
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = copy.deepcopy(value)
    return found


def study(**changes: Any) -> Study:
    return check_study(values(**changes), source="study.yaml", folder=Path())


def write(folder: Path, content: Mapping[str, Any]) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in content.items() if k != "size"}, sort_keys=False))
    return path


def loaded(folder: Path, content: Mapping[str, Any], size: str | None = None) -> Study:
    return load_study(str(write(folder, content)), size)
