"""Stand-ins for unit tests. The real meter is tested in integration/test_meter.py."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.tracking.meter import Reading


class FakeMeter:
    """Reads fixed energies; fails where it is told to, and counts its calls."""

    name = "fake"
    version = "1"
    ignored_settings = None

    def __init__(self, reading: Reading | None = None, fails_in: str = ""):
        self.reading = reading or Reading(2e-6, None, 1e-6, "cpu_load", "none", "estimated", 8.0, "table")
        self.fails_in = fails_in
        self.calls: list[str] = []

    def __call__(self, tracking_mode: str, pue: float) -> "FakeMeter":
        self.calls.append(f"make {tracking_mode} {pue}")
        self._maybe_fail("make")
        return self

    def _maybe_fail(self, call: str) -> None:
        if call == self.fails_in:
            raise RuntimeError(f"no {call} today")

    def prepare(self) -> Reading:
        return self._called("prepare")

    def start(self) -> None:
        self._called("start")

    def read(self) -> Reading:
        return self._called("read")

    def stop(self, ended: float) -> Reading:
        return self._called("stop")

    def _called(self, call: str) -> Reading:
        self.calls.append(call)
        self._maybe_fail(call)
        return self.reading


def make_record(**fields: Any) -> RunRecord:
    """A record of ten seconds in France, with whatever fields are given in place of its own."""
    ended_at = fields.pop("ended_at", datetime(2026, 11, 24, 3, 0, 10, tzinfo=UTC))
    duration_s = fields.pop("duration_s", 10.0)
    own: dict[str, Any] = {
        "run_id": str(uuid.uuid4()),
        "name": "fit",
        "project_name": "a project",
        "status": "completed",
        "source": "track",
        "started_at": ended_at - timedelta(seconds=duration_s),
        "ended_at": ended_at,
        "duration_s": duration_s,
        "cpu_energy_kwh": 2e-5,
        "gpu_energy_kwh": 0.0,
        "ram_energy_kwh": 1e-5,
        "cpu_method": "cpu_load",
        "gpu_method": "none",
        "ram_method": "estimated",
        "tracking_mode": "machine",
        "pue": 1.0,
        "meter": "codecarbon",
        "meter_version": "3.3.2",
        "codecarbon_version": "3.3.2",
        "carbon_intensity_g_per_kwh": 56.0,
        "intensity_source": "country_average",
        "country_iso_code": "FR",
        "country_name": "France",
        "region": "Île-de-France",
        "latitude": 48.8,
        "longitude": 2.3,
        "location_source": "ip-api",
        "cpu_model": "A CPU",
        "cpu_count": 4,
        "ram_gb": 16.0,
        "gpu_count": 0,
        "os": "Linux",
        "python_version": "3.11.7",
    }
    return RunRecord(**{**own, **fields})
