"""The example project, as a stranger uses it: from a wheel, in an environment of its own."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import dagster as dg
import pytest

from carbon_pipeline import CarbonTracking
from carbon_pipeline.definitions import defs

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
            str(path.relative_to(package)) for path in package.rglob("*") if path.suffix in (".py", ".sql", ".typed")
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
    assert keys == {"runs", "reports", "boamps_reports", "daily_report", "landing_archive"}
    assert {sensor.name for sensor in built.sensors or []} == {"landed_records"}
    alone = CarbonTracking(warehouse=False).build_defs(None)  # type: ignore[arg-type]
    assert list(alone.assets or []) == []
    assert "emissions" in (alone.resources or {})


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
        }


def test_every_asset_has_owners_and_kinds() -> None:
    for spec in defs.resolve_all_asset_specs():
        assert spec.owners, spec.key
        assert spec.description, spec.key
        assert str(spec.group_name).startswith("carbon_pipeline")
        assert spec.kinds, spec.key
