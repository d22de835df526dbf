"""A sentence far longer than a window: one tag a word, whatever else is scored with it. A real model, made small."""

import json
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from ds_stilts.data.batch import scoring_batch
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import Prepared
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.evaluation.harness import score_languages
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats import get_format
from ds_stilts.formats.base import Limits, Sequence
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import Example, TaggedSentence
from ds_stilts.tasks.task import Split, Task
from tests.small import prepared, ragged, task, tokenizer, xlmr

TAGGING = get_format("tagging")
LIMITS = Limits(max_tokens=128)
LABELS = ("A", "B", "C", "D", "E")


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Put back the handlers that a StopSource takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Alone(World):
    """The only rank there is, without processes."""

    def barrier(self) -> None: ...

    def any(self, flag: bool) -> bool:
        return flag

    def gather(self, value: Any) -> list[Any]:
        return [value]


def words_of(num_tokens: int, seed: int) -> list[str]:
    """Words of so many sub-words in all: a word is its mark and its letters, one sub-word each."""
    draw, words = Random(seed), []
    while num_tokens:
        length = draw.randint(2, 9) if num_tokens > 11 else num_tokens
        words.append("".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=length - 1)))
        num_tokens -= length
    return words


def sentence(name: str, words: list[str]) -> TaggedSentence:
    return TaggedSentence(id=name, words=tuple(words), tags=("A",) * len(words))


LONG = sentence("long", words_of(900, seed=1))
OTHERS = [sentence(f"other {n}", words_of(size, seed=n)) for n, size in enumerate((5, 130, 300, 40), start=2)]
BY_ID = {example.id: example for example in (LONG, *OTHERS)}


def declare(examples: list[TaggedSentence]) -> Task:
    split = Split(read=lambda *_, **__: examples, file="none")
    return task("pos", "tagging", labels=LABELS, metrics=("f1", "accuracy"), splits={"test": split})


@pytest.fixture(scope="module")
def objective() -> Objective:
    torch.manual_seed(0)
    heads = {"pos": build_head("tokens", 32, len(LABELS), 0.0)}
    for parameter in heads["pos"].parameters():
        torch.nn.init.normal_(parameter)  # a fresh head would give every word the same tag
    return Objective(MultiTaskModel(PackedEncoder(xlmr().base_model), heads), [declare([])]).eval()


def encode(examples: list[TaggedSentence]) -> list[Sequence]:
    many: list[Example] = [*examples]
    return list(TAGGING.encode(many, declare(examples), tokenizer(), LIMITS, training=False))


def prepare(sequences: list[Sequence]) -> Prepared:
    made = prepared(
        [s.ids for s in sequences],
        rows=[s.rows for s in sequences],
        targets=[s.targets for s in sequences],
        example=[s.example for s in sequences],
    )
    return replace(made, info=ragged([s.info for s in sequences]))


def score(
    objective: Objective, examples: list[TaggedSentence], folder: Path, batch_tokens: int = 4096
) -> dict[str, dict[str, Any]]:
    """The harness's rows by sentence."""
    folder.mkdir()
    (folder / "none").touch()
    key = SplitKey(task=declare(examples), split="test", language="en", limits=LIMITS, training=False)
    world = Alone(0, 1, torch.device("cpu"))
    score_languages(
        objective,
        [LanguageWork(key=key, prepared=prepare(encode(examples)), zero_shot=True)],
        Evaluation(batch_tokens=batch_tokens),
        root=folder,
        folder=folder,
        pooling=None,
        label="probe",
        world=world,
        stop=StopSource(world, folder),
    )
    return {row["id"]: row for row in read_rows(folder, "en")}


def margins(objective: Objective, sequences: list[Sequence], batches: list[list[int]]) -> dict[tuple[int, int], float]:
    """Lead of each word's best tag over its second, by (sentence, word), as one forward pass a batch finds them."""
    made, found = prepare(sequences), {}
    for batch in batches:
        packed = scoring_batch("pos", made, batch)
        with torch.no_grad():
            _, logits = objective(packed, None)
        kept = TAGGING.reduce(logits["pos"], packed.tasks["pos"].rows_per_sequence, declare([]))
        for index, (_, leads) in zip(batch, kept, strict=True):
            words = sequences[index].info
            found.update({(sequences[index].example, word): lead for word, lead in zip(words, leads, strict=True)})
    return found


def test_the_sentence_is_far_longer_than_a_window() -> None:
    tokens = tokenizer()(list(LONG.words), is_split_into_words=True, add_special_tokens=False)["input_ids"]
    assert len(tokens) == 900
    windows = encode([LONG])
    assert len(windows) == 8  # 126 sub-words a window at most, and no word is cut
    assert all(len(window.ids) <= LIMITS.max_tokens for window in windows)
    assert sum(len(window.ids) - 2 for window in windows) == 900


def test_every_word_gets_one_tag_and_neighbours_change_none(objective: Objective, tmp_path: Path) -> None:
    alone = score(objective, [LONG], tmp_path / "alone")["long"]
    assert len(alone["prediction"]) == len(alone["gold"]) == len(LONG.words)
    assert len(set(alone["prediction"])) > 2  # else equal tags would say little
    arrangements = [
        ([LONG, *OTHERS], 4096),
        ([*OTHERS, LONG], 4096),
        ([*OTHERS, LONG], 130),
        ([*OTHERS[:2], LONG, *OTHERS[2:]], 300),
    ]
    for number, (examples, batch_tokens) in enumerate(arrangements):
        rows = score(objective, examples, tmp_path / str(number), batch_tokens)
        assert json.dumps(rows["long"]["prediction"]) == json.dumps(alone["prediction"])
        assert rows["long"]["score"] == pytest.approx(alone["score"], abs=1e-5)
        assert all(len(rows[name]["prediction"]) == len(BY_ID[name].words) for name in rows)


def test_the_margin_of_every_word_stays_the_same_in_any_batch(objective: Objective) -> None:
    sequences = encode([LONG, *OTHERS])
    each = [[index] for index in range(len(sequences))]
    alone = margins(objective, sequences, each)
    assert len(alone) == sum(len(example.words) for example in BY_ID.values())
    together, backwards = [list(range(len(sequences)))], [list(reversed(range(len(sequences))))]
    for batches in (together, backwards, [batch[::2] for batch in together] + [batch[1::2] for batch in together]):
        assert margins(objective, sequences, batches) == pytest.approx(alone, abs=1e-5)


def test_a_window_is_read_without_its_neighbours(objective: Objective) -> None:
    # the context of a word is its window, which the sentence and the longest input decide, and nothing else
    windows = encode([LONG])
    first = len(windows[0].info)
    changed = encode([sentence("other ending", [*LONG.words[: first + 1], *words_of(500, seed=9)])])
    assert changed[0] == replace(windows[0], targets=changed[0].targets) and changed[2].ids != windows[2].ids
    before, after = (margins(objective, each, [list(range(len(each)))]) for each in (windows, changed))
    own = [(0, word) for word in range(first)]
    assert [after[word] for word in own] == pytest.approx([before[word] for word in own], abs=1e-5)
