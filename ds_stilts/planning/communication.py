"""How much ranks send each other in a step, and how long that takes: from Ψ, the trained parameters, and the stage.

The counts are those of Rajbhandari et al. 2020 (ZeRO, section 7): gradients are summed over ranks (Ψ), and weights are
gathered (Ψ at stages 1 and 2, once a step; 2Ψ at stage 3, for each micro-batch's forward and backward pass). What that
is on a wire is a ring's: (n-1)/n of a gathering or scattering of Ψ through each rank's link, twice that for a sum.
"""

from dataclasses import dataclass

from ds_stilts.planning.machine import Machine
from ds_stilts.planning.zero import ZeroSetting


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Of one step and rank, in bytes."""

    messages: float
    """Sizes of all messages, as DeepSpeed's communication log counts them."""
    wire: float
    """Sent over the slowest link that a rank's ring passes."""


def traffic(setting: ZeroSetting, parameters: int, machine: Machine, *, accumulation: int = 1) -> Traffic:
    """What a rank sends in a step.

    Args:
        parameters: Ψ, those that are trained.
        accumulation: micro-batches of a step.
    """
    ranks, size = machine.ranks, float(parameters * setting.dtype_bytes)
    if ranks == 1:
        return Traffic(messages=0.0, wire=0.0)
    part = (ranks - 1) / ranks
    if setting.stage == 0:
        return Traffic(messages=size, wire=2 * part * size)
    if setting.stage < 3:  # DeepSpeed sums whole buckets at stages 1 and 2 too, and keeps a rank's part of the sum
        sums = accumulation if setting.stage == 2 else 1
        return Traffic(messages=(sums + 1) * size, wire=(2 * sums + 1) * part * size)
    forward = part * size
    # hpZ keeps a copy of the weights in each node, from which the backward pass gathers: that is not between nodes.
    backward = 0.0 if 1 < setting.hpz < ranks else part * size
    return Traffic(messages=accumulation * 3 * size, wire=accumulation * (forward + backward + part * size))


@dataclass(frozen=True, kw_only=True)
class StepTime:
    """Seconds of a step."""

    compute_s: float
    communication_s: float
    exposed_s: float
    """Of communication, what computing does not hide."""

    @property
    def total_s(self) -> float:
        return self.compute_s + self.exposed_s

    @property
    def exposed_share(self) -> float:
        """Share of the step in which a rank only waits for the network."""
        return self.exposed_s / self.total_s if self.total_s else 0.0


def step_time(
    sent: Traffic, setting: ZeroSetting, *, compute_s: float, link_bytes_per_s: float, hidden_share: float | None = None
) -> StepTime:
    """How long a step takes, of which communication is hidden behind the backward pass where `overlap_comm` is on.

    Args:
        compute_s: of a rank, without any communication.
        link_bytes_per_s: of a rank's share of the link that its ring passes.
        hidden_share: share of computing during which communication can go on; None: two thirds, the backward pass, with
            `overlap_comm`, else none.
    """
    hidden = hidden_share if hidden_share is not None else (2 / 3 if setting.overlap_comm else 0.0)
    communication = sent.wire / link_bytes_per_s
    exposed = max(0.0, communication - hidden * compute_s)
    return StepTime(compute_s=compute_s, communication_s=communication, exposed_s=exposed)
