"""The only place that speaks HTTP: one question with one JSON answer, or one message; a bounded wait."""

import threading
from collections.abc import Mapping
from typing import Any

TIMEOUT_S = 2.0
DEADLINE_S = 4.0


def ask_json(url: str, parameters: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """Ask a service; give up after DEADLINE_S, since time-outs bound neither DNS nor a server that trickles.

    Args:
        url: what to ask.
        parameters: the query.
        headers: such as a token.

    Returns:
        The decoded answer.

    Raises:
        OSError: no answer in time, or the service answered with an error.
        ValueError: the answer is no JSON.
    """
    import requests

    answers: list[Any] = []

    def ask() -> None:
        try:
            # A redirect would be a captive portal's, not the service's.
            response = requests.get(url, params=parameters, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
            response.raise_for_status()
            answers.append(response.json())
        except (OSError, ValueError) as error:  # requests' exceptions are OSErrors
            answers.append(error)

    thread = threading.Thread(target=ask, name="carbon_pipeline-network", daemon=True)
    thread.start()
    thread.join(DEADLINE_S)
    if not answers:
        raise TimeoutError(f"no answer within {DEADLINE_S:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def send_json(url: str, body: Mapping[str, Any], timeout_s: float) -> None:
    """Post a message as JSON.

    Args:
        url: where to.
        body: the message.
        timeout_s: how long to wait for the connection and for each part of the answer, seconds.

    Raises:
        OSError: it could not be delivered.
    """
    import requests

    requests.post(url, json=body, timeout=timeout_s).raise_for_status()


def one_line(error: Exception) -> str:
    """Describe in one line what happened: requests' messages contain a chain of causes, of which the last one matters.

    Args:
        error: an exception of `ask_json`.

    Returns:
        At most 200 characters, without the query (which may name a place).
    """
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return " ".join(str(cause).split())[:200] or type(cause).__name__
