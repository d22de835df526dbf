"""Tatoeba and BUCC on official files with a real encoder: the very pairs that brute force in numpy finds.

The oracle shares nothing with the product but the files and the checkpoint: Hugging Face's own model on padded
batches, and every cosine in fp64.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import get_format
from ds_stilts.formats.embedding import Embedding, distinct
from ds_stilts.tasks import get_task
from ds_stilts.tasks.examples import BitextExample, Example, SearchExample

pytestmark = pytest.mark.timeout(1800)
LAYER = 4  # 14/24 of the six layers of the checkpoint, rounded


@pytest.fixture(scope="module")
def model(real_data: Path) -> Path:
    folder = real_data.parent / "models" / "mini-xlmr"
    if not folder.is_dir():
        pytest.skip(f"no start model at {folder}")
    return folder


def embed(texts: list[str], model: Path, max_tokens: int) -> np.ndarray:
    """Mean over all tokens, special ones too, of one hidden state of Hugging Face's model, fp32 [N, D]."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer, encoder = AutoTokenizer.from_pretrained(model), AutoModel.from_pretrained(model).eval()
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    vectors = np.empty((len(texts), encoder.config.hidden_size), dtype=np.float32)
    for first in range(0, len(order), 128):
        places = order[first : first + 128]
        batch = tokenizer([texts[i] for i in places], padding=True, truncation=True, max_length=max_tokens,
                          return_tensors="pt")  # fmt: skip
        with torch.inference_mode():
            states = encoder(**batch, output_hidden_states=True).hidden_states[LAYER]
        mask = batch["attention_mask"][:, :, None].float()
        vectors[places] = ((states * mask).sum(dim=1) / mask.sum(dim=1)).numpy()
    return vectors


def start(root: Path, model: Path, out: Path, target: str) -> subprocess.CompletedProcess[str]:
    """Score one target with the checkpoint as it is, in fp32 on two ranks."""
    recipe = out / "recipe.yaml"
    recipe.write_text(
        f"name: pairs\nstart: {{model: {model}}}\narms: {{none: null}}\ntargets: {{{target}}}\n"
        "engine: {config: zero2_fp32, processes: 2}\n"
    )
    command = [sys.executable, "-m", "ds_stilts", "run", str(recipe), "--data-root", str(root)]
    return subprocess.run([*command, "--out", str(out / "run")], capture_output=True, text=True, timeout=1500)


def run(root: Path, model: Path, out: Path, target: str) -> Path:
    """The folder of its predictions."""
    done = start(root, model, out, target)
    assert done.returncode == 0, done.stderr[-3000:]
    return out / "run" / "targets" / "none" / target.partition(":")[0] / "predictions"


def predicted(folder: Path, language: str) -> dict[str, str | None]:
    return {row["id"]: row["prediction"] for row in read_rows(folder, language)}


def unit(vectors: np.ndarray) -> np.ndarray:
    return vectors.astype(np.float64) / np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)


def matched(name: str, examples: list[Example], vectors: np.ndarray) -> dict[str, str | None]:
    form = get_format(get_task(name).format)
    assert isinstance(form, Embedding)
    found = form.match(examples, torch.from_numpy(vectors))
    return {examples[place].id: json.loads(made.prediction) for place, made in found.items()}


def test_tatoeba_finds_what_brute_force_finds(real_data: Path, model: Path, tmp_path: Path) -> None:
    languages = ["de", "sw", "zh"]
    folder = run(real_data, model, tmp_path, f"tatoeba: {{score_languages: [{', '.join(languages)}]}}")
    for language in languages:
        examples = get_task("tatoeba").examples("test", language, real_data)
        sides: dict[str, list[BitextExample]] = {"query": [], "corpus": []}
        for example in examples:
            assert isinstance(example, BitextExample)
            sides[example.side].append(example)
        vectors = embed([example.text for example in examples], model, 512)  # type: ignore[union-attr]
        of = {side: unit(vectors[[e.side == side for e in examples]]) for side in sides}  # type: ignore[union-attr]
        cosine = of["query"] @ of["corpus"].T
        # of identical sentences the first
        best = (cosine >= cosine.max(axis=1, keepdims=True) - 5e-7).argmax(axis=1)
        expected = {e.id: sides["corpus"][j].id for e, j in zip(sides["query"], best.tolist(), strict=True)}
        assert matched("tatoeba", examples, vectors) == expected
        assert predicted(folder, language) == expected


def test_a_checkpoint_that_gives_nan_is_a_sentence_and_exit_code_2(
    real_data: Path, model: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    weights = load_file(broken / "model.safetensors")
    name = next(name for name in weights if name.endswith("encoder.layer.1.output.dense.weight"))
    weights[name][3, 5] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    done = start(real_data, broken, tmp_path, "tatoeba: {score_languages: [te]}")
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "task 'tatoeba', language 'te': hidden state 4 is not finite for 468 of 468 texts, the first" in line
    assert "Traceback" not in done.stderr and not list(tmp_path.rglob("scores.json"))


def brute_force(sources: np.ndarray, targets: np.ndarray) -> dict[int, int]:
    """Margin mining as published (Artetxe and Schwenk 2019), every cosine in fp64."""

    def nearest(queries: np.ndarray, corpus: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        index, cosine = [], []
        for part in np.array_split(queries, max(1, len(queries) // 500)):
            table = part @ corpus.T
            four = np.argpartition(-table, 4, axis=1)[:, :4]
            index.append(four)
            cosine.append(np.take_along_axis(table, four, axis=1))
        return np.concatenate(index), np.concatenate(cosine)

    sources, targets = unit(sources), unit(targets)
    to, to_cosine = nearest(sources, targets)
    back, back_cosine = nearest(targets, sources)
    mean_of_source, mean_of_target = to_cosine.mean(axis=1), back_cosine.mean(axis=1)
    to_margin = to_cosine / ((mean_of_source[:, None] + mean_of_target[to]) / 2)
    back_margin = back_cosine / ((mean_of_target[:, None] + mean_of_source[back]) / 2)
    pairs = [(to_margin[i].max(), i, int(to[i, to_margin[i].argmax()])) for i in range(len(sources))]
    pairs += [(back_margin[j].max(), int(back[j, back_margin[j].argmax()]), j) for j in range(len(targets))]
    mined: dict[int, int] = {}
    taken: set[int] = set()
    for margin, i, j in sorted(pairs, key=lambda pair: -pair[0]):
        if margin > 0 and i not in mined and j not in taken:
            mined[i] = j
            taken.add(j)
    return mined


@pytest.mark.slow
def test_bucc_mines_what_brute_force_mines(real_data: Path, model: Path, tmp_path: Path) -> None:
    examples = get_task("bucc2018").examples("dev", "zh", real_data)
    texts = [example.text for example in examples if isinstance(example, SearchExample)]
    vectors = embed(texts, model, 512)
    sources, targets = (distinct(examples, side) for side in ("query", "corpus"))
    mined = brute_force(vectors[[own[0] for own in sources]], vectors[[own[0] for own in targets]])
    expected = {examples[own[0]].id: None for own in sources} | {
        examples[sources[i][0]].id: examples[targets[j][0]].id for i, j in mined.items()
    }
    assert matched("bucc2018", examples, vectors) == expected
    folder = run(real_data, model, tmp_path, "bucc2018: {score_split: dev, score_languages: [zh]}")
    assert predicted(folder, "zh") == expected
