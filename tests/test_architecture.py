"""What the layout promises: imports go down the floors only, files stay small, and some things happen in one place."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "ds_stilts"
FILES = sorted(PACKAGE.rglob("*.py"))

FLOORS = {
    "__init__": 0, "expression": 0.5, "whole_file": 0.5, "errors": 1, "recipe": 1, "recipe_sections": 1,
    "recipe_mixing": 1, "recipe_merging": 1, "recipe_identity": 1, "recipe_validation": 1, "recipe_file": 1,
    "recipe_diff": 1, "resources": 1, "models": 1, "statistics": 1, "tasks": 2, "formats": 3, "synthetic": 3, "plan": 3,
    "plan_validation": 3, "labelled": 3, "data": 4, "cluster": 4, "planning": 4.5, "engine": 5, "evaluation": 6,
    "phases": 7, "report": 7, "run_record": 7.5, "run": 8, "bench": 8, "doctor": 8, "jobs": 8.5, "entry": 9,
    "studies": 9, "train": 9.5, "evaluate": 9.5, "cli": 10, "__main__": 11,
}  # fmt: skip
"""The floor of each part of the package, by the name that follows `ds_stilts.`; halves where files share a role."""

PRINTERS = {"entry.py", "engine/telemetry.py", "train.py", "evaluate.py", "cluster/local.py"}


def name_of(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    """Every module that a file imports, at its top or inside a function, with names that may be modules appended."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written in full"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_parts(path: Path) -> set[str]:
    """Parts of this package that a file imports."""
    parts = {name.removeprefix("ds_stilts.").split(".")[0] for name in imports(path) if name.startswith("ds_stilts.")}
    return {part if part in FLOORS else "__init__" for part in parts}


def test_every_part_has_a_floor() -> None:
    assert {part_of(path) for path in FILES} == set(FLOORS)


@pytest.mark.parametrize("part", [part for part in FLOORS if part != "__init__"])
def test_imports_go_down_the_floors_only(part: str) -> None:
    upward = {
        f"{name_of(path)} imports {other}"
        for path in FILES
        if part_of(path) == part
        for other in own_parts(path)
        if other != part and FLOORS[other] >= FLOORS[part] and {part, other} not in SAME_FLOOR
    }
    assert upward == set()


SAME_FLOOR: list[set[str]] = [
    {"models", "errors"},
    {"models", "recipe"},
    {"recipe", "errors"},
    {"recipe", "recipe_sections"},
    {"recipe", "recipe_mixing"},
    {"recipe", "recipe_merging"},
    {"recipe", "recipe_validation"},
    {"recipe_validation", "recipe_sections"},
    {"recipe", "recipe_identity"},
    {"recipe_mixing", "recipe_sections"},
    {"recipe_merging", "recipe_sections"},
    {"recipe_merging", "errors"},
    {"recipe_file", "errors"},
    {"recipe_file", "recipe"},
    {"resources", "errors"},
    {"statistics", "errors"},
    {"plan", "formats"},
    {"plan", "plan_validation"},
    {"plan_validation", "labelled"},
]
"""Neighbours on one floor of which one may use the other; a circle between them is caught below."""


def test_there_is_no_circle_between_parts() -> None:
    uses = {
        part: set().union(*(own_parts(path) for path in FILES if part_of(path) == part)) - {part} for part in FLOORS
    }
    done: set[str] = set()
    while len(done) < len(uses):
        free = {part for part, others in uses.items() if part not in done and others <= done}
        assert free, f"a circle among {sorted(set(uses) - done)}"
        done |= free


def test_formats_know_no_model_and_models_know_no_task_and_no_deepspeed() -> None:
    for path in FILES:
        used = imports(path)
        if part_of(path) in ("formats", "tasks", "synthetic"):
            assert not any(name.startswith(("ds_stilts.engine", "deepspeed")) for name in used), name_of(path)
        if part_of(path) == "formats":
            assert "models" not in own_parts(path), name_of(path)
        if part_of(path) == "models":
            assert not any(name.startswith("deepspeed") for name in used), name_of(path)


def test_only_the_engine_touches_torch_distributed() -> None:
    touching = {name_of(path) for path in FILES if "torch.distributed" in ast.unparse(ast.parse(code_of(path)))}
    assert touching and all(name.startswith("engine/") for name in touching), touching
    for path in FILES:
        if part_of(path) != "engine":
            assert not any(name.startswith("torch.distributed") for name in imports(path)), name_of(path)


def code_of(path: Path) -> str:
    """A file's code without comments and strings."""

    class Strip(ast.NodeTransformer):
        def visit_Constant(self, node: ast.Constant) -> ast.Constant:
            return ast.Constant("") if isinstance(node.value, str) else node

    return ast.unparse(Strip().visit(ast.parse(path.read_text(encoding="utf-8"))))


def test_only_the_edges_print() -> None:
    printing = set()
    for path in FILES:
        calls = [
            node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
        ]
        if any(isinstance(call, ast.Name) and call.id == "print" for call in calls):
            printing.add(name_of(path))
    assert {name for name in printing if not name.startswith("cli/")} <= PRINTERS


def test_cluster_prints_nothing_but_a_failed_ranks_traceback() -> None:
    calls = [node for node in ast.walk(ast.parse((PACKAGE / "cluster/local.py").read_text(encoding="utf-8")))
             if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"]  # fmt: skip
    assert [ast.unparse(call.args[0]) for call in calls] == ["f'rank {rank} failed:'"]


@pytest.mark.parametrize("folder", ["ds_stilts", "tests", "benchmarks"])
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
               for path in (ROOT / folder).rglob("*.py")}  # fmt: skip
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_every_file_says_what_it_is_for() -> None:
    without = [name_of(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert without == []


def test_checkpoints_of_others_are_never_unpickled_and_their_code_never_run() -> None:
    for path in FILES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
                assert isinstance(node.value, ast.Constant) and node.value.value is False, name_of(path)
            if isinstance(node, ast.keyword) and node.arg == "weights_only":
                assert isinstance(node.value, ast.Constant) and node.value.value is True, name_of(path)
        assert not {name.split(".")[0] for name in imports(path)} & {"pickle", "dill", "joblib"}, name_of(path)
        called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        assert not called & {"yaml.load", "yaml.unsafe_load", "yaml.full_load", "eval", "exec"}, name_of(path)
