"""Every setting, once: what it means, its default, its bounds, and the environment variable that sets it.

Options are settings as they can be given in code: to `track()`, to a Dagster resource, to the component. They all take
their fields from the classes here; what is not given comes from the environment, and then from the default. An option
is not checked where it is given, since a wrong setting must not break the work that is measured, but when it is read.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from carbon_pipeline.common.country import Country, find_country
from carbon_pipeline.errors import InputError
from carbon_pipeline.model.quantities import HIGHEST_G_PER_KWH, LONGEST_LABEL
from carbon_pipeline.model.record import TrackingMode


class SettingsError(InputError):
    """A setting is not usable; the message names each one, its value and what it should be."""


class LocationOptions(BaseModel):
    """Where the machine is."""

    country_iso_code: str | None = Field(
        None, description="Country, two or three letters (ISO 3166-1); no look-up is made then."
    )
    region: str | None = Field(None, description="Region within the country; counts together with the country.")
    geolocation: bool | None = Field(
        None, description="Whether ip-api.com may be asked for the location; off: never a network call."
    )


class MeasuringOptions(BaseModel):
    """How a run is measured, and what its energy is multiplied by."""

    project_name: str | None = Field(None, description="Project of the runs that name none.")
    carbon_intensity_g_per_kwh: float | None = Field(
        None, description="Carbon intensity of the electricity, gCO2eq/kWh, if you know it."
    )
    pue: float | None = Field(
        None, description="Power usage effectiveness of the site (ISO/IEC 30134-2), at least 1; energies include it."
    )
    cloud_provider: str | None = Field(None, description="Cloud provider on which this machine runs.")
    cloud_region: str | None = Field(None, description="The provider's own name of its region, such as eu-west-3.")
    tracking_mode: TrackingMode | None = Field(
        None, description="What the meter looks at: the whole machine, or this process and its children."
    )
    sample_s: float | None = Field(None, description="How often the meter is read while work is running, seconds.")
    heartbeat_s: float | None = Field(
        None, description="How often the record of a running run is written to disk, seconds."
    )
    wall_meter: str | None = Field(
        None,
        description="A meter at the wall, read beside CodeCarbon: `shelly+http://HOST`, `tasmota+http://HOST`, "
        "`redfish+https://HOST/PATH`, `ipmi`, or `csv:FILE`, a log that another program writes.",
    )


class StorageOptions(BaseModel):
    """Where records, warehouse and reports are, and how much memory the warehouse may use."""

    data_dir: str | None = Field(None, description="Folder of records, warehouse and reports.")
    landing_url: str | None = Field(
        None,
        description="Where the records of several machines land, besides the data folder of each: "
        "`s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, or a folder.",
    )
    memory_limit: str | None = Field(
        None,
        description="Memory that DuckDB may use, such as 4GB or 512MiB; beyond it goes to `.spill` in the data folder.",
    )


class ReportOptions(BaseModel):
    """What people add to reports."""

    report_context: str | None = Field(
        None, description="YAML file with the part of BoAmps reports that no machine can know."
    )


class TrackOptions(TypedDict, total=False):
    """The fields of `LocationOptions` and `MeasuringOptions`, and where records go, as arguments of `track()`."""

    country_iso_code: str | None
    region: str | None
    geolocation: bool | None
    project_name: str | None
    carbon_intensity_g_per_kwh: float | None
    pue: float | None
    cloud_provider: str | None
    cloud_region: str | None
    tracking_mode: TrackingMode | Literal["machine", "process"] | None
    sample_s: float | None
    heartbeat_s: float | None
    wall_meter: str | None
    data_dir: str | Path | None
    landing_url: str | None


def _known_country(code: str) -> str:
    return find_country(code).alpha_2


def _not_the_word_none(value: Any) -> Any:
    """The original script wrote `os.environ.get("CLOUD_PROVIDER", "None")`; that word names no provider."""
    return None if isinstance(value, str) and value.strip().lower() in ("", "none") else value


def _switch(value: Any) -> Any:
    """A switch as people write it: `off` must not be taken for anything else because of its spelling."""
    text = str(value).strip().lower()
    return {"false": "off", "0": "off", "no": "off", "true": "on", "1": "on", "yes": "on"}.get(text, text)


def _stripped(value: Any) -> Any:
    """A token that was read from a file often ends with a line feed."""
    return value.strip() if isinstance(value, str) else value


def _with_home(path: Path) -> Path:
    """A path with `~` as the shell reads it, which expands it neither behind `=` nor in a configuration."""
    try:
        return path.expanduser()
    except RuntimeError as error:  # there is no such user
        raise ValueError(str(error)) from None


WALL_METERS = "shelly+http://HOST, tasmota+http://HOST, redfish+https://HOST/PATH, ipmi or csv:FILE"


def _wall_meter(text: str) -> str:
    """The address of a wall meter; what is in it is shown and logged, so that it must not hold a password."""
    text = text.strip()
    if text == "ipmi" or re.fullmatch("csv:.+", text):
        return text
    found = re.fullmatch(r"(shelly|tasmota|redfish)\+(https?://[^/\s?#]+)(/[^\s?#]*)?", text)
    if not found:
        raise ValueError(f"it should be such as {WALL_METERS}")
    if "@" in text:
        raise ValueError("user and password belong into CARBON_WALL_METER_USER and CARBON_WALL_METER_PASSWORD")
    try:
        urlsplit(text)
    except ValueError:
        raise ValueError(f"it should be such as {WALL_METERS}") from None
    if found[1] == "redfish" and not (found[3] or "").strip("/"):
        raise ValueError("the path is missing, such as /redfish/v1/Chassis/1/Power")
    return text


def _landing_url(text: str) -> str:
    """The address of a store; what is in it is shown and logged, so that it must not hold a password."""
    text = text.strip().rstrip("/")
    if not text.removeprefix("file:"):
        raise ValueError("it names no folder")
    is_address = re.match(r"(s3|gs|az|file)://[^/\s]", text.replace("file:///", "file://"))
    if re.match(r"\w{2,}:", text) and not is_address:
        raise ValueError("it should be s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX, or a folder")
    if re.search(r"://[^/]*@|[?#]", text) and "://" in text:
        raise ValueError("credentials belong into the provider's own variables, such as AWS_ACCESS_KEY_ID")
    return text


def _described(options: type[BaseModel], name: str, default: Any, **bounds: Any) -> Any:
    """The field of an option as a setting in force: with its description, a default and bounds."""
    return Field(default, description=options.model_fields[name].description, **bounds)


def encodable_text(value: Any) -> str | None:
    """A value as text that can be encoded as UTF-8; other characters are escaped. None stays None."""
    return None if value is None else str(value).encode("utf-8", "backslashreplace").decode()


ProjectName = Annotated[str, BeforeValidator(encodable_text)]
CloudName = Annotated[str | None, BeforeValidator(_not_the_word_none)]
PathWithHome = Annotated[Path, AfterValidator(_with_home)]
POSITIVE: dict[str, Any] = {"gt": 0, "allow_inf_nan": False}
INTERVAL: dict[str, Any] = {**POSITIVE, "le": 1e6}
"""Python's clocks wait no longer than some hundred years, and nobody wants to wait for more than days."""
UNPREFIXED = ("cloud_provider", "cloud_region", "carbon_intensity_g_per_kwh", "electricitymaps_api_token")
"""Settings whose environment variable is their name in capitals; that of any other begins with `CARBON_`."""


class Settings(ReportOptions, MeasuringOptions, LocationOptions, StorageOptions, BaseSettings):
    """The settings in force: what is given in code, else the environment variable, else the default.

    A variable that is set but empty counts as not set.

    Example:
        >>> Settings(data_dir="/srv/carbon", pue=1.2).pue
        1.2
    """

    model_config = SettingsConfigDict(env_prefix="CARBON_", env_ignore_empty=True, extra="forbid", frozen=True)

    data_dir: PathWithHome = _described(StorageOptions, "data_dir", Path("data"))  # type: ignore[assignment]
    project_name: ProjectName = _described(
        MeasuringOptions, "project_name", "carbon_pipeline", min_length=1, max_length=LONGEST_LABEL
    )
    country_iso_code: Annotated[str, AfterValidator(_known_country)] | None = _described(
        LocationOptions, "country_iso_code", None
    )
    region: str | None = _described(LocationOptions, "region", None, max_length=LONGEST_LABEL)
    geolocation: bool = _described(LocationOptions, "geolocation", True)
    carbon_intensity_g_per_kwh: float | None = _described(
        MeasuringOptions,
        "carbon_intensity_g_per_kwh",
        None,
        ge=0,
        le=HIGHEST_G_PER_KWH,
        allow_inf_nan=False,
        validation_alias="carbon_intensity_g_per_kwh",
    )
    pue: float = _described(MeasuringOptions, "pue", 1.0, ge=1, le=100, allow_inf_nan=False)
    cloud_provider: CloudName = _described(
        MeasuringOptions, "cloud_provider", None, max_length=LONGEST_LABEL, validation_alias="cloud_provider"
    )
    cloud_region: CloudName = _described(
        MeasuringOptions, "cloud_region", None, max_length=LONGEST_LABEL, validation_alias="cloud_region"
    )
    tracking_mode: TrackingMode = _described(MeasuringOptions, "tracking_mode", TrackingMode.machine)
    sample_s: float = _described(MeasuringOptions, "sample_s", 1.0, **INTERVAL)
    heartbeat_s: float = _described(MeasuringOptions, "heartbeat_s", 10.0, **INTERVAL)
    wall_meter: Annotated[str, AfterValidator(_wall_meter)] | None = _described(MeasuringOptions, "wall_meter", None)
    wall_meter_user: str | None = Field(None, description="User of the wall meter; a Shelly has `admin`.")
    wall_meter_password: Annotated[SecretStr, BeforeValidator(_stripped)] | None = Field(
        None, description="Password of the wall meter."
    )
    wall_meter_ca: PathWithHome | None = Field(
        None, description="File with the certificate that signs that of the wall meter, for https."
    )
    landing_url: Annotated[str, AfterValidator(_landing_url)] | None = _described(StorageOptions, "landing_url", None)
    memory_limit: str = _described(StorageOptions, "memory_limit", "4GB", pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$")
    report_context: PathWithHome = _described(ReportOptions, "report_context", Path("report_context.yaml"))  # type: ignore[assignment]

    tracking: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = Field(
        "auto",
        description="Whether work is measured; auto: all but what runs under one of Dagster's ephemeral instances, as "
        "unit tests do; on: that as well; off: nothing.",
    )
    host_id: str | None = Field(
        None,
        max_length=LONGEST_LABEL,
        description="Name of this host where the boot ID does not tell it: runs on hosts of one name may overlap.",
    )
    baseline_s: float = Field(
        60.0,
        **POSITIVE,
        description="How long the idle machine is measured, seconds; 60 is the shortest window of MLPerf Power.",
    )
    baseline_days: float = Field(
        7.0,
        ge=0,
        allow_inf_nan=False,
        description="How old an idle baseline may be before the asset idle_baseline measures another one, days.",
    )
    embodied_kg: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Emissions of making this machine, kg CO2eq, for the SCI score."
    )
    lifetime_years: float = Field(
        4.0, **POSITIVE, description="How long this machine is in use, years, for the SCI score."
    )
    electricitymaps_api_token: Annotated[SecretStr, BeforeValidator(_stripped)] | None = Field(
        None,
        validation_alias="electricitymaps_api_token",
        description="Token of electricitymaps.com, for the carbon intensity of the hour.",
    )

    @property
    def country(self) -> Country | None:
        """The configured country, if there is one."""
        return find_country(self.country_iso_code) if self.country_iso_code else None


def given(options: BaseModel, kind: type[BaseModel]) -> dict[str, Any]:
    """The options of one kind that an object holds.

    Args:
        options: an object of a class that inherits from `kind`, such as a Dagster resource.
        kind: one of the classes of options here.

    Returns:
        Name to value, for `read_settings`; None means "not given".
    """
    return {name: getattr(options, name) for name in kind.model_fields}


def read_settings(**options: Any) -> Settings:
    """Read the settings from the environment, with what is given (and not None) on top.

    Args:
        **options: fields of `Settings`; None means "not given".

    Raises:
        SettingsError: a value is not usable.
    """
    try:
        return Settings(**_given_only(options))
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(error))) from None


def read_settings_leniently(**options: Any) -> tuple[Settings, list[str]]:
    """Read the settings as `read_settings` does, but replace a value that is not usable by its default and report it.

    For `track()`: a wrong setting must not break the work that is measured.

    Args:
        **options: fields of `Settings`; None means "not given".

    Returns:
        The settings, and one sentence for each value that was discarded.
    """
    values = _given_only(options)
    try:
        return Settings(**values), []
    except ValidationError as error:
        wrong = {_field_name(part["loc"]) for part in error.errors()}
        defaults = {name: Settings.model_fields[name].default for name in wrong}
        return Settings(**{**values, **defaults}), _explain(error)


def explain_wrong(**options: Any) -> list[str]:
    """Check options by themselves, whatever the environment says.

    Args:
        **options: fields of `Settings`; None means "not given".

    Returns:
        A sentence for each that is not usable.
    """
    given_only = _given_only(options)
    _, problems = read_settings_leniently(**given_only)
    starts = {f"{variable(name)}=": f"{name}: " for name in given_only}
    return [
        text.replace(start, named, 1) for text in problems for start, named in starts.items() if text.startswith(start)
    ]


def variable(field: str) -> str:
    """The environment variable of a field of `Settings`."""
    return field.upper() if field in UNPREFIXED else f"CARBON_{field.upper()}"


def _given_only(options: dict[str, Any]) -> dict[str, Any]:
    """What is given: an empty text counts as not set, as in the environment."""
    return {name: value for name, value in options.items() if value is not None and value != ""}


def _field_name(location: tuple[int | str, ...]) -> str:
    return str(location[0]).lower()


def _explain(error: ValidationError) -> list[str]:
    return [
        f"{variable(_field_name(part['loc']))}={_without_secrets(part['input'])} is not usable: "
        + (_WANTED.get(part["type"]) or f"{part['msg'].removeprefix('Value error, '):.500}")
        for part in error.errors()
    ]


def _without_secrets(value: Any) -> str:
    """A value as it is shown, which ends up in logs and records: of an address only the scheme."""
    return re.sub(r"://.*", "://...'", repr(value), flags=re.DOTALL)[:200]


_WANTED = {"bool_parsing": "it should be on or off", "string_pattern_mismatch": "it should be such as 4GB or 512MiB"}
"""What a value should be, where Pydantic's own words help nobody; the one pattern is that of a memory limit."""
