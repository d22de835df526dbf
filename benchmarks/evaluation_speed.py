"""Scoring beside what users run: the benchmark scripts' fixed length, and `Trainer.predict`, on the same rows.

    OMP_NUM_THREADS=1 python benchmarks/evaluation_speed.py --data-root DIR [--sets xnli,tatoeba,xquad] [--model 4x256]

XNLI's, Tatoeba's and XQuAD's test rows in all languages that the data root has; a random XLM-R with a tokenizer of
16,000 pieces, trained on these texts. Everything ends in the same predictions: forward, then the format's own reduction
and decoding; for Tatoeba, in one vector a sentence.

  padded   batches of 8 in file order, each sequence filled up to the set's length (128, or 384 for questions), SDPA: as
           the scripts of XTREME do; filling up is outside the clock
  predict  `transformers.Trainer.predict`, batches of 8 in file order, each filled up to its longest sequence, SDPA
  packed   ours: `evaluation.work.deal`, `evaluation.harness`

A round is one language's examples, evenly taken from the whole set, through all variants, in turned order every other
round. CPU seconds of one thread. First the fp32 predictions of the first round are compared: if two differ, nothing is
timed.
"""

import argparse
import copy
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

os.environ["TOKENIZERS_PARALLELISM"] = "false"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from transformers import DataCollatorWithPadding, Trainer, TrainingArguments  # noqa: E402

from ds_stilts.bench.model import MAX_TOKENS, VOCABULARY, parse_shape, write_shape  # noqa: E402
from ds_stilts.data.encoder import Encoder  # noqa: E402
from ds_stilts.data.prepare import SplitKey, prepare, prepared_folder  # noqa: E402
from ds_stilts.data.prepared import Prepared, Ragged, open_prepared  # noqa: E402
from ds_stilts.engine.objective import Objective  # noqa: E402
from ds_stilts.engine.world import World  # noqa: E402
from ds_stilts.evaluation.embedding import _embed  # noqa: E402
from ds_stilts.evaluation.harness import deal_unit, predict  # noqa: E402
from ds_stilts.evaluation.language import LanguageWork  # noqa: E402
from ds_stilts.evaluation.pooling import Pooling  # noqa: E402
from ds_stilts.formats import get_format  # noqa: E402
from ds_stilts.formats.base import Limits  # noqa: E402
from ds_stilts.models.loading import load_start  # noqa: E402
from ds_stilts.phases.start import train_tokenizer  # noqa: E402
from ds_stilts.phases.training import build_model  # noqa: E402
from ds_stilts.recipe import Evaluation, Tokenizer  # noqa: E402
from ds_stilts.tasks import get_task  # noqa: E402
from ds_stilts.tasks.examples import Example  # noqa: E402

BATCH = 8
TOLERANCE = 1e-5
"""Of vectors in fp32."""
TEXT_CHARACTERS = 200_000
"""Of each language, that the tokenizer is trained on."""


@dataclass(frozen=True)
class Part:
    """What is measured of a set."""

    examples: int
    """Of one language, in a round."""
    width: int
    """Tokens that the benchmark's scripts fill a sequence up to."""
    rounds: int
    variants: tuple[str, ...]


ALL = ("padded", "predict", "packed", "padded_bf16", "packed_bf16")
PARTS = {
    "xnli": Part(200, 128, 12, ALL),
    "tatoeba": Part(250, 128, 9, ALL),
    "xquad": Part(40, 384, 12, ALL),
}


@dataclass(frozen=True)
class Round:
    """The examples of one round."""

    unit: LanguageWork
    examples: list[Example]
    """All of the language."""
    tokens: int


class Padded(nn.Module):
    """The model as one would write it for the Trainer: Hugging Face's own forward pass, the same head."""

    def __init__(self, objective: Objective, head: nn.Module | None, kind: str) -> None:
        super().__init__()
        self.encoder = copy.deepcopy(objective.model.encoder.hf)
        self.encoder.set_attn_implementation("sdpa")
        self.head, self.kind = copy.deepcopy(head), kind

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.head is None:
            mask = attention_mask[..., None].float()
            return {"logits": (states.float() * mask).sum(1) / mask.sum(1)}
        return {"logits": self.head(states[:, 0] if self.kind == "classification" else states)}


def rounds_of(name: str, root: Path, tokenizer: Any, encoder: Encoder) -> list[Round]:
    """The rounds of a set: language after language, and again with other examples."""
    task, part = get_task(name), PARTS[name]
    found = []
    languages = [code for code in task.languages if task.files("test", code, root) and _there(task, code, root)]
    for number in range(part.rounds):
        code = (
            languages[number * len(languages) // part.rounds]
            if len(languages) > part.rounds
            else languages[number % len(languages)]
        )
        key = SplitKey(task=task, split="test", language=code, limits=Limits(max_tokens=part.width), training=False)
        prepared = open_prepared([prepare(key, encoder, root, prepared_folder())])
        examples = key.examples(root)
        step = max(1, len(examples) // part.examples)
        chosen = np.arange(len(examples))[number % step :: step][: part.examples]
        chosen_part = _take(prepared, np.flatnonzero(np.isin(prepared.example, chosen)))
        unit = LanguageWork(key=key, prepared=chosen_part, zero_shot=True)
        found.append(Round(unit, examples, int(chosen_part.ids.lengths.sum())))
    return found


def _there(task: Any, code: str, root: Path) -> bool:
    return all(path.is_file() for path in task.files("test", code, root))


def _take(prepared: Prepared, places: np.ndarray) -> Prepared:
    """Some sequences of a prepared file."""

    def rows(ragged: Ragged) -> Ragged:
        taken = [ragged[int(place)] for place in places]
        return Ragged([(np.concatenate(taken), np.cumsum([0, *map(len, taken)]))])

    return replace(
        prepared,
        ids=rows(prepared.ids),
        rows=rows(prepared.rows),
        targets=rows(prepared.targets),
        info=rows(prepared.info),
        example=prepared.example[places],
        second=prepared.second[places],
        item_starts=np.arange(len(places) + 1),
    )


def finish(one: Round, logits: list[torch.Tensor]) -> Any:
    """Predictions, or vectors [N, D], of every sequence's padded logits, by the format's own reduction."""
    task, prepared = one.unit.key.task, one.unit.prepared
    form = get_format(task.format)
    if form.head == "embedding":
        return torch.stack(logits).numpy()
    read = [prepared.rows[index] for index in range(len(prepared.ids))]
    if form.head == "classification":
        rows = torch.stack(logits)
    else:
        rows = torch.cat(
            [own[torch.from_numpy(places.astype(np.int64))] for own, places in zip(logits, read, strict=True)]
        )
    kept = form.reduce(rows, [len(places) for places in read], task)
    bounds = np.append(np.flatnonzero(np.diff(prepared.example, prepend=-1)), len(prepared.example))
    found = {}
    for first, last in pairwise(bounds.tolist()):
        example = int(prepared.example[first])
        own = [(prepared.sequence(i), kept[i]) for i in range(first, last)]
        found[example] = form.decode(one.examples[example], own, task)
    return found


class Ways:
    """All variants of one set; each is a function of a round."""

    def __init__(self, name: str, folder: Path, tokenizer: Any, world: World) -> None:
        task = get_task(name)
        torch.manual_seed(1)
        start = load_start(str(folder), seed=1, random_init=True)
        objective = Objective(build_model(start, [task]), [task]).eval()
        heads = dict(objective.model.heads.named_children())
        head = heads.get(task.head)
        padded = Padded(objective, head, get_format(task.format).head).eval()
        self._world, self._width, self._tokenizer = world, PARTS[name].width, tokenizer
        self._embeds = head is None
        arguments = TrainingArguments(
            output_dir=str(folder / "trainer"), per_device_eval_batch_size=BATCH, use_cpu=True, report_to="none",
            remove_unused_columns=False, disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        self._trainer = Trainer(padded, arguments, data_collator=DataCollatorWithPadding(tokenizer))
        half, half_padded = (copy.deepcopy(model).to(torch.bfloat16) for model in (objective, padded))
        self.by_name: dict[str, Callable[[Round], tuple[float, Any]]] = {
            "padded": lambda one: self._padded(padded, one),
            "predict": self._predict,
            "packed": lambda one: self._packed(objective, one),
            "padded_bf16": lambda one: self._padded(half_padded, one),
            "packed_bf16": lambda one: self._packed(half, one),
        }

    def _padded(self, model: Padded, one: Round) -> tuple[float, Any]:
        ids = [one.unit.prepared.ids[index] for index in range(len(one.unit.prepared.ids))]
        table = torch.full((len(ids), self._width), self._tokenizer.pad_token_id)
        mask = torch.zeros_like(table)
        for row, own in enumerate(ids):
            table[row, : len(own)] = torch.from_numpy(own.astype(np.int64))
            mask[row, : len(own)] = 1
        began = time.process_time()
        logits: list[torch.Tensor] = []
        with torch.no_grad():
            for first in range(0, len(ids), BATCH):
                logits += model(table[first : first + BATCH], mask[first : first + BATCH])["logits"].unbind()
        found = finish(one, logits)
        return time.process_time() - began, found

    def _predict(self, one: Round) -> tuple[float, Any]:
        ids = [one.unit.prepared.ids[index] for index in range(len(one.unit.prepared.ids))]
        data = [{"input_ids": own.tolist()} for own in ids]
        began = time.process_time()
        logits = torch.from_numpy(self._trainer.predict(data).predictions)
        found = finish(one, list(logits))
        return time.process_time() - began, found

    def _packed(self, model: Objective, one: Round) -> tuple[float, Any]:
        began = time.process_time()
        batches = deal_unit(one.unit, Evaluation(), self._world)
        if self._embeds:
            last = model.model.encoder.num_layers
            pooled = _embed(model, self._local(one.unit), batches, one.examples, Pooling(layer=last), self._world)
            found = pooled[last].numpy()
        else:
            found = predict(model, one.unit, batches, one.examples, self._world)
        return time.process_time() - began, found

    @staticmethod
    def _local(unit: LanguageWork) -> LanguageWork:
        """`_embed` gives back vectors in file order, by their place in the whole file: here the round is the file."""
        return replace(unit, prepared=replace(unit.prepared, example=np.arange(len(unit.prepared.example))))


def compare(name: str, one: Round, found: dict[str, Any]) -> str:
    """Raise if two fp32 variants do not predict the same."""
    expected = found["padded"]
    if isinstance(expected, np.ndarray):
        far = max(float(np.abs(expected - found[way]).max()) for way in ("predict", "packed"))
        if not far <= TOLERANCE:
            raise SystemExit(f"{name}: vectors differ by {far:.1e}")
        return f"{len(expected)} vectors agree to {far:.0e}"
    for way in ("predict", "packed"):
        other = [i for i in expected if expected[i].prediction != found[way][i].prediction]
        if other or expected.keys() != found[way].keys():
            raise SystemExit(f"{name}, {way}: {len(other)} of {len(expected)} predictions differ, e.g. of {other[:3]}")
    return f"{len(expected)} predictions are identical"


def quartiles(values: list[float]) -> str:
    low, median, high = statistics.quantiles(values, n=4)
    return f"{median:.2f} ({low:.2f}-{high:.2f})"


def measure(name: str, root: Path, folder: Path, tokenizer: Any, encoder: Encoder, world: World) -> None:
    ways = Ways(name, folder, tokenizer, world)
    rounds, variants = rounds_of(name, root, tokenizer, encoder), PARTS[name].variants
    told = compare(name, rounds[0], {way: ways.by_name[way](rounds[0])[1] for way in ALL[:3]})
    for way in ALL[3:]:
        ways.by_name[way](rounds[0])
    seconds: dict[str, list[float]] = {way: [] for way in variants}
    for number, one in enumerate(rounds):
        for way in variants if number % 2 == 0 else variants[::-1]:
            seconds[way].append(ways.by_name[way](one)[0])
    tokens, slots = sum(one.tokens for one in rounds), sum(len(one.unit.prepared.ids) for one in rounds)
    codes = len({one.unit.key.language for one in rounds})
    full = slots * PARTS[name].width / tokens
    print(
        f"\n{name}: {len(rounds)} rounds, {codes} languages, {slots:,} sequences of {tokens / slots:.0f} tokens "
        f"({full:.2f} times as many when filled up to {PARTS[name].width}); fp32: {told}"
    )
    for way in variants:
        rate = tokens / sum(seconds[way])
        over = [
            quartiles([a / b for a, b in zip(seconds[base], seconds[way], strict=True)])
            for base in ("padded", "predict")
        ]
        whole = sum(seconds["padded"]) / sum(seconds[way])
        print(
            f"  {way:12} {rate:7,.0f} tokens a second  x padded {over[0]}, over all rounds {whole:.2f}  "
            f"x predict {over[1]}",
            flush=True,
        )
    own = quartiles([a / b for a, b in zip(seconds["padded_bf16"], seconds["packed_bf16"], strict=True)])
    print(f"  packed_bf16 over padded_bf16: {own}")


def texts(root: Path, names: list[str]) -> dict[str, list[str]]:
    """Lines of each language, for a tokenizer."""
    found: dict[str, dict[str, None]] = {}
    for name in names:
        task = get_task(name)
        for code in [code for code in task.languages if task.files("test", code, root) and _there(task, code, root)]:
            lines, left = found.setdefault(code, {}), TEXT_CHARACTERS
            for example in task.stream("test", code, root):
                for field in ("premise", "hypothesis", "context", "question", "text"):
                    value = getattr(example, field, None)
                    if value and value not in lines:
                        lines[value] = None
                        left -= len(value)
                if left <= 0:
                    break
    return {code: list(lines) for code, lines in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, required=True)
    parser.add_argument("--sets", default=",".join(PARTS))
    parser.add_argument("--model", default="4x256")
    options = parser.parse_args()
    torch.set_num_threads(1)
    world = World.join()
    words = Tokenizer(vocabulary=VOCABULARY, max_characters=2_000_000)
    tokenizer = train_tokenizer(texts(options.data_root, list(PARTS)), words, max_tokens=MAX_TOKENS, seed=1)
    architecture = parse_shape(options.model)
    assert architecture is not None, "--model LAYERSxWIDTH"
    with tempfile.TemporaryDirectory() as scratch, Encoder(tokenizer) as encoder:
        write_shape(Path(scratch), architecture, tokenizer)
        print(f"{options.model}, torch {torch.__version__}, one thread, CPU seconds; medians (quartiles) of ratios")
        for name in options.sets.split(","):
            measure(name, options.data_root, Path(scratch), tokenizer, encoder, world)


if __name__ == "__main__":
    main()
