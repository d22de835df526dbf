"""The `validation:` section of a phase: what is looked at while it trains, and what the kept step is chosen by.

What each of these measures is in `ds_stilts.phases.validation`; what follows from it in `ds_stilts.engine.watch`.
"""

from typing import Literal

from pydantic import Field, model_validator

from ds_stilts.recipe_sections import Section


class Probe(Section):
    """How translations lie together at each validation, by hidden state. It is only shown: nothing is chosen by it."""

    task: str
    """A retrieval task whose queries each have their one sentence: tatoeba, or synth_retrieval."""
    languages: list[str] | None = None
    """None: every language of the task whose files are there."""
    examples: int = Field(default=200, ge=2)
    """The first so many queries of each language, searched for among their own translations only."""
    layers: Literal["all"] | list[int] = "all"
    """hidden_states indices (0 = embeddings); all come from one forward pass."""

    @model_validator(mode="after")
    def some_layer(self) -> "Probe":
        if self.layers == []:
            raise ValueError("layers: it names no hidden state; give some, or `all`")
        if self.layers != "all" and min(self.layers) < 0:
            raise ValueError(f"layers: {min(self.layers)} is no hidden state; they count from 0, the embeddings")
        return self


class Unlabelled(Section):
    """What the model says of texts in languages that it is scored in and not trained in, whose labels are not read."""

    languages: list[str] | None = None
    """None: every language that the target is scored in and not trained in, and that has the split."""
    examples: int = Field(default=200, ge=1)
    """The first so many of each language."""
    split: str = "dev"
    """Never one that is scored."""
    oracle: bool = False
    """Read the labels as well, to show what the choice has cost. Nothing is chosen by them."""


class Validation(Section):
    """How a phase is watched while it trains: on part of a split that it does not train on."""

    every: int = Field(ge=1)
    """Steps between validations; the last step is validated too."""
    examples: int = Field(default=500, ge=1)
    """The first so many of each language."""
    split: str = "dev"
    languages: list[str] | None = None
    """None: English, or the first language that has the split; choosing by others would not be zero-shot."""
    patience: int | None = Field(default=None, ge=1)
    """Validations in a row without a better value after which training stops. The weights of the best one are kept;
    None: train to the end and keep the last."""
    metric: str | None = None
    """None: each task's value, as it is scored. With several tasks the mean over them."""
    probe: Probe | None = None
    """None: no translations are looked at."""
    unlabelled: Unlabelled | None = None
    """None: no text without labels is looked at. Of a target only."""
    choose_by: Literal["value", "entropy", "agreement"] = "value"
    """Which validation is the best: that of the greatest value, of the lowest mean entropy of the predictions on
    `unlabelled`, or of their greatest agreement, beyond chance, with those for the same items in the training
    language."""

    @property
    def chooses_by_labels(self) -> bool:
        """Whether the weights that are kept are those that did best on labels, those of `split`."""
        return self.patience is not None and self.choose_by == "value"

    @model_validator(mode="after")
    def something_to_choose(self) -> "Validation":
        if self.choose_by != "value" and self.unlabelled is None:
            raise ValueError(f"choose_by: {self.choose_by} is measured on texts without labels; add `unlabelled: {{}}`")
        if self.choose_by != "value" and self.patience is None:
            raise ValueError("choose_by: without `patience` the last step is kept and nothing is chosen; add it")
        return self
