"""Our model states beside DeepSpeed's own estimators, term by term: where the two differ, and why.

DeepSpeed's formulas (0.19: `estimate_zero2_model_states_mem_needs` in stage_1_and_2.py,
`estimate_zero3_model_states_mem_needs` in stage3.py) are written out here, so that a plan need not import it; a test
holds them against the originals.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ds_stilts.planning.shapes import Weight
from ds_stilts.planning.states import Term, in_addition
from ds_stilts.planning.zero import ZeroSetting

_WHY = {
    "parameters": "theirs are 2 bytes each",
    "parameter partition": "theirs are 2 bytes each; ours are padded to whole partitions, parameter by parameter",
    "gradients of 2 bytes": "counted by them beside fp32 ones; here only where they are, see the other terms",
    "gradients of 4 bytes": "counted by them always; here only while they exist, see the other terms",
    "fp32 master weights": "padding of partitions",
    "Adam moments": "padding of partitions",
    "gradient partition": "in the dtype that is accumulated; ZeRO-1 and 2 keep a parameter that reaches into it whole",
    "flat copies of gradients": "made in the optimizer step",
    "gradient being made": "a parameter's gradient is whole before it is partitioned",
    "unreduced gradients": "ZeRO-1 keeps them all until the last micro-batch of a step",
    "reduce bucket": "reduce_bucket_size",
    "reduce buckets": "reduce_bucket_size, twice with overlap_comm",
    "message being reduced": "the flat copy of a bucket that is averaged",
    "gather and scatter buffers": "parts joined into parameters; a whole gradient, and the copy that is scattered",
    "parameters gathered": "they count one layer at 4 bytes; we what stage3_max_reuse_distance keeps",
    "parameters kept whole": "stage3_param_persistence_threshold",
    "transfer buffer": "as large as the largest parameter",
    "secondary partition (hpZ)": "zero_hpz_partition_size",
    "sum of weights that are averaged": "the recipe's `average`",
    "rounding": "they cut to whole bytes",
}


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One term of both sides, in bytes of one GPU."""

    name: str
    ours: int
    theirs: int
    why: str

    @property
    def bytes(self) -> int:
        return self.ours - self.theirs


def estimate(weights: Sequence[Weight], setting: ZeroSetting, ranks: int) -> dict[str, float] | None:
    """DeepSpeed's terms for one GPU; their sum, cut to whole bytes, is its estimate. None: it has no estimator."""
    total, largest = sum(weight.numel for weight in weights), _largest_module(weights)
    share = total / ranks
    states: dict[str, float] = {
        "gradients of 4 bytes": 4 * share,
        "fp32 master weights": 4 * share,
        "Adam moments": 8 * share,
    }
    if setting.stage == 2:  # its 18 bytes a parameter: gradients in both types, and the optimizer
        states = {"gradients of 2 bytes": 2 * share, **states}
        return {"parameters": 2 * total, **(states if setting.offload == "none" else {})}
    if setting.stage == 3:
        gathered: dict[str, float] = {"parameters gathered": 4 * largest}
        if setting.offload == "optimizer and parameters":
            return gathered
        # its 18 bytes a parameter: the parameters' own partition, and no 2-byte gradients
        return {**gathered, "parameter partition": 2 * share, **(states if setting.offload == "none" else {})}
    return None


def differences(
    weights: Sequence[Weight], terms: Sequence[Term], setting: ZeroSetting, ranks: int
) -> list[Difference] | None:
    """What must be added to DeepSpeed's estimate to get our peak on a GPU, by name; None: it has no estimator."""
    theirs = estimate(weights, setting, ranks)
    if theirs is None:
        return None
    moment = max(("backward", "step"), key=lambda when: in_addition(terms, when))
    ours: dict[str, int] = {}
    for term in terms:
        if term.where == "device" and term.when in ("held", moment):
            ours[term.name] = ours.get(term.name, 0) + term.bytes
    found = [
        Difference(name=name, ours=ours.get(name, 0), theirs=round(theirs.get(name, 0)), why=_WHY[name])
        for name in dict.fromkeys([*theirs, *ours])
    ]
    rounding = sum(row.theirs for row in found) - int(sum(theirs.values()))
    if rounding:
        found.append(Difference(name="rounding", ours=0, theirs=-rounding, why=_WHY["rounding"]))
    return found


def _largest_module(weights: Sequence[Weight]) -> int:
    """Elements of the module that has most of its own (a linear layer: weight and bias)."""
    modules: dict[str, int] = {}
    for weight in weights:
        module = weight.name.rpartition(".")[0]
        modules[module] = modules.get(module, 0) + weight.numel
    return max(modules.values())
