"""What an installed copy of the package holds."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ds_stilts.errors import ClusterError, RecipeError
from ds_stilts.resources import config_path, template_path

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of this checkout, built from a copy so that nothing is written here."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE", "ds_stilts", "ds_configs", "slurm"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(source)], check=True)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    built = subprocess.run([*pip, "-w", str(folder), str(source)], capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("ds_stilts-*.whl"))


def test_a_wheel_holds_every_module_and_every_data_file(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {str(path.relative_to(ROOT)) for path in (ROOT / "ds_stilts").rglob("*") if path.is_file()}
    wanted |= {f"ds_stilts/{path.relative_to(ROOT)}" for path in (ROOT / "ds_configs").glob("*.json")}
    wanted |= {f"ds_stilts/{path.relative_to(ROOT)}" for path in (ROOT / "slurm").glob("*.sbatch")}
    wanted = {name for name in wanted if "__pycache__" not in name}

    assert any(name.startswith("ds_stilts/recipes/") and name.endswith(".yaml") for name in wanted)
    assert "ds_stilts/tasks/languages.json" in wanted
    assert any(name.startswith("ds_stilts/report/templates/") for name in wanted)
    assert sorted(wanted - packed) == []


def test_a_wheel_puts_nothing_beside_the_package(wheel: Path) -> None:
    tops = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {top for top in tops if not top.endswith(".dist-info")} == {"ds_stilts"}


def test_an_unpacked_wheel_finds_its_own_files_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "from ds_stilts.resources import *; print(config_path('zero2_bf16')); print(template_path('train'))"

    # -I and the explicit path: neither the checkout nor an editable install of it may answer.
    lines = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    ).stdout.split()

    assert lines == [
        str(tmp_path / "ds_stilts" / "ds_configs" / "zero2_bf16.json"),
        str(tmp_path / "ds_stilts" / "slurm" / "train.sbatch"),
    ]


def test_a_checkout_finds_the_files_at_its_top_level() -> None:
    assert config_path("zero3_release_fp32") == ROOT / "ds_configs" / "zero3_release_fp32.json"
    assert template_path("train") == ROOT / "slurm" / "train.sbatch"


def test_an_unknown_name_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(RecipeError, match="did you mean 'zero2_bf16'"):
        config_path("zero2_bf61")
    with pytest.raises(ClusterError, match="shipped are evaluate, report, study, train"):
        template_path("nothing")
