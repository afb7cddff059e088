"""The schema of a warehouse: tables with a version number, and views, which are made anew when their text has changed.

There is one schema and no migration: a warehouse of another version is rebuilt from the stored source files.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from carbon_pipeline.errors import UserError
from carbon_pipeline.model.fields import FIELDS
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.warehouse import sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VERSION = 2
"""To be raised with every change in `tables/`."""

AGGREGATES = ("daily", "by_project", "by_asset", "by_country", "by_hardware", "by_method")
"""The views of `report` that add runs up."""

REPORTS = ("runs", "counted_runs", *AGGREGATES, "quarantine", "field_mapping")
"""The views of `report`, in the order in which they are made: the others build on `runs` and `counted_runs`."""


class SchemaError(UserError):
    """The warehouse and the code do not fit together."""


def prepare_schema(connection: "DuckDBPyConnection") -> None:
    """Make the tables of a new warehouse, and the views.

    Raises:
        SchemaError: the warehouse has a schema of another version.
    """
    tables = {name for (name,) in connection.execute(sql.statement("queries", "tables")).fetchall()}
    version, views = _found(connection, tables)
    if tables and version != VERSION:
        raise SchemaError(
            f"the warehouse has schema {version}, this carbon-pipeline needs {VERSION}: rebuild the warehouse from the "
            "stored source files with `carbon-pipeline rebuild --replace`, or install a newer carbon-pipeline if the "
            "schema of the warehouse is the higher one"
        )
    if views == _digest_of_views():
        return
    with transaction(connection):
        if not tables:
            for name in ("raw", "core"):
                connection.execute(sql.statement("tables", name))
            connection.execute("CREATE SCHEMA report")
            _comment_by_the_record(connection)
        _make_views(connection)
        connection.execute(
            sql.statement("queries", "write_schema_version"), {"version": VERSION, "views": _digest_of_views()}
        )


@cache
def _digest_of_views() -> str:
    """A hash of all that the views are made from."""
    texts = [sql.statement("reports", name) for name in REPORTS] + [repr(field) for field in FIELDS]
    texts += [sql.statement("queries", name) for name in ("write_field", "inherited_comments")]
    return hashlib.sha256("\n".join(re.sub(r" at 0x\w+", "", text) for text in texts).encode()).hexdigest()


def _found(connection: "DuckDBPyConnection", tables: set[str]) -> tuple[int, str]:
    """The version of the tables and the digest of the views; 0 where there is none."""
    if "raw.schema_version" not in tables:
        return 0, ""
    row = connection.execute(sql.statement("queries", "schema_version")).fetchone()
    return row or (0, "")


@contextmanager
def transaction(connection: "DuckDBPyConnection") -> Iterator[None]:
    """Run all of a block, or nothing of it."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _make_views(connection: "DuckDBPyConnection") -> None:
    if set(REPORTS) != set(sql.names("reports")):
        raise RuntimeError(f"the views {REPORTS} and the files in reports/ are not the same")
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
    # A column of a view without a comment of its own has that of the column of `core` that it hands on.
    for view, column, comment in connection.execute(sql.statement("queries", "inherited_comments")).fetchall():
        _comment(connection, f"report.{view}.{column}", comment)


def _comment_by_the_record(connection: "DuckDBPyConnection") -> None:
    """Give the columns of `core` that are fields of the record the description that they have there."""
    fields = {name: field.description for name, field in RunRecord.model_fields.items()}
    fields |= {name: field.description for name, field in RunRecord.model_computed_fields.items()}
    for table, column in connection.execute(sql.statement("queries", "uncommented_columns")).fetchall():
        _comment(connection, f"core.{table}.{column}", str(fields[column]))


def _comment(connection: "DuckDBPyConnection", column: str, comment: str) -> None:
    quoted = " ".join(comment.split()).replace("'", "''")
    connection.execute(f"COMMENT ON COLUMN {column} IS '{quoted}'")  # COMMENT takes no parameters
