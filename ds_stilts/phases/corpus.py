"""The corpus card of a run: made from its prepared files, written to its folder before anything is trained.

What stands in a card lives in `ds_stilts.data.corpus_card`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ds_stilts.data.corpus_card import Corpus, card_hash, card_json, card_markdown, corpus_card, training_phases
from ds_stilts.data.identity import tokenizer_fingerprint
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.prepared import Facts, read_facts
from ds_stilts.phases.context import Ranks, Run, prepare_all
from ds_stilts.phases.splits import training_keys
from ds_stilts.recipe import Target
from ds_stilts.tasks import get_task
from ds_stilts.whole_file import write_whole


def corpus_of(run: Run, max_tokens: int, facts_of: Callable[[list[SplitKey]], list[Facts]]) -> Corpus:
    """Facts of all that the recipe trains on; `facts_of` prepares splits where need be.

    Args:
        max_tokens: longest sequence of the model.
    """
    return {
        where: {
            name: facts_of(training_keys(run, phase, get_task(name), max_tokens))
            for name in ([where.removeprefix("targets.")] if isinstance(phase, Target) else phase.tasks)
        }
        for where, phase in training_phases(run.recipe).items()
    }


def record_corpus(run: Run, ranks: Ranks, tokenizer: Any, max_tokens: int) -> str:
    """Prepare all that the recipe trains on and write the card; a collective. Returns the card's hash."""
    corpus = corpus_of(
        run,
        max_tokens,
        lambda keys: [read_facts(path) for path in prepare_all(run, ranks, keys, tokenizer)],
    )
    card = corpus_card(run.recipe, corpus, tokenizer_fingerprint(tokenizer))
    if ranks.world.is_main:
        write_card(card, run.run_dir)
    return card_hash(card)


def write_card(card: dict[str, Any], folder: Path) -> None:
    """Write corpus.json and corpus.md, each in one rename."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in {"corpus.json": card_json(card), "corpus.md": card_markdown(card)}.items():
        write_whole(folder / name, text)
