import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.common import network
from carbon_pipeline.probes import location
from carbon_pipeline.probes.location import parse_answer, probe_location
from carbon_pipeline.settings import read_settings

PARIS = {
    "status": "success",
    "country": "France",
    "countryCode": "FR",
    "regionName": "Île-de-France",
    "lat": 48.7144,
    "lon": 2.2463,
}


class Service(HTTPServer):
    """ip-api.com on this machine: answers what it is told to, and counts."""

    answer: bytes = json.dumps(PARIS).encode()
    status = 200
    asked = 0
    held: threading.Event | None = None
    """Holds the answer back until it is set."""

    def handle_error(self, *_: object) -> None:
        """The client hung up: it is meant to."""


class Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.server.held:
            self.server.held.wait(60)
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    server = Service(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(location, "IP_API_URL", f"http://127.0.0.1:{server.server_port}/json/")
    monkeypatch.setenv("CARBON_GEOLOCATION", "on")
    yield server
    server.shutdown()
    server.server_close()


def probe(data_dir: Path, **settings: Any) -> location.Location:
    return probe_location(read_settings(data_dir=data_dir, **settings))


def test_the_service_is_asked_once_a_day(service: Service, data_dir: Path) -> None:
    first, second = probe(data_dir), probe(data_dir)
    assert (first.country_iso_code, first.country_name, first.region) == ("FR", "France", "Île-de-France")
    assert (first.latitude, first.longitude, first.source) == (48.7144, 2.2463, "ip-api")
    assert second.country_iso_code == "FR"
    assert service.asked == 1

    cache = data_dir / "cache" / "location.json"
    kept = json.loads(cache.read_text())
    cache.write_text(json.dumps({**kept, "asked_at": kept["asked_at"] - location.CACHE_S - 1}))
    probe(data_dir)
    assert service.asked == 2


def test_a_configured_country_makes_no_call(service: Service, data_dir: Path) -> None:
    found = probe(data_dir, country_iso_code="DEU", region="Bayern")
    assert (found.country_iso_code, found.country_name, found.region, found.source) == (
        "DE",
        "Germany",
        "Bayern",
        "configured",
    )
    assert service.asked == 0


def test_geolocation_off_makes_no_call_and_invents_no_country(service: Service, data_dir: Path) -> None:
    found = probe(data_dir, geolocation=False)
    assert (found.country_iso_code, found.country_name, found.source) == (None, None, "unknown")
    assert service.asked == 0


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, b"<html>please log in</html>"),
        (200, b'{"status": "fail", "message": "private range"}'),
        (200, b'{"status": "success"}'),
        (200, b'{"status": "success", "countryCode": "XX"}'),
        (200, b"[]"),
        (302, b""),
        (429, b""),
        (500, json.dumps(PARIS).encode()),
    ],
)
def test_an_answer_that_is_none_leaves_the_country_unknown_with_a_reason(
    service: Service, data_dir: Path, status: int, answer: bytes
) -> None:
    service.status, service.answer = status, answer
    found = probe(data_dir)
    assert (found.country_iso_code, found.source) == (None, "unknown")
    assert found.reason
    assert service.asked == 1
    assert probe(data_dir).source == "unknown"
    assert service.asked == 1, "a failure is not asked anew at once"


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ({"countryCode": "FRA"}, "countryCode"),
        ({"countryCode": ["FR"]}, "countryCode"),
        ({"lat": 91}, "lat is not a number from -90 to 90"),
        ({"lat": 10**400}, "lat is not a number"),
        ({"lon": float("nan")}, "lon is not a number"),
        ({"lon": True}, "lon is not a number"),
        ({"country": "F" * 201}, "country is not a text of at most 200 printable characters"),
        ({"regionName": 5}, "regionName is not a text"),
        ({"regionName": "\x1b[2J"}, "regionName is not a text"),
        ({"regionName": "\ud800"}, "regionName is not a text"),
    ],
)
def test_an_odd_answer_counts_as_none_and_the_reason_names_what_is_odd(
    service: Service, data_dir: Path, odd: dict[str, Any], reason: str
) -> None:
    service.answer = json.dumps(PARIS | odd).encode()
    found = probe(data_dir)
    assert (found.country_iso_code, found.region, found.latitude, found.source) == (None, None, None, "unknown")
    assert reason in str(found.reason)


def test_a_login_page_of_the_network_is_named_in_the_reason(service: Service, data_dir: Path) -> None:
    service.answer = b"<!DOCTYPE html><title>Welcome</title>"
    assert "captive portal" in str(probe(data_dir).reason)


def test_an_answer_without_coordinates_or_region_still_has_a_country(service: Service, data_dir: Path) -> None:
    service.answer = b'{"status": "success", "countryCode": "FR", "lat": null, "regionName": ""}'
    found = probe(data_dir)
    assert (found.country_iso_code, found.country_name, found.region, found.latitude) == ("FR", "France", None, None)


def test_a_service_that_hangs_is_given_up_after_two_seconds(
    service: Service, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert network.TIMEOUT_S == 2.0
    monkeypatch.setattr(network, "TIMEOUT_S", 0.2)
    service.held = threading.Event()
    found = probe(data_dir)
    assert found.source == "unknown"
    assert "timed out" in str(found.reason).lower()
    service.held.set()


def test_a_service_that_trickles_is_given_up_too(
    service: Service, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "DEADLINE_S", 0.2)
    service.held = threading.Event()  # the answer never comes while the machine is being located
    assert "no answer within 0.2 s" in str(probe(data_dir).reason)
    service.held.set()


def test_a_broken_cache_leads_to_a_new_request(service: Service, data_dir: Path) -> None:
    cache = data_dir / "cache" / "location.json"
    cache.parent.mkdir(parents=True)
    for text in ("", "{", "[]", '{"asked_at": "yesterday", "answer": {}}'):
        cache.write_text(text)
        assert probe(data_dir).country_iso_code == "FR"


@given(
    st.dictionaries(st.sampled_from(sorted(PARIS)), st.none() | st.booleans() | st.floats() | st.text() | st.integers())
)
def test_whatever_the_service_answers_it_never_becomes_an_impossible_place(changes: dict[str, Any]) -> None:
    try:
        found = parse_answer({**PARIS, **changes})
    except ValueError:
        return
    assert found.country_iso_code
    assert len(found.country_iso_code) == 2
    assert found.latitude is None or -90 <= found.latitude <= 90
    assert found.longitude is None or -180 <= found.longitude <= 180
    assert (found.latitude is None) == (found.longitude is None)
