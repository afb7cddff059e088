"""Faults of real files, by their kinds: what CodeCarbon, spreadsheets and people have done to rows costs no number."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from carbon_pipeline.common.csv_text import csv_text
from carbon_pipeline.model.codecarbon_defaults import CODECARBON_DEFAULT_EXPERIMENT_ID
from carbon_pipeline.model.fields import FIELD_NAMES, field_record
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.intensity import find_intensity
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.ingest.layout import NotCodeCarbonError
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import (
    TASKS_3_3,
    VERSION_1,
    VERSION_2_0,
    VERSION_2_2,
    VERSION_2_3,
    VERSION_3_3,
    row,
    write,
)
from carbon_pipeline_tests.fakes import make_record

pytestmark = pytest.mark.long  # a matrix of what is wrong with real files


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir)


def imported(warehouse: Warehouse, path: Path, timezone: str | None = None) -> dict[str, dict[str, object]]:
    warehouse.import_csv([path], timezone=timezone)
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}
    return {str(run["run_id"]): run for run in warehouse.report("runs")}


def rejected(warehouse: Warehouse) -> dict[int, str]:
    return {line["line"]: line["reason"] for line in warehouse.rows("FROM raw.quarantine")}


ONLY_CANADA = {
    "country_name": "Canada",
    "country_iso_code": "CAN",
    "region": "",
    "longitude": "",
    "latitude": "",
    "experiment_id": "e1",
}


@pytest.mark.parametrize(
    ("names", "is_fallback"), [(VERSION_1, True), (VERSION_2_0, True), (VERSION_2_2, False), (VERSION_2_3, False)]
)
def test_a_machine_that_an_old_codecarbon_could_not_locate_is_not_published_as_canada(
    warehouse: Warehouse, tmp_path: Path, names: list[str], is_fallback: bool
) -> None:
    (run,) = imported(warehouse, write(tmp_path / "emissions.csv", row(**ONLY_CANADA), names=names)).values()
    assert ("fallback_location" in run["flags"]) == is_fallback  # type: ignore[operator]
    assert run["country_iso_code"] == (None if is_fallback else "CA")
    if is_fallback:
        assert run["intensity_source"] == "world_average"
        assert run["emissions_kg"] == pytest.approx(3e-8 * find_intensity().g_per_kwh)


RUN_WITH_TASKS = {
    **{"run_id": "parent", "duration": "0.02", "cpu_power": "14", "ram_power": "5", "emissions": "2e-06"},
    **{"cpu_energy": "3e-05", "ram_energy": "1e-05", "energy_consumed": "4e-05"},
}


def test_a_run_with_tasks_has_at_least_their_duration_in_any_order_of_loads(tmp_path: Path) -> None:
    run = write(tmp_path / "run.csv", row(**RUN_WITH_TASKS))
    tasks = [
        row(task_name=name, run_id="parent", duration=s, energy_consumed="2e-05")
        for name, s in (("a", "6"), ("b", "1.5"))
    ]
    parts = write(tmp_path / "tasks.csv", *tasks, names=TASKS_3_3)
    for number, order in enumerate(([run, parts], [parts, run])):
        warehouse = Warehouse(tmp_path / f"data {number}")
        for path in order:
            warehouse.import_csv([path])
        found = warehouse.run("parent")
        assert (found["duration_s"], found["cpu_power_w"]) == (7.5, pytest.approx(14.4))
        assert "duration_from_tasks" in found["flags"]
        assert "power_contradicts_energy" not in found["flags"]
        assert rebuild(warehouse).differences == []


def test_an_energy_that_no_such_hardware_can_draw_gives_no_power_at_any_duration(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    laptop = "11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz"
    runs = imported(warehouse, write(tmp_path / "emissions.csv", row(**RUN_WITH_TASKS, cpu_model=laptop)))
    assert "power_contradicts_energy" in runs["parent"]["flags"]  # type: ignore[operator]
    assert (runs["parent"]["cpu_power_w"], runs["parent"]["energy_kwh"]) == (None, pytest.approx(4e-5))


def test_a_cpu_that_used_nothing_was_not_measured(warehouse: Warehouse, tmp_path: Path) -> None:
    zero = {"cpu_energy": "0", "ram_energy": "0.01", "energy_consumed": "0.01", "duration": "3600"}
    runs = imported(warehouse, write(tmp_path / "emissions.csv", row(run_id="zero", **zero), row(run_id="ok")))
    run = runs["zero"]
    assert {"cpu_not_measured", "energy_missing"} <= set(run["flags"])  # type: ignore[call-overload]
    assert (run["cpu_energy_kwh"], run["cpu_power_w"], run["energy_kwh"]) == (None, None, 0.01)
    assert (run["energy_low_kwh"], run["energy_high_kwh"], run["quality"]) == (None, None, None)
    assert runs["ok"]["cpu_energy_kwh"] == 2e-5


def test_columns_that_codecarbon_left_out_are_put_back_where_that_is_certain(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    def line(cells: dict[str, str], *left_out: str) -> str:
        return ",".join(cells.get(name, "") for name in VERSION_3_3 if name not in left_out)

    utilization = {
        "cpu_utilization_percent": "50",
        "gpu_utilization_percent": "0",
        "ram_utilization_percent": "40",
        "ram_used_gb": "6",
    }
    cells = [row(run_id=f"run-{number}", **utilization) for number in range(4)]
    nowhere = {"longitude": "", "latitude": ""}
    cloud = {"on_cloud": "Y", "region": "eu", **nowhere}
    lines = [
        line(cells[0]),
        line(cells[1] | nowhere, "gpu_count", "gpu_model", "longitude", "latitude"),
        line(cells[2] | nowhere | {"region": ""}, "region", "gpu_count", "gpu_model", "longitude", "latitude"),
        line(cells[3] | cloud, "cloud_provider", "cloud_region", "gpu_count", "gpu_model"),
    ]
    path = tmp_path / "emissions.csv"
    path.write_text("\n".join([",".join(VERSION_3_3), *lines]) + "\n")
    runs = imported(warehouse, path)
    assert {name: "row_repaired" in run["flags"] for name, run in runs.items()} == {
        "run-0": False,
        "run-1": True,
        "run-2": True,
    }  # type: ignore[operator]
    for run in (runs["run-1"], runs["run-2"]):
        assert (run["ram_gb"], run["cpu_count"], run["tracking_mode"], run["gpu_count"]) == (31.2, 8, "machine", None)
        assert run["cpu_utilization"] == 0.5
    assert runs["run-1"]["region"] == "bretagne"
    assert list(rejected(warehouse)) == [5]  # `eu` may be a region or a provider
    assert "issue 1304" in rejected(warehouse)[5]


@pytest.mark.parametrize("names", [VERSION_1, VERSION_2_0, VERSION_3_3])
def test_two_rows_on_one_line_are_two_runs(warehouse: Warehouse, tmp_path: Path, names: list[str]) -> None:
    path = write(
        tmp_path / "emissions.csv", *(row(run_id=f"run-{i}", experiment_id=f"run-{i}") for i in range(4)), names=names
    )
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1], lines[2] + lines[3], lines[4]]) + "\n")
    runs = imported(warehouse, path)
    assert sorted(runs) == [f"run-{number}" for number in range(4)]
    assert {name for name, run in runs.items() if "row_repaired" in run["flags"]} == {"run-1", "run-2"}  # type: ignore[operator]
    for run in runs.values():
        assert (run["energy_kwh"], run["duration_s"]) == (pytest.approx(3e-5), 10.0)


def test_a_row_behind_one_that_was_cut_off_is_not_lost_with_it(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(tmp_path / "emissions.csv", row(run_id="cut"), row(run_id="whole"))
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:90] + lines[2]]) + "\n")
    assert list(imported(warehouse, path)) == ["whole"]
    assert "cut off" in rejected(warehouse)[2]


def test_a_row_with_two_damages_never_takes_cells_of_its_neighbours(warehouse: Warehouse, tmp_path: Path) -> None:
    lines = (
        write(tmp_path / "emissions.csv", *(row(run_id=f"r{i}", project_name=f"p{i}") for i in range(4)))
        .read_text()
        .splitlines()
    )
    lines[1] = lines[1].replace("p0", '"p0')
    lines[2] = lines[2].replace("p1", '""q""p1"').replace("bretagne", ' "x"')
    path = tmp_path / "damaged.csv"
    path.write_text("\n".join(lines) + "\n")
    runs = imported(warehouse, path)
    assert {name: run["project_name"] for name, run in runs.items()} == {"r2": "p2", "r3": "p3"}
    assert {line["line"]: line["content"] for line in warehouse.rows("FROM raw.quarantine")} == {
        2: lines[1],
        3: lines[2],
    }


@pytest.mark.parametrize(
    ("country", "name", "g_per_kwh", "is_implausible"),
    [
        ("FRA", "France", 720, True),
        ("FRA", "France", 56, False),
        ("POL", "Poland", 700, False),
        ("USA", "United States", 900, False),
    ],
)
def test_an_intensity_that_the_country_cannot_have_is_kept_and_flagged(
    warehouse: Warehouse, tmp_path: Path, country: str, name: str, g_per_kwh: float, is_implausible: bool
) -> None:
    cells = row(country_iso_code=country, country_name=name, emissions=repr(3e-8 * g_per_kwh))
    (run,) = imported(warehouse, write(tmp_path / "emissions.csv", cells)).values()
    assert ("intensity_implausible" in run["flags"]) == is_implausible  # type: ignore[operator]
    assert run["carbon_intensity_g_per_kwh"] == pytest.approx(g_per_kwh)


def test_where_code_and_name_of_a_country_disagree_the_name_decides(warehouse: Warehouse, tmp_path: Path) -> None:
    (run,) = imported(
        warehouse, write(tmp_path / "emissions.csv", row(country_iso_code="SWI", country_name="Sweden"))
    ).values()
    assert (run["country_iso_code"], run["country_name"]) == ("SE", "Sweden")


def test_the_columns_of_later_versions_and_of_the_user_can_be_queried(warehouse: Warehouse, tmp_path: Path) -> None:
    names = ["Unnamed: 0", "model", *VERSION_3_3, "accuracy", "notes"]
    cells = row(water_consumed="0.0025", wue="1.8", ram_used_gb="6.7", ram_utilization_percent="42")
    own = {"Unnamed: 0": "0", "model": "svm", "accuracy": "0.93", "notes": '"first, ""good"" run"'}
    path = write(tmp_path / "merged.csv", cells | own, row(run_id="plain"), names=names)
    (result,) = warehouse.import_csv([path])
    assert "kept in extra_columns: Unnamed: 0, model, accuracy, notes" in result.note
    run = warehouse.run(cells["run_id"])
    assert (run["water_l"], run["wue_l_per_kwh"], run["ram_used_gb"], run["ram_utilization"]) == (
        0.0025,
        1.8,
        6.7,
        0.42,
    )
    assert json.loads(run["extra_columns"]) == own | {"notes": 'first, "good" run'}
    query = "SELECT (extra_columns->>'accuracy')::DOUBLE AS accuracy FROM report.runs WHERE extra_columns IS NOT NULL"
    assert warehouse.rows(query) == [{"accuracy": 0.93}]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-05-01T12:00:10Z", "2026-05-01 12:00:10"),
        ("2026-05-01T12:00:10+02:00", "2026-05-01 10:00:10"),
        ("2026-05-01 12:00:10.123456-0500", "2026-05-01 17:00:10"),
        ("2026-05-01 12:00", "2026-05-01 12:00:00"),
        ("2026-05-01", "2026-05-01 00:00:00"),
        ("20260501T120010", "2026-05-01 12:00:10"),
    ],
)
def test_times_in_every_form_of_iso_8601_are_read(warehouse: Warehouse, tmp_path: Path, text: str, utc: str) -> None:
    (run,) = imported(warehouse, write(tmp_path / "emissions.csv", row(timestamp=text))).values()
    assert f"{run['ended_at']:%Y-%m-%d %H:%M:%S}" == utc


def test_dates_of_spreadsheets_are_read_where_the_file_shows_which_is_the_day(tmp_path: Path) -> None:
    for number, (dates, day) in enumerate(
        (
            (["01/03/2026 10:00", "13/03/2026 10:00"], "2026-03-01"),
            (["01/03/2026 9:00:00 AM", "01/13/2026 1:30 PM"], "2026-01-03"),
            (["01/03/2026 10:00", "02/03/2026 10:00"], None),
            (["13/03/2026 10:00", "03/13/2026 10:00", "01/03/2026 10:00"], None),
        )
    ):
        warehouse = Warehouse(tmp_path / f"data {number}")
        rows = [row(run_id=f"run-{line}", timestamp=text) for line, text in enumerate(dates)]
        runs = imported(warehouse, write(tmp_path / f"{number}.csv", *rows))
        if day:
            assert f"{runs['run-0']['ended_at']:%Y-%m-%d}" == day
            assert len(runs) == len(dates)
        else:
            assert runs == {}
            assert all("Write it as" in reason for reason in rejected(warehouse).values())


def test_local_times_are_read_in_the_zone_that_is_given_and_rebuilt_in_it(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [
        row(run_id="summer"),
        row(run_id="winter", timestamp="2026-01-01T12:00:10"),
        row(run_id="zoned", timestamp="2026-05-01T12:00:10Z"),
    ]
    runs = imported(warehouse, write(tmp_path / "emissions.csv", *rows), "Europe/Paris")
    assert {name: f"{run['ended_at']:%H:%M}" for name, run in runs.items()} == {
        "summer": "10:00",
        "winter": "11:00",
        "zoned": "12:00",
    }
    assert rebuild(warehouse).differences == []


def test_our_own_exports_that_come_back_change_no_run(warehouse: Warehouse, tmp_path: Path) -> None:
    lost = {"country_name": "Canada", "country_iso_code": "CAN", "region": "quebec"}
    lost |= {"latitude": "46.8", "longitude": "-71.2"}
    found = {"country_iso_code": "FRA"}
    rows = [row(run_id="a", **found), row(run_id="lost", **lost), row(run_id=CODECARBON_DEFAULT_EXPERIMENT_ID, **found)]
    imported(warehouse, write(tmp_path / "emissions.csv", *rows))
    before = warehouse.report("runs")
    assert any("fallback_location" in run["flags"] for run in before)
    for name, columns in (("fields.csv", FIELD_NAMES), ("codecarbon.csv", None)):
        found = list(map(field_record, warehouse.counted_runs())) if columns else list(warehouse.codecarbon_layout())
        (tmp_path / name).write_text(csv_text(list(columns or found[0]), found), encoding="utf-8")
        warehouse.import_csv([tmp_path / name])
        after = warehouse.report("runs")
        assert [{**run, "source_file": "", "source_line": 0} for run in after] == [
            {**run, "source_file": "", "source_line": 0} for run in before
        ]
    assert rebuild(warehouse).differences == []


def test_a_time_that_the_clocks_skipped_is_rejected_and_not_moved(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [row(run_id="a"), row(run_id="b", timestamp="2026-03-29T02:30:00")]
    assert set(imported(warehouse, write(tmp_path / "emissions.csv", *rows), "Europe/Paris")) == {"a"}
    assert "does not exist in Europe/Paris" in rejected(warehouse)[3]


def test_the_rounding_of_a_spreadsheet_is_no_contradiction(warehouse: Warehouse, tmp_path: Path) -> None:
    rounded = {
        **{"cpu_energy": "0.12", "gpu_energy": "0.05", "ram_energy": "0.04", "energy_consumed": "0.20"},
        **{"cpu_power": "116.7", "gpu_power": "45.2", "ram_power": "39.9", "duration": "3600"},
        **{"emissions": "0.011", "emissions_rate": "3.1e-06"},
    }
    wrong = rounded | {"run_id": "wrong", "energy_consumed": "0.5", "cpu_power": "300"}
    runs = imported(warehouse, write(tmp_path / "emissions.csv", row(**rounded), row(**wrong)))
    assert runs["wrong"]["flags"] == ["parts_do_not_add_up", "power_recomputed"]
    assert runs[row()["run_id"]]["flags"] == []


@pytest.mark.parametrize(
    ("delimiter", "cells", "duration_s"),
    [
        (",", {"duration": '"1,234.5"'}, 1234.5),
        (";", {"duration": "1.234,5", "cpu_energy": "2e-05".replace(".", ",")}, 1234.5),
        (";", {"duration": "1 234,5"}, 1234.5),
        (";", {"duration": "12,5"}, 12.5),
        (";", {"duration": "12.5"}, 12.5),
        (",", {"duration": '"12,5"', "emissions": '"0,00001"'}, 12.5),
    ],
)
def test_numbers_with_separators_are_read_as_they_are_meant(
    warehouse: Warehouse, tmp_path: Path, delimiter: str, cells: dict[str, str], duration_s: float
) -> None:
    values = row(**cells)
    path = tmp_path / "emissions.csv"
    path.write_text(f"{delimiter.join(VERSION_3_3)}\n{delimiter.join(values.get(name, '') for name in VERSION_3_3)}\n")
    (run,) = imported(warehouse, path).values()
    assert run["duration_s"] == duration_s


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"PK\x03\x04 something", "Excel workbook"),
        (b"id,project_name,epoch,start_time,duration(s),power_consumption(kWTh),CO2_emissions(kg)\n", "eco2AI"),
        (b"2026-05-01 - CarbonTracker: The following components were found\n", "carbontracker"),
        (b'{"items": [{"emissions_sum": 1}]}', "API"),
        (b"run_id,timestamp,duration,emissions_sum,energy_consumed\n", "API"),
        (b'{"measures": [{"powerConsumption": 1}]}', "BoAmps report"),
        (b"[1, 2]", "JSON"),
        (b"<!DOCTYPE html><html>", "web page"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_named_for_what_it_is(
    warehouse: Warehouse, tmp_path: Path, content: bytes, what: str
) -> None:
    path = tmp_path / "emissions.csv"
    path.write_bytes(content)
    with pytest.raises(NotCodeCarbonError, match=what):
        warehouse.import_csv([path])


def test_our_own_33_fields_come_back_without_loss(warehouse: Warehouse, tmp_path: Path) -> None:
    records = [
        make_record(run_id="tdp", cpu_tdp_w=8.0, cpu_tdp_source="4_w_per_thread", machine_kind="virtual"),
        make_record(run_id="rapl", cpu_method="rapl", machine_kind="server", gpu_count=0),
        make_record(run_id="process", tracking_mode="process"),
    ]
    for record in records:
        land(record, warehouse.data_dir)
    warehouse.load()
    rows = [
        {name: "" if value is None else str(value) for name, value in field_record(run).items()}
        for run in warehouse.counted_runs()
    ]
    elsewhere = Warehouse(tmp_path / "elsewhere")
    runs = imported(elsewhere, write(tmp_path / "tracking_info.csv", *rows, names=FIELD_NAMES))
    for record in records:
        run = runs[record.run_id]
        for name in ("energy_kwh", "cpu_energy_kwh", "duration_s", "emissions_kg", "cpu_power_w", "pue", "ram_gb"):
            assert run[name] == pytest.approx(getattr(record, name)), name
        for name in (
            "project_name",
            "cpu_method",
            "gpu_method",
            "ram_method",
            "tracking_mode",
            "country_iso_code",
            "cpu_model",
        ):
            assert run[name] == getattr(record, name), name
        # It knows less of the machine: its interval contains the one that knows more.
        assert run["energy_low_kwh"] <= record.energy_low_kwh * (1 + 1e-9)  # type: ignore[operator]
        assert run["energy_high_kwh"] >= record.energy_high_kwh * (1 - 1e-9)  # type: ignore[operator]


def test_runs_exported_in_codecarbons_layout_come_back_as_the_same_runs(warehouse: Warehouse, tmp_path: Path) -> None:
    runs = imported(
        warehouse,
        write(
            tmp_path / "emissions.csv",
            row(),
            row(run_id="b", gpu_count="1", gpu_energy="1e-05", energy_consumed="4e-05"),
        ),
    )
    exported = list(warehouse.codecarbon_layout())
    assert list(exported[0]) == [*VERSION_3_3[:-3], *VERSION_3_3[-3:]]
    assert {line["country_iso_code"] for line in exported} == {"FRA"}
    rows = [{name: "" if value is None else str(value) for name, value in line.items()} for line in exported]
    back = imported(Warehouse(tmp_path / "elsewhere"), write(tmp_path / "exported.csv", *rows, names=VERSION_3_3))
    for name, run in runs.items():
        for column in (
            "energy_kwh",
            "emissions_kg",
            "energy_low_kwh",
            "energy_high_kwh",
            "country_iso_code",
            "started_at",
        ):
            assert back[name][column] == (pytest.approx(run[column]) if isinstance(run[column], float) else run[column])


def test_a_record_that_cannot_be_read_at_the_moment_is_loaded_later(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = land(make_record(), warehouse.data_dir)
    land(make_record(), warehouse.data_dir)
    read_bytes = Path.read_bytes

    def closed(self: Path) -> bytes:
        if self == path:
            raise PermissionError(13, "Permission denied")
        return read_bytes(self)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "read_bytes", closed)
        results = warehouse.load()
        assert [result.note for result in results if result.is_rejected] == [
            "cannot be read: Permission denied; a later load tries again"
        ]
    assert warehouse.count() == 1
    assert len(warehouse.load()) == 1
    assert warehouse.count() == 2


PROBED = {
    **{f"{part}_energy_kwh": [None, 0.0, 1e-6, 0.5, 10.0] for part in ("cpu", "gpu", "ram")},
    "cpu_method": ["rapl", "cpu_load", "constant", "pmic", "none"],
    "gpu_method": ["nvml_counter", "none"],
    "cpu_tdp_w": [None, 8.0, 120.0],
    "cpu_tdp_source": [None, "table", "85_w"],
    "machine_kind": [None, "laptop", "desktop", "server", "virtual", "board"],
    "cpu_model": [None, "A CPU", "Intel(R) N100", "Cortex-A76"],
    "intensity_source": ["country_average", "region_average", "world_average", "configured"],
    "country_iso_code": [None, "CA", "US", "FR", "XK"],
    "region": [None, "Québec", "QC", "nowhere"],
    "tracking_mode": ["machine", "process"],
    "gpu_count": [None, 0, 1, 8],
    "gpu_tracked_count": [None, 0, 1, 8],
    "ram_gb": [None, 8.0, 500.0],
    "pue": [1.0, 1.5],
}


@settings(max_examples=2, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers())
def test_a_landed_record_has_the_same_interval_in_the_warehouse_whatever_it_lacks(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    warehouse, chance = Warehouse(tmp_path_factory.mktemp("intervals")), random.Random(seed)
    records: dict[str, RunRecord] = {}
    for number in range(120):
        probed = {name: chance.choice(values) for name, values in PROBED.items()}  # type: ignore[var-annotated,arg-type]
        records[str(number)] = make_record(run_id=str(number), host=f"host-{number}", **probed)
        land(records[str(number)], warehouse.data_dir)
    warehouse.load()
    for run in warehouse.report("runs"):
        record = records[run["run_id"]]
        for name in ("energy_low_kwh", "energy_high_kwh", "emissions_low_kg", "emissions_high_kg", "energy_kwh"):
            expected = getattr(record, name)
            assert run[name] == (None if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-25)), name
        assert run["quality"] == record.quality


def test_a_damaged_copy_for_readers_does_not_keep_the_sensor_from_the_load_that_heals_it(warehouse: Warehouse) -> None:
    path = land(make_record(), warehouse.data_dir)
    warehouse.load()
    warehouse.reports_path.write_bytes(b"no database" * 1000)
    assert warehouse.pending() == [path]
    assert warehouse.last_load() is None
    assert warehouse.load() == []
    assert (warehouse.pending(), warehouse.count()) == ([], 1)


BY = pytest.mark.parametrize("least", [1, 2**40], ids=["read by DuckDB", "read row by row"])


@BY
@pytest.mark.parametrize("odd", ["2026-05-01 12:00:10 America/New_York", "2026-5-32 12:00:10", "2026-05-01T24:00:00"])
def test_an_odd_time_is_rejected_and_shifts_no_other_row_however_the_file_is_read(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, odd: str
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", least)
    rows = [row(run_id=f"run-{number}") for number in range(5)]
    rows[2]["timestamp"] = odd
    runs = imported(warehouse, write(tmp_path / "emissions.csv", *rows))
    assert {f"{run['ended_at']:%H:%M:%S}" for run in runs.values()} == {"12:00:10"}
    assert sorted(runs) == ["run-0", "run-1", "run-3", "run-4"]
    assert list(rejected(warehouse)) == [4]


@BY
def test_two_cut_rows_with_the_cells_of_one_are_never_one_run(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", least)
    names = list(row())
    for cut in range(3, len(names) - 1, 6):
        path = write(tmp_path / f"{cut}.csv", row(run_id="a"), row(run_id="b"), row(run_id=f"c{cut}"))
        lines = path.read_text().splitlines()
        first, second = lines[1].split(","), lines[2].split(",")
        glued = [*first[:cut], first[cut] + second[0], *second[1 : len(first) - cut]]
        assert len(glued) == len(first)
        path.write_text("\n".join([lines[0], ",".join(glued), lines[3]]) + "\n")
        warehouse.import_csv([path])
    assert {run["run_id"][:1] for run in warehouse.report("runs")} == {"c"}


def test_an_export_counts_a_task_only_where_its_run_is_unknown(warehouse: Warehouse, tmp_path: Path) -> None:
    tasks = [row(task_name=name, run_id=run) for name, run in (("a", "r1"), ("b", "r1"), ("c", "r2"))]
    write(tmp_path / "tasks.csv", *tasks, names=TASKS_3_3)
    write(tmp_path / "runs.csv", row(run_id="r1", cpu_energy="4e-05", ram_energy="2e-05", energy_consumed="6e-05"))
    warehouse.import_csv([tmp_path / "tasks.csv", tmp_path / "runs.csv"])
    total = sum(line["energy_kwh"] for line in warehouse.report("by_project"))
    assert total == pytest.approx(9e-05)
    assert sum(line["energy_consumed"] for line in warehouse.codecarbon_layout()) == pytest.approx(total)
    assert sum(run["energy_kwh"] for run in warehouse.counted_runs()) == pytest.approx(total)


def test_a_run_row_without_energy_does_not_hide_that_of_its_tasks(warehouse: Warehouse, tmp_path: Path) -> None:
    nothing = dict.fromkeys(("cpu_energy", "gpu_energy", "ram_energy", "energy_consumed"), "0")
    write(tmp_path / "tasks.csv", row(task_name="a", run_id="r1"), names=TASKS_3_3)
    write(tmp_path / "runs.csv", row(run_id="r1", **nothing))
    warehouse.import_csv([tmp_path / "tasks.csv", tmp_path / "runs.csv"])
    assert warehouse.report("by_project")[0]["energy_kwh"] == pytest.approx(3e-05)


def test_a_cpu_that_was_not_measured_is_so_after_an_export_and_an_import(warehouse: Warehouse, tmp_path: Path) -> None:
    imported(warehouse, write(tmp_path / "emissions.csv", row(cpu_energy="0", energy_consumed="1e-05", duration="100")))
    lines = list(warehouse.codecarbon_layout())
    rows = [{name: "" if value is None else str(value) for name, value in line.items()} for line in lines]
    path = write(tmp_path / "exported.csv", *rows, names=VERSION_3_3)
    (run,) = imported(Warehouse(tmp_path / "elsewhere"), path).values()
    assert (run["cpu_energy_kwh"], run["energy_high_kwh"]) == (None, None)
    assert "cpu_not_measured" in run["flags"]  # type: ignore[operator]


def test_a_number_that_may_be_two_is_rejected(warehouse: Warehouse, tmp_path: Path) -> None:
    cells = {name: text.replace(".", ",") for name, text in row().items()} | {"duration": "1.234"}
    path = tmp_path / "emissions.csv"
    path.write_text(f"{';'.join(VERSION_3_3)}\n{';'.join(cells.get(name, '') for name in VERSION_3_3)}\n")
    assert imported(warehouse, path) == {}
    assert "1.234" in rejected(warehouse)[2]


def test_a_column_of_the_user_in_one_of_two_files_is_kept_in_any_order(tmp_path: Path) -> None:
    nameless = {"run_id": "", "experiment_id": ""}
    plain = write(tmp_path / "a.csv", row(**nameless, project_name=" p "))
    merged = write(tmp_path / "b.csv", row(**nameless, project_name="p") | {"acc": "0.9"}, names=[*row(), "acc"])
    for number, order in enumerate(([plain, merged], [merged, plain])):
        warehouse = Warehouse(tmp_path / f"data {number}")
        for path in order:
            warehouse.import_csv([path])
        (run,) = warehouse.report("runs")
        assert (json.loads(run["extra_columns"]), run["flags"]) == ({"acc": "0.9"}, [])
        assert rebuild(warehouse).differences == []


@pytest.mark.parametrize(
    ("cells", "count"),
    [
        ({"timestamp": "2100-12-31T23:59:59.5"}, 2),
        ({"cpu_power": "36.0\u00a0"}, 2),
        ({"cpu_count": "\u0668"}, 2),
        ({"duration": "1\u0660"}, 1),
        ({"project_name": "codecarbon_vs_carbontracker"}, 2),
        ({"project_name": "timestamp duration emissions"}, 2),
    ],
)
def test_one_odd_cell_stops_nothing(warehouse: Warehouse, tmp_path: Path, cells: dict[str, str], count: int) -> None:
    path = write(tmp_path / "emissions.csv", row(run_id="odd", **cells), row(run_id="b"))
    assert len(imported(warehouse, path)) == count


def test_a_thousand_absurd_tasks_leave_the_warehouse_readable(warehouse: Warehouse, tmp_path: Path) -> None:
    tasks = [row(task_name=f"t{number}", run_id="r1", duration="1e10") for number in range(1000)]
    write(tmp_path / "tasks.csv", *tasks, names=TASKS_3_3)
    write(tmp_path / "runs.csv", row(run_id="r1"))
    warehouse.import_csv([tmp_path / "tasks.csv", tmp_path / "runs.csv"])
    assert warehouse.run("r1")["duration_s"] == 1e10


def test_a_forgotten_time_zone_is_corrected_by_importing_the_file_again(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [row(run_id="a"), row(run_id=""), row(run_id="b", duration="abc"), row(run_id="c", task_name="t")]
    path = write(tmp_path / "emissions.csv", *rows, names=TASKS_3_3)
    other = write(tmp_path / "other.csv", row(run_id="a", timestamp="2026-05-01T11:00:00"))
    warehouse.import_csv([path, other])
    (result,) = warehouse.import_csv([path], timezone="Europe/Paris")
    assert "read again, with times in Europe/Paris in place of UTC" in result.note
    assert (result.rows_read, result.rows_loaded, result.rows_quarantined) == (4, 2, 1)
    # What is known in local time is two hours earlier now, and the other file's row of the same run is the later one.
    assert {f"{run['ended_at']:%H:%M}" for run in warehouse.report("runs")} == {"10:00", "11:00"}
    assert warehouse.count() == 3
    assert not any(broken(warehouse, rule) for rule in RULES)
    assert "already loaded with times in Europe/Paris" in warehouse.import_csv([path])[0].note
    assert rebuild(warehouse).differences == []
    warehouse.import_csv([path], timezone="Asia/Tokyo")
    assert rebuild(warehouse).differences == []


def test_a_file_that_has_grown_is_counted_by_itself(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(tmp_path / "emissions.csv", row(run_id="a", country_iso_code="FRA"))
    warehouse.import_csv([path])
    write(path, row(run_id="a", country_iso_code="FRA"), row(run_id="b", country_iso_code="FRA"))
    (result,) = warehouse.import_csv([path])
    assert (result.rows_loaded, result.rows_superseded, result.flags) == (1, 1, {"country_code_converted": 1})


def test_a_file_that_duckdb_could_not_read_itself_does_not_shift_the_lines_of_the_next_one(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    rows = [row(run_id=f"a{number}") for number in range(8)]
    odd = write(tmp_path / "a.csv", *rows, row(run_id="odd", duration="1e11"))
    clean = write(tmp_path / "b.csv", row(run_id="b0"), row(run_id="b1"))
    warehouse.import_csv([odd, clean])
    assert [warehouse.run(name)["source_line"] for name in ("a0", "b0", "b1")] == [2, 2, 3]


@pytest.mark.parametrize(
    ("names", "cells"),
    [
        # The header has no columns for GPUs, the row has them and no coordinates.
        (VERSION_3_3, {"longitude": "1", "latitude": "1 x Tesla T4"}),
        (VERSION_3_3, {"gpu_count": "2", "gpu_model": "48.1"}),
        (VERSION_2_3, {"cloud_provider": "bretagne", "on_cloud": "N"}),
    ],
)
@BY
def test_a_row_whose_cells_are_in_other_columns_is_rejected_with_the_name_of_the_bug(
    warehouse: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    least: int,
    names: list[str],
    cells: dict[str, str],
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", least)
    path = write(tmp_path / "emissions.csv", row(run_id="a"), row(run_id="shifted", **cells), names=names)
    assert set(imported(warehouse, path)) == {"a"}
    assert "issue 1304" in rejected(warehouse)[3]


@pytest.mark.parametrize("column", ["run_id", "experiment_id"])
@BY
def test_an_id_may_end_in_a_time(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, column: str
) -> None:
    monkeypatch.setattr(large_file, "LARGE_BYTES", least)
    path = write(tmp_path / "emissions.csv", row(**{column: "sweep-2026-05-01T11:59:58"}), row(run_id="b"))
    runs = imported(warehouse, path)
    assert "sweep-2026-05-01T11:59:58" in {run[column] for run in runs.values()}
    assert len(runs) == 2


def test_the_rest_of_a_cell_never_becomes_a_cell_of_the_next_row(warehouse: Warehouse, tmp_path: Path) -> None:
    names = ["idx", *VERSION_2_3, "notes"]
    path = tmp_path / "emissions.csv"
    write(
        path, {"idx": "0", **row(run_id="A"), "notes": "x"}, {"idx": "1", **row(run_id="B"), "notes": "ok"}, names=names
    )
    head, first, second = path.read_text().splitlines()
    first = first.removesuffix(",x") + ',"first line\nsecond line of A"'
    path.write_text(f"{head}\n{first}{second}\n")
    assert imported(warehouse, path) == {}
    reasons = rejected(warehouse)
    assert set(reasons) == {2, 3}
    assert "the rest of a cell of the line above" in reasons[3]


INTENSITIES = [
    ("NOR", 720, False), ("NOR", 30, True), ("SWE", 650, False), ("FIN", 900, False), ("DNK", 1400, False),
    ("RUS", 0.0001, False), ("USA", 380, True), ("USA", 8, True), ("CAN", 1.4, True), ("IND", 900, True),
    ("", 5000, False), ("", 600, True),
]  # fmt: skip


def test_an_intensity_that_no_grid_of_the_country_can_have_is_flagged(warehouse: Warehouse, tmp_path: Path) -> None:
    cells = [
        {"country_iso_code": country, "country_name": "", "emissions": f"{3e-05 * g_per_kwh / 1000}"}
        for country, g_per_kwh, _ in INTENSITIES
    ]
    rows = [row(run_id=str(number), **each) for number, each in enumerate(cells)]
    runs = imported(warehouse, write(tmp_path / "emissions.csv", *rows))
    for number, (country, g_per_kwh, is_plausible) in enumerate(INTENSITIES):
        flags = runs[str(number)]["flags"]
        assert ("intensity_implausible" in flags) != is_plausible, (country, g_per_kwh)


def test_what_our_33_fields_say_less_of_is_never_narrower(warehouse: Warehouse, data_dir: Path, tmp_path: Path) -> None:
    for number, missing in enumerate(({"ram_energy_kwh": None}, {"gpu_energy_kwh": None, "gpu_count": 2}, {})):
        land(
            make_record(run_id=f"r{number}", intensity_source="world_average", country_iso_code=None, **missing),
            data_dir,
        )
    warehouse.load()
    before = {run["run_id"]: run for run in warehouse.report("runs")}
    found = list(map(field_record, warehouse.counted_runs()))
    (tmp_path / "fields.csv").write_text(csv_text(FIELD_NAMES, found), encoding="utf-8")
    after = imported(Warehouse(tmp_path / "other"), tmp_path / "fields.csv")
    for name, run in before.items():
        for low, high in (("energy_low_kwh", "energy_high_kwh"), ("emissions_low_kg", "emissions_high_kg")):
            assert after[name][low] <= run[low] * (1 + 1e-9)
            assert after[name][high] >= run[high] * (1 - 1e-9)
