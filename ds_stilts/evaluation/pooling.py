"""How a text becomes a vector where texts are searched: of which hidden states, which tokens, and how they are pooled.

By default hidden state 14 of 24 (0 = embeddings; the same share of other depths), the mean over all tokens: jiant's
setting, and that of XTREME's `run_tatoeba.sh` for XLM-R Large. `evaluation.preset` has what XTREME's two retrieval
tasks were published with:

  script  google-research/xtreme (838c13b) as its scripts ask for it. Tatoeba: `--specific_layer` 13 of 24 and 7 of 12,
          counted without the embeddings: states 14 and 8, mean. BUCC: `--pool_type cls --specific_layer 7` of the last
          12 states, as `--num_layers` is not given: states 20 of 24 and 8 of 12. (Its `extract_embeddings` is never
          told the `--pool_type`, issue 72, so what it really computed for BUCC was `paper`.)
  paper   the same with the two corrections that gave pull request 104's author the published numbers of XLM-R Large:
          Tatoeba `--specific_layer 10` of 24, state 11; BUCC by the mean. Not run by us on that model.

The scripts have no other depths: for XLM-R base Tatoeba's asks for layer 13 of 24, which it does not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ds_stilts.errors import RecipeError
from ds_stilts.formats.embedding import Pool
from ds_stilts.formats.encoding import read_template
from ds_stilts.recipe import Evaluation, Probe

PRESETS: Mapping[str, Mapping[str, tuple[Literal["mean", "cls"], Mapping[int, int]]]] = {
    "paper": {"tatoeba": ("mean", {12: 8, 24: 11}), "bucc2018": ("mean", {12: 8, 24: 20})},
    "script": {"tatoeba": ("mean", {12: 8, 24: 14}), "bucc2018": ("cls", {12: 8, 24: 20})},
}
"""Preset → task → pooling, and the hidden state for each number of layers."""


@dataclass(frozen=True, kw_only=True)
class Pooling:
    """Settings of one target."""

    layer: int
    """The hidden state that counts, unless held-out data choose another."""
    sweep: tuple[int, ...] = ()
    """All hidden states that are searched, `layer` among them; () : that one only."""
    kind: Literal["mean", "cls"] = "mean"
    special_tokens: bool = True
    preset: str | None = None

    @property
    def layers(self) -> tuple[int, ...]:
        return self.sweep or (self.layer,)

    def folder(self, predictions: Path, layer: int) -> Path:
        """Where the rows of one hidden state go: without a sweep the target's own folder."""
        return predictions.parent / "sweep" / f"{layer:02d}" if self.sweep else predictions

    def pool(self, tokenizer: Any) -> Pool:
        """What to do with a text's states."""
        if self.special_tokens:
            return Pool(kind=self.kind)
        template = read_template(tokenizer)
        return Pool(kind=self.kind, before=len(template.before), after=len(template.after))

    def facts(self) -> dict[str, Any]:
        """As it is stored with rows and scores."""
        return {"pooling": self.kind, "special_tokens": self.special_tokens, "preset": self.preset}


def probe_pooling(probe: Probe, num_layers: int, where: str) -> Pooling:
    """The hidden states that a phase's probe compares, each by the mean over all tokens of a text.

    Args:
        where: the probe's key.

    Raises:
        RecipeError: a hidden state that a model of `num_layers` layers does not have.
    """
    layers = range(num_layers + 1) if probe.layers == "all" else probe.layers
    for layer in layers:
        if layer > num_layers:
            raise RecipeError(
                f"{where}.layers: {layer}, but the start model has hidden states 0 to {num_layers}; name some of these"
            )
    return Pooling(layer=max(layers), sweep=tuple(sorted(set(layers))))


def pooling_of(task_name: str, evaluation: Evaluation, num_layers: int) -> Pooling:
    """The settings of one target for a model of `num_layers` layers.

    Raises:
        RecipeError: a hidden state that the model does not have, or a preset that does not say one for it.
    """
    kind, preset = evaluation.pooling, None
    # Output of block 14 of XLM-R Large's 24, as google-research/xtreme and jiant; the same share of other depths.
    layer = round(14 / 24 * num_layers) if evaluation.layer is None else evaluation.layer
    if evaluation.preset and task_name in PRESETS[evaluation.preset]:
        preset = evaluation.preset
        kind, known = PRESETS[preset][task_name]
        if num_layers not in known:
            raise RecipeError(
                f"evaluation.preset is {preset}, which names a hidden state for models of "
                f"{' and '.join(map(str, known))} layers, and this one has {num_layers}; give `layer`, `pooling` and "
                "`special_tokens` instead"
            )
        layer = known[num_layers]
    sweep = evaluation.sweep
    every = () if sweep is None else tuple(range(num_layers + 1)) if sweep == "all" else (*sweep, layer)
    for where, number in [("layer", layer), *(("sweep", number) for number in every)]:
        if not 0 <= number <= num_layers:
            raise RecipeError(
                f"evaluation.{where} is {number}, but the start model has hidden states 0 to {num_layers}"
            )
    return Pooling(
        layer=layer,
        sweep=tuple(sorted(set(every))),
        kind=kind,
        special_tokens=evaluation.special_tokens,
        preset=preset,
    )
