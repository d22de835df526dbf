"""Scaling over nodes: how ranks are started where, what is made of their logs, and one whole measurement."""

import json
import sys
from pathlib import Path

import pytest

from ds_stilts.bench import scaling
from ds_stilts.bench.scaling import Fleet, run_scaling
from ds_stilts.errors import ClusterError, RecipeError
from tests.small import tokenizer


def test_ranks_are_started_where_we_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    here = Fleet(ranks_per_node=2)
    assert here.kind == "processes of this machine"
    assert here.command(2, ["r.yaml", "--out", "x"])[-6:] == ["run", "r.yaml", "--out", "x", "--processes", "4"]
    over_ssh = Fleet(hostfile=Path("hosts"), ranks_per_node=8)
    command = over_ssh.command(4, ["r.yaml"])
    assert command[:7] == ["deepspeed", "--hostfile", "hosts", "--num_nodes", "4", "--num_gpus", "8"]
    assert command[-4:] == ["--module", "ds_stilts.train", "--recipe", "r.yaml"]
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    command = here.command(4, ["r.yaml"])
    assert command[0] == "srun" and {"--nodes=4", "--ntasks=8", "--ntasks-per-node=2"} <= set(command)
    assert command[-5:] == [sys.executable, "-m", "ds_stilts.train", "--recipe", "r.yaml"]


def test_rates_leave_out_the_steps_in_which_ranks_warm_up(tmp_path: Path) -> None:
    rows = [(1, 9.0, 1.0), (5, 10.0, 40.0), (10, 12.0, 50.0), (15, 13.0, 100.0)]
    lines = [json.dumps({"step": s, "elapsed_s": at, "tokens_per_s": rate}) for s, at, rate in rows]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines))
    found = scaling._rates(tmp_path / "metrics.jsonl")
    assert found.step_s == pytest.approx(3.0 / 10)
    assert found.tokens_per_s == pytest.approx((2 * 50 + 1 * 100) / 3)


def test_a_run_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match=r"the run '1-alone' ended with 3: no such thing"):
        scaling._run(["bash", "-c", "echo no such thing >&2; exit 3"], "1-alone")


def test_only_shapes_are_measured(tmp_path: Path) -> None:
    options = {"data_root": None, "nodes": [1], "fleet": Fleet(), "batch": 8, "config": "zero2_fp32"}
    with pytest.raises(RecipeError, match="scaling is measured on a shape, LAYERSxWIDTH"):
        run_scaling(model=str(tmp_path), link_gbps=None, out=tmp_path, progress=print, **options)  # type: ignore[arg-type]


def test_weak_scaling_gives_every_node_what_one_of_the_first_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = []

    def note(command: list[str], name: str) -> None:
        started.append((name, json.loads(Path(command[-5]).read_text())["arms"]["mixed"]["batch_examples"]))
        if name == "3-weak":
            raise ClusterError("enough")

    options = {"data_root": None, "nodes": [2, 3], "fleet": Fleet(), "config": "zero2_fp32", "link_gbps": None}
    # Made-up languages and their tokenizer take half a minute.
    monkeypatch.setattr(scaling, "data_folder", lambda _: (tmp_path, scaling.MADE_UP, "made up"))
    monkeypatch.setattr(scaling, "make_tokenizer", lambda *_: tokenizer())
    monkeypatch.setattr(scaling, "_run", note)
    monkeypatch.setattr(scaling, "_rates", lambda log: scaling._Measured(step_s=1.0, tokens_per_s=1.0))
    with pytest.raises(ClusterError, match="enough"):
        run_scaling(model="1x64", batch=8, out=tmp_path, progress=print, **options)  # type: ignore[arg-type]
    assert started == [("2-alone", 8), ("3-weak", 12)]
    with pytest.raises(RecipeError, match=r"--batch 7: where 2 nodes share .* 3 would have 10\.5 .* multiple of 2"):
        run_scaling(model="1x64", batch=7, out=tmp_path, progress=print, **options)  # type: ignore[arg-type]


@pytest.mark.slow
def test_one_and_two_ranks_are_measured_and_their_bytes_are_the_formulas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    found = run_scaling(
        model="2x64",
        data_root=None,
        nodes=[1, 2],
        fleet=Fleet(),
        batch=8,
        config="zero2_fp32",
        link_gbps=1.0,
        out=tmp_path,
        progress=print,
    )
    assert [(row["nodes"], row["mode"], row["examples"]) for row in found["rows"]] == [
        (1, "alone", 8), (2, "weak", 16), (2, "strong", 8),
    ]  # fmt: skip
    assert all(row["tokens_per_s"] > 0 for row in found["rows"])
    assert all(0 <= row["waiting"] <= 1 and 0 < row["predicted"] < 1 for row in found["rows"][1:])
    assert found["communication"]["ratio"] == pytest.approx(1.0, rel=0.05)
