"""The Hugging Face Trainer, as its users run it: its own loop, optimizer and data loader, nothing of ours around."""

from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments

from ds_stilts.bench.clock import Measured, Meter, Stopwatch
from ds_stilts.bench.job import Job
from ds_stilts.bench.model import TRAINING, Rig
from ds_stilts.bench.padded import Feature, PaddedMultiTask, PaddingCollator, feature
from ds_stilts.bench.slices import Batch
from ds_stilts.bench.variants import Dtype


class TrainerWay:
    """Trains on padded batches with one Trainer, whose optimizer goes on from round to round.

    Args:
        dtype: "bf16": mixed precision, as `bf16=True` means it.
    """

    def __init__(self, job: Job, rig: Rig, dtype: Dtype) -> None:
        self._job, self._rig = job, rig
        self._collate = PaddingCollator(rig.tokenizer, with_types=rig.model.encoder.reads_types)
        self._model = PaddedMultiTask(rig.model, rig.tasks).to(rig.device)
        self._meter = Meter(self._model.encoder)
        on_gpu = rig.device.type == "cuda"
        arguments = TrainingArguments(
            output_dir=str(job.scratch / "trainer"),
            num_train_epochs=1,
            per_device_train_batch_size=job.batch,
            learning_rate=TRAINING.lr,
            lr_scheduler_type="constant",
            weight_decay=TRAINING.weight_decay,
            max_grad_norm=TRAINING.clip,
            bf16=dtype == "bf16",
            use_cpu=not on_gpu,
            dataloader_num_workers=0,
            dataloader_pin_memory=on_gpu,
            remove_unused_columns=False,
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        )
        self._trainer = _Trainer(model=self._model, args=arguments, data_collator=self._collate)
        self._trainer.remove_callback(PrinterCallback)

    def loss(self, batch: Batch) -> float:
        """Of a batch in fp32, without dropout and without training on it."""
        self._model.eval()
        with torch.no_grad():
            inputs = self._trainer._prepare_inputs(self._collate([feature(item, self._rig.data) for item in batch]))
            value = float(self._model(**inputs)["loss"])
        self._meter.take()
        return value

    def round(self, batches: list[Batch]) -> Measured:
        """Train on these batches."""
        self._trainer.features = [[feature(item, self._rig.data) for item in batch] for batch in batches]
        watch = Stopwatch(self._job.clock, self._rig.device)
        self._trainer.watch = watch
        callback = _Timing(watch)
        self._trainer.add_callback(callback)
        self._trainer.train()
        self._trainer.remove_callback(callback)
        tokens, slots = self._meter.take()
        return Measured(
            steps=self._trainer.state.global_step,
            tokens=tokens,
            slots=slots,
            seconds=watch.seconds,
            wall_s=watch.wall_s,
            wait_s=watch.wait_s,
        )


class _Timing(TrainerCallback):
    """From before the first batch to after the last step: neither building nor the Trainer's farewell."""

    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch

    def on_epoch_begin(self, *_arguments: Any, **_state: Any) -> None:
        self._watch.start()

    def on_epoch_end(self, *_arguments: Any, **_state: Any) -> None:
        self._watch.stop()


class _Trainer(Trainer):
    """Batches as they are given; a sampler would draw its own."""

    features: list[list[Feature]]
    watch: Stopwatch

    def get_train_dataloader(self) -> Any:
        flat = [own for batch in self.features for own in batch]
        places = iter(range(len(flat)))
        loader = DataLoader(
            flat,
            batch_sampler=[[next(places) for _ in batch] for batch in self.features],
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )
        return self.accelerator.prepare(loader)

    def get_batch_samples(self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device) -> Any:
        with self.watch.waiting():
            return super().get_batch_samples(epoch_iterator, num_batches, device)
