"""The only module that uses HTTP: GET or POST of JSON, with a bounded wait."""

import threading
from collections.abc import Mapping
from typing import Any

TIMEOUT_S = 2.0
DEADLINE_S = 4.0


def ask_json(url: str, parameters: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None) -> Any:
    """Send a GET request; give up after DEADLINE_S, since timeouts limit neither DNS nor a server that answers slowly.

    Args:
        url: URL of the service.
        parameters: query parameters.
        headers: HTTP headers, such as a token.

    Raises:
        OSError: no answer in time, or an HTTP error.
        ValueError: the answer is not JSON.
    """
    import requests

    answers: list[Any] = []

    def ask() -> None:
        try:
            # A redirect would come from a captive portal, not from the service.
            response = requests.get(url, params=parameters, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
            response.raise_for_status()
            answers.append(response.json())
        except (OSError, ValueError) as error:  # the exceptions of requests are OSErrors
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
        url: URL of the receiver.
        body: the message.
        timeout_s: timeout of the connection and of each read, seconds.

    Raises:
        OSError: the message could not be delivered.
    """
    import requests

    requests.post(url, json=body, timeout=timeout_s).raise_for_status()


def one_line(error: Exception) -> str:
    """Describe an error in one line: the last of the chain of causes that the exceptions of requests contain.

    Returns:
        At most 200 characters, without the query (which may contain a location).
    """
    response = getattr(error, "response", None)
    if response is not None:
        return f"HTTP {response.status_code} {response.reason}"
    cause: BaseException = error
    while cause.__context__ is not None:
        cause = cause.__context__
    return " ".join(str(cause).split())[:200] or type(cause).__name__
