"""The `>>>` examples of the docstrings, and the Python blocks of the documentation."""

import ast
import doctest
import importlib
import pkgutil
import re
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import pytest

import carbon_pipeline

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


PUBLIC = (
    "carbon_pipeline", "carbon_pipeline.definitions", "carbon_pipeline.integrations.huggingface",
    "carbon_pipeline.integrations.lightning",
)  # fmt: skip
"""Modules that people import from (docs/stability.md)."""

TRAINERS = {"huggingface": "transformers", "lightning": "lightning"}
"""Modules that can be imported where a library is installed that this project does not require."""


def modules() -> list[ModuleType]:
    names = (found.name for found in pkgutil.walk_packages(carbon_pipeline.__path__, "carbon_pipeline."))
    left_out = {f"carbon_pipeline.integrations.{name}" for name, library in TRAINERS.items() if not find_spec(library)}
    return [importlib.import_module(name) for name in names if not name.endswith("__main__") and name not in left_out]


EXAMPLES = [
    example
    for module in modules()
    for example in doctest.DocTestFinder(exclude_empty=True).find(module)
    if example.examples
]


def names_of_a_user() -> dict[str, Any]:
    public = {name: getattr(carbon_pipeline, name) for name in carbon_pipeline.__all__}
    return {"dg": dg, "fit": lambda: None, **public}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_of_a_docstring_runs(example: doctest.DocTest, data_dir: Path) -> None:
    example.globs.update(names_of_a_user())
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, clear_globs=False)
    assert result.failed == 0


def test_the_public_functions_have_examples() -> None:
    names = " ".join(example.name for example in EXAMPLES)
    for name in ("track", "tracked", "track_assets", "carbon_budget", "carbon_resources", "Warehouse"):
        assert f".{name} " in f"{names} ", name


def python_blocks() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [(page.name, block) for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL)]
    return found


def names_in(module: str) -> set[str]:
    """The names in a module, by its text, since not each can be imported here."""
    if module == "carbon_pipeline":
        return set(carbon_pipeline.__all__)
    if module.rpartition(".")[2] not in TRAINERS:
        return set(dir(importlib.import_module(module)))
    tree = ast.parse((ROOT / f"{module.replace('.', '/')}.py").read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.ClassDef)}


@pytest.mark.parametrize(("page", "block"), python_blocks())
def test_what_the_documentation_teaches_to_import_is_public(page: str, block: str) -> None:
    decorates = block.rstrip().splitlines()[-1].startswith("@")
    for node in ast.walk(ast.parse(f"{block}\ndef decorated(): ..." if decorates else block)):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("carbon_pipeline"):
            assert node.module in PUBLIC, f"{page}: {node.module}"
            for alias in node.names:
                assert alias.name in names_in(str(node.module)), f"{page}: {alias.name}"
                assert node.module != "carbon_pipeline" or alias.name in carbon_pipeline.__all__
