"""What a configuration, a recipe and a machine cannot do together is told before any rank is started."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from ds_stilts.engine import fit
from ds_stilts.engine.fit import check_engine, check_machine, computes_bf16
from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.recipe import Recipe


def recipe(config: str, attention: str = "auto", **training: Any) -> Recipe:
    phase = {"tasks": {"synth_nli": {}}, "steps": 5, **training}
    return Recipe.model_validate(
        {
            "name": "fit", "start": {"model": "m"}, "engine": {"config": config, "attention": attention},
            "arms": {"none": None, "nli": phase}, "targets": {"synth_qa": {"steps": 5}},
        }
    )  # fmt: skip


@pytest.mark.parametrize(
    ("optimizer", "reason"), [("adafactor", "a mean for each row and column"), ("lamb", "the norm of that parameter")]
)
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_adafactor_and_lamb_are_refused_under_zero_with_the_reason(optimizer: str, reason: str, stage: int) -> None:
    with pytest.raises(
        RecipeError, match=rf"arms\.nli\.optimizer: {optimizer} needs ZeRO stage 0.* is stage {stage}"
    ) as e:
        check_engine(recipe(f"zero{stage}_fp32", optimizer=optimizer))
    assert reason in str(e.value) and "one flat partition a rank" in str(e.value)
    for config in ("zero0_fp32", "zero0_bf16"):
        assert check_engine(recipe(config, optimizer=optimizer)).zero_stage == 0


def test_compile_is_refused_at_stage_3_with_the_reason() -> None:
    with pytest.raises(
        RecipeError, match=r"arms\.nli\.compile: .*'zero3_fp32' is ZeRO stage 3, which fetches and releases"
    ):
        check_engine(recipe("zero3_fp32", compile="layers"))
    assert check_engine(recipe("zero2_fp32", compile="layers")).zero_stage == 2


def test_targets_and_pretraining_are_looked_at_too() -> None:
    whole = recipe("zero2_fp32")
    target = whole.targets["synth_qa"].model_copy(update={"optimizer": "lamb"})
    with pytest.raises(RecipeError, match=r"targets\.synth_qa\.optimizer: lamb"):
        check_engine(whole.model_copy(update={"targets": {"synth_qa": target}}))
    start = whole.start.model_copy(update={"pretrain": target})
    with pytest.raises(RecipeError, match=r"start\.pretrain\.optimizer: lamb"):
        check_engine(whole.model_copy(update={"start": start}))


def test_compile_without_a_compiler_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    compiled = recipe("zero2_fp32", compile="layers")
    with pytest.raises(ClusterError, match="no 'no-such-compiler' on this machine"):
        check_machine(compiled, check_engine(compiled))
    uncompiled = recipe("zero2_fp32")
    check_machine(uncompiled, check_engine(uncompiled))


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_quantised_communication_is_refused_without_a_gpu() -> None:
    chosen = recipe("zero3_zeropp_bf16")
    with pytest.raises(ClusterError, match=r"'zero3_zeropp_bf16': zero_quantized_weights is computed by a CUDA kernel"):
        check_machine(chosen, check_engine(chosen))


def test_attention_on_a_gpu_is_refused_without_one_and_in_fp32() -> None:
    for way in ("varlen", "flash"):
        with pytest.raises(RecipeError, match=rf"engine\.attention: '{way}' computes in half precision only, and"):
            check_engine(recipe("zero2_fp32", way))
        chosen = recipe("zero2_bf16", way)
        config = check_engine(chosen)
        if not torch.cuda.is_available():
            with pytest.raises(ClusterError, match=rf"engine\.attention: '{way}' is computed by a CUDA kernel"):
                check_machine(chosen, config)
    check_machine(usual := recipe("zero2_fp32", "eager"), check_engine(usual))


@pytest.mark.parametrize("config", ["zero2_bf16", "zero2_fp32"])
@pytest.mark.parametrize("computes", [True, False])
def test_a_cpu_that_computes_bf16_slowly_is_told(
    config: str, computes: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fit, "on_gpu", lambda: False)
    monkeypatch.setattr(fit, "computes_bf16", lambda: computes)
    check_machine(chosen := recipe(config), check_engine(chosen))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == (config == "zero2_bf16" and not computes)
    assert all("CPU has no kernels for bf16" in line and "take zero2_fp32" in line for line in told)


def test_onednn_says_whether_it_has_bf16_kernels() -> None:
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    if "avx512_bf16" in flags or "amx_bf16" in flags:
        assert computes_bf16()
    elif "avx2" in flags and "avx512bw" not in flags:
        assert not computes_bf16()


def test_nvme_wants_a_folder_and_libaio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deepspeed.ops.op_builder import AsyncIOBuilder

    chosen = recipe("zero3_nvme_bf16")
    config = check_engine(chosen)
    monkeypatch.delenv("DS_STILTS_NVME", raising=False)
    with pytest.raises(ClusterError, match=r"nvme_path is \$DS_STILTS_NVME, and that variable is not set; set it to"):
        check_machine(chosen, config)
    monkeypatch.setenv("DS_STILTS_NVME", str(tmp_path / "none"))
    with pytest.raises(ClusterError, match=r"nvme_path .*/none is no folder that can be written to"):
        check_machine(chosen, config)
    monkeypatch.setenv("DS_STILTS_NVME", str(tmp_path))
    if AsyncIOBuilder().is_compatible(verbose=False):
        check_machine(chosen, config)
    else:
        with pytest.raises(ClusterError, match=r"needs libaio with its headers .* or take zero3_offload_bf16"):
            check_machine(chosen, config)


def test_early_stopping_is_refused_with_states_on_nvme() -> None:
    chosen = recipe("zero3_nvme_bf16", validation={"every": 5, "patience": 2})
    with pytest.raises(RecipeError, match=r"arms\.nli\.validation\.patience: the weights of the best step are loaded"):
        check_engine(chosen)


def test_averaging_is_refused_with_weights_on_nvme() -> None:
    chosen = recipe("zero3_nvme_bf16", average={"last": 2, "every": 1})
    with pytest.raises(RecipeError, match=r"arms\.nli\.average: weights are summed in memory, and engine\.config"):
        check_engine(chosen)


def test_a_users_own_folder_for_nvme_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    offload = {"device": "nvme", "nvme_path": str(tmp_path / "gone")}
    path.write_text(json.dumps({"zero_optimization": {"stage": 3, "offload_optimizer": offload}}), encoding="utf-8")
    chosen = recipe(str(path))
    with pytest.raises(ClusterError, match=r"'mine': nvme_path .*/gone is no folder"):
        check_machine(chosen, check_engine(chosen))
