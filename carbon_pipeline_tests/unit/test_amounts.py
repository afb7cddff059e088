"""Amounts as people read them: a wrong prefix is an error of a factor of a thousand that nobody notices."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.amounts import UNITS, amount, clock, interval, number, unit_of

VALUES = st.floats(min_value=1e-12, max_value=1e9)
QUANTITIES = st.sampled_from(["kWh", "W", "kg CO2eq", "s", "l"])


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.56e-5, "kWh", "15.6 mWh"),
        (1.861e-8, "kWh", "18.6 µWh"),
        (1.4, "kWh", "1.4 kWh"),
        (2e-12, "kWh", "2 nWh"),
        (12_345_678.0, "kWh", "12,300 MWh"),
        (1e-5, "W", "10 µW"),
        (0.34, "kg CO2eq", "340 g CO2eq"),
        (12.0, "kg CO2eq", "12 kg CO2eq"),
        (1234.0, "kg CO2eq", "1.23 t CO2eq"),
        (0.9996, "kWh", "1 kWh"),
        (0.9994, "kWh", "999 Wh"),
        (999.6, "kg CO2eq", "1 t CO2eq"),
        (999.6, "kWh", "1 MWh"),
        (0.0, "kWh", "0 kWh"),
        (0.0, "s", "0 s"),
        (-1.56e-5, "kWh", "-15.6 mWh"),
        (None, "kWh", "unknown"),
        (float("nan"), "kWh", "unknown"),
        (1e-18, "kWh", "<0.001 nWh"),
        (0.0041, "s", "4.1 ms"),
        (59.4, "s", "59.4 s"),
        (59.7, "s", "1 min"),
        (3599.0, "s", "59 min 59 s"),
        (3599.6, "s", "1 h"),
        (7980.0, "s", "2 h 13 min"),
        (86_399.0, "s", "1 d"),
        (90_000.0, "s", "1 d 1 h"),
        (-90.0, "s", "-1 min 30 s"),
    ],
)
def test_an_amount_is_short_and_in_the_unit_that_people_would_choose(value: float | None, unit: str, text: str) -> None:
    assert amount(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        (7e-6, 3.1e-5, "7 to 31 mWh"),
        (9.5e-7, 1e-6, "0.95 to 1 mWh"),
        (0.0, 0.0, "0 kWh"),
        (0.0280001, 0.0280002, "28 Wh"),
        (0.0, 2.0, "0 to 2 kWh"),
        (0.4, 0.99961, "0.4 to 1 kWh"),
        (None, 1.0, "unknown"),
    ],
)
def test_an_interval_has_one_unit(low: float | None, high: float | None, text: str) -> None:
    assert interval(low, high, "kWh") == text


@given(VALUES, QUANTITIES)
def test_an_amount_read_back_is_the_value_to_three_digits(value: float, unit: str) -> None:
    shown = unit_of([value], unit)
    text = number(value / shown.size)
    assert "e" not in text
    if text.startswith("<"):
        assert value / shown.size < 0.001
    else:
        assert float(text.replace(",", "")) * shown.size == pytest.approx(value, rel=0.00501, abs=0.0005 * shown.size)


@given(VALUES, QUANTITIES)
def test_no_amount_has_a_thousand_of_a_unit_that_has_a_next_one(value: float, unit: str) -> None:
    shown = unit_of([value], unit)
    larger = [one for one in UNITS[unit] if one.size > shown.size]
    if larger:
        assert float(f"{value / larger[-1].size:.3g}") < 1
        assert number(value / shown.size) not in ("1,000", "1000")


@given(st.floats(min_value=60, max_value=3e9))
def test_a_long_duration_is_right_to_its_smaller_unit(seconds: float) -> None:
    sizes = {"d": 86400, "h": 3600, "min": 60, "s": 1}
    parts = re.findall(r"([\d,]+) (d|h|min|s)", amount(seconds, "s"))
    assert 1 <= len(parts) <= 2
    read = sum(int(count.replace(",", "")) * sizes[name] for count, name in parts)
    assert abs(read - seconds) <= {"d": 1800, "h": 30, "min": 0.5}[parts[0][1]] + 1e-6


@given(VALUES, VALUES)
def test_a_larger_amount_never_reads_as_a_smaller_one(one: float, other: float) -> None:
    low, high = sorted((one, other))
    text = re.sub(r" \S*Wh$", "", interval(low, high, "kWh")).replace(",", "").replace("<", "")
    ends = [float(part) for part in text.split(" to ")]
    assert ends == sorted(ends)


def test_a_clock_shows_seconds_minutes_and_hours() -> None:
    assert [clock(12.9), clock(185.0), clock(3723.0)] == ["12 s", "3:05", "1:02:03"]
