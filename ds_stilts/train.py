"""Rank entry point: `deepspeed --num_gpus 2 --module ds_stilts.train --recipe R [--stage S]`, or by hand for one rank.

Every rank that the launcher started walks the recipe's stages (or one of them) together with the others.
"""

import sys

if not __package__:  # by path, as `deepspeed --launcher slurm` needs it: it forgets --module (0.19)
    sys.path.pop(0)  # this folder, whose names would hide those of others

from ds_stilts.entry import enter


def main(arguments: list[str] | None = None) -> int:
    """Walk the stages; returns the exit code (0 done, 2 bad input, 85 stopped cleanly)."""
    return enter(
        arguments,
        module="ds_stilts.train",
        does="Carry out a recipe in the ranks that a launcher started.",
        example="deepspeed --num_gpus 2 --module ds_stilts.train --recipe my_recipe.yaml --data-root data",
    )


if __name__ == "__main__":
    sys.exit(main())
