"""Publishing: a copy of the warehouse replaces the one that readers open. Nothing is computed here."""

import shutil
from pathlib import Path

from carbon_pipeline.common.files import sync, sync_folder
from carbon_pipeline.warehouse.connection import locked, open_for_writing, wal


def publish(path: Path, target: Path, timeout_s: float = 120.0, memory_limit: str | None = None) -> None:
    """Copy the warehouse and replace the copy for readers atomically, so that nobody who reads it is disturbed.

    Nobody may have the warehouse open.

    Raises:
        WarehouseBusyError: another process holds the warehouse.
    """
    path, target = path.resolve(), target.resolve()
    beside = target.with_name(f".{target.name}.next")  # one name: what a killed process has left is overwritten
    with locked(path, timeout_s):
        if wal(path).exists():  # a load was killed right after its commit
            with open_for_writing(path, memory_limit=memory_limit) as connection:
                connection.execute("CHECKPOINT")
        shutil.copyfile(path, beside)
        sync(beside)
        # A shell that has written into the old copy leaves a log of that, which does not fit the new one.
        wal(target).unlink(missing_ok=True)
        beside.replace(target)
        wal(target).unlink(missing_ok=True)
        sync_folder(target.parent)
