"""Vega as JavaScript and as a renderer: what draws the charts. It comes with vl-convert, the extra `report`."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from carbon_pipeline.common.files import write_text
from carbon_pipeline.errors import UserError

VEGA_LITE = "6.4"
"""The version of Vega-Lite that the charts are written for."""

SNIPPET = "window.vegaEmbed = vegaEmbed"
"""The bundle has one name for the page: Vega, Vega-Lite and an interpreter of expressions are behind it."""


class ExtraMissingError(UserError):
    """The extra `report` is not installed."""


def can_draw() -> bool:
    """Whether the extra `report` is installed."""
    return find_spec("vl_convert") is not None


def require_extra() -> None:
    """Check that charts can be drawn.

    Raises:
        ExtraMissingError: they cannot.
    """
    if not can_draw():
        raise ExtraMissingError("charts need vl-convert, which is not installed: pip install 'carbon-pipeline[report]'")


def bundle_path(data_dir: Path) -> Path:
    """Where the bundle is kept: making it takes two seconds, and it is the same for all pages."""
    return data_dir / "cache" / f"vega-{version('vl-convert-python')}.js"


def javascript(data_dir: Path) -> str:
    """Return the code that draws charts in a browser, 0.9 MB; made once.

    Raises:
        ExtraMissingError: the extra `report` is not installed.
    """
    require_extra()
    path = bundle_path(data_dir)
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8")
    import vl_convert

    code = vl_convert.javascript_bundle(SNIPPET, vl_version=VEGA_LITE).replace("</script", "<\\/script")
    with suppress(OSError):
        write_text(path, code)
    return code


@cache
def charts() -> dict[str, Any]:
    """The charts of the page, as Vega-Lite; their colours are variables of its style sheet."""
    return json.loads((files(__package__) / "charts.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def picture(chart: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Draw a chart outside a browser.

    Args:
        chart: Vega-Lite without data.
        rows: its data.

    Returns:
        SVG in fixed colours, readable on light and dark.

    Raises:
        ExtraMissingError: the extra `report` is not installed.
    """
    require_extra()
    import vl_convert

    known = charts()
    spec = json.dumps({**chart, "config": known["config"], "data": {"values": list(rows)}})
    for name, colour in known["colours"].items():
        spec = spec.replace(f"var(--{name})", colour)
    return str(vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE))


def energy_by_day(days: Sequence[Mapping[str, Any]]) -> str | None:
    """Draw the energy of some days, the main chart of the page.

    Args:
        days: rows of `report.daily`.

    Returns:
        SVG; None if there is nothing to draw, or the extra `report` is not installed.
    """
    known = [row for row in days if row["energy_kwh"] is not None]
    if not known or not can_draw():
        return None
    columns = {"value": "energy_kwh", "low": "energy_low_kwh", "high": "energy_high_kwh"}
    rows = [
        {"label": str(row["day"])}
        | {name: row[column] * 1000 for name, column in columns.items() if row[column] is not None}
        for row in known
    ]
    chart = json.loads(json.dumps(charts()["over_time"]).replace("TITLE", "energy, Wh; line: at the wall"))
    chart["layer"][0]["encoding"]["y"]["axis"] = {"format": "~s"}
    return picture({**chart, "width": 480, "height": 160}, rows)
