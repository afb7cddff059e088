"""The rules that keep the project a house: who may import what, and where things are."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import carbon_pipeline

PACKAGE = Path(__file__).parents[2] / "carbon_pipeline"

FLOORS = (
    "errors", "common", "model", "settings", "probes", "tracking", "warehouse", "boamps", "report", "integrations",
    "cli", "dagster", "example", "definitions",
)  # fmt: skip
"""The rooms of the house, from the ground up: each imports only from lower floors."""

PUBLIC = {name: module for module, names in carbon_pipeline._NAMES.items() for name in names}
"""The modules of the names that the package exports."""

WITH_DAGSTER = {"dagster", "example", "definitions"}


def module_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            if node.module == "carbon_pipeline":  # names that it exports come from any floor
                found |= {f"carbon_pipeline.{PUBLIC.get(alias.name, alias.name)}" for alias in node.names}
    return found


def rooms_imported_by(path: Path) -> set[str]:
    """The rooms of this package that a file imports, its own left aside."""
    names = (name.split(".") for name in imports(path))
    return {parts[1] for parts in names if parts[0] == "carbon_pipeline" and len(parts) > 1} - {module_of(path)}


SOURCES = [
    path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py") or path.parent != PACKAGE
]


def test_every_room_has_its_floor() -> None:
    rooms = {path.name.removesuffix(".py") for path in PACKAGE.iterdir() if path.suffix in ("", ".py")}
    assert rooms - {"__init__", "__main__", "__pycache__"} == set(FLOORS)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down_and_only_the_dagster_wing_and_the_example_know_dagster(path: Path) -> None:
    room = module_of(path)
    below = set(FLOORS[: FLOORS.index(room)])
    assert rooms_imported_by(path) <= below
    if room not in WITH_DAGSTER:
        assert not {name.split(".")[0] for name in imports(path)} & {"dagster", "dagster_shared"}


def test_the_dagster_wing_does_not_know_the_command_line() -> None:
    for path in (PACKAGE / "dagster").rglob("*.py"):
        assert "cli" not in rooms_imported_by(path), path


PLACES = {
    r"duckdb\.connect\(": "warehouse/connection.py",
    r"tracker\._|\b_tracker\._|part\._mode": "tracking/meter.py",
    r"requests\.(get|post|request|Session)": "common/network.py",
}


@pytest.mark.parametrize(("pattern", "place"), PLACES.items())
def test_duckdb_codecarbons_private_parts_and_http_are_used_in_one_file_each(pattern: str, place: str) -> None:
    places = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if re.search(pattern, re.sub(r"(?<!r)\"\"\".*?\"\"\"", "", path.read_text(encoding="utf-8"), flags=re.DOTALL))
    }
    assert places == {place}


def test_every_module_explains_what_belongs_in_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_importing_the_definitions_loads_nothing_heavy_and_opens_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, carbon_pipeline.definitions\n"
        "heavy = {'codecarbon', 'duckdb', 'vl_convert', 'numpy', 'pandas', 'torch', 'pynvml', 'cpuinfo'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == ""
    assert list(tmp_path.iterdir()) == []


def test_the_library_works_where_dagster_is_not_installed(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "sys.modules['dagster'] = None\n"
        "from carbon_pipeline import Warehouse, track\n"
        "with track('work') as run: pass\n"
        "Warehouse('data').load()\n"
        "print(Warehouse('data').count(), run.record.status)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.split() == ["1", "completed"]


def test_every_public_name_can_be_imported_and_no_other() -> None:
    import carbon_pipeline

    for name in carbon_pipeline.__all__:
        assert callable(getattr(carbon_pipeline, name)), name
    with pytest.raises(AttributeError):
        _ = carbon_pipeline.measure
