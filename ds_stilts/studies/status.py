"""How far a study is: stages by state, budgets as used, runs that collapsed. Reads the study's folder only."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ds_stilts.cluster.lock import NAME as LOCK
from ds_stilts.engine.telemetry import duration
from ds_stilts.errors import DataError
from ds_stilts.studies.budget import mismatch
from ds_stilts.studies.cells import all_cells, read_study, stage_folders, used_amounts
from ds_stilts.studies.collapse import collapsed
from ds_stilts.studies.ledger import read_ledger, summed
from ds_stilts.studies.lock import changes_since, read_lock
from ds_stilts.studies.store import read_json
from ds_stilts.studies.study import Study

FAILED = "failed"


def num_scored(folder: Path) -> int:
    """How many targets in a study's folder have scores."""
    return len(list(folder.glob("runs/*/*/targets/*/*/scores.json")))


def study_status(folder: Path) -> dict[str, Any]:
    """The state of a study as a value for JSON.

    Raises:
        DataError: the folder holds no study.
    """
    study = read_study(folder)
    failures = [read_json(path) for path in sorted((folder / FAILED).glob("*.json"))]
    states = stage_states(study, folder)
    lock = read_lock(folder)
    ledgers = [read_ledger(place) for place, state in states.items() if state == "done"]
    return {
        "study": study.study,
        "size": study.size,
        "stages": dict(Counter(states.values())),
        "arms": _by_arm(study, folder),
        "lock": None if lock is None else {"hash": lock["hash"], "locked": lock["locked"],
                                           "changed": changes_since(lock, study)},
        "budget": _budget(study, folder),
        "used": summed([ledger for ledger in ledgers if ledger]),
        "failures": failures,
        **_looked_at(study, folder),
    }  # fmt: skip


def _looked_at(study: Study, folder: Path) -> dict[str, list[dict[str, str]]]:
    """Scored cells that collapsed, and those that cannot be read."""
    found: dict[str, list[dict[str, str]]] = {"collapsed": [], "damaged": []}
    for cell in all_cells(study, folder):
        what = {"arm": cell.arm, "target": cell.target, "seed": cell.seed.label}
        try:
            why = collapsed(cell.folder) if cell.is_done else None
        except DataError as error:
            found["damaged"].append({**what, "why": str(error)})
            continue
        if why:
            found["collapsed"].append({**what, "why": why})
    return found


def stage_states(study: Study, folder: Path) -> dict[Path, str]:
    """ "done", "failed", "at work" or "waiting", by the stored folder of each stage."""
    return {place.resolve(): _state(place, folder) for _, _, place in stage_folders(study, folder)}


def _state(place: Path, folder: Path) -> str:
    if (place / "DONE").is_file():
        return "done"
    if (folder / FAILED / f"{place.resolve().name}.json").is_file():
        return "failed"
    return "at work" if (place / LOCK).is_file() else "waiting"


def _by_arm(study: Study, folder: Path) -> dict[str, str]:
    cells = all_cells(study, folder)
    return {
        arm: f"{sum(cell.is_done for cell in cells if cell.arm == arm)} of "
        f"{sum(cell.arm == arm for cell in cells)} targets scored"
        for arm in study.arms
    }


def _budget(study: Study, folder: Path) -> dict[str, Any] | None:
    if study.budget is None:
        return None
    amounts = used_amounts(study, folder, study.budget)
    return {
        "match": study.budget.match,
        "used": amounts,
        "known": all(amount is not None for amount in amounts.values()),
        "mismatch": mismatch(amounts, study.budget),
    }


def status_text(status: Mapping[str, Any]) -> str:
    """The status as text for people."""
    stages, budget, lock = status["stages"], status["budget"], status["lock"]
    lines = [
        f"{status['study']} ({status['size']}): " + ", ".join(f"{count} {state}" for state, count in stages.items()),
        *(f"  {arm}: {text}" for arm, text in status["arms"].items()),
    ]
    if lock is None:
        lines.append("not locked: its hypotheses were not frozen before it ran")
    else:
        changed = f"; changed since: {lock['changed']}" if lock["changed"] else ""
        lines.append(f"locked on {lock['locked']} ({lock['hash'][:16]}){changed}")
    if budget:
        used = ", ".join(f"{arm} {'?' if amount is None else f'{amount:,}'}" for arm, amount in budget["used"].items())
        lines.append(f"{budget['match']} used: {used}")
        if budget["mismatch"]:
            most, least, share = budget["mismatch"]
            lines.append(f"warning: {most} used {share:.1%} more than {least}; they are not comparable")
    spent = status["used"]
    if spent["device_s"]:
        energy = f", {spent['energy_j'] / 3.6e6:.3f} kWh" if spent["energy_j"] else ""
        flops = f"{(spent['flops'] or 0) + (spent['scoring_flops'] or 0):.2e}"
        lines.append(
            f"so far {duration(spent['device_s'])} of devices, {spent['tokens']:,} tokens, {flops} FLOPs{energy}"
        )
    lines += [f"failed: {one['stage']} of {one['run']}: {one['message']}" for one in status["failures"]]
    lines += [
        f"{kind}: {one['arm']}, {one['target']}, seed {one['seed']}: {one['why']}"
        for kind in ("damaged", "collapsed")
        for one in status[kind]
    ]
    return "\n".join(lines)
