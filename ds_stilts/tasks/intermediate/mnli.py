"""MultiNLI: English sentence pairs of ten genres, scored on the matched development set."""

from ds_stilts.tasks.declaration import HUB_NOT_READ
from ds_stilts.tasks.readers.jsonl import read_pairs
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="mnli",
    title="MultiNLI",
    format="sentence_pair",
    languages=("en",),
    splits={
        "train": Split(read=read_pairs, file="mnli/train.jsonl"),
        "dev": Split(read=read_pairs, file="mnli/dev_matched.jsonl"),
    },
    score_split="dev",
    labels=("contradiction", "entailment", "neutral"),  # order of jiant's MnliTask
    metrics=("accuracy",),
    chance={"accuracy": 100 / 3},
    url="https://huggingface.co/datasets/nyu-mll/glue",
    hub_id="nyu-mll/glue",
    licence="OANC, CC BY-SA 3.0 and CC BY 3.0, by genre (to be confirmed at the source)",
    citation="Williams, Nangia, Bowman 2018: A Broad-Coverage Challenge Corpus for Sentence Understanding through "
    "Inference. NAACL (arXiv:1704.05426)",
    note="Lines are objects with premise, hypothesis and label (a word). " + HUB_NOT_READ,
)
