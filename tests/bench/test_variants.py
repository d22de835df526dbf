"""Which variants are measured, and what is said of the others."""

import pytest

from ds_stilts.bench.variants import EXTRA, VARIANTS, choose
from ds_stilts.errors import RecipeError


def test_where_nothing_is_asked_for_all_is_measured_but_single_ways_of_attending() -> None:
    chosen, left_out = choose(None, "fp32", has_accelerate=True)
    others = {
        name for name in VARIANTS if name.startswith("packed_") and name not in ("packed_ungrouped", "packed_bf16")
    }
    assert [variant.name for variant in chosen] == [name for name in VARIANTS if name not in others] and left_out == {}
    assert [variant.name for variant in choose(sorted(others), "fp32", has_accelerate=True)[0]] == sorted(others)


def test_without_accelerate_the_trainer_is_left_out_and_named() -> None:
    chosen, left_out = choose(None, "fp32", has_accelerate=False)
    assert {variant.way for variant in chosen} == {"plain", "engine"}
    assert set(left_out) == {"hf_default", "hf_by_task", "hf_grouped"}
    assert all(EXTRA in why for why in left_out.values())


def test_in_bf16_no_variant_is_measured_twice() -> None:
    chosen, left_out = choose(None, "bf16", has_accelerate=True)
    assert not any(variant.bf16 for variant in chosen) and set(left_out) == {"packed_bf16", "engine_bf16"}


@pytest.mark.parametrize(
    ("asked", "dtype", "has_accelerate", "sentence"),
    [
        (["packd"], "fp32", True, "no variant 'packd' (did you mean 'packed'?); known: hf_default"),
        (["packed", "packed"], "fp32", True, "'packed' stands twice"),
        ([], "fp32", True, "names none"),
        (["hf_default"], "fp32", False, "'hf_default' cannot be measured: the Hugging Face Trainer needs accelerate"),
        (["engine_bf16"], "bf16", True, "with --dtype bf16 it is 'engine'"),
    ],
)
def test_what_cannot_be_measured_is_a_sentence(asked, dtype, has_accelerate, sentence) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(RecipeError) as refused:
        choose(asked, dtype, has_accelerate=has_accelerate)
    assert sentence in str(refused.value)
