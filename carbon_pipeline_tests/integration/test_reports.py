"""The views that answer questions: numbers computed by hand, and nothing counts twice."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carbon_pipeline.cli.report_layouts import LAYOUTS
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.model.samples import Phase, Samples
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.selection import Selection
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
SUMS = (
    "energy_kwh", "energy_low_kwh", "energy_high_kwh", "emissions_kg", "emissions_low_kg", "emissions_high_kg",
    "duration_s",
)  # fmt: skip
INTENSITY_KG_PER_KWH = 0.056
"""That of the records."""


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    return Warehouse(data_dir)


def loaded(warehouse: Warehouse, *records: RunRecord) -> None:
    for record in records:
        land(record, warehouse.data_dir)
    warehouse.load()


def run(energy_wh: float | None, **fields: Any) -> RunRecord:
    """A run of a minute on Monday that used some Wh."""
    kwh = None if energy_wh is None else energy_wh / 1000
    own = {
        "ended_at": MONDAY + timedelta(hours=1), "duration_s": 60.0, "cpu_energy_kwh": kwh, "ram_energy_kwh": 0.0,
    }  # fmt: skip
    return make_record(**{**own, **fields})


def sums(rows: list[dict[str, Any]]) -> dict[str, float]:
    return {column: sum(row[column] for row in rows) for column in SUMS}


def chosen(rows: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(row[column] for column in columns) for row in rows]


def test_a_run_into_the_next_week_counts_in_both_with_what_it_used_there(warehouse: Warehouse) -> None:
    samples = Samples(at_s=[0, 3600, 7200], cpu_energy_kwh=[0, 1e-3, 2.5e-3], ram_energy_kwh=[0, 0, 1.5e-3])
    over_sunday = make_record(
        ended_at=MONDAY + timedelta(hours=1), duration_s=7200.0, cpu_energy_kwh=2.5e-3, ram_energy_kwh=1.5e-3,
        samples=samples, asset_key="model",
    )  # fmt: skip
    over_tuesday = run(2, ended_at=MONDAY + timedelta(days=1, seconds=30), asset_key="model")
    loaded(warehouse, over_sunday, over_tuesday, run(4, name="a script"))
    weeks = warehouse.report("trend")
    before, after = MONDAY.date() - timedelta(days=7), MONDAY.date()
    assert chosen(weeks, "week", "name", "runs", "energy_kwh", "duration_s") == [
        (before, "model", 1, pytest.approx(1e-3), pytest.approx(3600)),
        (after, "model", 2, pytest.approx(5e-3), pytest.approx(3660)),
        (after, "a script", 1, pytest.approx(4e-3), pytest.approx(60)),
    ]
    assert sums(weeks) == pytest.approx(sums(warehouse.report("by_project")))


def test_the_biggest_consumer_comes_first_with_its_share_and_the_share_so_far(warehouse: Warehouse) -> None:
    loaded(
        warehouse,
        run(5, asset_key="a, b"),  # a step that makes both
        run(1, asset_key="b"),
        run(4, name="a script", project_name="another project"),
        run(None, name="without an energy", ram_energy_kwh=None, gpu_energy_kwh=None),
    )
    rows = warehouse.report("biggest_consumers")
    assert chosen(rows, "position", "project_name", "name", "runs") == [
        (1, "another project", "a script", 1),
        (2, "a project", "b", 2),
        (3, "a project", "a", 1),
        (4, "a project", "without an energy", 1),
    ]
    assert [row["energy_kwh"] for row in rows[:3]] == pytest.approx([4e-3, 3.5e-3, 2.5e-3])
    assert [row["energy_share"] for row in rows[:3]] == pytest.approx([0.4, 0.35, 0.25])
    assert [row["energy_share_so_far"] for row in rows[:3]] == pytest.approx([0.4, 0.75, 1])
    assert rows[3]["energy_share"] is None


def test_work_that_ran_on_two_machines_shows_which_needs_less(warehouse: Warehouse) -> None:
    old, new = {"cpu_model": "old"}, {"cpu_model": "new", "cpu_method": "rapl"}
    loaded(
        warehouse,
        run(6, **old), run(10, **old), run(2, **new), run(2, **new, duration_s=30.0),
        run(900, **new, status="failed"),  # no work was done
        run(None, **new, ram_energy_kwh=None, gpu_energy_kwh=None, duration_s=30.0),  # no part of the mean
        run(7, name="only on the old one", **old),
    )  # fmt: skip
    rows = warehouse.report("same_work")
    assert chosen(rows, "name", "cpu_model", "runs") == [("fit", "new", 3), ("fit", "old", 2)]
    assert [row["energy_per_run_kwh"] for row in rows] == pytest.approx([2e-3, 8e-3])
    assert [row["energy_ratio"] for row in rows] == pytest.approx([1, 4])
    assert [row["duration_per_run_s"] for row in rows] == pytest.approx([40, 60])
    assert [row["energy_kwh"] for row in rows] == pytest.approx([4e-3, 16e-3])
    assert rows[0]["methods"] == ["rapl, none, estimated, machine"]  # and not those of the other: no fair comparison
    assert rows[1]["methods"] == ["cpu_load, none, estimated, machine"]


def epochs(*energies_wh: float, count: int = 1, **fields: Any) -> list[Phase]:
    return [
        Phase(
            started_s=float(10 * number), duration_s=10.0, cpu_energy_kwh=wh / 1000, gpu_energy_kwh=0, ram_energy_kwh=0,
            count=count, **{"name": "epoch", **fields}, **({"least_s": 1, "most_s": 9} if count > 1 else {}),
        )
        for number, wh in enumerate(energies_wh)
    ]  # fmt: skip


def test_the_energy_of_an_epoch_is_the_mean_of_all_epochs_of_that_work(warehouse: Warehouse) -> None:
    first = run(10, phases=[*epochs(1, 3), *epochs(2, name="evaluation", depth=1, parent="epoch")])
    second = run(10, phases=epochs(4, count=2))  # very many, told by name
    loaded(warehouse, first, second, run(50))
    epoch, evaluation = warehouse.report("energy_per_phase")
    assert chosen([epoch, evaluation], "phase", "depth", "parent", "runs", "phases") == [
        ("epoch", 0, None, 2, 4),
        ("evaluation", 1, "epoch", 1, 1),  # its energy is in that of the epochs too
    ]
    assert epoch["energy_kwh"] == pytest.approx(8e-3)
    assert epoch["energy_per_phase_kwh"] == pytest.approx(2e-3)
    assert epoch["duration_per_phase_s"] == pytest.approx(30 / 4)
    assert epoch["energy_share"] == pytest.approx(8 / 20)
    assert evaluation["energy_share"] == pytest.approx(2 / 10)
    assert epoch["emissions_kg"] == pytest.approx(8e-3 * INTENSITY_KG_PER_KWH)
    phases = [phase for phase in warehouse.report("phases") if phase["name"] == "epoch"]
    for end in ("low", "high"):
        expected = sum(phase[f"energy_{end}_kwh"] for phase in phases)
        assert epoch[f"energy_{end}_kwh"] == pytest.approx(expected)
        assert epoch[f"energy_per_phase_{end}_kwh"] == pytest.approx(expected / 4)


def test_a_phase_of_runs_that_overlap_counts_the_machine_once(warehouse: Warehouse) -> None:
    loaded(warehouse, *(run(4, phases=epochs(4), host="one", process_cpu_s=10.0) for _ in range(2)))
    (epoch,) = warehouse.report("energy_per_phase")
    assert epoch["energy_kwh"] == pytest.approx(4e-3)  # and not 8
    assert epoch["energy_share"] == pytest.approx(1)


def test_a_run_that_another_beats_in_metric_and_emissions_is_not_on_the_front(warehouse: Warehouse) -> None:
    def trained(name: str, energy_wh: float, accuracy: float, loss: float, **fields: Any) -> RunRecord:
        return run(energy_wh, name=name, metrics={"accuracy": accuracy, "val_loss": loss}, **fields)

    loaded(
        warehouse,
        trained("small", 1, 0.80, 0.5),
        trained("worse and more", 2, 0.70, 0.6),
        trained("better and more", 3, 0.90, 0.7),
        trained("the same and more", 4, 0.90, 0.5),
        trained("as much and worse", 3, 0.85, 0.1),
        trained("as good as the small one", 1, 0.80, 0.9),
        trained("other project", 9, 0.10, 0.9, project_name="other"),
        trained("failed", 0.1, 0.99, 0.01, status="failed"),
        run(1, name="without metrics"),
    )
    rows = warehouse.report("pareto")
    front = {(row["metric"], row["name"]) for row in rows if row["is_on_front"]}
    assert front == {
        ("accuracy", "small"),
        ("accuracy", "as good as the small one"),
        ("accuracy", "better and more"),
        ("accuracy", "other project"),
        ("val_loss", "small"),
        ("val_loss", "as much and worse"),
        ("val_loss", "other project"),
    }
    assert len(rows) == 14
    small = next(row for row in rows if row["name"] == "small")
    assert small["emissions_kg"] == pytest.approx(1e-3 * INTENSITY_KG_PER_KWH)


LOWER_IS_BETTER = {
    "loss", "val_loss", "valLoss", "eval/loss", "RMSE", "test-mae", "perplexity", "wer", "mean_squared_error",
    "cross_entropy", "word_error_rate", "train_runtime", "MSE2", "sMAPE", "FID",
}  # fmt: skip
HIGHER_IS_BETTER = {
    "accuracy", "f1", "R2", "auc", "bleu", "rouge-l", "neg_mean_squared_error", "samples_per_second", "reward",
    "metered", "timestamp", "tokens", "mAP", "glossary_f1",
}  # fmt: skip


def test_the_better_direction_of_a_metric_follows_from_its_name(warehouse: Warehouse) -> None:
    loaded(warehouse, run(1, metrics=dict.fromkeys(LOWER_IS_BETTER | HIGHER_IS_BETTER, 1.0)))
    assert {row["metric"] for row in warehouse.report("pareto") if row["is_lower_better"]} == LOWER_IS_BETTER


def test_what_failed_work_cost_is_listed_with_the_reason(warehouse: Warehouse) -> None:
    loaded(
        warehouse,
        run(5),
        run(1, status="failed", error_type="ValueError"),
        run(2, status="failed", error_type="ValueError"),
        run(2, status="interrupted"),
        run(4, status="cancelled", project_name="all in vain"),
    )
    rows = warehouse.report("waste")
    assert chosen(rows, "project_name", "status", "error_type", "runs") == [
        ("all in vain", "cancelled", None, 1),
        ("a project", "failed", "ValueError", 2),
        ("a project", "interrupted", None, 1),
    ]
    shares = {row["status"]: row["energy_share"] for row in rows}
    assert shares == pytest.approx({"cancelled": 1, "failed": 0.3, "interrupted": 0.2})
    assert sum(row["energy_kwh"] for row in rows) == pytest.approx(9e-3)


def test_the_quality_of_the_data_is_told_by_the_energy_and_not_by_the_number_of_runs(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    total_only = row(
        run_id="total only", cpu_energy="", gpu_energy="", ram_energy="", energy_consumed="0.001", duration="3600"
    )
    warehouse.import_csv([write(tmp_path / "emissions.csv", total_only)])
    loaded(
        warehouse,
        run(6, cpu_method="rapl", ram_energy_kwh=1e-3),
        run(1, ram_energy_kwh=1e-3, flags=["short_run", "short_baseline"]),
    )
    rows = warehouse.report("data_quality")
    found = {(row["kind"], row["value"]): row for row in rows}
    kwh = {key: row["energy_kwh"] for key, row in found.items() if row["energy_kwh"]}
    quality = {row["quality"] or "none" for row in warehouse.report("runs")}
    by_quality = {key: kwh.pop(key) for key in list(kwh) if key[0] == "quality"}
    assert {value for _, value in by_quality} == quality
    assert sum(by_quality.values()) == pytest.approx(10e-3)
    (total_flags,) = [run["flags"] for run in warehouse.report("runs") if run["source"] == "csv"]
    assert {value for kind, value in found if kind == "flag"} == {"none", "short_run", "short_baseline", *total_flags}
    assert kwh[("flag", "short_run")] == kwh[("flag", "short_baseline")] == pytest.approx(2e-3)  # they overlap
    assert {value: number for (kind, value), number in kwh.items() if kind == "method"} == pytest.approx(
        {"cpu rapl": 6e-3, "cpu cpu_load": 1e-3, "ram estimated": 2e-3, "only a total": 1e-3}
    )
    assert found[("method", "cpu rapl")]["energy_share"] == pytest.approx(0.6)
    assert found[("method", "ram estimated")]["runs"] == 2


def test_an_empty_warehouse_has_nothing_to_tell(warehouse: Warehouse) -> None:
    warehouse.load()
    for name in ("trend", "biggest_consumers", "same_work", "energy_per_phase", "pareto", "waste", "data_quality"):
        assert warehouse.report(name) == [], name


WALL = {"wall_energy_kwh": 1e-3, "wall_low_kwh": 0.98e-3, "wall_high_kwh": 1.02e-3, "wall_method": "shelly_counter"}


def test_an_estimate_lies_in_its_interval_where_some_runs_have_only_a_wall_meter(warehouse: Warehouse) -> None:
    loaded(
        warehouse,
        run(30, asset_key="a", name="a"),
        run(None, asset_key="a", name="a", cpu_model="Another CPU", flags=["meter_failed"], **WALL),
        run(0.5, asset_key="b", name="b", **WALL),
    )
    for name in ("by_project", "by_asset", "by_hardware", "daily", "trend", "biggest_consumers", "same_work"):
        for found in warehouse.report(name):
            assert found["energy_low_kwh"] <= found["estimate_kwh"] <= found["energy_high_kwh"], name
            assert found["emissions_low_kg"] <= found["estimate_kg"] <= found["emissions_high_kg"], name
    (project,) = warehouse.report("by_project")
    assert project["estimate_kwh"] == pytest.approx(30e-3 + 2e-3)
    assert project["energy_kwh"] == pytest.approx(30.5e-3)
    totals = warehouse.select("runs", Selection()).totals(LAYOUTS["runs"].sums)
    low, high = totals["attributed_energy_low_kwh"], totals["attributed_energy_high_kwh"]
    assert low <= totals["attributed_estimate_kwh"] <= high
    assert sorted(found["energy_per_run_kwh"] for found in warehouse.report("same_work")) == pytest.approx(
        [1e-3, 30e-3]
    )
    quality = {found["value"]: found for found in warehouse.report("data_quality") if found["kind"] == "quality"}
    assert quality["high"]["energy_kwh"] == pytest.approx(2e-3)
    assert sum(found["energy_share"] for found in quality.values()) == pytest.approx(1)


def test_a_total_has_no_interval_where_one_of_its_runs_has_none(warehouse: Warehouse) -> None:
    loaded(warehouse, run(None, flags=["meter_failed"], **WALL))
    cells = {"cpu_energy": "0", "gpu_energy": "0.003", "ram_energy": "0", "energy_consumed": "0.003", "duration": "60"}
    warehouse.import_csv([write(warehouse.data_dir.parent / "emissions.csv", row(run_id="open", **cells))])
    assert warehouse.run("open")["energy_low_kwh"] is None
    totals = warehouse.select("runs", Selection()).totals(LAYOUTS["runs"].sums)
    assert totals["attributed_energy_low_kwh"] is None
    assert totals["attributed_estimate_kwh"] == pytest.approx(4e-3)


RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "began_s": st.integers(-200_000, 100_000),  # two days before and one day after the night to Monday
            "duration_s": st.floats(1, 200_000),
            "process_cpu_s": st.none() | st.floats(0, 1e5),
            "energy_wh": st.none() | st.just(0.0) | st.floats(1e-6, 1e4),
            "status": st.sampled_from(["completed", "failed", "cancelled", "interrupted"]),
            "asset_key": st.sampled_from([None, "a", "b", "a, b, c"]),
            "project_name": st.sampled_from(["one", "two"]),
            "cpu_model": st.sampled_from(["one", "two"]),
            "host": st.sampled_from(["one", "two"]),
            "flags": st.lists(st.sampled_from(["short_run", "counter_glitch"]), unique=True),
        }
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.long
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(runs=RUNS)
def test_whatever_runs_overlap_the_reports_add_up_to_the_projects(
    tmp_path_factory: pytest.TempPathFactory, runs: list[dict[str, Any]]
) -> None:
    warehouse = Warehouse(tmp_path_factory.mktemp("data"))
    loaded(
        warehouse,
        *(
            run(**fields, ended_at=MONDAY + timedelta(seconds=fields.pop("began_s") + fields["duration_s"]),
                phases=[Phase(name="all", started_s=0, duration_s=fields["duration_s"],
                              cpu_energy_kwh=None if fields["energy_wh"] is None else fields["energy_wh"] / 1000)])
            for fields in map(dict, runs)
        ),
    )  # fmt: skip
    by_project = warehouse.report("by_project")
    total = _kwh(by_project)
    reports = {name: warehouse.report(name) for name in ("trend", "biggest_consumers", "energy_per_phase")}
    quality = warehouse.report("data_quality")
    reports |= {kind: [row for row in quality if row["kind"] == kind] for kind in ("method", "quality")}
    completed = [run for run in warehouse.report("counted_runs") if run["status"] == "completed"]
    used = [{"energy_kwh": run["attributed_energy_kwh"]} for run in completed]
    reports["waste"] = [*warehouse.report("waste"), *used]
    for name, rows in reports.items():
        assert _kwh(rows) == pytest.approx(total, rel=1e-6, abs=1e-12), name
    if all(
        run["energy_low_kwh"] is not None for run in warehouse.report("counted_runs")
    ):  # else finer groups know more
        for name in ("trend", "biggest_consumers"):
            by_asset = sums(warehouse.report("by_asset"))  # a step that made several takes its time for each
            assert sums(reports[name]) == pytest.approx(by_asset, rel=1e-6), name
            assert by_asset == pytest.approx({**sums(by_project), "duration_s": by_asset["duration_s"]}, rel=1e-6)
    weeks = {row["week"] for row in reports["trend"]}
    assert all(isinstance(week, date) and week.isoweekday() == 1 for week in weeks)


def _kwh(rows: list[dict[str, Any]]) -> float:
    return sum(row["energy_kwh"] or 0 for row in rows)
