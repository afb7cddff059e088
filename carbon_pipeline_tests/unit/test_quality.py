"""The interval model: what it keeps whatever it is given. How it fares on real machines: benchmarks/wall_meter.py."""

import itertools
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from carbon_pipeline.model import interval as quality
from carbon_pipeline.model.interval import Interval, intensity_interval, interval, quality_of
from carbon_pipeline.model.machine_kind import kind_from_parts
from carbon_pipeline_tests.fakes import make_record

ENERGY = st.floats(0, 1e9)
MAYBE_ENERGY = st.none() | ENERGY
SECONDS = st.floats(0, 1e8)
METHOD = st.sampled_from([*quality.FACTORS, "unknown", "", None])
MACHINE = st.fixed_dictionaries(
    {},
    optional={
        "machine_kind": st.sampled_from([None, *quality.LOSSES, "toaster"]),
        "cpu_model": st.sampled_from(
            [None, "", "Intel(R) Core(TM) i9-13900K", "AMD EPYC 7742", "13th Gen i7-1360P", "x"]
        ),
        "cpu_count": st.none() | st.integers(1, 512),
        "cpu_tdp_w": st.none() | st.floats(0, 1e4),
        "cpu_tdp_source": st.sampled_from([None, "table", "4_w_per_thread", "85_w", "else"]),
        "gpu_model": st.sampled_from([None, "NVIDIA H100 SXM5", "NVIDIA GeForce RTX 4090"]),
        "gpu_count": st.none() | st.integers(0, 16),
        "gpu_tracked_count": st.none() | st.integers(0, 16),
        "ram_gb": st.none() | st.floats(0, 1e5),
        "tracking_mode": st.sampled_from([None, "machine", "process"]),
        "pue": st.floats(1, 3),
    },
)
ENERGIES = st.fixed_dictionaries({"cpu": ENERGY, "gpu": MAYBE_ENERGY, "ram": MAYBE_ENERGY})
METHODS = st.fixed_dictionaries({"cpu": METHOD, "gpu": METHOD, "ram": METHOD})


@given(ENERGIES, METHODS, SECONDS, MACHINE)
def test_the_measured_energy_is_within_its_interval_and_no_end_is_nan(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, machine: dict[str, Any]
) -> None:
    found = interval(energies, methods, seconds, **machine)
    assert found is not None
    total = energies["cpu"] + (energies["gpu"] or 0) + (energies["ram"] or 0)
    assert 0 <= found.low_kwh <= total <= found.high_kwh < math.inf
    errs_by_more_than_half = max(total - found.low_kwh, found.high_kwh - total) > 0.5 * total
    assert (found.quality(total) is None) == errs_by_more_than_half


@given(ENERGIES, METHODS, SECONDS, MACHINE, st.sampled_from(["cpu", "gpu", "ram"]), st.floats(1, 10))
def test_more_energy_never_lowers_an_end(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, machine: dict[str, Any], part: str, times: float
) -> None:
    assume(energies[part] is not None)
    less = interval(energies, methods, seconds, **machine)
    more = interval(energies | {part: energies[part] * times}, methods, seconds, **machine)
    assert less is not None
    assert more is not None
    assert more.low_kwh >= less.low_kwh * (1 - 1e-9)
    assert more.high_kwh >= less.high_kwh * (1 - 1e-9)


@given(ENERGIES, METHODS, SECONDS, MACHINE)
def test_the_same_power_for_twice_as_long_is_twice_the_interval(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, machine: dict[str, Any]
) -> None:
    once = interval(energies, methods, seconds, **machine)
    doubled = {part: None if kwh is None else 2 * kwh for part, kwh in energies.items()}
    twice = interval(doubled, methods, 2 * seconds, **machine)
    assert once is not None
    assert twice is not None
    assert twice.low_kwh == pytest.approx(2 * once.low_kwh, rel=1e-9)
    assert twice.high_kwh == pytest.approx(2 * once.high_kwh, rel=1e-9)


@given(ENERGIES, METHODS, SECONDS, st.sampled_from(["laptop", "desktop", "server"]))
def test_knowing_the_machine_never_makes_the_interval_wider(
    energies: dict[str, Any], methods: dict[str, Any], seconds: float, kind: str
) -> None:
    known, unknown = interval(energies, methods, seconds, machine_kind=kind), interval(energies, methods, seconds)
    assert known is not None
    assert unknown is not None
    assert unknown.low_kwh <= known.low_kwh
    assert known.high_kwh <= unknown.high_kwh


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf])
def test_an_impossible_number_is_rejected_by_name(wrong: float) -> None:
    with pytest.raises(ValueError, match="gpu"):
        interval({"cpu": 1.0, "gpu": wrong, "ram": 1.0}, {}, 1.0)
    with pytest.raises(ValueError, match="duration_s"):
        interval({"cpu": 1.0}, {}, wrong)
    with pytest.raises(ValueError, match="pue"):
        interval({"cpu": 1.0}, {}, 1.0, pue=0.5)


def test_without_the_energy_of_the_cpu_there_is_no_interval() -> None:
    assert interval({"cpu": None, "gpu": 1.0, "ram": 1.0}, {}, 1.0) is None


def test_every_coefficient_has_a_source_and_its_ends_in_order() -> None:
    tables = [vars(quality)[name] for name in ("FACTORS", "UNKNOWN_METHOD", "GUESSED_TDP", "TURBO", "LOSSES", "REST_W")]
    ranges = [found for table in tables for found in table.values()]
    ranges += [found for found in vars(quality).values() if isinstance(found, quality.Range)]
    assert len(ranges) > 25
    for found in ranges:
        assert 0 <= found.low <= found.high < math.inf
        assert found.source


def test_the_load_curve_rises_and_holds_the_mean_of_any_two_loads() -> None:
    points = quality.LOAD_CURVE
    slopes = [[(b[end] - a[end]) / (b[0] - a[0]) for a, b in itertools.pairwise(points)] for end in (1, 2)]
    assert slopes[0][1:] == sorted(slopes[0][1:])  # convex, from the idle power on
    assert slopes[1][1:] == sorted(slopes[1][1:], reverse=True)  # concave
    assert min(min(slopes[0]), min(slopes[1])) >= 0


def test_a_modelled_number_is_never_called_high() -> None:
    for method in ("cpu_load", "constant"):
        assert quality_of("cpu", method) is None
    assert quality_of("ram", "estimated") is None
    assert quality_of("cpu", "rapl") == "high"
    assert quality_of("gpu", "none") is None
    record = make_record()
    assert record.quality is None


def test_the_quality_of_a_published_energy_is_how_much_it_may_err() -> None:
    levels = [Interval(1 - x, 1 + x).quality(1.0) for x in (0.0, 0.09, 0.2, 0.5, 0.51)]
    assert levels == ["high", "high", "medium", "low", None]
    # The same interval says more of a value in its middle than of one at its end.
    assert [Interval(1.0, 1.4).quality(energy) for energy in (1.0, 1.2, 1.4)] == ["low", "medium", "low"]
    assert Interval(1.0, 3.0).quality(1.0) is None
    assert Interval(0.0, 0.0).quality(0.0) == "high"


@given(
    st.floats(0, 2000), st.sampled_from(["configured", "electricity_maps", "country_average", "world_average", "csv"])
)
def test_an_intensity_is_within_its_interval(g_per_kwh: float, source: str) -> None:
    found = intensity_interval(g_per_kwh, source)
    assert found is not None
    assert 0 <= found[0] <= g_per_kwh <= found[1] < math.inf


def test_an_unknown_country_is_as_wide_as_the_countries_are() -> None:
    assert intensity_interval(475, "world_average") == (41, 713)
    assert intensity_interval(100, "configured") == (100, 100)
    assert intensity_interval(None, "unknown") is None
    record = make_record(country_iso_code=None, intensity_source="world_average", carbon_intensity_g_per_kwh=475.0)
    assert record.emissions_low_kg is not None
    assert record.emissions_kg is not None
    assert record.emissions_high_kg is not None
    assert record.emissions_low_kg < record.emissions_kg / 10
    assert record.emissions_high_kg > record.emissions_kg * 1.5


def test_the_pue_is_in_the_interval_as_it_is_in_the_energy() -> None:
    one = interval({"cpu": 1e-3, "ram": 1e-4}, {"cpu": "rapl", "ram": "estimated"}, 60)
    two = interval({"cpu": 2e-3, "ram": 2e-4}, {"cpu": "rapl", "ram": "estimated"}, 60, pue=2)
    assert one is not None
    assert two is not None
    assert (two.low_kwh, two.high_kwh) == pytest.approx((2 * one.low_kwh, 2 * one.high_kwh))


@pytest.mark.parametrize(
    ("cpu", "gpus", "kind"),
    [
        ("Intel(R) Xeon(R) Gold 6248 CPU @ 2.50GHz", 0, "server"),
        ("AMD EPYC 7742 64-Core Processor", 8, "gpu_server"),
        ("13th Gen Intel(R) Core(TM) i9-13900K", 1, "desktop"),
        ("AMD Ryzen 9 5950X 16-Core Processor", 1, "desktop"),
        ("AMD Ryzen 5 7530U with Radeon Graphics", 0, "laptop"),
        ("11th Gen Intel(R) Core(TM) i7-1165G7 @ 2.80GHz", 0, "laptop"),
        ("Intel(R) Core(TM) i7-8750H CPU @ 2.20GHz", 1, "laptop"),
        ("Apple M2 Pro", 0, "laptop"),
        ("AMD Ryzen Threadripper 1950X 16-Core Processor", 0, "desktop"),
        (None, None, None),
    ],
)
def test_the_kind_of_machine_is_derived_from_its_parts(cpu: str | None, gpus: int | None, kind: str | None) -> None:
    assert kind_from_parts(cpu, gpus) == kind


def test_the_interval_contains_the_wall_meter_in_nine_of_ten_published_runs() -> None:
    from carbon_pipeline_tests.benchmarks.wall_meter import compare

    runs = compare()
    assert len(runs) > 250
    assert sum(run.is_inside for run in runs) >= 0.9 * len(runs)
    for group in {run.group for run in runs}:
        inside = [run.is_inside for run in runs if run.group == group]
        assert sum(inside) >= 0.9 * len(inside), group
    assert sum(run.is_inside for run in compare(described=False)) >= 0.75 * len(runs)


def test_a_server_with_many_gpus_has_the_idle_power_of_a_gpu_server() -> None:
    by_firmware = quality.coefficients({}, machine_kind="server", gpu_count=8, gpu_tracked_count=8)
    assert vars(by_firmware.rest_w) | {"source": ""} == vars(quality.REST_W["gpu_server"]) | {"source": ""}
    two = quality.coefficients({}, machine_kind="server", gpu_count=2, gpu_tracked_count=2)
    assert two.rest_w.high == quality.REST_W["server"].high
