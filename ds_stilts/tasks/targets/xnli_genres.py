"""XNLI with genres: the same pairs as XNLI in the layout of its release, all languages in one file."""

from ds_stilts.tasks.declaration import NLI_LABELS
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.targets import xnli
from ds_stilts.tasks.task import Split, Task

READ = Rows(
    Delimited(quoted=False),
    Pairs(premise="sentence1", hypothesis="sentence2", label="gold_label", id="pairID"),
    language="language",
)

TASK = Task(
    name="xnli_genres",
    title="XNLI, with genres",
    format="sentence_pair",
    languages=xnli.LANGUAGES,
    splits={
        "train": xnli.TASK.splits["train"],
        "dev": Split(read=READ, file="xnli/xnli.dev.tsv", published=2490, fields=("genre",)),
        "test": Split(read=READ, file="xnli/xnli.test.tsv", published=5010, fields=("genre",)),
    },
    labels=NLI_LABELS,
    head="xnli",
    metrics=("accuracy",),
    parallel=True,
    chance={"accuracy": 100 / 3},
    train_data="mnli",
    url="https://cims.nyu.edu/~sbowman/xnli/",
    licence=xnli.TASK.licence,
    citation=xnli.TASK.citation,
    note="XTREME's files have no genres; these are those of XNLI-1.0.zip, with their labels. For scores by genre, "
    "`parts` in a recipe. The benchmarks' task is `xnli`.",
)
