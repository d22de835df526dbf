"""The matrix of ZeRO stages, precisions and offloading, each cell a world of two ranks against plain PyTorch.

Used by `test_matrix.py`, and by `benchmarks/parity_matrix.py`, which writes the table in docs/parity.md. A model enters
the matrix with an entry in `SUBJECTS`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from ds_stilts.data.batch import training_batch
from ds_stilts.data.steps import TaskData
from ds_stilts.engine.deepspeed_engine import EngineConfig, load_engine_config, training_engine
from ds_stilts.engine.export import full_parameters
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.world import World
from ds_stilts.errors import RecipeError
from ds_stilts.recipe import Training
from tests.distributed import plain, tiny, tiny_mt5
from tests.distributed.worlds import run_world

RANKS = 2
LR = 5e-3
"""Steps large enough that training moves the losses far more than bf16 rounds them."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A model with its tasks, and the plain training that engines are held against."""

    title: str
    training: Training
    """Recipe of the steps; its learning rate is `LR`."""
    objective: Callable[[], nn.Module]
    """What the engine trains; the same weights at every call."""
    data: Callable[[], dict[str, TaskData]]
    plain: Callable[[], plain.PlainRun]
    bf16_tolerance: float
    """Largest difference of a step's loss from plain fp32 training that rounding explains: four standard deviations.

    bf16 keeps 8 bits, so one rounding is off by up to 2^-8, 1.7e-3 in the root mean square. A logit goes through about
    ten (embedding, each sum with the residual, last norm, output weight, the logit itself), which makes sqrt(10) *
    1.7e-3 = 5.3e-3 of its size. A row's cross entropy is off by sqrt(2) of that, for its own logit and for the mean of
    all, and a step's loss, a mean over rows, by 7.5e-3 * size / sqrt(rows).
    """


SUBJECTS = {
    "xlmr": Subject(
        title="XLM-R, 2 layers of 32, all formats",
        training=tiny.TRAINING.model_copy(update={"lr": LR}),
        objective=lambda: Objective(tiny.model(tiny.masked_lm()), tiny.TASKS),
        data=tiny.data,
        plain=lambda: plain.plain_run(LR),
        bf16_tolerance=8e-4,  # logits of 0.15 in the root mean square, 33 rows a step
    ),
    "mt5": Subject(
        title="mT5, 2 and 2 layers of 32, text-to-text",
        training=tiny_mt5.TRAINING.model_copy(update={"lr": LR}),
        objective=tiny_mt5.text_objective,
        data=tiny_mt5.text_data,
        plain=lambda: tiny_mt5.plain_text(LR),
        bf16_tolerance=1e-2,  # logits of 1.7, 24 target tokens a step
    ),
}


@dataclass(frozen=True)
class Cell:
    """One way to train."""

    config: str
    """A shipped DeepSpeed configuration, without its precision."""
    dtype: str
    """"fp32" or "bf16"."""

    @property
    def name(self) -> str:
        return f"{self.config}_{self.dtype}"

    def engine_config(self) -> EngineConfig:
        """The shipped file of this name; where there is only the bf16 one, that one in this cell's precision."""
        try:
            shipped = load_engine_config(self.name)
        except RecipeError:
            shipped = load_engine_config(f"{self.config}_bf16")
        zero = dict(shipped.zero)
        if shipped.zero_stage == 3:
            # All of these models fit into what the shipped files keep gathered, and nothing would ever be let go.
            letting_go = load_engine_config("zero3_release_fp32").zero
            zero.update({key: value for key, value in letting_go.items() if key.startswith("stage3_")})
        values = {**shipped.values, "zero_optimization": zero, "bf16": {"enabled": self.dtype == "bf16"}}
        return replace(shipped, name=self.name, values=values)


_CONFIGS = ("zero0", "zero1", "zero2", "zero3", "zero2_offload", "zero3_offload", "zero3_offload_params", "zero3_hpz")
CELLS = [Cell(config, dtype) for config in _CONFIGS for dtype in ("fp32", "bf16")]

CI_CELLS = {
    "xlmr": [
        Cell("zero0", "fp32"),
        Cell("zero0", "bf16"),
        Cell("zero2", "bf16"),
        Cell("zero2_offload", "fp32"),
        Cell("zero3_offload_params", "bf16"),
    ],
    "mt5": [Cell("zero0", "bf16"), Cell("zero3_hpz", "bf16")],
}
"""What every test run trains, by subject; the stages 1 to 3 in fp32 without offloading are held tighter in
`test_parity.py` and `test_mt5.py`."""

FP32_TOLERANCE = 1e-5
"""Largest difference of a step's loss from plain fp32 training: sums in another order; 1e-6 was measured."""


def tolerance(subject: str, cell: Cell) -> float:
    """Largest difference of a step's loss from plain fp32 training."""
    return FP32_TOLERANCE if cell.dtype == "fp32" else SUBJECTS[subject].bf16_tolerance


@dataclass(frozen=True)
class Outcome:
    """How far a cell is from plain PyTorch in fp32, and what its ranks kept of the parameters."""

    losses: float
    """Largest difference of a step's loss."""
    parameters: float
    """Largest difference of a parameter after the last step."""
    moved: float
    """Largest difference that the training made to a step's loss: what `losses` must be far below."""
    released: int
    """Parameters of which a rank held only its partition between a forward and its backward pass."""
    doubled: int
    """Those of them that had hpZ's second partition."""


def run_cell(subject: str, cell: Cell) -> Outcome:
    """Train in a world of two ranks and compare."""
    results = run_world(RANKS, train_cell, subject, cell.config, cell.dtype)
    expected = SUBJECTS[subject].plain()
    trained = results[0]["parameters"]
    assert trained.keys() == expected.parameters.keys()
    losses = np.sum([result["losses"] for result in results], axis=0)
    return Outcome(
        losses=float(np.abs(losses - expected.losses).max()),
        parameters=max(float(np.abs(trained[n] - value).max()) for n, value in expected.parameters.items()),
        moved=float(np.abs(np.subtract(expected.untrained, expected.losses)).max()),
        released=min(result["released"] for result in results),
        doubled=min(result["doubled"] for result in results),
    )


def train_cell(world: World, subject: str, config: str, dtype: str) -> dict[str, Any]:
    """One rank: its part of each step's loss, (rank 0) the final parameters, and what was kept of them."""
    chosen = SUBJECTS[subject]
    tasks = chosen.data()
    planner = tiny.planner(tasks, world.size, chosen.training)
    objective = chosen.objective()
    engine = training_engine(
        objective,
        Cell(config, dtype).engine_config(),
        chosen.training,
        num_steps=plain.STEPS,
        accumulation=planner.accumulation,
    )
    losses = []
    for step in range(plain.STEPS):
        share = planner.share(step, world.rank)
        losses.append(0.0)
        for slots in share.micro_batches:
            loss, _ = engine(training_batch(slots, tasks, step, tiny.MASKING), share.coefficients)
            released = [p for p in objective.parameters() if hasattr(p, "ds_tensor") and p.numel() == 0]
            doubled = [p for p in released if p.ds_secondary_tensor is not None]
            engine.backward(loss * (world.size * planner.accumulation))
            engine.step()
            losses[-1] += float(loss.detach())
    parameters = {name: tensor.numpy() for name, tensor in full_parameters(objective, world).items()}
    return {"losses": losses, "parameters": parameters, "released": len(released), "doubled": len(doubled)}
