"""Location of this machine: as configured, else from ip-api.com, else unknown. There is no default country."""

from typing import Any

from pydantic import BaseModel, ConfigDict

from carbon_pipeline.common.answer_cache import AnswerCache
from carbon_pipeline.common.country import Country, find_country
from carbon_pipeline.common.network import ask_json, one_line
from carbon_pipeline.settings import Settings

# The free service answers over HTTP only: https://ip-api.com/docs/api:json (45 requests a minute, non-commercial use).
IP_API_URL = "http://ip-api.com/json/?fields=status,message,country,countryCode,regionName,lat,lon"
CACHE_S = 24 * 3600
RETRY_S = 600
"""How long a failure is cached, seconds, so that a machine without a network does not wait at each run."""

LONGEST_TEXT = 200
"""Characters; the longest names of countries and regions have some 50."""


class Location(BaseModel):
    """A location, with its source.

    Attributes:
        country_iso_code: ISO 3166-1 code, two letters, None if unknown.
        country_name: English name, None if unknown.
        region: region within the country.
        latitude: degrees north, -90 to 90.
        longitude: degrees east, -180 to 180.
        source: `configured`, `ip-api` or `unknown`.
        reason: why the location is unknown, or that it comes from the cache.
    """

    model_config = ConfigDict(frozen=True)

    country_iso_code: str | None = None
    country_name: str | None = None
    region: str | None = None
    latitude: float | None = None
    longitude: float | None = None
    source: str = "unknown"
    reason: str | None = None


def probe_location(settings: Settings) -> Location:
    """Determine the location of this machine, with at most one request of at most 4 s.

    Args:
        settings: `country_iso_code` and `region` take precedence; with `geolocation` off no request is sent; the answer
            of ip-api.com is cached in `data_dir/cache/location.json` for a day.

    Returns:
        The location; unknown, with a reason, if it could not be determined.
    """
    if settings.country is not None:
        return Location(
            country_iso_code=settings.country.alpha_2,
            country_name=settings.country.name,
            region=settings.region,
            source="configured",
        )
    if not settings.geolocation:
        return Location(reason="CARBON_GEOLOCATION is off and CARBON_COUNTRY_ISO_CODE is not set")
    cache = AnswerCache(
        settings.data_dir / "cache" / "location.json", parse_answer, answer_s=CACHE_S, failure_s=RETRY_S
    )
    cached = cache.get()
    if cached is None:
        return _request_location(cache)
    if cached.answer is None:
        return Location(reason=f"{cached.failure} (cached, {cached.age_s:.0f} s old)")
    return cached.answer.model_copy(update={"reason": f"cached, {cached.age_s / 3600:.1f} h old"})


def parse_answer(answer: Any) -> Location:
    """Parse the answer of ip-api.com.

    Returns:
        The location; fields that the answer lacks are None.

    Raises:
        ValueError: the answer contains no country, or any value that cannot be right.
    """
    if not isinstance(answer, dict):
        raise ValueError("the answer is not a JSON object")
    if answer.get("status") != "success":
        raise ValueError(f"the service reported {answer.get('message') or answer.get('status')!r}")
    code = answer.get("countryCode")
    if not isinstance(code, str) or len(code) != 2:
        raise ValueError("countryCode is not a code of two letters")
    country: Country = find_country(code)
    latitude, longitude = _degrees(answer, "lat", 90), _degrees(answer, "lon", 180)
    both = latitude is not None and longitude is not None
    return Location(
        country_iso_code=country.alpha_2,
        country_name=_text(answer, "country") or country.name,
        region=_text(answer, "regionName"),
        latitude=latitude if both else None,
        longitude=longitude if both else None,
        source="ip-api",
    )


def _request_location(cache: AnswerCache[Location]) -> Location:
    try:
        answer = ask_json(IP_API_URL)
        location = parse_answer(answer)
    except (OSError, ValueError) as error:  # requests' exceptions are OSErrors
        location = Location(reason=f"location request to ip-api.com failed: {one_line(error)}")
        cache.put(failure=location.reason)
    else:
        cache.put(answer)
    return location


def _degrees(answer: dict[str, Any], name: str, limit: int) -> float | None:
    value = answer.get(name)
    if value is None:
        return None
    # The comparison comes before any conversion: an integer in JSON can be too large for a float.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise ValueError(f"{name} is not a number from -{limit} to {limit}")
    return float(value)


def _text(answer: dict[str, Any], name: str) -> str | None:
    value = answer.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise ValueError(f"{name} is not a text of at most {LONGEST_TEXT} printable characters")
    return value.strip() or None
