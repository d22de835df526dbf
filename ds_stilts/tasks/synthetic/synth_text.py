"""Running text in made-up languages."""

from ds_stilts.tasks.readers.text import read_sentences
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="synth_text",
    title="Running text, made-up languages",
    format="masked_lm",
    languages=LANGUAGES,
    splits={"train": Split(read=read_sentences, file="synth/text/{lang}.txt.gz")},
    score_split="train",
    metrics=("perplexity",),
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
