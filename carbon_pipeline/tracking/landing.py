"""Where records land: one JSON file for each in `landing/<day>/<run_id>.json`, written whole or not at all.

Any number of processes land records at the same time; a landed file is never changed. While a run goes on, its record
so far lies in `running/`: if its process is killed, that is what lands, as `interrupted`.
"""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from carbon_pipeline.common.files import write_text
from carbon_pipeline.model.record import RunRecord

FOLDER = "landing"
RUNNING = "running"

SILENT_S = 3600.0
"""A run of another host counts as killed when nothing has been heard of it for this long."""


class Heartbeat(BaseModel):
    """A run that goes on: its record so far, and the process that would end it.

    Attributes:
        record: the record as if the run were interrupted now.
        host: name of the machine.
        pid: process on that machine.
        process_started_at: start of that process, seconds since the epoch; tells it from a later one of the same pid.
    """

    record: RunRecord
    host: str
    pid: int
    process_started_at: float


def landing_path(record: RunRecord, data_dir: Path) -> Path:
    """Where a record lands.

    Args:
        record: the record.
        data_dir: the data folder.

    Returns:
        The file. A record that was found interrupted has a name of its own, so that a run that was taken for killed
        and ends after all still lands.
    """
    ending = ".interrupted.json" if record.status == "interrupted" else ".json"
    return data_dir / FOLDER / f"{record.started_at:%Y-%m-%d}" / f"{record.run_id}{ending}"


def land(record: RunRecord, data_dir: Path) -> Path:
    """Puts a record on disk, in place of its heartbeat if it has one.

    Args:
        record: the record.
        data_dir: the data folder.

    Returns:
        The file.

    Raises:
        OSError: the folder cannot be written.
    """
    path = landing_path(record, data_dir)
    write_text(path, record.model_dump_json(indent=1) + "\n")
    _heartbeat_path(record.run_id, data_dir).unlink(missing_ok=True)
    return path


def landed_files(data_dir: Path) -> list[Path]:
    """All records that have landed, oldest day first.

    Args:
        data_dir: the data folder.

    Returns:
        The files; hidden ones (being written) and folders are left out.
    """
    found = (data_dir / FOLDER).glob("*/*.json")
    return sorted(path for path in found if not path.name.startswith(".") and not path.is_dir())


def write_heartbeat(record: RunRecord, data_dir: Path) -> None:
    """Keeps the record so far of a run of this process.

    Args:
        record: the record, with status `interrupted`.
        data_dir: the data folder.

    Raises:
        OSError: the folder cannot be written.
    """
    heartbeat = Heartbeat(
        record=record, host=socket.gethostname(), pid=os.getpid(), process_started_at=_process_started_at(os.getpid())
    )
    write_text(_heartbeat_path(record.run_id, data_dir), heartbeat.model_dump_json(indent=1) + "\n")


def killed_runs(data_dir: Path) -> list[RunRecord]:
    """Runs whose process is gone without having landed a record.

    Args:
        data_dir: the data folder.

    Returns:
        Their records up to the last heartbeat.
    """
    return [heartbeat.record for heartbeat, is_gone in _heartbeats(data_dir) if is_gone]


def running_runs(data_dir: Path) -> list[RunRecord]:
    """Runs that have not ended yet.

    Args:
        data_dir: the data folder.

    Returns:
        Their records up to the last heartbeat.
    """
    return [heartbeat.record for heartbeat, is_gone in _heartbeats(data_dir) if not is_gone]


def _heartbeats(data_dir: Path) -> Iterator[tuple[Heartbeat, bool]]:
    """The last heartbeat of each run that has not landed, and whether its process is gone."""
    for path in sorted((data_dir / RUNNING).glob("[!.]*.json")):
        try:
            heartbeat = Heartbeat.model_validate_json(path.read_bytes())
            silent_s = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            continue  # it has just landed
        except ValidationError:
            continue  # no heartbeat: left where it is
        yield heartbeat, _is_gone(heartbeat, silent_s)


def land_killed_runs(data_dir: Path) -> list[Path]:
    """Lands the records of killed runs.

    Args:
        data_dir: the data folder.

    Returns:
        The files.

    Raises:
        OSError: the folder cannot be written.
    """
    _sweep(data_dir / RUNNING)
    return [land(record, data_dir) for record in killed_runs(data_dir)]


def _sweep(folder: Path) -> None:
    """Removes what processes that were killed while they wrote have left half written; whole records lie beside it."""
    for path in folder.glob(".*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > SILENT_S:
                path.unlink()


def _heartbeat_path(run_id: str, data_dir: Path) -> Path:
    return data_dir / RUNNING / f"{run_id}.json"


def _is_gone(heartbeat: Heartbeat, silent_s: float) -> bool:
    if heartbeat.host != socket.gethostname():
        return silent_s > SILENT_S
    started_at = _process_started_at(heartbeat.pid)
    return abs(started_at - heartbeat.process_started_at) > 1


def _process_started_at(pid: int) -> float:
    """Start of a process, seconds since the epoch; 0 if there is none."""
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return 0.0
