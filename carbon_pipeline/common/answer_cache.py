"""Cache of the last answer or failure of a web service, in a JSON file with an expiry."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from carbon_pipeline.common.files import write_text

T = TypeVar("T")


class KeptAnswer(NamedTuple, Generic[T]):
    """The last answer or failure of a service.

    Attributes:
        answer: the parsed answer; None if the service failed.
        failure: why the request failed; None if it succeeded.
        age_s: time since the request, seconds.
    """

    answer: T | None
    failure: str | None
    age_s: float


class AnswerCache(Generic[T]):
    """Cache of one answer in one file; an answer to another question replaces it."""

    def __init__(self, path: Path, parse: Callable[[Any], T], *, answer_s: float, failure_s: float) -> None:
        """Store the options; nothing is opened yet.

        Args:
            path: the file.
            parse: converts the decoded JSON of an answer into a value; raises ValueError or KeyError if it is invalid.
            answer_s: how long an answer is valid, seconds.
            failure_s: how long a failure is valid, seconds.
        """
        self._path = path
        self._parse = parse
        self._answer_s = answer_s
        self._failure_s = failure_s

    def get(self, question: str = "") -> KeptAnswer[T] | None:
        """Look up the cached answer or failure.

        Args:
            question: key of the request, which must be the one passed to `put`.

        Returns:
            The answer or failure; None if there is none, it has expired, or the file is not a valid cache.
        """
        try:
            cached = json.loads(self._path.read_text(encoding="utf-8"))
            age_s = time.time() - float(cached["asked_at"])
            if cached.get("question", "") != question:
                return None
            if "failure" in cached:
                found = KeptAnswer[T](None, str(cached["failure"]), age_s)
            else:
                found = KeptAnswer(self._parse(cached["answer"]), None, age_s)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        is_fresh = 0 <= age_s < (self._answer_s if found.failure is None else self._failure_s)
        return found if is_fresh else None

    def put(self, answer: Any = None, *, failure: str | None = None, question: str = "") -> None:
        """Cache an answer or a failure. If the folder cannot be written, nothing is cached and no error is raised."""
        cached: dict[str, Any] = {"question": question, "asked_at": time.time()}
        cached |= {"answer": answer} if failure is None else {"failure": failure}
        with suppress(OSError):
            write_text(self._path, json.dumps(cached))
