"""What is said of GPUs that are there, hidden, broken or out of PyTorch's reach, and of a CPU."""

from pathlib import Path

import pytest

from ds_stilts.doctor.accelerator import Gpu, Gpus, _driver, check_accelerator, judge_cpu, judge_gpus

H200 = Gpu(name="NVIDIA H200", memory_bytes=141 * 2**30, capability=(9, 0))
V100 = Gpu(name="Tesla V100", memory_bytes=32 * 2**30, capability=(7, 0))
BROKEN = Gpu(name="GPU 1", memory_bytes=0, capability=(0, 0), fault="RuntimeError: CUDA driver version is insufficient")


def judge(*gpus: Gpu, cuda: str | None = "12.8", driver: str | None = "550.54") -> tuple[str, str, str]:
    (found,) = judge_gpus(Gpus(cuda_of_torch=cuda, driver=driver, gpus=gpus))
    return found.verdict, found.found, found.remedy


def test_gpus_of_one_kind_are_counted() -> None:
    verdict, found, _ = judge(H200, H200)
    assert verdict == "ok"
    assert found == "2 × NVIDIA H200 with 141 GiB; NVIDIA driver 550.54, PyTorch for CUDA 12.8"


def test_a_gpu_that_cannot_be_used_fails_with_what_was_said() -> None:
    verdict, found, remedy = judge(H200, BROKEN)
    assert verdict == "fail"
    assert "1 of 2 cannot be used, GPU 1: RuntimeError: CUDA driver version is insufficient" in found
    assert "CUDA 12.8" in remedy


def test_gpus_of_two_kinds_and_gpus_without_bf16_are_warnings() -> None:
    assert judge(H200, V100)[0] == "warn"
    assert judge(V100)[0] == "warn" and "zero2_fp32" in judge(V100)[2]


def test_a_driver_without_a_gpu_for_pytorch_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "TORCH_INDEX" in judge(cuda=None)[2]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert "(CUDA_VISIBLE_DEVICES=)" in judge()[1]
    assert judge_gpus(Gpus(cuda_of_torch="12.8", driver=None)) == []


def test_the_drivers_version_is_read_from_the_kernels_file(tmp_path: Path) -> None:
    said = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\nGCC version: 12\n"
    (tmp_path / "version").write_text(said)
    assert _driver(tmp_path / "version") == "570.86.15"
    assert _driver(tmp_path / "none") is None


def test_a_cpu_without_bf16_is_a_warning() -> None:
    slow = judge_cpu(8, 32 * 2**30, False, 4)
    assert slow.verdict == "warn" and "zero2_fp32" in slow.remedy
    assert judge_cpu(8, 32 * 2**30, True, 4).found == (
        "no GPU; 8 cores, 4 for each process, 32.0 GiB of memory, bf16 instructions"
    )


def test_this_machine_has_something_that_computes() -> None:
    assert [each.name for each in check_accelerator()][-1] in ("CPU", "GPUs")
