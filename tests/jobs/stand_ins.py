"""Slurm's commands as small scripts that note what they were asked and say what a test wrote down for them."""

import json
from pathlib import Path

import pytest

from ds_stilts.recipe import Recipe
from ds_stilts.recipe_file import parse_recipe

RECIPE = """
name: small
data: {synthetic: {preset: tiny}}
start: {model: no_such_model}
training: {steps: 2, batch_examples: 8}
arms:
  none: null
  qa: {tasks: {synth_qa: {}}}
  both: {sequence: [{tasks: {synth_qa: {}}}, {tasks: {synth_nli: {}}}]}
targets: {synth_nli: {}, synth_pos: {}, synth_retrieval: {}}
"""
_PROGRAM = """#!/usr/bin/env python3
import json, os, sys
folder = {folder!r}
name = os.path.basename(sys.argv[0])
log = os.path.join(folder, name + ".asked")
asked = open(log).read().splitlines() if os.path.exists(log) else []
with open(log, "a") as file:
    file.write(json.dumps([sys.argv[1:], dict(os.environ)]) + "\\n")
answers = json.load(open(os.path.join(folder, name + ".answers")))
code, out, err = answers[min(len(asked), len(answers) - 1)]
sys.stdout.write(out)
sys.stderr.write(err)
sys.exit(code)
"""


def recipe(text: str = RECIPE) -> Recipe:
    return parse_recipe(text, source="small.yaml")


class Slurm:
    """Args:
    folder: gets the programs; put first in PATH.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        folder.mkdir()
        monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
        for name in ("sbatch", "squeue", "sacct", "scancel"):
            path = folder / name
            path.write_text(_PROGRAM.format(folder=str(folder)))
            path.chmod(0o755)
            self.says(name)
        self.says("sbatch", *(f"{number}\n" for number in range(11, 60)))

    def says(self, name: str, *outputs: str, error: str = "", code: int = 0) -> None:
        """What a command prints at its first, second, … call; the last for ever."""
        answers = [[code, output, error] for output in outputs or ("",)]
        (self._folder / f"{name}.answers").write_text(json.dumps(answers))

    def refuses(self, name: str, error: str, *, after: int = 0) -> None:
        """A command fails with these words, after so many good calls."""
        good = [[0, f"{number}\n", ""] for number in range(11, 11 + after)]
        (self._folder / f"{name}.answers").write_text(json.dumps([*good, [1, "", error]]))

    def asked(self, name: str) -> list[list[str]]:
        """The words of each call so far."""
        return [words for words, _ in self._calls(name)]

    def environments(self, name: str) -> list[dict[str, str]]:
        """The environment of each call so far."""
        return [environment for _, environment in self._calls(name)]

    def _calls(self, name: str) -> list[tuple[list[str], dict[str, str]]]:
        log = self._folder / f"{name}.asked"
        return [tuple(json.loads(line)) for line in log.read_text().splitlines()] if log.exists() else []
