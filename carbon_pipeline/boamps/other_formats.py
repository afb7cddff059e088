"""Other report formats made from the same run: the emissions of a model card, and the SCI score."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from carbon_pipeline.errors import InputError
from carbon_pipeline.model.amounts import interval
from carbon_pipeline.model.fields import measurement_method

HOURS_PER_YEAR = 8766
"""365.25 days."""

AT_THE_WALL = {
    "wall_meter": "a meter at the wall, beside ",
    "calibrated": "this machine's runs with a meter at the wall, and ",
}
"""Where an estimate of the energy at the wall is from, by `interval_source`."""

TRAINING_TYPES = {"training": "pre-training", "retraining": "pre-training", "finetuning": "fine-tuning"}
"""From BoAmps' task stage to the training type of a model card."""


class NotReportableError(InputError):
    """A value that the format requires is not known for the run, or was not given."""


def model_card(run: Mapping[str, Any], task_stage: str | None) -> str:
    """The block `co2_eq_emissions` of a Hugging Face model card (huggingface.co/docs/hub/model-cards-co2).

    Args:
        run: a row of `report.runs`.
        task_stage: BoAmps' stage of the task; None if it is not known.

    Returns:
        YAML for the front matter of the card, between its `---` lines. Emissions are in grams of CO2eq, as the Hub
        requires.

    Raises:
        NotReportableError: the emissions of the run are not known.
    """
    if run["estimate_kg"] is None:
        raise NotReportableError(f"the emissions of run {run['run_id']} are not known; its flags: {_flags(run)}")
    gpus = run["gpu_model"]
    if gpus and not gpus[:1].isdigit():
        gpus = f"{run['gpu_count']} x {gpus}"
    share = _share(run)
    grams, between = 1000 * run["estimate_kg"] * share, ""
    if run["emissions_high_kg"] is not None:
        low_kg, high_kg = share * run["emissions_low_kg"], share * run["emissions_high_kg"]
        between = f"; interval {interval(low_kg, high_kg, 'kg CO2eq', grams / 1000)}"
    where = AT_THE_WALL.get(run["interval_source"], "")
    version = f" {run['codecarbon_version']}" if run["codecarbon_version"] else ""
    card = {
        "emissions": float(f"{grams:.6g}"),
        "source": f"{where}CodeCarbon{version} ({measurement_method(run)}){between}",
        "training_type": TRAINING_TYPES.get(task_stage or ""),
        "geographical_location": ", ".join(part for part in (run["region"], run["country_name"]) if part),
        "hardware_used": ", ".join(part for part in (gpus, run["cpu_model"]) if part),
    }
    known = {key: value for key, value in card.items() if value not in (None, "")}
    return str(yaml.safe_dump({"co2_eq_emissions": known}, sort_keys=False, allow_unicode=True, width=1000))


class Sci(NamedTuple):
    """A Software Carbon Intensity score (ISO/IEC 21031:2024): (E * I + M) / R.

    Attributes:
        sci_g_per_unit: the score, gCO2eq for each functional unit.
        sci_low_g_per_unit: lower end of the score's interval, gCO2eq; None where no interval is known.
        sci_high_g_per_unit: upper end of the score's interval, gCO2eq; None where no interval is known.
        functional_unit: what R counts.
        units: R, the number of functional units.
        energy_kwh: E, kWh, PUE included.
        carbon_intensity_g_per_kwh: I, gCO2eq/kWh.
        operational_g: E * I, gCO2eq.
        embodied_g: M, gCO2eq; None where it is omitted.
        note: what the score includes and what it omits.
    """

    sci_g_per_unit: float
    sci_low_g_per_unit: float | None
    sci_high_g_per_unit: float | None
    functional_unit: str
    units: float
    energy_kwh: float
    carbon_intensity_g_per_kwh: float
    operational_g: float
    embodied_g: float | None
    note: str


def sci(
    run: Mapping[str, Any], functional_unit: str, units: float, embodied_kg: float | None, lifetime_years: float
) -> Sci:
    """The SCI score of a run.

    Args:
        run: a row of `report.runs`.
        functional_unit: the unit that the score refers to, such as `training run` or `1000 requests`.
        units: number of functional units that the run performed.
        embodied_kg: emissions of manufacturing the machine, kg CO2eq; None if they are not known.
        lifetime_years: service life of the machine, years.

    Returns:
        The score. M is the embodied emissions of the machine, times the share of its lifetime that the run took, times
        the share of the machine that the run used.

    Raises:
        NotReportableError: energy or carbon intensity of the run is not known, or the functional unit is empty, or the
            number of units is not above 0.
    """
    share, intensity = _share(run), run["carbon_intensity_g_per_kwh"]
    energy_kwh = None if run["estimate_kwh"] is None else run["estimate_kwh"] * share
    if not 1e-12 < units < math.inf:
        raise NotReportableError(f"--units is {units:g}; it must be a finite number above 0")
    if not functional_unit.strip():
        raise NotReportableError("the functional unit (--unit) is blank; name one, such as `training run`")
    if energy_kwh is None or intensity is None:
        raise NotReportableError(
            f"energy or carbon intensity of run {run['run_id']} is not known; its flags: {_flags(run)}"
        )
    embodied_g = None
    note = "M is omitted, not zero: the embodied emissions of the machine are not known; set CARBON_EMBODIED_KG"
    if embodied_kg is not None:
        embodied_g = 1000 * embodied_kg * share * run["duration_s"] / (3600 * HOURS_PER_YEAR * lifetime_years)
        note = f"M is this run's share of {embodied_kg:g} kg CO2eq over {lifetime_years:g} years"
    operational_g = energy_kwh * intensity

    def score(grams: float | None) -> float | None:
        return None if grams is None else (grams + (embodied_g or 0.0)) / units

    def grams(column: str) -> float | None:
        return None if run[column] is None else 1000 * run[column] * share

    return Sci(
        sci_g_per_unit=(operational_g + (embodied_g or 0.0)) / units,
        sci_low_g_per_unit=score(grams("emissions_low_kg")),
        sci_high_g_per_unit=score(grams("emissions_high_kg")),
        functional_unit=functional_unit,
        units=units,
        energy_kwh=energy_kwh,
        carbon_intensity_g_per_kwh=round(intensity, 6),
        operational_g=operational_g,
        embodied_g=embodied_g,
        note=f"{note}; PUE {run['pue'] or 'not known'}; intensity from {run['intensity_source']}",
    )


def _share(run: Mapping[str, Any]) -> float:
    """Share of the machine that a run used; 1 for a task within a run, whose own energy is reported here."""
    return 1.0 if run["parent_run_id"] else float(run["estimate_share"])


def _flags(run: Mapping[str, Any]) -> str:
    return ", ".join(run["flags"]) or "none"
