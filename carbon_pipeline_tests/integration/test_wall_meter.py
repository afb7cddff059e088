"""A meter at the wall beside CodeCarbon: its energy is in the record; whatever it does, the work does not notice."""

import json
import logging
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline import track
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.summary import summary
from carbon_pipeline.settings import Settings, SettingsError, read_settings
from carbon_pipeline.tracking import wall_meter
from carbon_pipeline.tracking.doctor import examine
from carbon_pipeline.tracking.wall_meter import WallMeterError, energy_of_file, open_wall_meter
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fake_machine import J_PER_KWH, FakeMachine, Power
from carbon_pipeline_tests.wall_meters import Meter, Redfish, Shelly, ShellyEm, ShellyPm, Tasmota, write_ipmitool

RAMP = Power([(0, 60), (4, 260), (60, 260)])
SECRET = "s3cret-of-the-meter"


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_WALL_METER_PASSWORD", SECRET)


def measured(meter: Meter, seconds: float = 2.0, **options: Any) -> tuple[RunRecord, float]:
    """A run of a time beside a meter, and the true energy at the wall, kWh."""
    with track("work", wall_meter=meter.address, sample_s=0.25, **options) as run:
        began = time.perf_counter() - meter.origin
        time.sleep(seconds)
        ended = time.perf_counter() - meter.origin
    assert run.record
    return run.record, (meter.power.energy_j(ended) - meter.power.energy_j(began)) / J_PER_KWH


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Meters are asked as often as the tests want it."""
    from carbon_pipeline.model import wall_energy

    quicker = {name: kind._replace(every_s=0.25) for name, kind in wall_energy.KINDS.items()}
    monkeypatch.setattr(wall_meter, "KINDS", quicker)


@pytest.mark.real_time
@pytest.mark.parametrize("kind", [Shelly, ShellyPm, ShellyEm, Tasmota, Redfish])
def test_each_protocol_gives_the_energy_of_a_ramp_with_its_login(
    kind: type[Meter], data_dir: Path, login: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is Redfish:
        monkeypatch.setenv("CARBON_WALL_METER_USER", "root")
    with kind(RAMP, password=SECRET) as meter:
        record, true_kwh = measured(meter, data_dir=data_dir)
    assert record.wall_error is None
    assert record.wall_energy_kwh == pytest.approx(true_kwh, rel=0.01)
    assert record.energy_low_kwh is not None
    assert record.energy_high_kwh is not None
    assert record.energy_low_kwh < true_kwh < record.energy_high_kwh
    assert record.interval_source == "wall_meter"
    assert record.wall_estimate_kwh == record.wall_energy_kwh
    assert record.wall_method == f"{kind.kind}_power"
    assert record.samples
    assert record.samples.wall_energy_kwh
    assert record.samples.wall_energy_kwh[-1] == pytest.approx(record.wall_energy_kwh, rel=1e-5)


@pytest.mark.real_time
def test_a_counter_with_fine_steps_counts(data_dir: Path) -> None:
    with Shelly(Power([(0, 3000)])) as meter:
        record, true_kwh = measured(meter, data_dir=data_dir)
    assert record.wall_method == "shelly_counter"
    assert record.wall_energy_kwh == pytest.approx(true_kwh, rel=0.01)
    assert record.quality == "high"
    assert "by the wall meter" in summary(record)


def test_the_power_of_ipmitool_is_read(data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{write_ipmitool(tmp_path / 'bin', '150')}:{os.environ['PATH']}")
    with track("work", wall_meter="ipmi", data_dir=data_dir) as run:
        time.sleep(1.5)
    assert run.record
    assert run.record.wall_energy_kwh == pytest.approx(150 * run.record.duration_s / J_PER_KWH, rel=1e-6)
    assert run.record.wall_method == "ipmi_power"


@pytest.mark.real_time
def test_the_pue_is_in_the_energy_at_the_wall_as_in_all_others(data_dir: Path) -> None:
    with Shelly(Power([(0, 100)])) as meter:
        record, true_kwh = measured(meter, 1.5, data_dir=data_dir, pue=1.5)
    assert record.wall_energy_kwh == pytest.approx(1.5 * true_kwh, rel=0.01)


def test_credentials_are_in_no_record_no_log_and_no_message(
    data_dir: Path, login: None, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Tasmota(RAMP, password="another one") as meter:  # it is refused, and the reason is told
        record, _ = measured(meter, 1.0, data_dir=data_dir)
    assert record.wall_energy_kwh is None
    assert "wall_meter_failed" in record.flags
    written = "".join(path.read_text() for path in data_dir.rglob("*.json"))
    assert SECRET not in written + caplog.text
    assert "127.0.0.1" not in written
    assert SECRET not in repr(Settings())


HANGS = "hangs"
FAULTS: dict[str, tuple[Any, str]] = {
    # what it answers in the second half, what is said of it
    HANGS: (None, "did not answer"),
    "an error": ({"raw": "oops", "status": 500}, "HTTP 500"),
    "a page": ({"raw": "<html>login</html>"}, "web page"),
    "no power": ({"raw": json.dumps({"id": 0})}, "no power"),
    "text for a number": ({"raw": json.dumps({"apower": "hot"})}, "could not be read"),
    "nonsense": ({"power_w": -20.0, "counter_kwh": None}, "-20 W"),
    "far too much": ({"power_w": 1e9, "counter_kwh": None}, "1e+09 W"),
}


@pytest.mark.real_time
@pytest.mark.parametrize("fault", FAULTS)
def test_a_meter_that_goes_wrong_costs_the_work_nothing_and_is_flagged(fault: str, data_dir: Path) -> None:
    answer, said = FAULTS[fault]
    with Shelly(Power([(0, 100)]), fault=lambda at_s, reading: answer if at_s > 1.5 else reading) as meter:
        with track("work", wall_meter=meter.address, sample_s=0.25, data_dir=data_dir) as run:
            time.sleep(max(1.5 - (time.perf_counter() - meter.origin), 0) + 1.0)
            ended = time.perf_counter()
        waited_s = time.perf_counter() - ended
    assert waited_s < 2.5
    record = run.record
    assert record
    assert record.status == "completed"
    assert record.energy_kwh is not None
    assert record.wall_error is not None
    assert said in record.wall_error
    assert "wall_meter_failed" in record.flags
    assert "the wall meter failed" in summary(record)


@pytest.mark.real_time
def test_a_counter_that_starts_anew_or_jumps_is_flagged_and_the_energy_stays_right(data_dir: Path) -> None:
    for change_kwh, said in ((-12.2, "anew"), (800.0, "no machine")):

        def changed(at_s: float, reading: dict[str, Any], by: float = change_kwh) -> dict[str, Any]:
            return {**reading, "counter_kwh": reading["counter_kwh"] + (by if at_s > 1.5 else 0)}

        with Shelly(Power([(0, 3000)]), fault=changed) as meter:
            record, true_kwh = measured(meter, 2.5, data_dir=data_dir)
        assert record.wall_energy_kwh == pytest.approx(true_kwh, rel=0.01)
        assert record.wall_error is not None
        assert said in record.wall_error


def test_a_meter_that_is_not_there_is_flagged_and_the_interval_is_that_of_the_model(data_dir: Path) -> None:
    meter = Shelly()
    meter.go_away()
    meter._server.server_close()
    record, _ = measured(meter, 0.5, data_dir=data_dir)
    assert (record.wall_energy_kwh, record.interval_source) == (None, "model")
    assert "wall_meter_failed" in record.flags
    assert record.energy_high_kwh


def test_a_meter_on_another_socket_is_noticed_and_not_believed(data_dir: Path) -> None:
    with Shelly(Power([(0, 0)])) as meter:
        record, _ = measured(meter, 1.0, data_dir=data_dir)
    assert "is it plugged in there?" in (record.wall_error or "")
    assert "wall_meter_failed" in record.flags
    assert (record.wall_energy_kwh, record.interval_source) == (None, "model")
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert run["interval_source"] == "model"
    assert run["estimate_kwh"] == pytest.approx(record.energy_kwh)


@pytest.mark.parametrize("kind", [Shelly, Tasmota])
def test_a_password_that_a_meter_repeats_is_in_no_record_and_no_message(
    kind: type[Meter], data_dir: Path, login: None
) -> None:
    answers = [
        {"raw": json.dumps({"WARNING": f"user=admin&password={SECRET}", "apower": SECRET})},
        {"raw": json.dumps({"apower": SECRET, "StatusSNS": {"ENERGY": {"Power": SECRET}}})},
    ]
    for answer in answers:
        with kind(fault=lambda at_s, reading, found=answer: found) as meter:
            record, _ = measured(meter, 0.2, data_dir=data_dir)
        assert "wall_meter_failed" in record.flags
        assert SECRET not in record.model_dump_json() + summary(record)


def test_a_meter_has_one_name_however_its_address_is_written() -> None:
    names = {
        wall_meter.wall_meter_name(Settings(wall_meter=text))
        for text in ("shelly+http://plug.local", "shelly+http://Plug.local/", "shelly+http://plug.local:80")
    }
    assert len(names) == 1


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        (Shelly, {"raw": "{}", "status": 401}, "CARBON_WALL_METER_PASSWORD"),
        (Shelly, {"raw": "{}", "status": 404}, "second generation"),
        (Tasmota, {"raw": '{"WARNING": "Need user=<username>&password=<password>"}'}, "CARBON_WALL_METER_PASSWORD"),
        (Tasmota, {"raw": '{"StatusSNS": {"Time": "2026"}}'}, "does it measure one"),
    ],
)
def test_what_to_do_about_a_meter_that_refuses_is_said(
    kind: type[Meter], answer: dict[str, Any], said: str, data_dir: Path
) -> None:
    with kind(fault=lambda at_s, reading: answer) as meter:
        record, _ = measured(meter, 0.3, data_dir=data_dir)
        (found,) = [
            row for row in examine(Settings(wall_meter=meter.address, data_dir=data_dir)) if row.what == "wall meter"
        ]
    assert said in (record.wall_error or "")
    assert said in summary(record)
    assert said in (found.note or "")


@pytest.mark.real_time
def test_a_killed_run_keeps_what_the_wall_meter_said_until_its_last_heartbeat(data_dir: Path) -> None:
    script = (
        "import time\nfrom carbon_pipeline import track\n"
        "with track('work', sample_s=0.2, heartbeat_s=0.5):\n    time.sleep(2.2)\n    print('now', flush=True)\n"
        "    time.sleep(30)\n"
    )
    with Shelly(Power([(0, 200)])) as meter:
        own = {"CARBON_WALL_METER": meter.address, "CARBON_DATA_DIR": str(data_dir)}
        with subprocess.Popen([sys.executable, "-c", script], env=os.environ | own, stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            process.kill()
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert run["status"] == "interrupted"
    assert run["interval_source"] == "wall_meter"
    assert run["wall_energy_kwh"] == pytest.approx(200 * run["duration_s"] / J_PER_KWH, rel=0.02)


def test_the_warehouse_prefers_the_wall_meter_and_keeps_what_codecarbon_saw(data_dir: Path) -> None:
    with Shelly(Power([(0, 3000)])) as meter:
        record, _ = measured(meter, 1.5, data_dir=data_dir, carbon_intensity_g_per_kwh=100)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.report("runs")
    for name in (
        "energy_kwh", "wall_energy_kwh", "wall_estimate_kwh", "wall_emissions_kg", "interval_source", "quality",
        "wall_method", "energy_low_kwh", "energy_high_kwh", "emissions_kg",
    ):  # fmt: skip
        expected = getattr(record, name)
        assert run[name] == (pytest.approx(expected) if isinstance(expected, float) else expected), name
    assert run["wall_emissions_kg"] == pytest.approx(0.1 * run["wall_energy_kwh"])
    assert run["energy_kwh"] < run["energy_low_kwh"]  # the meter sees less than the wall
    (project,) = warehouse.report("by_project")
    assert project["energy_kwh"] == pytest.approx(run["energy_kwh"])
    assert project["energy_low_kwh"] == pytest.approx(run["energy_low_kwh"])


STAGGERED = """
import os, sys, time
from carbon_pipeline_tests.fake_machine import machine_here
from carbon_pipeline import track
machine_here().install()
def busy(until):
    while time.perf_counter() < until: sum(range(200))
with track("warm up", data_dir=os.environ["CARBON_DATA_DIR"] + "-warm"): pass
print("ready", flush=True)
go = float(sys.stdin.readline())
time.sleep(max(go + {after} - time.perf_counter(), 0))
with track("{name}", sample_s=0.1):
    {work}
"""


@pytest.mark.real_time
@pytest.mark.long
def test_the_wall_energy_of_runs_that_overlap_adds_up_to_that_of_the_machine(tmp_path: Path, data_dir: Path) -> None:
    """One sleeps; another one works beside it for a part of the time: 60 W at the wall without, 400 W with it."""
    wall = Power([(8, 60), (11, 60), (11, 400), (15, 400), (15, 60)])
    union_j = 6 * 60 + 4 * 400
    machine = FakeMachine(tmp_path / "machine", cpu=[(8, 5), (11, 5), (11, 300), (15, 300), (15, 5)])
    with Shelly(wall) as meter:
        meter.origin = machine.origin
        environment = machine.environment(CARBON_WALL_METER=meter.address)
        started = [
            subprocess.Popen(
                [sys.executable, "-c", STAGGERED.format(name=name, after=after, work=work)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            )
            for name, after, work in (("a", 0.0, "time.sleep(10)"), ("b", 3.0, "busy(time.perf_counter() + 4)"))
        ]  # fmt: skip
        for process in started:
            assert process.stdout
            process.stdout.readline()
        time.sleep(max(8 - machine.now_s, 0))
        begin = time.perf_counter()
        for process in started:
            assert process.stdin
            process.stdin.write(f"{begin}\n")
            process.stdin.flush()
        for process in started:
            process.communicate(timeout=30)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    runs = {run["name"]: run for run in warehouse.report("runs") if run["name"] in ("a", "b")}
    attributed_j = sum(run["attributed_estimate_kwh"] for run in runs.values()) * J_PER_KWH
    assert sum(run["wall_energy_kwh"] for run in runs.values()) * J_PER_KWH > 1.3 * union_j
    (project,) = warehouse.report("by_project")
    attributed_low_kwh = sum(run["attributed_energy_low_kwh"] for run in runs.values())
    assert project["energy_low_kwh"] == pytest.approx(attributed_low_kwh)
    assert attributed_j == pytest.approx(union_j, rel=0.12)
    # The one that sleeps has what the machine draws while it is alone, and little else.
    assert 300 < runs["a"]["attributed_estimate_kwh"] * J_PER_KWH < 600


def test_a_log_is_read_after_the_run(data_dir: Path, tmp_path: Path) -> None:
    log = tmp_path / "plug.csv"
    now = datetime.now(UTC)
    rows = [f"{(now + timedelta(seconds=at)).isoformat()},{100 + at}" for at in range(-5, 20)]
    log.write_text("\n".join(["time,power_w", *rows]) + "\n")
    with track("work", wall_meter=f"csv:{log}", data_dir=data_dir) as run:
        time.sleep(1.0)
    assert run.record
    assert run.record.wall_energy_kwh == pytest.approx(100 * run.record.duration_s / J_PER_KWH, rel=0.1)
    assert run.record.wall_method == "csv_power"
    assert run.record.flags.count("wall_meter_failed") == 0


STARTED = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("time,power_w", lambda at, kwh: f"{at.isoformat()},100"),
        ("timestamp;Power (W);note", lambda at, kwh: f"{at:%Y-%m-%dT%H:%M:%S};100,0;x"),
        ("last_changed,power kW", lambda at, kwh: f"{at.isoformat().replace('+00:00', 'Z')},0.1"),
        ("date\tenergy_wh", lambda at, kwh: f"{at.timestamp()}\t{1000 * kwh:.6f}"),
        ("time,energy_kwh", lambda at, kwh: f"{1000 * at.timestamp():.0f},{kwh:.9f}"),
        ("time,power_w,energy_kwh", lambda at, kwh: f"{at.isoformat()},100,{kwh:.9f}"),
    ],
)
def test_logs_as_plugs_and_people_write_them_are_understood(tmp_path: Path, header: str, row: Any) -> None:
    log = tmp_path / "log.csv"
    rows = [row(STARTED + timedelta(seconds=at), 5 + 100 * (at + 30) / J_PER_KWH) for at in range(-30, 700)]
    log.write_text("\n".join([header, *rows]) + "\n")
    found, readings = energy_of_file(log, STARTED, 600)
    assert found
    assert found.energy_kwh == pytest.approx(600 * 100 / J_PER_KWH, rel=0.01)
    assert readings.faults == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("time,power_w\n2026-05-01T12:00:00Z,100\n2026-05-01T12:00:01Z,hot\n", "line 3, power_w: 'hot' is no number"),
        ("time,power_w\nyesterday,100\n", "line 2: 'yesterday' is no time"),
        ("a,b\n1,2\n", "needs a header with a column for the time"),
        ("", "needs a header"),
        ("time,power_w\n", "has no readings"),
        ('time,power_w\n2026-05-01T12:00:00Z,"' + 200_000 * "1", "cannot be read"),
        ("time,power_w\n0001-01-01T00:00:00+23:00,100\n", "no reading of the run"),
        (
            "time,power_w\n2026-05-02T12:00:00Z,100\n",
            "no reading of the run from 2026-05-01 12:00:00 UTC on: the nearest is 86,400 s after",
        ),
    ],
)
def test_a_log_that_cannot_be_used_says_where_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    log = tmp_path / "log.csv"
    log.write_text(text)
    with pytest.raises(WallMeterError) as error:
        energy_of_file(log, STARTED, 600)
    assert said in str(error.value)
    assert str(log) in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("192.168.1.5", "it should be such as shelly+http://HOST"),
        ("shelly+ftp://plug", "it should be such as"),
        ("shelly+http://admin:secret@plug", "CARBON_WALL_METER_PASSWORD"),
        ("redfish+https://root:a/secret@bmc/redfish/v1", "CARBON_WALL_METER_PASSWORD"),
        ("tasmota+http://plug/cm?user=admin&password=secret", "it should be such as"),
        ("redfish+https://bmc", "the path is missing"),
        ("csv:", "it should be such as"),
    ],
)
def test_a_wrong_address_is_named_with_what_it_should_be(text: str, said: str) -> None:
    with pytest.raises(SettingsError, match="CARBON_WALL_METER") as error:
        read_settings(wall_meter=text)
    assert said in str(error.value)
    assert "secret" not in str(error.value)


def test_a_password_in_a_wrong_address_is_in_no_record(data_dir: Path) -> None:
    with track("work", wall_meter="shelly+http://admin:secret@plug", data_dir=data_dir) as run:
        pass
    assert run.landed_at
    text = run.landed_at.read_text()
    assert "CARBON_WALL_METER_PASSWORD" in text
    assert "secret@" not in text


def test_no_meter_is_asked_where_none_is_named() -> None:
    assert open_wall_meter(Settings()) is None
