"""Cosmos QA: questions about what everyday narratives leave unsaid, with four answers."""

from ds_stilts.tasks.hub import Hub
from ds_stilts.tasks.readers.columns import Choices, Rows
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.task import Split, Task

COLUMNS = Choices(context="{context} {question}", choices=("answer0", "answer1", "answer2", "answer3"), id="id")
READ = Rows(Delimited(","), COLUMNS)

TASK = Task(
    name="cosmosqa",
    title="Cosmos QA",
    format="multiple_choice",
    languages=("en",),
    splits={
        "train": Split(read=READ, file="cosmosqa/train.csv", published=25262),
        "dev": Split(read=READ, file="cosmosqa/valid.csv", published=2985),
    },
    score_split="dev",
    num_choices=4,
    metrics=("accuracy",),
    chance={"accuracy": 25.0},
    max_tokens=256,
    url="https://github.com/wilburOne/cosmosqa/tree/master/data",
    hub=Hub(
        id="allenai/cosmos_qa",
        splits={"train": "train", "dev": "validation"},
        columns=COLUMNS,
        note="The hub holds a loading script, which `datasets` no longer runs: ask for a Parquet revision.",
    ),
    licence="CC BY 4.0 (by its dataset card; the authors' repository states none)",
    citation="Huang, Le Bras, Bhagavatula, Choi 2019: Cosmos QA: Machine Reading Comprehension with Contextual "
    "Commonsense Reasoning. EMNLP (arXiv:1909.00277)",
    note="The prompt is context, a space, question (jiant's). Personal web text, which may offend.",
)
