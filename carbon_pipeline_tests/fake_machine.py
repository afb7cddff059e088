"""A machine whose counters follow known curves, so that every energy has an exact answer in joules.

CodeCarbon reads a folder that stands for /sys/class/powercap; the counter in it is a function of the monotonic clock,
which all processes share, so that processes on one fake machine see one counter. The memory draws a constant power, and
GPUs are those of `fake_nvml`.

>>> machine = FakeMachine(tmp_path, cpu=[(0, 100), (2, 300)])     # 100 W, rising to 300 W within 2 s
>>> machine.install(monkeypatch.setattr)                          # for this process
>>> subprocess.run([sys.executable, "-c", script], env=machine.environment())   # script: see `HERE`
"""

import json
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

J_PER_KWH = 3.6e6
RANGE_J = 262_143.328850
"""Where the counter of a package starts at 0 again, as on Intel's processors."""

VARIABLE = "FAKE_MACHINE"
HERE = "from carbon_pipeline_tests.fake_machine import machine_here; machine = machine_here(); machine.install()"
"""Begin of the script of a child process that is to be on the machine."""

FAKE_NVML = Path(__file__).parent / "fake_nvml"

Knots = Sequence[tuple[float, float]]
Fault = Callable[[float, float], float | None]


@dataclass(frozen=True)
class Power:
    """Power over time: straight lines between knots (time in seconds, power in W); constant before and after them."""

    knots: Knots

    def energy_j(self, until_s: float) -> float:
        """Energy from 0 s until a time, J."""
        return self._integral(until_s) - self._integral(0.0)

    def _integral(self, until_s: float) -> float:
        times = [time_s for time_s, _ in self.knots]
        if until_s <= times[0]:
            return (until_s - times[0]) * self.knots[0][1]
        number = bisect_right(times, until_s)
        whole = sum((end - begin) * (low + high) / 2 for (begin, low), (end, high) in pairwise(self.knots[:number]))
        (began, low), rest_s = self.knots[number - 1], until_s - times[number - 1]
        if number == len(self.knots):
            return whole + low * rest_s
        ended, high = self.knots[number]
        return whole + rest_s * (low + (high - low) * rest_s / (ended - began) / 2)


LOADS: dict[str, tuple[Knots, Knots]] = {
    "constant": ([(0, 100)], [(0, 0)]),
    "ramp": ([(0, 20), (1, 220), (2, 20)], [(0, 0)]),
    "burst": ([(0, 30), (0.7, 30), (0.7, 430), (0.9, 430), (0.9, 30)], [(0, 0)]),
    "GPU, then CPU": ([(0, 20), (1, 20), (1, 150)], [(0, 300), (1, 300), (1, 40)]),
}
"""Loads of two seconds: power of the CPUs, and of the GPUs."""


@dataclass
class FakeMachine:
    """The machine.

    Attributes:
        folder: where its files are.
        cpu: power of all its packages over time since `origin`.
        packages: number of packages, which have equal parts.
        per_cpu_s: energy for each second of CPU time that the real machine uses in addition, J.
        ram_w: power of its memory, W.
        boards: its GPUs, as `fake_nvml` describes them.
        origin: time at which its curves begin (`time.perf_counter`, seconds).
        begins_at_j: value of the counters then, J.
        busy_origin_s: CPU seconds of the real machine then.
        fault: what a reading gives in place of the counter's value: a function of the time since `origin` and of the
            value, J; None is a reading that fails. It may sleep. In this process only.
        reads: number of readings by this process.
    """

    folder: Path
    cpu: Knots = ((0, 100),)
    packages: int = 1
    per_cpu_s: float = 0.0
    ram_w: float = 10.0
    boards: list[dict[str, Any]] = field(default_factory=list)
    origin: float = field(default_factory=time.perf_counter)
    begins_at_j: float = 1000.0
    busy_origin_s: float = field(default_factory=lambda: _busy_s())
    fault: Fault | None = None
    reads: int = 0

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a child process on this machine."""
        described = {**asdict(self), "folder": str(self.folder)}
        del described["fault"], described["reads"]
        own = {VARIABLE: json.dumps(described)}
        if self.boards:
            boards = [{**board, "origin": self.origin} for board in self.boards]
            command = self.folder / "bin" / "nvidia-smi"  # CodeCarbon looks for GPUs if it answers
            command.parent.mkdir(parents=True, exist_ok=True)
            command.write_text("#!/bin/sh\n")
            command.chmod(0o755)
            path = f"{command.parent}:{os.environ['PATH']}"
            own |= {"FAKE_NVML": json.dumps(boards), "PYTHONPATH": str(FAKE_NVML), "PATH": path}
        return {**os.environ, **own, **more}

    def install(self, patch: Callable[[Any, str, Any], None] = setattr) -> "FakeMachine":
        """Let CodeCarbon measure this machine, in this process."""
        from codecarbon.core import cpu, hardware_cache, rapl
        from codecarbon.external.ram import RAM

        zones = self.folder / "powercap" / "intel-rapl"
        for number in range(self.packages):
            write_zone(zones / f"intel-rapl:{number}", number, self.begins_at_j)
        read_folder = cpu.IntelRAPL.__init__

        def opened(interface: Any, rapl_dir: str = "", **options: Any) -> None:
            read_folder(interface, rapl_dir=str(zones), **options)

        patch(hardware_cache, "_plans", {})  # what CodeCarbon has found before in this process
        patch(cpu.IntelRAPL, "__init__", opened)
        patch(cpu, "is_rapl_available", lambda rapl_dir=None: True)
        patch(rapl.RAPLFile, "_get_value", lambda file: self._value(int(Path(file.path).parent.name[-1])))
        patch(RAM, "total_power", lambda ram: _units().Power.from_watts(self.ram_w))
        return self

    @property
    def now_s(self) -> float:
        """Time since `origin`, seconds."""
        return time.perf_counter() - self.origin

    def cpu_j(self, until_s: float | None = None) -> float:
        """Energy of the packages until a time; without one, until now, what real CPU time adds included, J."""
        if until_s is not None:
            return Power(self.cpu).energy_j(until_s)
        following = self.per_cpu_s * (_busy_s() - self.busy_origin_s) if self.per_cpu_s else 0.0
        return Power(self.cpu).energy_j(self.now_s) + following

    def energy_j(self, until_s: float) -> float:
        """Energy of CPU, memory and GPUs until a time, J; without what real CPU time adds."""
        gpus = sum(Power(board.get("curve") or [(0, board["power_w"])]).energy_j(until_s) for board in self.boards)
        return self.cpu_j(until_s) + self.ram_w * until_s + gpus

    def energy_kwh_over(self, spans: Iterable[tuple[datetime, datetime]]) -> float:
        """Energy of the machine over the union of some spans of time, kWh."""
        origin_at = time.time() - self.now_s
        joules, covered_s = 0.0, -1e9
        for began, ended in sorted((a.timestamp() - origin_at, b.timestamp() - origin_at) for a, b in spans):
            if ended > covered_s:
                joules += self.energy_j(ended) - self.energy_j(max(began, covered_s))
                covered_s = ended
        return joules / J_PER_KWH

    def counter_j(self, package: int = 0) -> float:
        """Value of the counter of a package now, J."""
        return (self.begins_at_j * (package + 1) + self.cpu_j() / self.packages) % RANGE_J

    def _value(self, package: int) -> Any:
        self.reads += 1
        value_j: float | None = self.counter_j(package)
        if self.fault and value_j is not None:
            value_j = self.fault(self.now_s, value_j)
        return None if value_j is None else _units().Energy.from_ujoules(float(int(value_j * 1e6)))


def machine_here() -> FakeMachine:
    """The machine that the environment of a child process names."""
    described = json.loads(os.environ[VARIABLE])
    return FakeMachine(**{**described, "folder": Path(described["folder"])})


def write_zone(folder: Path, number: int, value_j: float) -> None:
    """Write the files of a package as the kernel has them."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {"name": f"package-{number}", "energy_uj": int(value_j * 1e6), "max_energy_range_uj": int(RANGE_J * 1e6)}
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


def _busy_s() -> float:
    import psutil

    times = psutil.cpu_times()
    return float(times.user + times.system)


def _units() -> Any:
    from codecarbon.core import units

    return units
