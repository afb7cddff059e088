"""The page as one HTML file: style, script and data inside it, and a policy that lets nothing else run or load."""

import base64
import hashlib
import json
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

from carbon_pipeline.common.files import write_text
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.amounts import amount
from carbon_pipeline.report.content import read_content
from carbon_pipeline.report.vega import charts, javascript, require_extra
from carbon_pipeline.warehouse.published import PublishedCopy

PAGE = Path("reports") / "index.html"
"""The page in the data folder."""


class Page(NamedTuple):
    """A page that was written.

    Attributes:
        path: the file.
        runs: number of runs in it.
        energy_kwh: their energy, kWh.
        bytes: its size.
    """

    path: Path
    runs: int
    energy_kwh: float
    bytes: int


def write_page(warehouse: PublishedCopy, out: Path | None = None, project: str | None = None) -> Page:
    """Write the page.

    Args:
        warehouse: a warehouse that was loaded.
        out: where to; default `reports/index.html` in the data folder.
        project: the only project that the page is of; None for all.

    Raises:
        ExtraMissingError: the extra `report` is not installed.
        WarehouseMissingError: nothing has been published yet.
        InputError: the project has no runs, or the file is a folder.
        OSError: the file cannot be written.
    """
    require_extra()
    path = out or warehouse.data_dir / PAGE
    if path.is_dir():
        raise InputError(f"{path} is a folder: name a file, such as {path / PAGE.name}")
    content = read_content(warehouse, path, project)
    if project is not None and not content["totals"]["runs"]:
        raise InputError(f"there is no run of a project {project!r}: `carbon-pipeline report by_project` lists them")
    text = html(content, javascript(warehouse.data_dir))
    write_text(path, text)
    return Page(path, content["totals"]["runs"], content["totals"]["energy_kwh"], len(text.encode()))


def html(content: dict[str, Any], bundle: str) -> str:
    """Assemble the page.

    Args:
        content: as `read_content` returns it.
        bundle: the code that draws charts.
    """
    style, script = _file("page.css"), _file("page.js")
    totals = content["totals"]
    policy = (
        f"default-src 'none'; script-src {_hash(bundle)} {_hash(script)}; style-src {_hash(style)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return Template(_file("page.html")).substitute(
        policy=policy,
        style=style,
        bundle=bundle,
        script=script,
        data=as_script(content),
        charts=as_script(charts()),
        runs=totals["runs"],
        energy_kwh=repr(float(totals["energy_kwh"])),
        energy=amount(totals["energy_kwh"], "kWh"),
    )


def as_script(value: Any) -> str:
    """A value as JSON that nothing in it can end: the characters that mean something to HTML are escapes."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _file(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
