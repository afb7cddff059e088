"""Where records land: one JSON file for each in `landing/<day>/<run_id>.json`, written whole or not at all.

Any number of processes land records at the same time. A landed file is never changed.
"""

from pathlib import Path

from carbon_pipeline.files import write_whole
from carbon_pipeline.tracking.record import RunRecord

FOLDER = "landing"


def landing_path(record: RunRecord, data_dir: Path) -> Path:
    """Where a record lands.

    Args:
        record: the record.
        data_dir: the data folder.

    Returns:
        The file.
    """
    return data_dir / FOLDER / f"{record.started_at:%Y-%m-%d}" / f"{record.run_id}.json"


def land(record: RunRecord, data_dir: Path) -> Path:
    """Puts a record on disk.

    Args:
        record: the record.
        data_dir: the data folder.

    Returns:
        The file.

    Raises:
        OSError: the folder cannot be written.
    """
    path = landing_path(record, data_dir)
    write_whole(path, record.model_dump_json(indent=1) + "\n")
    return path


def landed_files(data_dir: Path) -> list[Path]:
    """All records that have landed, oldest day first.

    Args:
        data_dir: the data folder.

    Returns:
        The files; hidden ones (being written) are left out.
    """
    return sorted(path for path in (data_dir / FOLDER).glob("*/*.json") if not path.name.startswith("."))
