"""HellaSwag: which of four endings goes on with a caption or a how-to text."""

from dataclasses import replace

from ds_stilts.tasks.examples import Example
from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Choices, Rows, text, value
from ds_stilts.tasks.readers.tables import Row, json_lines
from ds_stilts.tasks.task import Split, Task

_CHOICES = Choices(context="ctx", choices="endings")


def columns(row: Row, number: str, task: Task) -> list[Example]:
    """jiant's layout: the prompt is `ctx_a`, and each ending has `ctx_b` before it; where a file has the two as one
    `ctx` only, that is the prompt and the endings stand alone."""
    if "ctx_a" in row.values:
        begun, endings = text(row, "ctx_b"), value(row, "endings")
        if isinstance(endings, list):
            endings = [f"{begun} {ending}" if isinstance(ending, str) else ending for ending in endings]
        row = replace(row, values={**row.values, "ctx": text(row, "ctx_a"), "endings": endings})
    return _CHOICES(row, number, task)


READ = Rows(json_lines, columns)

TASK = Task(
    name="hellaswag",
    title="HellaSwag",
    format="multiple_choice",
    languages=("en",),
    splits={
        "train": Split(read=READ, file="hellaswag/hellaswag_train.jsonl", published=39905),
        "dev": Split(read=READ, file="hellaswag/hellaswag_val.jsonl", published=10042),
    },
    score_split="dev",
    num_choices=4,
    metrics=("accuracy",),
    chance={"accuracy": 25.0},
    url="https://github.com/rowanz/hellaswag/tree/master/data",
    hub=Hub(id="Rowan/hellaswag", splits={"train": "train", "dev": "validation"}, columns=columns),
    licence="MIT",
    citation="Zellers, Holtzman, Bisk, Farhadi, Choi 2019: HellaSwag: Can a Machine Really Finish Your Sentence? ACL "
    "(arXiv:1905.07830)",
    note="Read as jiant does: `ctx_a` is the prompt, `ctx_b` stands before each ending. Files without these two are "
    "read by their `ctx`, which puts `ctx_b` into the prompt: other inputs, so do not compare the scores of the two.",
)
