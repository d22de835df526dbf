"""The rounds of Adversarial NLI, which differ in nothing but their number; declared in `intermediate/anli_r*.py`."""

from ds_stilts.tasks.declaration import NLI_HUB_NAMES, NLI_LABELS
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.task import Split, Task

_READ = Rows(
    json_lines,
    Pairs(premise="context", names={"c": "contradiction", "e": "entailment", "n": "neutral"}, id="uid"),
)


def anli_round(number: int, *, train: int, dev: int) -> Task:
    """Declare one round.

    Args:
        train: published examples of its training set.
        dev: of its development set, and as many of its test set.
    """
    return Task(
        name=f"anli_r{number}",
        title=f"ANLI round {number}",
        format="sentence_pair",
        languages=("en",),
        splits={
            "train": Split(read=_READ, file=f"anli_v1.0/R{number}/train.jsonl", published=train),
            "dev": Split(read=_READ, file=f"anli_v1.0/R{number}/dev.jsonl", published=dev),
            "test": Split(read=_READ, file=f"anli_v1.0/R{number}/test.jsonl", published=dev),
        },
        score_split="dev",
        labels=NLI_LABELS,
        head="nli",
        metrics=("accuracy",),
        chance={"accuracy": 100 / 3},
        max_tokens=256,  # contexts are paragraphs; the length of jiant's runs
        url="https://github.com/facebookresearch/anli",
        hub=Hub(
            id="facebook/anli",
            config="plain_text",
            splits={split: f"{split}_r{number}" for split in ("train", "dev", "test")},
            columns=Pairs(names=NLI_HUB_NAMES, id="uid"),
        ),
        licence="CC BY-NC 4.0",
        citation="Nie et al. 2020: Adversarial NLI: A New Benchmark for Natural Language Understanding. ACL "
        "(arXiv:1910.14599)",
        note="The release calls the premise context, the hub premise.",
    )
