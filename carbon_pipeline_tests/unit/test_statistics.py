"""The test behind `energy_regression`."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.comparison import compare

ENERGIES = st.lists(st.floats(1e-9, 1e3), min_size=3, max_size=30)


def test_it_agrees_with_a_t_test_worked_by_hand() -> None:
    earlier = [math.exp(x) for x in (1.0, 2.0, 3.0)]  # mean 2, standard deviation 1
    found = compare(math.exp(2 + 4.3026527 * math.sqrt(4 / 3)), earlier)  # t(0.975, 2 degrees of freedom) = 4.3026527
    assert found.p_value == pytest.approx(0.025, rel=1e-6)
    assert found.expected == pytest.approx(math.exp(2))
    assert found.high == pytest.approx(math.exp(2 + 4.3026527 * math.sqrt(4 / 3)), rel=1e-6)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_false_alarms_are_as_rare_as_alpha(n: int) -> None:
    chance = random.Random(7)
    trials = 2000
    alarms = sum(
        compare(chance.lognormvariate(0, 0.2), [chance.lognormvariate(0, 0.2) for _ in range(n)]).p_value < 0.05
        for _ in range(trials)
    )
    assert 0.03 < alarms / trials < 0.07


def test_equal_runs_do_not_make_the_smallest_difference_an_alarm() -> None:
    assert compare(1.005, [1.0] * 6).p_value > 0.05
    assert compare(1.5, [1.0] * 6).p_value < 0.001


@given(ENERGIES, st.floats(1e-9, 1e3), st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(earlier: list[float], value: float, factor: float) -> None:
    one = compare(value, earlier)
    other = compare(value * factor, [energy * factor for energy in earlier])
    assert other.p_value == pytest.approx(one.p_value, abs=1e-6)
    assert other.ratio == pytest.approx(one.ratio, rel=1e-6)


@pytest.mark.parametrize(("value", "earlier"), [(1.0, [1.0, 1.0]), (0.0, [1.0] * 5), (1.0, [1.0, -1.0, 1.0])])
def test_values_that_cannot_be_compared_are_rejected(value: float, earlier: list[float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        compare(value, earlier)
