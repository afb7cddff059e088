"""Thousands of files with random damage: no crash, no lost row, no row of one file in another."""

import json
import os
import random
import re
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon_pipeline.warehouse.ingest import large_file
from carbon_pipeline.warehouse.ingest.files import find_files
from carbon_pipeline.warehouse.ingest.layout import REQUIRED
from carbon_pipeline.warehouse.rules import RULES, broken
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import LAYOUTS, ORIGINAL_FIELDS, TASKS_3_3, VERSION_3_3, original_row, row

MUTANTS = 2500
SEED = int(os.environ.get("FUZZ_SEED", "20260501"))
"""The same files each time, so that a failure is one of the code; another seed looks for new faults."""

SPLICES = [
    b"\0", b"\0" * 1000, b"\r", b"\r\n", b"\n", b'"', b'""', b",", b";", b"\t", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe",
    b"nan", b"inf", b"1e400", b"1_000", b"-1", b"=1+1", b"'", b"\\", b"%s", b"{}", b"x" * 10_000, b"0x1p3", b"None",
    "\u2028\u0085é".encode(), "\U0001f600".encode("utf-16-le"),
]  # fmt: skip


def marked(chance: random.Random) -> tuple[bytes, str]:
    """A file whose rows all carry its own mark."""
    mark = f"<mark-{chance.getrandbits(64):016x}>"  # no damage makes one out of another
    version = chance.choice([*LAYOUTS, "tasks", "original"])
    names = {"tasks": TASKS_3_3, "original": ORIGINAL_FIELDS}.get(version) or LAYOUTS[version]
    rows = []
    for line in range(chance.randrange(1, 6)):
        own = {
            "project_name": mark,
            "run_id": f"{mark}{line}",
            "experiment_id": f"{mark}{line}",
            "task_name": f"t{line}",
        }
        rows.append((original_row() if version == "original" else row()) | own)
    delimiter = chance.choice([",", ",", ";", "\t"])
    text = "\n".join([delimiter.join(names), *(delimiter.join(r.get(name, "") for name in names) for r in rows)]) + "\n"
    return text.encode(chance.choice(["utf-8", "utf-8", "latin-1", "utf-16", "utf-8-sig"])), mark


def mutated(content: bytes, chance: random.Random) -> bytes:
    """A few bytes changed, cut out, repeated or put in."""
    for _ in range(chance.randrange(0, 6)):
        at = chance.randrange(len(content) + 1)
        length = chance.choice([1, 1, 5, 50, 500])
        what = chance.randrange(5)
        if what == 0:
            content = content[:at] + chance.choice(SPLICES) + content[at:]
        elif what == 1:
            content = content[:at] + content[at + length :]
        elif what == 2:
            content = content[:at] + content[at : at + length] * 2 + content[at + length :]
        elif what == 3 and content:
            at = min(at, len(content) - 1)
            content = content[:at] + bytes([chance.randrange(256)]) + content[at + 1 :]
        else:
            content = content[:at] + content[: chance.randrange(len(content) + 1)]
    return content


def rows_of(content: bytes) -> range:
    """How many rows a file has, where that is beyond doubt: none of it in quotes, or other than ASCII.

    A line with a header in it may be two rows: that header may stand behind a last line that was not ended. So may
    a line with two times in it: two rows whose line end was damaged.
    """
    text = content.replace(b"\0", b"")
    if b'"' in text or not text.isascii() or len(text) < len(content) - 20_000:
        return range(10**9)
    lines = [line for line in re.split(r"\r\n|\r|\n", text.decode().lower()) if line.strip()]
    headers = sum(all(name in line for name in REQUIRED) for line in lines)
    glued = sum(max(line.count("2026-05-01t12:00:10") - 1, 0) for line in lines)
    return range(len(lines) - 1, len(lines) + headers + glued)


@pytest.mark.long
@pytest.mark.parametrize("is_large", [False, True], ids=["row by row", "by DuckDB where it may"])
def test_thousands_of_damaged_files_lose_nothing_and_mix_nothing(
    tmp_path: Path, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    print(f"FUZZ_SEED={SEED}")  # pytest shows it if the test fails
    chance = random.Random(SEED)
    marks = {}
    for number in range(MUTANTS if not is_large else MUTANTS // 25):
        content, mark = marked(chance)
        path = tmp_path / "files" / f"{number % 50}" / f"{number}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mutated(content, chance))
        marks[str(path)] = mark
    if is_large:
        monkeypatch.setattr(large_file, "LARGE_BYTES", 1)
    found = find_files([tmp_path / "files"])
    assert len(found.files) + len(found.skipped) == len(marks)
    warehouse = Warehouse(tmp_path / "data")
    results = warehouse.import_csv(found.files)
    assert len(results) == len(found.files)
    assert len(results) > len(marks) / 2
    for result in results:
        assert result.rows_read in rows_of(Path(result.source_file).read_bytes()), result
        assert result.rows_read == result.rows_loaded + result.rows_superseded + result.rows_quarantined, result
    assert {rule: broken(warehouse, rule) for rule in RULES} == {rule: [] for rule in RULES}
    all_marks = set(marks.values())
    # What is kept of a file holds no mark of another one.
    rows = warehouse.rows(
        "SELECT source_file, concat_ws(' ', run_id, parent_run_id, project_name) AS content FROM core.run "
        "UNION ALL SELECT source_file, content FROM raw.quarantine"
    )
    for kept in rows:
        foreign = set(re.findall(r"<mark-[0-9a-f]{16}>", kept["content"])) & all_marks - {marks[kept["source_file"]]}
        assert not foreign
    for run in warehouse.rows("SELECT source_file, project_name FROM core.run"):
        assert run["project_name"] not in all_marks - {marks[run["source_file"]]}


PLAIN = st.text(string.ascii_letters + string.digits + " .-_'é", max_size=12).map(str.strip)
NUMBER = st.one_of(st.just(""), st.floats(0, 1e6).map(repr), st.integers(0, 10**6).map(str))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.fixed_dictionaries(
            {"run_id": st.uuids().map(str), "duration": st.floats(0, 1e6).map(repr)},
            optional={
                **dict.fromkeys(("cpu_energy", "gpu_energy", "ram_energy", "energy_consumed", "emissions"), NUMBER),
                **dict.fromkeys(
                    ("cpu_power", "emissions_rate", "latitude", "longitude", "pue", "ram_total_size"), NUMBER
                ),
                **dict.fromkeys(
                    ("project_name", "region", "cpu_model", "os", "cloud_provider", "experiment_id"), PLAIN
                ),
                "gpu_count": st.sampled_from(["", "0", "2.0"]),
                "tracking_mode": st.sampled_from(["", "machine", "process", "other"]),
                "country_iso_code": st.sampled_from(["", "FRA", "CAN", "XXX", "de"]),
            },
        ),
        min_size=1,
        max_size=30,
    )
)
@pytest.mark.long
def test_a_file_that_duckdb_reads_itself_gives_the_same_runs_as_read_row_by_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("routes")
    lines = [
        ",".join(VERSION_3_3),
        *(",".join((row() | cells).get(n, "") for n in VERSION_3_3) for cells in rows),
    ]
    path = folder / "emissions.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    seen = []
    for least in (2**40, 1):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(large_file, "LARGE_BYTES", least)
            warehouse = Warehouse(folder / f"data {least}")
            (result,) = warehouse.import_csv([path])
        runs = warehouse.rows("SELECT * EXCLUDE (context_no) FROM core.run ORDER BY run_id")
        seen.append((result, json.dumps(runs, default=str)))
    assert seen[0] == seen[1]
