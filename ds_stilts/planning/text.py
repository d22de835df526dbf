"""A memory plan as text for people: one block a phase, sizes in GiB."""

from collections.abc import Mapping, Sequence
from typing import Any

from ds_stilts.planning.machine import FILL, gib
from ds_stilts.planning.speed import time_text


def memory_text(plan: Mapping[str, Any]) -> str:
    """What `planning.recipe_plan.plan_memory` found, as lines."""
    machine, model = plan["machine"], plan["model"]
    memory = machine["gpu_memory_bytes"]
    lines = [
        f"Machine: {machine['nodes']} × {machine['gpus_per_node']} = {machine['ranks']} ranks"
        + (f", {gib(memory):g} GiB each, of which {FILL:.0%} may be filled" if memory else ""),
        f"Model: {model['type']}, {_parts(model['parameters'])}; known from {model['known_from']}",
    ]
    lines += _scoring(plan["scoring"])
    for phase in plan["phases"]:
        lines += ["", *_phase(phase, memory)]
    for row in plan["merges"]:
        lines += ["", *_merge(row)]
    if plan["deepspeed_estimator"]:
        lines += ["", "Beside DeepSpeed's estimator (largest phase, GiB of a GPU, without activations):"]
        rows = [
            [row["term"], *(f"{gib(row[key]):.2f}" for key in ("ours", "theirs", "difference")), row["why"]]
            for row in plan["deepspeed_estimator"]
        ]
        lines += _table(["term", "ours", "theirs", "more", "why"], rows, left=(0, 4))
    return "\n".join([*lines, "", "How far to trust this:", *(f"- {said}" for said in plan["estimated"])])


def _scoring(row: Mapping[str, Any]) -> list[str]:
    whole, part = row["whole_model_bytes"], row["partition_bytes"]
    if whole == part:
        return [f"Scoring: the whole model on every rank, {gib(whole):.2f} GiB"]
    fits = {True: ": it fits", False: ": it does not fit", None: ""}[row.get("whole_model_fits")]
    return [
        f"Scoring: {gib(part):.2f} GiB a rank and a layer at a time; with evaluation.whole_model: true, "
        f"{gib(whole):.2f} GiB and no waiting for others{fits}"
    ]


def _phase(phase: Mapping[str, Any], memory: int | None) -> list[str]:
    steps, tokens = phase["steps"], phase["tokens"]
    bound = "at most " if phase["tokens_are"] == "an upper bound" else ""
    length = "steps not known before the data are prepared" if steps is None else f"{steps:,} steps"
    length += f", {bound}{tokens:,} tokens" if tokens is not None else ""
    tasks = ", ".join(f"{name} ({_items(size)})" for name, size in phase["tasks"].items())
    batch = f"{phase['batch_tokens']:,} tokens" if phase["batch_tokens"] else f"{phase['batch_examples']} items"
    lines = [
        f"{phase['phase']}: {tasks}",
        f"  {length}; {batch} a step, micro-batches of {phase['micro_batch_tokens']:,} tokens, "
        f"accumulation {bound}{phase['accumulation']}",
        f"  trained: {_parts(phase['parameters'])}{_exception(phase['parameters'])}",
        f"  activations {gib(phase['activations_bytes']):.2f} GiB (of it vocabulary-sized logits "
        f"{gib(phase['logits_bytes']):.2f}), with activation checkpointing "
        f"{gib(phase['activations_checkpointed_bytes']):.2f}; the recipe has it "
        f"{'on' if phase['activation_checkpointing'] else 'off'}",
    ]
    lines += [f"  {time_text(phase['time'], bound)}"] if "time" in phase else []
    header = ["setting", "held", "states", "total", "host/node"] + (["of a GPU", ""] if memory else [])
    rows = []
    for row in phase["stages"]:
        sizes = [f"{gib(row[f'{key}_bytes']):.2f}" for key in ("held", "states_peak", "total")]
        cells = [row["setting"] + (f" = {row['config']}" if "config" in row else ""), *sizes]
        cells.append(f"{gib(row['host_bytes_per_node']):.1f}")
        rows.append(cells + ([f"{row['share_of_gpu']:.0%}", "" if row["fits"] else "does not fit"] if memory else []))
    lines += [f"  {line}" for line in _table(header, rows, left=(0, 6))]
    return lines + ([f"  {line}" for line in _advice(phase)] if memory else [])


def _merge(row: Mapping[str, Any]) -> list[str]:
    terms = ", ".join(f"{weight:g} × {arm}" for arm, weight in row["merges"].items())
    return [
        f"{row['arm']}: nothing is trained; merges {terms}",
        f"  one rank reads {gib(row['read_bytes']):.2f} GiB and writes {gib(row['written_bytes']):.2f}, a parameter at "
        f"a time: the largest has {gib(row['memory_bytes']):.2f}",
    ]


def _advice(phase: Mapping[str, Any]) -> list[str]:
    own, advice = phase["stages"][0], phase["recommended"]
    lines = []
    if not own["fits"]:
        lines.append(
            f"warning: {own['config']} would fill {own['share_of_gpu']:.0%} of a GPU with "
            f"{phase['micro_batch_tokens']:,} tokens, more than {FILL:.0%}"
        )
    most, share = phase["largest_micro_batch_tokens"], phase["whole_share_of_a_rank_tokens"]
    if most and most >= share:
        lines.append(f"{own['config']} holds a rank's whole share of a step, {share:,} tokens at most, at once")
    elif most:
        then = phase["accumulation_with_it"]
        lines.append(f"{own['config']} takes micro-batches of up to {most:,} tokens: accumulation {then}")
    less = phase["largest_micro_batch_tokens_checkpointed"]
    if less and (not most or most < share) and not phase["activation_checkpointing"]:
        lines.append(f"with activation_checkpointing: true it would take up to {less:,}")
    if advice is None:
        return [*lines, "nothing fits: use more or larger GPUs, shorter inputs, or activation_checkpointing"]
    name = advice["config"] or f"{advice['setting']} (not shipped; write a DeepSpeed JSON)"
    return [
        *lines,
        f"recommended: {name}, micro_batch_tokens {advice['micro_batch_tokens']:,}, accumulation "
        f"{advice['accumulation']}, {advice['share_of_gpu']:.0%} of a GPU",
    ]


def _exception(parts: Mapping[str, int]) -> str:
    frozen = parts["all"] - parts["trainable"]
    return f", but for {frozen:,} that are frozen" if frozen else ""


def _parts(parts: Mapping[str, int]) -> str:
    each = ", ".join(f"{name} {parts[name]:,}" for name in ("embeddings", "blocks", "heads"))
    return f"{parts['all']:,} parameters ({each})"


def _items(size: Mapping[str, Any]) -> str:
    if size["items"] is None:
        return f"items: {size['counted']}"
    return f"{size['items']:,} items, {size['counted']}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int]) -> list[str]:
    """Aligned lines; columns in `left` at the left."""
    cells = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(header))]
    return [
        "  ".join(
            text.ljust(width) if column in left else text.rjust(width)
            for column, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    ]
