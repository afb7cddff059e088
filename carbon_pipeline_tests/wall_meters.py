"""Wall meters for tests: servers on this machine that speak the protocols of real ones, and draw a known power.

>>> with Shelly(power=Power([(0, 100)]), password="secret") as meter:
...     settings = Settings(wall_meter=meter.address, wall_meter_password="secret")
"""

import hashlib
import json
import re
import secrets
import threading
import time
from base64 import b64decode
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from carbon_pipeline_tests.fake_machine import J_PER_KWH, Power

Fault = Callable[[float, dict[str, Any]], dict[str, Any] | None]
"""What is answered in place of a reading, by the time since the start and the reading: None hangs."""


class Meter:
    """A wall meter on a port of this machine.

    Attributes:
        asked: how often it has been asked.
        passwords: what it was sent as a password, if it asks for one.
    """

    kind = ""

    def __init__(
        self,
        power: Power | None = None,
        *,
        password: str | None = None,
        offset_kwh: float = 12.3,
        fault: Fault | None = None,
    ):
        """Prepare it.

        Args:
            power: its power over time since `origin`.
            password: what it wants to be told.
            offset_kwh: its counter at `origin`.
            fault: what is wrong with it.
        """
        self.power = power or Power([(0, 100)])
        self.password, self.fault = password, fault
        self.offset_kwh = offset_kwh
        self.origin = time.perf_counter()
        self.asked = 0
        self.lines: list[str] = []
        self._hung = threading.Event()
        meter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                meter.lines.append(self.path)
                meter.answer(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"{self.kind}+http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self.origin = time.perf_counter()
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.go_away()

    def go_away(self) -> None:
        """Answer nobody any more."""
        self._hung.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def reading(self) -> dict[str, Any]:
        """Power, W, and counter, kWh, now."""
        now_s = time.perf_counter() - self.origin
        drawn_kwh = self.power.energy_j(now_s) / J_PER_KWH
        step_s = 1e-3
        power_w = (self.power.energy_j(now_s) - self.power.energy_j(now_s - step_s)) / step_s
        return {"power_w": power_w, "counter_kwh": self.offset_kwh + drawn_kwh}

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        if not self.is_welcome(request):
            return
        self.asked += 1
        reading: dict[str, Any] | None = self.reading()
        if self.fault and reading:
            reading = self.fault(time.perf_counter() - self.origin, reading)
        if reading is None:
            self._hung.wait(30)
            return
        if "raw" in reading:
            send(request, reading.get("status", 200), str(reading["raw"]).encode())
            return
        found = self.body(request.path, reading)
        if found is None:
            send(request, 404, b"No handler")
        else:
            send(request, 200, json.dumps(found).encode())

    def is_welcome(self, request: BaseHTTPRequestHandler) -> bool:
        raise NotImplementedError

    def body(self, path: str, reading: dict[str, Any]) -> Any:
        raise NotImplementedError


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class Shelly(Meter):
    """A Shelly of the second generation, with its digest of SHA-256 (RFC 7616)."""

    kind = "shelly"
    component = "switch"

    def is_welcome(self, request: BaseHTTPRequestHandler) -> bool:
        if self.password is None:
            return True
        said = dict(re.findall(r'(\w+)="?([^",]+)"?', request.headers.get("Authorization", "")))
        if said and said.get("response") == self._expected(said, request):
            return True
        challenge = f'Digest qop="auth", realm="shellyplus1pm", nonce="{secrets.token_hex(8)}", algorithm=SHA-256'
        send(request, 401, b"", WWW_Authenticate=challenge)
        return False

    def _expected(self, said: dict[str, str], request: BaseHTTPRequestHandler) -> str:
        def digest(text: str) -> str:
            return hashlib.sha256(text.encode()).hexdigest()

        who, what = digest(f"admin:{said.get('realm')}:{self.password}"), digest(f"GET:{request.path}")
        nonce, count, own = said.get("nonce"), said.get("nc"), said.get("cnonce")
        return digest(f"{who}:{nonce}:{count}:{own}:auth:{what}")

    def body(self, path: str, reading: dict[str, Any]) -> Any:
        name = "act_power" if self.component == "em1" else "apower"
        own = {"id": 0, name: reading["power_w"]}
        if reading["counter_kwh"] is not None and self.component != "em1":
            own["aenergy"] = {"total": round(1000 * reading["counter_kwh"], 3)}
        if path == "/rpc/Switch.GetStatus?id=0":
            return own if self.component == "switch" else None
        return {"sys": {}, f"{self.component}:0": own} if path == "/rpc/Shelly.GetStatus" else None


class ShellyPm(Shelly):
    component = "pm1"


class ShellyEm(Shelly):
    component = "em1"


class Tasmota(Meter):
    """A plug with Tasmota, whose counter has steps of 1 Wh."""

    kind = "tasmota"

    def is_welcome(self, request: BaseHTTPRequestHandler) -> bool:
        asked = parse_qs(urlsplit(request.path).query)
        if self.password is None or asked.get("password") == [self.password]:
            return True
        send(request, 401, json.dumps({"WARNING": "Need user=<username>&password=<password>"}).encode())
        return False

    def body(self, path: str, reading: dict[str, Any]) -> Any:
        if parse_qs(urlsplit(path).query).get("cmnd") not in (["Status 8"], ["Status 10"]):
            return None
        energy = {"Power": round(reading["power_w"]), "Total": round(reading["counter_kwh"], 3), "Voltage": 230}
        return {"StatusSNS": {"Time": "2026-11-27T12:00:00", "ENERGY": energy}}


class Redfish(Meter):
    """The management controller of a server."""

    kind = "redfish"

    @property
    def address(self) -> str:
        return f"{super().address}/redfish/v1/Chassis/1/Power"

    def is_welcome(self, request: BaseHTTPRequestHandler) -> bool:
        said = request.headers.get("Authorization", "").removeprefix("Basic ")
        if self.password is None or b64decode(said).decode() == f"root:{self.password}":
            return True
        send(request, 401, b"{}", WWW_Authenticate='Basic realm="bmc"')
        return False

    def body(self, path: str, reading: dict[str, Any]) -> Any:
        power_w = round(reading["power_w"])
        return {"PowerControl": [{"PowerConsumedWatts": power_w}]} if path.startswith("/redfish/v1/Chassis/1") else None


def write_ipmitool(folder: Path, watts: str = "$(( 100 ))") -> Path:
    """A command `ipmitool` that answers as the real one does. Returns its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    command = folder / "ipmitool"
    command.write_text(
        "#!/bin/sh\n"
        f'printf "\\n    Instantaneous power reading:              %5d Watts\\n" {watts}\n'
        'echo "    Minimum during sampling period:             64 Watts"\n'
        'echo "    Power reading state is:                   activated"\n'
    )
    command.chmod(0o755)
    return folder
