"""What 8, 32 and 128 nodes of 8 GPUs would do by arithmetic: share of time that is not waiting for the network.

    python benchmarks/extrapolation.py [--model FacebookAI/xlm-roberta-large] [--gpu-tflops 989] [--utilisation 0.35]

Nothing is measured here; assumptions stand in docs/scaling.md.
"""

import argparse
import json
from dataclasses import replace

from ds_stilts.planning.communication import step_time, traffic
from ds_stilts.planning.machine import Machine
from ds_stilts.planning.public_models import public_config
from ds_stilts.planning.shapes import shape_of
from ds_stilts.planning.zero import read_setting
from ds_stilts.resources import config_path

NODES, GPUS = (1, 8, 32, 128), 8
TOKENS = (8_192, 32_768, 131_072)
LENGTH = 128
"""Tokens of a sequence."""
CONFIGS = ("zero2_bf16", "zero3_bf16", "zero3_hpz_bf16")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default="FacebookAI/xlm-roberta-large")
    parser.add_argument("--gpu-tflops", type=float, default=989.0)
    parser.add_argument("--utilisation", type=float, default=0.35)
    parser.add_argument("--links-gbps", type=float, nargs="+", default=[400.0, 3200.0])
    options = parser.parse_args()
    config = public_config(options.model)
    assert config is not None, f"{options.model}: its shape is not known here"
    shape = shape_of(config, options.model)
    parameters = sum(weight.numel for weight in shape.weights)
    matrices = sum(w.numel for w in shape.weights if w.part == "blocks" and len(w.shape) == 2)
    print(f"{options.model}, {parameters:,} parameters, {options.utilisation:.0%} of {options.gpu_tflops:g} TFLOP/s")
    for name in CONFIGS:
        setting = read_setting(json.loads(config_path(name).read_text(encoding="utf-8")), GPUS)
        for gbps in options.links_gbps:
            for tokens in TOKENS:
                flops = tokens * (6 * matrices + 12 * shape.layers * shape.attention_width * LENGTH)
                compute_s = flops / (options.gpu_tflops * 1e12 * options.utilisation)
                cells = []
                for nodes in NODES[1:]:
                    sent = traffic(setting, parameters, Machine(nodes=nodes, gpus=GPUS))
                    link = gbps * 1e9 / 8
                    shares = [
                        step_time(sent, one, compute_s=compute_s, link_bytes_per_s=link).exposed_share
                        for one in (setting, replace(setting, overlap_comm=False))
                    ]
                    cells.append(f"{1 - shares[0]:.0%} ({1 - shares[1]:.0%})")
                print(f"| {name} | {gbps:g} | {tokens:,} | {compute_s:.3f} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
