"""NTREX-128: 1,997 English news sentences with professional translations, for translation language modelling."""

from ds_stilts.tasks.declaration import words
from ds_stilts.tasks.readers.text import read_translations
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="ntrex",
    title="NTREX-128, English with each language",
    format="masked_lm",
    # the XTREME languages among its 128, by their two-letter codes; English is the other side of every pair
    languages=words(
        "af ar bg bn de el es et fa fi fr he hi hu id it ja kk ko ml mr ms my nl pt ru sw ta te th tl tr ur vi zh"
    ),
    splits={"train": Split(read=read_translations, file="ntrex/{lang}.tsv.gz", also=("ntrex/en.tsv.gz",))},
    score_split="train",
    metrics=("perplexity",),
    max_tokens=256,  # two sentences in one input
    url="https://github.com/MicrosoftTranslator/NTREX",
    licence="CC BY-SA 4.0",
    citation="Federmann, Kocmi, Xin 2022: NTREX-128: News Test References for MT Evaluation of 128 Languages. SUMEval; "
    "objective of Conneau, Lample 2019: Cross-lingual Language Model Pretraining (arXiv:1901.07291)",
    note="Lines are `id<TAB>text`, the same id for the same sentence. It is a translation test set: do not score "
    "translation with a model that saw it.",
)
