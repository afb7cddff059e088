"""Reports as people look at them: tables on a terminal, filters, totals."""

import csv
import io
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from carbon_pipeline.cli.app import app
from carbon_pipeline.cli.report import title_of
from carbon_pipeline.cli.report_layouts import INTERVAL, LAYOUTS
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.schema import BASED_ON, REPORTS, described_reports
from carbon_pipeline.warehouse.selection import Selection
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record
from carbon_pipeline_tests.pseudo_terminal import on_a_terminal

END = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
LONG = "a name of something that somebody tracked with care and described at length, " * 3
HOSTILE = "[red]x[/red] \x1b[2J :bomb: a\nb|c"

ALL_REPORTS = "import sys; from carbon_pipeline.cli.app import app\nfor name in sys.argv[1:]:\n print('>', name, flush=True)\n app(['report', name], standalone_mode=False)\n sys.stdout.flush()"  # noqa: E501


def fill(data_dir: Path) -> Warehouse:
    phases = [
        Phase(name="epoch", started_s=3.0 * n, duration_s=3.0, cpu_energy_kwh=1e-6, gpu_energy_kwh=0, ram_energy_kwh=0)
        for n in range(3)
    ]
    samples = Samples(at_s=[0, 1, 2, 10], cpu_energy_kwh=[0, 1e-6, 3e-6, 2e-5], ram_energy_kwh=[0, 1e-6, 2e-6, 1e-5])
    records = [
        make_record(name="fit", asset_key="model", project_name="nlp", ended_at=END, phases=phases, samples=samples,
                    metrics={"accuracy": 0.9}),
        make_record(name=LONG, project_name=LONG, ended_at=END - timedelta(days=1), metrics={"loss": 1e-5}),
        make_record(name=HOSTILE, project_name=HOSTILE, asset_key="a, b", ended_at=END - timedelta(days=20),
                    status="failed", error_type="ValueError", duration_s=90_000.0),
        make_record(name="日本語の名前", project_name="né日", ended_at=END - timedelta(days=3), country_iso_code=None,
                    country_name=None, cpu_model=None, cpu_energy_kwh=120.0, flags=["short_run", "overlapping"]),
        make_record(name="fit", asset_key="model", project_name="nlp", ended_at=END - timedelta(days=8),
                    cpu_model="Another CPU"),
    ]  # fmt: skip
    for record in records:
        land(record, data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    warehouse.import_csv([write(data_dir.parent / "emissions.csv", row(), row(duration="-1"))])
    return warehouse


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return fill(tmp_path_factory.mktemp("filled") / "data")


@pytest.fixture
def warehouse(filled: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """Only read here: filled once for all tests."""
    monkeypatch.setenv("CARBON_DATA_DIR", str(filled.data_dir))
    return filled


def carbon_report(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    app(["report", *arguments], standalone_mode=False)
    return capsys.readouterr().out


def report_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(carbon_report(capsys, *arguments, "--format", "json"))
    return found


def reports_on_a_terminal(columns: int, *names: str) -> str:
    return re.sub(r"\x1b\[[\d;]*m", "", on_a_terminal([sys.executable, "-c", ALL_REPORTS, *names], columns))


@pytest.mark.parametrize(
    "columns", [80, pytest.param(120, marks=pytest.mark.long), pytest.param(200, marks=pytest.mark.long)]
)
def test_each_report_is_a_table_with_a_line_for_each_row(warehouse: Warehouse, columns: int) -> None:
    printed = reports_on_a_terminal(columns, *LAYOUTS)
    assert "\x1b" not in printed, "a name from outside controls the terminal"
    assert [line for line in printed.splitlines() if cell_len(line) > columns] == []
    for part in printed.removeprefix("> ").split("\n> "):
        name, title, head, rule, *lines = part.splitlines()
        rows = warehouse.report(name)
        assert title.rstrip("… ") in title_of(name)
        assert title == title_of(name) or title.endswith("…")
        assert set(rule) == {"─", " "}
        assert len(lines) == len(rows) + 1, name
        assert re.match(rf"(total of )?{len(rows)} ", lines[-1]), name
        assert cell_len(rule) > 0.4 * min(columns, 100), f"{name}: {head}"


def test_a_wider_terminal_shows_more_and_drops_nothing(warehouse: Warehouse) -> None:
    heads = [reports_on_a_terminal(columns, "runs").splitlines()[2] for columns in (80, 120, 200)]
    narrow, middle, wide = (re.split(r" {2,}", head.strip()) for head in heads)
    assert set(narrow) < set(middle) < set(wide)
    assert narrow[:3] == ["run", "started UTC", "name"]


def test_each_report_has_a_layout_of_columns_that_it_has(warehouse: Warehouse) -> None:
    assert tuple(sorted(LAYOUTS)) == tuple(sorted(REPORTS))
    for name, layout in LAYOUTS.items():
        columns = {column["column_name"] for column in warehouse.columns("report", name)}
        shown = {column for names in layout.columns for column in names.split(INTERVAL)}
        order = {column.partition(":")[0] for column in layout.sort}
        assert shown | set(layout.sums) | order <= columns, name


def test_help_says_which_reports_there_are_and_what_each_answers(capsys: pytest.CaptureFixture[str]) -> None:
    app(["report", "--help"], standalone_mode=False)
    text = capsys.readouterr().out
    for name, answer in described_reports().items():
        assert re.search(rf"{name}\s+{re.escape(' '.join(answer.split()[:3]))}", text), name


def test_a_column_has_one_unit_by_its_largest_value(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    head, _, *lines = carbon_report(capsys, "by_project").splitlines()[1:]
    assert "energy kWh" in head
    assert re.search(r"né日 +120 ", lines[0])
    assert re.search(r"nlp +<0.001 ", "\n".join(lines))
    head = carbon_report(capsys, "by_project", "--project", "nlp", "--format", "md").splitlines()[0]
    assert "energy mWh" in head


def test_an_empty_group_is_named_unknown(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    assert "\nunknown " in carbon_report(capsys, "by_country")
    assert re.search(r"^unknown +none ", carbon_report(capsys, "by_hardware"), re.MULTILINE)


def test_runs_that_overlap_show_what_belongs_to_them(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("one", "other"):
        land(make_record(name=name, host="h", process_cpu_s=10.0), data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    text = carbon_report(capsys, "runs")
    assert len(re.findall(r" (one|other) +15 ", text)) == 2  # mWh; the machine used 30
    assert "total of 2 runs: 30 mWh, " in text


def test_the_total_is_over_all_rows_that_the_filters_leave(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    (everything,) = warehouse.rows("SELECT sum(attributed_estimate_kwh) AS kwh, count(*) AS runs FROM report.runs")
    assert everything["runs"] == 6
    for name in ("runs", "by_project", "by_asset", "by_country", "by_hardware", "by_method", "daily", "trend"):
        layout = LAYOUTS[name]
        totals = warehouse.select(name, Selection(limit=1)).totals(layout.sums)
        energy = next(column for column in layout.sums if column.endswith("estimate_kwh"))
        assert totals[energy] == pytest.approx(everything["kwh"]), name
    text = carbon_report(capsys, "runs", "--project", "nlp", "--limit", "1")
    assert "total of 2 runs, 1 shown: 60 mWh, " in text
    assert "shown" not in carbon_report(capsys, "runs", "--project", "nlp")


def test_what_would_count_twice_has_no_total(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("phases", "power", "pareto", "data_quality", "energy_per_phase"):
        assert "total" not in carbon_report(capsys, name)
    assert " runs" not in carbon_report(capsys, "by_asset").splitlines()[-1]


@pytest.mark.parametrize(
    ("name", "filters", "rows"),
    [
        ("runs", ["--project", "nlp"], 2),
        ("runs", ["--project", "nl"], 0),
        ("runs", ["--project", "x' OR 'a' = 'a"], 0),
        ("runs", ["--asset", "b"], 1),
        ("runs", ["--asset", "fit"], 0),
        ("runs", ["--asset", "日本語の名前"], 1),
        ("by_asset", ["--asset", "a"], 1),
        ("runs", ["--since", "2026-11-23"], 2),
        ("runs", ["--until", "2026-11-23", "--since", "2026-11-20"], 2),
        ("runs", ["--until", "2026-11-24T02:59:50"], 5),
        ("daily", ["--since", "2026-11-21", "--until", "2026-11-23"], 2),
        ("trend", ["--since", "2026-11-24"], 1),
        ("trend", ["--since", "2026-W47", "--until", "2026-W47"], 2),
        ("runs", ["--since", "2026-W48"], 2),
        ("runs", ["--until", "2026-10"], 1),
        ("runs", ["--asset", LONG], 1),
        ("by_asset", ["--project", "nlp"], 1),
        ("by_project", ["--asset", "b"], 1),
        ("by_project", ["--since", "2026-11-23"], 2),
        ("by_country", ["--project", "nlp", "--since", "2026-11-24"], 1),
        ("by_hardware", ["--project", "nlp"], 2),
        ("data_quality", ["--project", "nobody"], 0),
        ("waste", ["--until", "2026-11-10"], 1),
        ("energy_per_phase", ["--since", "2026-11-25"], 0),
        ("phases", ["--project", "nlp", "--since", "2026-11-24"], 3),
        ("power", ["--asset", "model"], 3),
        ("pareto", ["--project", "nlp"], 1),
    ],
)
def test_filters_leave_the_same_rows_in_each_format(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], name: str, filters: list[str], rows: int
) -> None:
    assert len(report_json(capsys, name, *filters)) == rows
    if filters[0] == "--project":
        found = carbon_report(capsys, name, *filters, "--format", "csv")
        assert len(list(csv.DictReader(io.StringIO(found)))) == rows
    last = carbon_report(capsys, name, *filters).splitlines()[-1]
    assert re.match(rf"(total of )?{rows} " if rows else r"report\.\w+: no rows that the filters leave", last)


def test_a_filtered_report_is_of_the_same_runs_as_the_whole_one() -> None:
    for name in REPORTS:
        text = sql.statement("reports", name)
        base = re.search(rf"VIEW report\.{name} AS FROM report\.{name}_of\('FROM report\.(\w+)'\)", text)
        assert (base[1] if base else None) == BASED_ON.get(name), name


def test_what_a_filter_leaves_of_an_aggregate_adds_up_to_its_runs(warehouse: Warehouse) -> None:
    wanted = Selection(since=END - timedelta(days=10))
    (runs,) = warehouse.rows(
        "SELECT sum(attributed_energy_kwh) AS kwh FROM report.runs WHERE started_at >= $since", {"since": wanted.since}
    )
    for name in ("by_project", "by_asset", "by_country", "by_hardware", "by_method", "biggest_consumers", "trend"):
        totals = warehouse.select(name, wanted).totals(["energy_kwh"])
        assert totals["energy_kwh"] == pytest.approx(runs["kwh"]), name


def test_an_asset_has_its_share_of_a_step_that_makes_several_in_each_aggregate(warehouse: Warehouse) -> None:
    (asset,) = warehouse.select("by_asset", Selection(asset="b")).rows()
    for name in ("by_project", "by_country", "by_hardware", "by_method", "daily", "waste", "biggest_consumers"):
        totals = warehouse.select(name, Selection(asset="b")).totals(["energy_kwh"])
        assert totals["energy_kwh"] == pytest.approx(asset["energy_kwh"]), name
    selected = warehouse.select("runs", Selection(asset="b"))
    assert selected.has_whole_steps
    assert selected.totals(["energy_kwh"])["energy_kwh"] == pytest.approx(2 * asset["energy_kwh"])


def test_sort_columns_and_limit(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    found = report_json(capsys, "runs", "--sort", "energy_kwh", "--columns", "name,energy_kwh", "--limit", "2")
    assert [list(run) for run in found] == [["name", "energy_kwh"]] * 2
    assert found[0]["name"] == "日本語の名前"
    names = [one["project_name"] for one in report_json(capsys, "by_project", "--sort", "project_name:desc")]
    assert names == sorted(names, reverse=True)
    runs = report_json(capsys, "runs", "--sort", "status:asc,energy_kwh:asc")
    assert runs == sorted(runs, key=lambda run: (run["status"], run["energy_kwh"]))
    newest = report_json(capsys, "runs", "--limit", "1", "--project", "nlp")
    assert newest[0]["ended_at"].startswith("2026-11-24")
    table = carbon_report(capsys, "runs", "--columns", "flags,run_id", "--project", "né日")
    assert "short_run, overlapping" in table


def test_other_programs_get_all_columns_and_digits(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    columns = [column["column_name"] for column in warehouse.columns("report", "runs")]
    (run,) = report_json(capsys, "runs", "--project", "né日")
    assert list(run) == columns
    assert run["energy_kwh"] == 120.00001
    text = carbon_report(capsys, "runs", "--format", "csv")
    assert next(csv.reader(io.StringIO(text))) == columns


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs", "--sort", "energy"], r"--sort: report.runs has no column 'energy'; it has .*\benergy_kwh\b"),
        (["runs", "--columns", "enrgy_kwh"], r"--columns: .* it has .*\benergy_kwh\b"),
        (["runs", "--columns", "run_id; DROP TABLE x"], r"has no column 'run_id; DROP TABLE x'"),
        (["runs", "--columns", ","], r"--columns is empty"),
        (["runs", "--sort", "name:up"], r"write asc or desc"),
        (["files", "--project", "x"], r"--project: .* no column project_name; reports that have one: runs, "),
        (["quarantine", "--asset", "x"], r"--asset: report.quarantine has no column asset_key"),
        (["field_mapping", "--since", "2026-11-24"], r"--since: .* no column of times; .*\bdaily\b"),
        (["runs", "--until", "yesterday"], r"--until yesterday: write a day, time or period such as"),
        (["runs", "--until", "9999-12"], r"--until 9999-12: write a day, time or period such as"),
        (
            ["by_asset", "--html", "--limit", "3"],
            r"--html does not go with --limit, by_asset: the page has all reports",
        ),
        (["by_projects"], r"there is no report 'by_projects'; .* Did you mean by_project\?"),
    ],
)
def test_what_a_report_cannot_do_is_said_in_one_line(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    from carbon_pipeline.errors import InputError

    with pytest.raises(InputError) as raised:
        carbon_report(capsys, *arguments)
    assert re.search(message, str(raised.value))
    assert "\n" not in str(raised.value)


def test_markdown_has_a_row_for_each_row_whatever_is_in_a_name(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    head, rule, *rows, empty, total = carbon_report(capsys, "by_project", "--format", "md").splitlines()
    cells = [len(re.findall(r"(?<!\\)\|", line)) for line in (head, rule, *rows)]
    assert len(rows) == 5
    assert len(set(cells)) == 1
    assert (empty, total[:20]) == ("", "total of 5 projects:")
    assert "\\[red\\]x" in "\n".join(rows)


def test_rows_that_are_seconds_apart_have_times_with_seconds(
    warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    text = carbon_report(capsys, "power")
    assert re.findall(r"2026-11-24 \d\d:\d\d:\d\d", text) == [
        "2026-11-24 03:00:00", "2026-11-24 02:59:52", "2026-11-24 02:59:51",
    ]  # fmt: skip
    assert not re.search(r"\d\d:\d\d:\d\d", carbon_report(capsys, "runs", "--project", "nlp"))


def test_runs_are_told_apart_by_the_characters_of_their_ids(data_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(2):
        land(make_record(run_id=f"experiment-{number}", ended_at=END - timedelta(days=number)), data_dir)
    Warehouse(data_dir).load()
    assert re.findall(r"^experiment-\d", carbon_report(capsys), re.MULTILINE) == ["experiment-0", "experiment-1"]


def test_all_runs_are_streamed_with_filters_in_the_order_of_their_ends(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("carbon_pipeline.warehouse.published.WINDOW_ROWS", 2)
    ends = [run["ended_at"] for run in warehouse.select("runs").rows()]
    assert len(ends) == 6
    assert ends == sorted(ends)
    assert len(list(warehouse.select("runs", Selection(project="nlp")).rows())) == 2
