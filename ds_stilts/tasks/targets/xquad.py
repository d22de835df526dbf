"""XQuAD: 1,190 questions of SQuAD 1.1's development set translated into ten languages, trained on SQuAD 1.1."""

from ds_stilts.tasks.declaration import HUB_NOT_READ, XTREME_DOWNLOAD, words
from ds_stilts.tasks.readers.squad import read_questions
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="xquad",
    title="XQuAD",
    format="span_qa",
    languages=words("en es de el ru tr ar vi th zh hi"),
    splits={
        "train": Split(read=read_questions, file="squad/train-v1.1.json", languages=("en",)),
        "dev": Split(read=read_questions, file="squad/dev-v1.1.json", languages=("en",)),
        "test": Split(read=read_questions, file="xquad/xquad.{lang}.json"),
    },
    metrics=("f1", "exact_match"),
    train_data="squad_v1",
    max_tokens=384,
    url=XTREME_DOWNLOAD,
    hub_id="google/xquad",
    licence="CC BY-SA 4.0",
    citation="Artetxe, Ruder, Yogatama 2020: On the Cross-lingual Transferability of Monolingual Representations. ACL "
    "(arXiv:1910.11856)",
    note="The English test questions are part of SQuAD's development set. XTREME empties the test answers; use the "
    "files of github.com/deepmind/xquad, which have them. " + HUB_NOT_READ,
)
