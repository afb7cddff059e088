"""The command line as a user types it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from carbon_pipeline.cli.errors import ending_cleanly
from carbon_pipeline.errors import InputError, UserError
from carbon_pipeline.model.fields import FIELD_NAMES
from carbon_pipeline.tracking.landing import land
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record


def carbon_pipeline(*arguments: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "carbon_pipeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "200", **environment},
    )
    assert done.returncode == status, done.stderr
    return done


def test_doctor_shows_for_each_component_how_it_would_be_measured(data_dir: Path) -> None:
    findings = json.loads(carbon_pipeline("doctor", "--json", CARBON_COUNTRY_ISO_CODE="FRA").stdout)
    by_name = {finding["what"]: finding for finding in findings}
    assert list(by_name) == [
        "cpu", "gpu", "ram", "machine", "idle baseline", "interval", "location", "carbon intensity", "cloud",
    ]  # fmt: skip
    assert by_name["location"]["value"] == "France"
    assert by_name["carbon intensity"]["source"] == "country_average"
    assert by_name["cpu"]["method"]
    assert all(finding["source"] for finding in findings)
    assert "France" in carbon_pipeline("doctor", CARBON_COUNTRY_ISO_CODE="FRA").stdout


def test_a_short_baseline_is_kept_and_named_as_short(data_dir: Path) -> None:
    done = carbon_pipeline("baseline", "--seconds", "0.5")
    assert "W when idle" in done.stdout
    assert "short_baseline" in done.stderr
    assert len(os.listdir(data_dir / "baseline")) == 1


def test_load_then_report_then_export(data_dir: Path, tmp_path: Path) -> None:
    record = make_record()
    land(record, data_dir)
    assert "1 run loaded" in carbon_pipeline("load").stdout
    assert record.run_id[:8] in carbon_pipeline("report").stdout

    (run,) = json.loads(carbon_pipeline("report", "runs", "--format", "json").stdout)
    assert (run["run_id"], run["energy_kwh"]) == (record.run_id, record.energy_kwh)
    (by_project,) = csv.DictReader(io.StringIO(carbon_pipeline("report", "by_project", "--format", "csv").stdout))
    assert float(by_project["energy_kwh"]) == record.energy_kwh

    out = tmp_path / "out.csv"
    carbon_pipeline("export", "csv", "--out", out)
    assert carbon_pipeline("export", "csv").stdout == out.read_text()
    assert carbon_pipeline("export", "codecarbon").stdout.startswith("timestamp,project_name,run_id,")
    (exported,) = csv.DictReader(io.StringIO(out.read_text()))
    assert tuple(exported) == FIELD_NAMES
    assert exported["run_id"] == record.run_id


def test_import_prints_counts_that_add_up(data_dir: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "emissions.csv", row(), row(run_id="short", duration="0.1"), row(duration="-1"))
    result = json.loads(carbon_pipeline("import", path, "--json").stdout)
    counts = {"read": 3, "loaded": 2, "superseded": 0, "quarantined": 1, "flagged": 1}
    assert {name: result["total"][name] for name in counts} == counts
    again = carbon_pipeline("import", tmp_path).stdout
    assert "already loaded" in again


def test_corrections_are_printed_and_a_file_of_another_kind_does_not_stop_the_others(
    data_dir: Path, tmp_path: Path
) -> None:
    good, letter = write(tmp_path / "emissions.csv", row(country_iso_code="FRA")), tmp_path / "letter.txt"
    letter.write_text("Dear all,\n")
    done = carbon_pipeline("import", good, letter, status=2)
    assert "1 country_code_converted: the country code was converted from three letters to two" in done.stdout
    assert "letter.txt: is no CSV file of CodeCarbon: its first line has no column timestamp" in done.stderr
    assert "rebuilt from 1 file: 1 run; it is the same" in carbon_pipeline("rebuild").stdout


@pytest.mark.skipif(os.name != "posix", reason="needs SIGINT")
def test_ctrl_c_ends_an_import_with_one_line_and_leaves_nothing_behind(data_dir: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "emissions.csv", *[row(run_id=f"run-{number}") for number in range(60_000)])
    command = [sys.executable, "-m", "carbon_pipeline", "import", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    kept = data_dir / "inbox" / "kept"
    while process.poll() is None and not (kept.exists() and any(kept.iterdir())):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.communicate() == ("", "carbon-pipeline: interrupted\n")
    assert process.returncode == 1
    assert list(kept.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "nowhere.csv"], "nowhere.csv: there is no such file or folder"),
        (["import", "."], "no CSV file of CodeCarbon in ."),
        (["report", "by_moon"], "there is no report 'by_moon'; there are runs, counted_runs, asset_runs, daily"),
        (["report"], "does not exist yet: run the pipeline"),
        (["report", "--format", "xml"], "'xml' is not one of 'table', 'md', 'csv', 'json'"),
        (["measure"], "No such command 'measure'"),
    ],
)
def test_wrong_usage_or_input_is_one_line_on_stderr_and_status_2(
    data_dir: Path, arguments: list[str], message: str
) -> None:
    done = carbon_pipeline(*arguments, status=2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_wrong_variable_is_one_line_on_stderr_and_status_2(data_dir: Path) -> None:
    done = carbon_pipeline("doctor", status=2, CARBON_PUE="0.2")
    assert done.stderr.count("\n") == 1
    assert "CARBON_PUE='0.2'" in done.stderr


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UserError("mend it"), 1, "carbon-pipeline: mend it\n"),
        (InputError("correct it"), 2, "carbon-pipeline: correct it\n"),
        (OSError(28, "No space left on device", "file"), 1, "No space left on device: 'file'"),
        (KeyboardInterrupt(), 1, "carbon-pipeline: interrupted\n"),
        (ValueError("slip"), 1, "unexpected ValueError: slip. This is a bug in carbon-pipeline: please report it"),
        (KeyError("slip"), 1, "This is a bug in carbon-pipeline: please report it"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_what_a_user_can_mend_is_told_from_a_bug(
    capsys: pytest.CaptureFixture[str], error: BaseException, status: int, message: str
) -> None:
    with pytest.raises(SystemExit) as ended, ending_cleanly():
        raise error
    assert ended.value.code == status
    printed = capsys.readouterr().err
    assert message in printed
    assert printed.count("\n") == 1


@pytest.mark.parametrize("name", ["warehouse.duckdb", pytest.param("reports.duckdb", marks=pytest.mark.long)])
def test_a_damaged_database_is_no_bug_and_the_remedy_works(data_dir: Path, name: str) -> None:
    land(make_record(), data_dir)
    carbon_pipeline("load")
    (data_dir / name).write_bytes(b"\0" * 20_000)
    command, remedy = ("load", ("rebuild", "--replace")) if name == "warehouse.duckdb" else ("report", ("load",))
    done = carbon_pipeline(command, status=1)
    assert " ".join(remedy) in done.stderr
    assert "bug" not in done.stderr
    land(make_record(), data_dir)
    carbon_pipeline(*remedy)
    carbon_pipeline("report")


def test_an_unusable_memory_limit_is_wrong_input(data_dir: Path) -> None:
    land(make_record(), data_dir)
    for limit in ("1MB", "99999999999999999999TB"):
        assert f"CARBON_MEMORY_LIMIT={limit}" in carbon_pipeline("load", status=2, CARBON_MEMORY_LIMIT=limit).stderr


def test_a_context_with_an_impossible_date_is_named(data_dir: Path, tmp_path: Path) -> None:
    land(make_record(), data_dir)
    carbon_pipeline("load")
    context = tmp_path / "context.yaml"
    context.write_text("defaults:\n  header:\n    licensing: 2020-02-31\n")
    done = carbon_pipeline("export", "boamps", status=2, CARBON_REPORT_CONTEXT=str(context))
    assert f"{context}: is not valid YAML" in done.stderr


def test_a_width_that_is_no_number_is_ignored(data_dir: Path) -> None:
    land(make_record(), data_dir)
    carbon_pipeline("load")
    assert "total of 1 run" in carbon_pipeline("report", COLUMNS="wide").stdout


def test_square_brackets_in_a_name_are_shown_as_they_are(data_dir: Path) -> None:
    land(make_record(project_name="[nlp] train [/b]"), data_dir)
    carbon_pipeline("load")
    assert "[nlp] train [/b]" in carbon_pipeline("report", "by_project").stdout


def test_without_a_command_the_help_is_printed(data_dir: Path) -> None:
    done = carbon_pipeline(status=2)
    assert "Commands" in done.stdout + done.stderr
    assert "NoArgs" not in done.stderr


def test_debug_shows_the_traceback(data_dir: Path) -> None:
    assert "Traceback" in carbon_pipeline("--debug", "import", "nowhere.csv", status=1).stderr


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "C locale"],
)
def test_a_name_that_the_terminal_cannot_show_is_escaped_and_not_lost(
    data_dir: Path, environment: dict[str, str]
) -> None:
    land(make_record(project_name="né日"), data_dir)
    carbon_pipeline("load")
    table = carbon_pipeline("report", "by_project", **environment).stdout.splitlines()
    assert any("n\\xe9\\u65e5" in line for line in table)
    assert len({len(line) for line in table[1:4]}) == 1, "the columns are aligned"
    # What other programs read keeps its characters: a file of CSV is UTF-8 wherever it goes.
    assert "né日" in carbon_pipeline("report", "by_project", "--format", "csv", **environment).stdout
    (row,) = json.loads(carbon_pipeline("report", "by_project", "--format", "json", **environment).stdout)
    assert row["project_name"] == "né日"


@pytest.mark.skipif(os.name != "posix", reason="needs pipes of POSIX")
@pytest.mark.parametrize("gone", ["stdout", "stderr"])
def test_a_reader_that_has_left_changes_no_exit_status(data_dir: Path, tmp_path: Path, gone: str) -> None:
    report = tmp_path / "report.json"
    report.write_text("{}")
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, gone: writer}
    done = subprocess.run([sys.executable, "-m", "carbon_pipeline", "validate", str(report)], **streams, text=True)
    os.close(writer)
    assert done.returncode == 2
    if gone == "stdout":
        assert done.stderr == "carbon-pipeline: 1 of 1 reports are not valid\n"
    else:
        assert str(report) in done.stdout


@pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_changes_no_exit_status(data_dir: Path, closed: str) -> None:
    command = f'exec "{sys.executable}" -m carbon_pipeline doctor {closed}'
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
