"""The file `tracking_info.csv`: the 33 fields, one row per run. Rows are added; the file is replaced atomically."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

from carbon_pipeline.common.files import write_text
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.fields import FIELD_NAMES, to_csv

FILE = "tracking_info.csv"
"""Name of the file in the data folder."""


class FieldFileError(InputError):
    """The file exists, but does not contain the 33 fields."""


def add_row(path: Path, row: Mapping[str, Any]) -> int:
    """Add the row of a run; a row of the same run_id is replaced.

    Args:
        path: the file; created if it does not exist.
        row: the 33 fields.

    Raises:
        FieldFileError: the file does not contain the 33 fields.
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_name(f".{path.name}.lock"), timeout=60):
        rows = [known for known in read_rows(path) if known["run_id"] != row["run_id"]] if path.exists() else []
        rows.append(dict(row))
        write_text(path, to_csv(rows))
    return len(rows)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read the rows of the file, as strings.

    Raises:
        FieldFileError: the file does not contain the 33 fields.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows: list[dict[str, Any]] = list(reader)
    if tuple(reader.fieldnames or ()) != FIELD_NAMES or any(None in row or None in row.values() for row in rows):
        raise FieldFileError(f"{path}: does not contain the 33 fields in their order; move it away and run again")
    return rows
