"""UD-POS: universal part-of-speech tags of Universal Dependencies 2.5 in 33 languages, trained on English."""

from ds_stilts.tasks.declaration import HUB_NOT_READ, XTREME_DOWNLOAD, words
from ds_stilts.tasks.readers.tags import read_tags
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="udpos",
    title="UD-POS",
    format="tagging",
    languages=words(
        "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh"
    ),
    splits={
        "train": Split(read=read_tags, file="udpos/train-{lang}.tsv", languages=("en",)),
        "dev": Split(read=read_tags, file="udpos/dev-{lang}.tsv"),
        "test": Split(read=read_tags, file="udpos/test-{lang}.tsv", labels="labels/udpos/test-{lang}.tsv"),
    },
    # Universal Dependencies' 17 tags in alphabetical order, as jiant's UdposTask has them
    labels=words("ADJ ADP ADV AUX CCONJ DET INTJ NOUN NUM PART PRON PROPN PUNCT SCONJ SYM VERB X"),
    metrics=("f1", "accuracy"),
    url=XTREME_DOWNLOAD,
    hub_id="google/xtreme",
    licence="By treebank: CC BY-SA 3.0/4.0, CC BY-NC-SA 3.0/4.0, CC BY 4.0, GPL; attribution needed, some "
    "non-commercial (to be confirmed at the source)",
    citation="Nivre et al. 2020: Universal Dependencies v2: An Evergrowing Multilingual Treebank Collection. LREC "
    "(arXiv:2004.10643); as merged by XTREME, Hu et al. 2020 (arXiv:2003.11080)",
    note="XTREME replaces syntactic words by the fused form; the hub's udpos.* keeps them, so tokens and counts "
    "differ. " + HUB_NOT_READ,
)
