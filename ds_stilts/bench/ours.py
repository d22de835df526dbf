"""Our own ways: packed batches in a plain loop, and in the very loop of a run, through DeepSpeed."""

import json
from functools import partial

import torch

from ds_stilts.bench.clock import Measured, Meter, Stopwatch
from ds_stilts.bench.job import Job
from ds_stilts.bench.model import TRAINING, Rig
from ds_stilts.bench.slices import Batch, Slices
from ds_stilts.bench.variants import Dtype, Variant, dtype_of
from ds_stilts.data.batch import Masking
from ds_stilts.data.prefetch import Prefetch
from ds_stilts.data.steps import StepPlanner
from ds_stilts.engine.deepspeed_engine import load_engine_config, training_engine
from ds_stilts.engine.layers import prepare_layers
from ds_stilts.engine.loop import train
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.optimizer import build_optimizer
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.models.attention_choice import choose_attention

_MASKING = Masking(seed=0, rate=TRAINING.masking, special_ids=frozenset(), mask_id=0, vocabulary_size=0)
"""For masked language modelling, which none of the tasks is."""


class _Packed:
    """What both ways share: the objective, and batches that are made ahead of their steps."""

    def __init__(self, job: Job, rig: Rig, variant: Variant) -> None:
        self._job, self._rig, self._dtype = job, rig, dtype_of(variant, job.dtype)
        self._slices = Slices(job, rig.data)
        encoder = rig.model.encoder
        way = choose_attention(
            variant.attention,
            device=rig.device,
            dtype=torch.bfloat16 if self._dtype == "bf16" else torch.float32,
            width=encoder.head_width,
            dropout=job.dropout,
        )
        # The loss is compared in fp32 first, in which a GPU's fastest ways do not work.
        self._before_training = partial(encoder.attend_by, way)
        self._objective = Objective(rig.model, rig.tasks).to(rig.device)
        if variant.compiled:
            prepare_layers(self._objective, TRAINING.model_copy(update={"compile": "layers"}))
        self._meter = Meter(rig.model.encoder.hf)

    def loss(self, batch: Batch) -> float:
        """Of a batch in fp32, without dropout and without training on it; before the first round."""
        self._objective.eval()
        made = self._prefetch(self._slices.planner([batch]))
        try:
            with torch.no_grad():
                ((_, share, (packed,)),) = made
                value = float(self._objective(packed.to(self._rig.device), share.coefficients)[0])
        finally:
            made.close()
        self._meter.take()
        return value

    def _prefetch(self, planner: StepPlanner, num_steps: int = 1) -> Prefetch:
        steps, device = range(num_steps), self._rig.device
        return Prefetch(planner, self._rig.data, _MASKING, rank=0, steps=steps, device=device)

    def _measured(self, batches: list[Batch], watch: Stopwatch) -> Measured:
        tokens, slots = self._meter.take()
        return Measured(
            steps=len(batches),
            tokens=tokens,
            slots=slots,
            seconds=watch.seconds,
            wall_s=watch.wall_s,
            wait_s=watch.wait_s,
        )


class PlainWay(_Packed):
    """Nothing but PyTorch around the objective. In bf16, weights and gradients are stepped through fp32 copies, as
    DeepSpeed does it."""

    def __init__(self, job: Job, rig: Rig, variant: Variant) -> None:
        super().__init__(job, rig, variant)
        self._masters: _Masters | None = None

    def round(self, batches: list[Batch]) -> Measured:
        """Train on these batches."""
        if self._masters is None:
            self._before_training()
            self._masters = _Masters(self._objective, self._dtype)
        watch = Stopwatch(self._job.clock, self._rig.device)
        planner = self._slices.planner(batches)
        self._objective.train()
        with watch.running():
            made = self._prefetch(planner, len(batches))
            ahead = iter(made)
            try:
                for _ in batches:
                    with watch.waiting():
                        _, share, (packed,) = next(ahead)
                    loss, _ = self._objective(packed.to(self._rig.device), share.coefficients)
                    loss.backward()
                    self._masters.step()
            finally:
                made.close()
        return self._measured(batches, watch)


class _Masters:
    """The optimizer of the plain loop. In bf16 it steps fp32 copies of the weights, which are then rounded."""

    def __init__(self, objective: Objective, dtype: Dtype) -> None:
        self._optimizer = build_optimizer(objective, TRAINING)
        self._weights = [p for group in self._optimizer.param_groups for p in group["params"]]
        self._copies = self._weights
        if dtype == "bf16":
            for group in self._optimizer.param_groups:
                group["params"] = [torch.nn.Parameter(p.detach().clone()) for p in group["params"]]
            self._copies = [p for group in self._optimizer.param_groups for p in group["params"]]
            objective.to(torch.bfloat16)

    def step(self) -> None:
        """Clip the gradients, step, and forget them."""
        if self._copies is not self._weights:
            for copy, weight in zip(self._copies, self._weights, strict=True):
                copy.grad, weight.grad = weight.grad.float() if weight.grad is not None else None, None
        torch.nn.utils.clip_grad_norm_(self._copies, TRAINING.clip)
        self._optimizer.step()
        self._optimizer.zero_grad()
        if self._copies is not self._weights:
            with torch.no_grad():
                torch._foreach_copy_(self._weights, self._copies)


class EngineWay(_Packed):
    """The loop of `ds-stilts run`, with its guard, log and stop flag, on one rank under ZeRO-2."""

    def __init__(self, job: Job, rig: Rig, variant: Variant) -> None:
        self._world = World.join()
        super().__init__(job, rig, variant)
        self._config = load_engine_config(f"zero2_{self._dtype}")
        self._folder = job.scratch / f"engine-{self._dtype}"
        self._stop = StopSource(self._world, self._folder)
        self._engine = None
        self._number = 0

    def round(self, batches: list[Batch]) -> Measured:
        """Train on these batches."""
        if self._engine is None:
            self._before_training()
            steps = (self._job.rounds + 1) * self._job.steps
            self._engine = training_engine(self._objective, self._config, TRAINING, num_steps=steps, accumulation=1)
        self._number += 1
        folder = self._folder / str(self._number)
        watch = Stopwatch(self._job.clock, self._rig.device)
        planner = self._slices.planner(batches)
        # What a phase does once, before its first step, would weigh a hundred times what it does in a run.
        first = self._objective.register_forward_pre_hook(lambda *_: first_step())

        def first_step() -> None:
            first.remove()
            watch.start()

        train(
            self._engine,
            planner,
            self._rig.data,
            TRAINING,
            _MASKING,
            num_steps=len(batches),
            phase="bench",
            fingerprint="",
            zero_stage=self._config.zero_stage,
            folder=folder,
            world=self._world,
            stop=self._stop,
        )
        watch.stop()
        lines = (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        watch.wait_s = sum(json.loads(line)["data_wait_s"] for line in lines)
        return self._measured(batches, watch)
