"""PAN-X (WikiANN): named entities of Wikipedia in 40 languages, trained on English."""

from ds_stilts.tasks.declaration import HUB_NOT_READ, XTREME_DOWNLOAD, words
from ds_stilts.tasks.readers.tags import read_tags
from ds_stilts.tasks.task import Split, Task

TASK = Task(
    name="panx",
    title="PAN-X (WikiANN)",
    format="tagging",
    languages=words(
        "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my zh kk "
        "tr et fi hu"
    ),
    splits={
        "train": Split(read=read_tags, file="panx/train-{lang}.tsv", languages=("en",)),
        "dev": Split(read=read_tags, file="panx/dev-{lang}.tsv"),
        "test": Split(read=read_tags, file="panx/test-{lang}.tsv", labels="labels/panx/test-{lang}.tsv"),
    },
    labels=("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O"),
    metrics=("f1", "accuracy"),
    url=XTREME_DOWNLOAD,
    hub_id="unimelb-nlp/wikiann",
    licence="No explicit licence on the annotations; sentences from Wikipedia, CC BY-SA 3.0",
    citation="Pan et al. 2017: Cross-lingual Name Tagging and Linking for 282 Languages. ACL; splits of Rahimi, Li, "
    "Cohn 2019: Massively Multilingual Transfer for NER. ACL (arXiv:1902.00193)",
    note="XTREME takes the test tags off; without labels/panx/ score the development files (score_split: dev). Words "
    "may carry WikiANN's raw `lang:` prefix. " + HUB_NOT_READ,
)
