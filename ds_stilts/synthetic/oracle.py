"""A start model whose word vectors are placed by meaning: how well "pretraining" aligned the languages, as a dial.

Plain masked-LM training aligns languages late (Dufter & Schütze 2020: after some 13,000 steps), far beyond a short run
on a CPU. Here alignment is given instead: a piece of language L that means concept c starts at

    s · (v_c + σ · n_piece) / √(1 + σ²)

with v_c and n_piece standard normal in every component, v_c shared by all languages. Names of one concept in two
languages then have cosine ≈ 1 / (1 + σ²), and different concepts ≈ 0. All other weights are the architecture's random
initialisation. `scale` (s) is the standard deviation of a component, independent of the width: Adam moves every
component by about the learning rate a step, so it is s, not the vector's length, that decides how soon training washes
the alignment out (0.4 survives; 0.05 does not).
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from ds_stilts.models.tokenizer import FIRST_TOKENS, MASK
from ds_stilts.recipe import Architecture
from ds_stilts.synthetic.lexicon import Features, build_lexicons
from ds_stilts.synthetic.presets import find_preset
from ds_stilts.synthetic.tokenizer import Piece, build_tokenizer, vocabulary
from ds_stilts.synthetic.world import World

BASE_WIDTH, BASE_INITIALIZER_RANGE = 768, 0.02
"""XLM-R Base's width and initialisation; narrower models are initialised wider, so that a layer's output keeps its
variance and positions stay audible beside the word vectors."""


def oracle_start(
    folder_out: Path,
    *,
    preset: str,
    world_seed: int,
    seed: int,
    sigma: float,
    scale: float,
    architecture: Architecture,
) -> None:
    """Write a Hugging Face folder (tokenizer, config, safetensors) of an aligned `XLMRobertaForMaskedLM`.

    Args:
        folder_out: created, replaced where it exists; appears only when complete.
        preset, world_seed: the world whose words make the vocabulary, as given to `write_world`.
        seed: of the vectors and all other weights; the same arguments give the same bytes.
        sigma: noise of a word against its meaning; 0 = languages perfectly aligned.
        scale: standard deviation of each component of a word vector.

    Raises:
        RecipeError: unknown preset.
    """
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    world = World(find_preset(preset).world, world_seed)
    lexicons = build_lexicons(world, world_seed)
    pieces = vocabulary(lexicons)
    vectors_VD = word_vectors(pieces, seed=seed, sigma=sigma, scale=scale, width=architecture.hidden_size)
    config = XLMRobertaConfig(
        vocab_size=len(vectors_VD),
        hidden_size=architecture.hidden_size,
        num_hidden_layers=architecture.layers,
        num_attention_heads=architecture.heads,
        intermediate_size=architecture.intermediate_size,
        hidden_dropout_prob=architecture.dropout,
        attention_probs_dropout_prob=architecture.attention_dropout,
        max_position_embeddings=architecture.max_tokens + 2,  # positions start at padding_idx + 1
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        initializer_range=BASE_INITIALIZER_RANGE * (BASE_WIDTH / architecture.hidden_size) ** 0.5,
        bos_token_id=0,
        pad_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = XLMRobertaForMaskedLM(config)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(torch.from_numpy(vectors_VD))
    building = folder_out.with_name(folder_out.name + ".tmp")
    if building.exists():
        shutil.rmtree(building)
    building.mkdir(parents=True)
    model.save_pretrained(building)
    build_tokenizer(lexicons, architecture.max_tokens).save_pretrained(building)
    facts: dict[str, Any] = {
        "preset": preset, "world_seed": world_seed, "seed": seed, "sigma": sigma, "scale": scale,
    }  # fmt: skip
    (building / "oracle.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if folder_out.exists():
        shutil.rmtree(folder_out)
    os.replace(building, folder_out)


def word_vectors(pieces: list[Piece], *, seed: int, sigma: float, scale: float, width: int) -> np.ndarray:
    """float32 [V, D] in id order: special tokens, `pieces`, mask. The padding row is zero; letters and specials mean
    only themselves. A portmanteau suffix means the normalised sum of its features."""
    spread = np.sqrt(1.0 + sigma**2)

    def of_piece(piece: Piece) -> np.ndarray:
        if not piece.meaning:
            return _normal(f"letter/{piece.text}", seed, width)
        noise = _normal(f"word/{piece.language}/{piece.spelling}", seed, width)
        return (meaning_vector(piece.meaning, seed=seed, width=width) + sigma * noise) / spread

    rows = [_normal(f"special/{token}", seed, width) for token in FIRST_TOKENS]
    rows[FIRST_TOKENS.index("<pad>")] = np.zeros(width)
    rows += [of_piece(piece) for piece in pieces]
    rows.append(_normal(f"special/{MASK}", seed, width))
    return (scale * np.stack(rows)).astype(np.float32)


def meaning_vector(meaning: Features, *, seed: int, width: int) -> np.ndarray:
    """float64 [D], unit variance a component: the vector that all languages share for a concept."""
    return sum(_normal(f"concept/{concept}", seed, width) for concept in meaning) / np.sqrt(len(meaning))


def _normal(name: str, seed: int, width: int) -> np.ndarray:
    """Standard normal float64 [D] that depends on the name and seed alone, not on what else is drawn."""
    digest = hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "big"))).standard_normal(width)
