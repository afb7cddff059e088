"""The interval model for each context, as numbers that the view core.run applies. The model: model/interval.py."""

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from carbon_pipeline.model import grid, interval, power_limits

_MODEL = ("interval.py", "grid.py", "machine_kind.py", "power_limits.py")
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
    intensity_source: str, country_iso_code: str | None, region: str | None,
) -> dict[str, Any]:  # fmt: skip
    """Compute a row of raw.coefficients from columns of raw.context, without its number."""
    from carbon_pipeline.tracking.intensity import plausible_range
    from carbon_pipeline.tracking.meter import cpu_tdp_w as tdp_of

    model = interval.coefficients(
        {"cpu": cpu_method, "gpu": gpu_method, "ram": ram_method},
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
    row: dict[str, Any] = {}
    for end in ("low", "high"):
        lines = getattr(model, f"cpu_{end}")
        row[f"cpu_{end}"] = [line.factor for line in lines]
        row[f"cpu_{end}_w"] = [line.constant_w for line in lines]
        for name in ("gpu", "ram", "total", "losses"):
            row[f"{name}_{end}"] = getattr(getattr(model, name), end)
        for name in ("rest", "missing_gpu", "missing_ram"):
            row[f"{name}_{end}_w"] = getattr(getattr(model, f"{name}_w"), end)
    row["cpu_limit_w"] = power_limits.cpu_limit_w(
        cpu_model, cpu_count, tdp_of(cpu_model) if source == "csv" else cpu_tdp_w
    )
    row["gpu_limit_w"] = max(power_limits.ANY_GPU_W, power_limits.gpu_limit_w(gpu_model, gpu_count))
    row["ram_limit_w"] = power_limits.ram_limit_w(ram_gb)
    factor, possible = interval.intensity_range(intensity_source, country_iso_code, region)
    row["intensity_low"], row["intensity_high"] = factor.low, factor.high
    row["intensity_low_g_per_kwh"] = possible and possible.low
    row["intensity_high_g_per_kwh"] = possible and possible.high
    row["intensity_min_g_per_kwh"], row["intensity_max_g_per_kwh"] = plausible_range(country_iso_code)
    row["fallback_g_per_kwh"] = grid.world_average().g_per_kwh
    return row
