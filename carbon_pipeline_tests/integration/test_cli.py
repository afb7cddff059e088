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
        "cpu", "gpu", "ram", "machine", "idle baseline", "location", "carbon intensity", "cloud",
    ]  # fmt: skip
    assert by_name["location"]["value"] == "France"
    assert by_name["carbon intensity"]["source"] == "country_average"
    assert by_name["cpu"]["method"]
    assert all(finding["source"] for finding in findings)
    assert "France" in carbon_pipeline("doctor", CARBON_COUNTRY_ISO_CODE="FRA").stdout


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
        (["report", "by_moon"], "there is no report 'by_moon'; there are runs, counted_runs, daily"),
        (["report"], "does not exist yet: run the pipeline"),
        (["report", "--format", "xml"], "'xml' is not one of 'table', 'csv', 'json'"),
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
