"""The stages of a run, each as one collective function: start model, intermediate arms, targets.

Every stage reads what the one before wrote as plain files, ends by writing a Hugging Face folder or scores, and is
skipped once its DONE marker is there. Who runs the stages, and in which processes, is decided in `ds_stilts.run`.
"""

import json
import shutil
import time
from pathlib import Path
from typing import Any

from ds_stilts.engine.retention import committed, discard
from ds_stilts.errors import CheckpointError, in_common
from ds_stilts.phases.context import Ranks, Run, on_main
from ds_stilts.phases.provenance import parallel_text_tasks
from ds_stilts.plan import arm_stages, clean_target, reused_head, trains_target
from ds_stilts.recipe import Merge
from ds_stilts.tasks import get_task


def is_done(run: Run, stage: str) -> bool:
    """Whether a stage has left its marker."""
    return (run.run_dir / stage / "DONE").is_file()


def has_model(run: Run, stage: str) -> bool:
    """Whether a stage's model is there for others: a target's is before it is scored, and may be gone afterwards."""
    return (run.run_dir / stage / "model").is_dir() and (stage.startswith("targets/") or is_done(run, stage))


def run_stage(run: Run, stage: str, ranks: Ranks, *, scoring: bool = True) -> None:
    """Carry out one stage; a collective. Returns at once if it is done.

    Args:
        scoring: False: a target is trained and saved only; its stage is done when it has been scored too.
    """
    # Rank 0's word here and below: where others see a change of a moment ago later, they would take another way.
    done, has_folder = ranks.world.gather((is_done(run, stage), (run.run_dir / stage / "model").exists()))[0]
    if done:
        return
    began = time.monotonic()
    kind, *names = stage.split("/")
    if kind == "start":
        _start(run, ranks, is_made=has_folder)
    elif kind == "arms" and not has_folder:
        _arm(run, ranks, stage)
    elif kind == "targets":
        _target(run, ranks, arm=names[0], name=names[1], scoring=scoring)
    ranks.world.barrier()
    if kind == "targets" and not scoring:
        return
    if ranks.world.is_main:
        for old in committed(run.run_dir / stage / "checkpoints"):  # of a start that was cut short behind its export
            discard(old)
        marker = run.run_dir / stage / "DONE"
        marker.parent.mkdir(parents=True, exist_ok=True)
        temporary = marker.with_suffix(".tmp")
        temporary.write_text(json.dumps({"wall_s": round(time.monotonic() - began, 1)}), encoding="utf-8")
        temporary.replace(marker)
    ranks.world.barrier()


def forget_scores(run: Run, stage: str) -> None:
    """Remove what scoring left of a finished target, so that its stage scores the saved model again.

    One whose scoring was interrupted keeps the rows that it has: it is not finished, and goes on.
    """
    folder = run.run_dir / stage
    rows, aside = folder / "predictions", folder / "predictions.old"
    shutil.rmtree(aside, ignore_errors=True)
    if not is_done(run, stage):
        return
    (folder / "DONE").unlink()  # first: a run that is stopped here must not take the target for scored
    if rows.exists():
        rows.rename(aside)  # at once: rows that are half removed would count
    (folder / "scores.json").unlink(missing_ok=True)
    shutil.rmtree(aside, ignore_errors=True)


def _start(run: Run, ranks: Ranks, *, is_made: bool) -> None:
    start = run.recipe.start
    source = start.model
    made = run.run_dir / "start" / "model"
    if start.architecture and not is_made:
        from ds_stilts.phases.start import make_initial

        initial = run.run_dir / "start" / "initial"
        on_main(ranks.world, lambda: make_initial(run.recipe, run.data_root, initial))
        source = str(initial)
    if start.pretrain and not is_made:
        from ds_stilts.phases.training import train_phase

        assert source is not None
        train_phase(run, ranks, start.pretrain, source=source, stage="start", seed_label="start")
    elif start.architecture and not is_made and ranks.world.is_main:
        (run.run_dir / "start" / "initial").rename(made)
    if ranks.world.is_main:
        facts = {
            "model": start.model,
            "random_init": start.random_init,
            "tasks": list(start.pretrain.tasks) if start.pretrain else [],
            "parallel_text": bool(parallel_text_tasks(run.recipe)),
        }
        (run.run_dir / "start").mkdir(parents=True, exist_ok=True)
        (run.run_dir / "start" / "pretrain.json").write_text(json.dumps(facts), encoding="utf-8")


def _arm(run: Run, ranks: Ranks, stage: str) -> None:
    from ds_stilts.phases.merging import merge_arms
    from ds_stilts.phases.sequence import source_of
    from ds_stilts.phases.training import train_phase

    _, arm, *place = stage.split("/")
    phase = arm_stages(run.recipe, arm)[stage]
    if isinstance(phase, Merge):
        merge_arms(run, ranks, phase, stage)
        return
    later = place[0] if place and place[0] != "1" else None
    label = f"arms/{later}" if later else "arms"  # a sequence begins as a mixture of its first tasks would
    train_phase(run, ranks, phase, source=source_of(run, stage), stage=stage, seed_label=label)


def _target(run: Run, ranks: Ranks, *, arm: str, name: str, scoring: bool) -> None:
    from ds_stilts.engine.deepspeed_engine import load_engine_config
    from ds_stilts.phases.scoring import load_scorer, score_target, scoring_config
    from ds_stilts.phases.sequence import source_of
    from ds_stilts.phases.training import train_phase, trained_facts

    target, task = run.recipe.targets[name], get_task(name)
    stage = f"targets/{arm}/{name}"
    source = source_of(run, stage)
    clean = clean_target(run.recipe, name)
    trained = Path(source) if clean else run.run_dir / stage / "model"
    is_trained = ranks.world.gather(trained.exists())[0]
    facts: dict[str, Any] = {}
    if not scoring and (is_trained or not trains_target(run.recipe, name)):
        return
    if clean and not is_trained:
        raise in_common(
            CheckpointError(
                f"{stage} is scored with the model of targets/{arm}/{clean}, which is not in {run.run_dir}; run "
                f"`ds-stilts evaluate RECIPE --stage targets/{arm}/{clean}` with the same --out first"
            )
        )
    if task.is_searched:
        scorer, start = load_scorer(run, ranks, source, task)
    elif clean or is_trained:  # training was finished there, or here, where scoring was not
        scorer, start = load_scorer(run, ranks, str(trained), task)
        phase = json.loads((trained / "phase.json").read_text(encoding="utf-8"))
        facts = trained_facts(phase)
    else:
        scorer, start, facts = train_phase(
            run,
            ranks,
            target,
            source=source,
            stage=stage,
            seed_label=f"targets/{task.trained_as}",
            own=task,
            reused=reused_head(run.recipe, arm, task),
        )
        if not scoring:
            return
        # Additions: what is scored is what is left, sums that in bf16 are rounded once more than their parts.
        if (
            target.lora
            or scoring_config(run.recipe).zero_stage != load_engine_config(run.recipe.engine.config).zero_stage
        ):
            del scorer, start
            scorer, start = load_scorer(run, ranks, str(trained), task)
    scorer.eval()
    model = source if task.is_searched else str(trained)
    score_target(run, ranks, scorer, start, model, target, task, arm=arm, stage=stage, trained=facts)
