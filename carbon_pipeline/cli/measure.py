"""Commands that measure, or show how energy would be measured: doctor, baseline, run."""

import sys
from typing import Annotated

import typer

from carbon_pipeline.cli.progress import wait_with_bar, working
from carbon_pipeline.cli.terminal import print_json, print_table, print_wrapped, say
from carbon_pipeline.model.amounts import amount
from carbon_pipeline.settings import read_settings, read_settings_leniently


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for other programs.")] = False) -> None:
    """Show how energy would be measured on this machine, and what would make the numbers better."""
    from carbon_pipeline.tracking.doctor import examine

    with working("looking at this machine"):
        findings = [finding.model_dump() for finding in examine(read_settings())]
    if as_json:
        print_json(findings)
    else:
        rows = [{name: value for name, value in finding.items() if name != "note"} for finding in findings]
        print_table(rows, "How energy would be measured on this machine")
        for finding in findings:
            if finding["note"]:
                print_wrapped(f"{finding['what']}: {finding['note']}")


def baseline(
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="How long; default CARBON_BASELINE_S, else 60, as MLPerf Power.")
    ] = None,
) -> None:
    """Measure the idle machine, to show what later runs on this host use above it. Leave it alone meanwhile."""
    from carbon_pipeline.model.flags import SHORTEST_BASELINE_S
    from carbon_pipeline.tracking.baseline import measure_baseline

    settings = read_settings(baseline_s=seconds)
    say(f"measuring the idle machine for {amount(settings.baseline_s, 's')} ...")
    found = measure_baseline(settings, wait=wait_with_bar)
    methods = "cpu={}, gpu={}, ram={}".format(*found.methods)
    print(f"{found.host} draws {amount(found.power_w, 'W')} when idle ({amount(found.duration_s, 's')}, {methods})")
    if found.duration_s < SHORTEST_BASELINE_S:
        say(f"less than {SHORTEST_BASELINE_S:g} s: later runs are flagged short_baseline")
    if found.is_busy:
        say(f"the CPUs were busy for {found.load or 0:.0%} of the time: later runs are flagged busy_baseline")


def run(
    command: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Any program, with its arguments.")],
    name: Annotated[
        str | None, typer.Option(help="What is tracked; default the script's name, else the program's.")
    ] = None,
    project: Annotated[
        str | None, typer.Option(help="Project; default CARBON_PROJECT_NAME, else carbon_pipeline.")
    ] = None,
) -> None:
    """Run any command under tracking, its children included; exits with the command's status."""
    from carbon_pipeline.model.summary import summary
    from carbon_pipeline.tracking.command import run_command

    settings, problems = read_settings_leniently(project_name=project)
    done = run_command(command, settings, problems, name=name)
    if done.record:
        say(f"carbon-pipeline: {summary(done.record)}; run {done.record.run_id}")
    elif settings.tracking == "off":
        say("carbon-pipeline: not measured, since CARBON_TRACKING=off")
    else:
        say("carbon-pipeline: what was measured could not be kept; see above")
    sys.exit(done.status)
