"""A single run of the whole pipeline in this process, with the summary that `make run` prints."""

import logging
import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from carbon_pipeline.errors import UserError
from carbon_pipeline.example.regression.model import LinearModel
from carbon_pipeline.example.tracking_info import FILE
from carbon_pipeline.model.amounts import amount, interval
from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.report.page import PAGE
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.landing import find_record, landing_path

if TYPE_CHECKING:
    from dagster import DagsterEvent

BASELINE_S = 3.0
"""Duration of the idle baseline, s, unless a fresh one that is longer exists. It is short for a demonstration; its runs
are flagged `short_baseline`."""


class PipelineError(UserError):
    """A step or an asset check of the pipeline failed."""


class Summary(NamedTuple):
    """Summary to print after the run.

    Attributes:
        title: name of the project, and ID of the run.
        measured: rows of a table with the columns what, value, how.
        warnings: one sentence for each flag of the run, and for what would improve its values.
        files: paths of the written files, by description.
    """

    title: str
    measured: list[dict[str, Any]]
    warnings: list[str]
    files: dict[str, Path]


def run_pipeline_once(show_step: Callable[[str, int], None] = lambda step, steps: None) -> Summary:
    """Run the job `pipeline` in this process; the run is stored in DAGSTER_HOME, so that the UI shows it.

    Args:
        show_step: called at the start of each step with its name and the number of all steps.

    Returns:
        The measured values, their methods, and the written files.

    Raises:
        PipelineError: a step or an asset check failed, or the extra `example` is missing.
    """
    if missing := [name for name in ("numpy", "vl_convert") if find_spec(name) is None]:
        raise PipelineError(f"the example needs {' and '.join(missing)}: pip install 'carbon-pipeline[example]'")
    import dagster as dg

    from carbon_pipeline.example.project import build_defs

    data_dir = read_settings().data_dir
    with dg.DagsterInstance.get() if os.environ.get("DAGSTER_HOME") else dg.DagsterInstance.ephemeral() as instance:
        steps = dg.LoggerDefinition(lambda _: _step_logger(lambda step: show_step(step, len(job.nodes))))
        job = dg.Definitions.merge(build_defs(), dg.Definitions(loggers={"steps": steps})).resolve_job_def("pipeline")
        result = job.execute_in_process(
            instance=instance,
            run_config={
                "ops": {"idle_baseline": {"config": {"seconds": BASELINE_S}}},
                # In place of the console's log: an error is printed in one sentence; the complete log is in the UI.
                "loggers": {"steps": {}},
            },
            raise_on_error=False,
        )
        failed = [f"{event.step_key}: {_reason(event)}" for event in result.all_events if event.is_step_failure]
        checks = result.get_asset_check_evaluations()
        failed += [f"{check.check_name}: {check.description or 'not passed'}" for check in checks if not check.passed]
        if failed or not result.success:
            raise PipelineError(f"the pipeline failed in {'; '.join(failed) or 'its set-up'} (`make ui` shows its log)")
        model = result.asset_value("regression_model")
        run_id = str(result.asset_value("field_record")["run_id"])
    record = find_record(run_id, data_dir)
    if record is None:  # it was there a moment ago
        raise PipelineError(f"the record of run {run_id} is gone from {data_dir / 'landing'}")
    return Summary(
        title=f"{record.project_name}, run {record.run_id}",
        measured=_measured(model, record),
        warnings=[*(f"{flag}: {FLAGS[flag]}" for flag in record.flags), *_remedies(record)],
        files=_files(data_dir, record),
    )


def _step_logger(started: Callable[[str], None]) -> logging.Logger:
    """A logger of Dagster that calls `started` with the name of each step."""

    class Steps(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            event = getattr(record, "dagster_meta", {}).get("dagster_event")
            if event and event.is_step_start:
                started(event.step_key)

    logger = logging.getLogger(f"{__name__}.steps")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.handlers = [Steps()]
    return logger


def _remedies(record: RunRecord) -> list[str]:
    if record.country_iso_code:
        return []
    return [
        "the country is not known (`carbon-pipeline doctor` shows why), so the carbon intensity is the world average: "
        "set CARBON_COUNTRY_ISO_CODE, for example to FR"
    ]


def _reason(event: "DagsterEvent") -> str:
    """Message of the exception with which a step failed."""
    error = event.step_failure_data.error
    while error and error.cause:
        error = error.cause
    return " ".join(error.message.split()) if error else "no reason given"


_HOW_AT_THE_WALL = {"model": "interval of the model", "calibrated": "calibrated", "wall_meter": "wall meter"}


def _at_the_wall(record: RunRecord) -> str:
    """The energy at the wall, where it is known, and its interval."""
    ends = interval(record.energy_low_kwh, record.energy_high_kwh, "kWh", record.estimate_kwh)
    return ends if record.wall_estimate_kwh is None else f"{amount(record.wall_estimate_kwh, 'kWh')} ({ends})"


def _measured(model: LinearModel, record: RunRecord) -> list[dict[str, Any]]:
    line = " + ".join(f"{slope:.4f} {name}" for name, slope in model.coefficients.items())
    place = ", ".join(str(part) for part in (record.country_name or "country not known", record.intensity_year) if part)
    gpu_energy = "no GPU" if record.gpu_count == 0 else amount(record.gpu_energy_kwh, "kWh")
    return [
        {"what": "model", "value": f"y = {line} + {model.intercept:.4f}", "how": model.hyperparameters.backend},
        {"what": "duration", "value": amount(record.duration_s, "s"), "how": "monotonic clock"},
        {"what": "CPU energy", "value": amount(record.cpu_energy_kwh, "kWh"), "how": record.cpu_method},
        {"what": "GPU energy", "value": gpu_energy, "how": record.gpu_method},
        {"what": "RAM energy", "value": amount(record.ram_energy_kwh, "kWh"), "how": record.ram_method},
        {"what": "energy", "value": amount(record.energy_kwh, "kWh"), "how": f"CodeCarbon {record.codecarbon_version}"},
        {
            "what": "at the wall",
            "value": _at_the_wall(record),
            "how": f"{_HOW_AT_THE_WALL[record.interval_source]}; quality "
            + (record.quality or "none: may err by more than half of itself"),
        },
        {
            "what": "above idle",
            "value": amount(record.energy_above_idle_kwh, "kWh"),
            "how": f"idle baseline of {amount(record.idle_duration_s or 0.0, 's')}",
        },
        {
            "what": "carbon intensity",
            "value": amount(record.carbon_intensity_g_per_kwh, "gCO2eq/kWh"),
            "how": f"{record.intensity_source} ({place})",
        },
        {"what": "emissions", "value": amount(record.emissions_kg, "kg CO2eq"), "how": "energy x carbon intensity"},
        {
            "what": "emissions, interval",
            "value": interval(record.emissions_low_kg, record.emissions_high_kg, "kg CO2eq", record.emissions_kg),
            "how": "energy at the wall x interval of the intensity",
        },
    ]


def _files(data_dir: Path, record: RunRecord) -> dict[str, Path]:
    return {
        "the record of this run": landing_path(record, data_dir),
        "the 33 fields, one row per run": data_dir / FILE,
        "the warehouse, for a single writer": data_dir / "warehouse.duckdb",
        "its published copy, for queries": data_dir / "reports.duckdb",
        "the idle baseline": data_dir / "baseline",
        "the BoAmps reports": data_dir / "reports" / "boamps",
        "the page to look at, in a browser": data_dir / PAGE,
    }
