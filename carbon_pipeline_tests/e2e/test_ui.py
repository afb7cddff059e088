"""The pipeline as a person uses it: the real UI, a real browser, real runs, a real database."""

import re
import time
from pathlib import Path

import dagster as dg
import pytest

from carbon_pipeline.definitions import defs
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests import watched_project

pytest.importorskip("playwright", reason="Playwright is not installed: `make test` installs it")
from carbon_pipeline_tests.e2e.ui import LOCATION, browser, dagster_ui

pytestmark = pytest.mark.e2e

STEPS_TIMEOUT_MS = 300_000


@pytest.mark.long
def test_a_person_can_materialize_all_in_the_browser_and_see_the_energy_of_the_model(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with (
        dagster_ui(data, tmp_path / "ui.log", CARBON_GEOLOCATION="off", CARBON_COUNTRY_ISO_CODE="FR") as address,
        browser() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{address}/locations/{LOCATION}/asset-groups/carbon_pipeline")
        page.get_by_role("button", name="Materialize all").click()
        page.get_by_text("Launched run").wait_for()

        page.goto(f"{address}/runs")
        # That run's, or that of the sensor, which has loaded what landed in between.
        page.get_by_text("Success", exact=True).first.wait_for(timeout=STEPS_TIMEOUT_MS)

        page.goto(f"{address}/assets/regression_model")
        page.get_by_text("carbon/energy_kwh", exact=True).wait_for()
        row = page.get_by_role("row").filter(has_text="carbon/energy_kwh")
        shown = float(re.findall(r"\d\.\d+e-\d+|\d+\.\d+", row.inner_text())[-1])

        (run,) = Warehouse(data).report("runs")
        assert shown == pytest.approx(run["energy_kwh"])
        assert run["energy_kwh"] > 0
        assert (run["country_name"], run["source"], run["status"]) == ("France", "dagster", "completed")


def test_a_person_sees_plots_of_energy_the_energy_of_a_failure_and_why_a_budget_is_red(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    (data / "dagster").mkdir(parents=True)
    monkeypatch.setenv("CARBON_DATA_DIR", str(data))
    with dg.DagsterInstance.from_config(str(data / "dagster")) as instance:
        for _ in range(3):
            job = watched_project.defs.resolve_job_def("everything")
            job.execute_in_process(instance=instance, raise_on_error=False)
    with (
        dagster_ui(data, tmp_path / "ui.log", module="carbon_pipeline_tests.watched_project") as address,
        browser() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{address}/assets/trained")
        page.get_by_text("carbon/summary", exact=True).first.wait_for()
        page.get_by_text("Plots", exact=True).click()
        page.get_by_text("carbon/energy_kwh", exact=True).first.wait_for()
        page.locator("canvas").first.wait_for()
        assert page.locator("canvas").count() >= 3
        page.screenshot(path=tmp_path / "plots.png")

        page.goto(f"{address}/assets/broken?view=events")
        page.get_by_text("carbon/energy_kwh", exact=True).first.wait_for()
        page.get_by_text("the work failed").first.wait_for()
        page.screenshot(path=tmp_path / "broken.png")

        page.goto(f"{address}/assets/trained?view=checks")
        page.get_by_text("carbon_budget_per_run").first.click()
        page.get_by_text("times the limit").first.wait_for()
        page.get_by_text("Failed").first.wait_for()
        page.screenshot(path=tmp_path / "budget.png")


def test_a_person_sees_the_reports_and_the_whole_summary_without_scrolling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    (data / "dagster").mkdir(parents=True)
    monkeypatch.setenv("CARBON_DATA_DIR", str(data))
    monkeypatch.setenv("CARBON_GEOLOCATION", "off")
    config = {"ops": {"idle_baseline": {"config": {"seconds": 0.5}}}}
    with dg.DagsterInstance.from_config(str(data / "dagster")) as instance:
        assert defs.resolve_job_def("pipeline").execute_in_process(instance=instance, run_config=config).success
    with (
        dagster_ui(data, tmp_path / "ui.log", module="carbon_pipeline.definitions") as address,
        browser() as chromium,
    ):
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"{address}/assets/reports")
        for column in ("day", "runs", "energy_kwh", "emissions_kg"):
            heading = page.get_by_role("cell", name=column, exact=True).or_(
                page.get_by_role("columnheader", name=column, exact=True)
            )
            heading.first.wait_for()
            box = heading.first.bounding_box()
            assert box
            assert box["y"] + box["height"] < 900
            assert box["x"] + box["width"] < 1440
        page.screenshot(path=tmp_path / "reports.png")

        page.goto(f"{address}/assets/regression_model")
        summary = page.get_by_text("at the wall").first
        summary.wait_for()
        text, panel = summary.bounding_box(), page.get_by_text("Definition", exact=True).first.bounding_box()
        assert text
        assert panel
        assert text["x"] + text["width"] < panel["x"]  # what is beside it covers the rest
        page.screenshot(path=tmp_path / "summary.png")

        page.goto(f"{address}/assets/regression_model?view=checks")
        page.get_by_text("energy_regression").first.wait_for()
        page.get_by_text("of 1 kWh per month").first.wait_for()


@pytest.mark.long
def test_the_sensor_loads_what_was_tracked_outside_dagster(tmp_path: Path) -> None:
    from carbon_pipeline import track

    data = tmp_path / "data"
    with dagster_ui(data, tmp_path / "ui.log", CARBON_GEOLOCATION="off"):
        with track("elsewhere", data_dir=data, geolocation=False) as run:
            pass
        end = time.monotonic() + 120
        while not (data / "reports.duckdb").exists() and time.monotonic() < end:
            time.sleep(1)
    assert run.record is not None
    assert [row["run_id"] for row in Warehouse(data).report("runs")] == [run.record.run_id]
