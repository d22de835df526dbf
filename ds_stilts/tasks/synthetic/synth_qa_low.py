"""Extractive questions with a few hundred training questions of their own, in made-up languages, like TyDiQA-GoldP."""

from ds_stilts.tasks.readers.squad import read_questions
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="synth_qa_low",
    title="Questions, little data, made-up languages",
    format="span_qa",
    languages=LANGUAGES,
    splits={
        "train": Split(read=read_questions, file="synth/qa_low/train.{lang}.json"),
        "dev": Split(read=read_questions, file="synth/qa_low/dev.{lang}.json"),
        "test": Split(read=read_questions, file="synth/qa_low/test.{lang}.json"),
    },
    metrics=("f1", "exact_match"),
    max_tokens=128,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
