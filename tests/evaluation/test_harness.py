"""Predictions do not depend on how examples were batched, nor on the number of ranks; simulated in one process."""

import json
import math
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch

from ds_stilts.data.batch import scoring_batch
from ds_stilts.data.prepare import SplitKey
from ds_stilts.engine import stop
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.errors import CheckpointError, StoppedCleanly
from ds_stilts.evaluation.harness import predict_whole, score_languages, unwritten_row
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.rows import read_rows
from ds_stilts.formats.base import Limits, Prediction
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.heads import build_head
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import BitextExample, Example, PairExample, SearchExample, TaggedSentence
from ds_stilts.tasks.task import Split, Task
from tests.small import prepared, ragged, task, xlmr


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Put back the handlers that a StopSource takes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


class Table:
    """Where the ranks of a world that is played in threads meet."""

    def __init__(self, size: int) -> None:
        self.barrier = threading.Barrier(size, timeout=60)
        self.values: list[Any] = [None] * size

    def exchange(self, rank: int, value: Any) -> list[Any]:
        self.values[rank] = value
        self.barrier.wait()
        found = list(self.values)
        self.barrier.wait()
        return found


class Seat(World):
    """One rank of a world of threads."""

    def __init__(self, rank: int, size: int, table: Table) -> None:
        super().__init__(rank, size, torch.device("cpu"))
        self._table = table

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        return torch.stack(self._table.exchange(self.rank, values.double())).sum(0)

    def gather(self, value: Any) -> list[Any]:
        return self._table.exchange(self.rank, value)


@pytest.fixture(scope="module")
def objective() -> Objective:
    torch.manual_seed(0)
    heads = {"nli": build_head("classification", 32, 3, 0.0)}
    for parameter in heads["nli"].parameters():
        torch.nn.init.normal_(parameter)  # a fresh head would give every example the same label
    made = Objective(MultiTaskModel(PackedEncoder(xlmr().base_model), heads), [declare([])])
    return made.eval()


def declare(examples: list[Example], format: str = "sentence_pair") -> Task:
    split = Split(read=lambda *_, **__: examples, file="none")
    return task("nli", format, labels=("a", "b", "c"), splits={"test": split})


def ids(count: int) -> list[list[int]]:
    generator = torch.Generator().manual_seed(1)
    return [[0, *torch.randint(4, 32, (3 + i * 7 % 11,), generator=generator).tolist(), 2] for i in range(count)]


def score(
    model: Callable[..., Any],
    made: Task,
    folder: Path,
    *,
    size: int = 1,
    batch_tokens: int = 4096,
    layer: int | None = None,
    rows: list[list[int]] | None = None,
    made_by: str = "",
) -> list[dict[str, Any]]:
    key = SplitKey(task=made, split="test", language="en", limits=Limits(max_tokens=32), training=False)
    examples = made.splits["test"].read()
    given = prepared(ids(len(examples)), rows=rows)
    work = [LanguageWork(key=key, prepared=given, zero_shot=True, made_by=made_by)]
    run(
        model,
        work,
        folder,
        size=size,
        batch_tokens=batch_tokens,
        pooling=None if layer is None else Pooling(layer=layer),
    )
    return read_rows(folder, "en")


def run(
    model: Callable[..., Any],
    work: list[LanguageWork],
    folder: Path,
    *,
    size: int,
    batch_tokens: int,
    pooling: Pooling | None,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "none").touch()
    table = Table(size)
    worlds = [Seat(rank, size, table) for rank in range(size)]
    stops = [StopSource(world, folder) for world in worlds]  # only the main thread may take signals

    def rank(world: World, stop: StopSource) -> None:
        try:
            score_languages(
                model,
                work,
                Evaluation(batch_tokens=batch_tokens),
                root=folder,
                folder=folder,
                pooling=pooling,
                label="probe",
                world=world,
                stop=stop,
            )
        except Exception:
            table.barrier.abort()
            raise

    with ThreadPoolExecutor(size) as threads:
        ends = [threads.submit(rank, world, stop) for world, stop in zip(worlds, stops, strict=True)]
    errors = [end.exception() for end in ends]
    for error in sorted((e for e in errors if e), key=lambda e: isinstance(e, threading.BrokenBarrierError)):
        raise error


def test_batches_and_ranks_change_no_prediction(objective: Objective, tmp_path: Path) -> None:
    made = declare([PairExample(id=str(i), premise="p", hypothesis="h", label="abc"[i % 3]) for i in range(17)])
    whole = score(objective, made, tmp_path / "whole")
    assert [row["index"] for row in whole] == list(range(17))
    assert [row["gold"] for row in whole] == ["abc"[i % 3] for i in range(17)]
    assert len({row["prediction"] for row in whole}) > 1
    assert [row["tokens"] for row in whole] == [len(each) for each in ids(17)]
    for row in whole:  # of three classes, by the lead over the second: the third has from nothing to as much as that
        assert 1 / (1 + 2 * math.exp(-row["score"])) - 1e-6 <= row["confidence"]
        assert row["confidence"] <= 1 / (1 + math.exp(-row["score"])) + 1e-6
    for size, tokens in ((1, 8), (1, 20), (2, 40), (5, 30), (32, 60)):
        other = score(objective, made, tmp_path / f"{size}-{tokens}", size=size, batch_tokens=tokens)
        assert [row["prediction"] for row in other] == [row["prediction"] for row in whole]
        for column in ("score", "confidence"):
            assert [row[column] for row in other] == pytest.approx([row[column] for row in whole], abs=1e-5)


def test_logits_that_are_not_finite_are_one_sentence(tmp_path: Path) -> None:
    torch.manual_seed(0)
    broken = Objective(
        MultiTaskModel(PackedEncoder(xlmr().base_model), {"nli": build_head("classification", 32, 3, 0.0)}),
        [declare([])],
    ).eval()
    next(broken.model.heads["nli"].parameters()).data.fill_(float("nan"))
    made = declare([PairExample(id=str(i), premise="p", hypothesis="h", label="a") for i in range(3)])
    with pytest.raises(
        CheckpointError, match=r"task 'nli', language 'en': the logits are not finite; the model's weights"
    ):
        score(broken, made, tmp_path)


def test_retrieval_finds_the_nearest_mean_of_the_asked_layer(objective: Objective, tmp_path: Path) -> None:
    sentences: list[Example] = [BitextExample(id=f"q{i}", text="", side="query", match=f"c{i}") for i in range(4)]
    sentences += [BitextExample(id=f"c{i}", text="", side="corpus", match=None) for i in range(5)]
    made, tokens = declare(sentences, "retrieval"), ids(9)
    rows = [list(range(1, len(each) - 1)) for each in tokens]
    found = score(objective, made, tmp_path / "1", layer=2, rows=rows)
    hf = objective.model.encoder.hf
    hf.set_attn_implementation("sdpa")
    with torch.no_grad():
        layers = [hf(torch.tensor([each]), output_hidden_states=True).hidden_states[2][0, 1:-1] for each in tokens]
    hf.set_attn_implementation("ds_stilts_grouped")
    means = torch.nn.functional.normalize(torch.stack([layer.mean(0) for layer in layers]), dim=1)
    cosine = means[:4] @ means[4:].T
    assert [row["prediction"] for row in found] == [f"c{i}" for i in cosine.argmax(1).tolist()]
    assert [row["score"] for row in found] == pytest.approx(cosine.max(1).values.tolist(), abs=1e-5)
    assert [row["gold"] for row in found] == ["c0", "c1", "c2", "c3"]
    again = score(objective, made, tmp_path / "3", layer=2, rows=rows, size=3, batch_tokens=12)
    assert [row["prediction"] for row in again] == [row["prediction"] for row in found]


def one_pool() -> tuple[list[LanguageWork], dict[tuple[str, str], list[list[int]]]]:
    """Queries of two languages, candidates of one of them and of a pool that has no queries; and the tokens of each."""

    def texts(name: str, sides: str) -> list[Example]:
        return [
            SearchExample(id=f"{name}{n}", text=f"{name}{n}", side={"q": "query", "c": "corpus"}[side], keys=(str(n),))
            for n, side in enumerate(sides)
        ]

    parts = {("test", "en"): texts("en", "qcqc"), ("test", "de"): texts("de", "qqq"), ("pool", "en"): texts("p", "ccc")}
    splits = {
        split: Split(read=lambda path, *, task, language, labels_path, split=split: parts[split, language], file="none")
        for split in ("test", "pool")
    }
    made = task("nli", "ranking", splits=splits, languages=("en", "de"))
    tokens = iter(ids(10))
    given = {part: [next(tokens) for _ in examples] for part, examples in parts.items()}
    work = [
        LanguageWork(
            key=SplitKey(task=made, split=split, language=language, limits=Limits(max_tokens=32), training=False),
            prepared=prepared(given[split, language], rows=[list(range(len(each))) for each in given[split, language]]),
            zero_shot=True,
        )
        for split, language in parts
    ]
    return work, given


def test_languages_with_one_pool_are_searched_together(objective: Objective, tmp_path: Path) -> None:
    work, given = one_pool()
    run(objective, work, tmp_path / "1", size=1, batch_tokens=4096, pooling=Pooling(layer=2))
    english, german = (read_rows(tmp_path / "1", language) for language in ("en", "de"))
    assert [row["id"] for row in english] == ["en0", "en2"] and [row["index"] for row in english] == [0, 2]
    assert [row["id"] for row in german] == ["de0", "de1", "de2"]
    assert [row["gold"] for row in english + german] == [["p0"], ["p2"], ["p0"], ["en1", "p1"], ["p2"]]
    assert [row["tokens"] for row in english] == [len(given["test", "en"][0]), len(given["test", "en"][2])]
    hf = objective.model.encoder.hf
    hf.set_attn_implementation("sdpa")
    with torch.no_grad():
        means = {
            part: torch.stack(
                [hf(torch.tensor([each]), output_hidden_states=True).hidden_states[2][0].mean(0) for each in own]
            )
            for part, own in given.items()
        }
    hf.set_attn_implementation("ds_stilts_grouped")
    candidates = torch.nn.functional.normalize(torch.cat([means["test", "en"][[1, 3]], means["pool", "en"]]), dim=1)
    names = ["en1", "en3", "p0", "p1", "p2"]
    queries = torch.nn.functional.normalize(torch.cat([means["test", "en"][[0, 2]], means["test", "de"]]), dim=1)
    expected = [[names[i] for i in order] for order in (queries @ candidates.T).argsort(descending=True).tolist()]
    assert [row["prediction"] for row in english + german] == expected
    run(objective, work, tmp_path / "3", size=3, batch_tokens=12, pooling=Pooling(layer=2))
    again = [row for language in ("en", "de") for row in read_rows(tmp_path / "3", language)]
    assert [row["prediction"] for row in again] == expected


def test_mined_pairs_do_not_depend_on_batches_and_ranks(objective: Objective, tmp_path: Path) -> None:
    examples: list[Example] = [
        SearchExample(id=f"{side}{n}", text=f"{side}{n}", side=side, keys=(str(n),) if n < 3 else ())
        for side in ("query", "corpus")
        for n in range(6)
    ]
    made = declare(examples, "mining")
    whole = score(objective, made, tmp_path / "whole", layer=2)
    assert [row["gold"] for row in whole] == [["corpus0"], ["corpus1"], ["corpus2"], None, None, None]
    assert sum(row["prediction"] is not None for row in whole) > 2
    again = score(objective, made, tmp_path / "3", layer=2, size=3, batch_tokens=12)
    assert [row["prediction"] for row in again] == [row["prediction"] for row in whole]
    assert [row["score"] for row in again] == pytest.approx([row["score"] for row in whole], abs=1e-5)


def test_a_stop_is_obeyed_between_languages(objective: Objective, tmp_path: Path) -> None:
    (tmp_path / "STOP").touch()
    with pytest.raises(StoppedCleanly, match="probe: 0 of 1 languages scored"):
        score(objective, declare([PairExample(id="0", premise="p", hypothesis="h", label="a")]), tmp_path)
    assert not list(tmp_path.glob("*.parquet"))


def test_a_stop_is_obeyed_between_the_batches_of_a_language(
    objective: Objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "_ASK_EVERY_S", 0.0)  # at every batch
    batches = []

    def model(*given: Any) -> Any:
        batches.append(given)
        if len(batches) == 3:
            (tmp_path / "STOP").touch()
        return objective(*given)

    made = declare([PairExample(id=str(i), premise="p", hypothesis="h", label="a") for i in range(17)])
    with pytest.raises(StoppedCleanly, match="probe: 0 of 1 languages scored"):
        score(model, made, tmp_path, batch_tokens=8)
    assert len(batches) == 3
    (path,) = tmp_path.glob("*.parquet")
    assert pq.read_table(path).num_rows == 3, "one row a batch, and none is lost"


def test_rows_are_json(objective: Objective, tmp_path: Path) -> None:
    made = declare([PairExample(id="0", premise="p", hypothesis="h", label=None)])
    (row,) = score(objective, made, tmp_path)
    assert row["gold"] is None and json.dumps(row["prediction"]) in ('"a"', '"b"', '"c"')


def test_predictions_that_are_not_written_are_whole_on_every_rank_and_have_their_entropy(
    objective: Objective, tmp_path: Path
) -> None:
    examples: list[Example] = [PairExample(id=str(i), premise="p", hypothesis="h", label=None) for i in range(9)]
    key = SplitKey(task=declare(examples), split="test", language="en", limits=Limits(max_tokens=32), training=False)
    unit = LanguageWork(key=key, prepared=prepared(ids(9)), zero_shot=True)

    def whole(size: int, batch_tokens: int) -> list[dict[int, Prediction]]:
        table = Table(size)
        with ThreadPoolExecutor(size) as threads:
            seats = [Seat(rank, size, table) for rank in range(size)]
            stops = [StopSource(seat, tmp_path) for seat in seats]
            given = Evaluation(batch_tokens=batch_tokens)
            return [*threads.map(lambda *own: predict_whole(objective, unit, examples, given, *own), seats, stops)]

    (alone,) = whole(1, 4096)
    batch = scoring_batch("nli", unit.prepared, range(9))
    logits = objective(batch, None, None)[1]["nli"].double()
    expected = torch.distributions.Categorical(logits=logits.detach()).entropy().tolist()
    assert [one.entropy for one in alone.values()] == pytest.approx(expected, abs=1e-5)
    for found in whole(4, 20):
        assert list(found) == [*range(9)]
        assert [one.prediction for one in found.values()] == [one.prediction for one in alone.values()]
        assert [one.entropy for one in found.values()] == pytest.approx(expected, abs=1e-5)


def test_a_stop_is_obeyed_between_the_batches_of_a_validation(
    objective: Objective, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "_ASK_EVERY_S", 0.0)  # at every batch
    examples: list[Example] = [PairExample(id=str(i), premise="p", hypothesis="h", label=None) for i in range(9)]
    key = SplitKey(task=declare(examples), split="test", language="en", limits=Limits(max_tokens=32), training=False)
    unit = LanguageWork(key=key, prepared=prepared(ids(9)), zero_shot=True)
    batches = []

    def model(*given: Any) -> Any:
        batches.append(given)
        if len(batches) == 3:
            (tmp_path / "STOP").touch()
        return objective(*given)

    seat = Seat(0, 1, Table(1))
    with pytest.raises(StoppedCleanly, match="validation, nli in en, was not ended"):
        predict_whole(model, unit, examples, Evaluation(batch_tokens=8), seat, StopSource(seat, tmp_path))
    assert len(batches) == 3


def test_the_entropy_of_a_sentence_in_several_sequences_is_the_mean_over_all_its_words(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Objective(
        MultiTaskModel(PackedEncoder(xlmr().base_model), {"nli": build_head("tokens", 32, 3, 0.0)}), [declare([])]
    ).eval()
    examples: list[Example] = [
        TaggedSentence(id=str(place), words=("w",) * number, tags=None) for place, number in enumerate((3, 1, 0))
    ]
    given = replace(
        prepared(ids(4), rows=[[1, 2], [1], [2], []], targets=[[], [], [], []], example=[0, 0, 1, 2]),
        info=ragged([[0, 1], [2], [0], []]),
    )
    key = SplitKey(
        task=declare(examples, "tagging"), split="test", language="en", limits=Limits(max_tokens=32), training=False
    )
    unit = LanguageWork(key=key, prepared=given, zero_shot=True)
    seat = Seat(0, 1, Table(1))
    found = predict_whole(model, unit, examples, Evaluation(), seat, StopSource(seat, tmp_path))
    logits = model(scoring_batch("nli", given, range(4)), None, None)[1]["nli"].double().detach()
    words = torch.distributions.Categorical(logits=logits).entropy()
    assert len(words) == 4 and words[:3].std() > 1e-3
    assert found[0].entropy == pytest.approx(float(words[:3].mean()), abs=1e-5)
    assert found[1].entropy == pytest.approx(float(words[3]), abs=1e-5) and found[2].entropy is None


def test_an_unwritten_row_may_have_another_gold_than_its_prediction() -> None:
    made = Prediction(gold="null", prediction='["B", "O"]', score=0.5)
    assert unwritten_row("x", 3, ["O", "O"], made) == {
        "id": "x", "index": 3, "gold": ["O", "O"], "prediction": ["B", "O"], "score": 0.5,
    }  # fmt: skip
