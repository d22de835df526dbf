"""QQP: whether two questions from Quora ask the same."""

from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.task import Split, Task

READ = Rows(json_lines, Pairs(premise="question1", hypothesis="question2", label="is_duplicate"))

TASK = Task(
    name="qqp",
    title="Quora Question Pairs",
    format="sentence_pair",
    languages=("en",),
    splits={
        "train": Split(read=READ, file="qqp/train.jsonl", published=363846),
        "dev": Split(read=READ, file="qqp/dev.jsonl", published=40430),
    },
    score_split="dev",
    labels=("0", "1"),
    metrics=("accuracy", "f1"),
    value_metrics=("accuracy", "f1"),
    chance={"accuracy": 50.0},
    url="https://huggingface.co/datasets/nyu-mll/glue",
    hub=Hub(
        id="nyu-mll/glue",
        config="qqp",
        splits={"train": "train", "dev": "validation"},
        columns=Pairs(premise="question1", hypothesis="question2"),
    ),
    licence="Quora's terms of service, non-commercial use; redistribution unclear",
    citation="Iyer, Dandekar, Csernai 2017: First Quora Dataset Release: Question Pairs; as split by GLUE, Wang et al. "
    "2019 (arXiv:1804.07461)",
    note="Label 1 is a duplicate, the class of F1. Its value is the mean of accuracy and F1, as in GLUE and jiant.",
)
