"""Makes the pictures of the README: a real UI, real runs, a real browser. `make pictures` calls it."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.e2e.ui import LOCATION, ROOT, browser, dagster_ui

HERE = Path(__file__).parent


def main() -> None:
    """Materializes all assets three times in a data folder of its own and takes the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        Warehouse(data).import_csv([ROOT / "data" / "samples" / "emissions.csv"])
        with dagster_ui(data, Path(folder) / "ui.log", CARBON_COUNTRY_ISO_CODE="FR") as address, browser() as chromium:
            page = chromium.new_page(viewport={"width": 1900, "height": 760}, device_scale_factor=1)
            page.goto(f"{address}/locations/{LOCATION}/asset-groups/carbon_pipeline")
            page.get_by_text("Hide navigation").click()
            for done in range(3):
                _materialize_all(page, address, done)
            page.goto(f"{address}/locations/{LOCATION}/asset-groups/carbon_pipeline")
            page.get_by_text("5 / 5 Passed").wait_for()
            page.get_by_text("0 / 1 Passed").wait_for(state="detached")
            page.wait_for_timeout(2000)
            page.screenshot(path=HERE / "asset_graph.png")

            page.set_viewport_size({"width": 1400, "height": 1000})
            page.goto(f"{address}/assets/regression_model")
            page.get_by_text("carbon/energy_kwh", exact=True).wait_for()
            page.wait_for_timeout(2000)
            page.screenshot(path=HERE / "regression_model.png")

            page.goto(f"{address}/assets/reports")
            page.get_by_text("by_country", exact=True).wait_for()
            page.get_by_text("by_country", exact=True).scroll_into_view_if_needed()
            page.wait_for_timeout(2000)
            page.screenshot(path=HERE / "reports.png")


def _materialize_all(page: Page, address: str, done: int) -> None:
    page.goto(f"{address}/locations/{LOCATION}/asset-groups/carbon_pipeline")
    page.get_by_role("button", name="Materialize all").click()
    page.get_by_text("Launched run").wait_for()
    page.goto(f"{address}/runs")
    page.get_by_text("Success", exact=True).nth(done).wait_for(timeout=120_000)


if __name__ == "__main__":
    main()
