"""XNLI: MultiNLI's development and test data in 15 languages, trained on the English MultiNLI."""

from ds_stilts.tasks.declaration import NLI_HUB_NAMES, NLI_LABELS, XTREME_DOWNLOAD, words
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.task import Split, Task

LANGUAGES = words("ar bg de el en es fr hi ru sw th tr ur vi zh")
READ = Rows(Delimited(columns=("premise", "hypothesis", "label")), Pairs())
READ_UNLABELLED = Rows(Delimited(columns=("premise", "hypothesis")), Pairs())

TASK = Task(
    name="xnli",
    title="XNLI",
    format="sentence_pair",
    languages=LANGUAGES,
    benchmarks={"xtreme": LANGUAGES, "xtreme-r": LANGUAGES},
    splits={
        "train": Split(read=READ, file="xnli/train-{lang}.tsv", languages=("en",), published=392702),
        "dev": Split(read=READ, file="xnli/dev-{lang}.tsv", published=2490),
        "test": Split(
            read=READ_UNLABELLED,
            file="xnli/test-{lang}.tsv",
            labels="labels/xnli/test-{lang}.tsv",
            published=5010,
        ),
    },
    labels=NLI_LABELS,
    metrics=("accuracy",),
    parallel=True,
    chance={"accuracy": 100 / 3},
    train_data="mnli",
    url=XTREME_DOWNLOAD,
    hub=Hub(
        id="facebook/xnli",
        config="{lang}",
        splits={"train": "train", "dev": "validation", "test": "test"},
        columns=Pairs(names=NLI_HUB_NAMES),
        note="The hub's English training set is MultiNLI as XNLI packs it.",
    ),
    licence="CC BY-NC 4.0; English training data as MultiNLI (OANC, CC BY-SA 3.0, CC BY 3.0)",
    citation="Conneau et al. 2018: XNLI: Evaluating Cross-lingual Sentence Representations. EMNLP (arXiv:1809.05053)",
    note="XTREME takes the test labels off: labels/xnli/ holds them, one a line.",
)
