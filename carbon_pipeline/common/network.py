"""The only place that speaks to the network: one question, one JSON answer, a bounded wait."""

import threading
from collections.abc import Mapping
from typing import Any

TIMEOUT_S = 2.0
DEADLINE_S = 4.0


def ask_json(url: str, parameters: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """Asks a service; given up after DEADLINE_S, since time-outs bound neither DNS nor a server that trickles.

    Args:
        url: what to ask.
        parameters: the query.
        headers: such as a token.

    Returns:
        The decoded answer.

    Raises:
        OSError: no answer in time, or the service refused.
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


def one_line(error: Exception) -> str:
    """What happened, in one line: requests' messages hold a whole chain of causes, the last one says it.

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
