"""Rank entry point: `deepspeed --num_gpus 2 --module ds_stilts.evaluate --recipe R --stage targets/ARM/TARGET`.

Scores a finished target again, with the ranks that the launcher started: its predictions and scores are removed and
made anew from its saved model. One whose scoring was interrupted goes on; one without a saved model is trained first,
as `ds_stilts.train` would.
"""

import sys

if not __package__:  # by path, as `deepspeed --launcher slurm` needs it: it forgets --module (0.19)
    sys.path.pop(0)  # this folder, whose names would hide those of others

from ds_stilts.entry import enter


def main(arguments: list[str] | None = None) -> int:
    """Score one target again; returns the exit code (0 done, 2 bad input, 85 stopped cleanly)."""
    return enter(
        arguments,
        module="ds_stilts.evaluate",
        does="Score a target of a recipe again, from its saved model, in the ranks that a launcher started.",
        example="deepspeed --num_gpus 2 --module ds_stilts.evaluate --recipe my_recipe.yaml --stage targets/qa/xquad",
        again=True,
    )


if __name__ == "__main__":
    sys.exit(main())
