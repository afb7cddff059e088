"""The whole pipeline once, in this process, with a summary: what `make run` does."""

import os
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.settings import read_settings


class Summary(NamedTuple):
    """What to print after the run: two tables."""

    title: str
    measured: list[dict[str, Any]]
    paths: list[dict[str, Any]]


def run_pipeline_once() -> Summary:
    """Runs the job `pipeline` in this process; the run is kept in DAGSTER_HOME, where the UI shows it.

    Returns:
        What was measured, how, and where things lie.

    Raises:
        RuntimeError: a step or an asset check failed.
    """
    import dagster as dg

    from carbon_pipeline.definitions import defs

    data_dir = read_settings().data_dir.resolve()
    with dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral() as instance:
        result = defs.resolve_job_def("pipeline").execute_in_process(
            instance=instance,
            run_config={"loggers": {"console": {"config": {"log_level": "WARNING"}}}},
            raise_on_error=False,
        )
        failed = [event.step_key for event in result.all_events if event.is_step_failure]
        failed += [check.check_name for check in result.get_asset_check_evaluations() if not check.passed]
        if failed or not result.success:
            raise RuntimeError(
                f"the pipeline failed in {', '.join(map(str, failed)) or 'its set-up'}; its log is above"
            )
        trained = result.asset_value("regression_model")
    record = trained.record
    return Summary(
        title=f"{record.project_name}, run {record.run_id}",
        measured=_measured(trained.model, record),
        paths=_paths(data_dir, record),
    )


def _measured(model: Any, record: Any) -> list[dict[str, Any]]:
    line = " + ".join(f"{slope:.4f} {name}" for name, slope in model.coefficients.items())
    place = record.country_name or "country not known"
    return [
        {"what": "model", "value": f"y = {line} + {model.intercept:.4f}", "how": model.hyperparameters.backend},
        {"what": "duration", "value": f"{record.duration_s:.6f} s", "how": "monotonic clock"},
        {"what": "CPU energy", "value": _kwh(record.cpu_energy_kwh), "how": record.cpu_method},
        {"what": "GPU energy", "value": _kwh(record.gpu_energy_kwh), "how": record.gpu_method},
        {"what": "RAM energy", "value": _kwh(record.ram_energy_kwh), "how": record.ram_method},
        {"what": "energy", "value": _kwh(record.energy_kwh), "how": f"CodeCarbon {record.codecarbon_version}"},
        {
            "what": "carbon intensity",
            "value": f"{record.carbon_intensity_g_per_kwh:.1f} gCO2eq/kWh",
            "how": f"{record.intensity_source} ({place})",
        },
        {"what": "emissions", "value": f"{record.emissions_kg:.4g} kg CO2eq", "how": "energy x carbon intensity"},
        {"what": "doubtful", "value": ", ".join(record.flags) or "nothing", "how": ""},
    ]


def _paths(data_dir: Path, record: Any) -> list[dict[str, Any]]:
    landed = data_dir / "landing" / f"{record.started_at:%Y-%m-%d}" / f"{record.run_id}.json"
    return [
        {"what": "the record of this run", "path": str(landed)},
        {"what": "the 33 fields, one row per run", "path": str(data_dir / "tracking_info.csv")},
        {"what": "the warehouse, for its one writer", "path": str(data_dir / "warehouse.duckdb")},
        {"what": "the same with reports, to query", "path": str(data_dir / "reports.duckdb")},
    ]


def _kwh(energy_kwh: float | None) -> str:
    """Energy in kWh and, since a short run has so many zeros, in joules (1 kWh = 3.6e6 J)."""
    return "not measured" if energy_kwh is None else f"{energy_kwh:.4g} kWh ({energy_kwh * 3.6e6:.4g} J)"
