"""Sentence retrieval from "aa" into the other made-up languages, in the layout of Tatoeba."""

from ds_stilts.tasks.readers.bitext import read_bitext
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="synth_retrieval",
    title="Sentence retrieval, made-up languages",
    format="retrieval",
    languages=LANGUAGES[1:],  # "aa" is the side of the queries
    splits={
        "test": Split(
            read=read_bitext,
            file="synth/retrieval/{lang}-aa.{lang}",
            labels="synth/retrieval/labels/test-{lang}.tsv",
            also=("synth/retrieval/{lang}-aa.aa",),
        ),
    },
    metrics=("accuracy",),
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
