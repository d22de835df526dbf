"""Errors meant for people: each is one sentence that says what was found, where, and what to do.

Every `UserError` ends the program with exit code 2 and no traceback; anything else is a fault of ours and keeps its
traceback. `StoppedCleanly` is not an error of either kind: it carries the exit code that asks to be run again.
"""


class UserError(Exception):
    """Bad input. The message names the file, line or field, the value found, and the remedy."""

    exit_code = 2
    common = False
    """True where every rank raises the same one, so that rank 0 alone need tell it."""


class RecipeError(UserError):
    """A recipe (or a `--set` override) that cannot be run as written."""

    common = True


class DataError(UserError):
    """A data file that is missing, or is not what its official format says."""


class CheckpointError(UserError):
    """A checkpoint or model folder that does not fit the run, or is damaged beyond the last good one."""


class ClusterError(UserError):
    """A machine or launcher that cannot carry the run."""


class StatisticsError(UserError):
    """Numbers that an estimate or a test cannot be made from: too few, or not paired as they have to be."""


class BusyError(UserError):
    """A folder in which another run is at work."""


class StoppedCleanly(Exception):
    """Work was saved on request (signal, time budget, stop file); run the same command again to go on."""

    exit_code = 85


class FollowedError(Exception):
    """What a rank failed with because another one had failed before: worth a line, not a traceback."""


def in_common(error: UserError) -> UserError:
    """Mark an error that all ranks raise together."""
    error.common = True
    return error


def suggestion(word: str, known: list[str] | tuple[str, ...]) -> str:
    """Return " (did you mean 'x'?)" for the nearest known word, or "" when nothing is near."""
    import difflib

    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f" (did you mean '{near[0]}'?)" if near else ""
