"""What all tests share: no settings of the machine's own, no network, a data folder that is thrown away."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from carbon_pipeline.warehouse.connection import open_for_writing
from carbon_pipeline.warehouse.ingest.load import FileResult
from carbon_pipeline.warehouse.warehouse import Warehouse, prepare_warehouse
from carbon_pipeline_tests.fakes import FakeMeter, make_record

__all__ = ["FakeMeter", "make_record"]

# The same examples each time, so that a change is judged by what it changes; HYPOTHESIS_SEARCH looks for new ones.
SEARCHED = int(os.environ.get("HYPOTHESIS_SEARCH") or 0)
hypothesis.settings.register_profile(
    "ours", deadline=None, derandomize=not SEARCHED, max_examples=SEARCHED or 100, database=None
)
hypothesis.settings.load_profile("ours")


def _real_files() -> Path | None:
    """A folder of CodeCarbon files as people have them: `REAL_CODECARBON_FILES`, or one beside the clone."""
    folder = Path(os.environ.get("REAL_CODECARBON_FILES") or Path(__file__).parents[2] / "shared" / "real_csv")
    return folder if folder.is_dir() else None


REAL_FILES = _real_files()


def _boamps_schemas() -> Path | None:
    """The folder of BoAmps' own JSON schemas (its `model`): `BOAMPS_SCHEMAS`, or one beside the clone."""
    beside = Path(__file__).parents[2] / "shared" / "reference" / "boamps" / "model"
    folder = Path(os.environ.get("BOAMPS_SCHEMAS") or beside)
    return folder if folder.is_dir() else None


BOAMPS_SCHEMAS = _boamps_schemas()


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith(("CARBON_", "CLOUD_", "CODECARBON_", "ELECTRICITYMAPS_", "DAGSTER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CARBON_GEOLOCATION", "off")
    monkeypatch.setenv("CARBON_BASELINE_S", "0.3")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with its schema and nothing else."""
    path = tmp_path_factory.mktemp("empty") / "warehouse.duckdb"
    with open_for_writing(path) as connection:
        prepare_warehouse(connection)
    return path


@pytest.fixture(autouse=True)
def new_warehouses_are_copies(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Spare the tests the second that a new schema takes; commands in other processes, and rebuilds, create theirs."""
    load = Warehouse._load

    def copied(self: Warehouse, *arguments: Any) -> list[FileResult]:
        if not self.path.exists():
            with suppress(OSError):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(request.getfixturevalue("empty_warehouse"), self.path)
        return load(self, *arguments)

    monkeypatch.setattr(Warehouse, "_load", copied)


@pytest.fixture
def data_dir(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder that is in force for this test."""
    folder = tmp_path / "data"
    monkeypatch.setenv("CARBON_DATA_DIR", str(folder))
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("real_time"):
            item.add_marker(pytest.mark.flaky(reruns=2))


def pytest_report_header() -> list[str]:
    return [_duckdb_line(), _torch_line(), _trainers_line(), _browser_line(), _real_files_line(), _schemas_line()]


def _duckdb_line() -> str:
    import duckdb

    return f"DuckDB {duckdb.__version__}"


def _torch_line() -> str:
    from importlib.util import find_spec

    if find_spec("torch"):
        return "PyTorch back end: included"
    return "PyTorch back end: NOT RUN, since torch is not installed; include it with: make test EXTRAS=torch"


def _trainers_line() -> str:
    from importlib.util import find_spec

    missing = [name for name in ("transformers", "lightning") if not find_spec(name)]
    if not missing:
        return "callbacks with the real trainers: included"
    return f"callbacks with the real trainers: NOT RUN; include them with: pip install {' '.join(missing)}"


def _browser_line() -> str:
    from importlib.util import find_spec

    if find_spec("playwright"):
        return "tests in a browser: included"
    return "tests in a browser: NOT RUN, since Playwright is not installed; `make test` installs it"


def _real_files_line() -> str:
    if REAL_FILES:
        return f"real CodeCarbon files: {REAL_FILES}"
    return "real CodeCarbon files: NOT RUN, since there is no folder of them; name one in REAL_CODECARBON_FILES"


def _schemas_line() -> str:
    if BOAMPS_SCHEMAS:
        return f"BoAmps' own schemas: {BOAMPS_SCHEMAS}"
    return "BoAmps' own schemas: NOT RUN, since they are not at hand; name their folder in BOAMPS_SCHEMAS"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in (_torch_line(), _trainers_line(), _browser_line(), _real_files_line(), _schemas_line()):
        if "NOT RUN" in line:
            terminalreporter.write_line(line, yellow=True)
