"""From rounds to medians and quartiles; everything that is printed is computed here, from the rounds alone."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from ds_stilts.bench.rounds import Findings, Round
from ds_stilts.bench.variants import BASE, PAIRS, Dtype

FlopsPerToken = Mapping[str, Sequence[float]]
"""By variant, of each round's slice."""


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median and quartiles (between the closest values in proportion, as numpy's default)."""
    if len(values) == 1:
        return {"median": values[0], "q1": values[0], "q3": values[0]}
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": median, "q1": q1, "q3": q3}


def rate(found: Round, name: str) -> float:
    """Real tokens a second of a variant in a round."""
    return found.measured[name].tokens / found.measured[name].seconds


def summarise(findings: Findings, dtypes: Mapping[str, Dtype], flops_per_token: FlopsPerToken) -> dict[str, Any]:
    """All that is told of a measurement.

    Args:
        dtypes: of each variant.
        flops_per_token: see `ds_stilts.bench.model.step_flops`.

    Returns:
        JSON-able: "variants": by name the `spread` of "tokens_per_s", "ratio" (to `BASE`, where that was measured) and
        "of_limit" (where there is one), and "padding_share" and "data_wait_share" of all rounds together; "pairs": the
        `spread` of the ratio "of" one variant "to" another; "limits_flops": by dtype.
    """
    rounds = findings.rounds
    rates = {name: [rate(found, name) for found in rounds] for name in rounds[0].measured}
    variants = {}
    for name, own_rates in rates.items():
        own = [found.measured[name] for found in rounds]
        variants[name] = {
            "dtype": dtypes[name],
            "tokens_per_s": spread(own_rates),
            "padding_share": 1 - sum(one.tokens for one in own) / sum(one.slots for one in own),
            "data_wait_share": sum(one.wait_s for one in own) / sum(one.wall_s for one in own),
        }
        if BASE in rates:
            variants[name]["ratio"] = _ratio(own_rates, rates[BASE])
        if dtypes[name] in rounds[0].limits:
            achieved = [tokens * flops for tokens, flops in zip(own_rates, flops_per_token[name], strict=True)]
            variants[name]["of_limit"] = _ratio(achieved, [found.limits[dtypes[name]] for found in rounds])
    return {
        "variants": variants,
        "pairs": [
            {"of": of, "to": to, "ratio": _ratio(rates[of], rates[to])}
            for of, to in PAIRS
            if of in rates and to in rates
        ],
        "limits_flops": {dtype: spread([found.limits[dtype] for found in rounds]) for dtype in rounds[0].limits},
    }


def _ratio(values: Sequence[float], others: Sequence[float]) -> dict[str, float]:
    """The `spread` of each round's ratio."""
    return spread([value / other for value, other in zip(values, others, strict=True)])
