"""The page as people open it: from disk, in a real browser, with the network cut."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.report.page import write_page
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.demo_runs import demo_warehouse
from carbon_pipeline_tests.fakes import make_record

pytest.importorskip("playwright", reason="Playwright is not installed: `make test` installs it")
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from carbon_pipeline_tests.e2e.ui import browser

pytestmark = pytest.mark.e2e

HOSTILE = "</script><img src=x onerror=alert(1)>\u202e'\"&"
LIGHT: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
DARK = {**LIGHT, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return demo_warehouse(tmp_path_factory.mktemp("demo") / "data", ("vision", "speech", HOSTILE))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as found:
        yield found


def opened(chromium: Browser, warehouse: Warehouse, kind: dict[str, Any], noise: list[str] | None = None) -> Page:
    """The page of a warehouse, drawn. What the console, requests and dialogs say goes to `noise`."""
    address = write_page(warehouse).path.resolve().as_uri()
    noise = [] if noise is None else noise
    page = chromium.new_context(offline=True, **kind).new_page()
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))
    page.on("dialog", lambda dialog: (noise.append(dialog.message), dialog.dismiss()))
    page.on("request", lambda request: noise.append(request.url) if request.url != address else None)
    page.goto(address)
    drawn(page, 1)
    return page


def drawn(page: Page, times: int) -> None:
    page.wait_for_function(f"document.body.dataset.drawn === '{times}'")


def tile(page: Page, number: int) -> str:
    return page.locator("#tiles b").nth(number).inner_text()


@pytest.mark.parametrize(
    "kind", [pytest.param(LIGHT, marks=pytest.mark.long), DARK, PHONE], ids=["light", "dark", "phone"]
)
def test_the_page_draws_all_charts_without_a_network_and_axe_finds_nothing(
    chromium: Browser, warehouse: Warehouse, kind: dict[str, Any], tmp_path: Path
) -> None:
    noise: list[str] = []
    page = opened(chromium, warehouse, kind, noise)
    assert page.locator(".chart").count() == page.locator(".chart > svg, .chart > div > svg").count() == 19
    assert page.locator(".chart svg .mark-rect path, .chart svg .mark-area path").count() > 60
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1], "the page scrolls sideways"
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    for each in page.locator("summary").all():
        each.focus()
        if each.locator("..").get_attribute("open") is None:
            page.keyboard.press("Enter")
    assert (
        page.locator("details[open]").count() == page.locator("details").count() >= page.locator(".chart").count() - 4
    )
    found = [violation["id"] for violation in Axe().run(page).response["violations"]]
    assert found == []
    page.locator(".chart svg path").nth(20).hover()
    assert noise == []


def test_filters_leave_the_numbers_of_the_views(chromium: Browser, warehouse: Warehouse) -> None:
    page = opened(chromium, warehouse, LIGHT)
    (total,) = warehouse.rows("SELECT sum(energy_kwh) AS energy_kwh, sum(runs) AS runs FROM report.by_project")
    assert tile(page, 0) == amount(total["energy_kwh"], "kWh")
    assert tile(page, 3) == str(total["runs"])
    (speech,) = (row for row in warehouse.report("by_project") if row["project_name"] == "speech")
    page.locator("#project").select_option("speech")
    drawn(page, 2)
    assert tile(page, 0) == amount(speech["energy_kwh"], "kWh")
    assert tile(page, 1) == amount(speech["emissions_kg"], "kg CO2eq")
    assert interval(
        speech["energy_low_kwh"], speech["energy_high_kwh"], "kWh", speech["energy_kwh"]
    ) in page.inner_text("#tiles")
    sixth = page.locator("#from option").nth(5).inner_text()
    page.locator("#until").select_option(sixth)
    drawn(page, 3)
    weeks = warehouse.rows(
        """SELECT sum(energy_kwh) AS energy_kwh
        FROM report.runs
        WHERE project_name = 'speech'
            AND ended_at < (SELECT date_trunc('week', min(day)) + INTERVAL 42 DAY FROM report.daily)"""
    )
    assert tile(page, 0) == amount(weeks[0]["energy_kwh"], "kWh")
    assert re.fullmatch(f"speech, week of .* to {sixth}", page.inner_text("#scope"))
    page.get_by_role("button", name="All runs").click()
    drawn(page, 4)
    assert tile(page, 3) == str(total["runs"])


def test_names_that_are_markup_are_shown_as_text(chromium: Browser, warehouse: Warehouse) -> None:
    noise: list[str] = []
    page = opened(chromium, warehouse, LIGHT, noise)
    page.get_by_text("Table by project").click()
    shown = page.locator("#by-project tbody th").all_inner_texts()
    assert HOSTILE.replace("\u202e", "\\u202e") in shown
    assert page.locator("img").count() == 0
    assert noise == []


def test_a_printed_page_is_light_and_has_its_tables(chromium: Browser, warehouse: Warehouse) -> None:
    page = opened(chromium, warehouse, DARK)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("#filters").is_visible()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("#by-project table").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#by-project details[open]").count() == 0


def test_the_page_and_the_command_line_write_amounts_alike(chromium: Browser, warehouse: Warehouse) -> None:
    page = opened(chromium, warehouse, LIGHT)
    numbers = [0.0, *(digits * 10.0**power for power in range(-14, 9) for digits in (1, 1.2345, 9.994, 9.996, 5.5))]
    pairs = [(low, low * times) for low in numbers for times in (1, 1.5, 7, 1e4)]
    beside = [(*pair, "kWh", of) for pair in pairs for of in (0.0, pair[0] * 2, pair[1] * 1e-7)]
    shown = page.evaluate("(each) => each.map((one) => interval(...one))", [*map(list, beside)])
    assert shown == [interval(*one) for one in beside]
    for unit in ("kWh", "kg CO2eq", "W", "s"):
        shown = page.evaluate(f"(values) => values.map((value) => amount(value, '{unit}'))", numbers)
        assert shown == [amount(value, unit) for value in numbers]
        if unit != "s":
            shown = page.evaluate(f"(pairs) => pairs.map((pair) => interval(...pair, '{unit}'))", [*map(list, pairs)])
            assert shown == [interval(*pair, unit) for pair in pairs]


def test_an_empty_warehouse_and_runs_without_energy_have_a_page_that_says_so(chromium: Browser, data_dir: Path) -> None:
    warehouse = Warehouse(data_dir)
    warehouse.load()
    noise: list[str] = []
    page = opened(chromium, warehouse, LIGHT, noise)
    assert "no runs yet" in page.inner_text("#scope")
    nothing = dict.fromkeys(("cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh"))
    land(make_record(**nothing, status="failed"), data_dir)
    warehouse.load()
    page = opened(chromium, warehouse, PHONE, noise)
    assert tile(page, 0) == "not known"
    assert "The energy of 1 run is not known" in page.inner_text("#coverage")
    assert Axe().run(page).response["violations"] == []
    assert noise == []
