"""How commands show that something is going on: bars on a terminal, which leave nothing behind; elsewhere few lines."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO, TypeVar

from rich.console import Console

from carbon_pipeline.cli.terminal import is_terminal, say
from carbon_pipeline.warehouse.progress import Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

Row = TypeVar("Row")

LOG_S = 5.0
"""How often progress is reported, where there is no terminal for a bar, seconds."""


@contextmanager
def progress_bar(noun: str = "rows", at_first: str = "examining and copying the files") -> Iterator[Progress]:
    """Show count and rate of what is done: a bar on a terminal, elsewhere a line on stderr every `LOG_S` seconds.

    Args:
        noun: what is counted.
        at_first: what is being done until the first of them.
    """

    def text(progress: Progress) -> str:
        if not progress.rows:
            return at_first
        one = noun.removesuffix("s") if progress.rows == 1 else noun
        return f"{progress.rows:,} {one}, {progress.rows / max(progress.seconds, 1e-3):,.0f} {noun}/s"

    if not is_terminal(sys.stderr):
        logged = time.monotonic()

        def log(progress: Progress) -> None:
            nonlocal logged
            if time.monotonic() - logged >= LOG_S:
                logged = time.monotonic()
                say(text(progress))

        yield Progress(log)
        return
    with _bar() as bar:
        task = bar.add_task(f"{at_first} ...", total=None)

        def show(progress: Progress) -> None:
            bar.update(task, description=text(progress), completed=progress.done, total=progress.total or None)

        yield Progress(show)


def counting(rows: Iterable[Row], total: int, noun: str) -> Iterator[Row]:
    """Show how many rows have been taken.

    Args:
        rows: the rows.
        total: number of rows.
        noun: what they are.

    Yields:
        The rows.
    """
    with progress_bar(noun, f"reading {total:,} {noun}") as progress:
        progress.total = total
        for row in rows:
            yield row
            progress.add(1, 1)


@contextmanager
def working(text: str) -> Iterator[None]:
    """Show on a terminal that something is being done, if it takes more than a second.

    Args:
        text: what is being done.
    """
    if not is_terminal(sys.stderr):
        yield
        return
    status = Console(stderr=True, markup=False, highlight=False).status(f"{text} ...", spinner="line")
    timer = threading.Timer(1.0, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


@contextmanager
def steps_bar() -> Iterator[Callable[[str, int], None]]:
    """Show which step of several is being done: a bar on a terminal, elsewhere lines on stderr.

    Yields:
        A function to be called at the start of each step, with its name and the number of steps.
    """
    started = -1
    if not is_terminal(sys.stderr):

        def log(step: str, steps: int) -> None:
            nonlocal started
            started += 1
            say(f"step {started + 1} of {steps}: {step}")

        yield log
        return
    # A file of its own: Dagster redirects that of standard error while a step runs.
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding=sys.stderr.encoding) as terminal, _bar(terminal) as bar:
        task = bar.add_task("starting ...", total=None)

        def show(step: str, steps: int) -> None:
            nonlocal started
            started += 1
            bar.update(task, description=step, completed=started, total=steps)

        yield show


def wait_with_bar(seconds: float) -> None:
    """Wait, with a bar on a terminal. It moves once a second: the machine shall be idle meanwhile.

    Args:
        seconds: how long.
    """
    if not is_terminal(sys.stderr):
        time.sleep(seconds)
        return
    with _bar(auto_refresh=False) as bar:
        task = bar.add_task("waiting", total=seconds)
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            bar.update(task, completed=seconds - left, refresh=True)
            time.sleep(min(left, 1.0))


def _bar(terminal: TextIO | None = None, *, auto_refresh: bool = True) -> "Bar":
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (BarColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    console = Console(file=terminal or sys.stderr)
    return Bar(
        *columns,
        console=console,
        transient=True,
        auto_refresh=auto_refresh,
        redirect_stdout=terminal is None,
        redirect_stderr=terminal is None,
    )
