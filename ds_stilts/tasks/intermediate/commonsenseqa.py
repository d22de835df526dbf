"""CommonsenseQA 1.11: common-sense questions with five answers."""

from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Choices, Rows
from ds_stilts.tasks.readers.tables import json_lines
from ds_stilts.tasks.task import Split, Task

LETTERS = ("A", "B", "C", "D", "E")
READ = Rows(
    json_lines,
    Choices(context="question.stem", choices="question.choices.text", label="answerKey", names=LETTERS, id="id"),
)

TASK = Task(
    name="commonsenseqa",
    title="CommonsenseQA 1.11",
    format="multiple_choice",
    languages=("en",),
    splits={
        "train": Split(read=READ, file="commonsenseqa/v1.11/train_rand_split.jsonl", published=9741),
        "dev": Split(read=READ, file="commonsenseqa/v1.11/dev_rand_split.jsonl", published=1221),
    },
    score_split="dev",
    num_choices=5,
    metrics=("accuracy",),
    chance={"accuracy": 20.0},
    url="https://www.tau-nlp.org/commonsenseqa",
    hub=Hub(
        id="tau/commonsense_qa",
        splits={"train": "train", "dev": "validation"},
        columns=Choices(context="question", choices="choices.text", label="answerKey", names=LETTERS, id="id"),
    ),
    licence="MIT",
    citation="Talmor, Herzig, Lourie, Berant 2019: CommonsenseQA: A Question Answering Challenge Targeting Commonsense "
    "Knowledge. NAACL (arXiv:1811.00937)",
    note="The random split; the prompt is the question alone, without its concept (jiant's). The test set has no gold.",
)
