"""Part-of-speech tags in made-up languages, in the layout of UD-POS."""

from ds_stilts.tasks.readers.tags import read_tags
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="synth_pos",
    title="Parts of speech, made-up languages",
    format="tagging",
    languages=LANGUAGES,
    splits={
        "train": Split(read=read_tags, file="synth/pos/train-{lang}.tsv"),
        "dev": Split(read=read_tags, file="synth/pos/dev-{lang}.tsv"),
        "test": Split(read=read_tags, file="synth/pos/test-{lang}.tsv"),
    },
    labels=("ADJ", "ADP", "NOUN", "PART", "PRON", "PROPN", "PUNCT", "VERB"),
    metrics=("f1", "accuracy"),
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
