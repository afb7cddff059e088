"""How far a measured number may be off. Pure functions: methods in, quality out."""

MODELLED = {
    "cpu_load": "from load and TDP; off by 47 % on average against RAPL on CodeCarbon's own calibration points",
    "constant": "half the TDP, whatever the load",
    "estimated": "from the number of memory modules that such a size would have; nothing is measured",
}
"""Methods that compute energy from a model instead of reading it, and what that model is worth.

The 47 % are computed from `cpu_load_profiling` in CodeCarbon's repository (5 CPUs, 106 points).
"""


def quality_of(method: str) -> str | None:
    """BoAmps' quality band of a method: `high` within 10 %, `medium` within 25 %, `low` otherwise.

    Args:
        method: such as `cpu_load`, `rapl`.

    Returns:
        `low` for a modelled number; None where no published comparison has been applied yet.
    """
    return "low" if method in MODELLED else None
