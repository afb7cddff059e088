"""The real Dagster UI and a real browser, for the end-to-end test and for the pictures of the README."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests
from playwright.sync_api import Browser, sync_playwright

ROOT = Path(__file__).parents[2]
LOCATION = "__repository__@carbon_pipeline"

LOADED = "{workspaceOrError{... on Workspace{locationEntries{loadStatus locationOrLoadError{__typename}}}}}"


@contextmanager
def dagster_ui(data_dir: Path, log: Path, module: str | None = None, **environment: str) -> Iterator[str]:
    """Starts `dg dev` with data and history in a folder of its own; yields the address of the UI.

    With the name of a module it shows the definitions in there, without a daemon.
    """
    home = data_dir / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "dagster.yaml", home)
    command = ["dg", "dev", "--host"] if module is None else ["dagster-webserver", "-m", module, "-h"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with log.open("w") as output:
        server = subprocess.Popen(
            [Path(sys.executable).with_name(command[0]), *command[1:], "127.0.0.1", "--port", str(port)],
            cwd=ROOT,
            env={
                **os.environ,
                "CARBON_DATA_DIR": str(data_dir),
                "CARBON_BASELINE_S": "1",
                "DAGSTER_HOME": str(home),
                "VIRTUAL_ENV": sys.prefix,
                **environment,
            },
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # A test runner in the background ignores SIGINT and hands that down; then nothing could stop the server.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_loaded(address, server, log)
            yield address
        finally:
            server.send_signal(signal.SIGINT)
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)


def _wait_until_loaded(address: str, server: "subprocess.Popen[bytes]", log: Path, timeout_s: float = 90) -> None:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if server.poll() is not None:
            break
        try:
            answer = requests.post(f"{address}/graphql", json={"query": LOADED}, timeout=5).json()
            if [e["loadStatus"] for e in answer["data"]["workspaceOrError"]["locationEntries"]] == ["LOADED"]:
                return
        except (requests.RequestException, KeyError, ValueError):
            pass
        time.sleep(0.5)
    raise RuntimeError(f"the Dagster UI did not start:\n{log.read_text()[-3000:]}")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium: the system's, else the one that Playwright installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    executable = next((path for name in names if (path := shutil.which(name))), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        try:
            yield chromium
        finally:
            chromium.close()
