"""The command `carbon-pipeline`: its options and its commands, registered here and defined in the modules beside."""

import itertools
import sys
from typing import Annotated, NoReturn

import typer

from carbon_pipeline.cli import calibrate, compare, export, measure, report, warehouse, watch
from carbon_pipeline.cli.errors import ending_cleanly, fail
from carbon_pipeline.cli.terminal import accept_any_output
from carbon_pipeline.errors import FAILURE, WRONG_INPUT

app = typer.Typer(
    help="What training costs in energy and carbon: measured, kept, reported.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(measure.doctor)
app.command()(measure.baseline)
app.command()(calibrate.calibrate)
app.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})(measure.run)
app.command()(watch.watch)
app.command("import")(warehouse.import_)
app.command()(warehouse.load)
app.command(cls=report.ReportCommand)(report.report)
app.command()(compare.compare)
app.add_typer(export.export, name="export")
app.command()(export.validate)
app.command()(warehouse.rebuild)
app.command()(warehouse.download)

INTERRUPTED = 130
"""What typer returns after a Ctrl-C."""


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(version("carbon-pipeline"))
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_print_version)] = False,
) -> None:
    """What training costs in energy and carbon: measured, kept, reported."""  # `main` reads --debug


def main() -> NoReturn:
    """Run the command line. Errors are one line on stderr; exit status 2 for wrong usage or input, 1 for a failure."""
    accept_any_output()
    options = itertools.takewhile(lambda argument: argument.startswith("-"), sys.argv[1:])
    debug = "--debug" in options  # behind a command's name it may be that command's own
    with ending_cleanly(debug):
        try:
            if app(standalone_mode=False) == INTERRUPTED:
                fail("interrupted", FAILURE)
        except typer.Exit as end:
            sys.exit(end.exit_code)
        except typer.Abort:
            fail("interrupted", FAILURE)
        except Exception as error:
            if type(error).__name__ == "NoArgsIsHelpError":  # typer has printed the help, and keeps this class private
                sys.exit(WRONG_INPUT)
            if debug or not hasattr(error, "format_message"):
                raise
            fail(error.format_message(), getattr(error, "exit_code", WRONG_INPUT))  # typer's, of wrong usage
    sys.exit(0)
