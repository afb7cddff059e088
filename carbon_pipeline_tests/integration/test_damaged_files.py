"""Whatever has happened to a file of CodeCarbon, its rows come in or are refused with line and reason; none is lost."""

import io
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.ingest.clean_rows import CleanRows
from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.ingest.load import FileResult
from carbon_pipeline.warehouse.ingest.reader import CsvReader
from carbon_pipeline.warehouse.ingest.source_archive import kept_archives, kept_files
from carbon_pipeline.warehouse.rebuild import rebuild
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import (
    CONSTANT_ID,
    LAYOUTS,
    ORIGINAL_FIELDS,
    ROW_3_3,
    TASKS_3_3,
    VERSION_2_0,
    VERSION_3_3,
    original_row,
    row,
    write,
)


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir)


def one_in_three(cases: Iterable[Any]) -> list[Any]:
    """All cases, of which `make test` runs one in three, and `make test-long` the others."""
    return [pytest.param(case, marks=pytest.mark.long) if number % 3 else case for number, case in enumerate(cases)]


def text_of(*rows: dict[str, str], names: list[str] = VERSION_3_3) -> str:
    return "\n".join([",".join(names), *(",".join(row.get(name, "") for name in names) for row in rows)]) + "\n"


def three() -> list[dict[str, str]]:
    return [row(run_id=f"run-{number}") for number in (1, 2, 3)]


def taken(warehouse: Warehouse, path: Path, content: bytes | str) -> FileResult:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (result,) = warehouse.import_csv([path])
    assert result.rows_read == result.rows_loaded + result.rows_superseded + result.rows_quarantined
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}
    return result


def refused(warehouse: Warehouse) -> dict[int, str]:
    return {line["line"]: line["reason"] for line in warehouse.rows("FROM raw.quarantine")}


def ids(warehouse: Warehouse) -> set[str]:
    return {run["run_id"] for run in warehouse.report("runs")}


@pytest.mark.parametrize("version", one_in_three(LAYOUTS))
def test_every_layout_that_codecarbon_has_had_comes_in_in_any_order_of_columns(
    warehouse: Warehouse, tmp_path: Path, version: str
) -> None:
    for number, names in enumerate((LAYOUTS[version], LAYOUTS[version][::-1])):
        rows = [row(run_id=f"{number}-{i}", experiment_id=f"{number}-{i}") for i in range(2)]
        result = taken(warehouse, tmp_path / f"{number}.csv", text_of(*rows, names=names))
        assert (result.rows_loaded, result.rows_quarantined) == (2, 0)
    for run in warehouse.report("runs"):
        assert (run["energy_kwh"], run["duration_s"], run["emissions_kg"]) == (pytest.approx(3e-5), 10.0, 1.68e-6)
    assert len(ids(warehouse)) == 4


NUL = b"\0"
UNDAMAGED = text_of(*three())
WHOLE = {
    "CRLF": UNDAMAGED.replace("\n", "\r\n").encode(),
    "mixed ends of lines": UNDAMAGED.replace("\n", "\r\n", 2).encode(),
    "CR alone": UNDAMAGED.replace("\n", "\r").encode(),
    "CR in the middle": UNDAMAGED.replace("\n", "\r", 3).replace("\r", "\n", 2).encode(),
    "byte order mark": UNDAMAGED.encode("utf-8-sig"),
    "UTF-16 with a mark": UNDAMAGED.encode("utf-16"),
    "UTF-16, little end first": UNDAMAGED.encode("utf-16-le"),
    "UTF-16, big end first": UNDAMAGED.encode("utf-16-be"),
    "NUL bytes in front": NUL * 200_000 + UNDAMAGED.encode(),
    "NUL bytes inside": UNDAMAGED.encode().replace(b"\n", b"\n" + NUL * 100_000),
    "no last end of line": UNDAMAGED.rstrip("\n").encode(),
    "blank lines": UNDAMAGED.replace("\n", "\n\n  \n").encode(),
    "semicolons and decimal commas": UNDAMAGED.replace(",", ";").replace(".", ",").replace("3,3,2", "3.3.2").encode(),
    "tabs": UNDAMAGED.replace(",", "\t").encode(),
    "the line for a spreadsheet": ("sep=;\n" + UNDAMAGED.replace(",", ";")).encode(),
    "everything in quotes": re.sub(r"[^,\n]*", lambda cell: f'"{cell[0]}"' if cell[0] else "", UNDAMAGED).encode(),
    "blanks around": re.sub(r"[^,\n]+", lambda cell: f"  {cell[0]}   ", UNDAMAGED).encode(),
    "blanks around quotes": re.sub(r"[^,\n]+", lambda cell: f'"{cell[0]}"   ', UNDAMAGED).encode(),
    "commas at the end": UNDAMAGED.replace("\n", ",,\n").replace("wue,,", "wue", 1).encode(),
    "an index of pandas": "".join(f"{i or ''},{line}\n" for i, line in enumerate(UNDAMAGED.splitlines())).encode(),
    "capital letters": UNDAMAGED.replace("run_id", "Run_ID", 1).replace("duration", "DURATION", 1).encode(),
}  # fmt: skip


@pytest.mark.parametrize("damage", one_in_three(WHOLE))
def test_damage_that_can_be_undone_costs_no_row(warehouse: Warehouse, tmp_path: Path, damage: str) -> None:
    result = taken(warehouse, tmp_path / "emissions.csv", WHOLE[damage])
    assert (result.rows_read, result.rows_loaded, refused(warehouse)) == (3, 3, {})
    assert ids(warehouse) == {"run-1", "run-2", "run-3"}
    for run in warehouse.report("runs"):
        expected = {"energy_kwh": 3e-5, "latitude": 48.1, "codecarbon_version": "3.3.2", "country_iso_code": "FR"}
        assert {name: run[name] for name in expected} == expected


def test_repeated_headers_and_headers_of_another_version_are_not_taken_for_rows(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    older = text_of(row(run_id="older", cpu_count="64"), names=VERSION_2_0)
    taken(warehouse, tmp_path / "emissions.csv", UNDAMAGED + UNDAMAGED.split("\n")[0] + "\n" + older + UNDAMAGED)
    assert ids(warehouse) == {"run-1", "run-2", "run-3", "older"}
    assert refused(warehouse) == {
        5: "a repeated header",
        6: "a header of other columns",
        8: "a header of other columns",
    }
    assert [run["cpu_count"] for run in warehouse.report("runs") if run["run_id"] == "older"] == [64]


def test_a_header_behind_a_last_line_without_an_end_begins_a_new_part(warehouse: Warehouse, tmp_path: Path) -> None:
    first, second = three()[:2]
    other = [*VERSION_3_3[:9], *reversed(VERSION_3_3[9:])]
    glued = text_of(first).removesuffix("\n") + text_of(second, names=other)
    result = taken(warehouse, tmp_path / "emissions.csv", glued)
    assert (result.rows_read, result.rows_loaded) == (3, 2)
    assert refused(warehouse) == {2: "a header of other columns"}
    runs = warehouse.report("runs")
    assert {run["cpu_model"] for run in runs} == {"A CPU"}
    assert {run["ram_gb"] for run in runs} == {31.2}


def test_below_a_header_that_cannot_be_read_nothing_is_guessed(warehouse: Warehouse, tmp_path: Path) -> None:
    damaged = text_of(three()[1]).replace("duration", "dur", 1)
    result = taken(warehouse, tmp_path / "emissions.csv", text_of(three()[0]) + damaged + text_of(three()[2]))
    assert (result.rows_loaded, result.rows_quarantined) == (2, 3)
    assert refused(warehouse)[4] == "below a header that cannot be read (line 3)"
    assert ids(warehouse) == {"run-1", "run-3"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("end", ["all", "header"])
def test_lines_that_end_in_cr_are_lines(warehouse: Warehouse, tmp_path: Path, end: str, encoding: str) -> None:
    text = text_of(*three())
    text = text.replace("\n", "\r") if end == "all" else text.replace("\n", "\r", 1)
    result = taken(warehouse, tmp_path / "emissions.csv", text.encode(encoding))
    assert (result.rows_read, result.rows_loaded) == (3, 3)


@pytest.mark.parametrize("clock", ["2.3.2026 9:14", "02.03.2026 09:14:00"])
def test_dates_as_spreadsheets_write_them_are_read(warehouse: Warehouse, tmp_path: Path, clock: str) -> None:
    result = taken(warehouse, tmp_path / "emissions.csv", text_of(row(timestamp=clock)))
    (run,) = warehouse.report("runs")
    assert f"{run['ended_at']:%Y-%m-%d %H:%M}" == "2026-03-02 09:14"
    assert "day.month.year" in result.note


@pytest.mark.parametrize(
    ("cells", "flag"),
    [
        ({"cpu_power": "inf"}, "value_left_out"),
        ({"ram_power": "NaN"}, "value_left_out"),
        ({"emissions_rate": "1e400"}, "value_left_out"),
        ({"emissions_rate": "-1"}, "rate_recomputed"),
        ({"emissions_rate": "5"}, "rate_recomputed"),
        ({"cpu_count": "2.7"}, "value_left_out"),
        ({"gpu_count": "0.4"}, "value_left_out"),
        ({"cpu_utilization_percent": "a lot"}, "value_left_out"),
        ({"duration": "3600", "cpu_power": "0.001", "ram_power": "0.001"}, "power_contradicts_energy"),
    ],
)
def test_no_value_is_replaced_without_a_flag(
    warehouse: Warehouse, tmp_path: Path, cells: dict[str, str], flag: str
) -> None:
    taken(warehouse, tmp_path / "emissions.csv", text_of(row(**cells)))
    (run,) = warehouse.report("runs")
    assert flag in run["flags"]


def test_lines_that_are_no_rows_are_quarantined_one_by_one(warehouse: Warehouse, tmp_path: Path) -> None:
    good = UNDAMAGED.splitlines()
    lines = [good[0], "a,b", good[1], good[2].replace("France", '"France'), good[3], "," * 40, ',"a"b', "x" * 3_000_000]
    result = taken(warehouse, tmp_path / "emissions.csv", "\n".join(lines))
    assert (result.rows_read, result.rows_loaded) == (7, 2)
    names = len(VERSION_3_3)
    assert refused(warehouse) == {
        2: f"2 values for {names} columns; correct the line and import the file again",
        4: "an unterminated quote",
        6: "all cells are empty",
        7: "its quotes are not those of a CSV file (',' expected after '\"')",
        8: f"1 values for {names} columns; correct the line and import the file again",
    }
    content = {line["line"]: line["content"] for line in warehouse.rows("FROM raw.quarantine")}
    assert content[4] == lines[3]
    assert len(content[8]) == 3_000_000


def test_a_cell_may_be_of_megabytes_or_hold_ends_of_lines_and_formulas(warehouse: Warehouse, tmp_path: Path) -> None:
    names = ["x" * 5_000_000, '"two\nlines, and ""quotes"""', "=cmd|'/c calc'!A0"]
    rows = [row(run_id=f"run-{number}", project_name=name) for number, name in enumerate(names)]
    assert taken(warehouse, tmp_path / "emissions.csv", text_of(*rows)).rows_loaded == 3
    found = {run["run_id"]: run["project_name"] for run in warehouse.report("runs")}
    assert found == {"run-0": names[0], "run-1": 'two\nlines, and "quotes"', "run-2": names[2]}


def test_a_line_break_in_the_first_column_is_a_part_of_the_cell(warehouse: Warehouse, tmp_path: Path) -> None:
    names = ["project_name", *(name for name in VERSION_3_3 if name != "project_name")]
    rows = [row(run_id="run-0", project_name='"my\nproject"'), row(run_id="run-1")]
    assert taken(warehouse, tmp_path / "emissions.csv", text_of(*rows, names=names)).rows_loaded == 2
    assert {run["project_name"] for run in warehouse.report("runs")} == {"my\nproject", "a project"}


def test_many_unterminated_quotes_do_not_hold_up_the_import(tmp_path: Path) -> None:
    text = text_of(*(row(project_name='"a') for _ in range(400)))
    began = time.monotonic()
    with CleanRows(tmp_path, "load") as rows:
        assert CsvReader(lambda: io.BytesIO(text.encode())).read(1, rows) == 400
    assert time.monotonic() - began < 30  # it was minutes: each line read all that follow again and again


@pytest.mark.parametrize("cell", [' "a, b"', '\t"a, b"', '"a, b" '])
def test_blanks_around_quotes_are_no_part_of_the_cell(warehouse: Warehouse, tmp_path: Path, cell: str) -> None:
    result = taken(warehouse, tmp_path / "emissions.csv", text_of(row(project_name=cell)))
    if cell[0] != "\t":
        assert [run["project_name"] for run in warehouse.report("runs")] == ["a, b"]
    assert result.rows_read == 1


def test_an_absurd_pue_stops_neither_its_own_run_nor_others(warehouse: Warehouse, tmp_path: Path) -> None:
    rows = [row(run_id="odd", pue="1e305", duration="1e10"), row(run_id="good")]
    assert taken(warehouse, tmp_path / "emissions.csv", text_of(*rows)).rows_loaded == 2


@pytest.mark.parametrize(
    "cells",
    one_in_three(
        [
            {"duration": "86_400"},
            {"duration": '"1_000"'},
            {"run_id": "\trun-x\t"},
            {"country_iso_code": "FRA\t"},
            {"experiment_id": f" {CONSTANT_ID}"},
            {"project_name": ' "a"'},
            {"project_name": ' "a,b"'},
            {"duration": ' "100"'},
            {"region": '""'},
            {"cpu_model": '"two\nlines"'},
            {"timestamp": "2026-05-01 12:00:10+02:00"},
            {"timestamp": "2026-05-01"},
            {"gpu_count": " "},
        ]
    ),
)
def test_large_files_come_in_as_small_ones_do(
    tmp_path: Path, cells: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "emissions.csv"
    path.write_text(text_of(row(run_id="first"), row(**cells), row(run_id="last")))
    seen = []
    for least in (2**40, 1):
        monkeypatch.setattr(large_file, "LARGE_BYTES", least)
        warehouse = Warehouse(tmp_path / f"data {least}")
        (result,) = warehouse.import_csv([path])
        seen.append(
            (
                result,
                warehouse.rows("SELECT * EXCLUDE (context_no) FROM core.run ORDER BY run_id"),
                warehouse.rows("SELECT reason FROM raw.quarantine"),
            )
        )
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    "cells",
    [
        {"duration": "1_000"},
        {"energy_consumed": "inf"},
        {"cpu_energy": "NaN"},
        {"emissions": "1e400"},
        {"ram_energy": "-1e-05"},
        {"duration": "=1+1"},
        {"timestamp": "2026-02-30T00:00:00"},
        {"timestamp": "06/01/2025 10:25"},
    ],
)
def test_an_invalid_number_or_date_is_rejected_and_not_guessed(
    warehouse: Warehouse, tmp_path: Path, cells: dict[str, str]
) -> None:
    result = taken(warehouse, tmp_path / "emissions.csv", text_of(*three(), row(run_id="odd", **cells)))
    assert (result.rows_loaded, result.rows_quarantined) == (3, 1)
    ((line, reason),) = refused(warehouse).items()
    ((column, value),) = cells.items()
    assert line == 5
    assert column in reason
    assert value in reason


@pytest.mark.parametrize(
    "cells",
    [{"latitude": "95"}, {"longitude": "east"}, {"pue": "0.5"}, {"cpu_count": "many"}, {"country_iso_code": "XYZ"}],
)
def test_impossible_values_that_do_no_harm_are_discarded_and_flagged(
    warehouse: Warehouse, tmp_path: Path, cells: dict[str, str]
) -> None:
    taken(warehouse, tmp_path / "emissions.csv", text_of(row(**cells)))
    (run,) = warehouse.report("runs")
    assert run["flags"] == ["value_left_out"]
    assert run["energy_kwh"] == 3e-5


def test_the_file_of_the_original_script_comes_in_with_watts_and_without_its_words_none(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    rows = [original_row(), original_row() | {"timestamp": "2025-01-17 10:25:02"}]
    taken(warehouse, tmp_path / "tracking_info.csv", text_of(*rows, names=ORIGINAL_FIELDS))
    runs = warehouse.report("runs")
    assert len(runs) == 2
    for run in runs:
        assert run["flags"] == ["default_experiment_id"]
        assert (run["cpu_power_w"], run["energy_kwh"]) == (pytest.approx(7.2), 3e-5)
        assert (run["cloud_provider"], run["gpu_model"]) == (None, None)


def test_tasks_are_runs_of_their_own_whose_energy_does_not_count_twice(warehouse: Warehouse, tmp_path: Path) -> None:
    tasks = [row(task_name=name, energy_consumed="1e-05", cpu_energy="", gpu_energy="", ram_energy="") for name in "ab"]
    taken(warehouse, tmp_path / "tasks.csv", text_of(*tasks, names=TASKS_3_3))
    assert warehouse.report("by_project")[0]["energy_kwh"] == pytest.approx(2e-5)
    taken(warehouse, tmp_path / "emissions.csv", text_of(row()))
    assert warehouse.report("by_project")[0]["energy_kwh"] == pytest.approx(3e-5)
    found = {run["name"]: run for run in warehouse.report("runs")}
    assert found["a"]["parent_run_id"] == found["b"]["parent_run_id"] == ROW_3_3["run_id"]
    assert "part_of_run" in found["a"]["flags"]
    assert found["a"]["attributed_energy_kwh"] == 0


def test_a_task_counts_where_its_run_has_no_energy(warehouse: Warehouse, tmp_path: Path) -> None:
    nothing = dict.fromkeys(("cpu_energy", "gpu_energy", "ram_energy", "energy_consumed"), "")
    taken(warehouse, tmp_path / "emissions.csv", text_of(row(**nothing)))
    taken(warehouse, tmp_path / "tasks.csv", text_of(row(task_name="a"), names=TASKS_3_3))
    assert warehouse.report("by_project")[0]["energy_kwh"] == pytest.approx(3e-5)


def test_a_file_with_both_tracking_modes_is_flagged(warehouse: Warehouse, tmp_path: Path) -> None:
    taken(warehouse, tmp_path / "1.csv", text_of(row(run_id="a"), row(run_id="b", tracking_mode="process")))
    taken(warehouse, tmp_path / "2.csv", text_of(row(run_id="c")))
    flags = {run["run_id"]: run["flags"] for run in warehouse.report("runs")}
    assert flags == {"a": ["mixed_tracking_modes"], "b": ["mixed_tracking_modes"], "c": []}


HOSTILE = [
    "a[b]*?.csv",
    'it\'s "quoted".csv',
    "two\nlines.csv",
    "run_id=x/y=z.csv",
    "$(x);DROP TABLE core.run.csv",
    "é",
]


@pytest.mark.parametrize("is_large", [False, True])
def test_hostile_names_are_names(
    warehouse: Warehouse, tmp_path: Path, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if is_large:
        monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    folder = tmp_path / "[glob] *"
    for number, name in enumerate(HOSTILE):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write(path, row(run_id=f"run-{number}"))
    results = warehouse.import_csv(find_files([folder]).files)
    assert [result.rows_loaded for result in results] == [1] * len(HOSTILE)
    assert ids(warehouse) == {f"run-{number}" for number in range(len(HOSTILE))}


def test_one_file_under_two_names_in_one_import_counts_once(warehouse: Warehouse, tmp_path: Path) -> None:
    paths = [write(tmp_path / name, *three()) for name in ("a.csv", "b.csv")]
    first, second = warehouse.import_csv(paths)
    assert (first.rows_loaded, second.rows_superseded) == (3, 3)
    assert warehouse.count() == 3


@pytest.mark.long
@pytest.mark.parametrize(
    "others",
    [
        [row(country_iso_code="XXX"), row(country_iso_code="")],
        pytest.param([row(cpu_power="36"), row(cpu_power="7.2")], marks=pytest.mark.long),
        pytest.param([row(experiment_id=CONSTANT_ID), row(experiment_id="")], marks=pytest.mark.long),
        pytest.param(
            [row(), row(duration="20.0", timestamp="2026-05-01T12:00:20"), row(emissions="2e-06")],
            marks=pytest.mark.long,
        ),
    ],
)
def test_neither_order_nor_division_into_files_changes_a_run(tmp_path: Path, others: list[dict[str, str]]) -> None:
    paths = [write(tmp_path / f"{number}.csv", cells) for number, cells in enumerate(others)]
    seen = []
    for number, loads in enumerate(([[path] for path in paths], [[path] for path in paths[::-1]], [paths])):
        warehouse = Warehouse(tmp_path / f"data {number}")
        for load in loads:
            warehouse.import_csv(load)
        seen.append(warehouse.rows("SELECT * EXCLUDE (file_no, source_file, context_no) FROM core.run"))
        assert rebuild(warehouse).differences == []
    assert seen[0] == seen[1] == seen[2]


def test_a_file_is_kept_as_it_came_in(warehouse: Warehouse, tmp_path: Path) -> None:
    content = text_of(row(region="  bretagne ")).replace(",", ";").encode() + NUL
    taken(warehouse, tmp_path / "emissions.csv", content)
    (archive,) = kept_archives(warehouse.data_dir)
    assert [kept for _, kept in kept_files(archive)] == [content]


def test_the_note_of_a_file_names_its_oddities(tmp_path: Path) -> None:
    content = b"\0\0" + text_of(row(region="\xeele")).replace(",", ";").encode("latin-1")
    csv = CsvReader(lambda: io.BytesIO(content))
    with CleanRows(tmp_path, "load") as rows:
        assert csv.read(1, rows) == 1
    assert csv.notes == [
        "CodeCarbon 3.2.1 or later",
        "separated by semicolons",
        "2 NUL bytes removed",
        "1 lines in Latin-1",
    ]
