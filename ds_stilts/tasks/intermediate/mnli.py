"""MultiNLI: English sentence pairs of ten genres, scored on the matched development set."""

from ds_stilts.tasks.declaration import NLI_HUB_NAMES, NLI_LABELS
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Layouts, Pairs, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.task import Split, Task

RELEASE = Pairs(premise="sentence1", hypothesis="sentence2", label="gold_label", drop=("-",))
READ = Rows(json_lines, Layouts({"gold_label": RELEASE, "label": Pairs()}))

TASK = Task(
    name="mnli",
    title="MultiNLI",
    format="sentence_pair",
    languages=("en",),
    splits={
        "train": Split(read=READ, file="mnli/train.jsonl", published=392702, fields=("genre",)),
        "dev": Split(read=READ, file="mnli/dev_matched.jsonl", published=9815, fields=("genre",)),
    },
    score_split="dev",
    labels=NLI_LABELS,
    head="nli",
    metrics=("accuracy",),
    chance={"accuracy": 100 / 3},
    url="https://huggingface.co/datasets/nyu-mll/glue",
    hub=Hub(
        id="nyu-mll/glue",
        config="mnli",
        splits={"train": "train", "dev": "validation_matched"},
        columns=Pairs(names=NLI_HUB_NAMES),
    ),
    licence="OANC, CC BY-SA 3.0 and CC BY 3.0, by genre (to be confirmed at the source)",
    citation="Williams, Nangia, Bowman 2018: A Broad-Coverage Challenge Corpus for Sentence Understanding through "
    "Inference. NAACL (arXiv:1704.05426)",
    note="Lines are objects with premise, hypothesis and label (a word), or those of multinli_1.0_*.jsonl as released. "
    "The hub's copy has no genres; the release has fiction, government, slate, telephone and travel.",
)
