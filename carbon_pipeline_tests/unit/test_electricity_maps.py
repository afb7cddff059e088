"""Live carbon intensity, asked of a real HTTP server that speaks as Electricity Maps does."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import pytest

from carbon_pipeline import track
from carbon_pipeline.model.samples import Samples
from carbon_pipeline.probes.cloud import Cloud
from carbon_pipeline.probes.location import Location
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking import electricity_maps
from carbon_pipeline.tracking.electricity_maps import hour_of
from carbon_pipeline.tracking.intensity import CarbonIntensity, intensity_now, intensity_over
from carbon_pipeline_tests.fakes import FakeMeter

HOUR = datetime(2026, 11, 24, 3, tzinfo=UTC)
FRANCE = Location(country_iso_code="FR", country_name="France", source="configured")


class Service:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, Any]] = {
            "latest": (200, entry(HOUR, 60)),
            "history": (
                200,
                {"zone": "FR", "history": [entry(HOUR + timedelta(hours=n), 50 + 10 * n) for n in range(3)]},
            ),
        }
        self.asked: list[tuple[str, dict[str, list[str]], str | None]] = []


def entry(hour: datetime, g_per_kwh: Any) -> dict[str, Any]:
    return {
        "zone": "FR",
        "carbonIntensity": g_per_kwh,
        "datetime": hour.isoformat().replace("+00:00", ".000Z"),
        "isEstimated": True,
    }


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> Iterator[Service]:
    service = Service()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlparse(self.path)
            what = url.path.rsplit("/", 1)[-1]
            service.asked.append((what, parse_qs(url.query), self.headers["auth-token"]))
            status, answer = service.answers[what]
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(electricity_maps, "URL", f"http://127.0.0.1:{server.server_port}/v3/carbon-intensity")
    monkeypatch.setenv("ELECTRICITYMAPS_API_TOKEN", "a secret")
    yield service
    server.shutdown()
    server.server_close()


def now(location: Location = FRANCE, **settings: Any) -> CarbonIntensity:
    return intensity_now(read_settings(**settings), location, Cloud())


def test_a_run_with_a_token_has_the_intensity_of_its_hour(service: Service, data_dir: Path) -> None:
    with track("fit", make_meter=FakeMeter(), country_iso_code="FR") as run:
        asked_before_the_work = len(service.asked)
    record = run.record
    assert record is not None
    assert (record.carbon_intensity_g_per_kwh, record.intensity_source) == (60, "electricity_maps")
    assert record.intensity_note == "hour of 2026-11-24 03:00 UTC, estimated"
    assert record.intensity_year is None
    assert asked_before_the_work == 1
    assert service.asked == [("latest", {"countryCode": ["FR"]}, "a secret")]
    assert run.landed_at is not None
    everything = "".join(path.read_text() for path in data_dir.rglob("*") if path.is_file())
    assert "a secret" not in everything


def test_coordinates_are_asked_for_where_they_are_known(service: Service) -> None:
    now(FRANCE.model_copy(update={"latitude": 48.8, "longitude": 2.3}))
    assert service.asked[0][1] == {"lat": ["48.8"], "lon": ["2.3"]}


def test_the_answer_is_kept_for_ten_minutes_and_for_this_place_and_token_only(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert now() == now()
    assert len(service.asked) == 1
    now(Location(country_iso_code="DE"))
    monkeypatch.setenv("ELECTRICITYMAPS_API_TOKEN", "another")
    now()
    assert len(service.asked) == 3


@pytest.mark.parametrize(
    ("status", "answer", "said"),
    [
        (401, {"error": "Invalid token"}, "HTTP 401"),
        (429, {}, "HTTP 429"),
        (500, b"oops", "HTTP 500"),
        (200, b"<html>", "Electricity Maps"),
        (200, {"carbonIntensity": 60}, "carbonIntensity or datetime is missing"),
        (200, {"datetime": "yesterday", "carbonIntensity": 60}, "carbonIntensity or datetime is missing"),
        (200, entry(HOUR, None), "carbonIntensity or datetime is missing"),
        (200, entry(HOUR, "60"), "carbonIntensity or datetime is missing"),
        (200, entry(HOUR, True), "carbonIntensity or datetime is missing"),
        (200, {"datetime": "2026-11-24T03:00:00", "carbonIntensity": 60}, "carbonIntensity or datetime is missing"),
        (200, {"datetime": "0001-01-01T00:00:00+14:00", "carbonIntensity": 60}, "carbonIntensity or datetime"),
        (200, {"datetime": 20261124, "carbonIntensity": 60}, "carbonIntensity or datetime is missing"),
        (200, "60", "carbonIntensity or datetime is missing"),
        (200, entry(HOUR, 5001), "invalid carbonIntensity: 5001"),
        (200, entry(HOUR, 10**400), "invalid carbonIntensity: 10000000000000000000"),
        (200, entry(HOUR, float("inf")), "invalid carbonIntensity: inf"),
        (302, b"", "captive portal"),
        (200, entry(HOUR, -5), "invalid carbonIntensity: -5"),
        (200, entry(HOUR, float("nan")), "invalid carbonIntensity: nan"),
        (200, [], "carbonIntensity or datetime is missing"),
    ],
)
def test_a_failing_service_leads_to_the_country_average_with_a_reason(
    service: Service, status: int, answer: Any, said: str
) -> None:
    service.answers["latest"] = (status, answer)
    found = now()
    assert (found.source, found.year) == ("country_average", 2023)
    assert found.g_per_kwh == pytest.approx(56, abs=10)
    assert said in str(found.note)
    assert "a secret" not in str(found.note)
    now()
    assert len(service.asked) == 1  # a failure is not asked for again at once


def test_an_impossible_intensity_in_the_cache_is_not_used(service: Service, data_dir: Path) -> None:
    now()
    cache = data_dir / "cache" / "electricity_maps.json"
    cached = json.loads(cache.read_text())
    cached["answer"]["g_per_kwh"] = 1e9
    cache.write_text(json.dumps(cached))
    assert now().g_per_kwh == 60
    assert len(service.asked) == 2


def test_what_you_know_wins_over_the_service(service: Service) -> None:
    assert now(carbon_intensity_g_per_kwh=12).source == "configured"
    assert service.asked == []


def test_without_a_place_no_service_is_asked(service: Service) -> None:
    found = now(Location())
    assert found.source == "world_average"
    assert "set CARBON_COUNTRY_ISO_CODE" in str(found.note)
    assert service.asked == []


def curve(kwh_at_hour: dict[int, float]) -> Samples:
    return Samples(at_s=[3600.0 * hour for hour in kwh_at_hour], cpu_energy_kwh=list(kwh_at_hour.values()))


def test_a_run_over_several_hours_has_their_energy_weighted_mean_intensity(service: Service) -> None:
    at_start = now()
    found = intensity_over(read_settings(), FRANCE, at_start, HOUR, curve({0: 0, 1: 1, 2: 4}))
    assert (found.g_per_kwh, found.source) == (pytest.approx((50 + 3 * 60) / 4), "electricity_maps")
    assert found.note == "mean of 2 hours, weighted by energy"


def test_hours_without_data_take_the_intensity_of_the_start(service: Service) -> None:
    found = intensity_over(read_settings(), FRANCE, now(), HOUR - timedelta(days=2), curve({0: 0, 1: 1, 48: 1, 49: 2}))
    assert found.g_per_kwh == pytest.approx((60 + 50) / 2)
    assert "50% of the energy with the intensity at the start" in str(found.note)


@pytest.mark.parametrize(
    "answer",
    [
        (503, {}),
        (200, {"history": []}),
        (200, {"history": [{}]}),
        (200, []),
        (200, {"history": [entry(HOUR, 10**400)]}),
    ],
)
def test_without_a_history_the_intensity_of_the_start_is_kept_with_a_note(service: Service, answer: Any) -> None:
    service.answers["history"] = answer
    found = intensity_over(read_settings(), FRANCE, now(), HOUR, curve({0: 0, 2: 2}))
    assert (found.g_per_kwh, found.source) == (60, "electricity_maps")
    assert "used for the whole run: Electricity Maps" in str(found.note)


def test_a_run_within_an_hour_asks_no_second_time(service: Service) -> None:
    at_start = now()
    assert intensity_over(read_settings(), FRANCE, at_start, HOUR, curve({0: 0, 1: 1})) == at_start
    assert [what for what, *_ in service.asked] == ["latest"]


def test_the_hour_of_a_moment() -> None:
    assert hour_of(datetime.fromisoformat("2026-11-24T04:59:59+01:00")) == HOUR


def test_a_token_from_a_file_with_a_line_feed_works_and_a_wrong_one_is_never_quoted(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELECTRICITYMAPS_API_TOKEN", " a secret\n")
    assert now().source == "electricity_maps"
    assert service.asked[0][2] == "a secret"
    monkeypatch.setenv("ELECTRICITYMAPS_API_TOKEN", "a sec\nret")
    found = now()
    assert found.source == "country_average"
    assert "ret" not in str(found.note)
