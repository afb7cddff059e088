"""The part of the GPUs that chosen processes use, by NVML: GPU seconds and memory over time."""

import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from carbon_pipeline.probes.sourced import BYTES_PER_GIB

_PID_NAMESPACE = Path("/proc/self/ns/pid")
_HOST_PID_NAMESPACE = "pid:[4026531836]"
"""Target of that link outside of containers: PROC_PID_INIT_INO of Linux (include/linux/proc_ns.h)."""

_SAMPLE_US = 1_000_000
"""Longest time between two of the driver's samples, microseconds (nvidia-smi's manual: 1/6 s to 1 s)."""


class GpuUse(NamedTuple):
    """Use of the GPUs by the processes, summed over the GPUs.

    Attributes:
        gpu_s: GPU seconds: the utilization of the multiprocessors by the processes, times time; 0 for processes that
            used no GPU; None where NVML does not report the use by process, or not under their PIDs.
        gpu_memory_gb_s: GPU memory of the processes times time, GiB seconds; None under the same conditions.
    """

    gpu_s: float | None = None
    gpu_memory_gb_s: float | None = None


class GpuUseCounter:
    """Counts the use of GPUs by processes from its construction on. Reads never raise; what fails is None.

    In a container, NVML reports the PIDs of the host or none. With some drivers, its process lists have the container's
    PIDs but its utilization samples those of the host (github.com/Project-HAMi/HAMi-core/issues/112). Hence a process
    that NVML does not report has used no GPU only outside of containers, or where the same query has reported one of
    the processes before; else its use is unknown.
    """

    def __init__(self, gpu_indexes: Sequence[int] | None = None):
        """Open NVML, which stays open, as CodeCarbon leaves it.

        Args:
            gpu_indexes: NVML indexes of the GPUs, as from `gpus_to_measure`; None for all.
        """
        self._gpu_s, self._memory_gb_s = 0.0, 0.0
        self._reports_use = True
        self._knows_use = self._knows_memory = _has_pids_of_host()
        self._pids_before: frozenset[int] = frozenset()
        self._memory_read, now_us = time.monotonic(), time.time_ns() // 1000
        self._nvml: Any = None
        with suppress(Exception):  # no library, no driver, no such GPU: the use stays unknown
            import pynvml

            pynvml.nvmlInit()
            indexes = range(pynvml.nvmlDeviceGetCount()) if gpu_indexes is None else gpu_indexes
            self._gpus = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in indexes]
            self._since_us = [now_us] * len(self._gpus)
            self._nvml = pynvml

    def read(self, pids: Collection[int]) -> GpuUse:
        """Read the use since construction. Calls must not overlap; the driver keeps samples of some seconds at least.

        Args:
            pids: the processes that exist now. The use of one that has ended since the last call is still counted.
        """
        now = frozenset(pids)
        ours, self._pids_before = now | self._pids_before, now
        return GpuUse(self._read_use(ours), self._read_memory(ours)) if self._nvml else GpuUse()

    def _read_use(self, ours: Collection[int]) -> float | None:
        try:
            for gpu in range(len(self._gpus) if self._reports_use else 0):
                self._add_use(gpu, ours)
        except Exception as error:  # noqa: BLE001 - after a failure of another kind, the next read covers this time too
            nvml = self._nvml
            never = (nvml.NVML_ERROR_NOT_SUPPORTED, nvml.NVML_ERROR_NO_PERMISSION, nvml.NVML_ERROR_FUNCTION_NOT_FOUND)
            self._reports_use = getattr(error, "value", None) not in never  # not supported: MIG, for example
            return None
        return self._gpu_s if self._reports_use and self._knows_use else None

    def _add_use(self, gpu: int, ours: Collection[int]) -> None:
        """Add the use of one GPU.

        For each process that used it, NVML returns the mean utilization from the given time to the driver's last
        sample, %, and the time of the last sample with use by the process, microseconds since 1970: a process that
        was busy for 0.6 s and idle for 0.4 s has 60 % and an old time (measured on an H200 with driver 580).
        Some drivers also return entries that cannot be right (github.com/Syllo/nvtop/issues/110).
        """
        nvml, handle, now_us = self._nvml, self._gpus[gpu], time.time_ns() // 1000
        since_us = min(self._since_us[gpu], now_us)  # the clock may have been set back

        def is_new(sample: Any) -> bool:
            return bool(since_us < sample.timeStamp <= now_us + _SAMPLE_US)

        found = self._samples(nvml.nvmlDeviceGetProcessUtilization, handle, since_us)
        percents = {s.pid: s.smUtil for s in found if is_new(s) and s.smUtil <= 100}
        sampled_us = [s.timeStamp for s in found if is_new(s)]
        if used := [percent for pid, percent in percents.items() if pid in ours]:
            with suppress(Exception):  # else the last sample of a process has to do
                _, all_samples = nvml.nvmlDeviceGetSamples(handle, nvml.NVML_GPU_UTILIZATION_SAMPLES, since_us)
                sampled_us += [s.timeStamp for s in all_samples if is_new(s)]
            self._gpu_s += sum(used) / 100 * (max(sampled_us) - since_us) / 1e6
            self._knows_use = True
        # Without samples the GPU was idle, except for one that is still to come.
        self._since_us[gpu] = max(since_us, now_us - _SAMPLE_US, *sampled_us)

    def _samples(self, query: Callable[[Any, int], Sequence[Any]], handle: Any, since_us: int) -> Sequence[Any]:
        """What the query finds, which is nothing where no process used the GPU."""
        try:
            return query(handle, since_us)
        except self._nvml.NVMLError as error:
            # pynvml raises "success" if the library reports their number as 0.
            if error.value not in (self._nvml.NVML_ERROR_NOT_FOUND, self._nvml.NVML_SUCCESS):
                raise
            return ()

    def _read_memory(self, ours: Collection[int]) -> float | None:
        try:
            used_bytes = sum(self._memory_bytes(gpu, ours) for gpu in self._gpus)
        except Exception:  # noqa: BLE001 - the next read covers this time too
            return None
        before, self._memory_read = self._memory_read, time.monotonic()
        self._memory_gb_s += used_bytes / BYTES_PER_GIB * (self._memory_read - before)
        self._knows_memory |= used_bytes > 0
        return self._memory_gb_s if self._knows_memory else None

    def _memory_bytes(self, gpu: Any, ours: Collection[int]) -> int:
        """Memory of the processes on one GPU, bytes.

        Raises:
            TypeError: the memory of a process is None, which means not available (Windows' display driver model).
        """
        lists = [self._nvml.nvmlDeviceGetComputeRunningProcesses(gpu)]
        with suppress(self._nvml.NVMLError):  # a GPU without graphics
            lists.append(self._nvml.nvmlDeviceGetGraphicsRunningProcesses(gpu))
        used: Counter[int] = Counter()
        for processes in lists:
            listed: Counter[int] = Counter()  # a process has an entry for each of its MIG slices
            for process in processes:
                if process.pid in ours:
                    listed[process.pid] += process.usedGpuMemory
            used |= listed  # the larger value: a process can be in both lists
        return used.total()


def _has_pids_of_host() -> bool:
    """Whether this process is outside of containers. Systems other than Linux have no PID namespaces."""
    try:
        return str(_PID_NAMESPACE.readlink()) == _HOST_PID_NAMESPACE
    except OSError:
        return not Path("/proc/self").exists()
