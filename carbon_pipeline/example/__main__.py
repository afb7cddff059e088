"""`python -m carbon_pipeline.example` (`make run`): run the whole pipeline once and print the results."""

import sys

from carbon_pipeline.cli.errors import ending_cleanly
from carbon_pipeline.cli.progress import steps_bar
from carbon_pipeline.cli.terminal import accept_any_output, print_table, print_wrapped
from carbon_pipeline.example.run_once import run_pipeline_once


def main() -> None:
    """Run the pipeline and print the summary. The exit status is 0 only if every step and check succeeded."""
    with steps_bar() as show_step:
        summary = run_pipeline_once(show_step)
    print_table(summary.measured, summary.title)
    if summary.warnings:
        print("Warnings about these numbers:")
        for sentence in summary.warnings:
            print_wrapped(f"  {sentence}")
    print("Files written:")
    for description, path in summary.files.items():
        print(f"  {description:<35}{path}")
    print("Next: `make ui` shows the assets, `.venv/bin/carbon-pipeline report` shows the runs.")


if __name__ == "__main__":
    accept_any_output()
    with ending_cleanly("--debug" in sys.argv):
        main()
