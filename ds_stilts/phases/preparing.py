"""`ds-stilts data prepare`: every split of a recipe tokenised before its run, with all cores, and the corpus card."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ds_stilts.data.corpus_card import corpus_card
from ds_stilts.data.encoder import Encoder
from ds_stilts.data.prepare import SplitKey, is_prepared, prepare, prepared_folder, prepared_path
from ds_stilts.data.prepared import Facts, read_facts
from ds_stilts.engine.telemetry import duration, say
from ds_stilts.errors import RecipeError
from ds_stilts.phases.checks import all_keys, check_start
from ds_stilts.phases.context import Run
from ds_stilts.phases.corpus import corpus_of, write_card
from ds_stilts.phases.fetching import fetch_missing
from ds_stilts.plan import check_recipe


@dataclass(frozen=True, kw_only=True)
class PreparedSplit:
    """One line of the result."""

    facts: Facts
    seconds: float
    cached: bool
    """It was there already."""
    path: Path


def prepare_recipe(run: Run, processes: int) -> list[PreparedSplit]:
    """Prepare every split that a recipe trains on or scores, and write its corpus card to the run folder.

    Raises:
        RecipeError: the tokenizer is made by the run itself.
        DataError: a file is missing or malformed.
    """
    recipe = run.recipe
    check_recipe(recipe, processes=1)
    if recipe.start.model is None:
        raise RecipeError(
            f"recipe '{recipe.name}' makes its own tokenizer in the stage 'start', so there is nothing to prepare with "
            "before; its run (ds-stilts run) prepares what it reads"
        )
    check_start(recipe)
    if recipe.data.source == "hub":
        fetch_missing(run)
    from ds_stilts.models.loading import load_tokenizer, max_tokens_of, quiet

    quiet()
    tokenizer = load_tokenizer(recipe.start.model, recipe.start.revision)
    max_tokens = max_tokens_of(recipe.start.model, recipe.start.revision)
    with Encoder(tokenizer, processes) as encoder:
        made = _prepare(run, all_keys(run, max_tokens), encoder)

        def facts_of(keys: list[SplitKey]) -> list[Facts]:
            return [read_facts(prepare(key, encoder, run.data_root, prepared_folder())) for key in keys]

        write_card(corpus_card(recipe, corpus_of(run, max_tokens, facts_of), encoder.fingerprint), run.run_dir)
    return made


def _prepare(run: Run, keys: Iterable[SplitKey], encoder: Encoder) -> list[PreparedSplit]:
    folder = prepared_folder()
    paths = {prepared_path(key, encoder, run.data_root, folder): key for key in keys}
    missing = [path for path in paths if not is_prepared(path)]
    progress = _Progress({path: paths[path] for path in missing}, run.data_root)
    made = []
    for path, key in paths.items():
        began, cached = time.monotonic(), path not in missing
        if not cached:
            progress.begin(path)
            prepare(key, encoder, run.data_root, folder, progress.tell)
        seconds = 0.0 if cached else time.monotonic() - began
        made.append(PreparedSplit(facts=read_facts(path), seconds=seconds, cached=cached, path=path))
    return made


class _Progress:
    """The passing line: where preparation stands, and how long the rest will take at the rate so far (bytes of input).

    Every split is read through first. That takes a few hundredths of the time, says how long each is, and tells of a
    malformed file before hours have gone into the others.
    """

    def __init__(self, missing: dict[Path, SplitKey], root: Path) -> None:
        self._keys = missing
        self._examples = {path: sum(1 for _ in key.stream(root)) for path, key in missing.items()}
        self._bytes = {path: sum(file.stat().st_size for file in key.files(root)) or 1 for path, key in missing.items()}
        self._done_bytes, self._current, self._began = 0, Path(), time.monotonic()
        self._place = 0

    def begin(self, path: Path) -> None:
        self._done_bytes += self._bytes.get(self._current, 0)
        self._current, self._place = path, self._place + 1

    def tell(self, examples: int) -> None:
        if not examples:
            key = self._keys[self._current]
            say(f"waiting for another process that tokenises {key.task.name} {key.split} {key.language}", passing=True)
            return
        key, spent = self._keys[self._current], time.monotonic() - self._began
        whole = self._examples[self._current]
        done = self._done_bytes + self._bytes[self._current] * examples / whole
        say(
            f"tokenising {key.task.name} {key.split} {key.language}  {examples:,} of {whole:,} examples, split "
            f"{self._place} of {len(self._keys)}  {duration(spent / done * (sum(self._bytes.values()) - done))} left",
            passing=True,
        )
