"""A real DuckDB file: loading, publishing, and several processes at once."""

import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Samples
from carbon_pipeline.tracking.landing import land, landed_files
from carbon_pipeline.warehouse import connection, sql
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

CONTRACT_RUN_COLUMNS = set(
    """
    run_id project_name experiment_id status started_at ended_at duration_s cpu_energy_kwh gpu_energy_kwh
    ram_energy_kwh energy_kwh attributed_energy_kwh energy_low_kwh energy_high_kwh cpu_power_w gpu_power_w
    ram_power_w emissions_kg emissions_low_kg emissions_high_kg emissions_rate_kg_per_s carbon_intensity_g_per_kwh
    intensity_source location_source cpu_method gpu_method ram_method tracking_mode pue quality flags source
    source_file
    """.split()
)
CONTRACT_VIEW_COLUMNS = CONTRACT_RUN_COLUMNS | set(
    """
    country_name country_iso_code region cloud_provider cloud_region on_cloud os python_version codecarbon_version
    cpu_model cpu_count gpu_model gpu_count ram_gb asset_key dagster_run_id
    """.split()
)
CONTRACT_AGGREGATE_COLUMNS = set(
    """
    runs duration_s energy_kwh energy_low_kwh energy_high_kwh emissions_kg emissions_low_kg emissions_high_kg
    """.split()
)


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir, timeout_s=5)


def rows(warehouse: Warehouse, table: str) -> list[dict[str, object]]:
    return warehouse.rows("FROM query_table(?)", [table])


def test_a_record_comes_out_as_it_went_in(warehouse: Warehouse) -> None:
    record = make_record(asset_key="my/model", dagster_run_id="abc", experiment_id="e", flags=["short_run"])
    land(record, warehouse.data_dir)
    warehouse.load()
    (row,) = warehouse.report("runs")
    for name, value in record.model_dump().items():
        if name in row:
            assert row[name] == (pytest.approx(value) if isinstance(value, float) else value), name
    assert row["attributed_energy_kwh"] == row["energy_kwh"] == pytest.approx(3e-5)
    assert row["on_cloud"] is False
    assert row["energy_low_kwh"] < row["energy_kwh"] < row["energy_high_kwh"]
    assert row["emissions_low_kg"] < row["emissions_kg"] < row["emissions_high_kg"]


def test_loading_twice_or_the_same_record_twice_changes_nothing(warehouse: Warehouse) -> None:
    path = land(make_record(), warehouse.data_dir)
    warehouse.load()
    before = {
        table: rows(warehouse, table) for table in ("core.run", "core.hardware", "core.location", "raw.measurement")
    }
    assert warehouse.load() == []
    assert {table: rows(warehouse, table) for table in before} == before

    shutil.copy(path, path.with_name("the same again.json"))
    (result,) = warehouse.load()
    assert (result.rows_read, result.rows_loaded, result.rows_superseded) == (1, 0, 1)
    del before["raw.measurement"]
    assert {table: rows(warehouse, table) for table in before} == before


def test_a_file_that_is_no_record_is_quarantined_with_the_reason_and_the_rest_is_loaded(warehouse: Warehouse) -> None:
    good = land(make_record(), warehouse.data_dir)
    (good.parent / "empty.json").write_text("")
    (good.parent / "half.json").write_text(good.read_text()[:200])
    (good.parent / "negative.json").write_text(
        good.read_text().replace('"cpu_energy_kwh": 0.00002', '"cpu_energy_kwh": -1')
    )
    results = warehouse.load()
    assert sum(result.rows_loaded for result in results) == 1
    reasons = {Path(str(row["source_file"])).name: str(row["reason"]) for row in rows(warehouse, "raw.quarantine")}
    assert set(reasons) == {"empty.json", "half.json", "negative.json"}
    assert "cpu_energy_kwh" in reasons["negative.json"]
    assert warehouse.load() == []


def test_the_names_that_users_rely_on_are_there(warehouse: Warehouse) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    assert set(warehouse.report("runs")[0]) >= CONTRACT_VIEW_COLUMNS
    assert set(rows(warehouse, "core.run")[0]) >= CONTRACT_RUN_COLUMNS
    for name in ("daily", "by_project", "by_country", "by_hardware", "by_method"):
        assert set(warehouse.report(name)[0]) > CONTRACT_AGGREGATE_COLUMNS, name
    assert set(warehouse.rows("DESCRIBE raw.quarantine")[0]) >= {"column_name"}
    assert len(warehouse.report("field_mapping")) == 33


def test_every_table_view_and_column_has_a_comment(warehouse: Warehouse) -> None:
    warehouse.load()
    for catalog in ("duckdb_tables()", "duckdb_views()", "duckdb_columns()"):
        silent = warehouse.rows(
            "FROM query(?)",
            [f"FROM {catalog} WHERE NOT internal AND database_name = current_database() AND comment IS NULL"],
        )
        assert silent == [], catalog


def test_the_aggregates_count_each_run_once(warehouse: Warehouse) -> None:
    for project, country in (("a", "FR"), ("a", "FR"), ("b", "DE")):
        land(make_record(project_name=project, country_iso_code=country, country_name=country), warehouse.data_dir)
    warehouse.load()
    by_project = {row["project_name"]: row for row in warehouse.report("by_project")}
    assert (by_project["a"]["runs"], by_project["b"]["runs"]) == (2, 1)
    assert by_project["a"]["energy_kwh"] == pytest.approx(6e-5)
    assert by_project["a"]["duration_s"] == pytest.approx(20)
    assert {row["country_iso_code"]: row["runs"] for row in warehouse.report("by_country")} == {"FR": 2, "DE": 1}
    assert [row["runs"] for row in warehouse.report("daily")] == [3]
    assert [row["runs"] for row in warehouse.report("by_hardware")] == [3]
    assert [row["runs"] for row in warehouse.report("by_method")] == [3]


def test_the_rules_find_a_wrong_run(warehouse: Warehouse) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}
    damage = {
        "energies_add_up": sql.statement("schema", "15_run").replace("ELSE sum_kwh", "ELSE 2 * sum_kwh"),
        "no_fallback_location": "UPDATE raw.context SET country_iso_code = 'CA', region = 'Quebec', "
        "latitude = 46.8, longitude = -71.2",
        "run_ids_are_unique": "UPDATE raw.measurement SET run_id = '5b0fa12a-3dd7-45bb-9766-cc326314d9f1'",
        "intervals_hold": "UPDATE raw.coefficients SET intensity_high = 0",
        "nothing_is_lost": "UPDATE raw.loaded_file SET rows_read = 7",
    }
    assert list(damage) == list(RULES)
    for statement in damage.values():
        with connection.open_for_writing(warehouse.path) as open_warehouse:
            open_warehouse.execute(statement)
    warehouse.publish()
    assert [rule for rule in RULES if not broken(warehouse, rule)] == []


@pytest.mark.parametrize(
    "loss",
    [
        "DELETE FROM raw.measurement",
        "DELETE FROM raw.quarantine",
        "UPDATE raw.measurement SET is_current = false",
        "UPDATE raw.loaded_file SET rows_read = 2",
    ],
)
def test_a_row_that_is_lost_anywhere_is_found(warehouse: Warehouse, loss: str) -> None:
    good = land(make_record(), warehouse.data_dir)
    (good.parent / "bad.json").write_text("{}")
    warehouse.load()
    assert broken(warehouse, "nothing_is_lost") == []
    with connection.open_for_writing(warehouse.path) as open_warehouse:
        open_warehouse.execute(loss)
    warehouse.publish()
    assert broken(warehouse, "nothing_is_lost")


def test_one_odd_file_never_keeps_the_others_from_being_loaded(warehouse: Warehouse) -> None:
    good = land(make_record(), warehouse.data_dir)
    folder = good.parent
    (folder / "folder.json").mkdir()
    (folder / "gone.json").symlink_to(folder / "nowhere")
    (folder / "empty.json").write_text("")
    (folder / "empty too.json").write_text("")
    Path(os.fsdecode(os.fsencode(folder) + b"/not \xff utf-8.json")).write_text("{}")
    text = good.read_text()
    (folder / "backwards.json").write_text(text.replace('"ended_at": "2026', '"ended_at": "1999'))
    (folder / "huge.json").write_text(text.replace("0.00002", "1e308").replace("0.00001", "1e308"))
    warehouse.load()
    assert warehouse.count() == 1
    refused = {str(row["source_file"]).split("/")[-1] for row in rows(warehouse, "raw.quarantine")}
    assert refused >= {"backwards.json", "huge.json", r"not \xff utf-8.json"}
    assert warehouse.pending() == []
    assert warehouse.load() == []
    assert broken(warehouse, "nothing_is_lost") == []


SHELL = """
import sys, time, duckdb
con = duckdb.connect(sys.argv[1])
con.execute("CREATE TABLE mine AS SELECT 1")
print("open", flush=True)
time.sleep(60)
"""


def test_a_shell_that_writes_into_the_published_copy_does_not_block_a_load(warehouse: Warehouse) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    shell = subprocess.Popen(
        [sys.executable, "-c", SHELL, str(warehouse.reports_path)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert shell.stdout
        assert shell.stdout.readline() == "open\n"
        assert warehouse.count() == 1
        land(make_record(), warehouse.data_dir)
        assert len(warehouse.pending()) == 1
        warehouse.load()
        assert warehouse.count() == 2
    finally:
        shell.kill()
        shell.communicate()
    assert warehouse.count() == 2
    warehouse.load()
    assert warehouse.count() == 2


def test_a_shell_on_the_warehouse_itself_is_named_as_what_is_in_the_way(warehouse: Warehouse) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    shell = subprocess.Popen([sys.executable, "-c", SHELL, str(warehouse.path)], stdout=subprocess.PIPE, text=True)
    try:
        assert shell.stdout
        assert shell.stdout.readline() == "open\n"
        with pytest.raises(connection.WarehouseBusyError, match="is open in another program"):
            warehouse.load()
    finally:
        shell.kill()
        shell.communicate()


def test_no_statement_reaches_another_file_of_the_machine(warehouse: Warehouse, tmp_path: Path) -> None:
    import duckdb

    (tmp_path / "secret.csv").write_text("a\n1\n")
    warehouse.load()
    for statement in (f"FROM read_csv('{tmp_path}/secret.csv')", "SET enable_external_access = true"):
        with pytest.raises(duckdb.Error):
            warehouse.rows(statement)


def test_a_reader_of_any_duckdb_since_1_5_can_open_the_reports(warehouse: Warehouse) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    # Bytes 12 to 20 of the file: the storage version; 1.5 reads 64 to 68 (duckdb/storage/storage_info.cpp).
    for path in (warehouse.path, warehouse.reports_path):
        assert 64 <= int.from_bytes(path.read_bytes()[12:20], "little") <= 68


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another process holds the warehouse for writing."""
    script = (
        "import sys, time; from pathlib import Path\n"
        "from carbon_pipeline.warehouse.connection import open_for_writing\n"
        "with open_for_writing(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
    finally:
        holder.kill()
        holder.communicate()


def test_readers_work_during_a_load_and_a_second_writer_gets_the_reason_for_waiting(
    warehouse: Warehouse,
) -> None:
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    with held(warehouse.path):
        assert warehouse.count() == 1
        # A person's own shell, which knows nothing of our lock.
        plain = (
            f"import duckdb; print(duckdb.connect({str(warehouse.reports_path)!r}).sql('from report.runs').shape[0])"
        )
        assert subprocess.run([sys.executable, "-c", plain], capture_output=True, text=True).stdout == "1\n"
        busy = Warehouse(warehouse.data_dir, timeout_s=0.2)
        with pytest.raises(
            connection.WarehouseBusyError, match=r"warehouse\.duckdb is being written by process \d+ on "
        ):
            busy.load()
    warehouse.load()


def _land_many(data_dir: Path, count: int) -> None:
    for _ in range(count):
        land(make_record(), data_dir)


def test_records_of_many_processes_and_killed_loads_are_neither_lost_nor_doubled(warehouse: Warehouse) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_land_many, args=(warehouse.data_dir, 50)) for _ in range(4)]
    for writer in writers:
        writer.start()
    script = "import sys; from carbon_pipeline.warehouse.warehouse import Warehouse; Warehouse(sys.argv[1]).load()"
    for delay_s in (0.3, 0.5, 0.7):
        loader = subprocess.Popen([sys.executable, "-c", script, str(warehouse.data_dir)])
        time.sleep(delay_s)
        loader.send_signal(signal.SIGKILL)
        loader.wait()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    warehouse.load()
    assert len(landed_files(warehouse.data_dir)) == 200
    assert warehouse.count() == 200
    assert broken(warehouse, "nothing_is_lost") == []


def test_a_data_folder_with_a_quote_in_its_name_works(tmp_path: Path) -> None:
    warehouse = Warehouse(tmp_path / "it's; data")
    land(make_record(), warehouse.data_dir)
    warehouse.load()
    assert warehouse.count() == 1


def test_every_field_of_a_record_reaches_the_warehouse(warehouse: Warehouse) -> None:
    warehouse.load()
    relations = (("report", "runs"), ("raw", "measurement"))
    columns = {row["column_name"] for relation in relations for row in warehouse.columns(*relation)}
    fields = RunRecord.model_fields.keys() | RunRecord.model_computed_fields.keys()
    assert fields - columns == {"record_version", "meter_version", "samples"}  # codecarbon_version; raw.curve
    curve = {row["column_name"] for row in warehouse.columns("raw", "curve")}
    assert set(Samples.model_fields) <= curve


def test_every_flag_that_a_run_can_carry_is_documented_and_none_else() -> None:
    root = Path(__file__).parents[2]
    sources = [*(root / "carbon_pipeline/tracking").glob("*.py"), *(root / "carbon_pipeline/model").glob("record*.py")]
    in_sql = set(re.findall(r"THEN '([a-z_0-9]+)' END", sql.statement("schema", "15_run"))) | {"overlapping"}
    in_python = {flag for flag in FLAGS if any(f'"{flag}"' in path.read_text() for path in sources)}
    assert in_sql | in_python == set(FLAGS)
    docs = (root / "docs" / "warehouse.md").read_text(encoding="utf-8")
    assert [flag for flag in FLAGS if f"`{flag}`" not in docs] == []


def test_nothing_is_written_beside_the_data_folder(warehouse: Warehouse, tmp_path: Path) -> None:
    warehouse.load()
    assert os.listdir(tmp_path) == ["data"]
