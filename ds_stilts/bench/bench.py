"""One measurement from its options to what is printed: data, tokenizer and model, rounds, summary."""

import importlib.util
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ds_stilts.bench.job import Clock, Job
from ds_stilts.bench.model import MAX_TOKENS, VOCABULARY, open_folder, parse_shape, read_items, step_flops, write_shape
from ds_stilts.bench.rounds import Findings, Round, measure
from ds_stilts.bench.slices import Slices
from ds_stilts.bench.sources import data_folder, make_tokenizer, prepare_source
from ds_stilts.bench.summary import summarise
from ds_stilts.bench.variants import Dtype, Variant, choose, dtype_of
from ds_stilts.errors import RecipeError


def run_bench(
    *,
    model: str,
    data_root: Path | None,
    variants: Sequence[str] | None,
    rounds: int,
    batch: int,
    examples: int,
    dtype: Dtype,
    dropout: float,
    clock: Clock | None,
    peak_tflops: float | None,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Measure.

    Args:
        model: a shape like "4x256", or a folder with config and tokenizer.
        data_root: folder with the official files; None: made-up languages.
        variants: names; None: all that can be measured.
        rounds: how often each is measured.
        batch: examples in a step.
        examples: in a round, rounded up to whole steps.
        clock: None: "cpu" on a CPU, "wall" on a GPU.
        peak_tflops: of the device in `dtype`; None: what its matrix products reach is measured, in each dtype.
        progress: told what is being done.

    Returns:
        JSON-able: what was measured on what, `summarise`'s values, and the raw "rounds".

    Raises:
        RecipeError, DataError, CheckpointError: an option, an official file or a model that will not do.
        DisagreementError: the variants do not compute the same loss.
    """
    on_gpu = torch.cuda.is_available()
    clock = clock or ("wall" if on_gpu else "cpu")
    if on_gpu and clock == "cpu":
        raise RecipeError("--clock cpu: a GPU's work takes no CPU seconds; give --clock wall")
    has_accelerate = importlib.util.find_spec("accelerate") is not None
    chosen, left_out = choose(variants, dtype, has_accelerate=has_accelerate)
    architecture = parse_shape(model)
    tokenizer, max_tokens = (None, MAX_TOKENS) if architecture else open_folder(model)
    root, shares, told = data_folder(data_root)
    with tempfile.TemporaryDirectory(prefix="ds_stilts-bench-") as made:
        scratch, folder = Path(made), Path(model)
        if architecture:
            folder = scratch / "model"
            progress("making a tokenizer")
            tokenizer = make_tokenizer(root, shares, VOCABULARY, max_tokens)
            write_shape(folder, architecture, tokenizer)
        progress("tokenising")
        job = Job(
            source=prepare_source(root, shares, told, tokenizer, max_tokens),
            model=folder,
            scratch=scratch,
            batch=batch,
            steps=-(-examples // batch),
            rounds=rounds,
            dtype=dtype,
            dropout=dropout,
            clock=clock,
            threads=1 if clock == "cpu" else len(os.sched_getaffinity(0)),
        )
        findings = measure(job, chosen, progress, limits=peak_tflops is None)
        flops = _flops_per_token(job, tokenizer, chosen)
    dtypes = {variant.name: dtype_of(variant, dtype) for variant in chosen}
    if peak_tflops is not None:
        given = {dtype: peak_tflops * 1e12}
        findings = Findings(
            losses=findings.losses, rounds=[Round(measured=r.measured, limits=given) for r in findings.rounds]
        )
    return {
        "model": model,
        "data": told,
        "device": torch.cuda.get_device_name() if on_gpu else _processor(),
        "threads": job.threads,
        "clock": clock,
        "batch": batch,
        "examples_per_round": job.steps * batch,
        "dropout": dropout,
        "torch": torch.__version__,
        "limit": "measured" if peak_tflops is None else "given",
        "left_out": left_out,
        "losses": dict(findings.losses),
        **summarise(findings, dtypes, flops),
        "rounds": [
            {
                "variants": {name: asdict(one) for name, one in found.measured.items()},
                "limits_flops": dict(found.limits),
            }
            for found in findings.rounds
        ],
    }


def _flops_per_token(job: Job, tokenizer: Any, variants: Sequence[Variant]) -> dict[str, list[float]]:
    """By variant, of each round's examples."""
    slices = Slices(job, read_items(job, tokenizer))
    found: dict[str, list[float]] = {}
    for variant in variants:
        found[variant.name] = []
        for number in range(job.rounds):
            batches = slices.batches(variant.order, number)
            tokens = slices.tokens(batches)
            flops = step_flops(job.model, tokens=tokens, tokens_squared=slices.tokens_squared(batches))
            found[variant.name].append(flops / tokens)
    return found


def _processor() -> str:
    """The CPU's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "CPU")
