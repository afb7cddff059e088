"""Landing of records: one JSON file per record in `landing/<day>/<run_id>.json`, written atomically.

Any number of processes can land records at the same time; a landed file is never changed. During a run, its latest
heartbeat is in `running/`: if the process is killed, that record lands with the status `interrupted`.
"""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ValidationError

from carbon_pipeline.common.files import remove_stale_parts, write_text
from carbon_pipeline.model.record import RunRecord

FOLDER = "landing"
RUNNING = "running"

SILENT_S = 3600.0
"""A run on another host counts as killed if its last heartbeat is older than this, seconds."""


class Heartbeat(BaseModel):
    """A run in progress: its record so far, and its process.

    Attributes:
        record: the record as if the run were interrupted now.
        host: name of the machine.
        pid: ID of the process on that machine.
        process_started_at: start of that process, seconds since the epoch; distinguishes it from a later process with
            the same ID.
    """

    record: RunRecord
    host: str
    pid: int
    process_started_at: float


def landing_path(record: RunRecord, data_dir: Path) -> Path:
    """Path at which a record lands.

    Returns:
        The file. An interrupted record has a name of its own, so that a run that was wrongly assumed to be killed can
        still land its final record.
    """
    ending = ".interrupted.json" if record.status == "interrupted" else ".json"
    return data_dir / FOLDER / f"{record.started_at:%Y-%m-%d}" / f"{record.run_id}{ending}"


def land(record: RunRecord, data_dir: Path) -> Path:
    """Write a record to the landing folder and remove its heartbeat, if any.

    Raises:
        OSError: the folder cannot be written.
    """
    path = landing_path(record, data_dir)
    write_text(path, record.model_dump_json(indent=1) + "\n")
    _heartbeat_path(record.run_id, data_dir).unlink(missing_ok=True)
    return path


def landed_files(data_dir: Path) -> list[Path]:
    """List all landed records, oldest day first.

    Returns:
        The files; hidden files (being written) and folders are skipped.
    """
    found = (data_dir / FOLDER).glob("*/*.json")
    return sorted(path for path in found if not path.name.startswith(".") and not path.is_dir())


def write_heartbeat(record: RunRecord, data_dir: Path) -> None:
    """Write the record so far of a run of this process to `running/`.

    Raises:
        OSError: the folder cannot be written.
    """
    heartbeat = Heartbeat(
        record=record, host=socket.gethostname(), pid=os.getpid(), process_started_at=_process_started_at(os.getpid())
    )
    write_text(_heartbeat_path(record.run_id, data_dir), heartbeat.model_dump_json(indent=1) + "\n")


def killed_runs(data_dir: Path) -> list[RunRecord]:
    """List the runs whose process ended without landing a record."""
    return [heartbeat.record for heartbeat, is_killed in _heartbeats(data_dir) if is_killed]


def running_runs(data_dir: Path) -> list[RunRecord]:
    """List the runs that are in progress."""
    return [heartbeat.record for heartbeat, is_killed in _heartbeats(data_dir) if not is_killed]


def _heartbeats(data_dir: Path) -> Iterator[tuple[Heartbeat, bool]]:
    """Yield the last heartbeat of each run that has not landed, and whether its process was killed."""
    for path in sorted((data_dir / RUNNING).glob("[!.]*.json")):
        try:
            heartbeat = Heartbeat.model_validate_json(path.read_bytes())
            silent_s = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            continue  # the run has just landed
        except ValidationError:
            continue  # not a heartbeat file: skipped
        yield heartbeat, _is_killed(heartbeat, silent_s)


def land_killed_runs(data_dir: Path) -> list[Path]:
    """Land the records of killed runs.

    Raises:
        OSError: the folder cannot be written.
    """
    remove_stale_parts(data_dir / RUNNING)
    return [land(record, data_dir) for record in killed_runs(data_dir)]


def _heartbeat_path(run_id: str, data_dir: Path) -> Path:
    return data_dir / RUNNING / f"{run_id}.json"


def _is_killed(heartbeat: Heartbeat, silent_s: float) -> bool:
    if heartbeat.host != socket.gethostname():
        return silent_s > SILENT_S
    started_at = _process_started_at(heartbeat.pid)
    return abs(started_at - heartbeat.process_started_at) > 1


def _process_started_at(pid: int) -> float:
    """Start of a process, seconds since the epoch; 0 if it does not exist."""
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return 0.0
