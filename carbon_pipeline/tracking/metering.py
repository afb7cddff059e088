"""Periodic reading of a meter in a separate thread, with its failures isolated from the work."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from types import TracebackType

from carbon_pipeline.model.quantities import HIGHEST_KWH
from carbon_pipeline.tracking.meter import Meter, Reading

logger = logging.getLogger(__name__)

READING_SHARE = 100
"""Minimum wait between readings as a multiple of the last one's CPU time: readings take at most 1 % of a CPU."""

LONGEST_WAIT_S = 10.0
"""Longest wait because of that, seconds: a reading also resolves the phases of the work, which may be very many."""

METER_TIMEOUT_S = 10.0
"""A meter that does not respond for this long at the end of the work counts as failed, seconds."""


class Metering:
    """Runs a meter over one span.

    Attributes:
        meter: the meter; None before `prepare`, or if it could not be created.
        error: why the meter failed; None if it has not failed.
        sample_count: number of readings, including the last one.
    """

    def __init__(
        self, make_meter: Callable[[], Meter], interval_s: float, on_reading: Callable[[Reading], None]
    ) -> None:
        """Store the options; nothing is started yet.

        Args:
            make_meter: creates the meter.
            interval_s: time between readings, seconds.
            on_reading: called with each reading except the last, in the reading thread.
        """
        self.meter: Meter | None = None
        self.error: str | None = None
        self.sample_count = 0
        self._make_meter = make_meter
        self._interval_s = interval_s
        self._on_reading = on_reading
        self._began = threading.Event()
        self._ended = threading.Event()
        self._reader = threading.Thread(target=self._read_periodically, name="carbon_pipeline-meter", daemon=True)

    def prepare(self) -> Reading:
        """Create the meter and let it detect the hardware.

        Returns:
            How each component will be measured; an empty reading if the meter failed.
        """
        with _Guard(self):
            self.meter = self._make_meter()
            return self.meter.prepare()
        return Reading()

    def start(self) -> None:
        """Start the span."""
        if self.meter is None or self.error:
            return
        with _Guard(self):
            self._reader.start()  # started before the span, it waits for `_began`
            self.meter.start()
            self._began.set()

    def stop(self, ended: float) -> Reading:
        """End the span.

        Args:
            ended: time at which the work ended (`time.perf_counter`, seconds).

        Returns:
            The total energy of the span; an empty reading if the meter failed.
        """
        self._ended.set()
        self._began.set()
        if self.meter is None:
            return Reading()
        if self.error or self._reader.ident is None:  # it has failed, or was never started
            if self._reader.ident is not None:
                self._reader.join(timeout=METER_TIMEOUT_S)
            if not self._reader.is_alive():  # otherwise it hangs in the meter, and so would this call
                with suppress(Exception):  # it has failed already, but what it started should end
                    self.meter.stop(ended)
            return Reading()
        with _Guard(self):
            self._reader.join(timeout=METER_TIMEOUT_S)
            if self._reader.is_alive():
                raise TimeoutError(f"the meter did not respond within {METER_TIMEOUT_S:g} s")
            if not self.error:
                reading = _validated(self.meter.stop(ended))
                self.sample_count += 1
                return reading
        return Reading()

    @property
    def _has_failed(self) -> bool:
        return self.error is not None

    def _read_periodically(self) -> None:
        wait_s = self._interval_s
        self._began.wait()
        while not self.error and not self._ended.wait(wait_s):
            with _Guard(self):
                assert self.meter is not None
                began = time.thread_time()  # not the time that it waits while Python code keeps the interpreter busy
                reading = _validated(self.meter.read())
                if reading.at is None:
                    reading = replace(reading, at=time.perf_counter())
                if self._has_failed:  # it came after the end of the work, which did not wait for it
                    return
                self.sample_count += 1
                self._on_reading(reading)
                cost_s = READING_SHARE * (time.thread_time() - began)
                wait_s = max(self._interval_s, min(cost_s, LONGEST_WAIT_S))


class _Guard(AbstractContextManager["_Guard"]):
    """Context manager that stores an exception of the meter in `metering.error` and suppresses it."""

    def __init__(self, metering: Metering):
        self._metering = metering

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) and not (
            isinstance(error, SystemExit) and _raised_by_codecarbon(traceback)
        ):
            return False
        self._metering.error = f"{type(error).__name__}: {error}"
        logger.warning("the meter failed; the work continues without energy measurement", exc_info=error)
        return True


def _validated(reading: Reading) -> Reading:
    for name in ("cpu_energy_kwh", "gpu_energy_kwh", "ram_energy_kwh"):
        kwh = getattr(reading, name)
        if kwh is not None and not 0 <= kwh <= HIGHEST_KWH:
            raise ValueError(f"the meter reported {name} = {kwh}")
    return reading


def _raised_by_codecarbon(traceback: TracebackType | None) -> bool:
    """Whether CodeCarbon itself raised SystemExit, rather than a signal handler that ran in between."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return traceback is not None and str(traceback.tb_frame.f_globals.get("__name__")).startswith("codecarbon")
