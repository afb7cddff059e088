"""Sharing the energy of a machine: what must hold for any curves, and cases that can be computed by hand."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.attribution import Attribution, CurveOfRun, attribute

POWER_W = 3600.0
"""1 Wh a second, so that energies in Wh are seconds."""


def run(
    began: float,
    ended: float,
    cpu_s: float | None = None,
    *,
    samples: int = 2,
    power_w: float = POWER_W,
    gpu_w: float = 0.0,
    gpu_s: float | None = None,
    memory_gb_s: float | None = None,
    **more: Any,
) -> CurveOfRun:
    """A run with constant power and use, on a machine that draws `power_w` and `gpu_w`."""
    share = np.linspace(0, 1, samples)
    seconds = ended - began
    used = {"cpu": cpu_s, "gpu": gpu_s, "memory": memory_gb_s}
    return CurveOfRun(
        at_s=began + share * seconds,
        energies={"cpu": share * seconds * power_w / 3.6e6, "gpu": share * seconds * gpu_w / 3.6e6},
        used={use: share * amount for use, amount in used.items() if amount is not None},
        **more,
    )


def own_wh(one: CurveOfRun) -> float:
    return float(sum(energy[-1] - energy[0] for energy in one.energies.values())) * 1000


def wh(runs: Sequence[CurveOfRun], found: Sequence[Attribution] | None = None) -> list[float]:
    """What belongs to each run, Wh."""
    shares = [part.share for part in found or attribute(runs)]
    return [own_wh(one) * (1 if share is None else share) for one, share in zip(runs, shares, strict=True)]


# Any curves


class Machine:
    """A machine with random power; `seed` tells all of it. Every run samples where the power changes."""

    def __init__(self, seed: int, *, idle: bool = False):
        self.random = random.Random(seed)
        self.idle = idle
        self.changes = sorted(self.random.choices(range(1, 100), k=self.random.randint(0, 6)))
        self.changes = sorted({0, *self.changes, 100})
        self.cpu_kwh, self.gpu_kwh = (
            np.cumsum([0, *(self.random.choice([0.001, 1.0, 5.0, 300.0]) for _ in self.changes[1:])]) for _ in range(2)
        )

    def runs(self, most: int = 6) -> list[CurveOfRun]:
        return [self.run() for _ in range(self.random.randint(2, most))]

    def run(self, within: CurveOfRun | None = None) -> CurveOfRun:
        low, high = (0.0, 100.0) if within is None else (float(within.at_s[0]), float(within.at_s[-1]))
        began, ended = sorted(self.random.uniform(low, high) for _ in range(2))
        own = [self.random.uniform(began, ended) for _ in range(self.random.choice([0, 1, 5, 30]))]
        at_s = np.unique([began, ended, *own, *(time for time in self.changes if began < time < ended)])
        used = {
            use: np.cumsum([0, *(0 if self.idle else self.random.choice([0, 0.1, 1, 7]) for _ in at_s[1:])])
            for use in ("cpu", "gpu", "memory")
            if self.random.random() < 0.8
        }
        cpu_kwh, gpu_kwh = (np.interp(at_s, self.changes, energy) for energy in (self.cpu_kwh, self.gpu_kwh))
        energies = {"cpu": cpu_kwh - cpu_kwh[0], "gpu": gpu_kwh - gpu_kwh[0]}
        return CurveOfRun(at_s, energies, used, {"cpu": 20.0, "gpu": 10.0})

    def nested(self, within: CurveOfRun, outer: int) -> CurveOfRun:
        """A run in another one, which uses a part of what that uses."""
        inner = self.run(within)
        at_s = np.union1d(inner.at_s, within.at_s[(within.at_s > inner.at_s[0]) & (within.at_s < inner.at_s[-1])])
        part = self.random.choice([0.0, 0.5, 1.0])
        used = {}
        for use, cumulated in within.used.items():
            values = np.interp(at_s, within.at_s, cumulated) * part
            used[use] = values - values[0]
        cpu_kwh, gpu_kwh = (np.interp(at_s, self.changes, energy) for energy in (self.cpu_kwh, self.gpu_kwh))
        energies = {"cpu": cpu_kwh - cpu_kwh[0], "gpu": gpu_kwh - gpu_kwh[0]}
        return replace(inner, at_s=at_s, energies=energies, used=used, outer=outer)

    def wh_over(self, runs: Sequence[CurveOfRun]) -> float:
        """What the machine drew while at least one run was there, Wh."""
        total, covered = 0.0, -1.0
        for began, ended in sorted((float(one.at_s[0]), float(one.at_s[-1])) for one in runs):
            if ended > covered:
                spans = np.interp([max(began, covered), ended], self.changes, self.cpu_kwh + self.gpu_kwh)
                total += float(spans[1] - spans[0]) * 1000
                covered = ended
        return total


SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_no_energy_of_the_machine_is_lost_or_counted_twice(seed: int) -> None:
    machine = Machine(seed)
    runs = machine.runs()
    if machine.random.random() < 0.5:
        runs.append(machine.nested(runs[0], outer=0))
    expected = machine.wh_over(runs)
    assert sum(wh(runs)) == pytest.approx(expected, rel=1e-6)
    assert min(wh(runs)) >= -1e-9


@given(SEEDS)
def test_the_order_of_the_runs_does_not_change_what_anybody_pays(seed: int) -> None:
    machine = Machine(seed)
    runs = machine.runs()
    order = list(range(len(runs)))
    machine.random.shuffle(order)
    there = attribute([runs[number] for number in order])
    here = attribute(runs)
    for place, number in enumerate(order):
        one, other = there[place], here[number]
        assert (one.share is None) == (other.share is None)
        assert one.share == pytest.approx(other.share, abs=1e-9)
        assert one.idle_share == pytest.approx(other.idle_share, abs=1e-9)


@given(SEEDS)
def test_a_block_within_a_run_costs_nobody_else_anything(seed: int) -> None:
    machine = Machine(seed)
    runs = machine.runs()
    inner = machine.nested(runs[0], outer=0)
    before, after = wh(runs), wh([*runs, inner])
    assert after[1:-1] == pytest.approx(before[1:], rel=1e-6, abs=1e-6)
    assert after[0] + after[-1] == pytest.approx(before[0], rel=1e-6, abs=1e-6)


@given(SEEDS)
def test_where_nobody_uses_anything_all_pay_the_same(seed: int) -> None:
    machine = Machine(seed, idle=True)
    began, ended = sorted(machine.random.uniform(0, 100) for _ in range(2))
    runs = [machine.run() for _ in range(3)]
    times = [machine.random.uniform(began, ended) for _ in range(5)] + [
        time for time in machine.changes if began < time < ended
    ]
    at_s = np.unique([began, ended, *times])
    energy = np.interp(at_s, machine.changes, machine.cpu_kwh)
    same = [
        replace(one, at_s=at_s, energies={"cpu": energy - energy[0], "gpu": 0 * at_s}, used={"cpu": 0 * at_s})
        for one in runs
    ]
    assert [part.share for part in attribute(same)] == pytest.approx([1 / 3] * 3)


@given(SEEDS)
def test_the_idle_energy_is_shared_once(seed: int) -> None:
    machine = Machine(seed)
    runs = machine.runs()
    found = attribute(runs)
    idle_j = sum(
        30.0 * float(one.at_s[-1] - one.at_s[0]) * (1 if part.idle_share is None else part.idle_share)
        for one, part in zip(runs, found, strict=True)
    )
    spans = sorted((float(one.at_s[0]), float(one.at_s[-1])) for one in runs)
    covered_s, last = 0.0, -1.0
    for began, ended in spans:
        covered_s += max(ended - max(began, last), 0)
        last = max(last, ended)
    assert idle_j == pytest.approx(30.0 * covered_s, rel=1e-6)


@given(SEEDS)
def test_the_days_of_a_run_add_up_to_it(seed: int) -> None:
    machine = Machine(seed)
    runs = machine.runs()
    midnight = machine.random.uniform(0, 100)
    runs = [replace(one, midnights_s=[midnight]) if one.at_s[0] < midnight < one.at_s[-1] else one for one in runs]
    for one, part in zip(runs, attribute(runs), strict=True):
        if len(one.midnights_s):
            assert part.day_shares is not None
            assert sum(part.day_shares) == pytest.approx(1)
            assert min(part.day_shares) >= 0
        else:
            assert part.day_shares is None


# By hand


def test_the_share_follows_who_worked_when_the_machine_drew_most() -> None:
    # Both use 5 CPU seconds in all; only in the first half does the machine draw much.
    at_s, energy = np.array([0.0, 5.0, 10.0]), np.array([0.0, 0.9, 1.0])
    early = CurveOfRun(at_s, {"cpu": energy}, {"cpu": np.array([0.0, 5.0, 5.0])})
    late = CurveOfRun(at_s, {"cpu": energy}, {"cpu": np.array([0.0, 0.0, 5.0])})
    assert wh([early, late]) == pytest.approx([900, 100])


def test_the_energy_of_gpus_goes_to_who_kept_them_busy_and_that_of_the_cpu_to_who_used_it() -> None:
    trains = run(0, 10, 1, gpu_w=7200, gpu_s=9)
    loads = run(0, 10, 3, gpu_w=7200, gpu_s=1)
    assert wh([trains, loads]) == pytest.approx([2.5 + 18, 7.5 + 2])


def test_without_gpu_seconds_memory_on_the_gpus_tells_and_without_that_cpu_seconds() -> None:
    one, other = run(0, 10, 1, gpu_w=7200, memory_gb_s=30), run(0, 10, 3, gpu_w=7200, memory_gb_s=10)
    assert wh([one, other]) == pytest.approx([2.5 + 15, 7.5 + 5])
    one, other = run(0, 10, 1, gpu_w=7200, gpu_s=5, memory_gb_s=30), run(0, 10, 3, gpu_w=7200, memory_gb_s=10)
    assert wh([one, other]) == pytest.approx([2.5 + 15, 7.5 + 5])  # one that does not know its GPU seconds
    one, other = run(0, 10, 1, gpu_w=7200), run(0, 10, 3, gpu_w=7200, memory_gb_s=10)
    assert wh([one, other]) == pytest.approx([2.5 + 5, 7.5 + 15])


def test_gpus_that_nobody_uses_are_paid_by_memory_on_them_then_by_cpu_seconds() -> None:
    one, other = run(0, 10, 1, gpu_w=3600, gpu_s=0, memory_gb_s=3), run(0, 10, 3, gpu_w=3600, gpu_s=0, memory_gb_s=1)
    assert wh([one, other]) == pytest.approx([2.5 + 7.5, 7.5 + 2.5])
    one, other = run(0, 10, 1, gpu_w=3600, gpu_s=0, memory_gb_s=0), run(0, 10, 3, gpu_w=3600, gpu_s=0, memory_gb_s=0)
    assert wh([one, other]) == pytest.approx([2.5 + 2.5, 7.5 + 7.5])


def test_a_nested_block_takes_its_part_from_the_outer_one_only() -> None:
    outer, inner, other = run(0, 10, 8, samples=11), run(2, 6, 3.2, samples=5, outer=0), run(0, 10, 8, samples=11)
    assert wh([outer, inner, other]) == pytest.approx([3, 2, 5])  # the inner one does all that the outer one does then


def test_blocks_nested_twice_add_up() -> None:
    runs = [run(0, 10, 10), run(0, 8, 8, samples=3, outer=0), run(0, 4, 4, samples=3, outer=1)]
    assert wh(runs) == pytest.approx([2, 4, 4])


def test_a_nested_block_that_sleeps_while_the_outer_one_works_pays_little() -> None:
    outer, inner = run(0, 10, 10, samples=11), run(0, 10, 0.0, samples=11, outer=0)
    assert wh([outer, inner]) == pytest.approx([10, 0])


def test_while_nobody_works_the_innermost_block_is_the_one_that_waits() -> None:
    outer, inner = run(0, 10, 0.0, samples=11), run(2, 6, 0.0, samples=5, outer=0)
    assert wh([outer, inner]) == pytest.approx([6, 4])


def test_of_two_curves_of_a_stretch_the_finer_one_counts() -> None:
    fine_s = np.linspace(0, 10, 101)
    fine_kwh = np.interp(fine_s, [0, 4, 5, 10], [0, 0, 1, 1])  # all within the fifth second
    fine = CurveOfRun(fine_s, {"cpu": fine_kwh}, {"cpu": np.interp(fine_s, [0, 4, 5, 10], [0, 0, 1, 1])})
    ends = np.array([0.0, 10.0])
    coarse = CurveOfRun(ends, {"cpu": np.array([0.0, 1.2])}, {"cpu": np.array([0.0, 1.0])})  # it saw something else
    assert sum(wh([fine, coarse])) == pytest.approx(1000)
    assert sum(wh([coarse, fine])) == pytest.approx(1000)


def test_a_run_of_its_own_process_keeps_its_energy_and_counts_by_its_use() -> None:
    machine, process = run(0, 10, 10), run(0, 10, 10, power_w=1000, is_machine=False)
    found = attribute([machine, process])
    assert found[0].share == pytest.approx(0.5)
    assert found[1].share is None


def test_each_component_is_divided_among_those_that_measured_it() -> None:
    whole, without_cpu = run(0, 10, 1, gpu_w=3600), run(0, 10, 1, gpu_w=3600, samples=50)
    del without_cpu.energies["cpu"]  # type: ignore[attr-defined]
    assert wh([whole, without_cpu]) == pytest.approx([10 + 5, 5])


def test_a_counter_that_stayed_away_does_not_hide_what_another_run_saw() -> None:
    whole, away = run(0, 10, 1), run(0, 10, 1, samples=50, power_w=36)
    away.gaps = frozenset(["cpu"])
    assert sum(wh([whole, away])) == pytest.approx(10)


def test_runs_on_gpus_of_their_own_divide_the_cpu_only() -> None:
    some = {"gpu_w": 3600, "gpu_s": 1}
    runs = [run(0, 10, 1, gpus=frozenset([name]), **some) for name in ("one", "two")]
    assert wh(runs) == pytest.approx([15, 15])
    both = run(0, 10, 1, gpus=frozenset(["one", "two"]), gpu_w=7200, gpu_s=2)
    assert wh([*runs, both]) == pytest.approx([10 / 3 + 5, 10 / 3 + 5, 10 / 3 + 10])


def test_runs_that_only_touch_share_nothing() -> None:
    assert [part.share for part in attribute([run(0, 5, 1), run(5, 10, 9)])] == [None, None]


def test_many_runs_at_once_still_add_up() -> None:
    runs = [run(number * 0.01, 50 + number * 0.01, 1 + number % 7, samples=20) for number in range(400)]
    assert sum(wh(runs)) == pytest.approx(50 + 3.99, rel=1e-6)


def test_energy_at_the_wall_is_nobodys_loss_where_the_components_saw_nothing() -> None:
    import numpy as np

    at_s = np.array([0.0, 10.0, 20.0])
    cpu, wall = np.array([0.0, 0.0, 1e-3]), np.array([0.0, 1e-3, 2e-3])
    runs = [CurveOfRun(at_s, {"cpu": cpu}, {"cpu": at_s * part}, wall=wall) for part in (1.0, 3.0)]
    shares = [found.wall_share for found in attribute(runs)]
    assert shares == pytest.approx([0.25, 0.75])
