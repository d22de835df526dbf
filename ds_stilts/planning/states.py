"""Model states of one rank in bytes: parameters, gradients, optimizer, and the buffers that DeepSpeed adds.

Each term follows an allocation in DeepSpeed 0.19 (runtime/zero/stage_1_and_2.py and stage3.py, runtime/engine.py for
stage 0) with torch's AdamW: fp32 master copy 4 bytes, two fp32 moments 8 bytes a parameter (Rajbhandari et al. 2020,
§3.1). Terms are held all the time, or only in the backward pass, or only in the optimizer step: the peak is what is
held and the larger of the other two. Activations are in `planning.activations`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ds_stilts.planning.shapes import Weight
from ds_stilts.planning.zero import ZeroSetting

ALLREDUCE_ELEMENTS = 500_000_000
"""Elements that stage 0 averages in one message (`buffered_allreduce_fallback` in runtime/engine.py)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Term:
    """One allocation, or several of one kind."""

    name: str
    bytes: int
    when: Literal["held", "backward", "step"] = "held"
    where: Literal["device", "host"] = "device"
    """"host": memory of the node, taken once by each of its ranks."""


def model_states(
    weights: Sequence[Weight],
    setting: ZeroSetting,
    ranks: int,
    accumulation: int,
    frozen: Sequence[Weight] = (),
) -> list[Term]:
    """Model states of one rank, the largest one where ranks differ.

    Args:
        weights: the trained parameters, tied ones once.
        ranks: ranks over which states are partitioned.
        accumulation: micro-batches in a step.
        frozen: the other parameters of the model, which have neither gradient nor optimizer state.
    """
    if setting.stage == 3:
        terms = _partitioned_parameters(weights, frozen, setting, ranks)
    else:
        terms = [Term(name="frozen parameters", bytes=setting.dtype_bytes * sum(weight.numel for weight in frozen))]
        if setting.stage == 0:
            terms += _replicated(weights, setting, ranks)
        else:
            terms += _partitioned_optimizer(weights, setting, ranks, accumulation)
    return [term for term in terms if term.bytes]


def averaging(terms: Sequence[Term]) -> Term:
    """What summing up the last weights adds (`ds_stilts.engine.averaging`): once more the values that are stepped."""
    stepped = next(term for term in terms if term.name == "Adam moments")
    return Term(name="sum of weights that are averaged", bytes=stepped.bytes // 2, where=stepped.where)


def held(terms: Sequence[Term], where: str = "device") -> int:
    """Bytes between two steps."""
    return sum(term.bytes for term in terms if term.where == where and term.when == "held")


def in_addition(terms: Sequence[Term], when: str, where: str = "device") -> int:
    """Bytes on top of what is held, in "backward" or "step"."""
    return sum(term.bytes for term in terms if term.where == where and term.when == when)


def peak(terms: Sequence[Term], where: str = "device") -> int:
    """Largest sum of what is there at one time, without activations."""
    return held(terms, where) + max(in_addition(terms, when, where) for when in ("backward", "step"))


def _optimizer(partition: int, where: Literal["device", "host"] = "device") -> list[Term]:
    return [
        Term(name="fp32 master weights", bytes=4 * partition, where=where),
        Term(name="Adam moments", bytes=8 * partition, where=where),
    ]


def _replicated(weights: Sequence[Weight], setting: ZeroSetting, ranks: int) -> list[Term]:
    total, size = sum(weight.numel for weight in weights), setting.dtype_bytes
    fp32 = size == 4
    message = size * min(total, ALLREDUCE_ELEMENTS) if ranks > 1 else 0
    return [
        Term(name="parameters", bytes=size * total),
        Term(name="fp32 master weights", bytes=0 if fp32 else 4 * total),
        Term(name="Adam moments", bytes=8 * total),
        Term(name="gradients", bytes=size * total, when="backward"),
        Term(name="gradients", bytes=size * total, when="step"),
        # averaged first, then (bf16) copied to fp32: never both at once
        Term(name="flat copies of gradients", bytes=max(message, 0 if fp32 else 4 * total), when="step"),
    ]


def _partitioned_optimizer(
    weights: Sequence[Weight], setting: ZeroSetting, ranks: int, accumulation: int
) -> list[Term]:
    """ZeRO-1 and ZeRO-2."""
    total, largest = sum(weight.numel for weight in weights), max(weight.numel for weight in weights)
    size, partition = setting.dtype_bytes, -(-total // ranks)
    bucket = size * setting.reduce_bucket * (2 if setting.overlap_comm else 1) if setting.contiguous_gradients else 0
    # slices of a bucket that go to different ranks are joined into a flat copy, which is averaged (`allreduce_bucket`)
    message = size * min(setting.reduce_bucket, total) if ranks > 1 else 0
    terms = [
        Term(name="parameters", bytes=size * total),
        Term(name="reduce buckets", bytes=bucket, when="backward"),
        Term(name="message being reduced", bytes=message, when="backward"),
        Term(name="gradient being made", bytes=size * largest, when="backward"),
    ]
    if setting.stage == 1 and accumulation > 1:  # averaged only with the last micro-batch, so kept whole until then
        terms.append(Term(name="unreduced gradients", bytes=setting.gradient_bytes * total, when="backward"))
    if setting.offload != "none":
        return [
            *terms,
            Term(name="transfer buffer", bytes=size * largest),
            *_optimizer(partition, "host"),
            Term(name="fp32 gradient partition", bytes=4 * partition, where="host"),
            Term(name="parameter partition in transfer", bytes=size * partition, where="host"),
            Term(name="gradients accumulated", bytes=size * partition if accumulation > 1 else 0, where="host"),
            Term(name="transfer buffer", bytes=size * largest, where="host"),
        ]
    terms += _optimizer(partition)
    if setting.gradient_bytes != size:  # accumulated in fp32, in place
        grown = gradients = 4 * partition
        copies = 8 * min(largest, partition)
    else:
        # A parameter that reaches into the partition is kept whole; each micro-batch after the first has its own copy.
        gradients = size * _touched(weights, ranks)
        grown = gradients * (2 if accumulation > 1 and setting.stage == 2 else 1)
        # the norm is taken in fp64, one parameter at a time; then a flat copy is made, and in bf16 one in fp32
        copies = max(8 * min(largest, partition), size * partition + (0 if size == 4 else 4 * partition))
    return [
        *terms,
        Term(name="gradient partition", bytes=grown, when="backward"),
        Term(name="gradient partition", bytes=gradients, when="step"),
        Term(name="flat copies of gradients", bytes=copies, when="step"),
    ]


def _partitioned_parameters(
    weights: Sequence[Weight], frozen: Sequence[Weight], setting: ZeroSetting, ranks: int
) -> list[Term]:
    """ZeRO-3; every parameter, a frozen one too, is cut by itself, and small ones stay whole as well."""
    total, largest = sum(weight.numel for weight in weights), max(weight.numel for weight in weights)
    every = [*weights, *frozen]
    all_total, all_largest = sum(weight.numel for weight in every), max(weight.numel for weight in every)
    size, gradient = setting.dtype_bytes, setting.gradient_bytes
    partition = sum(-(-weight.numel // ranks) for weight in weights)
    all_partition = sum(-(-weight.numel // ranks) for weight in every)
    persistent = sum(weight.numel for weight in every if weight.numel <= setting.persistence_threshold)
    offloads, all_offloaded = setting.offload != "none", setting.offload == "optimizer and parameters"
    sub_group, live = min(partition, setting.sub_group), live_parameters(every, setting)
    # Gathering joins the parts of what is prefetched into new parameters; a gradient is whole before its bucket is
    # copied to be scattered. They meet only if parameters are gathered a second time, for the backward pass.
    gathering = min(all_total - persistent, setting.prefetch_bucket + all_largest)
    scattering = largest + min(setting.reduce_bucket, total)
    moved = gathering + scattering if live < all_total - persistent else max(gathering, scattering)
    terms = [
        Term(name="parameter partition", bytes=size * all_partition, where="host" if all_offloaded else "device"),
        Term(name="parameters kept whole", bytes=size * persistent),
        Term(name="secondary partition (hpZ)", bytes=size * -(-all_total // setting.hpz) if setting.hpz > 1 else 0),
        *_optimizer(partition, "host" if offloads else "device"),
        Term(name="gradient partition", bytes=gradient * partition, where="host" if offloads else "device"),
        Term(name="reduce bucket", bytes=size * setting.reduce_bucket if setting.contiguous_gradients else 0),
        Term(name="parameters gathered", bytes=size * live, when="backward"),
        Term(name="gather and scatter buffers", bytes=size * moved, when="backward"),
    ]
    if offloads:
        return [*terms, Term(name="fp32 gradient partition", bytes=4 * partition, where="host")]
    # the norm is taken in fp64, one parameter at a time; then a flat copy is made, and unless it is fp32, one that is
    copies = max(8 * -(-largest // ranks), gradient * sub_group + (0 if gradient == 4 else 4 * sub_group))
    return [*terms, Term(name="flat copies of gradients", bytes=copies, when="step")]


def live_parameters(weights: Sequence[Weight], setting: ZeroSetting) -> int:
    """Elements that ZeRO-3 holds gathered at the turn from forward to backward, where they are most.

    A parameter stays gathered if it is used again within `max_reuse_distance` elements
    (partitioned_param_coordinator.py, `__params_to_release`): at the turn these are the last half of that distance. To
    them come what is prefetched, up to `max_live_parameters`, and the module at work.
    """
    gathered = [weight.numel for weight in weights if weight.numel > setting.persistence_threshold]
    largest, reused = max(gathered, default=0), setting.max_reuse_distance // 2
    prefetched = max(0, min(setting.prefetch_bucket, setting.max_live_parameters - reused))
    return min(sum(gathered), reused + prefetched + largest)


def _touched(weights: Sequence[Weight], ranks: int) -> int:
    """Elements of all parameters that reach into a partition, of the partition where they are most."""
    total = sum(weight.numel for weight in weights)
    partition = -(-total // ranks)
    touched, start = [0] * ranks, 0
    for weight in weights:
        for rank in range(start // partition, (start + weight.numel - 1) // partition + 1):
            touched[rank] += weight.numel
        start += weight.numel
    return max(touched)
