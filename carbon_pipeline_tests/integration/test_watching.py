"""Budgets, regressions and alerts as they run in Dagster."""

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline import carbon_budget, carbon_resources, energy_regression, tracked
from carbon_pipeline.dagster.check_results import carbon_alert
from carbon_pipeline.dagster.resources.alerts import AlertsResource, MailAlerts, WebhookAlerts
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

DAY = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dg.asset
def model() -> None:
    """What the checks look at; its runs are landed by the tests."""


class Heard(AlertsResource):
    """Keeps what is sent."""

    path: str

    def send(self, subject: str, text: str) -> None:
        with Path(self.path).open("a") as file:
            file.write(f"{subject}: {text}\n")


def landed(data_dir: Path, energies: list[float], **fields: Any) -> None:
    """Runs of the asset, an hour apart, all of it energy of the CPU."""
    for number, energy_kwh in enumerate(energies):
        ended_at = fields.get("first", DAY) + timedelta(hours=number)
        own = {"asset_key": "model", "cpu_energy_kwh": energy_kwh, "ram_energy_kwh": 0.0, "host": "here"}
        land(make_record(ended_at=ended_at, **own | {k: v for k, v in fields.items() if k != "first"}), data_dir)


def warehouse_of(data_dir: Path) -> Warehouse:
    warehouse = Warehouse(data_dir)
    warehouse.load()
    return warehouse


def evaluated(check: dg.AssetChecksDefinition, **resources: Any) -> dg.AssetCheckEvaluation:
    result = dg.materialize(
        [model, check],
        resources=carbon_resources(resources),
        instance=dg.DagsterInstance.ephemeral(),
        selection=dg.AssetSelection.checks(check),
        raise_on_error=True,
    )
    (evaluation,) = result.get_asset_check_evaluations()
    return evaluation


def test_a_run_over_its_budget_fails_the_check_with_the_reason_and_an_alert(data_dir: Path, tmp_path: Path) -> None:
    landed(data_dir, [0.1, 0.3])
    heard = Heard(path=str(tmp_path / "heard"))
    found = evaluated(carbon_budget("model", max_kwh=0.2, max_kg=1.0), carbon_alerts=heard)
    assert not found.passed
    assert found.severity == dg.AssetCheckSeverity.ERROR
    assert found.description == ("300 Wh of 200 Wh per run: 50% over the limit; compared is what the meter saw")
    assert found.metadata["share_of_limit_energy"].value == pytest.approx(1.5)
    assert "share_of_limit_emissions" in found.metadata
    assert "model is over its carbon budget: 300 Wh" in (tmp_path / "heard").read_text()
    assert evaluated(carbon_budget("model", max_kwh=0.31), carbon_alerts=heard).passed
    assert (tmp_path / "heard").read_text().count("\n") == 1


@pytest.mark.parametrize(("period", "used"), [("day", 0.6), ("month", 0.7)])
def test_a_budget_of_a_day_or_a_month_adds_up_all_attempts_of_that_period(
    data_dir: Path, period: Any, used: float
) -> None:
    landed(data_dir, [0.4], first=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))  # the month before
    landed(data_dir, [0.1], first=DAY - timedelta(days=3))
    landed(data_dir, [0.2], status="failed")
    landed(data_dir, [0.4], first=DAY + timedelta(hours=5))
    landed(data_dir, [9.0], asset_key="another", host="elsewhere")
    found = evaluated(carbon_budget("model", max_kwh=0.5, period=period, severity="WARN"))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert found.metadata["carbon/energy_kwh"].value == pytest.approx(used)
    assert evaluated(carbon_budget("model", max_kwh=0.8, period=period)).passed


def test_a_step_that_makes_two_assets_is_charged_to_each_by_half(data_dir: Path) -> None:
    landed(data_dir, [0.4], asset_key="model, other")
    found = evaluated(carbon_budget("model", max_kwh=0.3))
    assert found.passed
    assert found.metadata["carbon/energy_kwh"].value == pytest.approx(0.2)
    rows = {row["asset_key"]: row for row in Warehouse(data_dir).report("by_asset")}
    assert {key: row["energy_kwh"] for key, row in rows.items()} == {"model": 0.2, "other": 0.2}
    assert {(row["name"], row["is_shared"]) for row in rows.values()} == {("model", True), ("other", True)}


def test_a_run_over_midnight_is_charged_to_each_day_by_time(data_dir: Path) -> None:
    midnight = datetime(2026, 11, 20, tzinfo=UTC)
    landed(data_dir, [0.4], first=midnight + timedelta(hours=1), duration_s=4 * 3600.0)  # three hours before, one after
    found = evaluated(carbon_budget("model", max_kwh=0.2, period="day"))
    assert (found.passed, found.metadata["period"].value) == (False, "2026-11-19")
    assert found.metadata["carbon/energy_kwh"].value == pytest.approx(0.3)
    month = evaluated(carbon_budget("model", max_kwh=0.2, period="month"))
    assert month.metadata["carbon/energy_kwh"].value == pytest.approx(0.4)


def test_no_period_of_a_run_over_midnight_escapes_its_budget(data_dir: Path) -> None:
    same = {"dagster_run_id": "one", "duration_s": 60.0}
    landed(data_dir, [5.0], first=datetime(2026, 11, 19, 12, tzinfo=UTC), carbon_intensity_g_per_kwh=50.0, **same)
    landed(data_dir, [4.0], first=datetime(2026, 11, 20, 12, tzinfo=UTC), carbon_intensity_g_per_kwh=5000.0, **same)
    found = evaluated(carbon_budget("model", max_kg=6.0, period="day"))
    assert (found.passed, found.metadata["period"].value) == (False, "2026-11-20")
    unknown = {"cpu_energy_kwh": None, "ram_energy_kwh": None, "gpu_energy_kwh": None}
    landed(data_dir, [0.0], first=datetime(2026, 11, 21, 12, tzinfo=UTC), **same, **unknown)
    found = evaluated(carbon_budget("model", max_kwh=6.0, period="day"))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)


def test_a_budget_at_the_wall_is_compared_with_the_upper_end(data_dir: Path) -> None:
    landed(data_dir, [0.4])
    (run,) = warehouse_of(data_dir).report("runs")
    limit = (run["energy_kwh"] + run["energy_high_kwh"]) / 2
    assert evaluated(carbon_budget("model", max_kwh=limit)).passed
    found = evaluated(carbon_budget("model", max_kwh=limit, at="wall"))
    assert not found.passed
    assert "the upper end at the wall" in (found.description or "")
    assert found.metadata["carbon/energy_high_kwh"].value == pytest.approx(run["energy_high_kwh"])


def test_an_energy_that_is_not_known_is_not_within_a_budget(data_dir: Path) -> None:
    landed(data_dir, [0.1], cpu_energy_kwh=None, ram_energy_kwh=None, gpu_energy_kwh=None)
    found = evaluated(carbon_budget("model", max_kwh=0.5))
    assert not found.passed
    assert "not known" in (found.description or "")


def test_an_untracked_asset_is_named_by_its_budget(data_dir: Path) -> None:
    found = evaluated(carbon_budget("model", max_kwh=1))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "is it tracked" in (found.description or "")
    for wrong in ({"severity": "warn"}, {"period": "year"}, {"at": "meters"}):
        with pytest.raises(ValueError, match="is to be"):
            carbon_budget("model", max_kwh=1, **wrong)  # type: ignore[arg-type]
    assert "is it tracked?" in (evaluated(energy_regression("model")).description or "")


def test_a_blocking_budget_keeps_what_is_downstream_from_running(data_dir: Path) -> None:
    @dg.asset
    @tracked
    def costly() -> None:
        """Is over any budget."""

    @dg.asset(deps=[costly])
    def after() -> None:
        """Must not run."""

    result = dg.materialize(
        [costly, after, carbon_budget("costly", max_kwh=1e-15, blocking=True)],
        resources=carbon_resources(),
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    assert not result.success
    assert result.asset_materializations_for_node("after") == []


@pytest.mark.parametrize("arguments", [{}, {"max_kwh": 0}, {"max_kg": -1}, {"max_kwh": 1, "period": "year"}], ids=str)
def test_an_impossible_budget_is_rejected(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"budget|period"):
        carbon_budget("model", **arguments)


EARLIER = [1.0, 1.02, 0.98, 1.01, 0.99, 1.0]


def test_a_rise_in_energy_is_detected_with_effect_and_interval(data_dir: Path, tmp_path: Path) -> None:
    landed(data_dir, [*EARLIER, 1.3])
    heard = Heard(path=str(tmp_path / "heard"))
    found = evaluated(energy_regression("model"), carbon_alerts=heard)
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    values = {name: value.value for name, value in found.metadata.items()}
    assert values["effect"] == pytest.approx(0.3, abs=0.01)
    assert values["p_value"] < 0.001
    assert values["expected_low_kwh"] < 1.0 < values["expected_high_kwh"] < 1.3
    assert values["comparable_runs"] == 6
    assert "+30%" in (tmp_path / "heard").read_text()


@pytest.mark.parametrize(("last", "why"), [(1.05, "too small an effect"), (0.5, "less is no regression")])
def test_what_is_no_regression_is_none(data_dir: Path, last: float, why: str) -> None:
    landed(data_dir, [*EARLIER, last])
    assert evaluated(energy_regression("model")).passed, why


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"host": "elsewhere"}, "different host"),
        ({"cpu_model": "Another CPU"}, "different cpu_model"),
        ({"cpu_method": "rapl"}, "different cpu_method"),
        ({"codecarbon_version": "3.2.0"}, "different codecarbon_version"),
        ({"partition_key": "2026-01-01"}, "different partitions"),
        ({"asset_key": "model, another"}, "different assets"),
        ({"step_key": "a.part.of.it"}, "different steps"),
    ],
)
def test_runs_that_cannot_be_compared_are_passed_over_in_silence(
    data_dir: Path, changed: dict[str, Any], reason: str
) -> None:
    landed(data_dir, EARLIER, **changed)
    landed(data_dir, [5.0], first=DAY + timedelta(days=1))
    found = evaluated(energy_regression("model"))
    assert found.passed
    assert found.description == "0 comparable earlier runs, 5 are needed"
    assert reason in str(found.metadata["not_comparable"].value)


def test_an_alarm_waits_until_the_shares_are_known(data_dir: Path) -> None:
    from carbon_pipeline.tracking.landing import write_heartbeat

    landed(data_dir, [*EARLIER, 5.0])
    longer = make_record(host="here", status="interrupted", ended_at=DAY + timedelta(days=1), duration_s=2 * 86400)
    write_heartbeat(longer, data_dir)
    found = evaluated(energy_regression("model"))
    assert found.passed
    assert "has not ended yet" in (found.description or "")
    write_heartbeat(longer.model_copy(update={"host": "elsewhere"}), data_dir)
    assert not evaluated(energy_regression("model")).passed


def test_all_that_a_run_of_dagster_did_for_an_asset_is_held_to_the_budget(data_dir: Path) -> None:
    first, second = {"dagster_run_id": "one"}, {"dagster_run_id": "two", "first": DAY + timedelta(hours=2)}
    landed(data_dir, [0.4], status="failed", retry_number=0, **first)
    landed(data_dir, [0.2], retry_number=1, first=DAY + timedelta(minutes=30), dagster_run_id="one")
    landed(data_dir, [0.1], **second)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    for run, energy_kwh in (("one", 0.6), ("two", 0.1), ("elsewhere", 0.1)):
        (spent,) = warehouse.spent("model", "day", run)
        assert spent
        assert spent["energy_kwh"] == pytest.approx(energy_kwh), run


def test_the_ops_of_a_graph_are_one_run_of_its_asset(data_dir: Path) -> None:
    @dg.op
    @tracked
    def heavy() -> int:
        return sum(range(10**6))

    @dg.op
    @tracked
    def light(number: int) -> int:
        return number

    @dg.graph_asset
    def made_by_a_graph() -> int:
        return light(heavy())

    with dg.instance_for_test() as instance:
        dg.materialize([made_by_a_graph], resources=carbon_resources(), instance=instance)
        (seen,) = instance.fetch_observations(dg.AssetKey("made_by_a_graph"), limit=5).records
        assert seen.asset_observation
        heavy_kwh = seen.asset_observation.metadata["carbon/energy_kwh"].value
    warehouse = Warehouse(data_dir)
    warehouse.load()
    (run,) = warehouse.runs_of_asset("made_by_a_graph")
    assert run["steps"] == ["made_by_a_graph.heavy", "made_by_a_graph.light"]
    (spent,) = warehouse.spent("made_by_a_graph", "day")
    assert spent
    assert spent["energy_kwh"] == pytest.approx(run["energy_kwh"])
    assert run["energy_kwh"] > heavy_kwh  # type: ignore[operator]


def test_a_check_without_data_warns_and_does_not_fail_the_work(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_PUE", "abc")
    found = evaluated(carbon_budget("model", max_kwh=1))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "nothing can be said: CARBON_PUE" in (found.description or "")


def test_one_unknown_energy_makes_a_month_unknown(data_dir: Path) -> None:
    landed(data_dir, [0.1])
    landed(
        data_dir, [0.1], first=DAY - timedelta(days=1), cpu_energy_kwh=None, ram_energy_kwh=None, gpu_energy_kwh=None
    )
    found = evaluated(carbon_budget("model", max_kwh=0.5, period="month"))
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "1 of 2 records is not known" in (found.description or "")


def test_a_key_with_a_prefix_is_found(data_dir: Path) -> None:
    assert carbon_budget("a/b", max_kwh=1).check_keys == {
        dg.AssetCheckKey(dg.AssetKey(["a", "b"]), "carbon_budget_per_run")
    }
    with pytest.raises(ValueError, match="blocks nothing"):
        carbon_budget("a", max_kwh=1, severity="WARN", blocking=True)


def test_the_sensor_brings_runs_up_to_date_after_a_check_has_loaded(data_dir: Path) -> None:
    from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
    from carbon_pipeline.definitions import defs

    landed(data_dir, [0.1])
    evaluated(carbon_budget("model", max_kwh=1))
    with dg.instance_for_test() as instance:

        def asked() -> Any:
            with dg.build_sensor_context(instance, resources={"carbon_warehouse": WarehouseResource()}) as context:
                (sensor,) = defs.sensors or ()
                (found,) = sensor(context)  # type: ignore[operator]
                return found

        assert isinstance(asked(), dg.RunRequest)
        assert defs.resolve_job_def("load").execute_in_process(instance=instance).success
        assert isinstance(asked(), dg.SkipReason)


def test_a_hook_sends_an_alert_when_work_fails(data_dir: Path, tmp_path: Path) -> None:
    @dg.asset(hooks={carbon_alert})
    @tracked
    def fails() -> None:
        raise ValueError("as it should")

    heard = Heard(path=str(tmp_path / "heard"))
    dg.materialize(
        [fails],
        resources=carbon_resources({"carbon_alerts": heard}),
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    assert "fails has failed: run" in (tmp_path / "heard").read_text()
    assert "ValueError: as it should" in (tmp_path / "heard").read_text()


@contextmanager
def serving(handler: type[socketserver.BaseRequestHandler]) -> Iterator[int]:
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def test_a_webhook_gets_the_message_and_one_that_is_down_breaks_nothing(data_dir: Path) -> None:
    got = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    landed(data_dir, [0.3])
    with serving(Hook) as port:
        evaluated(carbon_budget("model", max_kwh=0.1), carbon_alerts=WebhookAlerts(url=f"http://127.0.0.1:{port}/"))
    assert got[0]["text"].startswith("model is over its carbon budget\n300 Wh")
    down = WebhookAlerts(url=f"http://127.0.0.1:{port}/")
    assert not evaluated(carbon_budget("model", max_kwh=0.1), carbon_alerts=down).passed


def test_mail_is_sent() -> None:
    got: list[str] = []

    class Smtp(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(b"220 here\r\n")
            in_data = False
            for raw in self.rfile:
                line = raw.decode().rstrip("\r\n")
                got.append(line)
                if in_data and line != ".":
                    continue
                in_data = line.upper() == "DATA"
                if line.upper() == "QUIT":
                    self.wfile.write(b"221 bye\r\n")
                    return
                self.wfile.write(b"354 go on\r\n" if in_data else b"250 fine\r\n")

    with serving(Smtp) as port:
        MailAlerts(host="127.0.0.1", port=port, sender="a@b.c", recipients=["d@e.f"]).send("too much", "0.3 kWh")
    assert "Subject: too much" in got
    assert "0.3 kWh" in got
    assert any(line.upper().startswith("RCPT TO:<D@E.F>") for line in got)


def test_days_of_the_report_are_written_in_one_run(data_dir: Path) -> None:
    from carbon_pipeline.definitions import defs

    landed(data_dir, [0.1, 0.2])
    Warehouse(data_dir).load()
    job = defs.resolve_job_def("report_days")
    result = job.execute_in_process(
        instance=dg.DagsterInstance.ephemeral(),
        tags={"dagster/asset_partition_range_start": "2026-11-19", "dagster/asset_partition_range_end": "2026-11-21"},
    )
    assert result.success
    lines = {p.name: p.read_text().count("\n") for p in (data_dir / "reports" / "daily").iterdir()}
    assert lines == {"2026-11-19.csv": 1, "2026-11-20.csv": 3, "2026-11-21.csv": 1}
