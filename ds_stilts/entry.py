"""What the rank entry points share: their arguments, and how an error leaves a process that has siblings.

For `ds_stilts.train` and `ds_stilts.evaluate`, which a launcher starts once a rank; `ds_stilts.cli` is for people.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from ds_stilts.errors import ClusterError, FollowedError, StoppedCleanly, UserError

_HEAD_START_S = 3.0
"""A launcher ends all ranks when one has ended: so long rank 0 has for saying what all of them know."""


def enter(arguments: list[str] | None, *, module: str, does: str, example: str, again: bool = False) -> int:
    """Parse the arguments of one rank and walk the recipe's stages with the others.

    Args:
        arguments: without the program's name; None: those of this process.
        module: e.g. "ds_stilts.train".
        does: what the program does, one sentence.
        example: a whole command line.
        again: score the one target named by --stage again; see `ds_stilts.run`.

    Returns:
        The exit code: 0 done, 2 bad input, 85 stopped cleanly.
    """
    parser = argparse.ArgumentParser(prog=module, description=does, epilog=f"example: {example}")
    parser.add_argument("--recipe", required=True, help="a recipe file or the name of a shipped recipe")
    if again:
        parser.add_argument("--stage", required=True, metavar="targets/ARM/TARGET", help="the target to score")
    else:
        parser.add_argument("--stage", help="only this stage: start, arms/NAME, arms/NAME/2 or targets/ARM/NAME")
        parser.add_argument("--no-scoring", action="store_true", help="leave scoring targets to ds_stilts.evaluate")
    parser.add_argument("--out", type=Path, help="run folder (default: runs/ and the recipe's name)")
    parser.add_argument("--data-root", type=Path, help="folder with the official data files")
    parser.add_argument("--time-budget", metavar="DURATION", help="stop cleanly before so much has passed, e.g. 2h")
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--local_rank", type=int, default=0, help="set by the deepspeed launcher")
    options = parser.parse_args(arguments)
    from ds_stilts.recipe_file import load_recipe

    try:
        recipe = load_recipe(options.recipe, options.overrides)
        from ds_stilts.run import run_in_ranks

        run_in_ranks(
            recipe,
            run_dir=options.out or Path("runs") / recipe.name,
            data_root=options.data_root,
            stage=options.stage,
            command=["python", "-m", module, *(text for text in sys.argv[1:] if not text.startswith("--local_rank"))],
            again=again,
            scoring=again or not options.no_scoring,
            time_budget=options.time_budget,
        )
    except UserError as error:
        _leave_a_note(str(error))
        rank = _rank()
        if rank == 0:
            _say(f"error: {error}")
        elif error.common:
            time.sleep(_HEAD_START_S)
        else:
            _say(f"error on rank {rank}: {error}")
        return error.exit_code
    except StoppedCleanly as stop:
        _listen_no_more()
        if _rank() == 0:
            _say(str(stop))
        return stop.exit_code
    except FollowedError as fault:
        _end(f"rank {_rank()} failed too: {str(fault).splitlines()[0]}")
    except Exception as fault:
        _leave_a_note(f"{type(fault).__name__}: {fault}")
        _end(f"rank {_rank()} failed:\n{traceback.format_exc()}")
    return 0


def _rank() -> int:
    """This process's rank, for words; 0 where a launcher's variables say none, which is then the error that is told."""
    from ds_stilts.cluster.environment import rank_facts

    try:
        return rank_facts().rank
    except ClusterError:
        return 0


def _leave_a_note(words: str) -> None:
    """Say in a file, where a batch script names one, that a rank did not end well.

    `srun` tells the highest exit code of all, and the 85 of ranks that it told to leave would hide our 1 or 2. A rank
    that failed because another one was gone leaves none: that one may have stopped.
    """
    _listen_no_more()
    if path := os.environ.get("DS_STILTS_FAULT_NOTE"):
        with contextlib.suppress(OSError), open(path, "a", encoding="utf-8") as note:
            note.write(f"{words.splitlines()[0]}\n")


def _listen_no_more() -> None:
    """Leave with our own exit code: `srun` sends a TERM to the other ranks as soon as the first has left with one."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2):
        signal.signal(number, signal.SIG_IGN)


def _end(words: str) -> None:
    """Say why and be gone at once: a plain exit could wait for collectives of ranks that are gone."""
    _say(words)
    sys.stdout.flush()
    os._exit(1)


def _say(words: str) -> None:
    """Tell people, in one write: ranks of a launcher share a pipe.

    Where Python does not buffer (PYTHONUNBUFFERED, usual in batch scripts), `print` writes the end of the line by
    itself, and another rank's words can come before it.
    """
    print(f"{words}\n", end="", file=sys.stderr, flush=True)
