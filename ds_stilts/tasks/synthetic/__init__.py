"""Tasks in made-up languages, which `ds_stilts.synthetic` writes in the official layouts. One `TASK` a file.

"aa" is the English of these languages: the labelled training sets are in "aa" alone, the others are scored zero-shot.
Test files hold their gold (retrieval: beside them), since nobody has to be kept from it.
"""

LANGUAGES = ("aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh")
SOURCE = ("aa",)

URL = "ds_stilts itself: a recipe with a `data.synthetic` section writes it"
LICENCE = "Apache-2.0"
CITATION = (
    "ds_stilts, after Wang and Eisner 2016: The Galactic Dependencies Treebanks: Getting More Data by Synthesizing New "
    "Languages. TACL; White and Cotterell 2021: Examining the Inductive Bias of Neural Language Models with Artificial "
    "Languages. ACL (arXiv:2106.01044)"
)
