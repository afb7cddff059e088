"""Many machines write to S3, several load from it, and some are killed: every record counts once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from carbon_pipeline.tracking.outbox import waiting
from carbon_pipeline.warehouse.warehouse import Warehouse
from carbon_pipeline_tests.cluster.s3 import S3, s3
from carbon_pipeline_tests.waiting import wait_until

WRITERS, RECORDS = 8, 200

WRITER = f"""
import sys
from pathlib import Path
from carbon_pipeline.tracking.landing import land
from carbon_pipeline.tracking.outbox import sender
from carbon_pipeline_tests.fakes import make_record
url, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
own = sender(folder, url)
for number in range({RECORDS}):
    land(make_record(name=name, run_id=f"{{name}}-{{number}}"), folder, url)
    if number % 50 == 49:
        own.flush()
"""


@pytest.fixture(scope="module")
def server() -> Iterator[S3]:
    with s3() as running:
        yield running


@pytest.fixture
def store(server: S3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A part of the bucket that is this test's own."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    own = S3(f"{server.url}/{tmp_path.name}", server.environment, server.pid)
    print(f"S3 (moto): {own.url}")
    return own


def write(store: S3, folder: Path, name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WRITER, store.url, str(folder / name), name], env=dict(os.environ))


def load(store: S3, data_dir: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "CARBON_LANDING_URL": store.url, "CARBON_DATA_DIR": str(data_dir)}
    command = [sys.executable, "-m", "carbon_pipeline", "load", "--wait", "200"]
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)


def test_records_of_eight_machines_are_there_once_though_two_load_and_one_is_killed(store: S3, tmp_path: Path) -> None:
    writers = [write(store, tmp_path, f"machine-{number}") for number in range(WRITERS)]
    landed = tmp_path / "first" / "landing"
    first = load(store, tmp_path / "first")
    wait_until(lambda: any(landed.glob("*/machine-*.json")) or first.poll() is not None, 60)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL  # in the middle of fetching or of loading
    second, third = load(store, tmp_path / "second"), load(store, tmp_path / "first")
    assert [writer.wait(120) for writer in writers] == [0] * WRITERS
    assert [loader.wait(300) for loader in (second, third)] == [0, 0]
    for name in ("first", "second"):
        warehouse = Warehouse(tmp_path / name, landing_url=store.url)
        warehouse.load()
        (found,) = warehouse.rows("SELECT count(*) AS runs, count(DISTINCT run_id) AS ids FROM raw.measurement")
        assert (found["runs"], found["ids"], warehouse.count()) == (1600, 1600, 1600)
        assert warehouse.report("quarantine") == []


def test_a_store_that_hangs_for_a_while_loses_nothing(store: S3, tmp_path: Path) -> None:
    with store.away():
        began = time.monotonic()
        writers = [write(store, tmp_path, f"machine-{number}") for number in range(2)]
        assert [writer.wait(120) for writer in writers] == [0, 0]
        print(f"two machines wrote {2 * RECORDS} records in {time.monotonic() - began:.0f} s while the store hung")
        assert sum(len(waiting(tmp_path / f"machine-{number}", store.url)) for number in range(2)) > 0
    for number in range(2):
        subprocess.run(
            [sys.executable, "-c", "import sys; from pathlib import Path\n"
             "from carbon_pipeline.tracking.outbox import send\nprint(send(Path(sys.argv[2]), sys.argv[1]))",
             store.url, str(tmp_path / f"machine-{number}")],
            check=True,
        )  # fmt: skip
    warehouse = Warehouse(tmp_path / "loader", landing_url=store.url)
    warehouse.load()
    assert warehouse.count() == 2 * RECORDS
