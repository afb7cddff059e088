"""What the page shows, as JSON: sums and a few curves, few enough to be embedded. How it looks: page.js, page.css."""

import math
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from carbon_pipeline.boamps.export import FOLDER
from carbon_pipeline.boamps.report import id_in_name
from carbon_pipeline.model.amounts import UNITS
from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.report.budgets import kept_budgets
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.published import PublishedCopy

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MOST_PERIODS, MOST_PROJECTS, MOST_NAMES = 32, 10, 8
"""So many are told apart; others are put together. At most some 20,000 sums, 2 MB, whatever the number of runs."""

MOST_CURVES, MOST_POINTS, MOST_PHASES, MOST_BANDS = 4, 150, 12, 60
"""Latest runs whose power is drawn (and the last one of each project), and what is drawn of each."""

MOST_FLAGGED = 10
MOST_BUDGET_PERIODS = 24
LONGEST_NAME = 120

MEASURES = (
    "runs", "duration_s", "energy_kwh", "energy_low_kwh", "energy_high_kwh", "emissions_kg", "emissions_low_kg",
    "emissions_high_kg", "runs_unknown", "energy_open", "energy_open_kwh", "emissions_open", "emissions_open_kg",
    "energy_without_emissions_kwh",
)  # fmt: skip
"""What is summed. `runs_unknown` have no energy; `open` is what has no interval."""

AMOUNTS = [name for name in MEASURES if name.endswith(("_kwh", "_kg")) and "open" not in name]


def read_content(warehouse: PublishedCopy, out: Path, project: str | None = None) -> dict[str, Any]:
    """Read what the page shows, from one state of the warehouse.

    Args:
        warehouse: a warehouse that was loaded.
        out: where the page will be; links lead from there.
        project: the only project that the page is of; None for all.

    Raises:
        WarehouseMissingError: nothing has been published yet.
    """
    with warehouse.reading() as connection:
        only = {"project": project}
        totals = _ask(connection, "totals", **only)[0]
        cube, projects = _cube(connection, project)
        most_in_all = MOST_CURVES + MOST_PROJECTS
        latest = [
            row["run_id"]
            for row in _ask(connection, "latest_curves", most=MOST_CURVES, most_in_all=most_in_all, **only)
        ]
        flagged = [row["run_id"] for row in _ask(connection, "flagged", most=MOST_FLAGGED, **only)]
        runs = _runs(connection, {*latest, *flagged}, projects)
        curves = _curves(connection, latest)
        budgets = [
            _budget(connection, asset_key, budget)
            for asset_key, budget in kept_budgets(warehouse.data_dir)
            if project is None or _ask(connection, "is_only_of_project", asset_key=asset_key, **only)
        ]
    links = _links(warehouse.data_dir / FOLDER, out.parent, runs)
    return {
        "made_at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
        "only": None if project is None else _text(project),
        "totals": {**totals, "energy_kwh": _short(totals["energy_kwh"], 17) or 0.0},
        **cube,
        "latest": [{**runs[run_id], **curves[run_id], "report": links.get(run_id)} for run_id in latest],
        "flagged": [{**runs[run_id], "report": links.get(run_id)} for run_id in flagged],
        "meaning": {flag: text for flag, text in FLAGS.items() if flag in cube["names"].get("flag", ())},
        "budgets": budgets,
        "files": {} if project is not None else _files(warehouse.data_dir / FOLDER, out.parent),
    }


def _ask(connection: "DuckDBPyConnection", name: str, **parameters: Any) -> list[dict[str, Any]]:
    return sql.dicts(connection.execute(sql.read_sql(__package__, name), parameters or None))


def _cube(connection: "DuckDBPyConnection", project: str | None) -> tuple[dict[str, Any], dict[str, int]]:
    """The sums, and the places of the projects.

    Each sum has period, project, name and measures; the first three as places in lists, -1 for others.
    """
    most = {"most_periods": MOST_PERIODS, "most_projects": MOST_PROJECTS, "most_names": MOST_NAMES}
    rows = _ask(connection, "cube", project=project, **most)
    periods = sorted({row["period"] for row in rows})
    projects = _ranked(rows, "project")
    dimensions = sorted({row["dimension"] for row in rows})
    names = {each: _ranked([row for row in rows if row["dimension"] == each], "name") for each in dimensions}
    places = {each: {name: place for place, name in enumerate(found)} for each, found in names.items()}
    period_places = {period: place for place, period in enumerate(periods)}
    project_places = {project: place for place, project in enumerate(projects)}
    sums: dict[str, list[list[Any]]] = {each: [] for each in dimensions}
    for row in rows:
        name_place = places[row["dimension"]].get(row["name"], -1)
        keys = [period_places[row["period"]], project_places.get(row["project"], -1), name_place]
        sums[row["dimension"]].append([*keys, *(_short(row[measure]) for measure in MEASURES)])
    cube = {
        "unit": rows[0]["unit"] if rows else "day",
        "units": UNITS,
        "periods": [str(period) for period in periods],
        "projects": _texts(projects),
        "names": {each: _texts(found) for each, found in names.items()},
        "measures": MEASURES,
        "sums": sums,
    }
    return cube, project_places


def _ranked(rows: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    places = {row[column]: row[f"{column}_place"] for row in rows if row[column] is not None}
    return sorted(places, key=places.__getitem__)


def _runs(connection: "DuckDBPyConnection", ids: set[str], projects: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    found = _ask(connection, "runs", ids=sorted(ids))
    return {
        row["run_id"]: {
            **{name: _short(row[name]) for name in ("duration_s", *AMOUNTS) if name in row},
            "run_id": _text(row["run_id"]),
            "name": _text(row["name"]),
            "project": _text(row["project"]),
            "project_at": projects.get(row["project"], -1),
            "status": row["status"],
            "flags": row["flags"],
            "started_at": f"{row['started_at'].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        }
        for row in found
    }


def _curves(connection: "DuckDBPyConnection", ids: list[str]) -> dict[str, dict[str, Any]]:
    curves: dict[str, dict[str, Any]] = {run_id: {"power": [], "phases": []} for run_id in ids}
    for row in _ask(connection, "power", ids=ids, most=MOST_POINTS):
        points = [_short(row[name], 4) for name in ("from_s", "until_s", "cpu_w", "gpu_w", "ram_w")]
        curves[row["run_id"]]["power"].append(points)
    for row in _ask(connection, "phases", ids=ids, most=MOST_PHASES, most_bands=MOST_BANDS):
        bands = [[_short(value, 5) for value in band] for band in row["bands"] or ()]
        sums = {name: _short(row[name]) for name in ("phases", "duration_s", *AMOUNTS) if name in row}
        curves[row["run_id"]]["phases"].append({"name": _text(row["name"]), "bands": bands, **sums})
    return curves


def _budget(connection: "DuckDBPyConnection", asset_key: str, budget: Any) -> dict[str, Any]:
    period = str(budget.period)
    unit = "day" if period == "run" else period
    rows = _ask(connection, "budget", asset_key=asset_key, period=period, unit=unit, most=MOST_BUDGET_PERIODS)
    suffix = "_high" if budget.at == "wall" else ""
    kinds = f"energy{suffix}", f"emissions{suffix}"
    columns = f"{kinds[0]}_kwh", f"{kinds[1]}_kg", *(f"{kind}_unknown" for kind in kinds)
    spent = [[str(row["began"]), *(_short(row[name]) for name in columns)] for row in rows]
    limits = {"max_kwh": budget.max_kwh, "max_kg": budget.max_kg, "period": budget.period, "at": budget.at}
    return {"asset": _text(asset_key), **limits, "spent": spent[::-1]}


def _links(folder: Path, start: Path, runs: Mapping[str, Any]) -> dict[str, str]:
    """Links to the BoAmps reports of some runs, where there are any."""
    endings = {f"_{id_in_name(run_id)}.json": run_id for run_id in runs}
    with suppress(OSError):
        names = [entry.name for entry in os.scandir(folder)]
        ended = ((name, endings.get(name[name.rfind("_") :])) for name in names)
        return {run_id: link for name, run_id in ended if run_id and (link := _link(folder / name, start))}
    return {}


def _files(folder: Path, start: Path) -> dict[str, str]:
    """Links to the folder of BoAmps reports, and to the tables beside it."""
    found = {
        "one file per run": folder,
        "one table, CSV": folder.with_name(f"{folder.name}.csv"),
        "one table, Parquet": folder.with_name(f"{folder.name}.parquet"),
    }
    return {text: link for text, path in found.items() if path.exists() and (link := _link(path, start))}


def _link(path: Path, start: Path) -> str | None:
    try:
        return "./" + quote(os.path.relpath(path, start).replace(os.sep, "/"))
    except ValueError:  # another drive of Windows
        return None


def _short(value: Any, digits: int = 7) -> Any:
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


def _texts(names: Sequence[str]) -> list[str]:
    """Names from outside, told apart where they look the same."""
    shown: list[str] = []
    for name in map(_text, names):
        shown.append(f"{name} ({len(shown)})" if name in shown else name)
    return shown


def _text(name: str) -> str:
    """A name from outside, `unknown` if it is empty.

    Control characters, and those that turn the direction of text, become escapes.
    """
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in name) or "unknown"
    return shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"
