"""Brings the schema of a warehouse up to date: numbered files, each applied once, in one transaction, and recorded.

The views of `report` are no migrations: they are made anew each time, since DuckDB does not follow their dependencies.
"""

import hashlib
import re
from typing import TYPE_CHECKING

from carbon_pipeline.errors import UserError
from carbon_pipeline.model.fields import FIELDS
from carbon_pipeline.warehouse import sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+")

AGGREGATES = ("daily", "by_project", "by_asset", "by_country", "by_hardware", "by_method")
"""The views of `report` that add runs up."""

REPORTS = ("runs", "counted_runs", *AGGREGATES, "quarantine", "field_mapping")
"""The views of `report`, in the order in which they are made: the others build on `runs` and `counted_runs`."""


class SchemaError(UserError):
    """The warehouse and the code do not fit together."""


def migrate(connection: "DuckDBPyConnection") -> list[int]:
    """Applies what has not been applied yet, then makes the views.

    Args:
        connection: the warehouse, open for writing.

    Returns:
        The numbers of the migrations that were applied.

    Raises:
        SchemaError: the warehouse is newer than the code, or a migration was changed after it had been applied.
    """
    import duckdb

    connection.execute(sql.statement("migrations", "schema_migration"))
    applied = dict(connection.execute(sql.statement("queries", "applied_migrations")).fetchall())
    ours = {_number(name): name for name in sql.names("migrations") if name != "schema_migration"}
    if newer := sorted(set(applied) - set(ours)):
        raise SchemaError(
            f"the warehouse has migration {newer[-1]:04}, which this carbon-pipeline does not know: upgrade it"
        )
    done = []
    for number, name in sorted(ours.items()):
        text = sql.statement("migrations", name)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        if number in applied:
            if applied[number] != sha256:
                raise SchemaError(f"migration {name}.sql was changed after it had been applied; add a new one instead")
            continue
        with transaction(connection):
            connection.execute(text)
            connection.execute(
                sql.statement("queries", "record_migration"),
                {"version": number, "name": name, "sha256": sha256, "duckdb_version": duckdb.__version__},
            )
        done.append(number)
    _make_views(connection)
    return done


class transaction:
    """`with transaction(connection):` all of the block, or nothing of it."""

    def __init__(self, connection: "DuckDBPyConnection"):
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._connection.execute("COMMIT" if kind is None else "ROLLBACK")


def _make_views(connection: "DuckDBPyConnection") -> None:
    if set(REPORTS) != set(sql.names("reports")):
        raise SchemaError(f"the views {REPORTS} and the files in reports/ are not the same")
    with transaction(connection):
        for position, field in enumerate(FIELDS, start=1):
            connection.execute(
                sql.statement("queries", "write_field"),
                {
                    "position": position,
                    "field": field.name,
                    "meaning": field.meaning,
                    "unit": field.unit,
                    "source_column": field.column,
                    "boamps_path": field.boamps_path,
                    "form_path": field.form_path,
                    "form_code": field.code,
                    "extraction": field.source,
                },
            )
        for name in REPORTS:
            connection.execute(sql.statement("reports", name))
        _inherit_comments(connection)


def _inherit_comments(connection: "DuckDBPyConnection") -> None:
    """A column of a view without a comment of its own says what the column of `core` says that it hands on."""
    for view, column, comment in connection.execute(sql.statement("queries", "inherited_comments")).fetchall():
        quoted = comment.replace("'", "''")
        connection.execute(f"COMMENT ON COLUMN report.{view}.{column} IS '{quoted}'")  # COMMENT takes no parameters


def _number(name: str) -> int:
    match = _NAME.fullmatch(name)
    if match is None:
        raise SchemaError(f"migration {name}.sql is not named like 0001_what_it_makes.sql")
    return int(match.group(1))
