"""XNLI: MultiNLI's development and test data in 15 languages, trained on the English MultiNLI."""

from ds_stilts.tasks.declaration import HUB_NOT_READ, XTREME_DOWNLOAD, words
from ds_stilts.tasks.readers.tsv import read_pairs
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="xnli",
    title="XNLI",
    format="sentence_pair",
    languages=words("ar bg de el en es fr hi ru sw th tr ur vi zh"),
    splits={
        "train": Split(read=read_pairs, file="xnli/train-{lang}.tsv", languages=("en",)),
        "dev": Split(read=read_pairs, file="xnli/dev-{lang}.tsv"),
        "test": Split(read=read_pairs, file="xnli/test-{lang}.tsv", labels="labels/xnli/test-{lang}.tsv"),
    },
    labels=("contradiction", "entailment", "neutral"),  # order of jiant's XnliTask and of XTREME's XnliProcessor
    metrics=("accuracy",),
    chance={"accuracy": 100 / 3},
    train_data="mnli",
    url=XTREME_DOWNLOAD,
    hub_id="facebook/xnli",
    licence="CC BY-NC 4.0; English training data as MultiNLI (OANC, CC BY-SA 3.0, CC BY 3.0)",
    citation="Conneau et al. 2018: XNLI: Evaluating Cross-lingual Sentence Representations. EMNLP (arXiv:1809.05053)",
    note="XTREME takes the test labels off: labels/xnli/ holds them, one a line. " + HUB_NOT_READ,
)
