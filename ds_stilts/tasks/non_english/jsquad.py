"""JSQuAD: Japanese questions answered by a span of a Wikipedia paragraph, part of JGLUE."""

from ds_stilts.tasks.readers.squad import read_questions
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="jsquad",
    title="JSQuAD (JGLUE)",
    format="span_qa",
    languages=("ja",),
    splits={
        "train": Split(read=read_questions, file="xx/ja/jsquad/train-v1.3.json", published=62859),
        "dev": Split(read=read_questions, file="xx/ja/jsquad/valid-v1.3.json", published=4442),
    },
    score_split="dev",
    metrics=("f1", "exact_match"),
    max_tokens=384,
    url="https://github.com/yahoojapan/JGLUE",
    licence="CC BY-SA 4.0",
    citation="Kurihara, Kawahara, Shibata 2022: JGLUE: Japanese General Language Understanding Evaluation. LREC",
    note="Passages begin with the article's title and the word [SEP], which stay text to XLM-R and mT5; to mBERT the "
    "word is its separator. To SQuAD's normaliser a Japanese answer is one token, so that F1 is hardly more than exact "
    "match. No hub copy is named: those known need a script.",
)
