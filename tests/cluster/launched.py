"""A short training on several hosts, whose final weights do not depend on how its ranks were started."""

import hashlib
from pathlib import Path

RECIPE = """
name: launched
seed: 3
data: {{synthetic: {{preset: tiny}}}}
start:
  architecture: {{hidden_size: 32, layers: 2, heads: 2, intermediate_size: 64, max_tokens: 128}}
  oracle: {{sigma: 0.3}}
arms:
  qa:
    tasks: {{synth_qa: {{max_examples: 60}}, synth_nli: {{max_examples: 60}}}}
    mixing: uniform
    steps: {steps}
    batch_examples: 8
    micro_batch_tokens: 400
    lr: 1.0e-3
    log_every: 1
    checkpoint_every: {checkpoint_every}
targets: {{}}
engine: {{config: zero2_fp32, processes: 2, hang_timeout_s: {hang_timeout_s}}}
"""
STAGE = "arms/qa"


def write_recipe(path: Path, *, steps: int = 12, checkpoint_every: int = 4, hang_timeout_s: int = 60) -> Path:
    """The recipe, written to a file."""
    text = RECIPE.format(steps=steps, checkpoint_every=checkpoint_every, hang_timeout_s=hang_timeout_s)
    path.write_text(text)
    return path


def weights(run: Path) -> dict[str, str]:
    """Checksum of each file of final weights of the run's last stage; empty if there are none."""
    model = run / STAGE / "model"
    files = sorted(model.glob("*.safetensors"))
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def is_done(run: Path) -> bool:
    """Whether the last stage has left its marker."""
    return (run / STAGE / "DONE").is_file()
