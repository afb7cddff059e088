"""Reads a meter now and then in a thread of its own, and keeps its failures away from the work."""

import logging
import math
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import TracebackType

from carbon_pipeline.tracking.meter import Meter, Reading

logger = logging.getLogger(__name__)

READING_SHARE = 50
"""The meter waits at least this many times as long as its last reading took: 2 % of the time at most goes into it."""

METER_TIMEOUT_S = 10.0
"""A meter that hangs for this long at the end of the work has failed."""


class Metering:
    """Runs a meter over one span.

    Attributes:
        meter: the meter; None before `prepare`, or if it could not be made.
        error: why the meter failed; None while it has not.
        sample_count: how often it has been read, the end included.
    """

    def __init__(
        self, make_meter: Callable[[], Meter], interval_s: float, on_reading: Callable[[Reading], None]
    ) -> None:
        """Starts nothing yet.

        Args:
            make_meter: makes the meter.
            interval_s: how often it is read, seconds.
            on_reading: is given each reading but the last, in the thread that reads.
        """
        self.meter: Meter | None = None
        self.error: str | None = None
        self.sample_count = 0
        self._make_meter = make_meter
        self._interval_s = interval_s
        self._on_reading = on_reading
        self._began = threading.Event()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read_now_and_then, name="carbon_pipeline-meter", daemon=True)

    def prepare(self) -> Reading:
        """Makes the meter and lets it look for the hardware.

        Returns:
            How each component will be measured; nothing if the meter failed.
        """
        with _Guard(self):
            self.meter = self._make_meter()
            return self.meter.prepare()
        return Reading()

    def start(self) -> None:
        """Begins the span."""
        if self.meter is None or self.error:
            return
        with _Guard(self):
            self._reader.start()  # before the span begins; it waits for that
            self.meter.start()
            self._began.set()

    def stop(self, ended: float) -> Reading:
        """Ends the span.

        Args:
            ended: the moment at which the work ended (`time.perf_counter`).

        Returns:
            All of its energy; nothing if the meter failed.
        """
        self._ended.set()
        self._began.set()
        if self.meter is None:
            return Reading()
        if self.error:
            if self._reader.ident is not None:
                self._reader.join(timeout=METER_TIMEOUT_S)
            if not self._reader.is_alive():  # else it hangs in the meter, and so would this
                with suppress(Exception):  # it has failed already; what it has started should end all the same
                    self.meter.stop(ended)
            return Reading()
        with _Guard(self):
            self._reader.join(timeout=METER_TIMEOUT_S)
            if self._reader.is_alive():
                raise TimeoutError(f"the meter has not answered for {METER_TIMEOUT_S:g} s")
            if not self.error:
                reading = _checked(self.meter.stop(ended))
                self.sample_count += 1
                return reading
        return Reading()

    def _read_now_and_then(self) -> None:
        wait_s = self._interval_s
        self._began.wait()
        while not self.error and not self._ended.wait(wait_s):
            with _Guard(self):
                assert self.meter is not None
                began = time.perf_counter()
                reading = _checked(self.meter.read())
                self.sample_count += 1
                self._on_reading(reading)
                # Beside busy Python code a reading can take seconds; then it is made more seldom.
                wait_s = max(self._interval_s, READING_SHARE * (time.perf_counter() - began))


class _Guard(AbstractContextManager["_Guard"]):
    """Turns any exception of the meter into `metering.error`."""

    def __init__(self, metering: Metering):
        self._metering = metering

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) and not (isinstance(error, SystemExit) and _is_of_the_meter(traceback)):
            return False
        self._metering.error = f"{type(error).__name__}: {error}"
        logger.warning("the meter failed; the work goes on without it", exc_info=error)
        return True


def _checked(reading: Reading) -> Reading:
    for name in ("cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh"):
        kwh = getattr(reading, name)
        if kwh is not None and not 0 <= kwh < math.inf:
            raise ValueError(f"the meter said {name} = {kwh}")
    return reading


def _is_of_the_meter(traceback: TracebackType | None) -> bool:
    """Whether CodeCarbon itself wanted to end the program, and not a signal handler that came in between."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and str(traceback.tb_frame.f_globals.get("__name__")).startswith("codecarbon")
