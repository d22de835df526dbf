"""SQuAD-it: SQuAD 1.1 translated into Italian by machine, the answers found again in the translation."""

from ds_stilts.tasks.readers.squad import read_questions
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="squad_it",
    title="SQuAD-it",
    format="span_qa",
    languages=("it",),
    splits={
        "train": Split(read=read_questions, file="xx/it/squad_it/SQuAD_it-train.json", published=54159),
        "test": Split(read=read_questions, file="xx/it/squad_it/SQuAD_it-test.json", published=7609),
    },
    unaligned_share=0.02,
    metrics=("f1", "exact_match"),
    max_tokens=384,
    url="https://github.com/crux82/squad-it",
    licence="CC BY-SA 4.0",
    citation="Croce, Zelenanska, Basili 2018: Neural Learning for Question Answering in Italian. AI*IA",
    note="The files come packed (.json.gz). 11 of the first 1,496 test questions have an answer that does not stand at "
    "its offset (mostly another capital letter); 2 % are allowed. Empty answers beside others are left out. The "
    "questions are SQuAD 1.1's in Italian, the test those of its development set, as XQuAD's are. No hub copy is "
    "named: the one known needs a script.",
)
