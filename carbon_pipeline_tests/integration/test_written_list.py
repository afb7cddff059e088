"""An export deletes only reports that it has written, whatever the list of them contains."""

import json
from pathlib import Path

import pytest

from carbon_pipeline.boamps.context import ReportContext
from carbon_pipeline.boamps.export import FOLDER, Exported, export_all
from carbon_pipeline.warehouse.warehouse import Warehouse

NAME = "report_a_training_regression_onPremise_gone.json"


@pytest.fixture
def folder(data_dir: Path) -> Path:
    Warehouse(data_dir).load()
    (data_dir / FOLDER).mkdir(parents=True)
    return data_dir / FOLDER


def exported(folder: Path) -> Exported:
    """Of a warehouse without runs: every report in the list is one too many."""
    return export_all(Warehouse(), ReportContext(), folder)


def test_a_report_whose_run_is_gone_is_removed(folder: Path) -> None:
    (folder / NAME).write_text("{}")
    (folder / ".written").write_text(json.dumps({"gone": NAME}))
    assert exported(folder).removed == 1
    assert not (folder / NAME).exists()


@pytest.mark.parametrize("kind", ["beside", "above", "absolute", "backslash", "mine", "of another run", "folder"])
def test_a_list_that_names_other_files_deletes_none_of_them(folder: Path, tmp_path: Path, kind: str) -> None:
    (folder / "report_x").mkdir()
    target, name = {
        "beside": (folder.parent / NAME, f"../{NAME}"),
        "above": (tmp_path / NAME, f"report_x/../../../../{NAME}"),
        "absolute": (tmp_path / NAME, str(tmp_path / NAME)),
        "backslash": (folder / f"report_x\\{NAME}", f"report_x\\{NAME}"),
        "mine": (folder / "notes.json", "notes.json"),
        "of another run": (folder / NAME.replace("gone", "other"), NAME.replace("gone", "other")),
        "folder": (folder / NAME / "mine.txt", NAME),
    }[kind]
    target.parent.mkdir(exist_ok=True)
    target.write_text("mine")
    (folder / ".written").write_text(json.dumps({"gone": name}))
    assert exported(folder).removed == 0
    assert target.read_text() == "mine"


def test_of_a_link_only_the_link_is_removed(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("mine")
    (folder / NAME).symlink_to(tmp_path / "mine.json")
    (folder / ".written").write_text(json.dumps({"gone": NAME}))
    assert exported(folder).removed == 1
    assert (tmp_path / "mine.json").read_text() == "mine"


DAMAGED = [b"", b"[1]", b'"text"', b"{", b"\xff\xfe", b'{"gone": 1}', b'{"gone": null}', b'{"\\ud800": "report_x"}']


@pytest.mark.parametrize("content", [*DAMAGED, b"[" * 100_000])
def test_a_damaged_list_stops_no_export(folder: Path, content: bytes) -> None:
    (folder / ".written").write_bytes(content)
    assert exported(folder).removed == 0
    assert json.loads((folder / ".written").read_text()) == {}
