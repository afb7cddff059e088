"""How each report is shown on a terminal. Numbers and rows come from the views of `report`."""

from typing import NamedTuple

INTERVAL = ".."
"""Stands between the two columns of an interval."""

ENERGY = ("estimate_kwh", "energy_low_kwh..energy_high_kwh", "estimate_kg")
"""The best estimate: where a wall meter or a calibration tells the energy at the wall, that."""
GROUP = (*ENERGY, "runs", "duration_s")
SHARED_SUMS = ("estimate_kwh", "energy_low_kwh", "energy_high_kwh", "estimate_kg")
"""Where a run is in several rows, it and its duration would count twice."""
SUMS = (*SHARED_SUMS, "runs", "duration_s")

ATTRIBUTED = (
    "attributed_estimate_kwh",
    "attributed_energy_low_kwh..attributed_energy_high_kwh",
    "attributed_estimate_kg",
)
RUN = (
    "run_id",
    "started_at",
    "name",
    *ATTRIBUTED,
    "duration_s",
    "project_name",
    "status",
    "quality",
    "interval_source",
    "flags",
    "asset_key",
)
RUN_SUMS = (
    "attributed_estimate_kwh", "attributed_energy_low_kwh", "attributed_energy_high_kwh", "attributed_estimate_kg",
    "duration_s",
)  # fmt: skip


class Layout(NamedTuple):
    """How a report is shown.

    Attributes:
        rows: what a row is, in the singular.
        columns: the most telling first; `low..high` are the ends of an interval.
        sums: columns that can be added up over all rows without counting anything twice.
        sort: the order, if it is not that of the view.
    """

    rows: str
    columns: tuple[str, ...]
    sums: tuple[str, ...] = ()
    sort: tuple[str, ...] = ()


LAYOUTS = {
    "runs": Layout("run", RUN, RUN_SUMS),
    "counted_runs": Layout("run", RUN, RUN_SUMS),
    "asset_runs": Layout(
        "row",
        (
            "asset_key", "run_id", "started_at", "asset_estimate_kwh", "asset_energy_low_kwh..asset_energy_high_kwh",
            "asset_estimate_kg", "asset_share", "status", "project_name",
        ),
        ("asset_estimate_kwh", "asset_energy_low_kwh", "asset_energy_high_kwh", "asset_estimate_kg"),
        ("ended_at:desc", "run_id", "asset_key"),
    ),
    "daily": Layout("day", ("day", *GROUP), (*SHARED_SUMS, "duration_s"), ("day:desc",)),
    "by_project": Layout("project", ("project_name", *GROUP), SUMS),
    "by_asset": Layout("asset", ("name", *GROUP, "is_shared"), SHARED_SUMS),
    "by_country": Layout("country", ("country_name", *GROUP, "country_iso_code"), SUMS),
    "by_hardware": Layout(
        "kind of machine",
        ("cpu_model", "gpu_model", *GROUP, "cpu_count", "gpu_count", "ram_gb"),
        SUMS,
    ),
    "by_method": Layout(
        "way of measuring",
        ("cpu_method", "gpu_method", "ram_method", *GROUP, "tracking_mode"),
        SUMS,
    ),
    "trend": Layout(
        "row",
        ("week", "project_name", "name", *GROUP),
        SHARED_SUMS,
        ("week:desc", "estimate_kwh:desc", "name"),
    ),
    "biggest_consumers": Layout(
        "consumer",
        ("position", "name", "project_name", *ENERGY[:2], "energy_share", "estimate_kg", "energy_share_so_far",
         "runs", "duration_s", "last_ended_at"),
        SHARED_SUMS,
    ),
    "same_work": Layout(
        "row",
        ("name", "cpu_model", "gpu_model", "energy_per_run_kwh", "energy_ratio", "duration_per_run_s", "runs",
         "estimate_kwh", "estimate_kg", "project_name", "methods"),
        SUMS,
    ),
    "energy_per_phase": Layout(
        "row",
        ("phase", "run_name", "energy_per_phase_kwh", "energy_per_phase_low_kwh..energy_per_phase_high_kwh",
         "duration_per_phase_s", "phases", "energy_share", "estimate_kwh", "estimate_kg", "runs", "project_name"),
    ),
    "pareto": Layout(
        "result",
        ("metric", "value", "emissions_kg", "is_on_front", "run_id", "name", "energy_kwh", "started_at",
         "project_name"),
    ),
    "waste": Layout(
        "row",
        ("status", "name", *ENERGY, "runs", "error_type", "energy_share", "duration_s", "project_name"),
        SUMS,
    ),
    "data_quality": Layout(
        "row",
        ("kind", "value", "energy_share", "energy_kwh", "runs"),
    ),
    "phases": Layout(
        "row",
        ("run_id", "name", "started_at", "duration_s", "energy_kwh", "energy_low_kwh..energy_high_kwh", "phases",
         "run_name", "depth", "parent", "project_name", "cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh"),
    ),
    "power": Layout(
        "reading",
        ("run_id", "at", "power_w", "cpu_power_w", "gpu_power_w", "ram_power_w", "run_name", "duration_s",
         "project_name"),
        (),
        ("at:desc", "run_id"),
    ),
    "files": Layout(
        "file",
        ("source_file", "rows_read", "rows_loaded", "rows_superseded", "rows_quarantined", "note", "loaded_at",
         "format"),
        ("rows_read", "rows_loaded", "rows_superseded", "rows_quarantined"),
        ("loaded_at:desc", "file_no:desc"),
    ),
    "quarantine": Layout(
        "row", ("source_file", "line", "reason", "loaded_at", "content")
    ),
    "field_mapping": Layout(
        "field",
        ("field", "unit", "source_column", "boamps_path", "meaning", "source", "form_path", "form_code"),
    ),
}  # fmt: skip
