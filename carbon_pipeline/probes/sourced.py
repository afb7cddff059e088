"""A value together with where it came from. Every probe answers in these."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")

BYTES_PER_GIB = 1024**3


class Sourced(BaseModel, Generic[T]):
    """One probed value.

    Attributes:
        value: what was found, None where nothing is known.
        source: what said so, such as `/proc/cpuinfo`, `nvml`, `configured`; `unknown` where nothing is known.
        reason: why nothing is known, or what a reader should know about the value.
    """

    model_config = ConfigDict(frozen=True)

    value: T | None = None
    source: str = "unknown"
    reason: str | None = None
