import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.example.tracking_info import FieldFileError, add_row, read_rows
from carbon_pipeline.model.field_checks import problems
from carbon_pipeline.model.fields import FIELD_NAMES, FIELDS, field_record, to_csv
from carbon_pipeline_tests.fakes import make_record

DOCUMENT_ORDER = """
run_id timestamp project_name duration emissions emissions_rate cpu_power gpu_power ram_power cpu_energy gpu_energy
ram_energy energy_consumed country_name country_iso_code region cloud_provider cloud_region os python_version
codecarbon_version cpu_count cpu_model gpu_count gpu_model longitude latitude ram_total_size tracking_mode on_cloud
pue extra kWh
""".split()


def test_the_33_names_stand_in_the_order_of_the_document() -> None:
    assert list(FIELD_NAMES) == DOCUMENT_ORDER
    assert len(FIELDS) == 33


def test_every_field_of_a_record_is_as_settled() -> None:
    record = make_record(duration_s=10.0, gpu_count=0)
    row = field_record(record)
    assert row == {
        "run_id": record.run_id,
        "timestamp": "2026-11-24 03:00:10",
        "project_name": "a project",
        "duration": 10.0,
        "emissions": pytest.approx(3e-5 * 0.056),
        "emissions_rate": pytest.approx(3e-6 * 0.056),
        "cpu_power": pytest.approx(0.0072),
        "gpu_power": 0.0,
        "ram_power": pytest.approx(0.0036),
        "cpu_energy": 2e-5,
        "gpu_energy": 0.0,
        "ram_energy": 1e-5,
        "energy_consumed": pytest.approx(3e-5),
        "country_name": "France",
        "country_iso_code": "FR",
        "region": "Île-de-France",
        "cloud_provider": None,
        "cloud_region": None,
        "os": "Linux",
        "python_version": "3.11.7",
        "codecarbon_version": "3.3.2",
        "cpu_count": 4,
        "cpu_model": "A CPU",
        "gpu_count": 0,
        "gpu_model": None,
        "longitude": 2.3,
        "latitude": 48.8,
        "ram_total_size": 16.0,
        "tracking_mode": "machine",
        "on_cloud": "No",
        "pue": 1.0,
        "extra": "codecarbon;cpu=cpu_load;gpu=none;ram=estimated",
        "kWh": "kWh",
    }
    assert problems(row) == []


def test_on_a_cloud_the_provider_and_its_region_are_named() -> None:
    row = field_record(make_record(cloud_provider="aws", cloud_region="eu-west-3"))
    assert (row["cloud_provider"], row["cloud_region"], row["on_cloud"]) == ("aws", "eu-west-3", "Yes")


def test_what_is_not_known_is_an_empty_cell_and_never_the_word_none() -> None:
    text = to_csv([field_record(make_record(country_iso_code=None, cpu_model=None, gpu_energy_kwh=None))])
    assert "None" not in text
    (row,) = csv.DictReader(io.StringIO(text))
    assert (row["country_iso_code"], row["cpu_model"], row["gpu_energy"], row["gpu_power"]) == ("", "", "", "")


@given(st.text(min_size=1))
def test_a_text_never_breaks_the_file_nor_becomes_a_formula(project: str) -> None:
    text = to_csv([field_record(make_record(project_name=project.encode("utf-8", "replace").decode()))])
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == 1
    written = rows[0]["project_name"]
    assert written[:1] not in ("=", "+", "-", "@") or re.fullmatch(r"[-+]?[0-9.]+([eE][-+]?[0-9]+)?", written)
    assert rows[0]["kWh"] == "kWh"


@pytest.mark.parametrize(
    "wrong",
    [
        {"energy_consumed": 4e-5},
        {"cpu_energy": -2e-5},
        {"run_id": "5b0fa12a-3dd7-45bb-9766-cc326314d9f1"},
        {"latitude": 46.8, "longitude": -71.2},
        {"surprise": 1},
    ],
)
def test_a_wrong_field_record_is_found(wrong: dict[str, Any]) -> None:
    assert problems({**field_record(make_record()), **wrong})


def test_a_run_is_in_the_file_once_however_often_it_is_added(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tracking_info.csv"
    first, second = field_record(make_record()), field_record(make_record())
    assert [add_row(path, first), add_row(path, second), add_row(path, first)] == [1, 2, 2]
    assert sorted(row["run_id"] for row in read_rows(path)) == sorted([first["run_id"], second["run_id"]])
    assert float(read_rows(path)[0]["energy_consumed"]) == first["energy_consumed"]


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "tracking_info.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(FieldFileError, match=r"tracking_info\.csv.*33 fields"):
        add_row(path, field_record(make_record()))
    assert path.read_text() == "a,b\n1,2\n"
