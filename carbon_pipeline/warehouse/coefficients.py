"""The interval model for each context, as numbers that the view core.run applies. The model: model/interval.py."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from carbon_pipeline.model import grid, interval, power_limits
from carbon_pipeline.model.clues import clues_of, gpu_method_of

UNKNOWN = "unknown"

_MODEL = ("interval.py", "clues.py", "grid.py", "machine_kind.py", "power_limits.py")
"""The files of carbon_pipeline/model that the coefficients follow from."""


def digest_of_model() -> str:
    """A hash of all that the coefficients are computed from, such as CodeCarbon's tables."""
    folder = files("carbon_pipeline.model")
    texts = [(folder / name).read_bytes() for name in _MODEL]
    return hashlib.sha256(b"".join([*texts, version("codecarbon").encode()])).hexdigest()


@cache
def coefficients_of(
    source: str, cpu_method: str, gpu_method: str, ram_method: str, machine_kind: str | None, cpu_model: str | None,
    cpu_count: int | None, cpu_tdp_w: float | None, cpu_tdp_source: str | None, gpu_model: str | None,
    gpu_count: int | None, gpu_tracked_count: int | None, ram_gb: float | None, tracking_mode: str | None,
    intensity_source: str, country_iso_code: str | None, region: str | None, codecarbon_version: str | None,
    os: str | None, is_recent: bool, is_cloud: bool,
) -> list[dict[str, Any]]:  # fmt: skip
    """Compute the rows of raw.coefficients from columns of raw.context, without its number.

    One row where the method of the CPU is recorded, else one for each that may be inferred.
    """
    from carbon_pipeline.tracking.intensity import plausible_range
    from carbon_pipeline.tracking.meter import cpu_tdp_w as tdp_of

    table_w = tdp_of(cpu_model) if source == "csv" else None
    clues, methods = clues_of(None, None, None, None, None, None, None), {"": cpu_method}
    if source == "csv" and cpu_tdp_w is None and table_w:
        cpu_tdp_w, cpu_tdp_source = table_w, "table_of_processors"
    if cpu_method == UNKNOWN and source == "csv":
        clues = clues_of(
            codecarbon_version,
            os,
            cpu_model,
            cpu_count,
            table_w,
            gpu_model,
            tracking_mode,
            is_recent=is_recent,
            is_cloud=is_cloud,
        )
        methods = {
            name: name for name in (UNKNOWN, "constant", "cpu_load", *([clues.counter] if clues.counter else []))
        }
    if gpu_method == UNKNOWN and source == "csv":
        gpu_method = gpu_method_of(codecarbon_version, gpu_model)
    if ram_method == UNKNOWN and source == "csv":
        ram_method = "estimated"
    shared: dict[str, Any] = {
        "gpu_method": gpu_method,
        "ram_method": ram_method,
        **vars(clues),
        "cpu_limit_w": power_limits.cpu_limit_w(cpu_model, cpu_count, table_w if source == "csv" else cpu_tdp_w),
        "gpu_limit_w": max(power_limits.ANY_GPU_W, power_limits.gpu_limit_w(gpu_model, gpu_count)),
        "ram_limit_w": power_limits.ram_limit_w(ram_gb),
        "fallback_g_per_kwh": grid.world_average().g_per_kwh,
    }
    factor, possible = interval.intensity_range(intensity_source, country_iso_code, region)
    shared["intensity_low"], shared["intensity_high"] = factor.low, factor.high
    shared["intensity_low_g_per_kwh"] = possible and possible.low
    shared["intensity_high_g_per_kwh"] = possible and possible.high
    shared["intensity_min_g_per_kwh"], shared["intensity_max_g_per_kwh"] = plausible_range(country_iso_code)
    found = []
    for name, method in methods.items():
        model = interval.coefficients(
            {"cpu": method, "gpu": gpu_method, "ram": ram_method},
            machine_kind=machine_kind,
            cpu_model=cpu_model,
            cpu_count=cpu_count,
            cpu_tdp_w=cpu_tdp_w,
            cpu_tdp_source=cpu_tdp_source,
            gpu_model=gpu_model,
            gpu_count=gpu_count,
            gpu_tracked_count=gpu_tracked_count,
            ram_gb=ram_gb,
            tracking_mode=tracking_mode,
        )
        found.append({"inferred_method": name, **shared, **_numbers(model)})
    return found


def _numbers(model: interval.Coefficients) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for end in ("low", "high"):
        for name in ("cpu", "total"):
            lines = getattr(model, f"{name}_{end}")
            row[f"{name}_{end}"] = [line.factor for line in lines]
            row[f"{name}_{end}_w"] = [line.constant_w for line in lines]
        for name in ("gpu", "ram", "losses"):
            row[f"{name}_{end}"] = getattr(getattr(model, name), end)
        for name in ("rest", "missing_gpu", "missing_ram"):
            row[f"{name}_{end}_w"] = getattr(getattr(model, f"{name}_w"), end)
    return row
