"""Reading CodeCarbon's CSV files row by row, as they are; what the rows mean is settled in load/*.sql."""

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from carbon_pipeline.files import shown
from carbon_pipeline.warehouse.batch import SourceFile

REQUIRED = ("timestamp", "project_name", "duration", "emissions")


class NotCodeCarbonError(ValueError):
    """The file is not one that can be imported; the message says why."""


def read_codecarbon_csv(path: Path) -> SourceFile:
    """Reads one CSV file of CodeCarbon.

    Args:
        path: the file.

    Returns:
        Its rows, mapped by column name, and those that have too few or too many cells as refused.

    Raises:
        NotCodeCarbonError: it cannot be read, or its header is not CodeCarbon's.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NotCodeCarbonError(f"{path}: cannot be read: {error.strerror}") from None
    file = SourceFile(shown(path.resolve()), hashlib.sha256(content).hexdigest(), "codecarbon_csv")
    lines = _lines(path, content)
    try:
        _, header = next(lines)
    except StopIteration:
        raise NotCodeCarbonError(f"{path}: is empty") from None
    names = [name.strip() for name in header]
    _check_header(path, names)
    for line, cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(names):
            reason = f"{len(cells)} cells under {len(names)} column names"
            file.refused.append((line, reason, json.dumps(cells, ensure_ascii=False)))
            continue
        file.rows.append((line, json.dumps(dict(zip(names, cells, strict=True)), ensure_ascii=False), None))
    return file


def _check_header(path: Path, names: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if len(names) == 1 and names[0].count(";") > len(REQUIRED):
        raise NotCodeCarbonError(f"{path}: is separated by semicolons; only files with commas are taken so far")
    if missing or not {"run_id", "experiment_id"} & set(names):
        lacks = ", ".join(missing) or "run_id"
        raise NotCodeCarbonError(f"{path}: is no CSV file of CodeCarbon: its first line has no column {lacks}")
    if {"extra", "kWh"} <= set(names):
        raise NotCodeCarbonError(f"{path}: is a list of the 33 fields, not a file of CodeCarbon")
    if "task_name" in names:
        raise NotCodeCarbonError(f"{path}: is a task file of CodeCarbon; import the file of its runs instead")
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise NotCodeCarbonError(f"{path}: has two columns of the name {', '.join(sorted(twice))}")


def _lines(path: Path, content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line on which it begins."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")  # CodeCarbon writes the system's encoding; each byte is a letter in Latin-1
    reader = csv.reader(io.StringIO(text.replace("\0", ""), newline=""))
    begins = 1
    try:
        for cells in reader:
            yield begins, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise NotCodeCarbonError(f"{path}, line {begins}: {error}") from None


class FoundFiles(NamedTuple):
    """Files to import, and what was passed over in folders, each with its reason."""

    files: list[Path]
    left_out: list[str]


def find_csv_files(paths: Iterable[Path]) -> FoundFiles:
    """Finds the files to import: those that are named, and in folders those that are CodeCarbon's.

    Args:
        paths: files and folders.

    Returns:
        The files, and a sentence for each `.csv` file in a folder that is not CodeCarbon's.

    Raises:
        NotCodeCarbonError: a path does not exist, or a named file is not CodeCarbon's.
    """
    files: list[Path] = []
    left_out: list[str] = []
    for path in paths:
        if not path.exists():
            raise NotCodeCarbonError(f"{path}: there is no such file or folder")
        if not path.is_dir():
            files.append(path)
            continue
        for inside in sorted(inside for inside in path.rglob("*.csv") if inside.is_file()):
            try:
                read_codecarbon_csv(inside)
                files.append(inside)
            except NotCodeCarbonError as error:
                left_out.append(str(error))
    return FoundFiles(files, left_out)
