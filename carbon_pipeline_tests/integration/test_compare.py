"""`carbon-pipeline compare`, from records to what is printed."""

import json
import os
import random
import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline.example.project import build_defs
from carbon_pipeline.model.comparison import compare
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.warehouse.groups import By, NoSuchGroupError, find_groups, parse_period
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

DAY = datetime(2026, 11, 2, tzinfo=UTC)
HOSTILE = "evil \x1b[31m\u202e[bold] \u540d\u524d " + 10 * "long "


def carbon_pipeline(*arguments: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "carbon_pipeline", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )
    assert done.returncode == status, done.stderr
    return done


def landed(data_dir: Path, project: str, count: int = 6, factor: float = 1.0, day: int = 0, **fields: Any) -> None:
    chance = random.Random(f"{project} {day}")
    for number in range(count):
        kwh = factor * chance.lognormvariate(0, 0.02)
        own = {"ended_at": DAY + timedelta(days=day, hours=1 + number), "cpu_energy_kwh": 2e-5 * kwh}
        land(make_record(project_name=project, ram_energy_kwh=1e-5 * kwh, **{**own, **fields}), data_dir)


@pytest.fixture
def warehouse(data_dir: Path) -> Warehouse:
    landed(data_dir, "small", asset_key="a/model")
    landed(data_dir, "large", factor=1.3, day=1, asset_key="b/model, b/more")
    landed(data_dir, "other", day=7, cpu_model="Another CPU", codecarbon_version="3.2.0")
    landed(data_dir, "small", 2, 9.0, day=30, status="failed")
    landed(data_dir, "a/model", 1, day=40)
    landed(data_dir, "2026-11", 1, day=41)
    landed(data_dir, HOSTILE, 3, day=42)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    return warehouse


def test_the_json_has_the_keys_that_scripts_rely_on(warehouse: Warehouse) -> None:
    found = json.loads(carbon_pipeline("compare", "small", "large", "--json").stdout)
    keys = "a b runs_a runs_b ratio ratio_low ratio_high p_value verdict reasons".split()
    assert set(found) >= set(keys)
    assert (found["a"], found["b"], found["runs_a"], found["runs_b"]) == ("small", "large", 6, 6)
    assert found["ratio_low"] < found["ratio"] < found["ratio_high"]
    assert found["ratio"] == pytest.approx(1.3, rel=0.05)
    assert (found["verdict"], found["reasons"]) == ("more", ["2 runs of A left out: failed"])
    assert found["p_value"] < 1e-5
    assert (found["duration_ratio"], found["power_ratio"]) == (pytest.approx(1), pytest.approx(found["ratio"]))

    other = json.loads(carbon_pipeline("compare", "large", "small", "--json").stdout)
    assert other["verdict"] == "less"
    assert other["ratio"] == pytest.approx(1 / found["ratio"])
    assert other["ratio_low"] == pytest.approx(1 / found["ratio_high"])

    found = json.loads(carbon_pipeline("compare", "small", "other", "--json").stdout)
    assert found["verdict"] == "not comparable"
    assert found["ratio"] == pytest.approx(1, rel=0.05)
    assert "CPU: A CPU in A, Another CPU in B" in found["reasons"]


@pytest.mark.parametrize(("width", "encoding"), [(80, "utf-8"), (120, "ascii"), (200, "utf-8")])
def test_what_people_read_fits_the_terminal(warehouse: Warehouse, width: int, encoding: str) -> None:
    done = carbon_pipeline("compare", HOSTILE, "large", COLUMNS=str(width), PYTHONIOENCODING=encoding)
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert not {"\x1b", "\u202e"} & set(done.stdout)
    mean = "^" if encoding == "ascii" else "▲"
    assert sum(line.strip().startswith(mean) or line.endswith(mean) for line in lines) == 2
    text = " ".join(done.stdout.split())
    assert re.search(r"B uses more energy than A: 1\.\d\d times the energy of A \(98% interval 1\.", text)
    assert "the systematic error of the meter cancels" in text
    if encoding == "ascii":
        assert done.stdout.isascii()


def test_a_group_is_a_project_an_asset_a_run_or_a_period(warehouse: Warehouse) -> None:
    ids = [run["run"] for name in ("small", "large") for run in warehouse.group("project", name)[-1:]]
    for names, by in {
        ("small", "large"): By.project,
        ("2026-11-02", "2026-11-03"): By.period,
        (ids[0][:13], ids[1]): By.run,
    }.items():
        assert [group.by for group in find_groups(warehouse, names)] == [by, by], names
    a, b = find_groups(warehouse, ("a/model", "b/model"), By.asset)
    energy = compare(a.runs, b.runs).energy
    assert energy
    assert energy.ratio == pytest.approx(1.3 / 2, rel=0.05)  # half of the step is that of the other asset
    a, b = find_groups(warehouse, ("b/model", "fit"))
    assert ([group.by for group in (a, b)], len(b.runs)) == ([By.asset] * 2, 13)  # no asset, but tracked by this name
    a, b = find_groups(warehouse, ("2026-11-02..2026-11-03", "2026-W46"), project="small")
    assert (len(a.runs), len(b.runs)) == (6, 0)


@pytest.mark.parametrize(
    ("names", "by", "message"),
    [
        (("small", "larg"), None, "there is no project, asset, run or period 'larg': did you mean 'large'?"),
        (("a/model", "b/modl"), By.asset, "there is no asset 'b/modl': did you mean 'b/model' or"),
        (("nothing", "of the kind"), None, "report by_project` lists names; a period is written as 2026, 2026-11, "),
        (("small", "2026-12"), None, "not of one kind: 'small' as project, '2026-12' as period"),
        (("2026-11", "2026-11"), None, "can be several things: add --by period or --by project"),
        (("2026-11", "2026-W45"), By.period, "runs in common"),
        (("2026-13", "2026-12"), By.period, "'2026-13' is no period"),
        (("small", ""), None, "there is no project, asset, run or period ''"),
    ],
)
def test_a_name_that_fits_nothing_or_too_much_is_explained(
    warehouse: Warehouse, names: tuple[str, str], by: By | None, message: str
) -> None:
    with pytest.raises(NoSuchGroupError) as error:
        find_groups(warehouse, names, by)
    assert message in str(error.value)


def test_wrong_names_are_one_line_and_status_2(warehouse: Warehouse) -> None:
    for arguments in (("small", "larg"), ("small", "small"), ("zzzz", "large", "--by", "run")):
        done = carbon_pipeline("compare", *arguments, status=2)
        assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    found = json.loads(carbon_pipeline("compare", "2026-11", "2025", "--by", "period", "--json").stdout)
    assert (found["ratio"], found["verdict"]) == (None, "not comparable")
    assert "There are no runs in B" in carbon_pipeline("compare", "2026-12", "2025").stdout


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026", date(2026, 1, 1), date(2026, 12, 31)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2026-11-24", date(2026, 11, 24), date(2026, 11, 24)),
        ("2026-W01", date(2025, 12, 29), date(2026, 1, 4)),
        ("2026-10..2026-W48", date(2026, 10, 1), date(2026, 11, 29)),
    ],
)
def test_periods(text: str, first: date, last: date) -> None:
    assert parse_period(text) == (first, last)


@pytest.mark.parametrize("text", ["", "x", "2026-13", "2026-W54", "9999-W53", "2026-02-30", "2026-11..2026-10", ".."])
def test_what_is_no_period(text: str) -> None:
    assert parse_period(text) is None


def test_a_run_counts_with_what_is_nested_in_it_and_never_twice(data_dir: Path) -> None:
    outer = make_record(project_name="outer", dagster_run_id="d", asset_key="model", host="h", duration_s=10.0)
    inner = {"outer_run_id": outer.run_id, "host": "h", "duration_s": 4.0, "dagster_run_id": "d", "asset_key": "model"}
    first = make_record(project_name="inner", ended_at=outer.ended_at - timedelta(seconds=5), **inner)
    second = make_record(project_name="inner", ended_at=outer.ended_at - timedelta(seconds=0.5), **inner)
    for record in (outer, first, second):
        land(record, data_dir)
    warehouse = Warehouse(data_dir)
    warehouse.load()
    total_kwh = warehouse.report("by_asset")[0]["energy_kwh"]
    for kind, name in (("project", "outer"), ("run", outer.run_id), ("asset", "model")):
        (run,) = warehouse.group(kind, name)
        assert run["energy_kwh"] == pytest.approx(total_kwh), kind
        assert (run["duration_s"], run["encloses"]) == (10.0, False), kind
    assert [run["encloses"] for run in warehouse.group("project", "inner")] == [False, False]
    day = outer.started_at.date()
    assert sorted(run["encloses"] for run in warehouse.group("period", None, day, day)) == [False, False, True]


@pytest.mark.long
def test_a_model_that_is_trained_repeatedly_is_a_run_for_each_training(data_dir: Path) -> None:
    def trained(**config: Any) -> dg.ExecuteInProcessResult:
        run_config = {"ops": {"regression_model": {"config": config}, "idle_baseline": {"config": {"seconds": 0.3}}}}
        job = build_defs().resolve_job_def("pipeline")
        return job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), run_config=run_config)

    for project, epochs in (("short", 50), ("long", 2000)):
        result = trained(repeats=3, epochs=epochs, project_name=project)
        assert result.success
        assert result.asset_value("regression_model").hyperparameters.epochs == epochs
    warehouse = Warehouse(data_dir)
    a, b = find_groups(warehouse, ("short", "long"))
    found = compare(a.runs, b.runs)
    assert (len(found.runs_a), len(found.runs_b)) == (3, 3)
    assert "1 run of A left out: the runs nested in it are compared in its place" in found.reasons
    runs = warehouse.group("asset", "regression_model")
    assert len(runs) == 2
    total_kwh = sum(run["attributed_energy_kwh"] for run in warehouse.report("runs"))
    assert sum(run["energy_kwh"] for run in runs) == pytest.approx(total_kwh)
