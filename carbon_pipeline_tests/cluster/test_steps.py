"""Steps of Dagster on two nodes of Ray, its storage on PostgreSQL, the records on S3. How long it takes: pytest -rP."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from carbon_pipeline.tracking.landing import SILENT_S, Heartbeat, runs_in_progress
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.cluster.postgres import dagster_yaml, postgres
from carbon_pipeline_tests.cluster.processes import kill_marked, memory_mb, start
from carbon_pipeline_tests.cluster.project import RELEASE
from carbon_pipeline_tests.cluster.ray_cluster import HEAD, SECOND, RayCluster, ray_cluster
from carbon_pipeline_tests.cluster.s3 import S3, s3
from carbon_pipeline_tests.waiting import wait_until

PROJECT = "carbon_pipeline_tests.cluster.project"


@contextmanager
def timed(what: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{what}: {time.monotonic() - started:.1f} s")


@pytest.fixture(scope="module")
def store() -> Iterator[S3]:
    with s3() as running:
        print(f"S3 (moto): {running.url}")
        yield running


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folders of the nodes, as if they were on disks of their own."""
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def environment(store: S3, folders: Path) -> dict[str, str]:
    """What the nodes hand down to their steps."""
    own = {
        "CARBON_DATA_DIR": f"{folders}/%NODE%", "CARBON_HOST_ID": "machine %NODE%", "CARBON_HEARTBEAT_S": "0.5",
        "CARBON_GEOLOCATION": "off", "CARBON_LANDING_URL": store.url,
    }  # fmt: skip
    return {**store.environment, **own}


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str]) -> Iterator[RayCluster]:
    started = time.monotonic()
    with ray_cluster(gpus=2, environment=environment) as running:
        print(f"Ray, two nodes: started in {time.monotonic() - started:.1f} s, {running.memory_mb():.0f} MB")
        yield running


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    started = time.monotonic()
    with postgres() as server:
        print(f"PostgreSQL: started in {time.monotonic() - started:.1f} s, {memory_mb(server.mark):.0f} MB")
        folder = tmp_path_factory.mktemp("dagster")
        (folder / "dagster.yaml").write_text(dagster_yaml(server))
        yield folder


@pytest.fixture
def instance(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    with dg.DagsterInstance.get() as one:
        yield one


@pytest.fixture
def loader(store: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    for name, value in store.environment.items():
        monkeypatch.setenv(name, value)
    return Warehouse(tmp_path / "loader", landing_url=store.url)


@contextmanager
def launched(job: str, cluster: RayCluster, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of a job of the project, whose process does not outlive the block."""
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", PROJECT, "-j", job]
    mark = f"{log}/{job}"
    run = start(command, log, mark, {**os.environ, "RAY_API_SERVER_ADDRESS": cluster.url})
    try:
        yield run
    finally:
        kill_marked(mark)
        run.wait()


def count(instance: dg.DagsterInstance, job: str, kind: dg.DagsterEventType) -> int:
    (run,) = instance.get_runs(dg.RunsFilter(job_name=job), limit=1)
    entries = instance.all_logs(run.run_id)
    return sum(entry.dagster_event_type is kind for entry in entries if entry.dagster_event)


def metadata(instance: dg.DagsterInstance, name: str) -> dict[str, Any]:
    """The metadata of the last materialization of an asset."""
    event = instance.get_latest_materialization_event(dg.AssetKey(name))
    assert event is not None
    assert event.asset_materialization is not None
    return {key: value.value for key, value in event.asset_materialization.metadata.items()}


def beating(folders: Path) -> list[Heartbeat]:
    return [run.heartbeat for name in ("head", "second") for run in runs_in_progress(folders / name)]


def node_ids(cluster: RayCluster) -> dict[str, str]:
    """Ray's ID of each machine's node, by what the machine is called."""
    from ray.util.state import list_nodes

    ids = {node.node_ip: node.node_id for node in list_nodes(address=cluster.url)}
    return {"machine head": ids[HEAD], "machine second": ids[SECOND]}


def test_a_step_sees_the_gpu_that_ray_gave_it(
    cluster: RayCluster, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with launched("gpu", cluster, tmp_path / "log") as run:
        assert run.wait(120) == 0, (tmp_path / "log").read_text()
    assert metadata(instance, "on_a_gpu")["gpus"] in ("0", "1")


def test_a_run_that_is_cancelled_leaves_records_that_say_so(
    cluster: RayCluster, folders: Path, loader: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv(RELEASE, str(tmp_path / "never"))
    with launched("eight", cluster, tmp_path / "log") as run:
        wait_until(lambda: len(beating(folders)) == 4, 120)
        run.send_signal(signal.SIGINT)
        with timed("cancelled"):
            run.wait(60)
            wait_until(lambda: not beating(folders))
    loader.load()
    rows = [row for row in loader.report("runs") if row["name"] != "on_a_gpu"]
    assert [row["status"] for row in rows] == ["cancelled"] * 4


def test_eight_assets_are_in_the_warehouse_once_though_a_node_was_killed(
    cluster: RayCluster,
    instance: dg.DagsterInstance,
    environment: dict[str, str],
    folders: Path,
    loader: Warehouse,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The last test of the module, since the node stays dead.
    loader.load()
    before = {row["run_id"] for row in loader.report("runs")}
    ids = node_ids(cluster)
    release = tmp_path / "release"
    monkeypatch.setenv(RELEASE, str(release))
    with launched("eight", cluster, tmp_path / "log") as run:
        wait_until(lambda: len(beating(folders)) == 4, 120)
        time.sleep(2)
        lost = [beat.record.run_id for beat in beating(folders) if beat.record.host_id == "machine second"]
        assert len(lost) == 2
        print(f"killed: {cluster.kill(cluster.second)} processes of the second node")
        with timed("Ray notices"):
            wait_until(lambda: cluster.states()[SECOND] == "DEAD", 120)
        with timed("then Dagster notices"):
            wait_until(lambda: count(instance, "eight", dg.DagsterEventType.STEP_UP_FOR_RETRY) == 2, 120)
        release.touch()
        with timed("then all eight are done on the other node"):
            assert run.wait(180) == 0, (tmp_path / "log").read_text()
    assert count(instance, "eight", dg.DagsterEventType.STEP_RESTARTED) == 2
    assert metadata(instance, "model_0")["storage"] == "PostgresEventLogStorage"

    # The machine is up again: another one may only be slow, so that its runs count as killed after an hour.
    for run_id in lost:
        os.utime(folders / "second" / "running" / f"{run_id}.json", (time.time() - SILENT_S - 1,) * 2)
    again = {name: value.replace("%NODE%", "second") for name, value in environment.items()}
    script = "from carbon_pipeline import track\nwith track('up again'): pass"
    subprocess.run([sys.executable, "-c", script], env={**os.environ, **again}, check=True)

    loader.load()
    rows = [row for row in loader.report("runs") if row["run_id"] not in before and row["name"] != "up again"]
    completed = [row for row in rows if row["status"] == "completed"]
    assert sorted(row["asset_key"] for row in completed) == [f"model_{number}" for number in range(8)]
    assert sorted(row["retry_number"] for row in completed) == [0] * 6 + [1] * 2
    interrupted = [row for row in rows if row["status"] == "interrupted"]
    assert sorted(row["run_id"] for row in interrupted) == sorted(lost)
    assert all(row["duration_s"] > 1 and row["energy_kwh"] > 0 and row["retry_number"] == 0 for row in interrupted)
    assert len(rows) == 10
    assert {row["run_id"]: row["ray_node_id"] for row in rows} == {row["run_id"]: ids[row["host_id"]] for row in rows}
    assert {row["host_id"] for row in rows} == set(ids)
    files = loader.rows("SELECT count(*) AS files, count(DISTINCT sha256) AS contents FROM raw.loaded_file")[0]
    assert files["files"] == files["contents"]
