"""SQL files of this project, read and run by name."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@cache
def read_sql(package: str, name: str) -> str:
    """Read an SQL file.

    Args:
        package: the package that contains it, such as `carbon_pipeline.boamps`.
        name: the file's name without `.sql`, with its folder in the package if it is in one, such as `load/run`.
    """
    return (files(package) / f"{name}.sql").read_text(encoding="utf-8")


def statement(folder: str, name: str) -> str:
    """Read an SQL file of the warehouse, such as `run` in the folder `load`."""
    return read_sql("carbon_pipeline.warehouse", f"{folder}/{name}")


@cache
def names(folder: str) -> tuple[str, ...]:
    """List the SQL files in a folder of the warehouse, without `.sql`, in order."""
    entries = (entry.name for entry in (files("carbon_pipeline.warehouse") / folder).iterdir())
    return tuple(sorted(name.removesuffix(".sql") for name in entries if name.endswith(".sql")))


def ask(connection: "DuckDBPyConnection", folder: str, name: str, **parameters: Any) -> list[dict[str, Any]]:
    """Run a query of the warehouse's SQL files.

    Returns:
        Its rows.
    """
    return dicts(connection.execute(statement(folder, name), parameters or None))


def dicts(cursor: "DuckDBPyConnection") -> list[dict[str, Any]]:
    """All rows of a result, by the names of their columns."""
    columns = [column[0] for column in cursor.description]
    return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
