"""The last answer of a web service, or that it failed, kept in a JSON file for a while."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from carbon_pipeline.common.files import write_text

T = TypeVar("T")


class KeptAnswer(NamedTuple, Generic[T]):
    """What a service answered when it was asked last.

    Attributes:
        answer: the parsed answer; None if the service failed.
        failure: why it failed; None if it answered.
        age_s: how long ago it was asked, seconds.
    """

    answer: T | None
    failure: str | None
    age_s: float


class AnswerCache(Generic[T]):
    """One answer in one file; an answer to another question takes its place."""

    def __init__(self, path: Path, parse: Callable[[Any], T], *, answer_s: float, failure_s: float) -> None:
        """Open nothing yet.

        Args:
            path: the file.
            parse: turns the decoded JSON of an answer into a value; raises ValueError or KeyError if it cannot.
            answer_s: how long an answer counts, seconds.
            failure_s: how long a failure counts, seconds.
        """
        self._path = path
        self._parse = parse
        self._answer_s = answer_s
        self._failure_s = failure_s

    def get(self, question: str = "") -> KeptAnswer[T] | None:
        """Look up what is kept.

        Args:
            question: tells the questions apart to which the answers differ.

        Returns:
            The answer or failure; None if nothing is kept, it is too old, or something else wrote the file.
        """
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            age_s = time.time() - float(kept["asked_at"])
            if kept.get("question", "") != question:
                return None
            if "failure" in kept:
                found = KeptAnswer[T](None, str(kept["failure"]), age_s)
            else:
                found = KeptAnswer(self._parse(kept["answer"]), None, age_s)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        is_fresh = 0 <= age_s < (self._answer_s if found.failure is None else self._failure_s)
        return found if is_fresh else None

    def put(self, answer: Any = None, *, failure: str | None = None, question: str = "") -> None:
        """Keep an answer, or a failure. A folder that cannot be written costs the cache and nothing else.

        Args:
            answer: the answer, as JSON can hold it.
            failure: why there is none.
            question: see `get`.
        """
        kept: dict[str, Any] = {"question": question, "asked_at": time.time()}
        kept |= {"answer": answer} if failure is None else {"failure": failure}
        with suppress(OSError):
            write_text(self._path, json.dumps(kept))
