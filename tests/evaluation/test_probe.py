"""How translations lie, against Hugging Face's hidden states one text at a time; and which texts are looked at."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch.nn.functional import normalize

from ds_stilts.data.prepare import SplitKey
from ds_stilts.engine.objective import Objective
from ds_stilts.engine.stop import StopSource
from ds_stilts.engine.world import World
from ds_stilts.evaluation.language import LanguageWork
from ds_stilts.evaluation.pooling import Pooling
from ds_stilts.evaluation.probe import AlignmentProbe, Probed
from ds_stilts.formats.base import Limits
from ds_stilts.models.encoder import PackedEncoder
from ds_stilts.models.multitask import MultiTaskModel
from ds_stilts.recipe import Evaluation
from ds_stilts.tasks.examples import BitextExample
from tests.evaluation.test_harness import Seat, Table, ids
from tests.small import prepared, task, xlmr

LAYERS = (0, 1, 3)
TASK = task("bitext", "retrieval", languages=("de", "sw"))
GOLD = (8, None, 9, 9, 7, 6)
"""Of each query its sentence's place; sentences are 6 to 10. One has none, and two have the same."""
TEXTS = [
    *(
        BitextExample(id=f"t{i}", text="", side="query", match=None if g is None else f"t{g}")
        for i, g in enumerate(GOLD)
    ),
    *(BitextExample(id=f"t{i}", text="", side="corpus", match=None) for i in range(6, 11)),
]


def tokens(language: str) -> list[list[int]]:
    """Every query's sentence is like it but for a token."""
    found = ids(22)[:11] if language == "de" else ids(22)[11:]
    for query, sentence in enumerate(GOLD):
        if sentence is not None:
            found[sentence] = [*found[query][:-2], 5, 2]
    return found


def unit(language: str) -> LanguageWork:
    key = SplitKey(task=TASK, split="test", language=language, limits=Limits(max_tokens=32), training=False)
    given = tokens(language)
    return LanguageWork(key=key, prepared=prepared(given, rows=[[*range(len(t))] for t in given]), zero_shot=True)


def probed(folder: Path, num_queries: int, size: int = 1, languages: tuple[str, ...] = ("de", "sw")) -> list[Probed]:
    """What each rank of a world of threads finds."""
    model = Objective(MultiTaskModel(PackedEncoder(xlmr().base_model), {}), [task("nli")]).eval()
    made = AlignmentProbe(
        [unit(language) for language in languages],
        [TEXTS] * len(languages),
        Pooling(layer=3, sweep=LAYERS),
        num_queries,
    )
    table = Table(size)

    def rank(world: World, stop: StopSource) -> Probed:
        try:
            return made.measure(model, Evaluation(batch_tokens=40), world, stop)
        except threading.BrokenBarrierError:
            raise
        except Exception:
            table.barrier.abort()
            raise

    seats = [Seat(place, size, table) for place in range(size)]
    stops = [StopSource(seat, folder) for seat in seats]  # only the main thread may take signals
    with ThreadPoolExecutor(size) as threads:
        return [*threads.map(rank, seats, stops)]


def expected(language: str, pairs: dict[int, int], layer: int) -> dict[str, float]:
    """By plain means over each text's own hidden states, on the texts of these pairs alone."""
    model = xlmr().base_model
    given, places = tokens(language), [*pairs, *pairs.values()]
    with torch.no_grad():
        states = [model(torch.tensor([given[place]]), output_hidden_states=True).hidden_states for place in places]
    vectors = normalize(torch.stack([own[layer][0].double().mean(0) for own in states]), dim=1)
    queries, sentences = vectors[: len(pairs)], vectors[len(pairs) :]
    near = torch.pdist(vectors).square()
    return {
        "accuracy": 100 * float(((queries @ sentences.T).argmax(1) == torch.arange(len(pairs))).double().mean()),
        "alignment": float((queries - sentences).square().sum(1).mean()),
        "uniformity": float((-2 * near).exp().mean().log()),
    }


@pytest.mark.parametrize(("num_queries", "pairs"), [(9, {0: 8, 2: 9, 4: 7, 5: 6}), (3, {0: 8, 2: 9, 4: 7})])
def test_every_state_is_as_hugging_face_has_it_on_the_first_queries_with_a_sentence_of_their_own(
    num_queries: int, pairs: dict[int, int], tmp_path: Path
) -> None:
    (found,) = probed(tmp_path, num_queries)
    assert found.examples == {"de": len(pairs), "sw": len(pairs)} and found.layers == LAYERS
    for language, columns in found.languages.items():
        for place, layer in enumerate(LAYERS):
            own = {figure: values[place] for figure, values in columns.items()}
            assert own == pytest.approx(expected(language, pairs, layer), abs=1e-5), (language, layer)
    assert found.languages["de"] != found.languages["sw"]


def test_every_rank_of_any_number_finds_the_same(tmp_path: Path) -> None:
    (alone,) = probed(tmp_path, 9)
    for one in probed(tmp_path, 9, size=5):  # more ranks than batches
        assert one.examples == alone.examples
        for language, columns in one.languages.items():
            for figure, values in columns.items():
                assert values == pytest.approx(alone.languages[language][figure], abs=1e-6)


FOUND = Probed(
    task="bitext",
    layers=(0, 6),
    languages={
        "de": {"accuracy": [50.0, 70.0], "alignment": [1.0, 0.5], "uniformity": [-1.0, -2.0]},
        "sw": {"accuracy": [40.0, 50.0], "alignment": [2.0, 1.5], "uniformity": [-3.0, -2.0]},
    },
    examples={"de": 4, "sw": 3},
)


def test_the_record_has_means_over_languages_and_each_language_with_its_number_of_queries() -> None:
    shown = FOUND.shown()
    assert (shown["accuracy"], shown["alignment"], shown["uniformity"]) == ([45, 60], [1.5, 1], [-2, -2])
    assert shown["languages"]["sw"] == {"examples": 3, **FOUND.languages["sw"]}
    assert (shown["task"], shown["layers"]) == ("bitext", [0, 6])


def test_curves_are_of_each_state_and_the_line_names_the_best() -> None:
    points = FOUND.points()
    assert len(points) == 6 and points["probe/accuracy/layer_6"] == 60 and points["probe/alignment/layer_0"] == 1.5
    assert FOUND.said() == "bitext 60.0 at hidden state 6"
