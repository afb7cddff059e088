"""The page as a file: its numbers, its policy, and what it does with odd warehouses. In a browser: e2e/test_page.py."""

import base64
import hashlib
import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline.errors import InputError
from carbon_pipeline.model.budget import Budget, Period
from carbon_pipeline.report import content as content_module
from carbon_pipeline.report.budgets import keep_budget
from carbon_pipeline.report.content import MEASURES, read_content
from carbon_pipeline.report.page import html, write_page
from carbon_pipeline.report.vega import bundle_path
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row as csv_row
from carbon_pipeline_tests.codecarbon_files import write
from carbon_pipeline_tests.demo_runs import demo_warehouse
from carbon_pipeline_tests.fakes import make_record

BUNDLE = "window.vegaEmbed = null"
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<b>",
    "\"'&\\",
    "a\x07b\x1b[31m",
    "x\u202etxt.exe",
    "\u2028",
    "${policy}",
)


class Parts(HTMLParser):
    """The scripts and styles of a page, its policy, and the attributes of `main`."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], str]] = []
        self.metas: dict[str | None, str | None] = {}
        self.main: dict[str, str | None] = {}
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag == "meta":
            self.metas[named.get("http-equiv") or named.get("name")] = named.get("content")
            return
        if tag == "main":
            self.main = named
        if tag in ("script", "style"):
            self.found.append((tag, named, ""))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            tag, named, text = self.found[-1]
            self.found[-1] = (tag, named, text + data)


def data_of(text: str) -> dict[str, Any]:
    (found,) = (script for _, named, script in Parts(text).found if named.get("id") == "data")
    return json.loads(found)


def land_hostile(data_dir: Path) -> Warehouse:
    for number, name in enumerate(HOSTILE):
        land(make_record(project_name=name, name=name, ended_at=datetime(2026, 1, 1 + number, tzinfo=UTC)), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    return warehouse


def sums(found: dict[str, Any], dimension: str) -> dict[str, dict[str, float]]:
    """The sums over all periods and projects, as the page adds them up; by project where that is the dimension."""
    totals: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(MEASURES, 0.0))
    is_project = dimension == "project"
    names = found["projects"] if is_project else found["names"][dimension]
    for row in found["sums"]["total" if is_project else dimension]:
        at = row[1] if is_project else row[2]
        for measure, value in zip(MEASURES, row[3:], strict=True):
            totals["other" if at < 0 else names[at]][measure] += value or 0.0
    return totals


@pytest.mark.parametrize(
    ("dimension", "view", "column"),
    [
        ("project", "by_project", "project_name"),
        ("asset", "by_asset", "name"),
        ("country", "by_country", "country_name"),
    ],
)
def test_the_numbers_of_the_page_are_those_of_the_views(data_dir: Path, dimension: str, view: str, column: str) -> None:
    warehouse = demo_warehouse(data_dir)
    land(make_record(asset_key="train, embed", cpu_energy_kwh=0.5), data_dir)  # two assets, one run
    midnight = datetime(2026, 10, 2, 1, tzinfo=UTC)
    land(make_record(asset_key="train", ended_at=midnight, duration_s=7200.0, cpu_energy_kwh=0.25), data_dir)
    warehouse.load()
    found = sums(read_content(warehouse, data_dir / "page.html"), dimension)
    rows = warehouse.report(view)
    assert {row[column] for row in rows} == set(found)
    for row in rows:
        for measure in MEASURES[:8]:
            assert found[row[column]][measure] == pytest.approx(row[measure]), (row[column], measure)


def test_periods_have_the_energy_of_the_daily_report_and_the_attributes_the_sums_of_all_runs(data_dir: Path) -> None:
    warehouse = demo_warehouse(data_dir, runs=12)
    land(make_record(ended_at=datetime(2026, 9, 2, 1, tzinfo=UTC), duration_s=7200.0, cpu_energy_kwh=0.25), data_dir)
    warehouse.load()
    found = read_content(warehouse, data_dir / "page.html")
    assert found["unit"] == "week"  # of days there would be more than 32, most of them empty
    energy: dict[str, float] = defaultdict(float)
    for period, _, _, *measures in found["sums"]["total"]:
        energy[found["periods"][period]] += measures[2]
    weeks = warehouse.rows(
        "SELECT date_trunc('week', day)::DATE::VARCHAR AS week, sum(energy_kwh) AS kwh FROM report.daily GROUP BY week"
    )
    assert energy == pytest.approx({row["week"]: row["kwh"] for row in weeks})
    main = Parts(html(found, BUNDLE)).main
    (row,) = warehouse.rows("SELECT count(*) AS runs, sum(attributed_energy_kwh) AS energy_kwh FROM report.runs")
    assert int(main["data-runs"] or 0) == row["runs"] == 13
    assert float(main["data-total-energy-kwh"] or 0) == pytest.approx(row["energy_kwh"])


def test_the_page_has_the_energy_at_the_wall_where_it_is_known_and_says_where_intervals_are_from(
    data_dir: Path,
) -> None:
    wall = {"wall_energy_kwh": 2.0, "wall_low_kwh": 1.9, "wall_high_kwh": 2.1, "wall_meter": "shelly 1"}
    calibrated = {"calibrated_kwh": 1.5, "calibrated_low_kwh": 1.4, "calibrated_high_kwh": 1.6, "calibration_runs": 9}
    for number, own in enumerate((wall, calibrated, {})):
        at = datetime(2026, 10, 2, number, 30, tzinfo=UTC)
        land(make_record(ended_at=at, duration_s=600.0, cpu_energy_kwh=1.0, ram_energy_kwh=0.0, **own), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    content = read_content(warehouse, data_dir / "page.html")
    found = {name: row["energy_kwh"] for name, row in sums(content, "source").items()}
    assert found == pytest.approx({"a meter at the wall": 2.0, "the calibrated machine": 1.5, "the general model": 1.0})
    assert content["totals"]["energy_kwh"] == pytest.approx(4.5)


def test_the_policy_lets_the_own_scripts_run_and_nothing_else(data_dir: Path) -> None:
    page = Parts(html(read_content(land_hostile(data_dir), data_dir / "page.html"), BUNDLE))
    assert page.open == ["html"] or page.open == []
    policy = dict(part.split(" ", 1) for part in str(page.metas["Content-Security-Policy"]).split("; "))
    assert policy["default-src"] == "'none'"
    hashes = defaultdict(list)
    for tag, named, text in page.found:
        if named.get("type") != "application/json":
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            hashes[tag].append(f"'sha256-{digest}'")
            assert "\r" not in text, "a browser changes these before it hashes"
    assert policy["script-src"].split() == hashes["script"]
    assert policy["style-src"].split() == hashes["style"]


def test_hostile_names_end_no_script_and_turn_no_text(data_dir: Path) -> None:
    text = html(read_content(land_hostile(data_dir), data_dir / "page.html"), BUNDLE)
    assert len(re.findall("<script", text)) == 4
    projects = data_of(text)["projects"]
    assert len(projects) == len(HOSTILE)
    assert all(name.isprintable() for name in projects)
    assert {"</script><script>alert(1)</script>", "a\\x07b\\x1b[31m", "x\\u202etxt.exe", "${policy}"} <= set(projects)


def test_an_empty_warehouse_and_runs_without_energy_have_a_page(data_dir: Path) -> None:
    warehouse = Warehouse(data_dir)
    warehouse.load()
    found = data_of(html(read_content(warehouse, data_dir / "page.html"), BUNDLE))
    assert (found["periods"], found["totals"]["runs"]) == ([], 0)
    nothing = dict.fromkeys(("cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh"))
    land(make_record(**nothing, status="failed"), data_dir)
    land(make_record(cpu_energy_kwh=None), data_dir)
    warehouse.load()
    found = data_of(html(read_content(warehouse, data_dir / "page.html"), BUNDLE))
    (total,) = sums(found, "project").values()
    assert (total["runs"], total["runs_unknown"], total["energy_open"]) == (2, 1, 1)
    assert total["energy_open_kwh"] == pytest.approx(1e-5)


def test_many_projects_assets_and_years_leave_the_page_small(data_dir: Path) -> None:
    for number in range(150):
        ended_at = datetime(2016, 1, 1, tzinfo=UTC) + timedelta(days=91 * number)
        land(make_record(project_name=f"project {number}", asset_key=f"asset {number}", ended_at=ended_at), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    found = read_content(warehouse, data_dir / "page.html")
    assert found["unit"] == "decade"
    assert len(found["projects"]) == content_module.MOST_PROJECTS
    assert len(found["names"]["asset"]) == content_module.MOST_NAMES
    assert sum(total["runs"] for total in sums(found, "asset").values()) == 150
    assert len(html(found, "")) < 200_000


def test_a_budget_is_drawn_with_what_was_spent_as_the_check_counts_it(data_dir: Path) -> None:
    warehouse = demo_warehouse(data_dir, runs=20)
    keep_budget(data_dir, "train", Budget(max_kwh=5.0, period=Period.month))  # in place of the one of the demo
    (data_dir / "cache" / "budgets" / "damaged.json").write_text("{}")
    found = read_content(warehouse, data_dir / "page.html")["budgets"]
    assert [(each["asset"], each["max_kwh"], each["max_kg"]) for each in found] == [
        ("evaluate", None, 2.0),
        ("train", 5.0, None),
    ]
    spent = warehouse.spent("train", "month")[-1]
    month = f"{spent['period_began']:%Y-%m-%d}"
    assert {began: energy for began, energy, *_ in found[1]["spent"]}[month] == pytest.approx(
        spent["period_energy_kwh"]
    )


def test_a_budget_is_not_called_kept_where_the_spending_is_not_known(data_dir: Path) -> None:
    land(make_record(asset_key="train", cpu_energy_kwh=None, ram_energy_kwh=None, gpu_energy_kwh=None), data_dir)
    land(make_record(asset_key="train", cpu_energy_kwh=0.25), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    keep_budget(data_dir, "train", Budget(max_kwh=5.0, period=Period.month))
    (budget,) = read_content(warehouse, data_dir / "page.html")["budgets"]
    ((_, energy_kwh, _, unknown, _),) = budget["spent"]
    assert energy_kwh == pytest.approx(0.25, rel=0.01)
    assert unknown == 1


def test_a_budget_of_work_that_projects_share_is_not_on_the_page_of_one(data_dir: Path) -> None:
    for project, asset in (("one", "own"), ("one", "shared"), ("other", "shared")):
        land(make_record(asset_key=asset, project_name=project), data_dir)
        keep_budget(data_dir, asset, Budget(max_kwh=5.0, period=Period.month))
    warehouse = Warehouse(data_dir)
    warehouse.load()
    assert len(read_content(warehouse, data_dir / "page.html")["budgets"]) == 2
    (budget,) = read_content(warehouse, data_dir / "page.html", "one")["budgets"]
    assert budget["asset"] == "own"


def test_the_page_of_one_project_holds_nothing_of_others(data_dir: Path) -> None:
    warehouse = demo_warehouse(data_dir)
    write_page(warehouse, data_dir / "page.html", "speech")
    text = (data_dir / "page.html").read_text()
    (row,) = (row for row in warehouse.report("by_project") if row["project_name"] == "speech")
    assert Parts(text).main["data-runs"] == str(row["runs"])
    assert not re.search(
        "vision|ranking", text[text.index('id="data"') : text.index("</script>", text.index('id="data"'))]
    )
    with pytest.raises(InputError, match="there is no run of a project 'vsion'"):
        write_page(warehouse, data_dir / "page.html", "vsion")


def test_projects_that_look_alike_or_have_no_name_are_told_apart(data_dir: Path) -> None:
    names = ["y" * 130 + "A", "y" * 130 + "B", "unknown"]
    for number, name in enumerate(names, start=1):
        land(make_record(project_name=name, flags=["short_run"], cpu_energy_kwh=float(number)), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    warehouse.import_csv([write(data_dir / "emissions.csv", csv_row(project_name=""))])
    found = read_content(warehouse, data_dir / "page.html")
    assert len(set(found["projects"])) == len(warehouse.report("by_project")) == 4
    energy = {at: sums(found, "project")[name]["energy_kwh"] for at, name in enumerate(found["projects"])}
    for run in found["flagged"]:
        assert energy[run["project_at"]] == pytest.approx(run["energy_kwh"])


def test_links_lead_from_the_page_to_the_reports_wherever_it_is(data_dir: Path, tmp_path: Path) -> None:
    warehouse = demo_warehouse(data_dir, runs=3)
    run_id = read_content(warehouse, data_dir / "page.html")["latest"][0]["run_id"]
    report = data_dir / "reports" / "boamps" / f"report_me_training_x_publicCloud_{run_id}.json"
    report.parent.mkdir(parents=True)
    report.write_text("{}")
    for out in (data_dir / "reports" / "index.html", tmp_path / "else where" / "page.html"):
        found = read_content(warehouse, out)
        out.parent.mkdir(exist_ok=True)
        assert (out.parent / found["latest"][0]["report"]).samefile(report)
        assert found["latest"][1]["report"] is None


def test_what_draws_the_charts_is_made_once(data_dir: Path) -> None:
    warehouse = demo_warehouse(data_dir, runs=2)
    page = write_page(warehouse)
    assert page.path == data_dir / "reports" / "index.html"
    assert 0.8e6 < page.bytes < 1.2e6
    made_at = bundle_path(data_dir).stat().st_mtime_ns
    write_page(warehouse, data_dir / "again.html")
    assert bundle_path(data_dir).stat().st_mtime_ns == made_at


def test_without_the_extra_the_command_says_what_to_install(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from carbon_pipeline.cli import app

    monkeypatch.setattr("carbon_pipeline.report.vega.can_draw", lambda: False)
    monkeypatch.setattr("sys.argv", ["carbon-pipeline", "report", "--html"])
    with pytest.raises(SystemExit) as end:
        app.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'carbon-pipeline[report]'" in said
