"""The most that hardware can draw, by which energies in the wrong unit are recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbon_pipeline.model.power_limits import cpu_limit_w, gpu_limit_w, ram_limit_w


@pytest.mark.parametrize(
    ("model", "count", "limit_w"),
    [
        ("8 x Tesla V100-SXM2-32GB", 8, 8 * 350),
        ("8 x Tesla V100-SXM2-32GB", None, 8 * 350),
        ("Tesla V100-SXM2-32GB", 8, 8 * 350),
        ("2 x NVIDIA A100-SXM4-40GB, 1 x Tesla T4", 3, 3 * 500),
        ("NVIDIA A100-SXM4-80GB, Tesla T4", 2, 2 * 500),
        ("NVIDIA H100 80GB HBM3", 0, 0),
        ("one of tomorrow", 1, 1500),
        (None, 2, 2 * 1500),
        (None, None, 16 * 1500),
    ],
)
def test_gpus_of_every_notation_have_the_limit_of_their_boards(
    model: str | None, count: int | None, limit_w: float
) -> None:
    assert gpu_limit_w(model, count) == limit_w


@given(st.none() | st.text(), st.integers(0, 10_000), st.none() | st.floats(0, 600))
def test_knowing_less_of_a_machine_never_accuses_it(model: str | None, count: int, tdp_w: float | None) -> None:
    assert cpu_limit_w(model, count) >= cpu_limit_w(model, count, min(tdp_w or 0, 500))
    assert cpu_limit_w(None, count, tdp_w) >= cpu_limit_w(model, count, min(tdp_w or 0, 500))
    assert cpu_limit_w(model, count + 1, tdp_w) >= cpu_limit_w(model, count, tdp_w)
    assert cpu_limit_w(model, None, tdp_w) >= cpu_limit_w(model, min(count, 768), tdp_w)
    assert gpu_limit_w(model, None) >= gpu_limit_w(model, min(count, 1))
    assert ram_limit_w(None) >= ram_limit_w(min(count, 2048))
