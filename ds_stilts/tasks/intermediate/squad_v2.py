"""SQuAD 2.0: the questions of SQuAD 1.1, and as natural ones about the same paragraphs that have no answer there."""

from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Questions
from ds_stilts.tasks.readers.squad import read_questions
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="squad_v2",
    title="SQuAD 2.0",
    format="span_qa",
    languages=("en",),
    splits={
        "train": Split(read=read_questions, file="squad2/train-v2.0.json", published=130319),
        "dev": Split(read=read_questions, file="squad2/dev-v2.0.json", published=11873),
    },
    score_split="dev",
    no_answer=True,
    metrics=("f1", "exact_match", "best_f1", "best_exact_match"),
    value_metrics=("best_f1", "best_exact_match"),
    contains=("squad_v1",),
    max_tokens=384,
    url="https://rajpurkar.github.io/SQuAD-explorer/",
    hub=Hub(
        id="rajpurkar/squad_v2",
        config="squad_v2",
        splits={"train": "train", "dev": "validation"},
        columns=Questions(),
        note="The hub has no is_impossible: no answers means that there is none.",
    ),
    licence="CC BY-SA 4.0",
    citation="Rajpurkar, Jia, Liang 2018: Know What You Don't Know: Unanswerable Questions for SQuAD. ACL "
    "(arXiv:1806.03822)",
    note="Its value is the mean of best_f1 and best_exact_match, as jiant's: the threshold for no answer is chosen on "
    "the scored questions themselves, so beside a system that may not look, compare f1 and exact_match (threshold 0).",
)
