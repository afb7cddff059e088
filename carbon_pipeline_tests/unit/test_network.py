"""HTTP with servers that misbehave, each a real one on this machine."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline.common import network
from carbon_pipeline.common.network import ask_json, one_line, send_json
from carbon_pipeline_tests.waiting import wait_until

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """What a server was asked, and whether its client has hung up."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, str | None]] = []
        self.hung_up = threading.Event()


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.requests.append((self.path, self.headers["Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            try:
                answer(self)
            except OSError:
                server.hung_up.set()

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = Server(f"http://127.0.0.1:{http.server_port}/json")
    threading.Thread(target=http.serve_forever, args=[0.01], daemon=True).start()
    try:
        yield server
    finally:
        http.shutdown()
        http.socket.close()  # server_close would wait for an answer that has no end


def body(data: bytes, status: int = 200) -> Answer:
    def answer(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        to.end_headers()
        to.wfile.write(data)

    return answer


def endless(to: BaseHTTPRequestHandler) -> None:
    body(b"[")(to)
    while True:
        to.wfile.write(b" " * 65536)


def trickling_body(to: BaseHTTPRequestHandler) -> None:
    body(b"[")(to)
    trickle(to)


def trickling_headers(to: BaseHTTPRequestHandler) -> None:
    to.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    trickle(to)


def trickle(to: BaseHTTPRequestHandler) -> None:
    while True:
        to.wfile.write(b" ")
        threading.Event().wait(0.01)


def is_reading() -> bool:
    return any(thread.name == "carbon_pipeline-network" for thread in threading.enumerate())


def ask(url: str) -> None:
    ask_json(url)


def send(url: str) -> None:
    send_json(url, {"text": "hello"}, network.DEADLINE_S)


def test_a_password_of_netrc_is_sent_to_no_service(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serving(body(b"{}")) as server:
        ask(server.url)
        send(server.url)
        assert server.requests == [("/json", None), ("/json", None)]


def test_a_webhook_with_a_password_in_its_url_gets_it() -> None:
    with serving(body(b"")) as server:
        send(server.url.replace("http://", "http://me:secret@"))
        assert server.requests == [("/json", "Basic bWU6c2VjcmV0")]


def test_a_machine_behind_a_proxy_is_located(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(body(b'{"a": 1}')) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert ask_json("http://service.invalid/json", {"fields": "a"}) == {"a": 1}
        assert proxy.requests == [("http://service.invalid/json?fields=a", None)]


def test_an_answer_without_end_is_an_error_and_is_not_read_on() -> None:
    with serving(endless) as server:
        with pytest.raises(OSError, match="longer than 64 KiB"):
            ask(server.url)
        assert server.hung_up.wait(60)
        wait_until(lambda: not is_reading())


def test_an_answer_of_the_longest_length_is_read() -> None:
    text = b'"' + b"a" * (network.MOST_BYTES - 2) + b'"'
    with serving(body(text)) as server:
        assert len(ask_json(server.url)) == network.MOST_BYTES - 2
    with serving(body(text + b" ")) as server, pytest.raises(OSError, match="longer than 64 KiB"):
        ask(server.url)


@pytest.mark.parametrize(
    ("request_", "answer"), [(ask, trickling_body), (ask, trickling_headers), (send, trickling_headers)]
)
def test_a_slow_answer_is_not_read_on_during_the_measured_work(
    monkeypatch: pytest.MonkeyPatch, request_: Callable[[str], None], answer: Answer
) -> None:
    monkeypatch.setattr(network, "DEADLINE_S", 0.3)
    with serving(answer) as server:
        with pytest.raises(TimeoutError, match=r"no answer within 0\.3 s"):
            request_(server.url)
        assert server.hung_up.wait(60)
        wait_until(lambda: not is_reading())


def test_a_name_that_is_resolved_after_the_deadline_leads_to_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "DEADLINE_S", 0.1)
    resolved, resolve = threading.Event(), socket.getaddrinfo

    def resolve_late(*arguments: Any, **options: Any) -> Any:
        resolved.wait(60)
        return resolve(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve_late)
    with serving(body(b"{}")) as server:
        with pytest.raises(TimeoutError):
            ask(server.url)
        resolved.set()
        wait_until(lambda: not is_reading())
        assert server.requests == []


def test_a_message_is_delivered_whatever_the_receiver_answers_beside_its_status() -> None:
    with serving(endless) as server:
        send(server.url)
        assert server.hung_up.wait(60)


@pytest.mark.parametrize(
    "page",
    [
        b"<!DOCTYPE html><title>Welcome to our hotel</title>",
        b"\xef\xbb\xbf\r\n <html>",
        b"<html>" + b" " * network.MOST_BYTES,
    ],
    ids=["doctype", "byte order mark", "long"],
)
def test_the_login_page_of_a_network_is_named(page: bytes) -> None:
    with (
        serving(body(page)) as server,
        pytest.raises(ValueError, match="web page, not JSON: is there a captive"),
    ):
        ask(server.url)


@pytest.mark.parametrize("request_", [ask, send])
@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_to_a_login_page_is_named_and_not_followed(request_: Callable[[str], None], status: int) -> None:
    def redirect(to: BaseHTTPRequestHandler) -> None:
        to.send_response(status)
        to.send_header("Location", "/login")
        to.end_headers()

    with serving(redirect) as server:
        with pytest.raises(OSError, match=rf"redirect \(HTTP {status}\): is there a captive portal"):
            request_(server.url)
        assert len(server.requests) == 1


@pytest.mark.parametrize("text", [b"", b"hello", b"[" * 60_000, b"\xff\xfe\x00", b"\x1f\x8b\x08\x00", b"1" * 5000])
def test_what_is_no_json_is_an_error_that_callers_expect(text: bytes) -> None:
    with serving(body(text)) as server, pytest.raises(ValueError, match="the answer is not JSON") as error:
        ask(server.url)
    assert one_line(error.value).startswith("the answer is not JSON")


def test_an_answer_that_breaks_off_is_an_error_that_callers_expect() -> None:
    def break_off(to: BaseHTTPRequestHandler) -> None:
        to.send_response(200)
        to.send_header("Content-Length", "1000")
        to.end_headers()
        to.wfile.write(b"{}")

    with serving(break_off) as server, pytest.raises(OSError, match="IncompleteRead"):
        ask(server.url)


def test_a_reason_is_one_short_line_whatever_the_service_sends() -> None:
    def refuse(to: BaseHTTPRequestHandler) -> None:
        to.send_response(403, "no\t" * 10_000)
        to.end_headers()

    with serving(refuse) as server, pytest.raises(OSError, match="403") as error:
        ask(server.url)
    assert one_line(error.value).startswith("HTTP 403 no no")
    assert len(one_line(error.value)) == 200
