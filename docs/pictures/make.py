"""Make the pictures of the documentation: a real UI, a real run, a real browser. `make pictures` calls it."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page

from carbon_pipeline.report.page import write_page
from carbon_pipeline_tests.demo_runs import demo_warehouse
from carbon_pipeline_tests.e2e.ui import LOCATION, browser, dagster_ui

HERE = Path(__file__).parent


EPOCHS = 500_000
"""A training of some seconds: the defaults take milliseconds."""

RUN_CONFIG = {"ops": {"regression_model": {"config": {"epochs": EPOCHS, "log_every": EPOCHS // 20}}}}

LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) { __typename ... on PythonError { message } }
}
"""


PAGES = {
    "report_page": {"viewport": {"width": 1280, "height": 1130}},
    "report_page_dark": {"viewport": {"width": 1280, "height": 1130}, "color_scheme": "dark"},
    "report_page_phone": {"viewport": {"width": 390, "height": 1500}},
    "report_page_print": {"viewport": {"width": 794, "height": 1123}},
}


def main() -> None:
    """Take all pictures."""
    take_page()
    take_asset()


def take_page() -> None:
    """Write the page of some made-up runs and take its upper part: light, dark, on a phone and printed."""
    with tempfile.TemporaryDirectory() as folder, browser() as chromium:
        address = write_page(demo_warehouse(Path(folder) / "data")).path.as_uri()
        for name, kind in PAGES.items():
            page = chromium.new_context(**kind).new_page()
            if name.endswith("print"):
                page.emulate_media(media="print")
            page.goto(address)
            page.wait_for_function("document.body.dataset.drawn === '1'")
            if name.endswith("print"):
                page.evaluate("dispatchEvent(new Event('beforeprint'))")
            page.screenshot(path=HERE / f"{name}.png")


def take_asset() -> None:
    """Run the job `pipeline` in a data folder of its own and take the picture of the trained model's metadata."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with dagster_ui(data, Path(folder) / "ui.log", CARBON_COUNTRY_ISO_CODE="FR") as address, browser() as chromium:
            page = chromium.new_page(viewport={"width": 1760, "height": 1300}, device_scale_factor=1)
            page.set_default_timeout(90_000)
            _run_pipeline(page, address)
            page.goto(f"{address}/assets/regression_model")
            page.get_by_text("at the wall").first.wait_for()
            page.wait_for_timeout(3000)
            heading = page.get_by_text("Metadata", exact=True).bounding_box()
            last = page.get_by_text("carbon/emissions_kg", exact=True).bounding_box()
            assert heading
            assert last
            top = heading["y"] - 24
            page.screenshot(
                path=HERE / "regression_model.png",
                clip={"x": heading["x"] - 50, "y": top, "width": 1050, "height": last["y"] + 33 - top},
            )


def _run_pipeline(page: Page, address: str) -> None:
    repository, location = LOCATION.split("@")
    params = {
        "selector": {"repositoryLocationName": location, "repositoryName": repository, "pipelineName": "pipeline"},
        "runConfigData": RUN_CONFIG,
    }
    answer = page.request.post(f"{address}/graphql", data={"query": LAUNCH, "variables": {"params": params}}).json()
    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess", answer
    page.goto(f"{address}/runs")
    page.get_by_text("Success", exact=True).first.wait_for(timeout=300_000)


if __name__ == "__main__":
    main()
