import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline_tests.fakes import make_record

energies = st.none() | st.floats(min_value=0, max_value=1e6)


@given(energies, energies, energies, st.floats(min_value=1e-3, max_value=1e7))
def test_the_parts_always_add_up_to_the_total(
    cpu: float | None, gpu: float | None, ram: float | None, duration_s: float
) -> None:
    record = make_record(cpu_energy_kwh=cpu, gpu_energy_kwh=gpu, ram_energy_kwh=ram, duration_s=duration_s)
    known = [part for part in (cpu, gpu, ram) if part is not None]
    assert record.energy_kwh == (sum(known) if known else None)
    if cpu is not None:
        assert record.cpu_power_w == pytest.approx(cpu * 3.6e6 / duration_s)
    if record.energy_kwh is not None:
        assert record.emissions_kg == pytest.approx(record.energy_kwh * 0.056)


@given(energies, energies)
def test_a_record_survives_the_way_to_disk_and_back(cpu: float | None, ram: float | None) -> None:
    record = make_record(cpu_energy_kwh=cpu, ram_energy_kwh=ram, flags=["short_run"])
    assert RunRecord.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("cpu_energy_kwh", -1e-9),
        ("cpu_energy_kwh", math.nan),
        ("gpu_energy_kwh", math.inf),
        ("duration_s", math.nan),
        ("latitude", 999.0),
        ("pue", 0.5),
        ("status", "perhaps"),
        ("started_at", datetime(2026, 1, 1)),
        ("run_id", ""),
    ],
)
def test_an_impossible_value_never_becomes_a_record(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        RunRecord.model_validate({**make_record().model_dump(), field: value})


def test_times_are_kept_in_utc() -> None:
    paris = timezone(timedelta(hours=1))
    record = make_record(ended_at=datetime(2026, 1, 1, 0, 30, tzinfo=paris))
    assert record.ended_at == datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert record.ended_at.tzinfo == UTC


def test_a_run_of_no_duration_has_no_power() -> None:
    record = make_record(duration_s=0.0)
    assert (record.cpu_power_w, record.emissions_rate_kg_per_s) == (None, None)


def test_every_flag_has_a_meaning() -> None:
    assert all(text and name == name.lower() for name, text in FLAGS.items())
