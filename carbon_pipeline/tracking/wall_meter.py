"""Wall meters: how each kind is read, and the thread that reads one while work is running.

A wall meter is a second meter beside CodeCarbon. Whatever it does (hang, answer nonsense, go away), the work goes on
and waits for it no longer than `END_WAIT_S`; what was wrong is in the record. Credentials go to the meter only.
"""

import copy
import csv
import hashlib
import math
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

from carbon_pipeline.common.network import Login, ask_json, one_line
from carbon_pipeline.model.wall_energy import KINDS, WallEnergy, WallLog, WallReading, energy_of_log
from carbon_pipeline.settings import Settings

DEADLINE_S = 2.0
"""How long one reading may take, seconds."""

END_WAIT_S = 1.0
"""How long the end of the work waits for a last reading, seconds."""

HTTP_UNAUTHORIZED, HTTP_FORBIDDEN, HTTP_NOT_FOUND = 401, 403, 404
_LOGIN = ": CARBON_WALL_METER_USER and CARBON_WALL_METER_PASSWORD have its login"
HINTS = {
    ("", HTTP_UNAUTHORIZED): _LOGIN,
    ("", HTTP_FORBIDDEN): _LOGIN,
    ("shelly", HTTP_NOT_FOUND): ": it is no Shelly of the second generation (Plus, Pro) or a later one",
    ("tasmota", HTTP_NOT_FOUND): ": it is no Tasmota",
    ("redfish", HTTP_NOT_FOUND): ": the path has to be that of a Power resource, such as /redfish/v1/Chassis/1/Power",
}
"""What to do about an HTTP status, by kind of the meter; the kind is empty for all."""

MOST_PAUSE_S = 10.0
"""Longest pause after failed readings, seconds; it doubles with each."""

TAIL_BYTES, BYTES_PER_S = 1024**2, 100
"""How much of a log is read at least, and for each second since the start of the run."""

LEAST_STEP_KWH = 1e-9
"""Resolution of a counter in a log, where all of its differences are large."""

WH_PER_KWH = 1000.0

TIME_COLUMNS = ("time", "timestamp", "date", "datetime", "at", "last_changed")
POWER_UNITS = {"kw": 1000.0, "mw": 0.001, "w": 1.0, "watt": 1.0, "watts": 1.0, "power": 1.0}
ENERGY_UNITS = {"mwh": 1e-6, "wh": 1e-3, "kwh": 1.0, "energy": 1.0}
"""Words in the names of columns, with what their values are multiplied by (to W, to kWh)."""


class WallMeterError(Exception):
    """A reading could not be taken; the message says why, without credentials."""


class WallMeter(Protocol):
    """A meter that can be read.

    Attributes:
        kind: its kind, a key of `KINDS`.
    """

    kind: str

    def read(self) -> tuple[float | None, float | None]:
        """Read power, W, and energy counter, kWh; None for what it does not have.

        Raises:
            WallMeterError: there is no reading.
        """


class HttpMeter:
    """A meter that answers GET requests with JSON."""

    def __init__(
        self,
        kind: str,
        questions: Sequence[tuple[str, dict[str, str] | None]],
        parse: Callable[[Any], tuple[float | None, float | None]],
        login: Login,
    ):
        """Store how it is asked.

        Args:
            kind: its kind.
            questions: URLs and query parameters, of which models and versions answer different ones.
            parse: power, W, and counter, kWh, of an answer.
            login: user, password and certificate.
        """
        self.kind = kind
        self._questions, self._parse, self._login = list(questions), parse, login

    def read(self) -> tuple[float | None, float | None]:
        """See `WallMeter`."""
        for url, parameters in self._questions:
            try:
                found = self._parse(ask_json(url, parameters, login=self._login, deadline_s=DEADLINE_S))
            except (KeyError, IndexError, TypeError, AttributeError, StopIteration):
                problem = "its answer has no power: does it measure one, and is its kind the right one?"
            except (OSError, ValueError) as error:
                status = getattr(getattr(error, "response", None), "status_code", 0)
                problem = one_line(error) + HINTS.get((self.kind, status), HINTS.get(("", status), ""))
                if status != HTTP_NOT_FOUND:
                    break
            else:
                self._questions = [(url, parameters)]
                return found
        raise WallMeterError(problem)


class IpmiMeter:
    """The power that the management controller of this machine reports (DCMI)."""

    kind = "ipmi"

    def read(self) -> tuple[float | None, float | None]:
        """See `WallMeter`."""
        try:
            done = subprocess.run(
                ("ipmitool", "dcmi", "power", "reading"),
                capture_output=True,
                text=True,
                timeout=2 * DEADLINE_S,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except FileNotFoundError:
            raise WallMeterError("the command ipmitool is not installed") from None
        except (OSError, subprocess.SubprocessError) as error:
            raise WallMeterError(one_line(error)) from None
        for line in done.stdout.splitlines():
            name, _, value = line.partition(":")
            if name.strip().lower() == "instantaneous power reading":
                return _number(value.split()[0]), None
        said = " ".join((done.stderr or done.stdout).split())[:200]
        raise WallMeterError(f"ipmitool dcmi power reading: {said or 'no power'}")


def open_wall_meter(settings: Settings) -> WallMeter | None:
    """The wall meter that the settings name; nothing is asked yet.

    Returns:
        The meter; None if there is none, or it is a log that is read afterwards.
    """
    text = settings.wall_meter
    if text is None or text.startswith("csv:"):
        return None
    if text == "ipmi":
        return IpmiMeter()
    kind, _, url = text.partition("+")
    password = settings.wall_meter_password.get_secret_value() if settings.wall_meter_password else ""
    user = settings.wall_meter_user or ("admin" if kind == "shelly" and password else None)
    login = Login(user, password, is_digest=kind == "shelly", ca=settings.wall_meter_ca)
    base = url.rstrip("/")
    if kind == "shelly":
        questions: list[tuple[str, dict[str, str] | None]] = [
            (f"{base}/rpc/Switch.GetStatus", {"id": "0"}),
            (f"{base}/rpc/Shelly.GetStatus", None),
        ]
        return HttpMeter(kind, questions, _shelly, login)
    if kind == "tasmota":
        known = {"user": user or "admin", "password": password} if password else {}
        questions = [(f"{base}/cm", {"cmnd": f"Status {number}"} | known) for number in (8, 10)]
        return HttpMeter(kind, questions, _tasmota, Login(ca=settings.wall_meter_ca))
    return HttpMeter(kind, [(url, None)], _redfish, login)


def wall_meter_name(settings: Settings) -> str | None:
    """A name of the wall meter for the record: its kind and a hash of its address, however that is written."""
    if settings.wall_meter is None:
        return None
    kind = settings.wall_meter.partition("+")[0].partition(":")[0]
    address = settings.wall_meter
    if found := re.fullmatch(r"([^:]+)://([^/]+)(.*)", address):
        default = ":443" if found[1].endswith("https") else ":80"
        address = f"{found[1]}://{found[2].lower().removesuffix(default)}{found[3].rstrip('/')}"
    elif kind == "csv":
        address = str(log_of(settings).absolute())
    return name_of(kind, address)


def name_of(kind: str, address: str) -> str:
    """A name of a wall meter that does not tell its address."""
    return f"{kind} {hashlib.sha256(address.encode()).hexdigest()[:8]}"


def log_of(settings: Settings) -> Path:
    """The log that another program writes, where the settings name one in place of a meter."""
    return Path((settings.wall_meter or "").removeprefix("csv:")).expanduser()


def _shelly(answer: Any) -> tuple[float | None, float | None]:
    """One component of Shelly's Gen2 API: a switch or PM1 (apower; aenergy in Wh), or an EM1 (act_power).

    `Shelly.GetStatus` has all components of a device by name; the first with a power counts.
    """
    if not answer.keys() & {"apower", "act_power"}:
        answer = next(answer[name] for name in ("switch:0", "pm1:0", "em1:0") if name in answer)
    counter = answer.get("aenergy")
    return _number(answer.get("apower", answer.get("act_power"))), (
        None if counter is None else _number(counter["total"]) / WH_PER_KWH
    )


def _tasmota(answer: Any) -> tuple[float | None, float | None]:
    """`Status 10` or `Status 8`: StatusSNS.ENERGY with Power (W) and Total (kWh); several channels are lists."""
    if "WARNING" in answer:  # the status is 200 all the same
        raise WallMeterError(f"it refuses to answer{_LOGIN}")
    energy = answer["StatusSNS"]["ENERGY"]
    power, total = energy["Power"], energy.get("Total")
    return math.fsum(map(_number, power if isinstance(power, list) else [power])), (
        None if total is None or isinstance(total, list) else _number(total)
    )


def _redfish(answer: Any) -> tuple[float | None, float | None]:
    """PowerControl of DMTF's Power schema: its first member is the whole system."""
    return _number(answer["PowerControl"][0]["PowerConsumedWatts"]), None


def _number(value: Any) -> float:
    try:
        if isinstance(value, bool):
            raise TypeError
        return float(value)
    except (TypeError, ValueError):  # without the value: whatever a device answers must not get into a record
        raise WallMeterError("its answer has something else than a number for the power or the counter") from None


class WallMetering:
    """Reads a wall meter in a thread of its own.

    Attributes:
        kind: kind of the meter.
        error: what was wrong with it, in one sentence; None if nothing was.
    """

    def __init__(self, meter: WallMeter, sample_s: float):
        """Prepare the thread.

        Args:
            meter: the meter.
            sample_s: wanted time between two readings, seconds; no kind is asked more often than it has news.
        """
        self.kind = meter.kind
        self._meter = meter
        self._every_s = max(sample_s, KINDS[meter.kind].every_s)
        self._log = WallLog(KINDS[meter.kind], self._every_s)
        self._lock = threading.Lock()
        self._began: float | None = None
        self._ahead: tuple[float, float | None, float | None] | None = None
        self._has_ended = False
        self._stop, self._wake, self._done = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._read_periodically, name="carbon_pipeline-wall", daemon=True)

    def prepare(self) -> None:
        """Begin to read: a reading before the start tells the power at the start."""
        self._thread.start()

    def start(self, began: float) -> None:
        """Let the run begin; again, if it begins anew.

        Args:
            began: its start (`time.perf_counter`, seconds).
        """
        with self._lock:
            self._log = WallLog(KINDS[self.kind], self._every_s)
            self._began = began
            if self._ahead:
                at, power_w, counter_kwh = self._ahead
                self._log.add(WallReading(at - began, power_w, counter_kwh))
        self._wake.set()  # a reading now tells the power at the start

    def so_far(self, at_s: float, times_s: Sequence[float]) -> tuple[WallEnergy | None, list[float]]:
        """The energy until a time of the run that goes on, seconds since its start; and until some times before it."""
        with self._lock:
            log = copy.deepcopy(self._log)
        return log.result(at_s), log.energies_at(times_s)

    def let_end(self, ended: float | None = None) -> None:
        """The work has ended: take a last reading, while others are busy.

        Args:
            ended: its end (`time.perf_counter`, seconds).
        """
        with self._lock:
            if ended is not None and self._began is not None:
                self._log.end_at(ended - self._began)
        self._stop.set()
        self._wake.set()

    def result(self, ended: float) -> WallEnergy | None:
        """End the run; waits for the last reading, `END_WAIT_S` at most.

        Args:
            ended: its end (`time.perf_counter`, seconds).

        Returns:
            The energy; None if it is not known, for a reason in `error`.
        """
        self.let_end(ended)
        if self._thread.ident is not None:
            self._done.wait(END_WAIT_S)
        with self._lock:
            self._has_ended = True
            if self._began is None:
                return None
            if not self._done.is_set():
                self._log.fail("late", f"the wall meter did not answer within {END_WAIT_S:g} s of the end")
            return self._log.result(ended - self._began)

    def energies_at(self, times_s: Sequence[float]) -> list[float]:
        """The energy until some times, kWh: those of the samples of the run, seconds since its start."""
        with self._lock:
            return self._log.energies_at(times_s)

    @property
    def error(self) -> str | None:
        """See the class."""
        with self._lock:
            return "; ".join(self._log.faults.values()) or None

    def _read_periodically(self) -> None:
        pause_s = self._every_s
        while True:
            is_last = self._stop.is_set()
            was_read = self._read()
            if is_last or (self._stop.is_set() and not was_read):  # nobody waits for a meter that is away
                self._done.set()
                return
            pause_s = self._every_s if was_read else min(2 * pause_s, MOST_PAUSE_S)
            self._wake.wait(pause_s)
            self._wake.clear()

    def _read(self) -> bool:
        before = time.perf_counter()
        try:
            power_w, counter_kwh = self._meter.read()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the meter, the work must not notice
            reason = str(error) if isinstance(error, WallMeterError) else one_line(error)
            with self._lock:
                if not self._has_ended:
                    self._log.fail("read", f"the wall meter could not be read: {reason}")
            return False
        at = (before + time.perf_counter()) / 2
        with self._lock:
            self._ahead = (at, power_w, counter_kwh)
            if self._began is not None and not self._has_ended:
                self._log.add(WallReading(at - self._began, power_w, counter_kwh))
        return True


def energy_of_file(path: Path, started_at: datetime, duration_s: float) -> tuple[WallEnergy | None, WallLog]:
    """The energy of a run from a log of a wall meter.

    Args:
        path: a CSV file whose header names a column with the time and one with the power (W) or the energy (kWh).
        started_at: start of the run.
        duration_s: its duration, seconds.

    Raises:
        WallMeterError: the file cannot be read, or has no reading of the run; the message names it, line and column.
    """
    try:
        readings = list(_readings(path, started_at, duration_s))
    except (csv.Error, OverflowError) as error:
        raise WallMeterError(f"{path} cannot be read: {error}") from None
    if not readings:
        raise WallMeterError(f"{path} has no readings")
    if not any(-60 <= reading.at_s <= duration_s + 60 for reading in readings):
        nearest_s = min((reading.at_s for reading in readings), key=abs)
        side = "before" if nearest_s < 0 else "after"
        raise WallMeterError(
            f"{path} has no reading of the run from {started_at:%Y-%m-%d %H:%M:%S} UTC on: the nearest is "
            f"{abs(nearest_s):,.0f} s {side} its start (times without a zone are read as UTC)"
        )
    counters = [reading.counter_kwh for reading in readings if reading.counter_kwh is not None]
    steps = [after - before for before, after in pairwise(counters) if after > before]
    kind = KINDS["csv"]._replace(counter_step_kwh=max(min(steps), LEAST_STEP_KWH) if steps else None)
    return energy_of_log(kind, readings, duration_s)


def _readings(path: Path, started_at: datetime, duration_s: float) -> Iterator[WallReading]:
    """The readings of a log, in the order of their times; of a large one, the end that may be of the run."""
    most_bytes = max(TAIL_BYTES, round(BYTES_PER_S * (duration_s + (datetime.now(UTC) - started_at).total_seconds())))
    try:
        with path.open("rb") as file:
            header = file.readline()
            size = path.stat().st_size
            if size > most_bytes:
                file.seek(size - most_bytes)
                file.readline()
            text = (header + file.read()).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WallMeterError(f"{path} cannot be read: {one_line(error)}") from None
    lines = text.splitlines()
    delimiter = max(",;\t", key=(lines or [""])[0].count)
    rows = csv.DictReader(lines, delimiter=delimiter)
    time_name, columns = _columns(path, rows.fieldnames or ())
    found = []
    for row in rows:
        if not any((value or "").strip() for value in row.values() if isinstance(value, str)):
            continue
        where = f"{path}, line {rows.line_num}"
        at = _time(row.get(time_name), where)
        values = {
            name: _cell(row.get(column), factor, f"{where}, {column}") for name, (column, factor) in columns.items()
        }
        if any(value is not None for value in values.values()):
            found.append(WallReading((at - started_at).total_seconds(), **values))
    found.sort(key=lambda reading: reading.at_s)
    yield from found


def _columns(path: Path, names: Sequence[str]) -> tuple[str, dict[str, tuple[str, float]]]:
    """The column of the time, and those of `power_w` and `counter_kwh` with what they are multiplied by."""
    words = {name: _words(name) for name in names}
    time_name = next((name for name in names if any(word in TIME_COLUMNS for word in words[name])), None)
    columns: dict[str, tuple[str, float]] = {}
    for field, units in (("counter_kwh", ENERGY_UNITS), ("power_w", POWER_UNITS)):
        for unit, factor in units.items():
            name = next((name for name in names if unit in words[name] and name != time_name), None)
            if name and field not in columns and name not in [column for column, _ in columns.values()]:
                columns[field] = (name, factor)
    if time_name is None or not columns:
        raise WallMeterError(
            f"{path} needs a header with a column for the time (such as time) and one for power or energy (such "
            f"as power_w, energy_kwh); it has {', '.join(map(repr, names)) or 'none'}"
        )
    return time_name, columns


def _words(name: str) -> list[str]:
    """The words of a name, and all of it: `power (W)` and `last_changed` are found."""
    whole = name.strip().lower()
    return ["".join(char if char.isalnum() else "_" for char in whole), *re.findall(r"[a-z0-9]+", whole)]


def _time(text: str | None, where: str) -> datetime:
    cell = (text or "").strip()
    try:
        seconds = float(cell)
        moment = datetime.fromtimestamp(seconds / (1000 if seconds > 1e11 else 1), UTC)
    except (ValueError, OverflowError, OSError):
        try:
            moment = datetime.fromisoformat(cell)
        except ValueError:
            raise WallMeterError(f"{where}: {cell!r} is no time such as 2026-05-01T12:00:00Z or 1777636800") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _cell(text: str | None, factor: float, where: str) -> float | None:
    cell = (text or "").strip()
    if not cell or cell.lower() in ("unavailable", "unknown", "nan", "null", "none"):  # as Home Assistant writes them
        return None
    try:
        return float(cell.replace(",", ".")) * factor
    except ValueError:
        raise WallMeterError(f"{where}: {cell!r} is no number") from None
