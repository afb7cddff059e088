"""The NVIDIA GPUs of this machine by way of NVML: how many, which, and which of them the work may use."""

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
    """Looks at the GPUs. No library, no driver, no permission: none, and why.

    Returns:
        The fields `gpu_count`, `gpu_model`, `gpu_memory_gb` and `gpu_driver` of `Hardware`, as far as they are known.
    """
    try:
        with _nvml() as nvml:
            return _look(nvml)
    except _NoNvmlError as error:
        return {"gpu_count": _without_nvml(f"NVML: {error}")}
    except Exception as error:  # noqa: BLE001 - a GPU that fell off the bus, a permission: said, not raised
        return {"gpu_count": Sourced(reason=f"NVML: {error}")}


def gpus_to_measure() -> list[int] | None:
    """The GPUs that the work may use, as NVML counts them.

    CodeCarbon 3.3 understands the indexes in `CUDA_VISIBLE_DEVICES`, but measures no GPU at all where it holds UUIDs
    or MIG slices (it strips the letters of "MIG-", so that "GPU-..." begins with "PU-"). They are looked up here.

    Returns:
        Indexes; every GPU where the variable shows none of them to the work, since the machine draws their power all
        the same; None to leave the choice to the meter: there is no NVML, or the variable is not set.
    """
    names = os.environ.get(VISIBLE)
    if not names:
        return None
    try:
        with _nvml() as nvml:
            count = int(nvml.nvmlDeviceGetCount())
            return _selected(nvml, names, count) or list(range(count)) or None
    except Exception:  # noqa: BLE001 - whatever NVML cannot answer, the meter finds out for itself
        return None


def _selected(nvml: Any, names: str, count: int) -> list[int]:
    """CUDA reads the list up to the first name that is none of its devices (CUDA C++ programming guide)."""
    handles = {index: nvml.nvmlDeviceGetHandleByIndex(index) for index in range(count)}
    uuids = {_text(nvml.nvmlDeviceGetUUID(handle)): index for index, handle in handles.items()}
    found: list[int] = []
    for name in (part.strip() for part in names.split(",")):
        index = int(name) if name.isdigit() else _index_of(nvml, name, uuids)
        if index not in handles:
            break
        found.append(index)
    return sorted(set(found))


def _index_of(nvml: Any, name: str, uuids: dict[str, int]) -> int:
    """The GPU of a UUID (or its beginning), or of a MIG slice: the whole board, since its energy has no parts."""
    if name.startswith("MIG-") and not name.startswith("MIG-GPU-"):
        try:
            slice_ = nvml.nvmlDeviceGetHandleByUUID(name)
            board = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(slice_)
            return uuids[_text(nvml.nvmlDeviceGetUUID(board))]
        except Exception:  # noqa: BLE001 - no such slice: NVML's own exceptions
            return -1
    name = name.removeprefix("MIG-").partition("/")[0]  # older drivers: MIG-GPU-<uuid of the board>/<slice>/<slice>
    matches = [index for uuid, index in uuids.items() if name.startswith("GPU-") and uuid.startswith(name)]
    return matches[0] if len(matches) == 1 else -1


class _NoNvmlError(RuntimeError):
    """There is no library, or no driver that it could talk to."""


@contextmanager
def _nvml() -> Iterator[Any]:
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception as error:  # noqa: BLE001 - a missing library or driver, as exceptions of NVML's own
        raise _NoNvmlError(str(error)) from None
    try:
        yield pynvml
    finally:
        with suppress(Exception):
            pynvml.nvmlShutdown()


def _look(nvml: Any) -> dict[str, Sourced]:  # type: ignore[type-arg]
    handles = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    if not handles:
        return {"gpu_count": Sourced(value=0, source="nvml", reason="NVML reports no GPU")}
    return {
        "gpu_count": Sourced(value=len(handles), source="nvml"),
        "gpu_model": _asked(lambda: _model_text(Counter(_text(nvml.nvmlDeviceGetName(h)) for h in handles))),
        "gpu_memory_gb": _asked(lambda: min(nvml.nvmlDeviceGetMemoryInfo(h).total for h in handles) / BYTES_PER_GIB),
        "gpu_driver": _asked(lambda: _text(nvml.nvmlSystemGetDriverVersion())),
    }


def _without_nvml(reason: str) -> Sourced[int]:
    """Linux lists the devices on its PCI bus: there, no NVIDIA device means no GPU that NVML could have reported."""
    if not _PCI_DEVICES.is_dir():
        return Sourced(value=0, reason=f"{reason}; whether there is a GPU is not known")
    found = sum(_is_nvidia_gpu(device) for device in _PCI_DEVICES.iterdir())
    if found:
        return Sourced(reason=f"{reason}; the PCI bus shows {found} NVIDIA GPU: is its driver installed?")
    return Sourced(value=0, source="pci", reason=f"{reason}; the PCI bus shows no NVIDIA GPU")


def _is_nvidia_gpu(device: Path) -> bool:
    """Vendor 0x10de, class 0x03: display controllers (https://pci-ids.ucw.cz/read/PD/03)."""
    try:
        return (device / "vendor").read_text().strip() == "0x10de" and (device / "class").read_text().startswith("0x03")
    except OSError:
        return False


def _asked(question: Callable[[], T]) -> Sourced[T]:
    """The answer of NVML to one question; some boards do not support each of them."""
    try:
        return Sourced(value=question(), source="nvml")
    except Exception as error:  # noqa: BLE001 - NVML's own exceptions
        return Sourced(reason=f"NVML: {error}")


def _model_text(models: Counter[str]) -> str:
    """`NVIDIA A100` for one, `2 x NVIDIA A100` for two, `1 x A + 2 x B` for a mixture."""
    if sum(models.values()) == 1:
        return next(iter(models))
    return " + ".join(f"{count} x {model}" for model, count in models.items())


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
