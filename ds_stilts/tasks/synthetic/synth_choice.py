"""Which of four events comes next, in made-up languages, as HellaSwag and XCOPA ask."""

from ds_stilts.tasks.readers.jsonl import read_choices
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, SOURCE, URL
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="synth_choice",
    title="Next event, made-up languages",
    format="multiple_choice",
    languages=LANGUAGES,
    splits={
        "train": Split(read=read_choices, file="synth/choice/train-{lang}.jsonl", languages=SOURCE),
        "dev": Split(read=read_choices, file="synth/choice/dev-{lang}.jsonl"),
        "test": Split(read=read_choices, file="synth/choice/test-{lang}.jsonl"),
    },
    num_choices=4,
    metrics=("accuracy",),
    chance={"accuracy": 25.0},
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
