"""Records of several machines in an object store: here a folder; S3 is in carbon_pipeline_tests/cluster."""

import json
import logging
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from carbon_pipeline import track
from carbon_pipeline.common.object_store import ObjectStore, StoreError
from carbon_pipeline.dagster.assets.runs import runs_asset
from carbon_pipeline.dagster.names import Names
from carbon_pipeline.dagster.resources.warehouse import WarehouseResource
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.settings import Settings, SettingsError, read_settings
from carbon_pipeline.tracking import outbox
from carbon_pipeline.tracking.doctor import examine
from carbon_pipeline.tracking.landing import land, land_again
from carbon_pipeline.tracking.outbox import object_key, read_state, send, waiting
from carbon_pipeline.warehouse.connection import WarehouseBusyError, open_in_memory
from carbon_pipeline.warehouse.fetch import fetch
from carbon_pipeline.warehouse.lease import Lease
from carbon_pipeline.warehouse.remote import download, publish_to
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.codecarbon_files import row, write
from carbon_pipeline_tests.fakes import make_record

AWAY = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    (tmp_path / "store").mkdir()
    return ObjectStore(str(tmp_path / "store"))


def landed(store: ObjectStore, data_dir: Path, *names: str) -> list[RunRecord]:
    """Records of a machine that has sent them."""
    records = [make_record(name=name, run_id=name) for name in names]
    for record in records:
        land(record, data_dir, store.url)
    assert send(data_dir, store.url) == (len(names), 0, None)
    return records


def loader(store: ObjectStore, data_dir: Path) -> Warehouse:
    return Warehouse(data_dir, landing_url=store.url, timeout_s=0.2)


def test_records_of_several_machines_are_loaded_once_and_read_once(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1", "a2")
    landed(store, tmp_path / "b", "b1")
    warehouse = loader(store, tmp_path / "c")
    warehouse.load()
    assert warehouse.fetched == (2, 3)
    assert {run["run_id"] for run in warehouse.report("runs")} == {"a1", "a2", "b1"}
    landed(store, tmp_path / "b", "b2")
    warehouse.load()
    assert warehouse.fetched == (1, 1)
    warehouse.load()
    assert warehouse.fetched == (0, 0)
    assert warehouse.count() == 4
    assert warehouse.rows("SELECT count(*) AS files FROM raw.loaded_file") == [{"files": 4}]


def test_a_loader_takes_its_own_records_once_though_they_come_back_from_the_store(
    store: ObjectStore, tmp_path: Path
) -> None:
    warehouse = loader(store, tmp_path / "a")
    landed(store, warehouse.data_dir, "a1")
    warehouse.load()
    assert warehouse.fetched == (1, 0)
    assert [run["run_id"] for run in warehouse.report("runs")] == ["a1"]
    assert warehouse.rows("SELECT count(*) AS files FROM raw.loaded_file") == [{"files": 1}]


WORK = """
import os, signal
from carbon_pipeline import track
with track("fit"):
    pass
if {killed}:
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("killed", [False, True])
def test_a_process_sends_its_record_before_it_ends_and_the_next_one_that_of_a_killed_one(
    store: ObjectStore, data_dir: Path, tmp_path: Path, killed: bool
) -> None:
    environment = {**os.environ, "CARBON_LANDING_URL": store.url, "CARBON_DATA_DIR": str(data_dir)}
    subprocess.run([sys.executable, "-c", WORK.format(killed=killed)], env=environment, check=not killed)
    assert len(waiting(data_dir, store.url)) == killed
    if killed:
        subprocess.run([sys.executable, "-c", WORK.format(killed=False)], env=environment, check=True)
    assert waiting(data_dir, store.url) == []
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert [run["name"] for run in warehouse.report("runs")] == ["fit"] * (2 if killed else 1)


def test_a_store_that_is_away_costs_the_work_nothing_and_loses_nothing(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, store: ObjectStore
) -> None:
    for name, value in AWAY.items():
        monkeypatch.setenv(name, value)
    url = "s3://nobody/there"
    began = time.perf_counter()
    with track("fit", data_dir=data_dir, landing_url=url) as run:
        pass
    assert time.perf_counter() - began < 5
    assert run.landing_error is None
    found = send(data_dir, url)
    assert (found.records, found.waiting) == (0, 1)
    assert "s3://nobody/there cannot be used now: nothing answers there (http://127.0.0.1:9)" in (found.error or "")
    (row,) = [row for row in examine(Settings(data_dir=data_dir, landing_url=url)) if row.what == "landing"]
    assert row.value == "s3://nobody/there: not usable"
    assert "1 record in" in (row.note or "")
    assert "sending has failed since" in (row.note or "")
    assert "secret" not in str(row) + str(found)
    warehouse = Warehouse(data_dir, landing_url=url)
    warehouse.load()  # what is here all the same
    assert warehouse.count() == 1
    assert "only what has landed here is loaded" in (warehouse.store_error or "")
    assert send(data_dir, store.url).records == 0  # what waits for one store goes to no other
    outbox.outbox(data_dir, url).rename(outbox.outbox(data_dir, store.url))  # as if it were back
    assert send(data_dir, store.url).records == 1
    state = read_state(data_dir, store.url)
    assert state
    assert (state.error, state.failed_since, state.waiting) == (None, None, 0)


def test_what_is_no_record_is_quarantined_with_the_name_of_its_object(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    store.create(object_key("stranger", 7), b"no record\n")
    store.create(object_key("stranger", 8), b'{"run_id": "../../x", "started_at": "2026-01-01"}\n{"run_id": 1}')
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert warehouse.count() == 1
    rejected = {row["source_file"] for row in warehouse.report("quarantine")}
    assert rejected == {f"landing/1970-01-01/stranger.00000000000{number}.jsonl.json" for number in (7, 8)}
    assert not list(tmp_path.glob("**/x.json"))
    warehouse.load()
    assert warehouse.fetched == (0, 0)


def test_records_are_sent_together_and_in_objects_of_a_bounded_size(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = len(make_record(name="r", run_id="r00").model_dump_json())
    monkeypatch.setattr(outbox, "BATCH_BYTES", 10 * size + 100)
    landed(store, tmp_path / "a", *(f"r{number:02}" for number in range(35)))
    (writer,) = store.folders("records")
    keys = store.keys(f"records/{writer}")
    assert keys == [object_key(writer, number) for number in range(4)]
    assert sum((store.get(key) or b"").count(b"\n") for key in keys) == 35


def test_a_batch_whose_process_was_killed_after_sending_is_the_same_batch(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    state = read_state(tmp_path / "a", store.url)
    assert state
    # As if it had not got so far.
    outbox._write_state(state.model_copy(update={"number": 0}), outbox.outbox(tmp_path / "a", store.url))
    landed(store, tmp_path / "a", "a2")
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert warehouse.count() == 2


def test_a_record_to_which_something_was_added_replaces_the_earlier_one_even_where_that_was_archived(
    store: ObjectStore, tmp_path: Path
) -> None:
    old = {name: getattr(make_record(name="a"), name) - timedelta(days=3) for name in ("started_at", "ended_at")}
    first = make_record(name="a", run_id="a1").model_copy(update=old)
    land(first, tmp_path / "a", store.url)
    send(tmp_path / "a", store.url)
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert warehouse.compact().records == 1
    wall = {"wall_energy_kwh": 0.5, "wall_low_kwh": 0.4, "wall_high_kwh": 0.6, "wall_method": "csv_power"}
    land_again(first.model_copy(update=wall), tmp_path / "a", "wall", store.url)
    send(tmp_path / "a", store.url)
    warehouse.load()
    (run,) = warehouse.report("runs")
    assert run["wall_energy_kwh"] == 0.5


def test_a_stray_object_hides_none_that_comes_later(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    (writer,) = store.folders("records")
    strays = [f"records/{writer}/notes.txt", f"records/.hidden/{'x' * 200}", "loader/README", "published/README"]
    assert all(store.create(key, b"hello") for key in strays)
    warehouse = loader(store, tmp_path / "loader")
    for number in (2, 3):
        warehouse.load()
        landed(store, tmp_path / "a", f"a{number}")
    warehouse.load()
    assert warehouse.count() == 3
    assert warehouse.store_error is None
    assert len(warehouse.report("quarantine")) == 2
    assert download(store, tmp_path / "reports.duckdb").runs == 3


def test_an_outbox_is_full_only_while_it_is(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_WAITING", 2)
    away = ObjectStore(store.url)
    (tmp_path / "store").rename(tmp_path / "away")
    for number in range(4):
        land(make_record(name="a", run_id=f"a{number}"), tmp_path / "a", store.url)
        assert "does not exist: create that folder, or mount it" in (send(tmp_path / "a", store.url).error or "")
    assert not (tmp_path / "store").exists()
    assert len(waiting(tmp_path / "a", store.url)) == 2
    assert len(list((tmp_path / "a" / "landing").glob("*/*.json"))) == 4  # all of them are on this machine
    (tmp_path / "away").rename(tmp_path / "store")
    assert send(tmp_path / "a", away.url).records == 2
    landed(store, tmp_path / "a", "a5")


def test_what_is_no_record_in_the_outbox_holds_up_nothing(store: ObjectStore, tmp_path: Path) -> None:
    folder = outbox.outbox(tmp_path / "a", store.url)
    (folder / "folder.json").mkdir(parents=True)
    os.mkfifo(folder / "pipe.json")
    landed(store, tmp_path / "a", "a1")


POOL = """
import multiprocessing
from carbon_pipeline import track
def work(number):
    with track(f"child {number}"): pass
if __name__ == "__main__":
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(4))
        pool.close()
        pool.join()
"""


def test_the_processes_of_a_pool_send_their_records_before_they_end(
    store: ObjectStore, data_dir: Path, tmp_path: Path
) -> None:
    environment = {**os.environ, "CARBON_LANDING_URL": store.url, "CARBON_DATA_DIR": str(data_dir)}
    subprocess.run([sys.executable, "-c", POOL], env=environment, check=True, timeout=60)
    assert waiting(data_dir, store.url) == []
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert {run["name"] for run in warehouse.report("runs")} == {f"child {number}" for number in range(4)}


def test_a_loader_with_fewer_runs_does_not_replace_what_another_one_has_published(
    store: ObjectStore, tmp_path: Path
) -> None:
    landed(store, tmp_path / "a", "a1")
    first = loader(store, tmp_path / "first")
    first.import_csv([write(tmp_path / "emissions.csv", row(run_id="imported"))])
    first.load()
    second = loader(store, tmp_path / "second")
    second.load()
    assert second.count() == 1
    assert "has published 2 runs, and here are 1" in (second.store_error or "")
    assert download(store, tmp_path / "reports.duckdb").runs == 2


def test_leases_that_somebody_has_removed_hide_no_publication(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    for _ in range(3):
        loader(store, tmp_path / "loader").load()
    store.delete(store.keys("loader"))
    landed(store, tmp_path / "a", "a2")
    loader(store, tmp_path / "loader").load()
    assert download(store, tmp_path / "reports.duckdb").runs == 2


def test_a_publication_that_fails_hides_nothing_that_was_loaded(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreError("the store is full")

    monkeypatch.setattr("carbon_pipeline.warehouse.warehouse.publish_to", fail)
    landed(store, tmp_path / "a", "a1")
    warehouse = loader(store, tmp_path / "loader")
    assert [result.rows_loaded for result in warehouse.load()] == [1]
    assert warehouse.store_error == "the store is full; nothing was published there"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AWS_ENDPOINT_URL": "127.0.0.1:9"}, "has to begin with http:// or https://"),
        ({"AWS_ENDPOINT_URL": "http://somebody:secret@127.0.0.1:9"}, "nothing answers there"),
    ],
)
def test_a_wrong_endpoint_is_one_line_without_a_password(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    for name, value in {**AWAY, **variables}.items():
        monkeypatch.setenv(name, value)
    warehouse = Warehouse(data_dir, landing_url="s3://nobody/there")
    warehouse.load()
    assert said in (warehouse.store_error or "")
    assert "secret" not in (warehouse.store_error or "")


def test_one_loader_at_a_time(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    with Lease(store), pytest.raises(WarehouseBusyError, match="another loader"):
        loader(store, tmp_path / "loader").load()
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()  # given back
    assert warehouse.count() == 1


class Suspended(Lease):
    """A lease whose holder no longer runs, and has not noticed."""

    def _renew(self) -> None:
        pass


def test_the_lease_of_a_suspended_loader_ends_and_it_can_no_longer_publish(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1", "a2")
    first = Suspended(store, lease_s=1.0).__enter__()
    with Lease(store, wait_s=5.0, lease_s=1.0) as second:
        assert second.number > first.number
        warehouse = Warehouse(tmp_path / "loader")
        fetch(store, warehouse.data_dir)
        warehouse.load()
        newest = publish_to(store, warehouse, second.number)
        warehouse.import_csv([write(tmp_path / "emissions.csv", row(run_id="imported"))])
        publish_to(store, warehouse, first.number)  # whatever the first one would publish now
    assert download(store, tmp_path / "reports.duckdb") == newest


def test_a_loader_that_has_lost_its_lease_notices(store: ObjectStore) -> None:
    with Lease(store, lease_s=0.4) as lease:
        assert store.create(f"loader/{lease.number + 1:012d}.json", b"{}")
        deadline = time.monotonic() + 5
        while lease.is_held and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not lease.is_held


def carbon_download(store: ObjectStore, data_dir: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "CARBON_LANDING_URL": store.url, "CARBON_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "carbon_pipeline", "download"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_what_is_published_can_be_downloaded_and_days_that_have_not_changed_stay(
    store: ObjectStore, tmp_path: Path
) -> None:
    record = make_record(name="old", run_id="old")
    old = record.model_copy(
        update={name: getattr(record, name) - timedelta(days=3) for name in ("started_at", "ended_at")}
    )
    land(old, tmp_path / "a", store.url)
    landed_again = [make_record(name="new", run_id="new")]
    land(landed_again[0], tmp_path / "a", store.url)
    send(tmp_path / "a", store.url)
    loader(store, tmp_path / "loader").load()
    first = download(store, tmp_path / "reader" / "reports.duckdb")
    assert len(first.days) == 2
    landed(store, tmp_path / "b", "newer")
    loader(store, tmp_path / "loader").load()
    done = carbon_download(store, tmp_path / "reader")
    assert done.stdout.startswith("3 runs of 2 days"), done.stderr
    refused = carbon_download(store, tmp_path / "loader")
    assert refused.returncode == 2
    assert "a warehouse of its own" in refused.stderr
    last = download(store, tmp_path / "reports.duckdb")
    assert {day: key for day, key in last.days.items() if first.days[day] == key}.keys() == {min(last.days)}
    folder = Path(store.url)
    paths = [str(folder / key) for key in last.days.values()]
    with open_in_memory(folder) as connection:
        rows = connection.execute("SELECT run_id, energy_kwh FROM read_parquet($1) ORDER BY run_id", [paths]).fetchall()
    assert [name for name, _ in rows] == ["new", "newer", "old"]
    published = store.keys("published-files")
    assert {key for key in published if key.endswith(".duckdb")} >= {last.reports}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://host/path", "s3://BUCKET/PREFIX"),
        ("s3://user:word@bucket", "AWS_ACCESS_KEY_ID"),
        ("s3://bucket?secret=x", "AWS_ACCESS_KEY_ID"),
        ("s3:///nothing", "s3://BUCKET/PREFIX"),
        ("s3:/runs/carbon", "s3://BUCKET/PREFIX"),
        ("s3:", "s3://BUCKET/PREFIX"),
        ("/", "names no folder"),
    ],
)
def test_a_wrong_address_of_a_store_is_named_with_what_it_should_be(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(landing_url=text)
    assert "CARBON_LANDING_URL" in str(error.value)
    assert said in str(error.value)


def test_without_a_store_nothing_is_put_aside(data_dir: Path) -> None:
    with track("fit", data_dir=data_dir):
        pass
    assert not (data_dir / "outbox").exists()
    (path,) = (data_dir / "landing").glob("*/*.json")
    assert json.loads(path.read_text())["name"] == "fit"


def test_a_check_or_a_calibration_waits_for_no_loader_of_other_machines(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    warehouse = loader(store, tmp_path / "a")
    with Lease(store):
        warehouse.load_here()
    assert warehouse.count() == 1
    assert store.keys("published") == []


def test_dagster_shows_that_the_store_could_not_be_reached(data_dir: Path, tmp_path: Path) -> None:
    land(make_record(name="a", run_id="a1"), data_dir)
    resources = {"carbon_warehouse": WarehouseResource(data_dir=str(data_dir), landing_url=str(tmp_path / "away"))}
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([runs_asset(Names())], resources=resources, instance=instance)
        warnings = [entry.user_message for entry in instance.all_logs(done.run_id) if entry.level == logging.WARNING]
    assert done.success
    assert any("away does not exist: create that folder, or mount it" in warning for warning in warnings)
