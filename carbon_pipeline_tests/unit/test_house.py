"""The rules that keep the project a house: who may import what, and where things stand."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "carbon_pipeline"
DOMAIN = ("tracking", "probes", "training", "warehouse", "boamps")
MEETS_DAGSTER = PACKAGE / "tracking" / "decorator.py"

ALLOWED = {
    "probes": {"probes"},
    "training": {"training"},
    "tracking": {"tracking", "probes"},
    "boamps": {"boamps", "tracking"},
    "warehouse": {"warehouse", "boamps", "tracking"},
    "resources": {"resources", "tracking", "probes", "warehouse", "boamps"},
}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("folder", DOMAIN)
def test_the_domain_does_not_know_dagster(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("*.py"):
        if path != MEETS_DAGSTER:
            assert not any(name.split(".")[0] == "dagster" for name in imports(path)), path


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_go_one_way(folder: str) -> None:
    for path in (PACKAGE / folder).rglob("*.py"):
        for name in imports(path):
            parts = name.split(".")
            if parts[0] == "carbon_pipeline" and len(parts) > 1 and (PACKAGE / parts[1]).is_dir():
                assert parts[1] in ALLOWED[folder], f"{path} imports {name}"


def test_duckdb_is_opened_and_codecarbons_tracker_read_in_one_file_each() -> None:
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "duckdb.connect(" not in text or path.name == "connection.py", path
        assert "tracker._" not in text or path.name == "meter.py", path


def test_every_module_says_what_belongs_in_it() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path


def test_importing_the_definitions_loads_nothing_heavy_and_looks_at_nothing(tmp_path: Path) -> None:
    script = (
        "import sys, carbon_pipeline.definitions\n"
        "heavy = {'codecarbon', 'duckdb', 'matplotlib', 'numpy', 'pandas', 'torch', 'pynvml', 'cpuinfo'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == ""
    assert list(tmp_path.iterdir()) == []


def test_the_three_public_names_are_there() -> None:
    import carbon_pipeline

    for name in ("track", "tracked", "RunRecord"):
        assert callable(getattr(carbon_pipeline, name))
    with pytest.raises(AttributeError):
        _ = carbon_pipeline.measure
