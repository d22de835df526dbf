"""Running text of many languages, a sentence a line, for tokenizers and masked language modelling."""

from ds_stilts.tasks.declaration import words
from ds_stilts.tasks.readers.text import read_sentences
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="text",
    title="Running text",
    format="masked_lm",
    # no official list: every language of XTREME and XTREME-R, and whoever has more text adds a file
    languages=words(
        "af ar az bg bn de el en es et eu fa fi fr gu he hi ht hu id it ja jv ka kk ko lt ml mr ms my nl pa pl pt qu "
        "ro ru sw ta te th tl tr uk ur vi wo yo zh"
    ),
    splits={"train": Split(read=read_sentences, file="text/{lang}.txt.gz")},
    score_split="train",
    metrics=("perplexity",),
    licence="That of your text; sentences of Universal Dependencies and of Wikipedia have their own",
    citation="Devlin et al. 2019: BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding. "
    "NAACL (arXiv:1810.04805), for the objective",
    url="a corpus of your choice (gzip, UTF-8, a sentence a line)",
    note="Text drawn from Universal Dependencies or WikiANN training sets shares sentences with udpos and panx.",
)
