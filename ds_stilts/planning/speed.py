"""How long a phase takes: its arithmetic, what GPUs make of it, and what they wait for the network.

Operations of a step are counted as `ds-stilts bench` does (Kaplan et al. 2020; Chowdhery et al. 2022, appendix B): 6
for each weight of a block's matrices and token that passes it, 12·L·A·n for attention to n tokens, and 6·D·V for each
row that reaches the vocabulary. With activation checkpointing a third more. Loading, scoring and saving are not in it.
"""

from dataclasses import dataclass
from typing import Any

from ds_stilts.errors import ClusterError
from ds_stilts.planning.communication import step_time, traffic
from ds_stilts.planning.phase import PhaseNeeds, num_steps
from ds_stilts.planning.zero import ZeroSetting

UTILISATION = 0.35
"""Share of the peak that is assumed where none is given. A guess: measure it with `ds-stilts bench --peak-tflops`."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """What GPUs and network of a machine do."""

    gpu_flops: float
    """Peak of one GPU in the recipe's dtype, operations a second."""
    utilisation: float = UTILISATION
    """Share of it that training reaches, communication apart."""
    link_bytes_per_s: float | None = None
    """Of one node, to others; None: communication is not counted."""


def parse_speed(gpu_tflops: float | None, utilisation: float | None, link_gbps: float | None) -> Speed | None:
    """The speed that options describe; None: nothing is said about time.

    Args:
        gpu_tflops: peak of one GPU, 10^12 operations a second.
        utilisation: share of it that is reached; None: `UTILISATION`.
        link_gbps: of a node, 10^9 bits a second.

    Raises:
        ClusterError: one that needs another which is not given.
    """
    if gpu_tflops is None:
        for option, value in (("--utilisation", utilisation), ("--link-gbps", link_gbps)):
            if value is not None:
                raise ClusterError(f"{option} {value:g}: times need the GPU's peak too; give --gpu-tflops, e.g. 989")
        return None
    return Speed(
        gpu_flops=gpu_tflops * 1e12,
        utilisation=UTILISATION if utilisation is None else utilisation,
        link_bytes_per_s=None if link_gbps is None else link_gbps * 1e9 / 8,
    )


def step_flops(phase: PhaseNeeds) -> float:
    """Operations of one step on all ranks together, forward and backward."""
    shape, tokens = phase.shape, phase.step_tokens
    length = max(size.item_tokens for size in phase.sizes.values())
    blocks = [w for w in shape.weights if w.part == "blocks" and len(w.shape) == 2]
    written = phase.target_share * tokens
    found = 6 * tokens * sum(w.numel * phase.passed_by(w) for w in blocks)
    found += 12 * shape.layers * shape.attention_width * tokens * length
    found += 12 * shape.decoder_layers * shape.attention_width * written * length  # to what was read, above all
    found += 6 * shape.hidden * shape.vocabulary * phase.rows_share * tokens
    return found * 4 / 3 if phase.training.activation_checkpointing else found


def phase_time(phase: PhaseNeeds, setting: ZeroSetting, speed: Speed, accumulation: int) -> dict[str, Any]:
    """Seconds of a step and hours of a phase; JSON-able."""
    ranks, steps = phase.machine.ranks, num_steps(phase.training, phase.sizes)
    compute_s = step_flops(phase) / (ranks * speed.gpu_flops * speed.utilisation)
    sent = traffic(setting, sum(w.numel for w in phase.weights), phase.machine, accumulation=accumulation)
    link = speed.link_bytes_per_s if phase.machine.nodes > 1 else None
    step = step_time(sent, setting, compute_s=compute_s, link_bytes_per_s=link or float("inf"))
    return {
        "utilisation": speed.utilisation,
        "compute_s": step.compute_s,
        "communication_bytes": sent.wire,
        "communication_s": step.communication_s if link else None,
        "waiting_share": step.exposed_share if link else None,
        "step_s": step.total_s,
        "hours": None if steps is None else steps * step.total_s / 3600,
        "gpu_hours": None if steps is None else steps * step.total_s / 3600 * ranks,
    }


def time_text(row: dict[str, Any], bound: str) -> str:
    """One line of a plan.

    Args:
        row: what `phase_time` found.
        bound: "at most " where tokens are an upper bound.
    """
    waiting = ""
    if row["waiting_share"] is not None:
        waiting = (
            f", of it {row['waiting_share']:.0%} waiting for {row['communication_bytes'] / 1e9:.2f} GB on the network"
        )
    hours = "" if row["hours"] is None else f"; {bound}{row['hours']:,.2f} h = {row['gpu_hours']:,.1f} GPU-hours"
    return f"time: {bound}{row['step_s']:.3g} s a step at {row['utilisation']:.0%} of the peak{waiting}{hours}"
