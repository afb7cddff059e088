"""The NVIDIA GPUs of this machine, by NVML: their number and model, and which of them the work may use."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from carbon_pipeline.probes.sourced import BYTES_PER_GIB, Sourced

VISIBLE = "CUDA_VISIBLE_DEVICES"
_PCI_DEVICES = Path("/sys/bus/pci/devices")

T = TypeVar("T")


def probe_gpus() -> dict[str, Sourced]:  # type: ignore[type-arg]
    """Probe the GPUs. Without a library, driver or permission, the values are unknown or 0, with a reason.

    Returns:
        The fields `gpu_count`, `gpu_model`, `gpu_memory_gb` and `gpu_driver` of `Hardware`, where they are known.
    """
    try:
        with _nvml() as nvml:
            return _query_gpus(nvml)
    except _NoNvmlError as error:
        return {"gpu_count": _gpu_count_without_nvml(f"NVML: {error}")}
    except Exception as error:  # noqa: BLE001 - a GPU that fell off the bus, a permission: reported, not raised
        return {"gpu_count": Sourced(reason=f"NVML: {error}")}


def gpus_to_measure() -> list[int] | None:
    """Find the NVML indexes of the GPUs that the work may use.

    CodeCarbon 3.3 supports indexes in `CUDA_VISIBLE_DEVICES`, but measures no GPU at all if it contains UUIDs or MIG
    slices (it strips the characters of "MIG-", so that "GPU-..." becomes "PU-..."). They are resolved here.

    Returns:
        The indexes; those of all GPUs if the variable selects none of them, since the machine draws their power
        anyway; None if the meter is to choose, because NVML is not available or the variable is not set.
    """
    names = os.environ.get(VISIBLE)
    if not names:
        return None
    try:
        with _nvml() as nvml:
            count = int(nvml.nvmlDeviceGetCount())
            return _visible_indexes(nvml, names, count) or list(range(count)) or None
    except Exception:  # noqa: BLE001 - if a query to NVML fails, the choice is left to the meter
        return None


def _visible_indexes(nvml: Any, names: str, count: int) -> list[int]:
    """Indexes of the named GPUs, up to the first unknown name, as CUDA reads the list (CUDA C++ programming guide)."""
    handles = {index: nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)}
    uuids = {_text(nvml.nvmlDeviceGetUUID(handle)): index for index, handle in handles.items()}
    found: list[int] = []
    for name in (part.strip() for part in names.split(",")):
        index = int(name) if name.isdigit() else _gpu_index(nvml, name, uuids)
        if index not in handles:
            break
        found.append(index)
    return sorted(set(found))


def _gpu_index(nvml: Any, name: str, uuids: dict[str, int]) -> int:
    """Index of the GPU of a UUID, a UUID prefix or a MIG slice (its board, as energy is per board); -1 if not found."""
    if name.startswith("MIG-") and not name.startswith("MIG-GPU-"):
        try:
            slice_ = nvml.nvmlDeviceGetHandleByUUID(name)
            board = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(slice_)
            return uuids[_text(nvml.nvmlDeviceGetUUID(board))]
        except Exception:  # noqa: BLE001 - no such slice; NVML has exceptions of its own
            return -1
    name = name.removeprefix("MIG-").partition("/")[0]  # older drivers: MIG-GPU-<uuid of the board>/<slice>/<slice>
    matches = [index for uuid, index in uuids.items() if name.startswith("GPU-") and uuid.startswith(name)]
    return matches[0] if len(matches) == 1 else -1


class _NoNvmlError(RuntimeError):
    """The NVML library or the driver is missing."""


@contextmanager
def _nvml() -> Iterator[Any]:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:  # noqa: BLE001 - a missing library or driver raises exceptions of NVML's own
        raise _NoNvmlError(str(error)) from None
    try:
        yield pynvml
    finally:
        with suppress(Exception):
            pynvml.nvmlShutdown()


def _query_gpus(nvml: Any) -> dict[str, Sourced]:  # type: ignore[type-arg]
    handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    if not handles:
        return {"gpu_count": Sourced(value=0, source="nvml", reason="NVML reports no GPU")}
    return {
        "gpu_count": Sourced(value=len(handles), source="nvml"),
        "gpu_model": _query(lambda: _model_text(Counter(_text(nvml.nvmlDeviceGetName(h)) for h in handles))),
        "gpu_memory_gb": _query(lambda: min(nvml.nvmlDeviceGetMemoryInfo(h).total for h in handles) / BYTES_PER_GIB),
        "gpu_driver": _query(lambda: _text(nvml.nvmlSystemGetDriverVersion())),
    }


def _gpu_count_without_nvml(reason: str) -> Sourced[int]:
    """GPU count from the PCI bus of Linux: if it lists no NVIDIA GPU, NVML could not have reported one either."""
    if not _PCI_DEVICES.is_dir():
        return Sourced(value=0, reason=f"{reason}; it is unknown whether this machine has a GPU")
    found = sum(_is_nvidia_gpu(device) for device in _PCI_DEVICES.iterdir())
    if found:
        return Sourced(
            reason=f"{reason}; the PCI bus lists {found} NVIDIA GPU(s): check that their driver is installed"
        )
    return Sourced(value=0, source="pci", reason=f"{reason}; the PCI bus lists no NVIDIA GPU")


def _is_nvidia_gpu(device: Path) -> bool:
    """Whether a PCI device has vendor 0x10de and class 0x03, display controller (https://pci-ids.ucw.cz/read/PD/03)."""
    try:
        return (device / "vendor").read_text().strip() == "0x10de" and (device / "class").read_text().startswith("0x03")
    except OSError:
        return False


def _query(query: Callable[[], T]) -> Sourced[T]:
    """Result of one NVML query; not every GPU supports every query."""
    try:
        return Sourced(value=query(), source="nvml")
    except Exception as error:  # noqa: BLE001 - NVML has exceptions of its own
        return Sourced(reason=f"NVML: {error}")


def _model_text(models: Counter[str]) -> str:
    """`NVIDIA A100` for one GPU, `2 x NVIDIA A100` for two, `1 x A + 2 x B` for different models."""
    if sum(models.values()) == 1:
        return next(iter(models))
    return " + ".join(f"{count} x {model}" for model, count in models.items())


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
