"""What a check finds out about a run: whether it passes, why, and the numbers behind that."""

from typing import Any, NamedTuple


class Judgement(NamedTuple):
    """The outcome of a check.

    Attributes:
        passed: whether the run keeps to what it is held to.
        description: why, in one sentence.
        metadata: the numbers behind it, by name; units are in the names.
        is_known: False if something that the outcome depends on is not known.
    """

    passed: bool
    description: str
    metadata: dict[str, Any]
    is_known: bool = True
