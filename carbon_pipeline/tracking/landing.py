"""Landing of records: one JSON file per record in `landing/<day>/<run_id>.json`, written atomically.

Any number of processes can land records at the same time; a landed file is never changed. During a run, its latest
heartbeat is in `running/`: if the process is killed, that record lands with the status `interrupted`.

Whatever else is in these folders is left alone and named by `passed_over`; nothing but a regular file is ever opened,
since a named pipe would hold up the reader for ever.
"""

import glob
import logging
import os
import re
import socket
import stat
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from carbon_pipeline.common.files import remove_stale_parts, write_text
from carbon_pipeline.model.quantities import Label
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.outbox import put_into_outbox

logger = logging.getLogger(__name__)

FOLDER = "landing"
RUNNING = "running"

KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What is no regular file, by its type."""

ARCHIVE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\.[0-9]+\.parquet")
"""Names of the Parquet files in `landing/` to which records of past days are put together."""

SILENT_S = 3600.0
"""A run on another host counts as killed if its last heartbeat is older than this, seconds."""


class PassedOver(NamedTuple):
    """A file in `landing/` or `running/` that is not read, and the reason."""

    path: Path
    reason: str


def _interrupted(record: RunRecord) -> RunRecord:
    # Any other status would land under the name of a finished run, and replace its record.
    if record.status != "interrupted":
        raise ValueError(f"the record of a heartbeat is interrupted, not {record.status}")
    return record


class Heartbeat(BaseModel):
    """A run in progress: its record so far, and its process.

    Attributes:
        record: the record as if the run were interrupted now.
        host: name of the machine.
        pid: ID of the process on that machine.
        process_started_at: start of that process, seconds since the epoch; distinguishes it from a later process with
            the same ID.
        open_phases: names of the phases that have begun and not ended, in the order of their starts.
    """

    record: Annotated[RunRecord, AfterValidator(_interrupted)]
    host: str
    pid: int = Field(ge=0, le=2**31 - 1)
    process_started_at: float = Field(allow_inf_nan=False)
    open_phases: list[Label] = Field(default_factory=list)


class RunInProgress(NamedTuple):
    """A run whose process is working, by its last heartbeat.

    Attributes:
        heartbeat: the last heartbeat.
        silent_s: time since then, seconds.
    """

    heartbeat: Heartbeat
    silent_s: float


def landing_path(record: RunRecord, data_dir: Path) -> Path:
    """Path at which a record lands.

    Returns:
        The file. An interrupted record has a name of its own, so that a run that was wrongly assumed to be killed can
        still land its final record.
    """
    ending = ".interrupted.json" if record.status == "interrupted" else ".json"
    return data_dir / FOLDER / f"{record.started_at:%Y-%m-%d}" / f"{record.run_id}{ending}"


def find_record(run_id: str, data_dir: Path) -> RunRecord | None:
    """Read the landed record of a run, as long as it is a file of its own.

    Returns:
        The record; None if there is none, or it is no record any more.
    """
    with suppress(OSError, ValidationError):
        for path in (data_dir / FOLDER).glob(f"*/{glob.escape(run_id)}.json"):
            return RunRecord.model_validate_json(path.read_bytes())
    return None


def land(record: RunRecord, data_dir: Path, landing_url: str | None = None) -> Path:
    """Write a record to the landing folder and remove its heartbeat, if any.

    Args:
        record: the record.
        data_dir: the data folder.
        landing_url: the store that it is sent to as well, if there is one: see outbox.py.

    Raises:
        OSError: the folder cannot be written.
    """
    path = landing_path(record, data_dir)
    _write(record, path, data_dir, landing_url)
    _heartbeat_path(record.run_id, data_dir).unlink(missing_ok=True)
    return path


def _write(record: RunRecord, path: Path, data_dir: Path, landing_url: str | None) -> None:
    if landing_url is None:
        write_text(path, _readable(record) + "\n")
        return
    text = record.model_dump_json() + "\n"  # as it will be in the store, so that it is known when it comes back
    try:
        put_into_outbox(path.name, text, data_dir, landing_url)
    except OSError as error:
        logger.warning("the record of run %s stays on this machine: %s", record.run_id, error)
    write_text(path, text)


def land_again(record: RunRecord, data_dir: Path, addition: str, landing_url: str | None = None) -> Path:
    """Write a record to which something has been added, beside the one that has landed, which stays.

    Args:
        record: the record.
        data_dir: the data folder.
        addition: what was added, in a word: a part of the name.
        landing_url: the store that it is sent to as well, if there is one.

    Raises:
        OSError: the folder cannot be written.
    """
    path = landing_path(record, data_dir)
    path = path.with_name(f"{path.name.removesuffix('.json')}.{addition}.json")
    _write(record, path, data_dir, landing_url)
    return path


def _readable(record: RunRecord) -> str:
    """A record as JSON: a line for each field, one for all of its samples, and one for its phases."""
    long = {"samples", "phases"}
    lines = [f" {record.model_dump_json(include={name})[1:-1]}" for name in sorted(long)]
    return ",\n".join([record.model_dump_json(indent=1, exclude=long)[:-2], *lines]) + "\n}"


def landed_files(data_dir: Path) -> list[Path]:
    """List all landed records, oldest day first.

    Returns:
        The files that can be read; hidden files (being written) and all that `passed_over` names are skipped.
    """
    return _sorted_out(_in_landing(data_dir))[0]


def passed_over(data_dir: Path) -> list[PassedOver]:
    """List what is where records and heartbeats belong but is neither, with the reason."""
    _, in_landing = _sorted_out(_in_landing(data_dir))
    strange = [
        PassedOver(path, "no archive of this project")
        for path in sorted((data_dir / FOLDER).glob("[!.]*"))
        if not (path.is_dir() or (ARCHIVE.fullmatch(path.name) and path.is_file()))
    ]
    closed = _closed_folders([data_dir / FOLDER, *sorted((data_dir / FOLDER).glob("*"))])
    return [*closed, *strange, *in_landing, *passed_over_heartbeats(data_dir)]


def passed_over_heartbeats(data_dir: Path) -> list[PassedOver]:
    """List what is in `running/` but is no heartbeat, with the reason."""
    heartbeats, others = _sorted_out(_in_running(data_dir))
    unusable = [PassedOver(path, found) for path in heartbeats if isinstance(found := _read_heartbeat(path), str)]
    return [*_closed_folders([data_dir / RUNNING]), *others, *unusable]


def _in_landing(data_dir: Path) -> Iterator[Path]:
    return (data_dir / FOLDER).glob("*/[!.]*.json")


def _in_running(data_dir: Path) -> Iterator[Path]:
    return (data_dir / RUNNING).glob("[!.]*.json")


def _sorted_out(paths: Iterable[Path]) -> tuple[list[Path], list[PassedOver]]:
    """Part the regular files that can be read from all else."""
    files, others = [], []
    for path in sorted(paths):
        try:
            reason = _why_not_readable(path)
        except FileNotFoundError:
            if not path.is_symlink():
                continue  # a heartbeat whose run has just landed, a record that was archived
            reason = "a link that leads to no file"
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        if reason:
            others.append(PassedOver(path, reason))
        else:
            files.append(path)
    return files, others


def _why_not_readable(path: Path) -> str | None:
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        return KINDS.get(stat.S_IFMT(mode), "not a regular file")
    return None if os.access(path, os.R_OK) else "cannot be read: Permission denied"


def _closed_folders(folders: Iterable[Path]) -> Iterator[PassedOver]:
    """Yield the folders that `glob` skips without a word."""
    for folder in folders:
        if folder.is_dir() and not os.access(folder, os.R_OK | os.X_OK):
            yield PassedOver(folder, "cannot be read: Permission denied")


def write_heartbeat(record: RunRecord, data_dir: Path, open_phases: Sequence[str] = ()) -> None:
    """Write the record so far of a run of this process to `running/`.

    Args:
        record: the record so far.
        data_dir: the data folder.
        open_phases: names of the phases that have begun and not ended.

    Raises:
        OSError: the folder cannot be written.
    """
    heartbeat = Heartbeat(
        record=record,
        host=socket.gethostname(),
        pid=os.getpid(),
        process_started_at=_process_started_at(os.getpid()),
        open_phases=list(open_phases),
    )
    write_text(_heartbeat_path(record.run_id, data_dir), heartbeat.model_dump_json() + "\n")


def killed_runs(data_dir: Path) -> list[RunRecord]:
    """List the runs whose process ended without landing a record."""
    return [run.heartbeat.record for run, is_killed in _heartbeats(data_dir) if is_killed]


def running_runs(data_dir: Path) -> list[RunRecord]:
    """List the runs that are in progress."""
    return [run.heartbeat.record for run in runs_in_progress(data_dir)]


def runs_in_progress(data_dir: Path) -> list[RunInProgress]:
    """List the runs that are in progress, with their last heartbeats."""
    return [run for run, is_killed in _heartbeats(data_dir) if not is_killed]


def _heartbeats(data_dir: Path) -> Iterator[tuple[RunInProgress, bool]]:
    """Yield the last heartbeat of each run that has not landed, and whether its process was killed."""
    for path in _sorted_out(_in_running(data_dir))[0]:
        heartbeat = _read_heartbeat(path)
        if isinstance(heartbeat, Heartbeat):
            try:
                silent_s = time.time() - path.stat().st_mtime
            except FileNotFoundError:
                continue  # the run has just landed
            yield RunInProgress(heartbeat, max(silent_s, 0.0)), _is_killed(heartbeat, silent_s)


def _read_heartbeat(path: Path) -> Heartbeat | str | None:
    """Read a heartbeat.

    Returns:
        The heartbeat; or why the file is none; or None if the run has just landed.
    """
    try:
        heartbeat = Heartbeat.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValidationError as error:
        part = error.errors()[0]
        return f"not a heartbeat: {'.'.join(map(str, part['loc'])) or 'file'}: {part['msg']}"
    # Else it would land again with each load, since landing removes the file that is named after the run.
    return heartbeat if path.stem == heartbeat.record.run_id else "not a heartbeat: its name is not that of its run"


def land_killed_runs(data_dir: Path, landing_url: str | None = None) -> list[Path]:
    """Land the records of killed runs. One that cannot be landed is logged, and stays for the next time."""
    for folder in (data_dir / RUNNING, *(data_dir / FOLDER).glob("*")):
        remove_stale_parts(folder)
    landed = []
    for record in killed_runs(data_dir):
        try:
            landed.append(land(record, data_dir, landing_url))
        except OSError as error:
            logger.warning("the record of the killed run %s could not be landed: %s", record.run_id, error)
    return landed


def _heartbeat_path(run_id: str, data_dir: Path) -> Path:
    return data_dir / RUNNING / f"{run_id}.json"


def _is_killed(heartbeat: Heartbeat, silent_s: float) -> bool:
    if heartbeat.host != socket.gethostname():
        return silent_s > SILENT_S
    import psutil

    try:
        started_at = _process_started_at(heartbeat.pid)
    except psutil.AccessDenied:  # a process of another user, on a system that shows nothing of it
        return silent_s > SILENT_S
    return abs(started_at - heartbeat.process_started_at) > 1


def _process_started_at(pid: int) -> float:
    """Start of a process, seconds since the epoch; 0 if it does not exist."""
    import psutil

    try:
        process = psutil.Process(pid)
        return 0.0 if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.NoSuchProcess:
        return 0.0
