"""The outcome of a check of a run: whether it passed, why, and the numbers behind it."""

from typing import Any, NamedTuple


class Judgement(NamedTuple):
    """The outcome of a check.

    Attributes:
        passed: whether the run meets the criterion of the check.
        description: why, in one sentence.
        metadata: the numbers behind it, by name; units are in the names.
        is_known: False if a value on which the outcome depends is not known.
    """

    passed: bool
    description: str
    metadata: dict[str, Any]
    is_known: bool = True
