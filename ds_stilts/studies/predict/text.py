"""A study's prediction as text for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from ds_stilts.studies.predict.prediction import PREDICTORS

_DOUBTFUL = 0.5
"""Below this the two halves of a task's examples have gradients that agree less than they differ: its own column says
little. A rule of thumb, not a test."""


def prediction_text(found: Mapping[str, Any]) -> str:
    """What `studies.predict.prediction.predict_study` gives."""
    layers = found["layers"]
    of_layers = f"layer {layers[0]}" if len(layers) == 1 else f"{len(layers)} layers"
    start = found["start"]
    of_seed = "" if start["seed"] is None else f" of seed {start['seed']}"
    lines = [
        f"{found['study']} ({found['size']}): arms by how like their tasks are to each target, before anything is run",
        f"start model{of_seed}: {start['model']}; at most {found['examples']:,} training items of a task, gradients of "
        f"{of_layers}",
        *[f"left out: {arm} {why}" for arm, why in found["left_out"].items()],
        *[f"without prediction: {target} {why}" for target, why in found["without"].items()],
    ]
    noisy = {task: value for task, value in found["half_agreement"].items() if value < _DOUBTFUL}
    if noisy:
        listed = ", ".join(f"{task} {value:.2f}" for task, value in noisy.items())
        lines.append(
            f"gradients that are mostly noise (cosine between those of two halves of the examples): {listed}; more "
            "--examples may help"
        )
    for target, own in found["targets"].items():
        lines += ["", target, *_table(own["arms"], found["arms"])]
        lines += _judged(own["truth"]) if own["truth"] else []
    if not any(own["truth"] for own in found["targets"].values()):
        lines += ["", "the study's folder has scores of no two of these arms, so what the ranks are worth is not known"]
    return "\n".join(lines)


def _table(arms: Mapping[str, Mapping[str, Any]], shares: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The arm that is most alike by the first predictor on top; by each, the rank stands behind."""
    known = any("score" in own for own in arms.values())
    first = next(iter(PREDICTORS))
    order = sorted(arms, key=lambda arm: -arms[arm][first])
    ranks = {name: _ranks({arm: own[name] for arm, own in arms.items()}) for name in PREDICTORS}
    rows = [["arm", *PREDICTORS, *(["score", "gain"] if known else []), "tasks"]]
    for arm in order:
        own = arms[arm]
        truth = [_number(own.get("score"), ".1f"), _number(own.get("gain"), "+.1f")] if known else []
        predicted = [f"{own[name]:.3f} ({ranks[name][arm]})" for name in PREDICTORS]
        rows.append([arm, *predicted, *truth, _tasks(shares[arm]) + _overlap(own["overlap"])])
    return [f"  {line}" for line in _aligned(rows)]


def _ranks(values: Mapping[str, float]) -> dict[str, int]:
    """From 1; equal values have the same."""
    return {name: 1 + sum(other > value for other in values.values()) for name, value in values.items()}


def _tasks(shares: Mapping[str, float]) -> str:
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{task} {share:.0%}" for task, share in shares.items())


def _overlap(tasks: Sequence[str]) -> str:
    return f" ({', '.join(tasks)}: the target's own training data)" if tasks else ""


def _judged(truth: Mapping[str, Any]) -> list[str]:
    """Regret and correlation of each predictor, and the regret of a random choice."""
    num_arms, seeds, languages = truth["arms"], truth["seeds"], truth["languages"]
    rows = [["", *(f"Regret@{k}" for k in truth["chance"]["regret"]), f"Spearman (n = {num_arms})"]]
    for name, own in (truth["predictors"] | {"random choice": truth["chance"]}).items():
        spearman = _number(own["spearman"], "+.2f") if "spearman" in own else ""
        rows.append([name, *(f"{value:.1f} %" for value in own["regret"].values()), spearman])
    counted = f"  against the scores of {num_arms} arms, {len(seeds)} {'seed' if len(seeds) == 1 else 'seeds'}, in "
    return [counted + ", ".join(languages), *(f"    {line}" for line in _aligned(rows))]


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns of equal width; all but the first and, of a table of arms, the last stand at the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    last = len(widths) - 1 if rows[0][-1] == "tasks" else len(widths)
    return [
        "  ".join(
            text.rjust(width) if 0 < place < last else text.ljust(width)
            for place, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
