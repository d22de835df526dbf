"""Entry point of `ds-stilts`: the list of verbs, and what an error looks like from outside.

Exit codes: 0 done, 2 bad input, or a path that the system refuses (one sentence, no traceback), 85 stopped cleanly
(run the same command again), 130 interrupted; anything else is a fault of ours and keeps its traceback.
"""

import errno
import functools
import io
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from ds_stilts import __version__
from ds_stilts.cli import data, overlap, recipes, study, study_domains, study_predict, study_results, study_submit
from ds_stilts.cli.bench import bench
from ds_stilts.cli.doctor import doctor
from ds_stilts.cli.evaluate import evaluate
from ds_stilts.cli.logs import logs
from ds_stilts.cli.plan import plan
from ds_stilts.cli.pretrain import pretrain
from ds_stilts.cli.quickstart import quickstart
from ds_stilts.cli.report import report
from ds_stilts.cli.reshape import reshape
from ds_stilts.cli.run import run
from ds_stilts.cli.score import score
from ds_stilts.cli.status import status
from ds_stilts.cli.stop import stop
from ds_stilts.cli.submission import submission
from ds_stilts.cli.submit import submit
from ds_stilts.cli.tasks import tasks
from ds_stilts.cli.train import train
from ds_stilts.errors import StoppedCleanly, UserError

Verb = Callable[..., Any]

REFUSED = frozenset(
    (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOSPC, errno.EDQUOT, errno.ELOOP)
)
"""What the system says of a path that no code of ours could make work: not ours, read-only, too long, a full disk."""


def explained(verb: Verb) -> Verb:
    """Wrap a verb so that errors meant for people end in a sentence and an exit code, not in a traceback."""

    @functools.wraps(verb)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            verb(*args, **kwargs)
        except UserError as error:
            _tell(f"error: {error}", fg="red")
            raise typer.Exit(error.exit_code) from None
        except StoppedCleanly as stop:
            _tell(str(stop) or "stopped cleanly; run the same command again to go on")
            raise typer.Exit(stop.exit_code) from None
        except OSError as error:
            if error.errno not in REFUSED:
                raise
            where = f"{error.filename}: " if error.filename else ""
            _tell(f"error: {where}{error.strerror}; make that possible, or name another place", fg="red")
            raise typer.Exit(UserError.exit_code) from None
        except KeyboardInterrupt:
            _tell("interrupted; run the same command again to go on")
            raise typer.Exit(130) from None

    return wrapper


def _tell(sentence: str, fg: str | None = None) -> None:
    """Print a last word to standard error, over a progress line that stands there on a terminal."""
    if sys.stderr.isatty():
        typer.echo("\r\x1b[2K", nl=False, err=True)
    typer.secho(sentence, fg=fg, err=True)


def group(name: str | None, help: str, **verbs: Verb) -> typer.Typer:
    """A command with verbs under it."""
    app = typer.Typer(
        name=name,
        help=help,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,  # a fault shows Python's own traceback, whole and greppable
        rich_markup_mode=None,  # plain help: square brackets stay, and rich need not be imported
    )
    for verb_name, verb in verbs.items():
        app.command(verb_name)(explained(verb))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ds_stilts {__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Holds the options that stand before any verb."""


HELP = """Intermediate-task training (STILTs) for multilingual models: from a checkpoint to a scored XTREME report.

\b
Example:
    ds-stilts quickstart
    ds-stilts run my_recipe.yaml --data-root /data/xtreme
"""

app = group(
    None,
    HELP,
    quickstart=quickstart,
    run=run,
    plan=plan,
    pretrain=pretrain,
    train=train,
    evaluate=evaluate,
    score=score,
    submission=submission,
    submit=submit,
    status=status,
    logs=logs,
    stop=stop,
    report=report,
    reshape=reshape,
    doctor=doctor,
    bench=bench,
    tasks=tasks,
)
app.callback(help=HELP)(_options)
app.add_typer(group("data", data.HELP, check=data.check, overlap=overlap.of_recipe, prepare=data.prepare))
shipped = group("recipes", recipes.HELP, list=recipes.show_list, show=recipes.show)
shipped.callback(invoke_without_command=True, no_args_is_help=False)(explained(recipes.without_verb))
app.add_typer(shipped)
app.add_typer(
    group(
        "study",
        study.HELP,
        plan=study.plan,
        predict=study_predict.predict,
        overlap=overlap.of_study,
        domains=study_domains.domains,
        lock=study.lock,
        run=study.run,
        submit=study_submit.submit,
        status=study.status,
        report=study_results.report,
        claims=study_results.claims,
        list=study.show_list,
    )
)


def main() -> None:
    """Run the command line and leave the process."""
    for stream in (sys.stdout, sys.stderr):  # a terminal of another encoding (LANG=en_US) lacks "…" and "−"
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="ds-stilts")
