"""The command watch: what is being tracked now, again and again until it ends."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from carbon_pipeline.cli.terminal import flushed_to_a_reader, is_terminal, make_console, print_json, say
from carbon_pipeline.errors import InputError
from carbon_pipeline.settings import read_settings
from carbon_pipeline.tracking.landing import RUNNING, find_record, killed_runs, passed_over_heartbeats
from carbon_pipeline.tracking.live import LiveRun, choose_run, live_runs
from carbon_pipeline.tracking.signals import GracefulSigterm

REFRESH_S = 1.0
"""How often the heartbeats are read, seconds."""


def watch(
    run_id: Annotated[
        str | None,
        typer.Argument(metavar="[RUN_ID]", help="One run in detail, by its run_id or a unique prefix of it."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print what is being tracked once, and end.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs, once, and end.")] = False,
) -> None:
    """Show what is being tracked now: power, energy so far and phases, until it ends.

    On a terminal the view is updated in place, and without RUN_ID it waits for further runs until Ctrl-C. Elsewhere a
    line is printed for each heartbeat of each run.
    """
    from carbon_pipeline.cli.live_view import record_line, run_view, runs_table

    data_dir = read_settings().data_dir
    if run_id is not None:
        if not run_id:
            raise InputError("the run ID is empty: name a run, or leave it out to see all")
        chosen = choose_run(run_id, data_dir)
        if not isinstance(chosen, LiveRun):
            print_json([]) if as_json else print(record_line(chosen))
            return
        run_id = chosen.record.run_id
    for path, reason in passed_over_heartbeats(data_dir):
        say(f"passed over: {path}: {reason}")
    watched = _Watched(data_dir, run_id)
    console = make_console()
    if as_json:
        print_json([run.as_json() for run in watched.refresh().runs])
    elif once:
        runs = watched.refresh().runs
        if run_id and runs:
            console.print(run_view(runs[0], console))
        elif runs:
            console.print(runs_table(runs, console))
        else:
            print(_nothing(data_dir))
    else:
        show = _show_in_place if is_terminal(sys.stdout) and not console.is_dumb_terminal else _print_lines
        with suppress(*([KeyboardInterrupt] if run_id is None else [])):  # the way to end the view of all runs
            show(watched)


class _Seen(NamedTuple):
    """The runs in progress, and what became of those that have ended since the last look."""

    runs: list[LiveRun]
    ended: list[str]


class _Watched:
    """The runs that are watched.

    Attributes:
        data_dir: the data folder.
        run_id: the only run that is watched; None for all.
    """

    def __init__(self, data_dir: Path, run_id: str | None):
        self.data_dir = data_dir
        self.run_id = run_id
        self._known: dict[str, LiveRun] = {}

    def refresh(self) -> _Seen:
        from carbon_pipeline.cli.live_view import ended_line

        runs = [run for run in live_runs(self.data_dir) if self.run_id in (None, run.record.run_id)]
        now = {run.record.run_id: run for run in runs}
        gone = [run for run_id, run in self._known.items() if run_id not in now]
        self._known = now
        return _Seen(runs, [ended_line(run, find_record(run.record.run_id, self.data_dir)) for run in gone])

    def each(self) -> Iterator[_Seen]:
        """Yield what is seen, once in `REFRESH_S`."""
        while True:
            yield self.refresh()
            time.sleep(REFRESH_S)


def _show_in_place(watched: _Watched) -> None:
    """Show a view that is updated in place; what became of a run that has ended stays above it."""
    from rich.live import Live
    from rich.text import Text

    from carbon_pipeline.cli.live_view import run_view, runs_table

    console = make_console()
    ended: list[str] = []
    # A process that SIGTERM ends at once would leave the terminal without its cursor.
    with GracefulSigterm(), Live(console=console, auto_refresh=False) as live:
        for seen in watched.each():
            if watched.run_id and not seen.runs:
                ended = seen.ended
                break
            for line in seen.ended:
                live.console.print(Text(line))
            if watched.run_id:
                view = run_view(seen.runs[0], console)
            elif seen.runs:
                view = runs_table(seen.runs, console)
            else:
                view = Text(f"{_nothing(watched.data_dir)}. Waiting; Ctrl-C ends")
            live.update(view, refresh=True)
    for line in ended:
        print(line)


def _print_lines(watched: _Watched) -> None:
    """Print a line for each heartbeat of each run, and for its end, until no run is in progress."""
    from carbon_pipeline.cli.live_view import run_line

    printed: dict[str, float] = {}
    for seen in watched.each():
        for line in seen.ended:
            print(line)
        for run in reversed(seen.runs):
            record = run.record
            if printed.get(record.run_id) != record.duration_s:
                printed[record.run_id] = record.duration_s
                print(run_line(run, parts=watched.run_id is not None))
        if not printed:
            print(_nothing(watched.data_dir))
        if not seen.runs or not flushed_to_a_reader():
            return


def _nothing(data_dir: Path) -> str:
    if killed := killed_runs(data_dir):
        what = (
            f"the process of run {killed[0].run_id[:8]} was killed"
            if len(killed) == 1
            else f"{len(killed)} were killed"
        )
        return f"nothing is being tracked any more: {what}; `carbon-pipeline load` keeps what was measured"
    return (
        f"nothing is being tracked: there is no heartbeat in {(data_dir / RUNNING).absolute()}. Start a run with "
        "`carbon-pipeline run -- COMMAND`, track() or a tracked asset; CARBON_DATA_DIR names another data folder"
    )
