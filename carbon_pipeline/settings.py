"""Every environment variable that the project reads, in one place.

A value given in code (an argument of `track`, a resource's configuration) wins over the variable; a variable that
is set but empty counts as not set.
"""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from carbon_pipeline.country import Country, find_country


def _known_country(code: str) -> str:
    return find_country(code).alpha_2


def _not_the_word_none(value: Any) -> Any:
    """The original script wrote `os.environ.get("CLOUD_PROVIDER", "None")`; that word names no provider."""
    return None if isinstance(value, str) and value.strip().lower() in ("", "none") else value


def _stripped(value: Any) -> Any:
    """A token that was read from a file often ends with a line feed."""
    return value.strip() if isinstance(value, str) else value


CloudName = Annotated[str | None, BeforeValidator(_not_the_word_none)]


class Settings(BaseSettings):
    """What can be configured, with the defaults.

    Example:
        >>> Settings(data_dir="/srv/carbon", pue=1.2).pue
        1.2
    """

    model_config = SettingsConfigDict(env_prefix="CARBON_", env_ignore_empty=True, extra="forbid", frozen=True)

    data_dir: Path = Field(Path("data"), description="Folder in which records, warehouse and reports lie.")
    project_name: str = Field(
        "carbon_pipeline", min_length=1, description="Project under which runs are recorded that name none."
    )
    country_iso_code: Annotated[str, AfterValidator(_known_country)] | None = Field(
        None, description="Country, two or three letters (ISO 3166-1); no look-up is made then."
    )
    region: str | None = Field(None, description="Region within the country; counts together with the country.")
    geolocation: bool = Field(
        True, description="Whether ip-api.com may be asked for the location; off: never a network call."
    )
    intensity_g_per_kwh: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Carbon intensity of the electricity, gCO2eq/kWh, if you know it."
    )
    pue: float = Field(
        1.0,
        ge=1,
        le=100,
        allow_inf_nan=False,
        description="Power usage effectiveness of the site (ISO/IEC 30134-2), at least 1.",
    )
    cloud_provider: CloudName = Field(
        None,
        validation_alias=AliasChoices("cloud_provider", "CLOUD_PROVIDER"),
        description="Cloud provider on which this machine runs.",
    )
    cloud_region: CloudName = Field(
        None,
        validation_alias=AliasChoices("cloud_region", "CLOUD_REGION"),
        description="The provider's own name of its region, such as eu-west-3.",
    )
    sample_s: float = Field(
        1.0, gt=0, allow_inf_nan=False, description="How often the meter is read while work is running, seconds."
    )
    heartbeat_s: float = Field(
        10.0,
        gt=0,
        allow_inf_nan=False,
        description="How often the record of a run that goes on is put on disk, seconds.",
    )

    baseline_s: float = Field(
        60.0,
        gt=0,
        allow_inf_nan=False,
        description="How long the idle machine is measured, seconds; 60 is the shortest window of MLPerf Power.",
    )
    memory_limit: str = Field(
        "4GB",
        pattern=r"^\d+(\.\d+)? ?([KMGT]i?B)$",
        description="Memory that DuckDB may use, such as 4GB or 512MiB; beyond it goes to `.spill` in the data folder.",
    )
    report_context: Path = Field(
        Path("report_context.yaml"), description="File that says of BoAmps reports what no machine can know."
    )
    embodied_kg: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="Emissions of making this machine, kg CO2eq, for the SCI score."
    )
    lifetime_years: float = Field(
        4.0, gt=0, allow_inf_nan=False, description="How long this machine is in use, years, for the SCI score."
    )
    electricitymaps_api_token: Annotated[SecretStr, BeforeValidator(_stripped)] | None = Field(
        None,
        validation_alias=AliasChoices("electricitymaps_api_token", "ELECTRICITYMAPS_API_TOKEN"),
        description="Token of electricitymaps.com, for the carbon intensity by the hour.",
    )

    @property
    def country(self) -> Country | None:
        """The configured country, if there is one."""
        return find_country(self.country_iso_code) if self.country_iso_code else None


def read_settings(**given: Any) -> Settings:
    """The settings from the environment, with what is given (and not None) on top.

    Args:
        **given: fields of `Settings`; None means "not given".

    Returns:
        The settings.

    Raises:
        ValueError: a value is not usable; the message names each variable, its value and what it should be.
    """
    try:
        return Settings(**_not_none(given))
    except ValidationError as error:
        raise ValueError("; ".join(_explain(error))) from None


def read_settings_leniently(**given: Any) -> tuple[Settings, list[str]]:
    """As `read_settings`, but a value that is not usable is replaced by its default and reported.

    For `track`: a wrong configuration must not break the work that is measured.

    Args:
        **given: fields of `Settings`; None means "not given".

    Returns:
        The settings and one sentence for each value that was left out.
    """
    values = _not_none(given)
    try:
        return Settings(**values), []
    except ValidationError as error:
        wrong = {_field_name(part["loc"]) for part in error.errors()}
        defaults = {name: Settings.model_fields[name].default for name in wrong}
        return Settings(**{**values, **defaults}), _explain(error)


def variable(field: str) -> str:
    """The environment variable behind a field of `Settings`."""
    alias = Settings.model_fields[field].validation_alias
    return field.upper() if alias else f"CARBON_{field.upper()}"


def _not_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def _field_name(location: tuple[int | str, ...]) -> str:
    return str(location[0]).lower()


def _explain(error: ValidationError) -> list[str]:
    return [
        f"{variable(_field_name(part['loc']))}={part['input']!r} is not usable: "
        f"{part['msg'].removeprefix('Value error, ')}"
        for part in error.errors()
    ]
