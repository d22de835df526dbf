"""Tasks in made-up languages, which `ds_stilts.synthetic` writes in the official layouts. One `TASK` a file.

"aa" is the English of these languages: what is trained on is in "aa" unless a recipe names others (and has them written
by `data.synthetic.translated`); the others are scored zero-shot.
Test files hold their gold (retrieval: beside them), since nobody has to be kept from it.
"""

from dataclasses import replace

from ds_stilts.tasks.readers.columns import Rows, Texts
from ds_stilts.tasks.readers.tables import Delimited
from ds_stilts.tasks.task import Split, Task

LANGUAGES = ("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh")

URL = (
    "ds_stilts itself: a recipe with a `data.synthetic` section writes it, training sets in every language with "
    "`translated: true`, and sets of two domains with `domains: 1.0`"
)
LICENCE = "Apache-2.0"
CITATION = (
    "ds_stilts, after Wang and Eisner 2016: The Galactic Dependencies Treebanks: Getting More Data by Synthesizing New "
    "Languages. TACL; White and Cotterell 2021: Examining the Inductive Bias of Neural Language Models with Artificial "
    "Languages. ACL (arXiv:2106.01044)"
)


def in_domain(task: Task, domain: str, amount: str = "") -> Task:
    """The same kind of task about one of the two domains of a made-up world, with a head of its own.

    Args:
        amount: "_low": the set with a few hundred training examples.
    """
    kind = task.name.removeprefix("synth_")
    return replace(
        task,
        name=f"{task.name}{amount}_{domain}",
        title=f"{task.title}, {'little data, ' if amount else ''}domain {domain}",
        head="",
        train_data="",
        splits={
            name: replace(split, file=split.file.replace(f"synth/{kind}/", f"synth/{domain}/{kind}{amount}/"))
            for name, split in task.splits.items()
        },
    )


def text_of_domain(task: Task, domain: str) -> Task:
    """Running text about one of the two domains: the premises of its inference training set, without their labels.

    Args:
        task: running text of the whole world.
    """
    read = Rows(Delimited(columns=("premise", "hypothesis", "label")), Texts(text="premise"))
    return replace(
        task,
        name=f"{task.name}_{domain}",
        title=f"{task.title}, domain {domain}",
        head="",
        train_data="",
        splits={"train": Split(read=read, file=f"synth/{domain}/nli/train-{{lang}}.tsv")},
        note="A sentence a line: the premises of the domain's inference training set, without labels and hypotheses.",
    )
