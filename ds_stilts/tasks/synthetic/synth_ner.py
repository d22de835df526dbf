"""Entities (persons, places, objects) in made-up languages, in the layout of PAN-X."""

from ds_stilts.tasks.readers.tags import read_tags
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="synth_ner",
    title="Named entities, made-up languages",
    format="tagging",
    languages=LANGUAGES,
    splits={
        "train": Split(read=read_tags, file="synth/ner/train-{lang}.tsv"),
        "dev": Split(read=read_tags, file="synth/ner/dev-{lang}.tsv"),
        "test": Split(read=read_tags, file="synth/ner/test-{lang}.tsv"),
    },
    labels=("B-LOC", "B-OBJ", "B-PER", "I-LOC", "I-OBJ", "I-PER", "O"),
    metrics=("f1", "accuracy"),
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
