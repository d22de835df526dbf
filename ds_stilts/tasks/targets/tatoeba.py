"""Tatoeba: up to 1,000 English sentences in each of 36 languages, found by their embedding; nothing is trained."""

from ds_stilts.tasks.declaration import HUB_NOT_READ, XTREME_DOWNLOAD, words
from ds_stilts.tasks.readers.bitext import read_bitext
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="tatoeba",
    title="Tatoeba",
    format="retrieval",
    languages=words(
        "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu"
    ),
    splits={
        "test": Split(
            read=read_bitext,
            file="tatoeba/{lang}-en.{lang}",
            labels="labels/tatoeba/test-{lang}.tsv",
            also=("tatoeba/{lang}-en.en",),
        ),
    },
    metrics=("accuracy",),
    max_tokens=512,  # MAXL of XTREME's run_tatoeba.sh
    url=XTREME_DOWNLOAD,
    hub_id="mteb/tatoeba-bitext-mining",
    licence="CC BY 2.0 FR (to be confirmed at the source)",
    citation="Artetxe, Schwenk 2019: Massively Multilingual Sentence Embeddings for Zero-Shot Cross-Lingual Transfer "
    "and Beyond. TACL (arXiv:1812.10464)",
    note="XTREME sorts the English file to hide the order; the gold is the line of the other file for each English "
    "line. " + HUB_NOT_READ,
)
