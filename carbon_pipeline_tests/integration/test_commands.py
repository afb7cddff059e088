"""External processes: `carbon-pipeline run`, and scripts that Dagster starts through Pipes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import pytest

from carbon_pipeline import TrackedPipesSubprocessClient, carbon_resources
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.landing import landed_files

BUSY_CHILD = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'sum(range(10**7))'])"


def records(data_dir: Path) -> list[RunRecord]:
    return [RunRecord.model_validate_json(path.read_text()) for path in landed_files(data_dir)]


def carbon_run(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "carbon_pipeline", "run", *arguments], capture_output=True, text=True, **options
    )  # type: ignore[call-overload, no-any-return]


def test_a_command_is_measured_with_its_children_and_its_streams_are_left_alone(data_dir: Path) -> None:
    done = carbon_run(
        "--name", "busy", "--project", "mine", "--", sys.executable, "-c", f"print(input()); {BUSY_CHILD}", input="x\n"
    )
    assert (done.returncode, done.stdout) == (0, "x\n")
    (record,) = records(data_dir)
    assert (record.name, record.project_name, record.source, record.status) == ("busy", "mine", "command", "completed")
    assert record.process_cpu_s is not None
    assert record.process_cpu_s > 0.05  # of the child of the child
    assert record.run_id in done.stderr
    assert "Wh" in done.stderr


@pytest.mark.parametrize(("command", "status"), [("exit 3", 3), ("kill -9 $$", 137)])
def test_run_exits_with_the_status_of_the_command_and_records_a_failure(
    data_dir: Path, command: str, status: int
) -> None:
    assert carbon_run("--", "sh", "-c", command).returncode == status
    (record,) = records(data_dir)
    assert (record.status, record.name) == ("failed", "sh")


def test_runs_of_different_scripts_do_not_all_have_the_name_of_their_launcher(data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    carbon_run("--", sys.executable, "-u", str(tmp_path / "train.py"), "--config", "a.sh")
    carbon_run("--", sys.executable, "-m", "timeit", "-n", "1", "pass")
    assert {record.name for record in records(data_dir)} == {"train.py", "timeit"}


def test_options_behind_the_command_are_the_commands(data_dir: Path) -> None:
    done = carbon_run("--", sys.executable, "-c", "import sys; print(sys.argv[1:])", "--name", "x", "--", "--help")
    assert done.stdout == "['--name', 'x', '--', '--help']\n"


def test_a_setting_that_cannot_be_used_does_not_keep_the_command_from_running(data_dir: Path) -> None:
    done = carbon_run("--", "echo", "hi", env={**os.environ, "CARBON_PUE": "abc"})
    assert (done.returncode, done.stdout) == (0, "hi\n")
    assert records(data_dir)[0].flags.count("settings_ignored") == 1


def test_a_program_that_is_not_there_is_one_line_and_status_2(data_dir: Path) -> None:
    done = carbon_run("--", "/no/such/program")
    assert done.returncode == 2
    assert done.stderr == "carbon-pipeline: /no/such/program: program not found or not executable\n"
    assert records(data_dir) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_command_that_is_ended_from_outside_leaves_its_record(data_dir: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "carbon_pipeline", "run", "--", "sleep", "60"],
        start_new_session=True,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 30
    while not subprocess.run(["pgrep", "-g", str(process.pid), "-x", "sleep"], capture_output=True).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    assert process.wait(30) == 128 + number
    (record,) = records(data_dir)
    assert record.status == "cancelled"


SCRIPT = """
from dagster_pipes import open_dagster_pipes
import sys
with open_dagster_pipes() as pipes:
    pipes.report_asset_materialization(metadata={"rows": 3})
    sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("status", [0, 1])
def test_a_script_that_dagster_starts_is_measured_and_stays_as_it_is(
    data_dir: Path, tmp_path: Path, status: int
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    @dg.asset
    def made_outside(context: dg.AssetExecutionContext, pipes: TrackedPipesSubprocessClient) -> dg.MaterializeResult:  # type: ignore[type-arg]
        return pipes.run(command=[sys.executable, str(script), str(status)], context=context).get_materialize_result()  # type: ignore[no-any-return]

    resources = carbon_resources()
    pipes = TrackedPipesSubprocessClient()  # measures with the resource of the run
    with dg.instance_for_test() as instance:
        result = dg.materialize(
            [made_outside], resources={**resources, "pipes": pipes}, instance=instance, raise_on_error=False
        )
        assert result.success == (status == 0)
        (record,) = records(data_dir)
        assert (record.status, record.asset_key) == ("completed" if status == 0 else "failed", "made_outside")
        if status == 0:
            (materialization,) = result.asset_materializations_for_node("made_outside")
            assert materialization.metadata["rows"].value == 3
            assert materialization.metadata["carbon/energy_kwh"].value == pytest.approx(record.energy_kwh)
        else:
            (seen,) = instance.fetch_observations(dg.AssetKey("made_outside"), limit=5).records
            assert seen.asset_observation
            assert "carbon/energy_kwh" in seen.asset_observation.metadata
