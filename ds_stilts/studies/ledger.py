"""What a stage really used, as `ledger.json` beside it: tokens, FLOPs, time, energy. Read from what the stage left.

Training FLOPs follow the rule of `studies.budget`; scoring does the forward pass only, 2 · N · tokens.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ds_stilts.recipe import Recipe
from ds_stilts.studies.budget import FORWARD, PhaseCost, phase_costs
from ds_stilts.studies.store import PHASE, read_json, write_json

NAME = "ledger.json"
SUMMED = (
    "steps",
    "examples",
    "tokens",
    "flops",
    "scored_examples",
    "scored_tokens",
    "scoring_flops",
    "device_s",
    "energy_j",
)


def write_ledger(
    folder: Path, recipe: Recipe, *, where: str, ranks: int, workers: int, energy_j: float | None, source: str | None
) -> dict[str, Any]:
    """Write the ledger of a stage that is done.

    Args:
        folder: the stage's.
        where: key in the recipe of the phase whose model it trains or scores, e.g. "arms.qa"; "" where there is none.
        ranks: that worked on it.
        workers: stages that were worked on side by side, of which this one is charged an equal share of the energy.
        energy_j: what the whole machine used in that time; None: not known, or not all of it.
        source: of the energy, e.g. "RAPL".
    """
    phase = read_json(folder / "model" / PHASE) or read_json(folder / PHASE)
    cost = phase_costs(recipe, ranks).get(where)
    scored = _scored(folder)
    wall_s = float(read_json(folder / "DONE").get("wall_s", 0.0))
    drawn = phase.get("drawn", {"items": 0, "tokens": 0})
    trains = bool(phase)
    values = {
        "steps": _steps(folder, phase) if trains else 0,
        "examples": drawn["items"],
        "tokens": drawn["tokens"],
        "parameters": cost.parameters if cost else None,
        "active_parameters": cost.active_parameters if cost else None,
        "flops": _flops(cost, drawn["tokens"]) if trains else 0.0,
        "scored_examples": scored["examples"],
        "scored_tokens": scored["tokens"],
        "scoring_flops": _scoring_flops(recipe, cost, ranks, scored["tokens"]),
        "wall_s": wall_s,
        "devices": ranks,
        "device_s": round(wall_s * ranks, 1),
        "starts": int(read_json(folder / "entry.json").get("starts", 1)),
        "energy_j": None if energy_j is None else round(energy_j / workers, 1),
        "energy_from": source,
        "workers": workers,
    }
    write_json(folder / NAME, values)
    return values


def read_ledger(folder: Path) -> dict[str, Any]:
    """The ledger of a stage; {} where there is none."""
    return read_json(folder / NAME)


def summed(ledgers: Iterable[dict[str, Any]]) -> dict[str, float | None]:
    """Totals over stages; energy is None if it is not known of one of them."""
    found = list(ledgers)
    totals: dict[str, float | None] = {}
    for key in SUMMED:
        values = [ledger.get(key) for ledger in found]
        totals[key] = None if any(value is None for value in values) else sum(values)  # type: ignore[arg-type]
    return totals


def _steps(folder: Path, phase: dict[str, Any]) -> int:
    """Optimizer steps that were taken, those after the best one included."""
    return int((phase.get("validation") or {}).get("stopped") or phase.get("steps", 0))


def _flops(cost: PhaseCost | None, tokens: int) -> float | None:
    return None if cost is None else float(cost.operations * cost.active_parameters * tokens)


def _scoring_flops(recipe: Recipe, cost: PhaseCost | None, ranks: int, tokens: int) -> float | None:
    """Of a target that is only searched the encoder is that of any other phase."""
    if not tokens:
        return 0.0
    active = cost.active_parameters if cost else _encoder(recipe)
    return None if active is None else float(FORWARD * active * tokens)


def _encoder(recipe: Recipe) -> int | None:
    from ds_stilts.errors import CheckpointError
    from ds_stilts.planning.start_model import start_shape

    try:
        shape, _ = start_shape(recipe)
    except CheckpointError:
        return None
    return sum(weight.numel for weight in shape.weights if weight.part != "embeddings")


def _scored(folder: Path) -> dict[str, int]:
    """Examples and tokens of the prediction rows."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    examples = tokens = 0
    for path in sorted((folder / "predictions").glob("*.parquet")):
        column = pq.read_table(path, columns=["tokens"]).column("tokens")
        examples, tokens = examples + len(column), tokens + int(pc.sum(column).as_py() or 0)
    return {"examples": examples, "tokens": tokens}
