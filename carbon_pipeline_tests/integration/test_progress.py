"""What people see of commands that take their time."""

import re
import sys
from pathlib import Path

import pytest

from carbon_pipeline.cli.progress import counting, steps_bar, working
from carbon_pipeline_tests.pseudo_terminal import on_a_terminal

COUNTING = """
import time
from carbon_pipeline.cli.progress import counting
for row in counting(range(4), 4, "runs"):
    time.sleep(0.2)
"""

WORKING = """
import sys, time
from carbon_pipeline.cli.progress import working
with working("making the page"):
    time.sleep(float(sys.argv[1]))
"""


def seen(code: str, *arguments: str) -> str:
    return on_a_terminal([sys.executable, "-c", code, *arguments], 100, shows_progress=True)


def left(written: str) -> str:
    """What is still seen at the end: a bar erases its line."""
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]|\r", "", written.rsplit("\x1b[2K", 1)[-1]).strip()


def test_an_export_shows_a_bar_with_count_and_rate_that_leaves_nothing_behind() -> None:
    written = seen(COUNTING)
    assert "reading 4 runs ..." in written
    assert re.search(r"[1-4] runs, \d+ runs/s", written)
    assert "━" in written
    assert left(written) == ""


def test_the_pipeline_shows_which_step_it_is_in_while_dagster_redirects_what_steps_print(data_dir: Path) -> None:
    written = on_a_terminal([sys.executable, "-m", "carbon_pipeline.example"], 100, shows_progress=True)
    places = [written.index(f" {step} ") for step in ("idle_baseline", "regression_model", "report_page")]
    assert places == sorted(places)
    assert "starting" not in left(written)


def test_what_takes_more_than_a_second_is_named_and_what_does_not_is_not() -> None:
    assert "making the page ..." in seen(WORKING, "1.6")
    assert seen(WORKING, "0.1") == ""


def test_the_idle_baseline_shows_how_long_it_still_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBON_DATA_DIR", str(tmp_path))
    written = on_a_terminal(
        [sys.executable, "-m", "carbon_pipeline", "baseline", "--seconds", "2"], 100, shows_progress=True
    )
    assert "measuring the idle machine for 2 s" in written
    assert "━" in written
    assert re.search(r"draws .* W when idle \(2\.?\d* s, ", written)


def test_where_there_is_no_terminal_lines_tell_the_steps_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with steps_bar() as show:
        show("idle_baseline", 2)
        show("regression_model", 2)
    with working("making the page"):
        assert list(counting("abc", 3, "runs")) == ["a", "b", "c"]
    printed = capsys.readouterr()
    assert printed.err == "step 1 of 2: idle_baseline\nstep 2 of 2: regression_model\n"
    assert printed.out == ""
