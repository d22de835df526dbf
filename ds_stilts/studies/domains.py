"""`ds-stilts study domains`: how far the words of what each arm trains on are from the words of what is scored.

Distances are Jensen-Shannon divergences of word frequencies (`ds_stilts.data.word_counts`) and how well a classifier
tells pieces of the texts apart (`ds_stilts.data.word_pieces`), within one language: only languages count that every arm
trains in and the target is scored in. They are kept for the study's report, which holds gains against them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import chain
from pathlib import Path
from statistics import fmean
from typing import Any

from ds_stilts.data.identity import stable
from ds_stilts.data.prepare import SplitKey
from ds_stilts.data.sampling import items_drawn
from ds_stilts.data.word_counts import Sample, divergence, draw_sample, mixed_counts
from ds_stilts.data.word_pieces import PIECE_WORDS, cut, told_apart
from ds_stilts.engine.telemetry import say
from ds_stilts.errors import RecipeError, StatisticsError
from ds_stilts.phases.context import Run
from ds_stilts.phases.splits import scoring_keys, training_keys
from ds_stilts.recipe import Training
from ds_stilts.report.beside import keep, kept
from ds_stilts.studies.beside import fingerprints, run_with_data
from ds_stilts.studies.expand import StudyRun
from ds_stilts.studies.guards import first_seed
from ds_stilts.studies.plan import check_study
from ds_stilts.studies.store import Store
from ds_stilts.studies.study import Study
from ds_stilts.tasks import get_task

KEPT = "domains.json"
MOST_WORDS = 200_000
"""Of a sample that is compared, at the most."""
FEWEST_WORDS = 500
FEWEST_PIECES = 200
"""Of each sample of a proxy A-distance: with so many, guessing comes to 0 ± 0.1."""
_ANY_LENGTH = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Distances:
    """Of a target, by one measure."""

    halves: float
    """Between two halves of what is scored: what the same domain comes to with so many words."""
    arms: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class TargetDistances:
    """One target."""

    languages: tuple[str, ...]
    """Distances are means over these."""
    words: int
    """Of each sample that was compared, in the language that has the fewest."""
    divergence: Distances
    """Of word frequencies, from 0 (the same words as often) to 1 (no word in common)."""
    proxy: Distances | None
    """Proxy A-distances, from 0 (a classifier guesses) to 2 (it is always right); None: too few words."""

    def by_measure(self) -> dict[str, Distances]:
        """Those that are known, by the names of `MEASURES`."""
        return {name: own for name in MEASURES if (own := getattr(self, name))}


MEASURES: Mapping[str, float] = {"divergence": 1.0, "proxy": 2.0}
"""Names of measures, and the most that each can be."""


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


def measure_domains(study: Study, *, folder: Path, store: Store, data_root: Path | None) -> Domains:
    """Read what arms train on and what is scored, and keep the distances in the study's folder.

    Args:
        folder: the study's.
        store: where files of made-up languages lie; they are written if need be.

    Raises:
        UserError: the study cannot be run as written or has nothing to compare, a data file is missing or malformed, or
            the folder cannot be written to.
    """
    runs = check_study(study, data_root)
    reader, left_out = _Reader(), {}
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
        try:
            targets[name] = _distances(scored, trained, reader)
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
                    proxy=Distances(**own["proxy"]) if own["proxy"] else None,
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


def _distances(
    scored: Mapping[str, Sample], trained: Mapping[str, Sequence[_Phase]], reader: _Reader
) -> TargetDistances:
    """One target's, or a StatisticsError where there are too few words."""
    found: dict[str, dict[str, list[float]]] = {measure: {name: [] for name in ("", *trained)} for measure in MEASURES}
    """By measure and arm, of each language; under "" those of the halves."""
    fewest = MOST_WORDS
    for language, sample in scored.items():
        first, second = sample.halves()
        read = {
            name: _shared(chain.from_iterable(p.parts(language, reader) for p in trained[name])) for name in trained
        }
        most = [
            min((int(part.num_words / share) for part, share in parts if share), default=0) for parts in read.values()
        ]
        num_words = min(MOST_WORDS, first.num_words, second.num_words, *most)
        if num_words < FEWEST_WORDS:
            raise StatisticsError(
                f"has too few words in {language}: half of what is scored, or what an arm trains on, has "
                f"{num_words:,}, and of fewer than {FEWEST_WORDS} frequencies say nothing"
            )
        fewest = min(fewest, num_words)
        own = first.counts(num_words)
        compared = {"": [(second, 1.0)], **read}
        for name, parts in compared.items():
            found["divergence"][name].append(divergence(own, mixed_counts(parts, num_words)))
        if num_words < FEWEST_PIECES * PIECE_WORDS:
            continue
        say(f"telling pieces in {language} apart", passing=True)
        pieces = cut([(first, 1.0)], num_words)
        for name, parts in compared.items():
            found["proxy"][name].append(told_apart(pieces, cut(parts, num_words)))
    means = {
        measure: Distances(halves=fmean(own[""]), arms={name: fmean(own[name]) for name in trained})
        for measure, own in found.items()
        if len(own[""]) == len(scored)
    }
    return TargetDistances(
        languages=tuple(scored), words=fewest, divergence=means["divergence"], proxy=means.get("proxy")
    )


def _shared(parts: Any) -> list[tuple[Sample, float]]:
    """Amounts as shares."""
    listed = list(parts)
    total = math.fsum(amount for _, amount in listed)
    return [(sample, amount / total) for sample, amount in listed if total]
