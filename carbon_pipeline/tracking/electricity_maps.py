"""Hourly carbon intensity from Electricity Maps, for users with an API token. Fallbacks are chosen elsewhere."""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from carbon_pipeline.common.answer_cache import AnswerCache
from carbon_pipeline.common.network import ask_json, one_line
from carbon_pipeline.model.quantities import HIGHEST_G_PER_KWH
from carbon_pipeline.probes.location import Location

# https://portal.electricitymaps.com/docs/api: `latest` is the current hour, `history` the last 24 hours
URL = "https://api.electricitymaps.com/v3/carbon-intensity"
CACHE_S = 600
"""How long an answer or a failure is cached, seconds. The data are hourly."""


class LiveIntensity(BaseModel):
    """Carbon intensity of the grid in one hour.

    Attributes:
        g_per_kwh: gCO2eq/kWh, life-cycle emissions, electricity imports included.
        hour: start of the hour, UTC.
        is_estimated: whether the value is an estimate of Electricity Maps.
    """

    model_config = ConfigDict(frozen=True)

    g_per_kwh: float = Field(ge=0, le=HIGHEST_G_PER_KWH)
    hour: datetime
    is_estimated: bool = False


class ElectricityMapsError(RuntimeError):
    """No live intensity is available; the message gives the reason and never contains the token."""


def latest(token: str, location: Location, data_dir: Path) -> LiveIntensity:
    """Request the carbon intensity of the current hour.

    Args:
        token: API token.
        location: location of the machine; the request uses its coordinates if they are known, else its country.
        data_dir: the data folder; the answer is cached in `cache/electricity_maps.json`.

    Raises:
        ElectricityMapsError: the intensity is not available, now or by a cached failure.
    """
    place = _place_parameters(location)
    question = hashlib.sha256(json.dumps([token, place]).encode()).hexdigest()[:16]
    cache = AnswerCache(
        data_dir / "cache" / "electricity_maps.json", LiveIntensity.model_validate, answer_s=CACHE_S, failure_s=CACHE_S
    )
    cached = cache.get(question)
    if cached is None:
        try:
            found = _parse(_request("latest", token, place))
        except ElectricityMapsError as error:
            cache.put(failure=str(error), question=question)
            raise
        cache.put(found.model_dump(mode="json"), question=question)
        return found
    if cached.answer is None:
        raise ElectricityMapsError(cached.failure)
    return cached.answer


def last_day(token: str, location: Location) -> dict[datetime, float]:
    """Request the carbon intensity of the last 24 hours.

    Returns:
        gCO2eq/kWh by start of the hour, UTC.

    Raises:
        ElectricityMapsError: the history is not available.
    """
    answer = _request("history", token, _place_parameters(location))
    history = answer.get("history") if isinstance(answer, dict) else None
    if not isinstance(history, list) or not history:
        raise ElectricityMapsError("Electricity Maps returned no history")
    return {entry.hour: entry.g_per_kwh for entry in map(_parse, history)}


def hour_of(moment: datetime) -> datetime:
    """Start of the hour that contains a moment, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _place_parameters(location: Location) -> dict[str, Any]:
    if location.latitude is not None and location.longitude is not None:
        return {"lat": location.latitude, "lon": location.longitude}
    if location.country_iso_code is not None:
        return {"countryCode": location.country_iso_code}
    raise ElectricityMapsError("Electricity Maps needs a location: set CARBON_COUNTRY_ISO_CODE")


def _request(what: str, token: str, place: dict[str, Any]) -> Any:
    if not (token.isascii() and token.isprintable()):  # the exception of requests would quote the token
        raise ElectricityMapsError(
            "Electricity Maps: check ELECTRICITYMAPS_API_TOKEN; it contains characters other than printable ASCII"
        )
    try:
        return ask_json(f"{URL}/{what}", place, {"auth-token": token})
    except (OSError, ValueError) as error:
        raise ElectricityMapsError(f"Electricity Maps: {one_line(error)}") from None


def _parse(answer: Any) -> LiveIntensity:
    try:
        g_per_kwh, moment = answer["carbonIntensity"], datetime.fromisoformat(answer["datetime"])
        is_valid = isinstance(g_per_kwh, int | float) and not isinstance(g_per_kwh, bool) and moment.tzinfo is not None
        hour = hour_of(moment)
    except (KeyError, TypeError, ValueError, OverflowError):  # OverflowError: the first or last day of the calendar
        is_valid = False
    if not is_valid:
        raise ElectricityMapsError("Electricity Maps: carbonIntensity or datetime is missing or invalid")
    if not 0 <= g_per_kwh <= HIGHEST_G_PER_KWH:
        raise ElectricityMapsError(f"Electricity Maps returned an invalid carbonIntensity: {str(g_per_kwh)[:20]}")
    return LiveIntensity(g_per_kwh=g_per_kwh, hour=hour, is_estimated=answer.get("isEstimated") is True)
