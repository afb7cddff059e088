"""The only module that uses HTTP: GET or POST of JSON, with a bounded wait and a bounded answer."""

import json
import logging
import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import requests

TIMEOUT_S = 2.0
DEADLINE_S = 4.0

MOST_BYTES = 64 * 1024
"""Longest answer that is read. The longest expected one, a history of 24 hours, has some 10 KiB."""

CAPTIVE_PORTAL = "is there a captive portal (a login page of the network)?"


@dataclass(frozen=True)
class Login:
    """How a device in the local network is asked.

    Attributes:
        user: its user; None for a device that asks for none.
        password: the password of that user.
        is_digest: whether it wants a digest (RFC 7616) in place of the password itself.
        ca: file with the certificate that signs that of the device.
    """

    user: str | None = None
    password: str = field(default="", repr=False)
    is_digest: bool = False
    ca: Path | None = None

    def authentication(self) -> Any:
        """What requests needs to know; None without a user."""
        from requests.auth import HTTPBasicAuth, HTTPDigestAuth

        if self.user is None:
            return None
        return (HTTPDigestAuth if self.is_digest else HTTPBasicAuth)(self.user, self.password)


def ask_json(
    url: str,
    parameters: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    login: Login | None = None,
    deadline_s: float | None = None,
) -> Any:
    """Send a GET request; give up after a time.

    Args:
        url: URL of the service.
        parameters: query parameters.
        headers: HTTP headers, such as a token.
        login: who asks, where it is a device in the local network: then no proxy is used.
        deadline_s: how long to wait at most, seconds; default DEADLINE_S.

    Raises:
        OSError: no answer in time, an HTTP error, a redirect, or an answer longer than MOST_BYTES.
        ValueError: the answer is not JSON.
    """
    # Not compressed: a small compressed answer can be a huge one.
    wanted = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
    deadline_s = DEADLINE_S if deadline_s is None else deadline_s
    timeout_s = min(TIMEOUT_S, deadline_s)
    body = _exchange("GET", url, deadline_s, login, params=parameters, headers=wanted, timeout=timeout_s)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        raise ValueError(f"the answer is a web page, not JSON: {CAPTIVE_PORTAL}")
    if len(body) > MOST_BYTES:
        raise OSError(f"the answer is longer than {MOST_BYTES // 1024} KiB")
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the answer is not JSON: {error}") from None


def send_json(url: str, body: Mapping[str, Any], timeout_s: float) -> None:
    """Post a message as JSON. Of the answer only the status is read.

    Args:
        url: URL of the receiver.
        body: the message.
        timeout_s: how long to wait at most, seconds.

    Raises:
        OSError: the message could not be delivered.
    """
    _exchange("POST", url, timeout_s, json=body, timeout=timeout_s)


def one_line(error: Exception) -> str:
    """Describe an error in one line: the last of the chain of causes that the exceptions of requests contain.

    Returns:
        At most 200 characters, without the query (which may contain a location).
    """
    response = getattr(error, "response", None)
    if response is not None:
        return " ".join(f"HTTP {response.status_code} {response.reason}".split())[:200]
    cause: BaseException = error
    while (deeper := cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)) is not None:
        cause = deeper
    return " ".join(str(cause).split())[:200] or type(cause).__name__


def _exchange(method: str, url: str, deadline_s: float, login: Login | None = None, **options: Any) -> bytes:
    """Send a request and read the answer in a thread, since timeouts limit neither DNS nor a server that is slow.

    Returns:
        The body of an answer to GET, of which at most MOST_BYTES + 1 are read; empty for other methods.
    """
    sockets = _Sockets()
    session = _session(sockets)
    if login:
        _keep_passwords_out_of_logs()
        session.trust_env = False
        session.auth = login.authentication() or session.auth
        session.verify = str(login.ca) if login.ca else True
    answers: list[bytes | Exception] = []

    def exchange() -> None:
        try:
            with session, session.request(method, url, stream=True, allow_redirects=False, **options) as response:
                if 300 <= response.status_code < 400:
                    raise OSError(f"the answer is a redirect (HTTP {response.status_code}): {CAPTIVE_PORTAL}")
                response.raise_for_status()
                answers.append(_read(response) if method == "GET" else b"")
        except (OSError, ValueError) as error:  # most exceptions of requests are OSErrors
            answers.append(error)
        except Exception as error:  # noqa: BLE001 - urllib3's own; callers need to know two kinds only
            answers.append(OSError(one_line(error)))
        finally:
            sockets.close()

    thread = threading.Thread(target=exchange, name="carbon_pipeline-network", daemon=True)
    thread.start()
    thread.join(deadline_s)
    if not answers:
        sockets.close()
        raise TimeoutError(f"no answer within {deadline_s:g} s")
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


@cache
def _keep_passwords_out_of_logs() -> None:
    """Let urllib3, which logs each URL at level DEBUG, leave out a password in it: some devices want it there."""

    def redact(record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                re.sub(r"(password=)[^&\s]*", r"\1***", part) if isinstance(part, str) else part for part in record.args
            )
        return True

    logging.getLogger("urllib3.connectionpool").addFilter(redact)


def _read(response: "requests.Response") -> bytes:
    """Read a body, at most MOST_BYTES + 1."""
    body = b""
    # Until nothing comes: only then does urllib3 notice that an answer has broken off.
    while piece := response.raw.read(MOST_BYTES + 1 - len(body), decode_content=False):
        body += piece
    return body


class _Sockets:
    """The sockets of one request, which another thread can close: no timeout ends an answer that trickles."""

    def __init__(self) -> None:
        self._duplicates: list[socket.socket] = []
        self._are_closed = False

    def add(self, sock: socket.socket) -> None:
        """Add a socket. A duplicate is kept, since TLS and http.client take the original apart.

        Raises:
            TimeoutError: the deadline passed while connecting.
        """
        self._duplicates.append(sock.dup())
        if self._are_closed:
            self.close()
            raise TimeoutError("the deadline passed while connecting")

    def close(self) -> None:
        """End whatever is being read or sent, and what would begin later."""
        self._are_closed = True
        for duplicate in self._duplicates:
            with suppress(OSError):  # the other end was faster
                duplicate.shutdown(socket.SHUT_RDWR)
            duplicate.close()


def _session(sockets: _Sockets) -> "requests.Session":
    """Make a session that uses the proxies of the environment, and sends no password of ~/.netrc."""
    import requests
    from requests.adapters import HTTPAdapter

    class Adapter(HTTPAdapter):
        def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
            pool: Any = super().get_connection_with_tls_context(*arguments, **options)

            class Connection(pool.ConnectionCls):  # type: ignore[misc]
                def _new_conn(self) -> socket.socket:  # private in urllib3; the only place that has every socket
                    sock: socket.socket = super()._new_conn()
                    sockets.add(sock)
                    return sock

            pool.ConnectionCls = Connection
            return pool

    session = requests.Session()
    session.auth = _password_of_url  # any authentication keeps requests from reading ~/.netrc
    for scheme in ("http://", "https://"):
        session.mount(scheme, Adapter())
    return session


def _password_of_url(request: "requests.PreparedRequest") -> "requests.PreparedRequest":
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_auth_from_url

    user, password = get_auth_from_url(request.url or "")
    return HTTPBasicAuth(user, password)(request) if user or password else request
