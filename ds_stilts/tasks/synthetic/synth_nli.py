"""Three-way inference in made-up languages, in the layout of XNLI."""

from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

READ = Rows(Delimited(columns=("premise", "hypothesis", "label")), Pairs())

TASK = Task(
    name="synth_nli",
    title="Natural language inference, made-up languages",
    format="sentence_pair",
    languages=LANGUAGES,
    splits={
        "train": Split(read=READ, file="synth/nli/train-{lang}.tsv"),
        "dev": Split(read=READ, file="synth/nli/dev-{lang}.tsv"),
        "test": Split(read=READ, file="synth/nli/test-{lang}.tsv"),
    },
    labels=("contradiction", "entailment", "neutral"),
    metrics=("accuracy",),
    parallel=True,
    chance={"accuracy": 100 / 3},
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
