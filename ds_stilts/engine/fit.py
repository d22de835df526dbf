"""What a DeepSpeed configuration, a recipe and this machine can do together; asked before any rank is started."""

import logging
import os
from pathlib import Path

import torch

from ds_stilts.engine.deepspeed_engine import EngineConfig, load_engine_config
from ds_stilts.engine.ds_config import on_gpu
from ds_stilts.engine.layers import check_compiler
from ds_stilts.engine.optimizer import ONLY_WHOLE
from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.models.attention_choice import FASTEST, HALF
from ds_stilts.recipe import Recipe

logger = logging.getLogger(__name__)


def check_engine(recipe: Recipe) -> EngineConfig:
    """Load the recipe's DeepSpeed configuration and check that every phase can be trained with it, on some machine.

    Raises:
        RecipeError: the JSON cannot be used, or a phase asks for what its ZeRO stage cannot do.
    """
    config = load_engine_config(recipe.engine.config)
    if recipe.engine.attention in FASTEST and config.dtype not in HALF:
        raise RecipeError(
            f"engine.attention: '{recipe.engine.attention}' computes in half precision only, and engine.config "
            f"'{config.name}' is in fp32; take zero2_bf16, or `attention: auto`"
        )
    for where, training in recipe.trained().items():
        if training.optimizer in ONLY_WHOLE and config.zero_stage > 0:
            raise RecipeError(
                f"{where}.optimizer: {training.optimizer} needs ZeRO stage 0, and engine.config '{config.name}' is "
                f"stage {config.zero_stage}: {ONLY_WHOLE[training.optimizer]}, and ZeRO cuts all parameters into one "
                "flat partition a rank; take zero0_fp32, zero0_bf16 or optimizer: adamw"
            )
        if training.compile and config.zero_stage == 3:
            raise RecipeError(
                f"{where}.compile: engine.config '{config.name}' is ZeRO stage 3, which fetches and releases "
                "parameters between the operations that torch.compile fuses; take stage 2, or remove `compile`"
            )
        if training.validation and training.validation.patience and config.nvme_folders:
            raise RecipeError(
                f"{where}.validation.patience: the weights of the best step are loaded from its checkpoint, and with "
                f"engine.config '{config.name}', which keeps states on NVMe, none can be loaded (see ds_configs); take "
                "zero3_offload_bf16, or remove `patience`"
            )
        if training.average and config.nvme_folders:
            raise RecipeError(
                f"{where}.average: weights are summed in memory, and engine.config '{config.name}' keeps them on NVMe; "
                "take zero3_offload_bf16, or remove `average`"
            )
    return config


def check_machine(recipe: Recipe, config: EngineConfig) -> None:
    """Check what the configuration needs of this machine.

    Raises:
        ClusterError: a compiler, libaio, a folder on local disks or a GPU is missing.
    """
    if any(training.compile for training in recipe.trained().values()):
        check_compiler()
    if config.nvme_folders:
        _check_nvme(config)
    if config.dtype is torch.bfloat16 and not on_gpu() and not computes_bf16():
        logger.warning(
            "engine.config '%s': this machine's CPU has no kernels for bf16, which is many times slower here than "
            "fp32; take zero2_fp32",
            config.name,
        )
    if recipe.engine.attention in FASTEST and not on_gpu():
        raise ClusterError(
            f"engine.attention: '{recipe.engine.attention}' is computed by a CUDA kernel and this machine has no GPU; "
            "take `attention: auto`"
        )
    quantized = [key for key in ("zero_quantized_weights", "zero_quantized_gradients") if config.zero.get(key)]
    if quantized and not on_gpu():
        raise ClusterError(
            f"engine.config '{config.name}': {quantized[0]} is computed by a CUDA kernel and this machine has no GPU "
            "(on a CPU DeepSpeed fails, or ignores the key); take zero3_bf16"
        )


def computes_bf16() -> bool:
    """Whether oneDNN has bf16 kernels for this CPU (on x86 it asks for AVX-512); as torch's own compiler asks
    (torch/_inductor/utils.py). Measured on an AVX2 CPU without: a layer of 256 x 1,024 takes 12 times as long as in
    fp32, a product of 1,024 x 1,024 80 times."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _check_nvme(config: EngineConfig) -> None:
    on_gpu()
    for written in config.nvme_folders:
        folder = os.path.expandvars(written)
        if "$" in folder:
            raise ClusterError(
                f"engine.config '{config.name}': nvme_path is {written}, and that variable is not set; set it to a "
                "folder on each node's own NVMe disk"
            )
        if not os.access(folder, os.W_OK) or not Path(folder).is_dir():
            raise ClusterError(
                f"engine.config '{config.name}': nvme_path {folder} is no folder that can be written to; it must "
                "lie on each node's own NVMe disk"
            )
    from deepspeed.ops.op_builder import AsyncIOBuilder

    if not AsyncIOBuilder().is_compatible(verbose=False):
        raise ClusterError(
            f"engine.config '{config.name}': keeping states on NVMe needs libaio with its headers to build DeepSpeed's "
            "async_io (Debian, Ubuntu: apt-get install libaio-dev); install it, or take zero3_offload_bf16"
        )
    logger.warning(
        "engine.config '%s': a phase that is stopped must begin again, since DeepSpeed does not restore states that it "
        "keeps on NVMe; zero3_offload_bf16 loses nothing",
        config.name,
    )
