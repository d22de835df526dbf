"""Facts of languages that gains are held against, as numbers."""

import math
from typing import Literal

from ds_stilts.tasks.languages import known_languages, language_facts

Covariate = Literal["distance", "resource"]
"""What a contrast's `slope` may name."""
UNITS: dict[Covariate, str] = {"distance": "points per unit of distance", "resource": "points per unit of resource"}
"""Of a slope over each."""


def covariate(name: Covariate, code: str) -> float | None:
    """A language's value; None where it is not known.

    "distance": from the language that plays English, of made-up languages in switches of the grammar (0 to 5), of
    others the syntactic distance of URIEL. "resource": of made-up languages log2 of their share of running text, of
    others the class of Joshi et al. 2020.
    """
    if code not in known_languages():
        return None
    facts = language_facts(code)
    if facts.made_up:
        from ds_stilts.synthetic.languages import LANGUAGES, SOURCE, distance

        if name == "distance":
            return float(distance(SOURCE, code))
        return math.log2(LANGUAGES[code].data_share)
    return facts.syntactic_distance if name == "distance" else facts.joshi
