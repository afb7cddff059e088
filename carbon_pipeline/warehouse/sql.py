"""The SQL files of this package, read by name."""

from functools import cache
from importlib.resources import files


@cache
def statement(folder: str, name: str) -> str:
    """The text of one SQL file.

    Args:
        folder: a folder of this package, such as `load` or `reports`.
        name: the file's name without `.sql`.

    Returns:
        Its text.
    """
    return (files("carbon_pipeline.warehouse") / folder / f"{name}.sql").read_text(encoding="utf-8")


@cache
def names(folder: str) -> tuple[str, ...]:
    """The names of the SQL files in a folder, without `.sql`, in order.

    Args:
        folder: a folder of this package, such as `load` or `reports`.

    Returns:
        The names.
    """
    entries = (entry.name for entry in (files("carbon_pipeline.warehouse") / folder).iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in entries if name.endswith(".sql")))
