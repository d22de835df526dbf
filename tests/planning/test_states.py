"""Model states in bytes, each number written out from DeepSpeed's allocations for sizes small enough to follow."""

import pytest

from ds_stilts.planning.shapes import Weight
from ds_stilts.planning.states import Term, held, in_addition, live_parameters, model_states, peak
from ds_stilts.planning.zero import ZeroSetting

WEIGHTS = [Weight("table.weight", (60, 10), "embeddings"), Weight("dense.weight", (30, 10), "blocks"),
           Weight("dense.bias", (100,), "blocks")]  # fmt: skip
"""600 + 300 + 100 parameters."""


def setting(stage: int, dtype_bytes: int, **changes: object) -> ZeroSetting:
    values: dict[str, object] = {
        "gradient_bytes": dtype_bytes, "overlap_comm": True, "reduce_bucket": 50, "prefetch_bucket": 70,
        "persistence_threshold": 100,
    }  # fmt: skip
    return ZeroSetting(stage=stage, dtype_bytes=dtype_bytes, **{**values, **changes})  # type: ignore[arg-type]


def by_name(terms: list[Term]) -> dict[str, int]:
    return {f"{term.name}/{term.when}/{term.where}": term.bytes for term in terms}


def test_stage_0_holds_everything_on_every_rank() -> None:
    assert by_name(model_states(WEIGHTS, setting(0, 2), ranks=4, accumulation=1)) == {
        "parameters/held/device": 2000,
        "fp32 master weights/held/device": 4000,
        "Adam moments/held/device": 8000,
        "gradients/backward/device": 2000,
        "gradients/step/device": 2000,
        "flat copies of gradients/step/device": 4000,
    }
    alone = model_states(WEIGHTS, setting(0, 4), ranks=1, accumulation=1)
    assert held(alone) == 4000 + 8000 and peak(alone) == 4000 + 8000 + 4000  # fp32: no master, nothing to average


def test_zero2_partitions_the_optimizer_and_keeps_parameters_that_reach_into_a_partition_whole() -> None:
    # Two ranks of 500: the table reaches into both, and the second has the rest as well.
    assert by_name(model_states(WEIGHTS, setting(2, 4), ranks=2, accumulation=1)) == {
        "parameters/held/device": 4000,
        "reduce buckets/backward/device": 2 * 4 * 50,
        "message being reduced/backward/device": 4 * 50,
        "gradient being made/backward/device": 4 * 600,
        "fp32 master weights/held/device": 4 * 500,
        "Adam moments/held/device": 8 * 500,
        "gradient partition/backward/device": 4 * 1000,
        "gradient partition/step/device": 4 * 1000,
        "flat copies of gradients/step/device": 8 * 500,  # the table's norm in fp64 is more than a flat fp32 copy
    }


def test_zero2_in_bf16_copies_the_gradient_partition_to_fp32() -> None:
    terms = by_name(model_states(WEIGHTS, setting(2, 2), ranks=4, accumulation=3))
    # Of two micro-batches; of four partitions of 250 the third has the table's end and the dense layer's begin.
    assert terms["gradient partition/backward/device"] == 2 * 2 * (600 + 300)
    assert terms["flat copies of gradients/step/device"] == max(8 * 250, (2 + 4) * 250)
    fp32 = by_name(model_states(WEIGHTS, setting(2, 2, gradient_bytes=4), ranks=4, accumulation=3))
    assert fp32["gradient partition/backward/device"] == 4 * 250


def test_zero1_keeps_all_gradients_between_micro_batches() -> None:
    once, twice = (by_name(model_states(WEIGHTS, setting(1, 2), ranks=4, accumulation=n)) for n in (1, 2))
    assert "unreduced gradients/backward/device" not in once
    assert twice["unreduced gradients/backward/device"] == 2000


def test_zero3_partitions_each_parameter_and_keeps_small_ones_whole() -> None:
    terms = model_states(WEIGHTS, setting(3, 2), ranks=3, accumulation=1)
    partition = 200 + 100 + 34  # each rounded up by itself
    assert by_name(terms) == {
        "parameter partition/held/device": 2 * partition,
        "parameters kept whole/held/device": 2 * 100,
        "fp32 master weights/held/device": 4 * partition,
        "Adam moments/held/device": 8 * partition,
        "gradient partition/held/device": 2 * partition,
        "reduce bucket/held/device": 2 * 50,
        "parameters gathered/backward/device": 2 * 900,
        "gather and scatter buffers/backward/device": 2 * max(670, 600 + 50),
        "flat copies of gradients/step/device": (2 + 4) * partition,
    }
    larger = by_name(model_states(WEIGHTS, setting(3, 2, reduce_bucket=400), ranks=3, accumulation=1))
    assert larger["gather and scatter buffers/backward/device"] == 2 * (600 + 400)
    assert peak(terms) == held(terms) + max(in_addition(terms, "backward"), in_addition(terms, "step"))


@pytest.mark.parametrize(
    ("stage", "offload", "device", "host"),
    [
        # parameters and a transfer buffer; master 4, moments 8, gradients 4, bf16 copy 2 of 500, and a buffer of 600
        (2, "optimizer", 2 * 1000 + 2 * 600, 18 * 500 + 2 * 600),
        # 2 for the partition, 100 kept whole, a bucket; 12 + 2 + 4 of 500 on the host, then the partition as well
        (3, "optimizer", 2 * 500 + 2 * 100 + 2 * 50, 18 * 500),
        (3, "optimizer and parameters", 2 * 100 + 2 * 50, 20 * 500),
    ],
)
def test_offloading_moves_states_to_the_host(stage: int, offload: str, device: int, host: int) -> None:
    terms = model_states(WEIGHTS, setting(stage, 2, offload=offload), ranks=2, accumulation=1)
    assert (held(terms), held(terms, "host")) == (device, host)


FROZEN = [Weight("old.weight", (70, 10), "blocks"), Weight("old.bias", (50,), "blocks")]


@pytest.mark.parametrize("stage", [0, 1, 2])
def test_frozen_parameters_are_held_and_nothing_else(stage: int) -> None:
    without = by_name(model_states(WEIGHTS, setting(stage, 2), ranks=2, accumulation=2))
    terms = by_name(model_states(WEIGHTS, setting(stage, 2), ranks=2, accumulation=2, frozen=FROZEN))
    assert terms == {**without, "frozen parameters/held/device": 2 * 750}


def test_zero3_partitions_and_gathers_frozen_parameters_too() -> None:
    without = by_name(model_states(WEIGHTS, setting(3, 2), ranks=2, accumulation=1))
    terms = by_name(model_states(WEIGHTS, setting(3, 2), ranks=2, accumulation=1, frozen=FROZEN))
    assert terms == {
        **without,
        "parameter partition/held/device": 2 * (500 + 375),
        "parameters kept whole/held/device": 2 * (100 + 50),
        "parameters gathered/backward/device": 2 * (900 + 700),
        # what is prefetched and the widest one; a gradient is at most the table's
        "gather and scatter buffers/backward/device": 2 * max(70 + 700, 600 + 50),
    }


def test_zero3_gathers_what_is_used_again_within_the_reuse_distance() -> None:
    assert live_parameters(WEIGHTS, setting(3, 2)) == 900  # a small model stays gathered as a whole
    tight = setting(3, 2, max_reuse_distance=0, max_live_parameters=0, prefetch_bucket=0)
    assert live_parameters(WEIGHTS, tight) == 600  # released straight after its use: the largest one
    # then backward gathers once more, while gradients are scattered
    terms = by_name(model_states(WEIGHTS, tight, ranks=2, accumulation=1))
    assert terms["gather and scatter buffers/backward/device"] == 2 * (600 + 600 + 50)
