"""The peer's batches and model: padding counted by hand, and the loss that packed batches have."""

from typing import Any

import pytest
import torch

from ds_stilts.bench.clock import Meter
from ds_stilts.bench.padded import PaddedMultiTask, PaddingCollator, feature
from ds_stilts.data.batch import Masking
from ds_stilts.data.prefetch import Prefetch
from ds_stilts.data.steps import StepPlanner, TaskData, task_data
from ds_stilts.engine.objective import Objective
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Training
from tests import small

NLI = small.task("nli", labels=("a", "b", "c"))
CHOICE = small.task("choice", "multiple_choice", num_choices=2)
QA = small.task("qa", "span_qa")
TASKS = [CHOICE, NLI, QA]
BATCH = [("qa", 0), ("nli", 1), ("choice", 0), ("nli", 0)]


def data() -> dict[str, TaskData]:
    nli = small.prepared([[0, 5, 2], [0, 6, 7, 8, 2]], second=[0, 2], targets=[[2], [0]])
    choice = small.prepared([[0, 9, 2], [0, 4, 5, 6, 7, 2]], targets=[[1], []], per_item=2)
    qa = small.prepared([[0, 9, 8, 2]], rows=[[0, 1, 2]], targets=[[1, 2]])
    return {
        task.name: task_data(task, prepared, Training(steps=1), frozenset())
        for task, prepared in zip(TASKS, (choice, nli, qa), strict=True)
    }


def model(family: Any = small.xlmr) -> MultiTaskModel:
    torch.manual_seed(4)
    kinds = {"choice": ("choice", 1), "nli": ("classification", 3), "qa": ("span", 2)}
    heads = {name: build_head(kind, 32, width, 0.0) for name, (kind, width) in kinds.items()}
    for head in heads.values():  # large: what a head reads shows in the loss
        torch.nn.init.normal_(head.out_proj.weight)
    return MultiTaskModel(PackedEncoder(family().base_model), heads)


def collate(items: list[tuple[str, int]], *, with_types: bool = False) -> dict[str, Any]:
    return PaddingCollator(small.tokenizer(), with_types=with_types)([feature(item, data()) for item in items])


def packed_loss(whole: MultiTaskModel) -> float:
    class Once:
        """A mixture of one step."""

        names, num_steps, fewest = list(data()), 1, len(BATCH)

        def step(self, k: int) -> list[tuple[str, int]]:
            return BATCH

        def most_tokens(self, tokens: Any) -> int:
            return 0

    planner = StepPlanner(mixture=Once(), tasks=data(), world_size=1, micro_batch_tokens=99)  # type: ignore[arg-type]
    masking = Masking(seed=0, rate=0.15, special_ids=frozenset(), mask_id=0, vocabulary_size=0)
    made = Prefetch(planner, data(), masking, rank=0, steps=range(1), device=torch.device("cpu"))
    ((_, share, (batch,)),) = made
    made.close()
    return Objective(whole, TASKS)(batch, share.coefficients)[0].item()


def test_a_batch_is_as_wide_as_its_longest_sequence() -> None:
    batch = collate(BATCH)
    assert batch["input_ids"].shape == (5, 6)
    assert batch["attention_mask"].sum(1).tolist() == [4, 5, 3, 6, 3]
    assert batch["tasks"]["nli"]["rows"].tolist() == [6, 24] and batch["tasks"]["nli"]["targets"].tolist() == [0, 2]
    assert batch["tasks"]["choice"]["rows"].tolist() == [12, 18]
    assert batch["tasks"]["qa"]["rows"].tolist() == [0, 1, 2]
    assert batch["shares"] == {"qa": 0.25, "nli": 0.5, "choice": 0.25}


def test_the_meter_counts_real_tokens_and_padding() -> None:
    whole = PaddedMultiTask(model(), TASKS)
    meter = Meter(whole.encoder)
    whole(**collate(BATCH))
    assert meter.take() == (4 + 5 + 3 + 6 + 3, 5 * 6)
    assert meter.take() == (0, 0)

    packed = model()
    meter = Meter(packed.encoder.hf)
    packed_loss(packed)
    assert meter.take() == (21, 21)


@pytest.mark.parametrize("family", [small.xlmr, small.bert])
def test_padded_and_packed_batches_have_the_same_loss(family: Any) -> None:
    expected = packed_loss(model(family))
    batch = collate(BATCH, with_types=family is small.bert)
    whole = PaddedMultiTask(model(family), TASKS)
    assert whole(**batch)["loss"].item() == pytest.approx(expected, abs=1e-6)

    seen = {**batch, "attention_mask": torch.ones_like(batch["attention_mask"])}
    assert abs(whole(**seen)["loss"].item() - expected) > 1e-3  # padding that is seen would show
