"""Each command explains itself, is shown in the documentation, and has a test."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from carbon_pipeline.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = "\n".join(
    page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
)
TESTS = "\n".join(
    test.read_text(encoding="utf-8")
    for test in (ROOT / "carbon_pipeline_tests").rglob("test_*.py")
    if test.name != Path(__file__).name
)


def commands(group: Any, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for name, command in group.commands.items():
        inner = commands(command, (*words, name)) if hasattr(command, "commands") else [((*words, name), command)]
        found += inner
    return found


COMMANDS = commands(typer.main.get_command(app))


def test_all_commands_are_found() -> None:
    names = {" ".join(words) for words, _ in COMMANDS}
    assert {"doctor", "import", "load", "report", "run", "export boamps", "rebuild", "validate"} <= names


@pytest.mark.parametrize(
    ("words", "command"), COMMANDS, ids=lambda value: "-".join(value) if isinstance(value, tuple) else ""
)
def test_a_command_has_help_an_example_and_a_test(words: tuple[str, ...], command: Any) -> None:
    first = str(command.help).split()[0]
    assert re.fullmatch(r"[A-Z][a-z]+", first), f"{words}: {first}"
    assert not first.endswith("s"), f"{words}: begin with an imperative verb: {first}"
    for parameter in command.params:
        if parameter.name != "help":
            assert getattr(parameter, "help", None), f"{words}: {parameter.name}"
    assert re.search(rf"^(\.venv/bin/)?carbon-pipeline {' '.join(words)}\b", PAGES, re.MULTILINE), words
    call = r'",\s*"'.join(words)
    assert re.search(rf'carbon_pipeline\(\s*"{call}"|"carbon_pipeline",\s*"{call}"|carbon_{words[0]}\(', TESTS), words
