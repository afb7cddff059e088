"""The tests behind `compare` and `energy_regression`."""

import math
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.comparison import compare, difference, judge_against_earlier_runs
from carbon_pipeline.model.student import t_quantile, t_tail

NOISE = 0.04
"""Standard deviation of the logarithms of equal runs in the simulations."""

TRIALS = 4000
"""Simulated pairs of the long test."""

ENERGY = st.floats(1e-9, 1e3)
GROUP = st.lists(ENERGY, min_size=1, max_size=12)


# The values are SciPy's (1.17.1, scipy.stats.t).
@pytest.mark.parametrize(
    ("t", "df", "tail"),
    [
        (0.0, 3, 0.5),
        (0.001, 1.3, 0.4996665978188753),
        (1.0, 1, 0.25000000000000006),
        (2.5, 4.7, 0.02879607967343366),
        (-1.2, 9, 0.8696134013047693),
        (12.7, 2, 0.0030714707997978887),
        (4.3, 18, 0.0002155485673091879),
        (40.0, 3, 1.7190340394579253e-05),
        (3.1, 100000.0, 0.0009678718563112792),
        (30.0, 50, 6.190011397993622e-34),
    ],
)
def test_the_tail_of_students_t(t: float, df: float, tail: float) -> None:
    assert t_tail(t, df) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(
    ("tail", "df", "t"),
    [
        (0.01, 1, 31.82051595377396),
        (0.01, 2.4, 5.585854753508043),
        (0.01, 18, 2.552379630182251),
        (0.025, 2, 4.302652729749464),
        (0.05, 9, 1.8331129326562376),
        (0.4, 5, 0.2671808657041451),
        (1e-06, 7, 14.241469651981445),
        (0.01, 1000000.0, 2.3263516031208056),
    ],
)
def test_the_quantiles_of_students_t(tail: float, df: float, t: float) -> None:
    assert t_quantile(tail, df) == pytest.approx(t, rel=1e-9)


def test_tails_and_quantiles_agree_with_scipy_where_it_is_installed() -> None:
    student = pytest.importorskip("scipy.stats").t
    chance = random.Random(5)
    for _ in range(300):
        df, t, tail = 10 ** chance.uniform(0, 5), 10 ** chance.uniform(-4, 2), 10 ** chance.uniform(-9, -0.4)
        assert t_tail(t, df) == pytest.approx(float(student.sf(t, df)), rel=1e-8, abs=1e-300)
        assert t_quantile(tail, df) == pytest.approx(float(student.isf(tail, df)), rel=1e-8)


def test_one_further_value_agrees_with_a_t_test_worked_by_hand() -> None:
    earlier = [math.exp(x) for x in (1.0, 2.0, 3.0)]  # mean 2, standard deviation 1
    reach = 4.3026527 * math.sqrt(4 / 3)  # t(0.975, 2 degrees of freedom) = 4.3026527
    found = difference(earlier, [math.exp(2 + reach)], confidence=0.95)
    assert found.p_value == pytest.approx(0.05, rel=1e-6)
    assert found.ratio == pytest.approx(math.exp(reach))
    assert found.low == pytest.approx(1, rel=1e-6)


def test_groups_that_scatter_unequally_are_compared_as_welch_does() -> None:
    first, second = ([math.exp(x) for x in logs] for logs in ((0.0, 0.1, 0.2, 0.3), (0.0, 0.5, 1.0, 1.5)))
    found = difference(
        first, second
    )  # scipy.stats.ttest_ind(..., equal_var=False) on the logarithms; Student's has 0.118
    assert found.p_value == pytest.approx(0.15899178974185357, rel=1e-6)


@pytest.mark.parametrize("group", [[1.0], [1.0, 2.0]])
def test_too_few_values_have_a_ratio_and_no_test(group: list[float]) -> None:
    found = difference([2.0], group)
    assert found.ratio == pytest.approx(math.prod(group) ** (1 / len(group)) / 2)
    assert (found.p_value is None) == (len(group) == 1)


@given(GROUP, GROUP)
def test_the_other_way_round_the_ratio_is_inverse(first: list[float], second: list[float]) -> None:
    one, other = difference(first, second), difference(second, first)
    assert one.ratio * other.ratio == pytest.approx(1)
    assert one.p_value == pytest.approx(other.p_value)
    if one.low is not None and one.high is not None and one.low > 1e-300 and one.high < 1e300:
        assert other.high is not None
        assert one.low * other.high == pytest.approx(1)
        assert one.low <= one.ratio <= one.high


@given(GROUP, GROUP, st.floats(1e-3, 1e3))
def test_the_unit_does_not_matter(first: list[float], second: list[float], factor: float) -> None:
    one = difference(first, second)
    other = difference([value * factor for value in first], [value * factor for value in second])
    assert other.ratio == pytest.approx(one.ratio, rel=1e-6)
    assert other.p_value == pytest.approx(one.p_value, abs=1e-6)


@pytest.mark.parametrize(
    ("first", "second"), [([], [1.0]), ([1.0], []), ([1.0, 0.0], [1.0]), ([1.0], [-1.0, math.inf])]
)
def test_values_that_cannot_be_compared_are_rejected(first: list[float], second: list[float]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        difference(first, second)


def run(kwh: float, **fields: Any) -> dict[str, Any]:
    own = {
        "run": "a run", "status": "completed", "encloses": False, "flags": [], "gap_share": 0.0, "duration_s": 10.0,
        "energy_kwh": kwh,
        "assets": [["m"]], "steps": ["m"], "partitions": ["none"], "host": ["h"], "cpu_model": ["A CPU"],
        "cpu_count": [4], "gpu_model": ["none"], "gpu_count": [0], "ram_gb": [16.0], "cpu_method": ["rapl"],
        "gpu_method": ["none"], "ram_method": ["estimated"], "codecarbon_version": ["3.3.2"],
        "tracking_mode": ["machine"], "pue": [1.0],
    }  # fmt: skip
    return {**own, **fields}


def simulated(chance: random.Random, runs: int, factor: float = 1.0, noise: float = NOISE) -> list[dict[str, Any]]:
    return [run(factor * chance.lognormvariate(0, noise)) for _ in range(runs)]


@pytest.mark.parametrize("sizes", [(10, 10), (2, 2), (3, 3), (5, 5), (1, 5), (2, 10), (3, 30)], ids=str)
def test_of_400_pairs_of_equal_groups_at_most_5_percent_are_false_alarms(sizes: tuple[int, int]) -> None:
    chance = random.Random(16)
    verdicts = Counter(compare(*(simulated(chance, size) for size in sizes)).verdict for _ in range(400))
    assert set(verdicts) <= {"more", "less", "no difference shown"}
    assert verdicts["no difference shown"] >= 380


@pytest.mark.long
@pytest.mark.parametrize("sizes", [(10, 10), (2, 2), (3, 3), (2, 10), (3, 30), (1, 5)], ids=str)
def test_false_alarms_are_no_more_often_than_the_interval_misses(sizes: tuple[int, int]) -> None:
    chance = random.Random(17)
    alarms = sum(
        compare(*(simulated(chance, n) for n in sizes)).verdict != "no difference shown" for _ in range(TRIALS)
    )
    assert alarms / TRIALS < 0.025


@pytest.mark.parametrize(("runs", "at_least"), [(10, 395), (5, 380)])
def test_20_percent_more_at_4_percent_noise_is_found(runs: int, at_least: int) -> None:
    chance = random.Random(18)
    found = Counter(compare(simulated(chance, runs), simulated(chance, runs, 1.2)).verdict for _ in range(400))
    assert found["more"] >= at_least
    found = Counter(compare(simulated(chance, runs, 1.2), simulated(chance, runs)).verdict for _ in range(400))
    assert found["less"] >= at_least


def test_the_interval_contains_the_true_ratio() -> None:
    chance = random.Random(19)
    inside = 0
    for _ in range(400):
        energy = compare(simulated(chance, 6), simulated(chance, 4, 1.1)).energy
        assert energy and energy.low is not None and energy.high is not None  # noqa: PT018
        inside += energy.low <= 1.1 <= energy.high
    assert inside >= 385


def test_equal_energies_do_not_make_the_smallest_difference_one() -> None:
    assert compare([run(1.0)] * 6, [run(1.005)] * 6).verdict == "no difference shown"
    assert compare([run(1.0)] * 6, [run(1.5)] * 6).verdict == "more"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cpu_model": ["Another CPU"]}, "CPU: A CPU in A, Another CPU in B"),
        ({"gpu_model": ["A100"]}, "GPU: none in A, A100 in B"),
        ({"ram_gb": [15.5]}, "RAM in GiB: 16 in A, 15.5 in B"),
        ({"cpu_method": ["cpu_load", "rapl"]}, "CPU method: rapl in A, cpu_load and rapl in B"),
        ({"codecarbon_version": ["3.2.0"]}, "CodeCarbon version: 3.3.2 in A, 3.2.0 in B"),
        ({"tracking_mode": ["process"]}, "tracking mode: machine in A, process in B"),
        ({"pue": [1.25]}, "PUE: 1 in A, 1.25 in B"),
    ],
)
def test_what_is_not_comparable_has_a_ratio_and_the_reason(fields: dict[str, Any], reason: str) -> None:
    found = compare([run(1.0)] * 3, [run(2.0, **fields)] * 3)
    assert (found.verdict, found.reasons[0]) == ("not comparable", reason)
    assert found.energy
    assert found.energy.ratio == pytest.approx(2)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"flags": ["gpu_not_measured"]}, "the GPUs were not measured in 0 of 3 runs of A and 3 of 3 of B"),
        ({"flags": ["cpu_not_measured"]}, "the CPUs were not measured in 0 of 3 runs of A and 3 of 3 of B"),
    ],
)
def test_no_verdict_rests_on_energies_that_lack_a_component(fields: dict[str, Any], reason: str) -> None:
    found = compare([run(1.0)] * 3, [run(2.0, **fields)] * 3)
    assert (found.verdict, found.reasons[0]) == ("not comparable", reason)
    assert compare([run(1.0, **fields)] * 3, [run(2.0, **fields)] * 3).verdict == "not comparable"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"cpu_model": [None]}, "not known to be equal: CPU"),
        ({"cpu_method": ["unknown"], "gpu_method": ["unknown"]}, "not known to be equal: CPU method, GPU method"),
    ],
)
def test_what_is_unknown_of_both_is_not_called_equal(fields: dict[str, Any], reason: str) -> None:
    found = compare([run(1.0, **fields)] * 3, [run(2.0, **fields)] * 3)
    assert (found.verdict, found.is_alike, found.reasons[0]) == ("more", False, reason)
    assert compare([run(1.0)] * 3, [run(2.0)] * 3).is_alike


def test_counters_of_two_machines_are_not_said_to_cancel() -> None:
    found = compare([run(1.0)] * 3, [run(2.0, host=["another"])] * 3)
    assert (found.verdict, found.is_alike) == ("more", False)
    assert found.reasons[0].startswith("host: h in A, another in B")


def test_a_mixture_on_both_sides_is_not_comparable_either() -> None:
    mixture = [run(1.0), run(1.0, cpu_model=["Another CPU"])]
    assert compare(mixture, mixture).verdict == "not comparable"


def test_runs_that_cannot_be_compared_are_left_out_and_counted() -> None:
    bad = [
        run(9.0, status="failed"), run(9.0, status="failed"), run(9.0, encloses=True), run(9.0, energy_kwh=None),
        run(0.0), run(9.0, duration_s=0.0), run(9.0, flags=["meter_failed"]), run(9.0, gap_share=0.5),
    ]  # fmt: skip
    found = compare([run(1.0)] * 4 + bad, [run(1.0)] * 4)
    assert (len(found.runs_a), len(found.runs_b), found.verdict) == (4, 4, "no difference shown")
    assert "2 runs of A left out: failed" in found.reasons
    assert sum("of A left out" in reason for reason in found.reasons) == 6
    nothing = compare([run(1.0)], bad)
    assert (nothing.energy, nothing.verdict, nothing.reasons[0]) == (
        None,
        "not comparable",
        "no run of B can be compared",
    )


def test_a_longer_run_is_told_from_one_with_more_power() -> None:
    found = compare([run(1.0)] * 4, [run(1.5, duration_s=15.0)] * 4)
    assert found.duration
    assert found.power
    assert (found.duration.ratio, found.power.ratio) == (pytest.approx(1.5), pytest.approx(1))


def test_one_run_each_shows_nothing_and_says_so() -> None:
    found = compare([run(1.0)], [run(3.0)])
    assert found.verdict == "no difference shown"
    assert "no test is possible" in found.reasons[0]
    found = compare([run(1.0), run(1.01)], [run(1.2)])
    assert found.verdict == "no difference shown"
    assert "scatter of the single run" in found.reasons[0]
    assert "can be told from 1" in found.reasons[1]


@pytest.mark.parametrize("n", [3, 5, 12])
def test_false_alarms_of_the_check_are_as_rare_as_alpha(n: int) -> None:
    chance = random.Random(7)
    trials = 2000
    alarms = sum(
        not judge_against_earlier_runs(simulated(chance, n + 1, noise=0.2), [], 0.05, 3, 0).passed
        for _ in range(trials)
    )
    assert 0.03 < alarms / trials < 0.07
