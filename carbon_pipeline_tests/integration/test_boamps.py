"""From runs of every source to BoAmps reports, and what is made of them."""

import csv
import json
import re
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from carbon_pipeline.boamps.context import ReportContext, read_context
from carbon_pipeline.boamps.export import FOLDER, Exported, export_all, one_report
from carbon_pipeline.boamps.form import form
from carbon_pipeline.boamps.machine_report import machine_reports
from carbon_pipeline.boamps.model import Report
from carbon_pipeline.boamps.other_formats import NotReportableError, model_card, sci
from carbon_pipeline.boamps.plausibility import examine_file
from carbon_pipeline.model.fields import FIELDS, NOT_IN_BOAMPS, field_record
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.tracking.run import track
from carbon_pipeline.warehouse.connection import open_in_memory
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import FALLBACK, ROW_3_3, row, write
from carbon_pipeline_tests.conftest import BOAMPS_SCHEMAS, REAL_FILES
from carbon_pipeline_tests.fakes import FakeMeter, make_record
from carbon_pipeline_tests.integration.test_cli import carbon_pipeline

TASK: dict[str, Any] = {
    "taskStage": "training",
    "taskFamily": "regression",
    "algorithms": [{"algorithmName": "linearRegression"}],
    "dataset": [{"dataUsage": "input", "dataType": "tabular"}],
}
PUBLISHER = {"publisher": {"name": "us", "confidentialityLevel": "public"}}
FULL_CONTEXT = ReportContext({"header": PUBLISHER, "task": TASK})

WITH_GPUS: dict[str, Any] = {
    "cpu_model": "Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz",
    "gpu_model": "2 x NVIDIA A100-SXM4-40GB",
    "gpu_count": 2,
    "gpu_tracked_count": 2,
    "gpu_memory_gb": 40.0,
    "gpu_energy_kwh": 1e-4,
    "gpu_method": "nvml_counter",
    "cloud_provider": "gcp",
    "cloud_region": "europe-west9",
    "pue": 1.2,
    "host_cpu_s": 30.0,
    "distribution": "Debian GNU/Linux",
    "distribution_version": "12",
    "idle_energy_kwh": 3e-5,
    "idle_cpu_energy_kwh": 2e-5,
    "idle_gpu_energy_kwh": 0.0,
    "idle_ram_energy_kwh": 1e-5,
    "idle_duration_s": 60.0,
}


def warehouse_of(data_dir: Path, *records: RunRecord) -> Warehouse:
    for record in records:
        land(record, data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    return warehouse


def report_of(data_dir: Path, record: RunRecord, context: ReportContext = FULL_CONTEXT) -> Report:
    warehouse = warehouse_of(data_dir, record)
    (found,) = machine_reports(warehouse, record.run_id)
    report, incomplete = one_report(found, context)
    assert report, incomplete
    return report


def export(warehouse: Warehouse, context: ReportContext = FULL_CONTEXT) -> Exported:
    folder = warehouse.data_dir / FOLDER
    return export_all(warehouse, context, folder)


def files(data_dir: Path) -> dict[str, Any]:
    return {path.name: json.loads(path.read_bytes()) for path in (data_dir / FOLDER).glob("*.json")}


def test_measured_values_are_in_their_place_in_the_datamodel(data_dir: Path) -> None:
    record = make_record(**WITH_GPUS)
    report = report_of(data_dir, record)
    cpu, gpu, ram = report.measures
    assert [measure.power_consumption for measure in report.measures] == [2e-5, 1e-4, 1e-5]
    assert sum(measure.power_consumption for measure in report.measures) == pytest.approx(record.energy_kwh)
    assert (cpu.cpu_tracking_mode, cpu.gpu_tracking_mode) == ("cpu_load", None)
    assert (gpu.cpu_tracking_mode, gpu.gpu_tracking_mode) == (None, "nvml_counter")
    assert cpu.measurement_date_time == "2026-11-24 03:00:00"  # the start
    assert report.header
    assert report.header.report_datetime == "2026-11-24 03:00:10"  # the end
    assert cpu.average_utilization_cpu == 0.75
    assert (cpu.power_calibration_measurement, ram.power_calibration_measurement) == (2e-5, 1e-5)
    assert cpu.duration_calibration_measurement == 60
    assert report.infrastructure.infra_type == "publicCloud"
    assert report.infrastructure.cloud_provider == "google"
    components = report.infrastructure.components
    assert [(c.component_type, c.nb_component, c.memory_size) for c in components] == [
        ("cpu", 4, None),
        ("gpu", 2, 42.95),
        ("ram", 1, 17.18),
    ]
    assert (components[0].manufacturer, components[0].family, components[0].series) == ("Intel", "Xeon", "Gold 6226R")
    assert (components[1].component_name, components[1].manufacturer) == ("NVIDIA A100-SXM4-40GB", "NVIDIA")
    assert report.environment
    assert report.environment.power_source_carbon_intensity == 56
    assert report.system
    assert (report.system.os, report.system.distribution) == ("Linux", "Debian GNU/Linux")
    assert report.task.task_description
    assert "A PUE of 1.2" in report.task.task_description
    assert report.quality == record.quality


def leaf(report: dict[str, Any], path: str) -> Any:
    """The value at a path of the mapping table, such as `infrastructure.components[gpu].nbComponent`."""
    part: Any = report
    for step in re.split(r"\.", path):
        name, _, which = step.partition("[")
        part = part[name]
        if which == "]":
            part = part[0]
        elif which:
            (part,) = [item for item in part if item["componentType"] == which[:-1]]
    return part


def test_the_mapping_table_agrees_with_the_code(data_dir: Path) -> None:
    record = make_record(**WITH_GPUS, region="Île-de-France", cpu_method="rapl")
    report = report_of(data_dir, record).model_dump(by_alias=True, exclude_none=True)
    expected = {  # fields with another value in the report
        "duration": record.duration_s,
        "energy_consumed": record.cpu_energy_kwh,  # of the first of three measures, whose sum it is
        "cloud_provider": "google",
        "gpu_model": "NVIDIA A100-SXM4-40GB",
        "ram_total_size": 17.18,
        "on_cloud": "publicCloud",
        "extra": "codecarbon;cpu=rapl",
        "kWh": record.cpu_energy_kwh,
    }
    fields = field_record(record)
    mapped = [field for field in FIELDS if not field.boamps_path.startswith(NOT_IN_BOAMPS)]
    assert len(mapped) == 21
    for field in mapped:
        path = field.boamps_path.split(" ")[0]
        assert leaf(report, path) == expected.get(field.name, fields[field.name]), field.name
        assert re.findall(r"\w+", field.form_path)[0] == re.findall(r"\w+", path)[0], field.name
    assert sum(measure["powerConsumption"] for measure in report["measures"]) == pytest.approx(
        fields["energy_consumed"]
    )
    rows = warehouse_of(data_dir).report("field_mapping")
    assert [row["field"] for row in rows] == [field.name for field in FIELDS]
    assert [row["source"] for row in rows] == [field.source for field in FIELDS]
    assert all(row["source"] and row["meaning"] and row["unit"] for row in rows)


def test_a_run_whose_country_is_not_known_has_no_environment_and_never_canadas(data_dir: Path, tmp_path: Path) -> None:
    warehouse = warehouse_of(
        data_dir, make_record(country_name=None, country_iso_code=None, intensity_source="world_average")
    )
    warehouse.import_csv([write(tmp_path / "emissions.csv", row(**FALLBACK))])
    assert export(warehouse).written == 2
    for report in files(data_dir).values():
        assert "environment" not in report
        assert "Canada" not in json.dumps(report)


def test_where_the_split_is_not_known_there_is_one_measure_of_all(data_dir: Path, tmp_path: Path) -> None:
    warehouse = Warehouse(data_dir)
    warehouse.import_csv([write(tmp_path / "emissions.csv", row(cpu_energy="", gpu_energy="", ram_energy=""))])
    (found,) = warehouse.report("runs")
    export(warehouse)
    (report,) = files(data_dir).values()
    (measure,) = report["measures"]
    assert measure["powerConsumption"] == found["energy_kwh"]
    assert measure["measurementMethod"] == "codecarbon;cpu=unknown;gpu=unknown;ram=unknown"
    assert "cpuTrackingMode" not in measure


def test_the_load_of_an_imported_run_is_reported_only_where_it_was_measured(data_dir: Path, tmp_path: Path) -> None:
    rows = [row(run_id="a", cpu_utilization_percent="37.5"), row(run_id="b", cpu_utilization_percent="0.0")]
    warehouse = Warehouse(data_dir)
    names = [*ROW_3_3, "cpu_utilization_percent"]
    warehouse.import_csv([write(tmp_path / "emissions.csv", *rows, names=names)])
    export(warehouse)
    loads = {name: report["measures"][0].get("averageUtilizationCpu") for name, report in files(data_dir).items()}
    assert sorted(loads.values(), key=str) == [0.375, None]


def test_what_only_a_person_can_know_is_listed_as_missing_and_no_invalid_file_is_written(data_dir: Path) -> None:
    warehouse = warehouse_of(data_dir, make_record())
    exported = export(warehouse, ReportContext())
    assert files(data_dir) == {}
    (found,) = exported.incomplete
    assert set(found.missing) == {
        "header.publisher.confidentialityLevel", "task.taskStage", "task.taskFamily", "task.algorithms", "task.dataset",
    }  # fmt: skip
    with (data_dir / "reports" / "boamps_incomplete.csv").open() as file:
        (listed,) = csv.DictReader(file)
    assert listed["run_id"] == found.run_id
    assert "task.taskStage" in listed["missing"]


def test_a_run_that_cannot_be_is_listed_with_the_reason(data_dir: Path) -> None:
    warehouse = warehouse_of(
        data_dir,
        make_record(cpu_energy_kwh=900.0),
        make_record(cpu_energy_kwh=None, ram_energy_kwh=None, gpu_energy_kwh=None),
    )
    exported = export(warehouse)
    assert exported.reports == 0
    reasons = " ".join(exported.reasons)
    assert "missing: measures" in reasons
    assert "measures.0.powerConsumption = 900.0" in reasons


def test_a_task_given_to_track_is_in_the_report(data_dir: Path) -> None:
    with track("fit", task={**TASK, "taskFamily": "pricing"}, data_dir=data_dir, make_meter=FakeMeter()) as run:
        time.sleep(0.1)
    assert run.record
    context = ReportContext({"header": PUBLISHER, "task": {"taskFamily": "regression", "measuredAccuracy": 0.5}})
    report = report_of(data_dir, run.record, context)
    assert (report.task.task_family, report.task.measured_accuracy) == ("pricing", 0.5)


def test_a_task_that_is_no_json_is_discarded_and_the_work_goes_on(data_dir: Path) -> None:
    with track("fit", task={"taskStage": object()}, data_dir=data_dir, make_meter=FakeMeter()) as run:
        pass
    assert run.record
    assert run.record.task is None
    assert "task" in (run.record.settings_error or "")


def test_a_report_is_rewritten_only_if_it_changed_and_its_old_file_is_removed(data_dir: Path) -> None:
    warehouse = warehouse_of(data_dir, make_record(), make_record())
    assert (export(warehouse).written, export(warehouse).unchanged) == (2, 2)
    before = {path: path.stat().st_mtime_ns for path in (data_dir / FOLDER).iterdir()}
    export(warehouse)
    assert before == {path: path.stat().st_mtime_ns for path in (data_dir / FOLDER).iterdir()}

    foreign = data_dir / FOLDER / "report_of_somebody_else.json"
    foreign.write_text("{}")
    renamed = ReportContext({"header": PUBLISHER, "task": {**TASK, "taskStage": "inference"}})
    exported = export(warehouse, renamed)
    assert (exported.written, exported.removed) == (2, 2)
    foreign.unlink()
    assert all("_inference_" in name for name in files(data_dir))
    # Missing user context deletes no report: a wrong folder or a misspelt name must not delete anything.
    exported = export(warehouse, ReportContext())
    assert (exported.removed, exported.kept, len(files(data_dir))) == (0, 2, 2)
    export(warehouse, renamed)
    mine = data_dir / FOLDER / f"report_mine_{next(iter(files(data_dir))).rsplit('_')[-1]}"
    mine.write_text("{}")
    shutil.rmtree(data_dir / "landing")
    for path in data_dir.glob("*.duckdb*"):
        path.unlink()
    exported = export(warehouse_of(data_dir, make_record()), renamed)
    assert (exported.written, exported.removed) == (1, 2)  # the runs are not in the warehouse any more
    assert mine.exists()


def test_all_reports_are_in_one_table_as_csv_and_as_parquet(data_dir: Path) -> None:
    warehouse = warehouse_of(data_dir, make_record(), make_record(**WITH_GPUS), make_record(project_name="=cmd()"))
    assert export(warehouse).reports == 3
    with (data_dir / "reports" / "boamps.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    with open_in_memory(data_dir) as connection:
        cursor = connection.execute("FROM read_parquet(?)", [str((data_dir / "reports" / "boamps.parquet").resolve())])
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
    assert list(rows[0]) == names
    assert len(found) == 3
    gpus = next(report for report in found if report["infrastructure_components_1_componentType"] == "gpu")
    assert gpus["measures_1_powerConsumption"] == 1e-4
    assert gpus["infrastructure_components_1_nbComponent"] == 2
    assert {row["header_publisher_projectName"][0] for row in rows} == {"a", "'"}  # no formula in a spreadsheet


NAMES = {
    "Intel(R) Xeon(R) Gold 6226R CPU @ 2.90GHz": ("Intel", "Xeon", "Gold 6226R"),
    "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz": ("Intel", "Xeon", "E5-2680 v4"),
    "Intel(R) Xeon(R) CPU @ 2.20GHz": ("Intel", "Xeon", None),
    "INTEL(R) XEON(R) PLATINUM 8592+": ("Intel", None, None),
    "Intel(R) Xeon(R) Platinum 8480+": ("Intel", "Xeon", "Platinum 8480+"),
    "Intel(R) Xeon(R) W-2245 CPU @ 3.90GHz": ("Intel", "Xeon", "W-2245"),
    "13th Gen Intel(R) Core(TM) i9-13900K": ("Intel", "Core", "i9-13900K"),
    "Intel(R) Core(TM) Ultra 7 155H": ("Intel", "Core", "Ultra 7 155H"),
    "AMD EPYC 7763 64-Core Processor": ("AMD", "EPYC", "7763"),
    "AMD EPYC 7B12": ("AMD", "EPYC", "7B12"),
    "AMD EPYC": ("AMD", "EPYC", None),
    "AMD Ryzen 9 5950X 16-Core Processor": ("AMD", "Ryzen", "9 5950X"),
    "AMD Ryzen Threadripper PRO 3995WX 64-Cores": ("AMD", "Ryzen Threadripper", "PRO 3995WX"),
    "Apple M1 Pro": ("Apple", "M1", "M1 Pro"),
    "Neoverse-N1": ("Arm", "Neoverse", "N1"),
    "A CPU": (None, None, None),
}


def test_manufacturer_family_and_series_are_derived_only_from_unambiguous_names(data_dir: Path) -> None:
    warehouse = warehouse_of(data_dir, *(make_record(cpu_model=name) for name in NAMES))
    cpus = [json.loads(found.machine)["infrastructure"]["components"][0] for found in machine_reports(warehouse)]
    found = {cpu["componentName"]: cpu for cpu in cpus}
    assert {name: (cpu["manufacturer"], cpu["family"], cpu["series"]) for name, cpu in found.items()} == NAMES


Energies = st.none() | st.floats(0, 1e-3) | st.sampled_from([0.0, 1e9])
Texts = st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
RECORDS = st.fixed_dictionaries(
    {},
    optional={
        "cpu_energy_kwh": Energies, "gpu_energy_kwh": Energies, "ram_energy_kwh": Energies,
        "cpu_method": st.sampled_from(["rapl", "cpu_load", "none"]),
        "gpu_method": st.sampled_from(["none", "nvml_counter"]),
        "duration_s": st.floats(0, 1e7), "cpu_count": st.none() | st.integers(1, 1000), "cpu_model": Texts,
        "gpu_count": st.none() | st.integers(0, 16), "gpu_model": Texts, "ram_gb": st.none() | st.floats(0, 1e6),
        "country_name": Texts, "region": Texts, "os": Texts, "python_version": Texts, "cloud_provider": Texts,
        "carbon_intensity_g_per_kwh": st.none() | st.floats(0, 3000),
        "project_name": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
        "status": st.sampled_from(["completed", "failed", "cancelled", "interrupted"]),
        "task": st.none()
        | st.dictionaries(st.sampled_from(["taskStage", "measuredAccuracy"]), st.text() | st.floats(0, 2)),
    },
)  # fmt: skip


@pytest.mark.long
@settings(max_examples=8, deadline=None)
@given(st.lists(RECORDS, min_size=20, max_size=60))
def test_any_run_has_a_valid_report_or_a_named_reason(
    tmp_path_factory: pytest.TempPathFactory, all_fields: list[dict[str, Any]]
) -> None:
    data_dir = tmp_path_factory.mktemp("runs")
    records = [make_record(**fields) for fields in all_fields]
    exported = export(warehouse_of(data_dir, *records))
    assert exported.reports + len(exported.incomplete) == len(records)
    assert all(found.missing or found.wrong for found in exported.incomplete)
    for path in (data_dir / FOLDER).glob("*.json"):
        assert examine_file(path) == []
    shutil.rmtree(data_dir)


@pytest.mark.skipif(BOAMPS_SCHEMAS is None, reason="BoAmps' own schemas are not at hand; see conftest.py")
def test_reports_of_every_source_are_valid_under_boamps_own_schemas(data_dir: Path) -> None:
    from jsonschema import Draft4Validator
    from referencing import Registry, Resource

    assert BOAMPS_SCHEMAS
    schemas = {path.name: json.loads(path.read_bytes()) for path in BOAMPS_SCHEMAS.glob("*.json")}
    registry = Registry().with_resources((schema["id"], Resource.from_contents(schema)) for schema in schemas.values())
    validator = Draft4Validator(schemas["report_schema.json"], registry=registry)
    warehouse = warehouse_of(
        data_dir, make_record(), make_record(**WITH_GPUS), make_record(status="failed", country_name=None)
    )
    if REAL_FILES:
        warehouse.import_csv(sorted(REAL_FILES.glob("codecarbon_*")))
    exported = export(warehouse)
    runs = warehouse.report("runs")
    assert exported.reports + len(exported.incomplete) == len(runs)
    # The files of CodeCarbon 1.x say nothing of the machine, and one run lacks the energy of its CPU.
    assert exported.reasons in ({}, {"missing: infrastructure.components": 20, "missing: measures": 1})
    for name, report in files(data_dir).items():
        assert list(validator.iter_errors(report)) == [], name
    broken = files(data_dir).popitem()[1]
    del broken["task"]
    assert list(validator.iter_errors(broken))


def test_the_form_is_read_back_as_boamps_bash_tool_reads_it(data_dir: Path) -> None:
    report = report_of(data_dir, make_record(**WITH_GPUS, project_name="a = b # c"))
    lines = form(report).splitlines()
    assert lines[0].startswith("[Config]")
    # The tool takes what stands between the last = and the last # of a line that it finds by its number.
    values = [re.sub(r".*=(.*)#.*", r"\1", line).strip() if "=" in line else None for line in lines]
    assert (values[1], values[2], values[5], values[6]) == ("1", "1", "3", "3")
    by_name: dict[str, list[str]] = {}
    for line, value in zip(lines, values, strict=True):
        if value is not None:
            by_name.setdefault(re.sub(r".*[├ ]|=.*", "", line.split("=")[0]), []).append(value)
    assert by_name["powerConsumption"] == ["2e-05", "0.0001", "1e-05"]
    assert by_name["projectName"] == ["a : b no. c"]
    assert by_name["measurementMethod"][0] == "codecarbon;cpu:cpu_load"
    assert by_name["componentType"] == ["cpu", "gpu", "ram"]
    assert by_name["quality"] == [""]  # it may err by more than half
    assert sum(line.strip().startswith("├(dataset.") for line in lines) == 1


def test_a_model_card_has_grams_and_their_method(data_dir: Path) -> None:
    record = make_record(**WITH_GPUS)
    run = warehouse_of(data_dir, record).run(record.run_id)
    card = yaml.safe_load(model_card(run, "finetuning"))["co2_eq_emissions"]
    assert card["emissions"] == pytest.approx(1000 * (record.emissions_kg or 0))
    assert card["training_type"] == "fine-tuning"
    assert card["geographical_location"] == "Île-de-France, France"
    assert "2 x NVIDIA A100-SXM4-40GB" in card["hardware_used"]
    assert "nvml_counter" in card["source"]


def test_the_sci_score_adds_embodied_emissions_or_notes_that_they_are_omitted(
    data_dir: Path,
) -> None:
    record = make_record(duration_s=8766 * 3600 / 1000, cpu_energy_kwh=1.0, ram_energy_kwh=0.0)
    run = warehouse_of(data_dir, record).run(record.run_id[:8])
    without = sci(run, "epoch", 10, None, 4)
    assert without.sci_g_per_unit == pytest.approx(5.6)
    assert without.embodied_g is None
    assert "omitted" in without.note
    # 1000 kg over four years; the run took a thousandth of one
    assert sci(run, "epoch", 10, 1000, 4).sci_g_per_unit == pytest.approx((56 + 250) / 10)
    with pytest.raises(NotReportableError, match="above 0"):
        sci(run, "epoch", 0, None, 4)


def test_a_task_by_itself_has_its_own_energy_and_an_overlapping_run_its_share(data_dir: Path, tmp_path: Path) -> None:
    share = {"host": "here", "host_cpu_s": 4.0}
    one, other = make_record(**share, process_cpu_s=1.0), make_record(**share, process_cpu_s=3.0)
    warehouse = warehouse_of(data_dir, one, other)
    run = warehouse.run(one.run_id)
    assert run["attributed_share"] < 0.5
    card = yaml.safe_load(model_card(run, None))["co2_eq_emissions"]
    ends = re.findall(r"; interval (\S+) to (\S+) µg CO2eq", card["source"])
    low, high = (float(end.replace(",", "")) / 1e6 for end in ends[0])
    assert low <= card["emissions"] <= high
    tasks = [name for name in ROW_3_3 if name not in ("experiment_id", "pue", "wue")]
    task = row(run_id="parent")
    warehouse.import_csv(
        [
            write(tmp_path / "emissions.csv", task),
            write(tmp_path / "tasks.csv", {**task, "task_name": "a"}, names=["task_name", *tasks]),
        ]
    )
    (part,) = [run for run in warehouse.report("runs") if run["parent_run_id"]]
    assert part["attributed_energy_kwh"] == 0
    assert yaml.safe_load(model_card(part, None))["co2_eq_emissions"]["emissions"] > 0
    assert sci(part, "epoch", 1, None, 4).energy_kwh == pytest.approx(3e-5)


def test_the_longest_names_make_a_file_all_the_same(data_dir: Path) -> None:
    task = {
        **TASK,
        "taskFamily": "画像分類モデルの学習と評価および推論性能の比較実験プロジェクト用タスク群の名前",
        "taskStage": "前" * 50,
    }
    warehouse = warehouse_of(data_dir, make_record(task=task), make_record())
    context = ReportContext(
        {"header": {"publisher": {"name": "会" * 60, "confidentialityLevel": "public"}}, "task": TASK}
    )
    assert export(warehouse, context).written == 2


def test_a_line_that_is_not_filled_in_hides_nothing_that_is_known(data_dir: Path) -> None:
    Path("context.yaml").write_text(
        "defaults: {header: {publisher: {confidentialityLevel: public, projectName: }}, "
        "software: {language: , version: }, infrastructure: {infraType: }, environment: {powerSupplierType: }}"
    )
    report = report_of(data_dir, make_record(task=TASK), read_context(Path("context.yaml")))
    assert report.software
    assert (report.software.language, report.software.version) == ("python", "3.11.7")
    assert report.infrastructure.infra_type == "onPremise"
    assert report.header
    assert report.header.publisher
    assert report.header.publisher.project_name == "a project"


def test_another_language_does_not_get_pythons_version(data_dir: Path) -> None:
    context = ReportContext({"header": PUBLISHER, "task": TASK, "software": {"language": "julia"}})
    report = report_of(data_dir, make_record(), context)
    assert report.software
    assert (report.software.language, report.software.version) == ("julia", None)


@pytest.mark.parametrize(
    ("fields", "gpus"),
    [
        ({"gpu_model": "NVIDIA A100-SXM4-80GB, Tesla T4", "gpu_count": 2}, [(1, 80.0), (1, None)]),
        (
            {"gpu_model": "2 x A100-SXM4-40GB, 1 x Tesla T4", "gpu_count": 3, "gpu_memory_gb": 40.0},
            [(2, 40.0), (1, None)],
        ),
        ({"gpu_model": "1 x NVIDIA GH200 480GB", "gpu_count": 1}, [(1, None)]),
        ({"gpu_model": None, "gpu_count": 2}, [(2, None)]),
        ({"gpu_model": "NVIDIA L4", "gpu_count": 4, "gpu_memory_gb": 22.5}, [(4, 24.159)]),
    ],
)
def test_gpus_are_as_many_and_as_large_as_is_known(data_dir: Path, fields: dict[str, Any], gpus: list[Any]) -> None:
    report = report_of(data_dir, make_record(**fields))
    found = [(c.nb_component, c.memory_size) for c in report.infrastructure.components if c.component_type == "gpu"]
    assert found == gpus


def test_a_text_of_blanks_costs_no_report(data_dir: Path) -> None:
    blank = {"region": " ", "python_version": "", "distribution": "", "cloud_provider": " ", "country_name": ""}
    report = report_of(data_dir, make_record(**blank))
    assert report.environment
    assert (report.environment.country, report.environment.location) == ("FR", None)


def test_two_exports_at_once_do_not_disturb_each_other(data_dir: Path) -> None:
    warehouse = warehouse_of(data_dir, *(make_record() for _ in range(200)))
    with ThreadPoolExecutor(4) as pool:
        exports = list(pool.map(lambda _: export(warehouse), range(4)))
    assert sum(exported.written for exported in exports) == 200
    assert len(files(data_dir)) == 200
    assert sorted(path.name for path in (data_dir / "reports").iterdir() if not path.name.endswith(".lock")) == [
        "boamps", "boamps.csv", "boamps.parquet", "boamps_incomplete.csv",
    ]  # fmt: skip


def test_the_command_line_exports_and_validates(data_dir: Path, tmp_path: Path) -> None:
    record = make_record(task=TASK)
    warehouse_of(data_dir, record)
    incomplete = carbon_pipeline("export", "boamps")
    assert "0 reports" in incomplete.stdout
    assert "confidentialityLevel" in incomplete.stderr
    Path("report_context.yaml").write_text("defaults: {header: {publisher: {confidentialityLevel: public}}}")
    assert "1 written, 0 unchanged, 0 removed" in carbon_pipeline("export", "boamps").stdout
    assert "0 written, 1 unchanged" in carbon_pipeline("export", "boamps").stdout
    out = tmp_path / "one"
    carbon_pipeline("export", "boamps", "--out", out, "--run", record.run_id)
    (path,) = out.glob("*.json")
    assert path.name.endswith(f"{record.run_id}.json")
    assert "valid and plausible" in carbon_pipeline("validate", out, data_dir / FOLDER).stdout
    assert f"reportId={record.run_id}" in carbon_pipeline("export", "form", "--run", record.run_id[:6]).stdout
    assert "co2_eq_emissions" in carbon_pipeline("export", "model-card", "--run", record.run_id).stdout
    score = json.loads(carbon_pipeline("export", "sci", "--run", record.run_id, "--unit", "run").stdout)
    assert score["functional_unit"] == "run"

    path.write_text(path.read_text().replace('"France"', '"France", "lattitude": 3'))
    failed = carbon_pipeline("validate", path, status=2)
    assert "environment.lattitude = 3" in failed.stdout
    assert "1 of 1 reports" in failed.stderr
    assert "there is no run" in carbon_pipeline("export", "form", "--run", "nope", status=2).stderr
    Path("report_context.yaml").write_text("defaults: {header: {publisher: {confidential: public}}}")
    assert (
        "report_context.yaml: defaults.header.publisher.confidential"
        in carbon_pipeline("export", "boamps", status=2).stderr
    )
