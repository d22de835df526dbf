"""Labels of an mT5: the likeliest of all, as scoring chooses it, beside Hugging Face's greedy `generate`.

    OMP_NUM_THREADS=1 python benchmarks/label_speed.py --data-root DIR [--models 4x256:16000,2x64:250112]

English XNLI test rows, labels "0", "1" and "2". A random mT5 is trained for a few steps to write labels at all, so that
`generate` ends where it would. fp32, CPU seconds of one thread, ways in turns; medians (quartiles) of ratios.

  generate        batches of 32 in file order, filled up to their longest row, at most as many tokens as a label has
  generate_sorted the same with rows sorted by length
  packed          ours: `evaluation.work.deal`, `evaluation.generation.predict_text`
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np  # noqa: E402
import torch  # noqa: E402

from ds_stilts.data.batch import scoring_batch  # noqa: E402
from ds_stilts.data.encoder import Encoder  # noqa: E402
from ds_stilts.data.prepare import SplitKey, prepare  # noqa: E402
from ds_stilts.data.prepared import open_prepared  # noqa: E402
from ds_stilts.data.targets import pack_targets  # noqa: E402
from ds_stilts.engine.text_objective import TextObjective  # noqa: E402
from ds_stilts.engine.world import World  # noqa: E402
from ds_stilts.evaluation.generation import _labels  # noqa: E402
from ds_stilts.evaluation.harness import deal_unit, predict  # noqa: E402
from ds_stilts.evaluation.language import LanguageWork  # noqa: E402
from ds_stilts.formats.base import Limits  # noqa: E402
from ds_stilts.formats.text_to_text import get_text_form  # noqa: E402
from ds_stilts.models.dropout import use_torch_dropout  # noqa: E402
from ds_stilts.models.family import MT5  # noqa: E402
from ds_stilts.models.packing import order_by_length  # noqa: E402
from ds_stilts.models.seq2seq import PackedSeq2Seq, make_mt5  # noqa: E402
from ds_stilts.models.t5_encoder import PackedT5Encoder  # noqa: E402
from ds_stilts.phases.start import train_tokenizer  # noqa: E402
from ds_stilts.recipe import Architecture, Evaluation, Tokenizer  # noqa: E402
from ds_stilts.tasks import get_task  # noqa: E402

BATCH, MAX_TOKENS, VOCABULARY = 32, 256, 16_000
TRAINING_STEPS, TRAINING_ROWS = 40, 16


def teach(model: TextObjective, unit: LanguageWork, labels: list[list[int]], gold: list[int]) -> None:
    """Let the model write labels: a few steps on the rows themselves."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    drawing = np.random.default_rng(0)
    model.train()
    for _ in range(TRAINING_STEPS):
        chosen = drawing.choice(len(gold), TRAINING_ROWS, replace=False).tolist()
        batch = scoring_batch("xnli", unit.prepared, chosen)
        order = order_by_length([len(unit.prepared.ids[i]) for i in chosen])
        wanted = [np.asarray(labels[gold[chosen[i]]], np.int64) for i in order]
        targets = pack_targets(wanted, list(range(len(order))), batch.packing)
        model(replace(batch, targets=targets), None)[1]["losses"].mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    model.eval()


def generate(model: Any, unit: LanguageWork, order: list[int], longest: int) -> dict[int, list[int]]:
    """What greedy search writes for each sequence, in batches of this order."""
    written = {}
    for first in range(0, len(order), BATCH):
        places = order[first : first + BATCH]
        rows = [torch.from_numpy(unit.prepared.ids[i].astype(np.int64)) for i in places]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=model.config.pad_token_id)
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        with torch.no_grad():
            found = model.generate(
                input_ids=ids, attention_mask=mask, do_sample=False, num_beams=1, max_new_tokens=longest
            )
        written.update({place: own.tolist() for place, own in zip(places, found, strict=True)})
    return written


def measure(shape: str, root: Path, tokenizer: Any, encoder: Encoder, folder: Path, count: int, rounds: int) -> None:
    size, vocabulary = shape.split(":")
    layers, width = map(int, size.split("x"))
    heads = max(1, width // 64)
    architecture = Architecture(
        family=MT5, layers=layers, hidden_size=width, heads=heads, intermediate_size=4 * width, dropout=0.0,
    )  # fmt: skip
    task = get_task("xnli")
    limits = Limits(max_tokens=MAX_TOKENS)
    key = SplitKey(task=task, split="test", language="en", limits=limits, training=False, max_examples=count, text=True)
    unit = LanguageWork(
        key=key, prepared=open_prepared([prepare(key, encoder, root, folder)]), zero_shot=True, tokenizer=tokenizer
    )
    examples = key.examples(root)
    texts, labels = _labels(task, tokenizer)
    torch.manual_seed(1)
    ours = make_mt5(architecture, int(vocabulary), tokenizer)
    objective = TextObjective(PackedSeq2Seq(PackedT5Encoder(ours)), [task])
    teach(objective, unit, labels, [task.labels.index(example.label) for example in examples])
    peer = make_mt5(architecture, int(vocabulary), tokenizer)
    use_torch_dropout(peer)
    peer.load_state_dict(ours.state_dict())
    peer.eval()
    world, longest = World(0, 1, torch.device("cpu")), max(map(len, labels))
    in_order = list(range(len(unit.prepared.ids)))
    by_length = order_by_length([len(unit.prepared.ids[i]) for i in in_order])[::-1]
    ways: dict[str, Callable[[], Any]] = {
        "generate": lambda: generate(peer, unit, in_order, longest),
        "generate_sorted": lambda: generate(peer, unit, by_length, longest),
        "packed": lambda: predict(objective, unit, deal_unit(unit, Evaluation(), world), examples, world),
    }
    found = {name: way() for name, way in ways.items()}
    form, legal, same = get_text_form(task.format), 0, 0
    for place, own in found["generate"].items():
        example = int(unit.prepared.example[place])
        label = form.parse(tokenizer.decode(own, skip_special_tokens=True), examples[example], task)
        legal += label is not None
        same += label is not None and label == json.loads(found["packed"][example].prediction)
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in ways if number % 2 == 0 else [*ways][::-1]:
            began = time.process_time()
            ways[name]()
            seconds[name].append(time.process_time() - began)
    tokens = int(unit.prepared.ids.lengths.sum())
    print(
        f"{size}, {int(vocabulary):,} pieces: {len(in_order)} rows of {tokens / len(in_order):.0f} tokens, labels "
        f"{', '.join(texts)} of {', '.join(str(len(ids)) for ids in labels)} tokens with their end; generate writes a "
        f"label for {legal}, the same as ours for {same}"
    )
    for name, own in seconds.items():
        low, median, high = statistics.quantiles([a / b for a, b in zip(seconds["generate"], own, strict=True)], n=4)
        print(f"  {name:16} {statistics.median(own):.2f} s  x generate {median:.2f} ({low:.2f}-{high:.2f})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--models", default="4x256:16000,2x64:250112")
    parser.add_argument("--rows", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = [
        text
        for example in get_task("xnli").stream("train", "en", options.data_root)
        for text in (example.premise, example.hypothesis)
    ]
    words = Tokenizer(vocabulary=VOCABULARY, max_characters=1_000_000)
    tokenizer = train_tokenizer({"en": lines}, words, max_tokens=MAX_TOKENS, seed=1, family=MT5)
    with tempfile.TemporaryDirectory() as folder, Encoder(tokenizer) as encoder:
        for shape in options.models.split(","):
            measure(shape, options.data_root, tokenizer, encoder, Path(folder), options.rows, options.rounds)


if __name__ == "__main__":
    main()
