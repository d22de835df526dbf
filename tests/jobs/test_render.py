"""The preamble of a site: the only thing that is rendered."""

import os
import subprocess
from pathlib import Path

import pytest

from ds_stilts.errors import ClusterError
from ds_stilts.jobs.render import render_preamble
from ds_stilts.jobs.site import Site

HOSTILE = "run $(touch pwned) 'a' \"b\" `touch pwned`; touch pwned\n"


def preamble(site: Site) -> str | None:
    return render_preamble(site, source=Path("site.yaml"), recipe="small", nodes=2, gpus_per_node=4)


def test_a_site_without_words_has_no_preamble() -> None:
    assert preamble(Site(partition="gpu")) is None


def test_modules_come_first_and_values_are_filled_in() -> None:
    site = Site(
        modules=["cuda/12.4", "odd name"], preamble="{% if gpus_per_node %}nvidia-smi{% endif %} # {{ recipe }}"
    )

    assert (preamble(site) or "").splitlines()[1:] == [
        "module load cuda/12.4",
        "module load 'odd name'",
        "nvidia-smi # small",
    ]


def test_a_run_folder_is_never_read_as_commands(tmp_path: Path) -> None:
    text = preamble(Site(preamble='echo "{{ run_dir }}" >in; echo {{ run_dir }} >out; X={{ run_dir }}')) or ""
    subprocess.run(["bash", "-c", text], cwd=tmp_path, env={**os.environ, "OUT": HOSTILE}, check=True)

    assert (tmp_path / "in").read_text() == HOSTILE + "\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_a_length_in_bash_is_no_comment_of_a_template() -> None:
    text = preamble(Site(preamble='a=(x y); echo "${#a[@]} of {{ recipe }}, ${#PATH} ${a[0]#}"')) or ""
    said = subprocess.run(["bash", "-c", text], env={"PATH": "/bin"}, capture_output=True, text=True, check=True).stdout
    assert said == "2 of small, 4 x\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("cd {{ rundir }}", "'rundir' is undefined; it is bash, in which run_dir, recipe"),
        ("cd {{ run_dir", "end of"),
        ("if true; then", "bash cannot read it"),
    ],
)
def test_what_is_no_template_or_no_bash_is_told_before_anything_is_submitted(text: str, sentence: str) -> None:
    with pytest.raises(ClusterError, match=r"^site\.yaml: preamble: ") as error:
        preamble(Site(preamble=text))
    assert sentence in str(error.value)
