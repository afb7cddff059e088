"""Records of several machines in an object store: here a folder; S3 is in carbon_pipeline_tests/cluster."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from carbon_pipeline import track
from carbon_pipeline.common.object_store import ObjectStore
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.settings import Settings, SettingsError, read_settings
from carbon_pipeline.tracking import outbox
from carbon_pipeline.tracking.doctor import examine
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.tracking.outbox import object_key, read_state, send, waiting
from carbon_pipeline.warehouse.connection import WarehouseBusyError, open_in_memory
from carbon_pipeline.warehouse.lease import Lease
from carbon_pipeline.warehouse.remote import download, publish_to
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.fakes import make_record

AWAY = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
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
    assert len(waiting(data_dir)) == killed
    if killed:
        subprocess.run([sys.executable, "-c", WORK.format(killed=False)], env=environment, check=True)
    assert waiting(data_dir) == []
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
    assert "s3://nobody/there cannot be used now" in (found.error or "")
    (row,) = [row for row in examine(Settings(data_dir=data_dir, landing_url=url)) if row.what == "landing"]
    assert row.value is None
    assert "1 record in" in (row.note or "")
    assert "sending has failed since" in (row.note or "")
    assert "secret" not in str(row) + str(found)
    warehouse = Warehouse(data_dir, landing_url=url)
    warehouse.load()  # what is here all the same
    assert warehouse.count() == 1
    assert send(data_dir, store.url).records == 1
    state = read_state(data_dir)
    assert state
    assert (state.error, state.failed_since) == (None, None)


def test_what_is_no_record_is_quarantined_with_the_name_of_its_object(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    store.create(object_key("stranger", 7), b"no record\n")
    store.create(object_key("stranger", 8), b'{"run_id": "../../x", "started_at": "2026-01-01"}\n{"run_id": 1}')
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert warehouse.count() == 1
    rejected = {row["source_file"] for row in warehouse.report("quarantine")}
    names = ("000000000007.jsonl.1", "000000000008.jsonl.1", "000000000008.jsonl.2")
    assert rejected == {f"landing/1970-01-01/stranger.{name}.json" for name in names}
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
    state = read_state(tmp_path / "a")
    assert state
    outbox._write_state(state.model_copy(update={"number": 0}), tmp_path / "a")  # as if it had not got so far
    landed(store, tmp_path / "a", "a2")
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    assert warehouse.count() == 2


def test_a_record_to_which_something_was_added_replaces_the_earlier_one(store: ObjectStore, tmp_path: Path) -> None:
    (first,) = landed(store, tmp_path / "a", "a1")
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()
    land(first.model_copy(update={"project_name": "changed"}), tmp_path / "a", store.url)
    send(tmp_path / "a", store.url)
    warehouse.load()
    assert warehouse.fetched == (1, 1)
    assert warehouse.count() == 1


def test_one_loader_at_a_time(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    with Lease(store), pytest.raises(WarehouseBusyError, match="another loader"):
        loader(store, tmp_path / "loader").load()
    warehouse = loader(store, tmp_path / "loader")
    warehouse.load()  # given back
    assert warehouse.count() == 1


def test_the_lease_of_a_killed_loader_ends_and_it_can_no_longer_publish(store: ObjectStore, tmp_path: Path) -> None:
    landed(store, tmp_path / "a", "a1")
    first = Lease(store, lease_s=1.0)
    first._thread = first._end  # type: ignore[assignment] # it never renews, as if it were suspended
    first._end.start = lambda: None  # type: ignore[attr-defined]
    first.__enter__()
    late = loader(store, tmp_path / "late")
    late.load = late._load  # type: ignore[method-assign, assignment]
    with Lease(store, wait_s=5.0, lease_s=1.0) as second:
        assert second.number > first.number
        warehouse = loader(store, tmp_path / "loader")
        Warehouse(warehouse.data_dir).load()
        newest = publish_to(store, warehouse, second.number)
        landed(store, tmp_path / "b", "b1")
        other = Warehouse(tmp_path / "b", landing_url=None)
        other.load()
        publish_to(store, other, first.number)
    assert download(store, tmp_path / "reports.duckdb") == newest


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
    assert len(published) <= 2 * 3  # those of the last two publications


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ftp://host/path", "s3://BUCKET/PREFIX"),
        ("s3://user:word@bucket", "AWS_ACCESS_KEY_ID"),
        ("s3://bucket?secret=x", "AWS_ACCESS_KEY_ID"),
        ("s3:///nothing", "s3://BUCKET/PREFIX"),
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
