"""The record of one run: what was measured, how, where and on which machine. It never changes after it has landed.

Its fields have the names and units of the columns of `core.run` and `report.runs`; the warehouse loads it unmodified. A
value that is not known is None. Derived values (totals, power, emissions) are computed from other fields, so that they
cannot contradict them.
"""

import json
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    computed_field,
    model_validator,
)

from carbon_pipeline.model.flags import SHORT_RUN_S
from carbon_pipeline.model.interval import Interval, IntervalSource, Quality, intensity_interval, interval, narrowed
from carbon_pipeline.model.placement import Placement
from carbon_pipeline.model.quantities import (
    J_PER_KWH,
    LONGEST_TASK,
    Count,
    CpuSeconds,
    Energy,
    Intensity,
    Label,
    Power,
    Seconds,
    Size,
    Text,
)
from carbon_pipeline.model.samples import MOST_PHASES, Phase, Samples


class TrackingMode(StrEnum):
    """Scope of a measurement."""

    machine = "machine"
    """The whole machine."""
    process = "process"
    """This process and its children."""


Status = Literal["completed", "failed", "cancelled", "interrupted"]
Origin = Literal["dagster", "track", "command", "csv"]

SHORTEST_S = 1e-6
"""Duration below which power and rates (a quantity over duration) are not computed, s: they would be meaningless."""

EARLIEST, LATEST = datetime(2015, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No run began before, or ends after: such a date is that of a machine whose clock is not set."""

LONGEST_ID_BYTES = 200
"""A file is named after the run, and a file name has at most 255 bytes."""

DEEPEST_TASK = 32
"""Levels of lists and mappings in a task."""


def _utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


def _possible(moment: datetime) -> datetime:
    if not EARLIEST <= moment <= LATEST:
        raise ValueError(f"{moment} is not between {EARLIEST:%Y} and {LATEST:%Y}")
    return moment


def _names_a_file(run_id: str) -> str:
    if len(run_id.encode()) > LONGEST_ID_BYTES:
        raise ValueError(f"a run ID has at most {LONGEST_ID_BYTES} bytes")
    if run_id.startswith(".") or any(char in "/\\" or not char.isprintable() for char in run_id):
        raise ValueError("a run ID names a file: it begins with no dot and contains no slash or control character")
    return run_id


def _depth(value: JsonValue) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def _reasonable(task: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if _depth(task) > DEEPEST_TASK:
        raise ValueError(f"more than {DEEPEST_TASK} levels of lists and mappings")
    if len(json.dumps(task, ensure_ascii=False)) > LONGEST_TASK:
        raise ValueError(f"more than {LONGEST_TASK:,} characters as JSON")
    return task


def _upper(value: Any) -> Any:
    return value.strip().upper() if isinstance(value, str) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_utc), AfterValidator(_possible)]
CountryCode = Annotated[str, BeforeValidator(_upper), StringConstraints(pattern="^[A-Z]{2}$")]
"""Two letters; also one that ISO has not assigned, such as XK for Kosovo, of which nothing is looked up."""
RunId = Annotated[str, Field(min_length=1), AfterValidator(_names_a_file)]
Task = Annotated[dict[str, JsonValue], AfterValidator(_reasonable)]


class RunRecord(BaseModel):
    """Record of one tracked run.

    Energies are in kWh and include the PUE (`pue`); power is in W, emissions in kg CO2eq, times in UTC.
    """

    model_config = ConfigDict(frozen=True, validate_assignment=True, defer_build=True)  # not every import needs it

    record_version: Literal[1] = Field(1, description="Version of the record format.")

    run_id: RunId = Field(description="ID of the run, unique.")
    name: Label = Field(min_length=1, description="What was tracked, such as the asset's name.")
    project_name: Label = Field(description="Project that the run belongs to.")
    experiment_id: Label | None = Field(None, description="Experiment that the run belongs to, if one was given.")
    status: Status = Field(description="Outcome of the tracked work: completed, failed, cancelled or interrupted.")
    error_type: Label | None = Field(
        None, description="Class of the exception that ended the work, such as ValueError; its message is not recorded."
    )
    source: Origin = Field(
        description="Origin of the record: a Dagster asset, track(), a command, or an imported CSV file."
    )
    flags: list[Label] = Field(
        default_factory=list,
        max_length=100,
        description="Warnings about the values, as listed in carbon_pipeline.model.flags.",
    )

    started_at: Moment = Field(description="Start of the tracked work, UTC.")
    ended_at: Moment = Field(description="End of the tracked work, UTC.")
    duration_s: Seconds = Field(description="Duration of the tracked work, by a monotonic clock, seconds.")

    cpu_energy_kwh: Energy | None = Field(None, description="Energy of the CPUs, kWh, PUE included.")
    gpu_energy_kwh: Energy | None = Field(
        None, description="Energy of the GPUs, kWh, PUE included; 0 if the machine has none."
    )
    ram_energy_kwh: Energy | None = Field(None, description="Energy of the memory, kWh, PUE included.")
    cpu_method: Label = Field(
        "none",
        description="How the energy of the CPUs was obtained: rapl, emi, power_gadget, powermetrics, pmic, "
        "cpu_load, constant or none; inferred or unknown for imported files.",
    )
    gpu_method: Label = Field(
        "none",
        description="How the energy of the GPUs was obtained: nvml_counter, nvml_sampled, amdsmi, powermetrics or "
        "none; inferred or unknown for imported files.",
    )
    ram_method: Label = Field(
        "none",
        description="How the energy of the memory was obtained: estimated, constant, pmic or none; inferred or unknown "
        "for imported files.",
    )
    cpu_tdp_w: Power | None = Field(None, description="TDP of all CPUs that a modelled method assumes, W.")
    cpu_tdp_source: Label | None = Field(
        None, description="Source of that TDP: `table`, or a guess by CodeCarbon, `4_w_per_thread` or `85_w`."
    )
    gpu_tracked_count: Count | None = Field(None, description="Number of GPUs whose energy was measured.")
    gpu_ids: list[Label] = Field(
        default_factory=list,
        max_length=1000,
        description="Hashes of the UUIDs of the GPUs whose energy was measured: runs with different ones share no GPU.",
    )
    sample_s: Seconds | None = Field(None, gt=0, description="Configured interval between two samples, seconds.")
    sample_count: Count | None = Field(None, description="Number of samples, including the one at the end.")
    cpu_gap_s: Seconds | None = Field(
        None, description="Time in which readings of the CPUs failed and their energy is not known, seconds."
    )
    gpu_gap_s: Seconds | None = Field(
        None, description="Time in which readings of the GPUs failed and their energy is not known, seconds."
    )
    idle_energy_kwh: Energy | None = Field(None, description="Energy of the idle machine in `idle_duration_s`, kWh.")
    idle_cpu_energy_kwh: Energy | None = Field(None, description="Energy of the idle CPUs in `idle_duration_s`, kWh.")
    idle_gpu_energy_kwh: Energy | None = Field(None, description="Energy of the idle GPUs in `idle_duration_s`, kWh.")
    idle_ram_energy_kwh: Energy | None = Field(None, description="Energy of the idle memory in `idle_duration_s`, kWh.")
    idle_duration_s: Seconds | None = Field(None, gt=0, description="Duration of the idle baseline, seconds.")
    idle_measured_at: Moment | None = Field(None, description="When the idle baseline was measured, UTC.")
    wall_energy_kwh: Energy | None = Field(None, description="Energy by a wall meter, kWh, PUE included.")
    wall_low_kwh: Energy | None = Field(None, description="Lower end of that energy, kWh.")
    wall_high_kwh: Energy | None = Field(None, description="Upper end of that energy, kWh.")
    wall_method: Label | None = Field(
        None,
        description="How it was obtained: kind of the wall meter, and whether its counter or its power counted, such "
        "as shelly_counter.",
    )
    wall_meter: Label | None = Field(None, description="The wall meter: its kind and a hash of its address.")
    wall_gap_s: Seconds | None = Field(None, description="Time without a reading of the wall meter, seconds.")
    wall_error: Text | None = Field(None, description="What was wrong with the wall meter.")
    calibrated_kwh: Energy | None = Field(
        None, description="Energy at the wall as predicted by the calibration of this machine, kWh, PUE included."
    )
    calibrated_low_kwh: Energy | None = Field(None, description="Lower end of that prediction, kWh.")
    calibrated_high_kwh: Energy | None = Field(None, description="Upper end of that prediction, kWh.")
    calibration_runs: Count | None = Field(None, description="Number of runs that the calibration rests on.")
    calibration_first_at: Moment | None = Field(None, description="End of the first of these runs, UTC.")
    calibration_last_at: Moment | None = Field(None, description="End of the last of these runs, UTC.")
    calibration_note: Text | None = Field(None, description="Why the calibration of this machine was not used.")
    tracking_mode: TrackingMode = Field(description="Scope of the measurement: machine or process.")
    pue: float = Field(
        ge=1, le=100, allow_inf_nan=False, description="Power usage effectiveness (PUE) included in the energies."
    )
    meter: Label = Field(description="Name of the meter.")
    meter_version: Label | None = Field(None, description="Version of the meter.")
    meter_error: Text | None = Field(None, description="Reason why the meter failed, if it did.")
    settings_error: Text | None = Field(None, description="Invalid setting whose default was used, if there was one.")
    meter_settings_ignored: Text | None = Field(
        None, description="CodeCarbon's own settings that were found in files and environment variables, and ignored."
    )

    carbon_intensity_g_per_kwh: Intensity | None = Field(
        None, description="Carbon intensity of the electricity, gCO2eq/kWh."
    )
    intensity_source: Label = Field(
        "unknown",
        description="Source of the carbon intensity: configured, electricity_maps, cloud_region, region_average, "
        "country_average, world_average, csv (implied by the emissions of a file) or unknown.",
    )
    intensity_year: int | None = Field(None, ge=1900, le=2100, description="Year of an average carbon intensity.")
    intensity_note: Text | None = Field(None, description="Note about the carbon intensity.")
    country_iso_code: CountryCode | None = Field(None, description="Country code, ISO 3166-1 alpha-2.")
    country_name: Label | None = Field(None, description="English name of the country.")
    region: Label | None = Field(None, description="Geographic region within the country.")
    latitude: float | None = Field(None, ge=-90, le=90, description="Latitude, degrees north.")
    longitude: float | None = Field(None, ge=-180, le=180, description="Longitude, degrees east.")
    location_source: Label = Field("unknown", description="Source of the location: configured, ip-api, csv or unknown.")
    cloud_provider: Label | None = Field(None, description="Cloud provider.")
    cloud_region: Label | None = Field(None, description="Cloud region, by the provider's name.")

    host: Label | None = Field(None, description="Host name of the machine.")
    machine_id: Label | None = Field(
        None,
        description="The machine, whenever it is started: a hash of CPU, memory, board and BIOS version, or "
        "CARBON_HOST_ID. A calibration belongs to it.",
    )
    host_id: Label | None = Field(
        None,
        description="The machine as it runs since its last start: a hash of the boot ID, the same in all of its "
        "containers, or CARBON_HOST_ID. Runs with the same one may overlap.",
    )
    process: Label | None = Field(None, description="The process: its ID and its start, seconds since the epoch.")
    parent_processes: list[Label] = Field(
        default_factory=list, max_length=100, description="The processes that it descends from, nearest first."
    )
    placement: Placement | None = Field(
        None,
        description="Where a scheduler has put the process: job, rank, node, pod, and the limits that it has there.",
    )
    outer_run_id: RunId | None = Field(None, description="The run that this one is nested in, in the same process.")
    cpu_model: Label | None = Field(None, description="Name of the CPU.")
    cpu_count: Count | None = Field(None, ge=1, description="Number of logical CPUs.")
    cpu_physical_count: Count | None = Field(None, ge=1, description="Number of physical cores.")
    gpu_model: Label | None = Field(None, description="Name of the GPUs.")
    gpu_count: Count | None = Field(None, description="Number of GPUs that NVML reports.")
    gpu_memory_gb: Size | None = Field(None, description="Memory of one GPU, GiB (2^30 bytes).")
    gpu_driver: Label | None = Field(None, description="Version of the GPU driver.")
    ram_gb: Size | None = Field(None, description="Main memory, GiB (2^30 bytes).")
    machine_kind: Label | None = Field(None, description="Kind of machine: laptop, desktop, server, board or virtual.")
    process_cpu_s: CpuSeconds | None = Field(
        None, description="CPU time of this process and its child processes during the run, seconds."
    )
    host_cpu_s: CpuSeconds | None = Field(None, description="Busy CPU time of the whole host during the run, seconds.")

    os: Label | None = Field(None, description="Operating system.")
    distribution: Label | None = Field(
        None, description="Distribution of the operating system, such as Debian GNU/Linux."
    )
    distribution_version: Label | None = Field(None, description="Version of the distribution.")
    python_version: Label | None = Field(None, description="Version of Python.")
    codecarbon_version: Label | None = Field(None, description="Version of CodeCarbon.")

    samples: Samples | None = Field(None, description="The readings of the meter, cumulated, as columns.")
    phases: list[Phase] = Field(
        default_factory=list,
        max_length=MOST_PHASES,
        description="Phases such as epochs, each with its duration and energies; of very many, one for each name.",
    )
    metrics: dict[Label, Annotated[float, Field(allow_inf_nan=False)]] = Field(
        default_factory=dict, description="What the work reported of itself, such as accuracy; the last value of each."
    )

    task: Task | None = Field(None, description="User-provided description of the task: the fields of BoAmps' `task`.")
    asset_key: Label | None = Field(None, description="Key of the Dagster asset, parts joined by '/'.")
    dagster_run_id: Label | None = Field(None, description="ID of the Dagster run.")
    step_key: Label | None = Field(None, description="Key of the Dagster step.")
    partition_key: Label | None = Field(None, description="Key of the Dagster partition.")
    retry_number: Count | None = Field(None, description="Retry number of the Dagster step, 0 for the first attempt.")

    @model_validator(mode="after")
    def _ends_after_it_started(self) -> "RunRecord":
        if self.ended_at < self.started_at:
            raise ValueError(f"ended_at {self.ended_at} is before started_at {self.started_at}")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_kwh(self) -> float | None:
        """Measured energy, kWh: the sum of the parts that are known; None if no part is known."""
        known = [e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None]
        return sum(known) if known else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_above_idle_kwh(self) -> float | None:
        """Energy minus that of the idle machine over the same duration, kWh; it can be slightly below 0 by chance."""
        if self.energy_kwh is None or self.idle_energy_kwh is None or self.idle_duration_s is None:
            return None
        return self.energy_kwh - self.idle_energy_kwh * self.duration_s / self.idle_duration_s

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_utilization(self) -> float | None:
        """Mean load of all logical CPUs of the host, 0 to 1; None for short runs, since system ticks are coarse."""
        if self.host_cpu_s is None or self.cpu_count is None or self.duration_s < SHORT_RUN_S:
            return None
        return min(self.host_cpu_s / (self.duration_s * self.cpu_count), 1.0)

    @cached_property
    def model_interval(self) -> Interval | None:
        """Interval of the energy at the wall by the general model, from energies, methods and machine alone."""
        return self._interval_of(self, cpu_gap_s=self.cpu_gap_s or 0.0, gpu_gap_s=self.gpu_gap_s or 0.0)

    @cached_property
    def _interval_at_the_wall(self) -> tuple[IntervalSource, float | None, Interval | None]:
        """Where the interval is from, the best estimate of the energy at the wall, kWh, and the interval."""
        model = self.model_interval
        if self.tracking_mode is TrackingMode.machine:
            ends = self.wall_low_kwh, self.wall_high_kwh
            if self.wall_energy_kwh is not None and ends[0] is not None and ends[1] is not None:
                return "wall_meter", self.wall_energy_kwh, Interval(ends[0], ends[1])
            ends = self.calibrated_low_kwh, self.calibrated_high_kwh
            if self.calibrated_kwh is not None and ends[0] is not None and ends[1] is not None:
                found = narrowed(Interval(ends[0], ends[1]), self.calibrated_kwh, model)
                return "calibrated", self.calibrated_kwh, found
        return "model", None, model

    @computed_field  # type: ignore[prop-decorator]
    @property
    def interval_source(self) -> IntervalSource:
        """Where the interval of the energy is from: a wall meter, the calibration of this machine, or the model."""
        return self._interval_at_the_wall[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def wall_estimate_kwh(self) -> float | None:
        """Best estimate of the energy at the wall, kWh: by a wall meter, else by calibration; None without both."""
        return self._interval_at_the_wall[1]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def wall_emissions_kg(self) -> float | None:
        """Emissions from that estimate, kg CO2eq."""
        return _kg(self.wall_estimate_kwh, self.carbon_intensity_g_per_kwh)

    @property
    def estimate_kwh(self) -> float | None:
        """What is published of the energy, kWh: at the wall where that is known, else what the meter saw."""
        return self.energy_kwh if self.wall_estimate_kwh is None else self.wall_estimate_kwh

    @property
    def estimate_kg(self) -> float | None:
        """Emissions from that energy, kg CO2eq."""
        return _kg(self.estimate_kwh, self.carbon_intensity_g_per_kwh)

    @property
    def energy_interval(self) -> Interval | None:
        """Interval of the energy that the machine drew at the wall, kWh, PUE included as in `energy_kwh`."""
        return self._interval_at_the_wall[2]

    def with_intervals_of_phases(self) -> "RunRecord":
        """This record with the intervals of its phases filled in."""
        phases = []
        for phase in self.phases:
            ends = self._interval_of(phase)
            low_kwh, high_kwh = (ends.low_kwh, ends.high_kwh) if ends else (None, None)
            phases.append(phase.model_copy(update={"energy_low_kwh": _few(low_kwh), "energy_high_kwh": _few(high_kwh)}))
        return self.model_copy(update={"phases": phases}) if phases else self

    def _interval_of(self, part: "RunRecord | Phase", **gaps_s: float) -> Interval | None:
        return interval(
            {"cpu": part.cpu_energy_kwh, "gpu": part.gpu_energy_kwh, "ram": part.ram_energy_kwh},
            {"cpu": self.cpu_method, "gpu": self.gpu_method, "ram": self.ram_method},
            part.duration_s,
            **gaps_s,
            machine_kind=self.machine_kind,
            cpu_model=self.cpu_model,
            cpu_count=self.cpu_count,
            cpu_tdp_w=self.cpu_tdp_w,
            cpu_tdp_source=self.cpu_tdp_source,
            gpu_model=self.gpu_model,
            gpu_count=self.gpu_count,
            gpu_tracked_count=self.gpu_tracked_count,
            ram_gb=self.ram_gb,
            tracking_mode=self.tracking_mode,
            pue=self.pue,
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_low_kwh(self) -> float | None:
        """Lower end of the energy that the machine drew at the wall, times the PUE, kWh."""
        return self.energy_interval.low_kwh if self.energy_interval else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_high_kwh(self) -> float | None:
        """Upper end of the energy that the machine drew at the wall, times the PUE, kWh."""
        return self.energy_interval.high_kwh if self.energy_interval else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def quality(self) -> Quality | None:
        """BoAmps' quality level of the energy: it errs by at most 10 (`high`), 25 (`medium`), 50 % (`low`); or none."""
        interval, energy_kwh = self.energy_interval, self.estimate_kwh
        return interval.quality(energy_kwh) if interval and energy_kwh is not None else None

    @property
    def intensity_interval(self) -> tuple[float, float] | None:
        """Interval of the carbon intensity, gCO2eq/kWh."""
        return intensity_interval(
            self.carbon_intensity_g_per_kwh, self.intensity_source, self.country_iso_code, self.region
        )

    @computed_field  # type: ignore[prop-decorator]
    @property
    def carbon_intensity_low_g_per_kwh(self) -> float | None:
        """Lower end of the carbon intensity, gCO2eq/kWh."""
        return self.intensity_interval[0] if self.intensity_interval else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def carbon_intensity_high_g_per_kwh(self) -> float | None:
        """Upper end of the carbon intensity, gCO2eq/kWh."""
        return self.intensity_interval[1] if self.intensity_interval else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def emissions_low_kg(self) -> float | None:
        """Lower end of the emissions, kg CO2eq: lower end of the energy times lower end of the carbon intensity."""
        return _kg(self.energy_low_kwh, self.carbon_intensity_low_g_per_kwh)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def emissions_high_kg(self) -> float | None:
        """Upper end of the emissions, kg CO2eq: upper end of the energy times upper end of the carbon intensity."""
        return _kg(self.energy_high_kwh, self.carbon_intensity_high_g_per_kwh)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_power_w(self) -> float | None:
        """Mean power of the CPUs, W: energy over duration."""
        return mean_power_w(self.cpu_energy_kwh, self.duration_s)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def gpu_power_w(self) -> float | None:
        """Mean power of the GPUs, W: energy over duration."""
        return mean_power_w(self.gpu_energy_kwh, self.duration_s)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ram_power_w(self) -> float | None:
        """Mean power of the memory, W: energy over duration."""
        return mean_power_w(self.ram_energy_kwh, self.duration_s)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def emissions_kg(self) -> float | None:
        """Emissions, kg CO2eq: energy times carbon intensity."""
        return _kg(self.energy_kwh, self.carbon_intensity_g_per_kwh)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def emissions_rate_kg_per_s(self) -> float | None:
        """Emissions over duration, kg CO2eq/s."""
        return _over(self.emissions_kg, self.duration_s)


def mean_power_w(energy_kwh: float | None, duration_s: float) -> float | None:
    """Mean power, W: energy over duration.

    Args:
        energy_kwh: energy, kWh; None if it is not known.
        duration_s: duration, seconds.

    Returns:
        The power, W (1 kWh = 3.6e6 J); None if the energy is not known or the duration is 0.
    """
    return None if energy_kwh is None else _over(energy_kwh * J_PER_KWH, duration_s)


def _few(kwh: float | None) -> float | None:
    """An end of an interval with as many digits as make sense in each of very many phases."""
    return None if kwh is None else float(f"{kwh:.6g}")


def _kg(energy_kwh: float | None, g_per_kwh: float | None) -> float | None:
    return None if energy_kwh is None or g_per_kwh is None else energy_kwh * g_per_kwh / 1000


def _over(amount: float | None, duration_s: float) -> float | None:
    return amount / duration_s if amount is not None and duration_s > SHORTEST_S else None
