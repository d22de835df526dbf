"""Rank entry point: `deepspeed --num_gpus 2 --module ds_stilts.train --recipe R [--stage S]`, or by hand for one rank.

Every rank that the launcher started walks the recipe's stages (or one of them) together with the others.
"""

import argparse
import sys
from pathlib import Path

from ds_stilts.errors import StoppedCleanly, UserError


def main(arguments: list[str] | None = None) -> int:
    """Walk the stages; returns the exit code (0 done, 2 bad input, 85 stopped cleanly)."""
    parser = argparse.ArgumentParser(
        prog="ds_stilts.train",
        description="Carry out a recipe in the ranks that a launcher started.",
        epilog="example: deepspeed --num_gpus 2 --module ds_stilts.train --recipe real_mini --data-root data",
    )
    parser.add_argument("--recipe", required=True, help="a recipe file or the name of a shipped recipe")
    parser.add_argument("--stage", help="only this stage: start, arms/NAME or targets/ARM/NAME")
    parser.add_argument("--out", type=Path, help="run folder (default: runs/ and the recipe's name)")
    parser.add_argument("--data-root", type=Path, help="folder with the official data files")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--local_rank", type=int, default=0, help="set by the deepspeed launcher")
    options = parser.parse_args(arguments)
    from ds_stilts.recipe import load_recipe
    from ds_stilts.run import run_in_ranks

    try:
        recipe = load_recipe(options.recipe, options.overrides)
        run_in_ranks(
            recipe,
            run_dir=options.out or Path("runs") / recipe.name,
            data_root=options.data_root,
            stage=options.stage,
            command=sys.argv,
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except StoppedCleanly as stop:
        print(stop, file=sys.stderr)
        return stop.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
