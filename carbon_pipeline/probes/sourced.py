"""A probed value with its source; the result type of the probes."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")

BYTES_PER_GIB = 1024**3


class Sourced(BaseModel, Generic[T]):
    """One probed value.

    Attributes:
        value: the value; None if unknown.
        source: where the value comes from, such as `/proc/cpuinfo`, `nvml`, `configured`; `unknown` if unknown.
        reason: why the value is unknown, or further information about it.
    """

    model_config = ConfigDict(frozen=True)

    value: T | None = None
    source: str = "unknown"
    reason: str | None = None
