"""Strong and weak scaling: the same training on more and more nodes, started as its users start it.

Strong: a step has the same examples however many ranks share it. Weak: every rank has as many as one alone had. Beside
the measured share of time that ranks wait for each other stands the one that `planning.communication` predicts from the
rate of the link, and beside the bytes of DeepSpeed's communication log those of its formula.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from ds_stilts.bench.model import MAX_TOKENS, VOCABULARY, parse_shape, write_shape
from ds_stilts.bench.sources import MADE_UP, data_folder, make_tokenizer
from ds_stilts.engine.communication import NAME as COMMUNICATION
from ds_stilts.engine.deepspeed_engine import load_engine_config
from ds_stilts.engine.ds_config import on_gpu
from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.planning.communication import step_time, traffic
from ds_stilts.planning.machine import Machine
from ds_stilts.planning.zero import ZeroSetting, read_setting

STEPS, LOG_EVERY, LOGGED_STEPS = 25, 5, 4
_TIMEOUT_S = 3600
STAGE = "arms/mixed"


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """Where ranks are started."""

    hostfile: Path | None = None
    """Of the `deepspeed` launcher, over ssh; None: a Slurm allocation that we are in, or else this machine."""
    ranks_per_node: int = 1

    @property
    def kind(self) -> str:
        if self.hostfile:
            return "hosts over ssh"
        return "nodes of a Slurm job" if "SLURM_JOB_ID" in os.environ else "processes of this machine"

    def command(self, nodes: int, arguments: Sequence[str]) -> list[str]:
        """The command line that trains on so many nodes."""
        each = self.ranks_per_node
        if self.hostfile:
            launcher = [
                "deepspeed",
                "--hostfile",
                str(self.hostfile),
                "--num_nodes",
                str(nodes),
                "--num_gpus",
                str(each),
            ]
            return [*launcher, "--force_multi", "--module", "ds_stilts.train", "--recipe", *arguments]
        if "SLURM_JOB_ID" in os.environ:
            spread = [f"--nodes={nodes}", f"--ntasks={nodes * each}", f"--ntasks-per-node={each}"]
            step = ["srun", "--kill-on-bad-exit=1", "--mpi=none", *spread]
            return [*step, sys.executable, "-m", "ds_stilts.train", "--recipe", *arguments]
        return [sys.executable, "-m", "ds_stilts", "run", *arguments, "--processes", str(nodes * each)]


@dataclass(frozen=True, kw_only=True)
class _Measured:
    step_s: float
    tokens_per_s: float


def run_scaling(
    *,
    model: str,
    data_root: Path | None,
    nodes: Sequence[int],
    fleet: Fleet,
    batch: int,
    config: str,
    link_gbps: float | None,
    out: Path,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Measure.

    Args:
        model: a shape like "4x256".
        data_root: folder with the official files; None: made-up languages.
        nodes: e.g. (1, 2, 4); the first is what the others are compared with.
        batch: examples in a step of the first.
        config: DeepSpeed configuration.
        link_gbps: of a node, in 10^9 bits a second; None: nothing is predicted.
        out: gets a run folder for each measurement; on a file system that all nodes share.

    Returns:
        JSON-able: "rows" (one for each number of nodes and mode) and "communication" (bytes of a step and rank).

    Raises:
        RecipeError: a shape that cannot be read, or a batch of which some nodes' share is no whole number.
        ClusterError: a run failed; its last words.
    """
    architecture = parse_shape(model)
    if architecture is None:
        raise RecipeError(f"--model '{model}': scaling is measured on a shape, LAYERSxWIDTH, e.g. 4x256")
    odd = next((count for count in nodes if batch * count % nodes[0]), None)
    if odd:
        raise RecipeError(
            f"--batch {batch}: where {nodes[0]} nodes share a step of {batch} examples, {odd} would have "
            f"{batch * odd / nodes[0]:g} of them in weak scaling; give a multiple of {nodes[0]}"
        )
    engine = load_engine_config(config)
    root, shares, told = data_folder(data_root)
    out = out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    progress("making a tokenizer")
    write_shape(out / "model", architecture, make_tokenizer(root, shares, VOCABULARY, MAX_TOKENS))
    setting = read_setting(engine.values, fleet.ranks_per_node)

    def measure(name: str, count: int, examples: int, values: dict[str, Any], steps: int) -> Path:
        progress(f"{name}: {count * fleet.ranks_per_node} ranks on {count} nodes, {examples} examples a step")
        (out / f"{name}.json").write_text(json.dumps(values))
        recipe = out / f"{name}.yaml"
        recipe.write_text(json.dumps(_recipe(out, root, shares, examples, steps, out / f"{name}.json")))
        _run(fleet.command(count, [str(recipe), "--out", str(out / name)]), name)
        return out / name / STAGE

    rows: list[dict[str, Any]] = []
    first: _Measured | None = None
    for count in nodes:
        for mode in ("weak", "strong") if count != nodes[0] else ("alone",):
            examples = batch * count // nodes[0] if mode == "weak" else batch
            folder = measure(f"{count}-{mode}", count, examples, engine.values, STEPS)
            found = _rates(folder / "metrics.jsonl")
            first = first or found
            rows.append(
                {
                    "nodes": count,
                    "ranks": count * fleet.ranks_per_node,
                    "mode": mode,
                    "examples": examples,
                    "step_s": found.step_s,
                    "tokens_per_s": found.tokens_per_s,
                    "speed_up": found.tokens_per_s / first.tokens_per_s,
                    "efficiency": found.tokens_per_s / first.tokens_per_s * nodes[0] / count,
                }
            )
    most = nodes[-1]
    counted = {**engine.values, "comms_logger": {"enabled": True, "verbose": False, "prof_all": True, "debug": False}}
    folder = measure(f"{most}-logged", most, batch, counted, LOGGED_STEPS)
    parameters = _parameters(folder / "model")
    communication = _communication(folder, setting, parameters, Machine(nodes=most, gpus=fleet.ranks_per_node))
    assert first is not None
    for row in rows[1:]:
        compute_s = first.step_s * (1.0 if row["mode"] == "weak" else nodes[0] / row["nodes"])
        row["waiting"] = max(0.0, 1 - compute_s / row["step_s"])
        if link_gbps is not None:
            sent = traffic(setting, parameters, Machine(nodes=row["nodes"], gpus=fleet.ranks_per_node))
            link = link_gbps * 1e9 / 8
            hidden = None if on_gpu() else 0.0  # gloo's sums and a CPU's products take turns
            predicted = step_time(sent, setting, compute_s=compute_s, link_bytes_per_s=link, hidden_share=hidden)
            row["predicted"] = predicted.exposed_share
    return {
        "model": model,
        "data": told,
        "config": engine.name,
        "fleet": fleet.kind,
        "parameters": parameters,
        "link_gbps": link_gbps,
        "rows": rows,
        "communication": communication,
    }


def _recipe(out: Path, root: Path, shares: dict[str, float], batch: int, steps: int, config: Path) -> dict[str, Any]:
    """One arm on the mixture of `ds-stilts bench`; JSON is YAML."""
    return {
        "name": "scaling",
        "data": {"synthetic": {"preset": "tiny", "seed": 7}} if shares is MADE_UP else {"root": str(root)},
        "start": {"model": str(out / "model"), "random_init": True},
        "arms": {
            "mixed": {
                "tasks": {name: {"share": share} for name, share in shares.items()},
                "steps": steps,
                "batch_examples": batch,
                "micro_batch_tokens": 1 << 20,
                "schedule": "constant",
                "warmup": 0,
                "log_every": LOG_EVERY,
                "checkpoint_every": 1_000_000,
            }
        },
        "targets": {},
        "engine": {"config": str(config)},
    }


def _run(command: Sequence[str], name: str) -> None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise ClusterError(
            f"the run '{name}' did not end within {_TIMEOUT_S // 60} minutes; take a smaller --model or --batch"
        ) from None
    if answer.returncode:
        words = "\n".join(answer.stderr.strip().splitlines()[-5:])
        raise ClusterError(f"the run '{name}' ended with {answer.returncode}: {words}")


def _rates(log: Path) -> _Measured:
    """Over all log intervals but the first, in which ranks still warm up."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line["step"] >= LOG_EVERY]  # the first step has a line of its own
    seconds = [after["elapsed_s"] - before["elapsed_s"] for before, after in pairwise(lines)]
    tokens = sum(line["tokens_per_s"] * s for line, s in zip(lines[1:], seconds, strict=True))
    steps = lines[-1]["step"] - lines[0]["step"]
    return _Measured(step_s=sum(seconds) / steps, tokens_per_s=tokens / sum(seconds))


def _parameters(folder: Path) -> int:
    """Trained parameters: what the phase has left, heads included."""
    from safetensors import safe_open

    count = 0
    for path in folder.glob("*.safetensors"):
        with safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118  # no mapping
                size = 1
                for length in file.get_slice(name).get_shape():
                    size *= length
                count += size
    return count


def _communication(folder: Path, setting: ZeroSetting, parameters: int, machine: Machine) -> dict[str, Any]:
    """Bytes of a step and rank: as logged, and by the formula."""
    logged = json.loads((folder / COMMUNICATION).read_text(encoding="utf-8"))
    told = sum(kind["bytes"] for kind in logged["of_a_step"].values())
    formula = traffic(setting, parameters, machine).messages
    return {"ranks": machine.ranks, "logged_bytes": told, "formula_bytes": formula, "ratio": told / formula, **logged}
