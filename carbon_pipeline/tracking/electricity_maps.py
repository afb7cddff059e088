"""Carbon intensity by the hour from Electricity Maps, for who has a token. No fallback is chosen here."""

import hashlib
import json
import math
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.files import write_whole
from carbon_pipeline.network import ask_json, one_line
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
    key = hashlib.sha256(json.dumps([token, place]).encode()).hexdigest()[:16]
    cache = data_dir / "cache" / "electricity_maps.json"
    kept = _cached(cache, key)
    if kept is None:
        kept = {"key": key, "asked_at": time.time()}
        try:
            kept["answer"] = _parse(_ask("latest", token, place)).model_dump(mode="json")
        except ElectricityMapsError as error:
            kept["failed"] = str(error)
        with suppress(OSError):  # an unwritable folder costs the cache, not the answer
            write_whole(cache, json.dumps(kept))
    if "failed" in kept:
        raise ElectricityMapsError(kept["failed"])
    return LiveIntensity.model_validate(kept["answer"])


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


def _cached(cache: Path, key: str) -> dict[str, Any] | None:
    try:
        kept = json.loads(cache.read_text(encoding="utf-8"))
        fresh = kept["key"] == key and 0 <= time.time() - float(kept["asked_at"]) < CACHE_S
        if "failed" not in kept:
            LiveIntensity.model_validate(kept["answer"])
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no cache, or one that something else wrote: ask again
    return kept if fresh else None
