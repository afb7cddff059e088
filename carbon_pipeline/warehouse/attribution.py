"""Attribution of the energy of overlapping runs, and of long ones to days, in a load; model/attribution.py computes."""

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from carbon_pipeline.model.attribution import COMPONENTS, Attribution, CurveOfRun, attribute
from carbon_pipeline.warehouse import sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

DAY_US = 86_400_000_000

MOST_ROUNDING_US = 1000.0
"""The last sample is at the end of the run, to this rounding, microseconds."""

MOST_RUNS = 500
"""Runs whose curves are read at a time, unless more of them overlap with one another."""


def attribute_energy(connection: "DuckDBPyConnection") -> None:
    """Attribute the energy of the runs of a load, and of all that overlap with one of them.

    A group of runs that overlap, directly or through others, is computed as a whole, so that the order of loads does
    not matter.
    """
    runs = sql.ask(connection, "ingest", "33_on_host")
    for groups in _batches(_groups(runs)):
        rows = _curves(connection, [row for group in groups for row in group])
        found = [update for group in groups for update in _updates([rows[row] for row in group])]
        if found:
            connection.execute(sql.statement("ingest", "35_shares"), {"rows": json.dumps(found)})


def _curves(connection: "DuckDBPyConnection", rows: list[int]) -> dict[int, dict[str, Any]]:
    """Read runs with their curves; lists as arrays, which takes a tenth of the time and memory of Python's floats."""
    import numpy as np

    columns = connection.execute(sql.statement("ingest", "34_runs_on_host"), {"rows": rows}).fetchnumpy()
    found = {}
    for number in range(len(columns["row"])):
        run: dict[str, Any] = {name: values[number] for name, values in columns.items()}
        found[int(run["row"])] = {name: None if value is np.ma.masked else value for name, value in run.items()}
    return found


def _groups(runs: Sequence[dict[str, Any]]) -> Iterator[list[int]]:
    """Groups of runs to compute: those that overlap, if one is of this load; and single ones of several days."""
    group: list[dict[str, Any]] = []
    ended_us = 0
    for run in (*runs, None):
        if group and (run is None or run["host"] != group[0]["host"] or run["began_us"] >= ended_us):
            is_long = len(group) == 1 and bool(_midnights(group[0]))
            if any(run["is_fresh"] for run in group) and (len(group) > 1 or is_long):
                yield [run["row"] for run in group]
            elif len(group) == 1 and group[0]["was_shared"]:  # what it overlapped with has been replaced
                yield [group[0]["row"]]
            group, ended_us = [], 0
        if run:
            group.append(run)
            ended_us = max(ended_us, run["ended_us"])


def _batches(groups: Iterator[list[int]]) -> Iterator[list[list[int]]]:
    batch: list[list[int]] = []
    for group in groups:
        if batch and sum(map(len, batch)) + len(group) > MOST_RUNS:
            yield batch
            batch = []
        batch.append(group)
    if batch:
        yield batch


def _updates(runs: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What becomes of a group of runs, as rows of raw.measurement."""
    origin_us = min(int(run["began_us"]) for run in runs)
    outer = _outer_runs(runs)
    curves = [_curve(run, origin_us, outer[number]) for number, run in enumerate(runs)]
    method = "curve" if all(run["has_curve"] for run in runs) else "mean_power"
    for run, found in zip(runs, attribute(curves), strict=True):
        yield _update(run, found, method)


def _update(run: dict[str, Any], found: Attribution, method: str) -> dict[str, Any]:
    midnights = len(_midnights(run))
    days = (found.day_shares or [1.0]) if midnights else []
    return {
        "row": int(run["row"]),
        "attributed_share": found.share,
        "attributed_idle_share": found.idle_share,
        "attributed_wall_share": found.wall_share,
        "attribution_method": None if found.share is None else method,
        "day_shares": days + [0.0] * (midnights + 1 - len(days)) if days else None,
    }


def _midnights(run: dict[str, Any]) -> list[int]:
    """Midnights (UTC) within a run, microseconds since the epoch."""
    began_us, ended_us = int(run["began_us"]), int(run["ended_us"])
    return list(range((began_us // DAY_US + 1) * DAY_US, ended_us, DAY_US))


def _curve(run: dict[str, Any], origin_us: int, outer: int | None) -> CurveOfRun:
    import numpy as np

    # In whole microseconds, since one run may begin when another one ends. A run that was killed counts until its last
    # sample, which may be before its last heartbeat.
    span_us = float(run["ended_us"] - run["began_us"])
    at_us = np.minimum(np.rint(np.asarray(run["at_s"], dtype=float) * 1e6), span_us)
    if span_us - at_us[-1] < MOST_ROUNDING_US:
        at_us[-1] = span_us
    uses = {"cpu": run["cpu_s"], "gpu": run["gpu_s"], "memory": run["memory_gb_s"]}
    return CurveOfRun(
        at_s=(run["began_us"] - origin_us + at_us) / 1e6,
        energies=_known({part: run[f"{part}_kwh"] for part in COMPONENTS}),
        wall=_known({"wall": run["wall_kwh"]}).get("wall"),
        used=_known(uses),
        idle_w={part: run[f"idle_{part}_w"] for part in COMPONENTS if run[f"idle_{part}_w"] is not None},
        gaps=frozenset(part for part in ("cpu", "gpu") if run[f"has_{part}_gap"]),
        gpus=frozenset(() if run["gpu_ids"] is None else run["gpu_ids"]),
        is_machine=bool(run["is_machine"]),
        outer=outer,
        midnights_s=[
            (midnight - origin_us) / 1e6 for midnight in _midnights(run) if midnight - run["began_us"] < at_us[-1]
        ],
    )


def _known(columns: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {name: np.asarray(values, dtype=float) for name, values in columns.items() if values is not None}


def _outer_runs(runs: Sequence[dict[str, Any]]) -> list[int | None]:
    """For each run the number of the run that it is nested in: named by its record, else the last one that its process
    or the nearest of its ancestors had begun.
    """
    by_id = {run["run_id"]: number for number, run in enumerate(runs)}
    by_process: dict[str, list[int]] = {}
    for number, run in enumerate(runs):
        if run["process"]:
            by_process.setdefault(run["process"], []).append(number)
    found = [by_id.get(run["outer_run_id"], _outer_process(run, runs, by_process)) for run in runs]
    return [
        outer if outer is not None and _contains(runs, outer, number) else None for number, outer in enumerate(found)
    ]


def _contains(runs: Sequence[dict[str, Any]], outer: int, inner: int) -> bool:
    """Whether a run began before another and ended after it; of two that did both at once, the first contains."""
    one, other = runs[outer], runs[inner]
    spans = (one["began_us"], -one["ended_us"], outer), (other["began_us"], -other["ended_us"], inner)
    return bool(spans[0] < spans[1] and other["ended_us"] <= one["ended_us"])


def _outer_process(run: dict[str, Any], runs: Sequence[dict[str, Any]], by_process: dict[str, list[int]]) -> int | None:
    for process in () if run["parent_processes"] is None else run["parent_processes"]:
        around = [
            number
            for number in by_process.get(process, ())
            if runs[number]["began_us"] <= run["began_us"] and run["ended_us"] <= runs[number]["ended_us"]
        ]
        if around:
            return max(around, key=lambda number: runs[number]["began_us"])
    return None
