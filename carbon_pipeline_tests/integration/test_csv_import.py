"""CodeCarbon's CSV files. The samples are made here; no row of a real person is in them."""

import random
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from carbon_pipeline.model.clues import gpu_method_of
from carbon_pipeline.model.interval import interval
from carbon_pipeline.tracking.intensity import find_intensity
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.tracking.meter import cpu_tdp_w
from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.ingest.layout import NotCodeCarbonError
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import CONSTANT_ID, FALLBACK, ROW_3_3, row, write
from carbon_pipeline_tests.fakes import make_record


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir)


def imported(warehouse: Warehouse, path: Path) -> dict[str, object]:
    warehouse.import_csv([path])
    (run,) = warehouse.report("runs")
    return run


def test_a_row_of_codecarbon_comes_in_with_its_units_right(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(country_iso_code="FRA", cpu_power="55.0")))
    expected = {
        "run_id": ROW_3_3["run_id"],
        "project_name": "a project",
        "experiment_id": "my experiment",
        "status": "completed",
        "source": "csv",
        "duration_s": 10.0,
        "energy_kwh": 3e-5,
        "cpu_energy_kwh": 2e-5,
        "cpu_power_w": pytest.approx(7.2),  # energy over duration, not the 55 W of the file
        "ram_power_w": pytest.approx(3.6),
        "emissions_kg": 1.68e-6,
        "emissions_rate_kg_per_s": pytest.approx(1.68e-7),
        "carbon_intensity_g_per_kwh": pytest.approx(56.0),
        "intensity_source": "csv",
        "location_source": "csv",
        "country_iso_code": "FR",
        "country_name": "France",
        "region": "bretagne",
        "latitude": 48.1,
        "gpu_count": None,
        "gpu_model": None,
        "cpu_count": 8,
        "ram_gb": 31.2,
        "pue": 1.0,
        "cpu_method": "unknown",
        "flags": ["country_code_converted", "power_recomputed"],
    }
    assert {name: run[name] for name in expected} == expected
    assert f"{run['started_at']:%Y-%m-%d %H:%M:%S}" == "2026-05-01 12:00:00"


def test_cumulative_rows_count_once_with_the_last_state_and_all_are_kept(warehouse: Warehouse, tmp_path: Path) -> None:
    states = [
        row(
            timestamp=f"2026-05-01T12:00:{s}0",
            duration=f"{s}0",
            energy_consumed=f"{s}e-05",
            cpu_energy="",
            gpu_energy="",
            ram_energy="",
        )
        for s in (1, 2, 3)
    ]
    (result,) = warehouse.import_csv([write(tmp_path / "emissions.csv", *states)])
    assert (result.rows_read, result.rows_loaded, result.rows_superseded, result.rows_quarantined) == (3, 1, 2, 0)
    (run,) = warehouse.report("runs")
    assert (run["duration_s"], run["energy_kwh"], run["flags"]) == (30.0, 3e-5, ["cumulative_superseded"])
    assert len(warehouse.rows("FROM raw.measurement")) == 3


def test_the_order_of_files_changes_nothing(tmp_path: Path) -> None:
    early = write(tmp_path / "early.csv", row())
    late = write(tmp_path / "late.csv", row(timestamp="2026-05-01T12:00:20", duration="20.0", energy_consumed="6e-05"))
    seen = []
    for order in ([early, late], [late, early]):
        warehouse = Warehouse(tmp_path / f"data of {order[0].name}")
        for path in order:
            warehouse.import_csv([path])
        (run,) = warehouse.report("runs")
        seen.append({name: run[name] for name in ("duration_s", "energy_kwh", "flags", "source_file", "emissions_kg")})
    assert seen[0] == seen[1]
    assert seen[0]["duration_s"] == 20.0


def test_the_same_file_twice_under_two_names_changes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    first = write(tmp_path / "emissions.csv", row())
    again = write(tmp_path / "copy.csv", row())
    warehouse.import_csv([first])
    before = warehouse.report("runs"), warehouse.rows("FROM raw.measurement")
    for path in (first, again):
        (result,) = warehouse.import_csv([path])
        assert (result.rows_read, result.rows_superseded, result.note) == (
            1,
            1,
            "already loaded; CodeCarbon 3.1 to 3.2.0",
        )
    assert (warehouse.report("runs"), warehouse.rows("FROM raw.measurement")) == before


def test_a_fallback_row_gets_no_country_and_no_emissions_of_quebec(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(**FALLBACK, emissions="1.18e-07")))
    assert run["flags"] == ["fallback_location"]
    place = ("country_iso_code", "country_name", "region", "latitude", "longitude")
    assert {run[name] for name in place} == {None}
    assert (run["location_source"], run["intensity_source"]) == ("unknown", "world_average")
    assert run["emissions_kg"] == pytest.approx(3e-8 * find_intensity().g_per_kwh)
    assert warehouse.rows("SELECT file_emissions_kg AS kg FROM raw.measurement") == [{"kg": 1.18e-07}]
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}


def test_a_real_place_in_canada_stays_in_canada(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(
        warehouse, write(tmp_path / "emissions.csv", row(**{**FALLBACK, "longitude": "-73.6", "latitude": "45.5"}))
    )
    assert (run["country_iso_code"], run["region"]) == ("CA", "quebec")
    assert run["flags"] == ["country_code_converted"]


def test_the_constant_experiment_id_is_no_key_and_no_experiment(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [row(run_id=CONSTANT_ID, timestamp=f"2026-05-01T12:00:1{i}") for i in range(2)]
    rows.append(row(experiment_id=CONSTANT_ID))
    warehouse.import_csv([write(tmp_path / "emissions.csv", *rows)])
    runs = warehouse.report("runs")
    assert len(runs) == 3
    assert all("default_experiment_id" in run["flags"] for run in runs)
    assert CONSTANT_ID not in {run[name] for run in runs for name in ("run_id", "experiment_id")}


def test_a_rate_in_grams_is_found_and_corrected(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(emissions_rate="1.68e-04")))
    assert run["flags"] == ["rate_rescaled"]
    assert run["emissions_rate_kg_per_s"] == pytest.approx(1.68e-7)


def test_blank_is_not_zero(warehouse: Warehouse, tmp_path: Path) -> None:
    blank = {"cpu_energy": "", "gpu_energy": "", "ram_energy": "", "energy_consumed": ""}
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(**blank)))
    assert (run["energy_kwh"], run["gpu_energy_kwh"], run["cpu_power_w"]) == (None, None, None)
    assert run["flags"] == ["energy_missing"]
    assert run["emissions_kg"] == 1.68e-6


def test_parts_that_do_not_add_up_are_summed_and_flagged(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(energy_consumed="9e-05")))
    assert (run["energy_kwh"], run["flags"]) == (pytest.approx(3e-5), ["parts_do_not_add_up"])
    assert broken(warehouse, "energies_add_up") == []


def test_a_part_that_is_missing_is_flagged(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(gpu_energy="", energy_consumed="")))
    assert (run["energy_kwh"], run["gpu_energy_kwh"], run["flags"]) == (pytest.approx(3e-5), None, ["energy_missing"])


def test_a_tiny_energy_makes_no_infinite_intensity(warehouse: Warehouse, tmp_path: Path) -> None:
    tiny = {"cpu_energy": "", "gpu_energy": "", "ram_energy": "", "energy_consumed": "1e-320", "duration": "1e-310"}
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(**tiny, emissions="1")))
    assert (run["carbon_intensity_g_per_kwh"], run["emissions_rate_kg_per_s"]) == (None, None)


def test_rows_that_differ_only_in_content_count_the_same_in_any_order(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", row())
    other = write(tmp_path / "other.csv", row(emissions="9e-06"))
    blank = write(
        tmp_path / "blank.csv",
        row(timestamp="2026-05-01T13:00:00", energy_consumed="", cpu_energy="", gpu_energy="", ram_energy=""),
    )
    seen = []
    for number, order in enumerate(([one, other, blank], [blank, other, one], [other, blank, one])):
        warehouse = Warehouse(tmp_path / f"data {number}")
        for path in order:
            warehouse.import_csv([path])
        (run,) = warehouse.report("runs")
        seen.append((run["emissions_kg"], run["energy_kwh"], run["flags"], run["source_file"]))
    assert seen[0] == seen[1] == seen[2]
    assert seen[0][1] == 3e-5


def test_a_csv_row_never_replaces_or_flags_a_run_that_landed_a_record_of_its_own(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    record = make_record()
    land(record, warehouse.data_dir)
    path = write(tmp_path / "emissions.csv", row(run_id=record.run_id, timestamp="2026-11-24T05:00:00"))
    for _ in range(2):
        warehouse.load()
        warehouse.import_csv([path])
    (run,) = warehouse.report("runs")
    assert (run["source"], run["flags"], run["energy_kwh"]) == ("track", [], record.energy_kwh)
    assert broken(warehouse, "nothing_is_lost") == []


def test_a_run_under_a_second_is_flagged(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(warehouse, write(tmp_path / "emissions.csv", row(duration="0.5", cpu_power="144", ram_power="72")))
    assert run["flags"] == ["short_run"]


def test_padded_cells_and_columns_in_any_order_are_read_by_name(warehouse: Warehouse, tmp_path: Path) -> None:
    padded = {f" {name}  ": f"  {value} " for name, value in reversed(row().items())}
    run = imported(warehouse, write(tmp_path / "emissions.csv", padded, names=list(padded)))
    assert (run["run_id"], run["energy_kwh"], run["country_iso_code"]) == (ROW_3_3["run_id"], 3e-5, "FR")


def test_a_file_of_version_1_has_its_experiment_for_a_key(warehouse: Warehouse, tmp_path: Path) -> None:
    names = [
        "timestamp",
        "experiment_id",
        "project_name",
        "duration",
        "emissions",
        "energy_consumed",
        "country_iso_code",
    ]
    path = write(tmp_path / "emissions.csv", row(experiment_id="a1"), row(experiment_id="a2"), names=names)
    warehouse.import_csv([path])
    assert {run["run_id"] for run in warehouse.report("runs")} == {"a1", "a2"}


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (
            {"timestamp": "yesterday"},
            "timestamp is no date and time: yesterday; write it as 2026-01-31T10:00:00 (year-month-day)",
        ),
        (
            {"timestamp": "infinity"},
            "timestamp is no date and time: infinity; write it as 2026-01-31T10:00:00 (year-month-day)",
        ),
        ({"timestamp": "9999-01-01"}, "timestamp is not between the years 2015 and 2100: 9999-01-01"),
        ({"ram_energy": "1e308"}, "ram_energy is no energy from 0 to 1e9 kWh: 1e308"),
        ({"duration": "-1"}, "duration is no number of seconds from 0 to 1e10: -1"),
        ({"duration": ""}, "duration is no number of seconds from 0 to 1e10: empty"),
        ({"energy_consumed": "-3e-05"}, "energy_consumed is no energy from 0 to 1e9 kWh: -3e-05"),
        ({"cpu_energy": "nan"}, "cpu_energy is no energy from 0 to 1e9 kWh: nan"),
        ({"gpu_energy": "1e400"}, "gpu_energy is no energy from 0 to 1e9 kWh: 1e400"),
        ({"emissions": "little"}, "emissions is no mass from 0 to 1e9 kg: little"),
    ],
)
def test_an_impossible_row_is_quarantined_with_line_and_reason_and_the_rest_comes_in(
    warehouse: Warehouse, tmp_path: Path, cells: dict[str, str], reason: str
) -> None:
    path = write(tmp_path / "emissions.csv", row(run_id="good"), row(run_id="bad", **cells))
    (result,) = warehouse.import_csv([path])
    assert (result.rows_read, result.rows_loaded, result.rows_quarantined) == (2, 1, 1)
    (refused,) = warehouse.rows("FROM raw.quarantine")
    assert (refused["line"], refused["reason"]) == (3, reason)
    assert "bad" in refused["content"]
    assert [run["run_id"] for run in warehouse.report("runs")] == ["good"]
    assert broken(warehouse, "nothing_is_lost") == []


def test_a_row_with_too_few_or_too_many_cells_is_quarantined(warehouse: Warehouse, tmp_path: Path) -> None:
    path = write(tmp_path / "emissions.csv", row())
    with path.open("a") as file:
        file.write("2026-05-01T12:00:10,short\n" + "x," * 60 + "\n\n")
    (result,) = warehouse.import_csv([path])
    assert (result.rows_read, result.rows_loaded, result.rows_quarantined) == (3, 1, 2)
    assert [refused["line"] for refused in warehouse.rows("FROM raw.quarantine")] == [3, 4]


def test_an_impossible_place_or_pue_is_discarded_and_the_run_is_loaded(warehouse: Warehouse, tmp_path: Path) -> None:
    run = imported(
        warehouse,
        write(tmp_path / "emissions.csv", row(latitude="999", pue="0", cpu_count="-2", country_iso_code="XXX")),
    )
    assert (run["latitude"], run["pue"], run["cpu_count"]) == (None, None, None)
    assert (run["country_iso_code"], run["flags"]) == ("FR", ["value_left_out"])  # the name of the country decides
    assert run["energy_kwh"] == 3e-5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_characters_beyond_ascii_are_imported_unchanged(warehouse: Warehouse, tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path / "emissions.csv", row(region="île-de-france"))
    path.write_bytes(path.read_text(encoding="utf-8").encode(encoding))
    assert imported(warehouse, path)["region"] == "île-de-france"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "has no column timestamp, duration"),
        ("timestamp,duration,emissions\n", "has no column project_name"),
        ("timestamp,project_name,run_id,duration,emissions,duration\n", "two columns of the name duration"),
        ("\0" * 5_000_000, "its first line is longer than"),
    ],
)
def test_a_file_that_is_not_codecarbons_is_rejected_with_the_reason(
    warehouse: Warehouse, tmp_path: Path, text: str, reason: str
) -> None:
    good, bad = write(tmp_path / "good.csv", row()), tmp_path / "bad.csv"
    bad.write_text(text)
    with pytest.raises(NotCodeCarbonError, match=reason) as error:
        warehouse.import_csv([good, bad])
    assert str(bad) in str(error.value)
    assert not list((warehouse.data_dir / "inbox" / "kept").glob("*"))
    assert warehouse.load() == []
    assert warehouse.count() == 0


def test_in_a_folder_files_are_found_by_what_is_in_them_and_the_others_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    good = [write(tmp_path / "a" / "b" / name, row()) for name in ("emissions.csv.bak", "no ending")]
    (tmp_path / "a" / "other.csv").write_text("x\n1\n")
    (tmp_path / "a" / "picture.png").write_bytes(bytes(range(256)))
    (tmp_path / "a" / ".hidden").write_text("")
    found = find_files([tmp_path / "a", good[0]])
    assert found.files == good
    assert len(found.skipped) == 1
    assert found.others == 2
    assert "no such file" in find_files([tmp_path / "nowhere"]).rejected[0]


cell = st.text(st.characters(codec="utf-8", exclude_characters='\0,"\r\n'), max_size=12)


@settings(max_examples=8, deadline=None)
@given(rows=st.lists(st.dictionaries(st.sampled_from(sorted(ROW_3_3)), cell, max_size=6), min_size=1, max_size=5))
def test_whatever_the_cells_contain_rows_read_are_loaded_superseded_or_quarantined(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("import")
    path = write(folder / "emissions.csv", *(row(**cells) for cells in rows))
    warehouse = Warehouse(folder / "data")
    (result,) = warehouse.import_csv([path])
    assert result.rows_read == len(rows)
    assert result.rows_read == result.rows_loaded + result.rows_superseded + result.rows_quarantined
    assert warehouse.count() == result.rows_loaded


ENERGIES = {"cpu": "cpu_energy", "gpu": "gpu_energy", "ram": "ram_energy", "total": "energy_consumed"}
CELLS = {
    **{part: ["", "0.0", "1e-9", "2e-05", "0.5", "1000"] for part in ENERGIES.values()},
    "duration": ["0", "0.5", "3600"],
    "cpu_model": ["", "AMD EPYC 7742", "Intel(R) Core(TM) i9-13900K", "Apple M2"],
    "gpu_count": ["", "0", "1", "8.0"],
    "gpu_model": ["", "8 x Tesla V100-SXM2-32GB"],
    "ram_total_size": ["", "16", "503.8"],
    "tracking_mode": ["", "machine", "process"],
    "pue": ["", "1", "1.5"],
}


@settings(max_examples=3, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(seed=st.integers())
def test_imported_rows_have_the_same_interval_as_in_python_whatever_is_missing(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    folder, chance = tmp_path_factory.mktemp("intervals"), random.Random(seed)
    cells = [{name: chance.choice(texts) for name, texts in CELLS.items()} for _ in range(400)]
    warehouse = Warehouse(folder / "data")
    warehouse.import_csv([
        write(folder / "emissions.csv", *(row(run_id=f"{number}", **some) for number, some in enumerate(cells)))
    ])  # fmt: skip
    compared = 0
    for run in warehouse.report("runs"):
        given_cells = cells[int(run["run_id"])]
        energies = {
            part: float(given_cells[name]) if given_cells[name] else None
            for part, name in (
                ("cpu", "cpu_energy"),
                ("gpu", "gpu_energy"),
                ("ram", "ram_energy"),
                ("total", "energy_consumed"),
            )
        }
        others = [energies[part] or 0.0 for part in ("gpu", "ram")]
        is_total_of_others = (
            energies["cpu"] is None
            and (energies["gpu"] is not None or energies["ram"] is not None)
            and energies["total"] is not None
            and abs(energies["total"] - sum(others)) <= 1e-6 * energies["total"]
        )
        is_cpu_missing = is_total_of_others or (energies["cpu"] == 0 and run["duration_s"] >= 1)
        assert is_cpu_missing == ("cpu_not_measured" in run["flags"])
        if is_cpu_missing or (energies["cpu"] is None and energies["total"] is None):
            assert (run["energy_low_kwh"], run["energy_high_kwh"], run["quality"]) == (None, None, None)
            continue
        if energies["total"] is not None:
            energies["total"] = run["energy_kwh"]
        tdp_w = cpu_tdp_w(run["cpu_model"])
        found = interval(
            energies,
            {
                "cpu": run["cpu_method"],
                "gpu": gpu_method_of(run["codecarbon_version"], run["gpu_model"]),
                "ram": "estimated",
            },
            run["duration_s"],
            cpu_tdp_w=tdp_w,
            cpu_tdp_source="table_of_processors" if tdp_w else None,
            cpu_model=run["cpu_model"],
            cpu_count=run["cpu_count"],
            gpu_model=run["gpu_model"],
            gpu_count=run["gpu_count"],
            ram_gb=run["ram_gb"],
            gpu_tracked_count=0 if run["gpu_count"] and run["gpu_energy_kwh"] == 0 else None,
            tracking_mode=run["tracking_mode"],
            pue=run["pue"] or 1.0,
        )
        assert found is not None
        assert run["energy_low_kwh"] == pytest.approx(found.low_kwh, rel=1e-9, abs=1e-25)
        assert run["energy_high_kwh"] == pytest.approx(found.high_kwh, rel=1e-9)
        assert run["quality"] == found.quality(run["energy_kwh"])
        compared += 1
    assert compared > 100
    assert broken(warehouse, "intervals_hold") == []


def test_gpus_that_used_nothing_at_all_were_not_measured(warehouse: Warehouse, tmp_path: Path) -> None:
    idle = imported(warehouse, write(tmp_path / "emissions.csv", row(gpu_count="8", gpu_model="8 x A100")))
    assert idle["flags"] == ["gpu_not_measured"]
    assert idle["energy_high_kwh"] > 8 * 80 * 10 / 3.6e6  # type: ignore[operator]
