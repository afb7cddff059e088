"""Carbon intensity by the hour from Electricity Maps, for who has a token. No fallback is chosen here."""

import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.common.answer_cache import AnswerCache
from carbon_pipeline.common.network import ask_json, one_line
from carbon_pipeline.probes.location import Location

# https://portal.electricitymaps.com/docs/api: the current hour, and the last 24 of them
URL = "https://api.electricitymaps.com/v3/carbon-intensity"
CACHE_S = 600
"""Data are hourly; an answer, or a failure, is kept for ten minutes."""


class LiveIntensity(BaseModel):
    """The grid in one hour.

    Attributes:
        g_per_kwh: gCO2eq/kWh, life cycle, imports included.
        hour: start of the hour, UTC.
        is_estimated: whether Electricity Maps estimated it.
    """

    model_config = ConfigDict(frozen=True)

    g_per_kwh: float
    hour: datetime
    is_estimated: bool = False


class ElectricityMapsError(RuntimeError):
    """There is no live intensity; the message says why, and never holds the token."""


def latest(token: str, location: Location, data_dir: Path) -> LiveIntensity:
    """The carbon intensity of the current hour.

    Args:
        token: API token.
        location: where the machine stands; coordinates are asked for if they are known, else the country.
        data_dir: the answer is kept in `cache/electricity_maps.json`.

    Returns:
        The intensity.

    Raises:
        ElectricityMapsError: nobody could say.
    """
    place = _place(location)
    question = hashlib.sha256(json.dumps([token, place]).encode()).hexdigest()[:16]
    cache = AnswerCache(
        data_dir / "cache" / "electricity_maps.json", LiveIntensity.model_validate, answer_s=CACHE_S, failure_s=CACHE_S
    )
    kept = cache.get(question)
    if kept is None:
        try:
            found = _parse(_ask("latest", token, place))
        except ElectricityMapsError as error:
            cache.put(failure=str(error), question=question)
            raise
        cache.put(found.model_dump(mode="json"), question=question)
        return found
    if kept.answer is None:
        raise ElectricityMapsError(kept.failure)
    return kept.answer


def last_day(token: str, location: Location) -> dict[datetime, float]:
    """The carbon intensity of the last 24 hours.

    Args:
        token: API token.
        location: where the machine stands.

    Returns:
        gCO2eq/kWh by start of the hour, UTC.

    Raises:
        ElectricityMapsError: nobody could say.
    """
    answer = _ask("history", token, _place(location))
    history = answer.get("history") if isinstance(answer, dict) else None
    if not isinstance(history, list) or not history:
        raise ElectricityMapsError("Electricity Maps sent no history")
    return {entry.hour: entry.g_per_kwh for entry in map(_parse, history)}


def hour_of(moment: datetime) -> datetime:
    """The start of the hour of a moment, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _place(location: Location) -> dict[str, Any]:
    if location.latitude is not None and location.longitude is not None:
        return {"lat": location.latitude, "lon": location.longitude}
    if location.country_iso_code is not None:
        return {"countryCode": location.country_iso_code}
    raise ElectricityMapsError("Electricity Maps needs a place: set CARBON_COUNTRY_ISO_CODE")


def _ask(what: str, token: str, place: dict[str, Any]) -> Any:
    if not (token.isascii() and token.isprintable()):  # the error that requests raises would quote it
        raise ElectricityMapsError("Electricity Maps: ELECTRICITYMAPS_API_TOKEN holds letters that no token has")
    try:
        return ask_json(f"{URL}/{what}", place, {"auth-token": token})
    except (OSError, ValueError) as error:
        raise ElectricityMapsError(f"Electricity Maps: {one_line(error)}") from None


def _parse(answer: Any) -> LiveIntensity:
    try:
        g_per_kwh = float(answer["carbonIntensity"])
        hour = hour_of(datetime.fromisoformat(answer["datetime"]))
    except (KeyError, TypeError, ValueError):
        raise ElectricityMapsError("Electricity Maps sent an answer without carbonIntensity and datetime") from None
    if not (math.isfinite(g_per_kwh) and g_per_kwh >= 0):
        raise ElectricityMapsError(f"Electricity Maps sent an intensity that makes no sense: {g_per_kwh}")
    return LiveIntensity(g_per_kwh=g_per_kwh, hour=hour, is_estimated=answer.get("isEstimated") is True)
