"""How a command ends: errors are one line on stderr, and an exit status that tells wrong input from failure and bug."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from carbon_pipeline.cli.terminal import say
from carbon_pipeline.errors import FAILURE, UserError

QUERY_INTERRUPTED = "Query interrupted"
"""The message of the exception that DuckDB raises after a Ctrl-C."""


def fail(message: str, status: int) -> NoReturn:
    """End the program with one line on stderr."""
    say(f"carbon-pipeline: {message}")
    sys.exit(status)


@contextmanager
def ending_cleanly(debug: bool = False) -> Iterator[None]:
    """End the program as a user expects if the block raises."""
    try:
        yield
    except KeyboardInterrupt:
        fail("interrupted", FAILURE)
    except Exception as error:
        if debug:
            raise
        if str(error) == QUERY_INTERRUPTED:
            fail("interrupted", FAILURE)
        if isinstance(error, UserError):
            fail(str(error), error.exit_status)
        if isinstance(error, OSError):  # a full disk, a folder without permission
            fail(str(error), FAILURE)
        fail(
            f"unexpected {type(error).__name__}: {error}. This is a bug in carbon-pipeline: please report it, with "
            "what `carbon-pipeline --debug` and the rest of your command print (CONTRIBUTING.md, Reporting a bug)",
            FAILURE,
        )
