"""Which trained models of targets a study has no more use for, and their removal while others may be at work.

A target's model goes once the target, and every stage of the study that reads the model, is done. It goes only if a run
of this study trained it: what another study has trained is that one's to keep. Rows, scores and records stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from ds_stilts.cluster.lock import only_run_in
from ds_stilts.errors import BusyError, UserError
from ds_stilts.phases.context import Run
from ds_stilts.plan import trains_target
from ds_stilts.studies.graph import Node
from ds_stilts.studies.store import ENTRY, Store, read_json
from ds_stilts.whole_file import write_whole

LACKING = "lacking_models.txt"


def readers(nodes: Sequence[Node]) -> dict[str, tuple[Node, ...]]:
    """By the key of each target that trains a model, the stages that read it."""
    found: dict[str, list[Node]] = {node.key: [] for node in nodes if _trains(node)}
    for node in nodes:
        for before in node.before:
            if before in found:
                found[before].append(node)
    return {key: tuple(own) for key, own in found.items()}


def drop_models(
    nodes: Iterable[Node], reading: Mapping[str, Sequence[Node]], store: Store, runs: Mapping[Path, Run]
) -> None:
    """Remove the models among those of `nodes` that nothing in the study will read; one at which somebody is at work
    stays until the next call.

    Args:
        reading: of `readers`, for the whole study.
        runs: by the run's folder within the study.
    """
    for node in nodes:
        if node.key in reading and _is_due(node, reading[node.key], store):
            with suppress(BusyError), only_run_in(runs[node.run.folder].run_dir, node.stage):
                if _is_due(node, reading[node.key], store):  # still, as others have held the lock before
                    store.drop_model(node.key)


def _is_due(node: Node, reading: Sequence[Node], store: Store) -> bool:
    """Whether a target's model, or what a killed process left of it, is there for nobody."""
    if not store.model_folders(node.key) or not all(store.is_done(one.key) for one in (node, *reading)):
        return False
    trained_by = read_json(store.folder(node.key) / ENTRY).get("fingerprint")
    return trained_by in {run.recipe.fingerprint() for run, _ in node.serves}


def check_models(left: Iterable[Node], nodes: Sequence[Node], store: Store, folder: Path) -> None:
    """Check that every model that stages read is there, or will be.

    Args:
        left: the stages that are to be done.
        nodes: all of the study.
        folder: of the study; where several models are missing, `LACKING` there lists their stages' folders.

    Raises:
        UserError: a target was scored and its model removed, here or by a study that shares the store.
    """
    found = {node.key: node for node in nodes if node.kind == "targets"}
    lacking = {
        key: node
        for node in left
        for key in node.before
        if key in found and store.is_done(key) and not store.has_model(key)
    }
    if not lacking:
        return
    key, node = next(iter(lacking.items()))
    remedy = f"remove {store.folder(key)}, and it is"
    if len(lacking) > 1:
        write_whole(folder / LACKING, "".join(f"{store.folder(one)}\n" for one in lacking))
        remedy = f"remove the {len(lacking)} folders that {folder / LACKING} lists, and their targets are"
    raise UserError(
        f"{node.stage} of {node.run.folder} needs the model of {found[key].stage}, which was removed once it was "
        f"scored (keep.target_models); {remedy} trained and scored again"
    )


def _trains(node: Node) -> bool:
    kind, *names = node.stage.split("/")
    return kind == "targets" and trains_target(node.run.recipe, names[1])
