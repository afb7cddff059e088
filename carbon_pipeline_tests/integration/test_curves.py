"""The curve of a run in the warehouse: power over time, phases, metrics, days, and the interval of gaps."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon_pipeline.model.budget import Budget, Period
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.daily_report import write_days
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record

MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir)


def loaded(warehouse: Warehouse, *records: RunRecord) -> None:
    for record in records:
        land(record, warehouse.data_dir)
    warehouse.load()


def night_run(**fields: Any) -> RunRecord:
    """Two hours around midnight, the last day of a month: 1 Wh before, 3 Wh after."""
    samples = Samples(
        at_s=[0, 3600, 7200],
        cpu_energy_kwh=[0, 1e-3, 2.5e-3],
        ram_energy_kwh=[0, 0, 1.5e-3],
        host_cpu_s=[0, 10, 3000],
    )
    own: dict[str, Any] = {
        "ended_at": MIDNIGHT + timedelta(hours=1), "duration_s": 7200.0, "cpu_energy_kwh": 2.5e-3,
        "ram_energy_kwh": 1.5e-3, "samples": samples, "asset_key": "model",
    }  # fmt: skip
    return make_record(**{**own, **fields})


def test_the_power_over_time_is_that_between_two_readings(warehouse: Warehouse) -> None:
    record = night_run()
    loaded(warehouse, record)
    first, second = warehouse.rows('FROM core.sample ORDER BY "at"')
    assert (first["run_id"], first["at"], second["at"]) == (record.run_id, MIDNIGHT, record.ended_at)
    assert (first["cpu_power_w"], second["cpu_power_w"]) == (pytest.approx(1.0), pytest.approx(1.5))
    assert (first["ram_power_w"], second["ram_power_w"], second["gpu_power_w"]) == (0.0, pytest.approx(1.5), 0.0)
    assert [found["power_w"] for found in warehouse.rows('FROM report.power ORDER BY "at"')] == pytest.approx(
        [1.0, 3.0]
    )


def test_each_day_has_the_energy_that_was_used_on_it_and_not_a_share_by_time(warehouse: Warehouse) -> None:
    loaded(warehouse, night_run())
    before, after = warehouse.report("daily")
    assert (before["runs"], after["runs"]) == (1, 1)
    assert (before["energy_kwh"], after["energy_kwh"]) == (pytest.approx(1e-3), pytest.approx(3e-3))
    assert (before["duration_s"], after["duration_s"]) == (pytest.approx(3600), pytest.approx(3600))
    assert after["emissions_kg"] == pytest.approx(3e-3 * 56 / 1000)
    (project,) = warehouse.report("by_project")
    assert before["energy_high_kwh"] + after["energy_high_kwh"] == pytest.approx(project["energy_high_kwh"])


def test_the_daily_file_lists_a_run_on_each_of_its_days_with_the_energy_of_that_day(warehouse: Warehouse) -> None:
    loaded(warehouse, night_run())
    days = write_days(warehouse, ["2026-11-24", "2026-11-25", "2026-11-26"])
    assert [(day.runs, day.energy_kwh) for day in days] == [
        (1, pytest.approx(1e-3)),
        (1, pytest.approx(3e-3)),
        (0, None),
    ]


@pytest.mark.parametrize(("period", "kwh"), [(Period.day, 3e-3), (Period.month, 3.5e-3)])
def test_a_budget_of_a_day_or_a_month_counts_what_was_used_in_it(
    warehouse: Warehouse, period: Period, kwh: float
) -> None:
    shift = timedelta(days=6)  # midnight at the end of November
    later = make_record(
        ended_at=MIDNIGHT + shift + timedelta(days=1, hours=2), duration_s=3600.0, cpu_energy_kwh=5e-4,
        ram_energy_kwh=0.0, asset_key="model",
    )  # fmt: skip
    loaded(warehouse, night_run(ended_at=MIDNIGHT + shift + timedelta(hours=1), dagster_run_id="judged"), later)
    spent = warehouse.spent("model", period, "judged")
    assert [found["period_energy_kwh"] for found in spent] == pytest.approx([1e-3, kwh])
    assert Budget(max_kwh=kwh * 1.01, period=period).judge(spent).passed
    assert not Budget(max_kwh=kwh * 0.99, period=period).judge(spent).passed


def test_an_imported_run_counts_on_its_days_by_time(warehouse: Warehouse, tmp_path: Path) -> None:
    text = row(
        run_id="a",
        timestamp="2026-11-25T03:00:00",
        duration="14400",
        cpu_energy="0.004",
        gpu_energy="0",
        ram_energy="0",
        energy_consumed="0.004",
    )
    warehouse.import_csv([write(tmp_path / "emissions.csv", text)])
    days = [(f"{day['day']}", day["energy_kwh"]) for day in warehouse.report("daily")]
    assert days == [("2026-11-24", pytest.approx(1e-3)), ("2026-11-25", pytest.approx(3e-3))]


def test_a_run_that_ends_at_midnight_has_nothing_on_the_next_day(warehouse: Warehouse) -> None:
    loaded(warehouse, make_record(ended_at=MIDNIGHT), make_record(ended_at=MIDNIGHT + timedelta(seconds=10)))
    assert [(f"{day['day']}", day["runs"]) for day in warehouse.report("daily")] == [
        ("2026-11-24", 1),
        ("2026-11-25", 1),
    ]


def test_phases_and_metrics_reach_the_warehouse_with_the_interval_of_the_record(warehouse: Warehouse) -> None:
    phases = [
        Phase(name="epoch", started_s=1, duration_s=2, cpu_energy_kwh=4e-6, gpu_energy_kwh=0, ram_energy_kwh=2e-6),
        Phase(
            name="épöch [red]",
            started_s=3,
            duration_s=50,
            cpu_energy_kwh=1e-5,
            count=7,
            least_s=1,
            most_s=9,
            least_kwh=1e-7,
        ),
        Phase(name="nothing", started_s=4, duration_s=0),
    ]
    record = make_record(phases=phases, metrics={"accuracy": 0.93, 'a"b': -1.0}).with_intervals_of_phases()
    loaded(warehouse, record)
    found = {phase["name"]: phase for phase in warehouse.report("phases")}
    assert found.keys() == {"epoch", "épöch [red]", "nothing"}
    for phase in record.phases:
        stored = found[phase.name]
        assert stored["started_at"] == record.started_at + timedelta(seconds=phase.started_s)
        assert (stored["duration_s"], stored["phases"], stored["least_s"]) == (
            phase.duration_s,
            phase.count,
            phase.least_s,
        )
        for column in ("energy_kwh", "energy_low_kwh", "energy_high_kwh"):
            expected = getattr(phase, column)
            assert stored[column] == (None if expected is None else pytest.approx(expected, rel=1e-5))
    metrics = {metric["name"]: metric["value"] for metric in warehouse.rows("FROM core.metric")}
    assert metrics == {"accuracy": 0.93, 'a"b': -1.0}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), min_size=1, max_size=20),
    method=st.sampled_from(["rapl", "cpu_load"]),
)
def test_the_interval_covers_what_was_not_read_and_is_the_same_in_sql(
    tmp_path_factory: pytest.TempPathFactory, gaps: list[tuple[float, float]], method: str
) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("data"))
    more = {"cpu_method": method, "gpu_method": "nvml_counter", "gpu_count": 1, "gpu_energy_kwh": 3e-5, "pue": 1.5}
    records = [make_record(cpu_gap_s=cpu, gpu_gap_s=gpu, **more) for cpu, gpu in gaps]
    loaded(warehouse, *records)
    found = {run["run_id"]: run for run in warehouse.report("runs")}
    whole = make_record(**more)
    assert whole.energy_low_kwh is not None
    assert whole.energy_high_kwh is not None
    for record in records:
        run = found[record.run_id]
        assert run["energy_low_kwh"] == pytest.approx(record.energy_low_kwh)
        assert run["energy_high_kwh"] == pytest.approx(record.energy_high_kwh)
        assert run["energy_low_kwh"] <= whole.energy_low_kwh * 1.000001
        assert record.gpu_gap_s is not None
        # What 1,500 W would have used in the gap is in it, losses included.
        assert run["energy_high_kwh"] >= whole.energy_high_kwh + record.gpu_gap_s * 1500 / 3.6e6


@pytest.mark.parametrize(
    ("samples", "reason"),
    [
        ({"at_s": [0, 1], "cpu_energy_kwh": [0]}, "1 values for 2 times"),
        ({"at_s": [0, 2, 1]}, "falls"),
        ({"at_s": [0, 1], "cpu_energy_kwh": [1, 0]}, "falls"),
        ({"at_s": [0, float("inf")]}, "finite"),
        ({"at_s": list(range(601))}, "600"),
    ],
)
def test_a_record_whose_curve_is_none_is_rejected_with_the_reason(
    warehouse: Warehouse, samples: dict[str, Any], reason: str
) -> None:
    landed = land(make_record(), warehouse.data_dir)
    text = landed.read_text().replace(
        '"samples": null', f'"samples": {samples}'.replace("'", '"').replace("inf", "1e999")
    )
    landed.write_text(text.rstrip()[:-2] + f',\n"samples": {samples}'.replace("'", '"').replace("inf", "1e999") + "}")
    warehouse.load()
    (rejected,) = warehouse.report("quarantine")
    assert reason in rejected["reason"]
    assert warehouse.count() == 0


def test_a_heartbeat_that_is_later_than_its_last_sample_shares_what_it_saw(warehouse: Warehouse) -> None:
    seen = Samples(at_s=[0, 2, 4], cpu_energy_kwh=[0, 1e-5, 2e-5], process_cpu_s=[0, 1, 2])
    whole = Samples(at_s=[0, 5, 10], cpu_energy_kwh=[0, 2.5e-5, 5e-5], process_cpu_s=[0, 1, 2])
    both = {"cpu_energy_kwh": 5e-5, "ram_energy_kwh": None, "host_id": "one"}
    killed = make_record(**{**both, "cpu_energy_kwh": 2e-5}, samples=seen, duration_s=5.0, status="interrupted")
    other = make_record(**both, samples=whole, ended_at=killed.started_at + timedelta(seconds=10))
    loaded(warehouse, killed, other)
    total = sum(run["attributed_energy_kwh"] for run in warehouse.report("runs"))
    assert total == pytest.approx(5e-5, rel=1e-6)


def test_a_killed_run_whose_last_heartbeat_was_after_midnight_has_its_energy_on_the_day_before(
    warehouse: Warehouse,
) -> None:
    seen = Samples(at_s=[0, 50, 99], cpu_energy_kwh=[0, 1e-5, 2e-5])
    more = {"samples": seen, "cpu_energy_kwh": 2e-5, "ram_energy_kwh": None, "status": "interrupted", "host_id": "one"}
    loaded(warehouse, *(make_record(ended_at=MIDNIGHT + timedelta(seconds=1), duration_s=101.0, **more) for _ in "ab"))
    before, after = warehouse.report("daily")
    assert (before["energy_kwh"], after["energy_kwh"]) == (pytest.approx(2e-5), 0.0)
