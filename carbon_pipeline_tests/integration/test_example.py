"""The example project, as a stranger uses it: from a wheel, in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.execution.api import create_execution_plan

from carbon_pipeline import CarbonTracking, Warehouse, carbon_resources
from carbon_pipeline.dagster.component import CarbonTrackingScaffolder
from carbon_pipeline.dagster.warehouse_definitions import warehouse_definitions
from carbon_pipeline.definitions import defs
from carbon_pipeline.tracking.landing import land
from carbon_pipeline_tests.fakes import make_record

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the built wheel. What that depends on is taken from this one: it would take minutes."""
    folder = tmp_path_factory.mktemp("stranger")
    source = folder / "source"
    files = ("carbon_pipeline", "pyproject.toml", "README.md", "LICENSE")
    for name in files:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name) if source.exists() else (source.mkdir(), copy(ROOT / name, source / name))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder / "dist", source], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / "env"], check=True)
    python = folder / "env" / "bin" / "python"
    (wheel,) = (folder / "dist").glob("*.whl")
    subprocess.run([*pip, "--python", python, "install", "--no-deps", wheel], check=True)
    site = next((folder / "env").glob("lib/python*/site-packages"))
    (site / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.mark.long
def test_the_wheel_holds_all_that_the_package_needs(environment: Path) -> None:
    script = "import carbon_pipeline, pathlib; print(pathlib.Path(carbon_pipeline.__file__).parent)"
    folder = Path(
        subprocess.run([environment, "-c", script], capture_output=True, text=True, check=True, cwd="/").stdout.strip()
    )
    assert ROOT not in folder.parents

    def inside(package: Path) -> set[str]:
        return {
            str(path.relative_to(package))
            for path in package.rglob("*")
            if path.suffix in (".py", ".sql", ".typed", ".html", ".css", ".js", ".json")
        }

    assert inside(folder) == inside(ROOT / "carbon_pipeline")


@pytest.mark.long
def test_the_example_project_materializes_and_reports(environment: Path, tmp_path: Path) -> None:
    shop = shutil.copytree(ROOT / "examples" / "shop", tmp_path / "shop")
    home = shop / "home"
    home.mkdir()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CARBON_", "DAGSTER_", "PYTHON", "VIRTUAL_ENV"))}
    clean |= {"DAGSTER_HOME": str(home), "CARBON_GEOLOCATION": "off", "PYTHONPATH": str(shop)}
    command = [environment, "-m", "dagster", "asset", "materialize", "--select", "*", "-m", "shop.definitions"]
    done = subprocess.run(command, cwd=shop, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    report = subprocess.run(
        [environment, "-m", "carbon_pipeline", "report", "runs", "--format", "json"],
        cwd=shop, env=clean, capture_output=True, text=True, check=True,
    )  # fmt: skip
    runs = {run["asset_key"]: run for run in json.loads(report.stdout)}
    assert set(runs) == {"forecast", "sales"}
    assert runs["forecast"]["country_iso_code"] == "FR"
    assert runs["forecast"]["energy_kwh"] > 0


def test_the_component_brings_resources_assets_checks_and_automation() -> None:
    component = CarbonTracking.resolve_from_yaml(
        "{country_iso_code: FR, daily_report: true, budgets: [{asset: runs, max_kwh: 1}], regressions: [{asset: runs}]}"
    )
    built = component.build_defs(None)  # type: ignore[arg-type]
    dg.Definitions.validate_loadable(built)
    keys = {key.to_user_string() for key in built.resolve_all_asset_keys()}
    assert keys == {"runs", "reports", "boamps_reports", "report_page", "daily_report", "landing_archive"}
    assert {sensor.name for sensor in built.sensors or []} == {"landed_records"}
    alone = CarbonTracking(warehouse=False).build_defs(None)  # type: ignore[arg-type]
    assert list(alone.assets or []) == []
    assert "carbon_emissions" in (alone.resources or {})


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("country_iso_code: Atlantis", "country_iso_code: 'Atlantis' is not usable"),
        ("pue: 0.5", "pue: 0.5 is not usable"),
        ("carbon_intensity_g_per_kwh: -1", "carbon_intensity_g_per_kwh: -1.0 is not usable"),
        ("budgets: [{asset: model}]", "a budget needs a limit"),
        ("budgets: [{asset: model, max_kwh: -1}]", "must be above 0"),
        ("budgets: [{asset: model, max_kwh: 1}, {asset: model, max_kg: 1}]", "2 checks 'carbon_budget_per_run'"),
        ("budgets: [{asset: nowhere, max_kwh: 1}]", "budgets names the asset 'nowhere'"),
        ("regressions: [{asset: nowhere}]", "regressions names the asset 'nowhere'"),
        ("after: [nowhere]", "after names the asset 'nowhere'"),
    ],
)
def test_a_wrong_attribute_is_one_clear_line_when_the_project_is_checked(
    attributes: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset
    def model() -> None:
        """What the attributes are about."""

    monkeypatch.setenv("CARBON_PUE", "0.1")  # the environment's faults are not those of the component
    component = CarbonTracking.resolve_from_yaml(f"{{{attributes}}}")
    with pytest.raises(dg.DagsterInvalidDefinitionError) as error:
        dg.Definitions.validate_loadable(
            dg.Definitions.merge(dg.Definitions(assets=[model]), component.build_defs(None))  # type: ignore[arg-type]
        )
    cause: BaseException = error.value
    while cause.__cause__:  # Dagster prints them all, and this one last
        cause = cause.__cause__
    assert str(cause).startswith("CarbonTracking: ")
    assert reason in str(cause)
    assert "\n" not in str(cause)


@pytest.mark.long
def test_all_names_of_the_component_can_be_prefixed() -> None:
    component = CarbonTracking(key_prefix="energy", name_prefix="energy_", daily_report=True)
    built = component.build_defs(None)  # type: ignore[arg-type]
    own = dg.Definitions(
        assets=[dg.asset(name="runs", group_name="reports")(lambda: None)],
        jobs=[dg.define_asset_job("load", selection=["runs"])],
        resources={"warehouse": 7, "emissions": 8},
    )
    merged = dg.Definitions.merge(own, built)
    dg.Definitions.validate_loadable(merged)
    keys = {key.to_user_string() for key in built.resolve_all_asset_keys()}
    assert all(key.startswith("energy/") for key in keys)
    for named in (*(built.jobs or ()), *(built.schedules or ()), *(built.sensors or ())):
        assert named.name.startswith("energy_")  # type: ignore[union-attr]
    assert {str(spec.group_name) for spec in built.resolve_all_asset_specs()} == {
        "energy_carbon_pipeline", "energy_carbon_pipeline_days",
    }  # fmt: skip
    assert all(str(name).startswith("carbon_") for name in built.resources or {})
    with dg.instance_for_test() as instance:
        assert merged.resolve_job_def("energy_load").execute_in_process(instance=instance).success


def test_runs_waits_for_what_comes_before_it() -> None:
    @dg.asset
    def model() -> None:
        """Comes first."""

    built = CarbonTracking(after=["model"], automation=False).build_defs(None)  # type: ignore[arg-type]
    defs = dg.Definitions.merge(dg.Definitions(assets=[model], jobs=[dg.define_asset_job("all_of_it", "*")]), built)
    plan = create_execution_plan(defs.resolve_job_def("all_of_it"))
    assert "model" in plan.get_step_by_key("runs").get_execution_dependency_keys()


def test_a_scaffolded_component_is_commented_and_loads(tmp_path: Path) -> None:
    request = dg.ScaffoldRequest(
        type_name="carbon_pipeline.CarbonTracking",
        target_path=tmp_path / "carbon",
        scaffold_format="yaml",
        project_root=tmp_path,
        params=None,
    )
    CarbonTrackingScaffolder().scaffold(request)
    text = (tmp_path / "carbon" / "defs.yaml").read_text()
    attributes = yaml.safe_load(text)["attributes"]
    CarbonTracking.resolve_from_dict(attributes)
    offered = {line.split("#")[1].split(":")[0].strip() for line in text.splitlines() if line.startswith("  # ")}
    assert {name for name in offered if not name.startswith("-")} <= set(CarbonTracking.model_fields)


def test_each_partition_of_a_backfill_shows_its_own_day(data_dir: Path) -> None:
    days = [datetime(2026, 1, day, 12, tzinfo=UTC) for day in range(1, 31)]
    for number, ended_at in enumerate(days, start=1):
        for _ in range(number % 3):
            land(make_record(ended_at=ended_at, cpu_energy_kwh=number * 1e-3), data_dir)
    built = warehouse_definitions()
    resources = carbon_resources()
    defs_of_days = dg.Definitions.merge(built, dg.Definitions(resources=resources))
    with dg.instance_for_test() as instance:
        assert defs_of_days.resolve_job_def("load").execute_in_process(instance=instance).success
        tags = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-01-30"}
        assert defs_of_days.resolve_job_def("report_days").execute_in_process(instance=instance, tags=tags).success
        found = instance.fetch_materializations(dg.AssetKey("daily_report"), limit=100).records
    shown = {
        str(record.partition_key): record.asset_materialization.metadata
        for record in found
        if record.asset_materialization
    }
    daily = Warehouse(data_dir).rows("SELECT day, runs, energy_kwh FROM report.daily")
    by_sql = {f"{row['day']:%Y-%m-%d}": row for row in daily}
    assert len(shown) == 30
    for day, metadata in shown.items():
        row = by_sql.get(day)
        assert metadata["dagster/partition_row_count"].value == (row["runs"] if row else 0)
        assert ("carbon/energy_kwh" in metadata) == (row is not None)
        if row:
            assert metadata["carbon/energy_kwh"].value == pytest.approx(row["energy_kwh"])
            assert str(metadata["file"].value).endswith(f"{day}.csv")


def test_reports_are_rewritten_when_the_warehouse_has_changed(data_dir: Path) -> None:
    with dg.instance_for_test() as instance:
        quiet = dg.evaluate_automation_conditions(defs=defs, instance=instance)
        assert quiet.total_requested == 0
        assert (
            defs.resolve_job_def("load")
            .execute_in_process(instance=instance, asset_selection=[dg.AssetKey("runs")])
            .success
        )
        after = dg.evaluate_automation_conditions(defs=defs, instance=instance, cursor=quiet.cursor)
        assert {result.key.to_user_string() for result in after.results if result.true_subset.size} == {
            "reports",
            "boamps_reports",
            "report_page",
        }


def test_every_asset_has_owners_and_kinds() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.owners, spec.key
        assert spec.description, spec.key
        assert str(spec.group_name).startswith("carbon_pipeline")
        assert spec.kinds, spec.key
