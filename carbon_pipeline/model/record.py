"""The record of one run: what was measured, how, where and on what. It never changes once it has landed.

Its fields carry the names and units of the columns of `core.run` and `report.runs`; the warehouse loads it as it is.
A value that is not known is None. Whatever follows from other fields (totals, power, emissions) is computed from them,
so that it cannot contradict them.
"""

from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    computed_field,
    model_validator,
)

from carbon_pipeline.model.flags import SHORT_RUN_S
from carbon_pipeline.model.interval import Interval, Quality, intensity_interval, interval


class TrackingMode(StrEnum):
    """What a meter looks at."""

    machine = "machine"
    """The whole machine."""
    process = "process"
    """This process and its children."""


Status = Literal["completed", "failed", "cancelled", "interrupted"]
Origin = Literal["dagster", "track", "command", "csv"]

SHORTEST_S = 1e-6
"""Below this duration a quotient has no meaning: energy over duration is left out."""

Energy = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Share = Annotated[float, Field(allow_inf_nan=False)]


def _utc(value: object) -> object:
    return value.astimezone(UTC) if isinstance(value, datetime) and value.tzinfo else value


Moment = Annotated[AwareDatetime, BeforeValidator(_utc)]


class RunRecord(BaseModel):
    """One tracked run.

    Energies are in kWh and contain the PUE (`pue`); power is in W, emissions in kg CO2eq, times in UTC.
    """

    model_config = ConfigDict(frozen=True, validate_assignment=True)

    record_version: Literal[1] = Field(1, description="Version of this layout.")

    run_id: str = Field(min_length=1, description="Unique to the run.")
    name: str = Field(min_length=1, description="What was tracked, such as the asset's name.")
    project_name: str = Field(description="Project that the run belongs to.")
    experiment_id: str | None = Field(None, description="Experiment that the run belongs to, if one was named.")
    status: Status = Field(description="How the tracked work ended.")
    source: Origin = Field(description="What tracked it: a Dagster asset, track(), a command, or an imported CSV file.")
    flags: list[str] = Field(default_factory=list, description="What is doubtful; see carbon_pipeline.model.flags.")

    started_at: Moment = Field(description="Start of the tracked work, UTC.")
    ended_at: Moment = Field(description="End of the tracked work, UTC.")
    duration_s: float = Field(ge=0, allow_inf_nan=False, description="Duration by a monotonic clock, seconds.")

    cpu_energy_kwh: Energy | None = Field(None, description="Energy of the CPUs, kWh.")
    gpu_energy_kwh: Energy | None = Field(None, description="Energy of the GPUs, kWh; 0 where the machine has none.")
    ram_energy_kwh: Energy | None = Field(None, description="Energy of the memory, kWh.")
    cpu_method: str = Field("none", description="How the CPUs' energy was obtained.")
    gpu_method: str = Field("none", description="How the GPUs' energy was obtained.")
    ram_method: str = Field("none", description="How the memory's energy was obtained.")
    cpu_tdp_w: Energy | None = Field(None, description="TDP of all CPUs that a modelled method reckons with, W.")
    cpu_tdp_source: str | None = Field(
        None, description="Where that TDP comes from: `table`, or a guess of CodeCarbon's, `4_w_per_thread` or `85_w`."
    )
    gpu_tracked_count: Count | None = Field(None, description="GPUs whose energy was measured.")
    sample_s: float | None = Field(None, gt=0, description="How often the meter was to be read, seconds.")
    sample_count: Count | None = Field(None, description="How often the meter was read, the end included.")
    idle_energy_kwh: Energy | None = Field(None, description="Energy of the idle machine in `idle_duration_s`, kWh.")
    idle_cpu_energy_kwh: Energy | None = Field(None, description="The CPUs' part of it, kWh.")
    idle_gpu_energy_kwh: Energy | None = Field(None, description="The GPUs' part of it, kWh.")
    idle_ram_energy_kwh: Energy | None = Field(None, description="The memory's part of it, kWh.")
    idle_duration_s: float | None = Field(None, gt=0, description="How long the idle machine was measured, seconds.")
    idle_measured_at: Moment | None = Field(None, description="When the idle machine was measured, UTC.")
    tracking_mode: TrackingMode = Field(description="What the meter looked at.")
    pue: float = Field(
        ge=1, le=100, allow_inf_nan=False, description="Power usage effectiveness contained in the energies."
    )
    meter: str = Field(description="Name of the meter.")
    meter_version: str | None = Field(None, description="Version of the meter.")
    meter_error: str | None = Field(None, description="Why the meter failed, if it did.")
    settings_error: str | None = Field(None, description="Which setting was not usable, if one was not.")
    meter_settings_ignored: str | None = Field(
        None, description="CodeCarbon's settings found in files and variables; they do not count here."
    )

    carbon_intensity_g_per_kwh: Energy | None = Field(
        None, description="Carbon intensity of the electricity, gCO2eq/kWh."
    )
    intensity_source: str = Field("unknown", description="Where the carbon intensity comes from.")
    intensity_year: int | None = Field(None, description="Year that an average carbon intensity is of.")
    intensity_note: str | None = Field(None, description="What else there is to say of the carbon intensity.")
    country_iso_code: str | None = Field(None, min_length=2, max_length=2, description="Country, two letters.")
    country_name: str | None = Field(None, description="Country, English name.")
    region: str | None = Field(None, description="Region within the country.")
    latitude: float | None = Field(None, ge=-90, le=90, description="Degrees north.")
    longitude: float | None = Field(None, ge=-180, le=180, description="Degrees east.")
    location_source: str = Field("unknown", description="Where the location comes from.")
    cloud_provider: str | None = Field(None, description="Cloud provider.")
    cloud_region: str | None = Field(None, description="The provider's name of its region.")

    host: str | None = Field(None, description="Name of the machine in its network.")
    cpu_model: str | None = Field(None, description="Name of the CPU.")
    cpu_count: Count | None = Field(None, ge=1, description="Logical CPUs.")
    cpu_physical_count: Count | None = Field(None, ge=1, description="Physical cores.")
    gpu_model: str | None = Field(None, description="Name of the GPUs.")
    gpu_count: Count | None = Field(None, description="GPUs that NVML reports.")
    gpu_memory_gb: Energy | None = Field(None, description="Memory of one GPU, GiB.")
    gpu_driver: str | None = Field(None, description="Version of the GPU driver.")
    ram_gb: Energy | None = Field(None, description="Main memory, GiB.")
    machine_kind: str | None = Field(None, description="laptop, desktop, server or virtual.")
    process_cpu_s: Share | None = Field(
        None, description="CPU seconds of this process and all that it started, in the run."
    )
    host_cpu_s: Share | None = Field(None, description="Busy CPU seconds of the whole host in the run.")

    os: str | None = Field(None, description="Operating system.")
    distribution: str | None = Field(None, description="Its distribution, such as Debian GNU/Linux.")
    distribution_version: str | None = Field(None, description="Version of the distribution.")
    python_version: str | None = Field(None, description="Version of Python.")
    codecarbon_version: str | None = Field(None, description="Version of CodeCarbon.")

    task: dict[str, JsonValue] | None = Field(
        None, description="What the work was, as a report is to say it: the fields of BoAmps' `task`."
    )
    asset_key: str | None = Field(None, description="Dagster asset, parts joined by '/'.")
    dagster_run_id: str | None = Field(None, description="Dagster run.")
    step_key: str | None = Field(None, description="Dagster step.")
    partition_key: str | None = Field(None, description="Dagster partition.")
    retry_number: Count | None = Field(None, description="Attempt of the Dagster step, 0 for the first.")

    @model_validator(mode="after")
    def _ends_after_it_started(self) -> "RunRecord":
        if self.ended_at < self.started_at:
            raise ValueError(f"ended_at {self.ended_at} is before started_at {self.started_at}")
        return self

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_kwh(self) -> float | None:
        """Energy that the meter saw, kWh: the sum of the parts that are known, None if none is."""
        known = [e for e in (self.cpu_energy_kwh, self.gpu_energy_kwh, self.ram_energy_kwh) if e is not None]
        return sum(known) if known else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_above_idle_kwh(self) -> float | None:
        """Energy less what the idle machine would have drawn in the same time, kWh; below 0 by chance."""
        if self.energy_kwh is None or self.idle_energy_kwh is None or self.idle_duration_s is None:
            return None
        return self.energy_kwh - self.idle_energy_kwh * self.duration_s / self.idle_duration_s

    @computed_field  # type: ignore[prop-decorator]
    @property
    def cpu_utilization(self) -> float | None:
        """Mean load of all logical CPUs of the host, 0 to 1; the system counts in ticks, too coarse for a short run."""
        if self.host_cpu_s is None or self.cpu_count is None or self.duration_s < SHORT_RUN_S:
            return None
        return min(self.host_cpu_s / (self.duration_s * self.cpu_count), 1.0)

    @cached_property
    def energy_interval(self) -> Interval | None:
        """Where the energy lies that the machine drew at the wall, kWh, PUE included as in `energy_kwh`."""
        return interval(
            {"cpu": self.cpu_energy_kwh, "gpu": self.gpu_energy_kwh, "ram": self.ram_energy_kwh},
            {"cpu": self.cpu_method, "gpu": self.gpu_method, "ram": self.ram_method},
            self.duration_s,
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
        """Lower end of what the machine drew at the wall, kWh."""
        return self.energy_interval.low_kwh if self.energy_interval else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def energy_high_kwh(self) -> float | None:
        """Upper end of what the machine drew at the wall, kWh."""
        return self.energy_interval.high_kwh if self.energy_interval else None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def quality(self) -> Quality | None:
        """BoAmps' band: `high` within 10 %, `medium` within 25 %, `low` otherwise."""
        return self.energy_interval.quality if self.energy_interval else None

    @property
    def intensity_interval(self) -> tuple[float, float] | None:
        """Where the carbon intensity lies, gCO2eq/kWh."""
        return intensity_interval(self.carbon_intensity_g_per_kwh, self.intensity_source)

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
        """Lower end of the emissions, kg CO2eq: both lower ends."""
        return _kg(self.energy_low_kwh, self.carbon_intensity_low_g_per_kwh)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def emissions_high_kg(self) -> float | None:
        """Upper end of the emissions, kg CO2eq: both upper ends."""
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
        """Emissions over duration, kg/s."""
        return _over(self.emissions_kg, self.duration_s)


def mean_power_w(energy_kwh: float | None, duration_s: float) -> float | None:
    """Energy over duration.

    Args:
        energy_kwh: kWh, None if not known.
        duration_s: seconds.

    Returns:
        W (1 kWh = 3.6e6 J); None if the energy is not known or the duration is 0.
    """
    return None if energy_kwh is None else _over(energy_kwh * 3.6e6, duration_s)


def _kg(energy_kwh: float | None, g_per_kwh: float | None) -> float | None:
    return None if energy_kwh is None or g_per_kwh is None else energy_kwh * g_per_kwh / 1000


def _over(amount: float | None, duration_s: float) -> float | None:
    return amount / duration_s if amount is not None and duration_s > SHORTEST_S else None
