"""Is the second sentence a paraphrase of the first, in made-up languages, in the layout of PAWS-X."""

from ds_stilts.tasks.readers.columns import Pairs, Rows
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

READ = Rows(Delimited(columns=("premise", "hypothesis", "label")), Pairs())

TASK = Task(
    name="synth_paraphrase",
    title="Paraphrase, made-up languages",
    format="sentence_pair",
    languages=LANGUAGES,
    splits={
        "train": Split(read=READ, file="synth/paraphrase/train-{lang}.tsv"),
        "dev": Split(read=READ, file="synth/paraphrase/dev-{lang}.tsv"),
        "test": Split(read=READ, file="synth/paraphrase/test-{lang}.tsv"),
    },
    labels=("0", "1"),
    metrics=("accuracy",),
    parallel=True,
    chance={"accuracy": 50.0},
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
