"""PAWS-X: whether two sentences with the same words mean the same, in seven languages, trained on English."""

from ds_stilts.tasks.declaration import XTREME_DOWNLOAD, words
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.task import Split, Task

LANGUAGES = words("de en es fr ja ko zh")
COLUMNS = Pairs(premise="sentence1", hypothesis="sentence2")
READ = Rows(Delimited(columns=("sentence1", "sentence2", "label")), COLUMNS)
READ_UNLABELLED = Rows(Delimited(columns=("sentence1", "sentence2")), COLUMNS)

TASK = Task(
    name="pawsx",
    title="PAWS-X",
    format="sentence_pair",
    languages=LANGUAGES,
    benchmarks={"xtreme": LANGUAGES},
    splits={
        "train": Split(read=READ, file="pawsx/train-{lang}.tsv", languages=("en",), published=49401),
        "dev": Split(read=READ, file="pawsx/dev-{lang}.tsv", published=2000),
        "test": Split(
            read=READ_UNLABELLED,
            file="pawsx/test-{lang}.tsv",
            labels="labels/pawsx/test-{lang}.tsv",
            published=2000,
        ),
    },
    labels=("0", "1"),
    metrics=("accuracy",),
    parallel=True,
    chance={"accuracy": 50.0},
    url=XTREME_DOWNLOAD,
    hub=Hub(
        id="google-research-datasets/paws-x",
        config="{lang}",
        splits={"train": "train", "dev": "validation", "test": "test"},
        columns=COLUMNS,
    ),
    licence="Free for any purpose, acknowledgement of Google LLC appreciated",
    citation="Yang et al. 2019: PAWS-X: A Cross-lingual Adversarial Dataset for Paraphrase Identification. EMNLP "
    "(arXiv:1908.11828)",
    note="A sentence that was not translated is NS, and its pair has label 0, as released. XTREME-R dropped the task. "
    "XTREME takes the test labels off: labels/pawsx/ holds them, one a line.",
)
