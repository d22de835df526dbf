"""Ratios and shares from rounds, by hand; and the refusal to compare what is not the same."""

import pytest

from ds_stilts.bench.clock import Measured
from ds_stilts.bench.rounds import DisagreementError, Findings, Round, agree
from ds_stilts.bench.summary import summarise


def measured(tokens: int, slots: int, seconds: float) -> Measured:
    return Measured(steps=1, tokens=tokens, slots=slots, seconds=seconds, wall_s=10.0, wait_s=0.5)


def findings() -> Findings:
    rounds = [
        Round(
            measured={
                "hf_default": measured(100, 200, 1.0),
                "packed": measured(100, 100, own),
                "engine": measured(100, 100, 2 * own),
            },
            limits={"fp32": 1000.0},
        )
        for own in (0.5, 0.25, 0.4)
    ]
    return Findings(losses={}, rounds=rounds)


def test_ratios_are_medians_of_each_rounds_own() -> None:
    dtypes = dict.fromkeys(("hf_default", "packed", "engine"), "fp32")
    found = summarise(findings(), dtypes, {name: [2.0] * 3 for name in dtypes})  # type: ignore[arg-type]
    packed = found["variants"]["packed"]
    assert packed["tokens_per_s"] == {"median": 250.0, "q1": 225.0, "q3": 325.0}
    assert packed["ratio"] == pytest.approx({"median": 2.5, "q1": 2.25, "q3": 3.25})
    assert packed["of_limit"] == pytest.approx({"median": 0.5, "q1": 0.45, "q3": 0.65})
    assert packed["padding_share"] == 0.0 and found["variants"]["hf_default"]["padding_share"] == 0.5
    assert packed["data_wait_share"] == pytest.approx(0.05)
    assert found["pairs"] == [{"of": "engine", "to": "packed", "ratio": {"median": 0.5, "q1": 0.5, "q3": 0.5}}]
    assert found["limits_flops"]["fp32"]["median"] == 1000.0


def test_losses_that_differ_are_refused() -> None:
    agree({"packed": 1.0, "hf_default": 1.0 + 9e-6})
    for other in (1.0 + 2e-5, float("nan")):
        with pytest.raises(DisagreementError, match="'packed' and 'hf_default' compute different losses"):
            agree({"packed": 1.0, "hf_default": other})
