"""Which of four events comes next, in made-up languages, as HellaSwag and XCOPA ask."""

from ds_stilts.tasks.readers.columns import Choices, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.synthetic import CITATION, LANGUAGES, LICENCE, URL
from ds_stilts.tasks.task import Split, Task

READ = Rows(json_lines, Choices())

TASK = Task(
    name="synth_choice",
    title="Next event, made-up languages",
    format="multiple_choice",
    languages=LANGUAGES,
    splits={
        "train": Split(read=READ, file="synth/choice/train-{lang}.jsonl"),
        "dev": Split(read=READ, file="synth/choice/dev-{lang}.jsonl"),
        "test": Split(read=READ, file="synth/choice/test-{lang}.jsonl"),
    },
    num_choices=4,
    metrics=("accuracy",),
    parallel=True,
    chance={"accuracy": 25.0},
    max_tokens=64,
    url=URL,
    licence=LICENCE,
    citation=CITATION,
)
