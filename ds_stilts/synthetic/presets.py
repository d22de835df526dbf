"""How large a made-up world and its data sets are: the two presets, as data.

"tiny" is sized so that the whole chain trains in minutes on two CPU cores; "small" has about twice the concepts and
three times the examples. Nothing here draws a random number.
"""

from dataclasses import dataclass

from ds_stilts.errors import RecipeError, suggestion


@dataclass(frozen=True, kw_only=True)
class WorldSize:
    """Number of concepts of each kind. Verbs and adjectives come in antonym pairs, so both are even."""

    persons: int
    places: int
    objects: int
    categories: int
    verbs: int
    adjectives: int
    adpositions: int


@dataclass(frozen=True, kw_only=True)
class SetSizes:
    """Examples per set. Training sets are counted in the source language, the others in each language."""

    text: int
    """Lines of running text of a language whose data share is 1."""
    nli: int
    paraphrase: int
    qa: int
    qa_low: int
    """Training questions of the target that is poor in data, as TyDiQA-GoldP is beside SQuAD."""
    tagging: int
    choice: int
    dev: int
    test: int
    retrieval: int
    """Sentence pairs of a language, no two with the same meaning."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """A world and its data sets."""

    world: WorldSize
    sets: SetSizes


PRESETS: dict[str, Preset] = {
    "tiny": Preset(
        world=WorldSize(persons=12, places=8, objects=12, categories=4, verbs=8, adjectives=6, adpositions=4),
        sets=SetSizes(
            text=2500, nli=3000, paraphrase=2000, qa=2000, qa_low=200, tagging=1000, choice=1500, dev=200, test=300,
            retrieval=300,
        ),
    ),
    "small": Preset(
        world=WorldSize(persons=40, places=16, objects=24, categories=6, verbs=16, adjectives=12, adpositions=6),
        sets=SetSizes(
            text=7500, nli=9000, paraphrase=6000, qa=6000, qa_low=500, tagging=3000, choice=4500, dev=600, test=900,
            retrieval=900,
        ),
    ),
}  # fmt: skip


def find_preset(name: str) -> Preset:
    """Return the preset of that name.

    Raises:
        RecipeError: there is none; suggests the nearest.
    """
    if name not in PRESETS:
        raise RecipeError(
            f"data.synthetic.preset: no preset '{name}'{suggestion(name, list(PRESETS))}; known: {', '.join(PRESETS)}"
        )
    return PRESETS[name]
