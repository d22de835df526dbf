"""One training phase, from the folder it starts from to the folder it leaves."""

from collections.abc import Mapping
from typing import Any

import torch

from ds_stilts.data.adaptive import AdaptiveMixture
from ds_stilts.data.batch import Masking
from ds_stilts.data.mixture import Mixture
from ds_stilts.data.prepared import open_prepared
from ds_stilts.data.sampling import mean_shares, phase_length, shares
from ds_stilts.data.steps import StepPlanner, TaskData, task_data
from ds_stilts.engine import checkpoint
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.export import export
from ds_stilts.engine.loop import train
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.partitioned_loading import place, restore_masters
from ds_stilts.engine.telemetry import say
from ds_stilts.engine.text_objective import TextObjective
from ds_stilts.errors import CheckpointError, DataError, RecipeError
from ds_stilts.formats import get_format
from ds_stilts.formats.text_to_text.span_corruption import sentinel_ids
from ds_stilts.models.family import writes_text
from ds_stilts.models.freezing import freeze_parameters
from ds_stilts.models.heads import build_head
from ds_stilts.models.loading import StartModel, open_start
from ds_stilts.models.lora import add_adapters
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.models.seq2seq import PackedSeq2Seq
from ds_stilts.models.t5_encoder import PackedT5Encoder
from ds_stilts.phases.attention import set_attention
from ds_stilts.phases.context import Ranks, Run, prepare_all, see, seed_for
from ds_stilts.phases.corpus import record_corpus
from ds_stilts.phases.provenance import model_card
from ds_stilts.phases.selection import write_selection
from ds_stilts.phases.sequence import (
    follows_in_sequence,
    load_head,
    other_heads,
    stored_heads,
)
from ds_stilts.phases.splits import training_keys
from ds_stilts.phases.validation import make_watch
from ds_stilts.phases.watching import watch_gradients
from ds_stilts.plan import keeps_language_head
from ds_stilts.recipe import Training
from ds_stilts.tasks import get_task
from ds_stilts.tasks.task import Task


def load_source(run: Run, source: str) -> StartModel:
    """Open the model that a phase begins with; `start`'s other keys go with the recipe's own start model only."""
    own = run.recipe.start
    is_own = source == own.model
    return open_start(
        source,
        own.revision if is_own else None,
        seed=seed_for(run, "fresh weights"),
        random_init=is_own and own.random_init,
        text=writes_text(own),
    )


def build_objective(start: StartModel, tasks: list[Task]) -> Objective | TextObjective:
    """What an engine trains or scores: the model with heads for `tasks`, or as it writes text."""
    if start.text:
        assert isinstance(start.encoder, PackedT5Encoder)
        return TextObjective(PackedSeq2Seq(start.encoder), tasks)
    return Objective(build_model(start, tasks), tasks)


def build_model(start: StartModel, tasks: list[Task]) -> MultiTaskModel:
    heads: dict[str, Any] = {}
    dropout = start.encoder.dropout
    for task in sorted(tasks, key=lambda task: task.head):
        form = get_format(task.format)
        if form.head == "masked_lm":
            heads[task.head] = start.language_head
        elif form.head != "embedding" and task.head not in heads:
            heads[task.head] = build_head(form.head, start.encoder.hidden_size, form.num_outputs(task), dropout)
    return MultiTaskModel(start.encoder, heads)


def check_masking(start: StartModel, tasks: list[Task], stage: str) -> str:
    """Check that a model can learn the running text among tasks by masking.

    Returns:
        What is to be said of its masked-LM head; "" where it has one, and where all of its weights are drawn.

    Raises:
        CheckpointError: its tokenizer has no mask.
    """
    masked = [task.name for task in tasks if task.format == "masked_lm"]
    if not masked or start.text:
        return ""
    if start.tokenizer.mask_token_id is None:
        raise CheckpointError(
            f"{stage}: '{masked[0]}' is learned by masking, and the tokenizer of the model that it begins with has no "
            "mask token; leave the task out, or start from a model that was trained with one"
        )
    weights = start.weights
    if weights is None or not weights.missing or len(weights.missing) == len(weights.shapes):
        return ""
    return (
        f"{stage}  the model that it begins with has no masked-LM head ({weights.missing[0]}): a fresh one is trained"
    )


def trained_facts(phase: Mapping[str, Any]) -> dict[str, Any]:
    """What a target's scores say of its training, from what the phase has left in `phase.json`."""
    return {
        "examples": sum(phase["items"].values()),
        "steps": phase["steps"],
        **{key: phase[key] for key in ("head", "lora", "validation") if phase.get(key)},
    }


def train_phase(
    run: Run,
    ranks: Ranks,
    training: Training,
    *,
    source: str,
    stage: str,
    seed_label: str,
    own: Task | None = None,
    reused: str | None = None,
) -> tuple[Any, StartModel, dict[str, Any]]:
    """Train one phase from `source` and export it; returns the engine, the model it holds, and how much it was trained.

    Args:
        own: the target's own task; None for phases that name their tasks.
        reused: intermediate task whose head, which lies with `source`, the target begins with; None: a fresh one.
    """
    world = ranks.world
    tasks = [own] if own else [get_task(name) for name in training.tasks]
    see(run, ranks, source)
    start = load_source(run, source)
    if (said := check_masking(start, tasks, stage)) and world.is_main:
        say(said)
    config = load_engine_config(run.recipe.engine.config)
    corpus = record_corpus(run, ranks, start.tokenizer, start.encoder.max_tokens)
    data, checksums = _training_data(run, ranks, training, tasks, start)
    sizes = {task.name: data[task.name].prepared.num_items for task in tasks}
    num_steps = phase_length(training, sizes, {name: float(one.tokens.mean()) for name, one in data.items()})
    if training.average and (problem := training.average.misfit(num_steps)):
        raise RecipeError(f"{stage}.average: {problem}")
    mixture = _mixture(training, data, num_steps, seed_for(run, seed_label))
    planner = StepPlanner(
        mixture=mixture,
        tasks=data,
        world_size=world.size,
        micro_batch_tokens=training.micro_batch_tokens,
    )
    torch.manual_seed(seed_for(run, f"{seed_label}:heads"))
    objective = build_objective(start, tasks)
    model = objective.model
    stored = stored_heads(source) if reused or follows_in_sequence(run, stage) else {}
    if own and reused:
        load_head(model.heads[own.head], stored, get_task(reused).head, source)
        stored = {}
    trained_heads = [task.head for task in tasks if task.format != "masked_lm" and not start.text]
    for head in dict.fromkeys(trained_heads):
        if any(name.startswith(f"{head}.") for name in stored):
            load_head(model.heads[head], stored, head, source)
    freeze_parameters(start.encoder, training.freeze, stage)
    add_adapters(start.encoder, training.lora, stage, seed_for(run, f"{seed_label}:adapters"))
    watch_gradients(objective, start.encoder, training, stage)
    attention = set_attention(start.encoder, run.recipe.engine.attention, world, config.dtype, trains=True)
    values = place(objective, start.weights, config)
    engine = training_engine(objective, config, training, num_steps=num_steps, accumulation=planner.accumulation)
    restore_masters(objective, values, config)
    torch.manual_seed(seed_for(run, f"{seed_label}:dropout:{world.rank}"))
    tokenizer = start.tokenizer
    if world.is_main:
        drawn = mean_shares(sizes, training, num_steps)
        first = " at first" if training.mixing == "adaptive" else ""
        mix = ", ".join(
            f"{name} ({size:,}{f', drawn {drawn[name]:.0%}{first}' if len(sizes) > 1 else ''})"
            for name, size in sizes.items()
        )
        additions = f", LoRA of rank {training.lora.rank}" if training.lora else ""
        batch = f"{training.batch_tokens:,} tokens" if training.batch_tokens else f"{training.batch_examples} items"
        say(
            f"{stage}  {num_steps:,} steps of {batch} from {mix}; {config.name}{additions}, attention {attention}, "
            f"{world.size} {'rank' if world.size == 1 else 'ranks'} of {planner.accumulation} "
            f"{'micro-batch' if planner.accumulation == 1 else 'micro-batches'} a step"
        )
    folder = run.run_dir / stage
    watch = make_watch(
        run,
        ranks,
        training,
        tasks,
        engine,
        tokenizer,
        max_tokens=start.encoder.max_tokens,
        num_layers=start.encoder.num_layers,
        num_steps=num_steps,
        order=mixture,
    )
    trained_steps = train(
        engine,
        planner,
        data,
        training,
        Masking(
            seed=seed_for(run, f"{seed_label}:masks"),
            rate=training.masking,
            special_ids=frozenset(tokenizer.all_special_ids),
            mask_id=tokenizer.mask_token_id,
            vocabulary_size=len(tokenizer),
        ),
        num_steps=num_steps,
        phase=stage,
        fingerprint=run.recipe.fingerprint(),
        zero_stage=config.zero_stage,
        folder=folder,
        world=world,
        stop=ranks.stop,
        corpus=corpus,
        recipe=run.recipe.identity(),
        watch=watch,
    )
    if watch and world.is_main:
        write_selection(folder, training, watch, trained_steps.kept)  # first: with a model the phase is not gone into
    with_language_head = keeps_language_head(run.recipe, stage) or any(task.format == "masked_lm" for task in tasks)
    facts = {
        "stage": stage,
        "steps": trained_steps.kept,
        "drawn": planner.drawn(trained_steps.done),
        "items": sizes,
        "checksums": checksums,
        "corpus": corpus,
        "source": source,
        **({"head": reused} if reused else {}),
        **({"lora": training.lora.model_dump()} if training.lora else {}),
        **({"validation": {**watch.facts(), "stopped": trained_steps.done}} if watch else {}),
    }
    written = start.masked_lm if with_language_head else start.encoder.hf
    export(
        written,
        torch.nn.ModuleDict({head: model.heads[head] for head in trained_heads}),
        tokenizer,
        folder / "model",
        world,
        card=model_card(run, stage, facts, type(written).__name__),
        facts=facts,
        kept_heads=other_heads(stored, trained_heads),
        weights=start.weights,
    )
    if world.is_main:
        for old in checkpoint.committed(folder / "checkpoints"):  # the exported folder is what the next phase reads
            checkpoint.discard(old)
    return engine, start, trained_facts(facts)


def _mixture(training: Training, data: Mapping[str, TaskData], num_steps: int, seed: int) -> Mixture:
    """The order of a phase's items."""
    sizes = {name: one.prepared.num_items for name, one in data.items()}
    tokens = {name: one.tokens for name, one in data.items()}
    batch = training.batch_tokens or training.batch_examples
    assert batch is not None, "a recipe has one of the two"
    lengths = tokens if training.batch_tokens else None
    if training.mixing == "adaptive" and len(sizes) > 1:
        assert training.validation is not None, "`ds_stilts.plan.check_recipe` refuses adaptive mixing without"
        return AdaptiveMixture(
            sizes=sizes,
            seed=seed,
            batch=batch,
            longest=max(int(own.max()) for own in tokens.values()),
            goals={name: use.goal or 100.0 for name, use in training.tasks.items()},
            every=training.validation.every,
            total_steps=num_steps,
            lengths=lengths,
            one_task=training.one_task_steps,
        )
    return Mixture(
        sizes=sizes,
        shares=shares(sizes, training, num_steps),
        seed=seed,
        batch=batch,
        lengths=lengths,
        one_task=training.one_task_steps,
    )


def _training_data(
    run: Run, ranks: Ranks, training: Training, tasks: list[Task], start: StartModel
) -> tuple[dict[str, TaskData], dict[str, str]]:
    special_ids = frozenset(start.tokenizer.all_special_ids)
    sentinels = None
    if start.text:
        sentinels = sentinel_ids(start.tokenizer) if any(task.format == "masked_lm" for task in tasks) else ()
    data, checksums = {}, {}
    for task in tasks:
        keys = training_keys(run, training, task, start.encoder.max_tokens)
        prepared = open_prepared(prepare_all(run, ranks, keys, start.tokenizer))
        if prepared.num_items == 0:
            raise DataError(f"task '{task.name}' has no training item in split '{keys[0].split}'")
        data[task.name] = task_data(task, prepared, training, special_ids, sentinels)
        checksums[task.name] = prepared.checksum
    return data, checksums
