"""SNLI: English sentence pairs about photo captions, the first large inference set."""

from ds_stilts.tasks.declaration import NLI_HUB_NAMES, NLI_LABELS
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.task import Split, Task

READ = Rows(json_lines, Pairs(drop=("-",)))

TASK = Task(
    name="snli",
    title="SNLI",
    format="sentence_pair",
    languages=("en",),
    splits={
        # of 550,152 rows, those with a label
        "train": Split(read=READ, file="snli/train.jsonl", published=549367),
        "dev": Split(read=READ, file="snli/dev.jsonl", published=9842),
        "test": Split(read=READ, file="snli/test.jsonl"),
    },
    score_split="dev",
    labels=NLI_LABELS,
    head="nli",
    metrics=("accuracy",),
    chance={"accuracy": 100 / 3},
    url="https://huggingface.co/datasets/stanfordnlp/snli",
    hub=Hub(
        id="stanfordnlp/snli",
        config="plain_text",
        splits={"train": "train", "dev": "validation", "test": "test"},
        columns=Pairs(names=NLI_HUB_NAMES, drop=("-1",)),
        note="Its rows without agreement have the label -1.",
    ),
    licence="CC BY-SA 4.0",
    citation="Bowman, Angeli, Potts, Manning 2015: A large annotated corpus for learning natural language inference. "
    "EMNLP (arXiv:1508.05326)",
    note="Lines are objects with premise, hypothesis and label (a word). Rows without agreement among the annotators "
    "(label -) are left out, as in jiant, and not counted.",
)
