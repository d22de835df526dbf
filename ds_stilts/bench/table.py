"""A measurement as lines for people."""

from collections.abc import Mapping
from typing import Any

from ds_stilts.bench.variants import BASE

_CLOCKS = {"cpu": "CPU second", "wall": "second"}


def table_rows(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """A row for each variant.

    Args:
        found: what `run_bench` returns.
    """
    limit = "MFU" if found["limit"] == "given" else "of matmul limit"
    rows = []
    for name, own in found["variants"].items():
        row = {
            "variant": name,
            "": own["dtype"],
            f"real tokens per {_CLOCKS[found['clock']]}": _spread(own, "tokens_per_s", ",.0f"),
        }
        row |= {f"x {BASE}": _spread(own, "ratio", ".2f")} if "ratio" in own else {}
        row |= {"padding": f"{own['padding_share']:.0%}"}
        row |= {limit: f"{own['of_limit']['median']:.0%}" if "of_limit" in own else ""}
        rows.append({**row, "data wait": f"{own['data_wait_share']:.1%}"})
    return rows


def remarks(found: Mapping[str, Any]) -> list[str]:
    """What stands around the table: what was measured above it, the pairs and what is missing below."""
    lines = [
        f"{_spread(pair, 'ratio', '.3f')}: {pair['of']} over {pair['to']}, on the same examples"
        for pair in found["pairs"]
    ]
    lines += [
        f"{limit['median'] / 1e9:,.0f} GFLOP/s: {found['limit']} limit of {dtype} matrix products"
        for dtype, limit in found["limits_flops"].items()
    ]
    return lines + [f"left out: {name}; {why}" for name, why in found["left_out"].items()]


def heading(found: Mapping[str, Any]) -> str:
    """What was measured on what."""
    return (
        f"{found['model']}, batches of {found['batch']}, dropout {found['dropout']:g}; {found['data']}\n"
        f"{found['device']}, {found['threads']} {'thread' if found['threads'] == 1 else 'threads'}, torch "
        f"{found['torch']}; medians (quartiles) of {len(found['rounds'])} rounds of {found['examples_per_round']} "
        "examples"
    )


def _spread(values: Mapping[str, Any], name: str, form: str) -> str:
    own = values[name]
    return f"{own['median']:{form}} ({own['q1']:{form}}-{own['q3']:{form}})"
