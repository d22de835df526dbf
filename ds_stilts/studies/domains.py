"""`ds-stilts study domains`: how far the words of what each arm trains on are from the words of what is scored.

Which sets are read, and how much of each, is decided here; the distances are `domain_distances`'s. Only languages count
that every arm trains in and the target is scored in. What is found is kept for the study's report, which holds gains
against it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from ds_stilts.data.identity import stable
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.sampling import items_drawn
from ds_stilts.data.word_counts import Sample, draw_sample
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import RecipeError, StatisticsError
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import scoring_keys, training_keys
from ds_stilts.recipe import Training
from ds_stilts.report.beside import keep, kept
from ds_stilts.studies.beside import fingerprints, run_with_data
from ds_stilts.studies.domain_distances import Distances, Mixture, TargetDistances, compare
from ds_stilts.studies.expand import SHARED, StudyRun
from ds_stilts.studies.guards import first_seed
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task

if TYPE_CHECKING:  # torch is imported where the start model is asked
    from ds_stilts.evaluation.text_vectors import TextReader

KEPT = "domains.json"
_ANY_LENGTH = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Domains:
    """All that could be measured of a study."""

    targets: Mapping[str, TargetDistances]
    left_out: Mapping[str, str]
    """By arm or target that has no distance, why."""


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """Samples and sizes of sets, each read once."""

    drawn: dict[str, Sample] = field(default_factory=dict)
    counted: dict[str, int] = field(default_factory=dict)

    def count(self, key: SplitKey, root: Path) -> int:
        """Examples of a set of which nothing else is asked."""
        name = stable(key)
        if name not in self.counted:
            say(f"counting {key.task.name}, {key.split} in {key.language}", passing=True)
            self.counted[name] = sum(1 for _ in key.stream(root))
        return self.counted[name]

    def sample(self, key: SplitKey, root: Path, salt: str) -> Sample:
        name = f"{salt} {stable(key)}"
        if name not in self.drawn:
            say(f"reading {key.task.name}, {key.split} in {key.language}", passing=True)
            self.drawn[name] = draw_sample(key.stream(root), key.language, salt=salt)
        return self.drawn[name]


def measure_domains(
    study: Study, *, folder: Path, store: Store, data_root: Path | None, embed: bool = False
) -> Domains:
    """Read what arms train on and what is scored, and keep the distances in the study's folder.

    Args:
        folder: the study's.
        store: where files of made-up languages lie, which are written if need be, and start models that are made.
        embed: also ask the study's start model, that of its first seed.

    Raises:
        UserError: the study cannot be run as written or has nothing to compare, a data file is missing or malformed, or
            the folder cannot be written to.
    """
    runs = check_study(study, data_root)
    reader, left_out = _Reader(), {}
    embedder = _start_model(study, runs, folder, store, data_root) if embed else None
    opened = [(one, run_with_data(one, folder=folder, store=store, data_root=data_root)) for one in first_seed(runs)]
    trained: dict[str, list[_Phase]] = {}
    first = opened[0][1]
    for one, run in opened:
        for name in one.arms:
            arm = run.recipe.arms[name]
            if arm is None:
                left_out[name] = "trains nothing before the targets"
            elif arm.merge:
                left_out[name] = "merges other arms and reads nothing itself"
            else:
                trained[name] = [_phase(run, phase) for phase in arm.phases]
    common = _common_languages(study, trained)
    targets = {}
    for name in study.clean_targets():
        keys = {
            key.language: key for key in scoring_keys(first, first.recipe.targets[name], get_task(name), _ANY_LENGTH)
        }
        languages = [language for language in keys if language in common]
        if not languages:
            left_out[name] = f"is not scored in {', '.join(sorted(common))}, in which all arms train"
            continue
        scored = {language: reader.sample(keys[language], first.data_root, "scored") for language in languages}
        read = {
            language: {arm: _mixture(phases, language, reader) for arm, phases in trained.items()}
            for language in languages
        }
        try:
            targets[name] = compare(scored, read, embedder.vectors if embedder else None)
        except StatisticsError as error:
            left_out[name] = str(error)
    if not targets:
        why = "; ".join(f"{name} {left_out[name]}" for name in study.clean_targets())
        raise RecipeError(
            f"study '{study.study}' ({study.size}): no target's texts can be compared with those of the arms: {why}; "
            "add a target that can be, or score more of one"
        )
    found = Domains(targets=targets, left_out=left_out)
    keep(folder, KEPT, fingerprints(runs), asdict(found))
    return found


def kept_domains(folder: Path, runs: Sequence[StudyRun]) -> Domains | None:
    """The distances of these very recipes that a study's folder keeps; None where there are none."""
    found = kept(folder, KEPT, fingerprints(runs))
    if found is None:
        return None
    try:
        return Domains(
            targets={
                name: TargetDistances(
                    languages=tuple(own["languages"]),
                    words=own["words"],
                    divergence=Distances(**own["divergence"]),
                    **{name: Distances(**own[name]) if own[name] else None for name in ("proxy", "mmd")},
                )
                for name, own in found["targets"].items()
            },
            left_out=found["left_out"],
        )
    except (AttributeError, LookupError, TypeError):  # of an earlier version, or changed by hand
        return None


@dataclass(frozen=True, kw_only=True)
class _Phase:
    """What one phase of an arm reads."""

    training: Training
    keys: Mapping[str, Sequence[SplitKey]]
    """By task."""
    root: Path

    @property
    def languages(self) -> set[str]:
        return {key.language for key in chain.from_iterable(self.keys.values())}

    def parts(self, language: str, reader: _Reader) -> list[tuple[Sample, float]]:
        """Its sets in a language, each with the words that are read of it in all: what the sampler is expected to draw,
        with a word for a token. A task is drawn from all of its languages together, as often as each has examples; of
        lines that are joined, as many are one item as fit."""
        if language not in self.languages:
            return []
        samples: dict[str, Sample] = {}
        """Of a task that has not the language, of its first one: for its length alone."""
        here: dict[str, float] = {}
        """The language's share of a task's examples."""
        sizes: dict[str, int] = {}
        lengths: dict[str, float] = {}
        for name, keys in self.keys.items():
            own = next((key for key in keys if key.language == language), keys[0])
            sample = samples[name] = reader.sample(own, self.root, "trained")
            examples = sample.num_examples + sum(reader.count(key, self.root) for key in keys if key != own)
            here[name] = sample.num_examples / examples if examples and own.language == language else 0.0
            sizes[name], lengths[name] = examples, sample.words_each
            if own.limits.join_lines:
                lengths[name] = own.limits.max_tokens
                sizes[name] = math.ceil(examples * sample.words_each / lengths[name])
        items, shares = items_drawn(self.training, sizes, lengths)
        return [
            (sample, items * shares[name] * here[name] * lengths[name])
            for name, sample in samples.items()
            if here[name] and sample.num_words
        ]


def _phase(run: Run, training: Training) -> _Phase:
    keys = {name: training_keys(run, training, get_task(name), _ANY_LENGTH) for name in training.tasks}
    return _Phase(training=training, keys=keys, root=run.data_root)


def _common_languages(study: Study, trained: Mapping[str, Sequence[_Phase]]) -> set[str]:
    """Those that every arm trains in."""
    of_arms = [set.union(*(phase.languages for phase in phases)) for phases in trained.values()]
    if not of_arms:
        raise RecipeError(
            f"study '{study.study}' ({study.size}): no arm trains anything before the targets, so there is nothing to "
            "compare; add an arm with an `intermediate` phase"
        )
    common = set.intersection(*of_arms)
    if not common:
        raise RecipeError(
            f"study '{study.study}' ({study.size}): there is no language that every arm trains in, and words of "
            "different languages cannot be compared"
        )
    return common


def _start_model(
    study: Study, runs: Sequence[StudyRun], folder: Path, store: Store, data_root: Path | None
) -> "TextReader":
    import torch

    from ds_stilts.evaluation.text_vectors import TextReader
    from ds_stilts.phases.training import load_source
    from ds_stilts.studies.predict.start import open_start

    shared = next(run for run in runs if run.group == SHARED)
    run, source = open_start(shared, study=study.study, folder=folder, store=store, data_root=data_root)
    start = load_source(run, source)
    if start.weights is not None:
        start.weights.fill()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return TextReader(start.encoder, start.tokenizer, budget=run.recipe.evaluation.batch_tokens, device=device)


def _mixture(phases: Sequence[_Phase], language: str, reader: _Reader) -> Mixture:
    """What an arm reads in a language, its phases together."""
    parts = list(chain.from_iterable(phase.parts(language, reader) for phase in phases))
    total = math.fsum(amount for _, amount in parts)
    return [(sample, amount / total) for sample, amount in parts if total]
