"""What a file is that is none of CodeCarbon's, and what to do with it. Such files are named, never imported."""

import json

_MAGIC = (
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`"),
    (b"PK\x03\x04", "is an Excel workbook or another ZIP archive: export the sheet as CSV (UTF-8), or unpack it"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook: export the sheet as CSV (UTF-8)"),
    (b"\x1f\x8b", "is compressed with gzip: unpack it with `gunzip`"),
    (b"PAR1", "is a Parquet file: export it as CSV with CodeCarbon's column names"),
    (b"SQLite format 3", "is an SQLite database: export the table as CSV with CodeCarbon's column names"),
    (b"%PDF", "is a PDF document"),
)
_COLUMNS = (
    ({"power_consumption(kwth)"}, "is a file of eco2AI, not of CodeCarbon: its energies are measured in another way"),
    ({"power_consumption(kwh)"}, "is a file of eco2AI, not of CodeCarbon: its energies are measured in another way"),
    ({"emissions_sum"}, "is an export of CodeCarbon's API, which sums runs up: import the emissions.csv of the runs"),
    ({"emissions_count"}, "is an export of CodeCarbon's API, which sums runs up: import the emissions.csv of the runs"),
    ({"carbontracker"}, "is a file of carbontracker, not of CodeCarbon"),
    ({"epoch_duration", "co2eq"}, "is a file of carbontracker, not of CodeCarbon"),
)


HEAD_BYTES = 65536


def describe_binary(head: bytes) -> str | None:
    """Recognise a file of another kind that is no text, by its first bytes.

    Returns:
        What it is and what to do; None if it is not known.
    """
    return next((what for magic, what in _MAGIC if head.startswith(magic)), None)


def describe_text(head: bytes) -> str | None:
    """Recognise a text file of another kind, which has no header of CodeCarbon's.

    Returns:
        What it is and what to do; None if it is not known.
    """
    text = head[:HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").lstrip()
    lowered = text.lower()
    if lowered.startswith(("<!doctype html", "<html", "<?xml")):
        return "is a web page, not a CSV file: download the raw file"
    if text.startswith(("{", "[")):
        return _describe_json(text)
    first = lowered.splitlines()[0] if lowered else ""
    names = {name.strip(' "') for name in first.replace(";", ",").replace("\t", ",").split(",")}
    for columns, what in _COLUMNS:
        if columns <= names:
            return what
    return "is a log of carbontracker, not a file of CodeCarbon" if "carbontracker" in lowered else None


def _describe_json(text: str) -> str:
    if '"record_version"' in text:
        return "is a landed record of this project: put it into `landing/` in the data folder"
    if '"measures"' in text and '"powerConsumption"' in text:
        return "is a BoAmps report, not a CSV file: `carbon-pipeline validate` checks it"
    if '"emissions_sum"' in text:
        return "is an answer of CodeCarbon's API (JSON): import the emissions.csv of the runs"
    try:
        json.loads(text)
    except ValueError:
        return "looks like JSON or TOML, not like CSV: import the emissions.csv that CodeCarbon wrote"
    return "is JSON, not CSV: import the emissions.csv that CodeCarbon wrote"
