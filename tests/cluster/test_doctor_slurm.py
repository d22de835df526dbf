"""`ds-stilts doctor` beside a real Slurm: what it says of a healthy one, and of a controller that is not there."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.cluster.racks import Rack

ASK = """
import json
from dataclasses import asdict
from ds_stilts.doctor.slurm import check_slurm
print(json.dumps([asdict(finding) for finding in check_slurm()]))
"""


def check(rack: Rack, **variables: str) -> list[dict[str, Any]]:
    return json.loads(rack.ask("head", sys.executable, "-c", ASK, env=variables, timeout_s=60))


def test_a_real_slurm_is_up_with_its_nodes_and_gpus(slurm: Rack) -> None:
    controller, nodes = check(slurm)
    assert (controller["verdict"], nodes["verdict"]) == ("ok", "ok")
    assert controller["found"].endswith(" is UP")
    assert "2 idle with gpu" in nodes["found"]


def test_a_controller_that_does_not_answer_fails_in_time(slurm: Rack, tmp_path: Path) -> None:
    real = slurm.ask("head", "cat", "/etc/slurm/slurm.conf")
    wrong = tmp_path / "slurm.conf"
    wrong.write_text("\n".join(line for line in real.splitlines() if "Port" not in line) + "\nSlurmctldPort=9\n")
    (found,) = check(slurm, SLURM_CONF=str(wrong))
    assert found["verdict"] == "fail" and "DOWN" in found["found"]
    assert "slurmctld" in found["remedy"]
