"""Scoring one target in every language, and the record that goes with its scores."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ds_stilts import __version__
from ds_stilts.data.checksums import checksum
from ds_stilts.data.prepare import prepared_folder
from ds_stilts.data.prepared import open_prepared
from ds_stilts.engine.deepspeed_engine import EngineConfig, load_engine_config, scoring_model
from ds_stilts.engine.partitioned_loading import place
from ds_stilts.engine.telemetry import say
from ds_stilts.evaluation.harness import score_languages
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import pooling_of
from ds_stilts.evaluation.scores import remarks, scores_from_rows
from ds_stilts.evaluation.sweep import choose
from ds_stilts.labelled import is_zero_shot, labelled_languages, train_languages
from ds_stilts.models.loading import StartModel, weight_files
from ds_stilts.phases.attention import set_attention
from ds_stilts.phases.context import Ranks, Run, prepare_all, see
from ds_stilts.phases.provenance import notes, overlap_of_arm, training_notes
from ds_stilts.phases.sequence import load_head, stored_heads
from ds_stilts.phases.splits import pool_keys, scoring_keys
from ds_stilts.phases.training import build_objective, load_source
from ds_stilts.plan import score_splits, stage_before, trains_target
from ds_stilts.recipe import Recipe, Target
from ds_stilts.tasks.task import Task


def scoring_config(recipe: Recipe) -> EngineConfig:
    """How a recipe's models are held while they are scored: as while they are trained, or whole on every rank."""
    config = load_engine_config(recipe.engine.config)
    return config.whole if recipe.evaluation.whole_model and config.zero_stage == 3 else config


def load_scorer(run: Run, ranks: Ranks, source: str, task: Task) -> tuple[Any, StartModel]:
    """The model of a folder, ready to score a task, and what it was opened as.

    Raises:
        CheckpointError: the folder is damaged, or a phase has left it and it lacks the task's head.
    """
    see(run, ranks, source)
    start = load_source(run, source)
    objective = build_objective(start, [task])
    stored = stored_heads(source)
    if stored or (Path(source) / "phase.json").is_file():
        for name, head in objective.model.heads.items():
            load_head(head, stored, name, source)
    config = scoring_config(run.recipe)
    place(objective, start.weights, config)
    return scoring_model(objective, config, ranks.world.device), start


def weights_checksum(run: Run, ranks: Ranks, source: str) -> str:
    """Checksum of the weights and heads that a target is scored with, of a model folder or hub id; a collective.

    "random" where the recipe's seed makes them.
    """
    own, found = run.recipe.start, None
    if source == own.model and own.random_init:
        return "random"
    if ranks.world.is_main:
        paths = weight_files(source, own.revision if source == own.model else None)
        heads = paths[0].parent / "heads.safetensors"
        found = checksum([*paths, *([heads] if heads.is_file() else [])], prepared_folder() / "checksums")
    return str(ranks.world.gather(found)[0])


def made_by(
    run: Run, weights: str, prepared: Sequence[Path], *, dtype: str, pooling: Mapping[str, Any] | None, zero_shot: bool
) -> str:
    """Everything that decides a language's rows, as text; not in what batches they are made, and by how many ranks.

    Args:
        weights: checksum of the model.
        prepared: files that are read; their names carry a hash of data, tokenizer, lengths and code.
    """
    facts = {
        "version": __version__,
        "recipe": run.recipe.fingerprint(),  # with the seed, for weights that are random
        "weights": weights,
        "data": [path.stem for path in prepared],
        "dtype": dtype,
        "pooling": pooling,
        "zero_shot": zero_shot,
    }
    return json.dumps(facts)


def score_target(
    run: Run,
    ranks: Ranks,
    scorer: Any,
    start: StartModel,
    source: str,
    target: Target,
    task: Task,
    *,
    arm: str,
    stage: str,
    trained: dict[str, Any],
) -> None:
    recipe, world = run.recipe, ranks.world
    keys = scoring_keys(run, target, task, start.encoder.max_tokens)
    pool = pool_keys(run, target, task, start.encoder.max_tokens)
    paths = prepare_all(run, ranks, keys + pool, start.tokenizer)
    labelled = labelled_languages(recipe, arm, [] if task.is_searched else train_languages(target, task))
    config = scoring_config(recipe)
    dtype = str(config.dtype).removeprefix("torch.")
    attention = set_attention(start.encoder, recipe.engine.attention, world, config.dtype, trains=False)
    pooling = pooling_of(task.name, recipe.evaluation, start.encoder.num_layers) if task.is_searched else None
    weights = weights_checksum(run, ranks, source)
    work = [
        LanguageWork(
            key=key,
            prepared=open_prepared([path]),
            zero_shot=is_zero_shot(key.language, labelled),
            tokenizer=start.tokenizer,
            made_by=made_by(
                run,
                weights,
                paths if task.is_searched else [path],  # searched texts may be in one pool with other languages'
                dtype=dtype,
                pooling=pooling.facts() if pooling else None,
                zero_shot=is_zero_shot(key.language, labelled),
            ),
        )
        for key, path in zip(keys + pool, paths, strict=True)
    ]
    folder = run.run_dir / stage / "predictions"
    score_languages(
        scorer,
        work,
        recipe.evaluation,
        root=run.data_root,
        folder=folder,
        pooling=pooling,
        label=stage,
        world=world,
        stop=ranks.stop,
    )
    if not world.is_main:
        return
    split = score_splits(target, task)[0]
    languages = [key.language for key in keys]
    sweep = choose(task, languages, pooling, folder) if pooling and pooling.sweep else None
    scores = scores_from_rows(task, languages, folder, dtype)
    for unit in work[: len(keys)]:
        scores["languages"][unit.key.language]["checksum"] = unit.prepared.checksum
        if unit.key.split != split:
            scores["languages"][unit.key.language]["split"] = unit.key.split
    overlap_kind, overlap_with = overlap_of_arm(recipe, arm, task)
    scores = {
        "task": task.name,
        "title": task.title,
        "arm": arm,
        "format": task.format,
        "split": split,
        "score_split_is_official": split == task.score_split,
        "metrics": list(task.metrics),
        "value_metrics": list(task.value_metrics),
        "train": None
        if task.is_searched
        else {"split": "train", "languages": train_languages(target, task), **trained},
        "overlap": overlap_kind,
        "overlap_with": overlap_with,
        "notes": notes(run, task, arm)
        + training_notes(run, target, task, keys, trained)
        + remarks(scores["languages"], dtype),
        **scores,
        "layer": sweep["layer"] if sweep else pooling.layer if pooling else None,
        **(pooling.facts() if pooling else {"pooling": None}),
        "sweep": sweep,
        "use": "text" if start.text else "heads",
        "attention": attention,
        "weights": weights,
        "checkpoint": stage if trains_target(recipe, task.name) else (stage_before(recipe, stage) or "start"),
        "seed": recipe.seed,
        "target_seed": recipe.seed_of("targets"),
        "world": {"processes": world.size, "zero_stage": config.zero_stage, "dtype": dtype},
    }
    (run.run_dir / stage / "scores.json").write_text(json.dumps(scores, indent=1, ensure_ascii=False), encoding="utf-8")
    averages = ", ".join(f"{metric} {value:.1f}" for metric, value in scores["averages"].items())
    score = f"score {scores['score']:.1f} ({averages})" if len(scores["averages"]) > 1 else averages
    say(f"{stage}  {score}, {len(keys)} languages")
