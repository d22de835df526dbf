"""JNLI of JGLUE: Japanese pairs of captions of one picture."""

from ds_stilts.tasks.declaration import NLI_LABELS
from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.task import Split, Task

READ = Rows(json_lines, Pairs(premise="sentence1", hypothesis="sentence2", id="sentence_pair_id"))

TASK = Task(
    name="jnli",
    title="JNLI",
    format="sentence_pair",
    languages=("ja",),
    splits={
        "train": Split(read=READ, file="xx/ja/jnli/train-v1.3.json", published=20073),
        "dev": Split(read=READ, file="xx/ja/jnli/valid-v1.3.json", published=2434),
    },
    score_split="dev",
    labels=NLI_LABELS,
    metrics=("accuracy",),
    chance={"accuracy": 100 / 3},
    url="https://github.com/yahoojapan/JGLUE",
    licence="CC BY-SA 4.0",
    citation="Kurihara, Kawahara, Shibata 2022: JGLUE: Japanese General Language Understanding Evaluation. LREC",
    note="JSON lines despite the name; version 1.3. More than half of the development set is neutral. The hub's copy "
    "needs a loading script.",
)
