"""The one file that is made for a run: what its jobs source first. Everything else is a shipped script as it is."""

import shlex
import subprocess
from pathlib import Path

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.site import Site


def render_preamble(site: Site, *, source: Path | None, recipe: str, nodes: int, gpus_per_node: int) -> str | None:
    """The preamble of a site; None where it has nothing to say.

    The run folder is filled in as the variable that holds it, whose value bash never reads as commands, in quotes or
    not. Everything else that is filled in is a number or a plain word.

    Args:
        source: the site file, for messages.
        recipe: name of the recipe: letters, digits, `_`, `.` and `-`.

    Raises:
        ClusterError: the preamble is no template, names something unknown, or is not bash.
    """
    if not site.modules and not site.preamble.strip():
        return None
    import jinja2

    names = {"run_dir": "${OUT}", "recipe": recipe, "nodes": nodes, "gpus_per_node": gpus_per_node}
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
        comment_start_string="{##",  # not "{#", with which bash asks for a length: ${#array[@]}
        comment_end_string="##}",
    )
    try:
        own = environment.from_string(site.preamble).render(names)
    except jinja2.TemplateError as error:
        raise ClusterError(
            f"{source}: preamble: {error}; it is bash, in which {', '.join(names)} can be filled in, as "
            "{{ recipe }} is"
        ) from None
    loads = [f"module load {shlex.quote(module)}" for module in site.modules]
    text = "\n".join(["# Sourced first by each job of this run; made by `ds-stilts submit`.", *loads, own.rstrip(), ""])
    check_bash(text, f"{source}: preamble")
    return text


def check_bash(text: str, where: str) -> None:
    """Raise ClusterError unless bash can read a text; it runs nothing."""
    checked = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True, timeout=30)
    if checked.returncode:
        first = checked.stderr.strip().splitlines()[0]
        raise ClusterError(f"{where}: bash cannot read it ({first})")
