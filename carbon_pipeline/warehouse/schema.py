"""The schema of a warehouse: tables with a version number, views over them, and the coefficients of the interval model.

There is one schema and no migration: a warehouse of another version is rebuilt from the stored source files. Views are
created anew when their text has changed, and coefficients when the model has.
"""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from carbon_pipeline.errors import UserError
from carbon_pipeline.model.fields import FIELDS
from carbon_pipeline.model.placement import Placement
from carbon_pipeline.model.record import RunRecord
from carbon_pipeline.warehouse import sql

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

VERSION = 5
"""Number of the schema, for people. Any other change of a table is noticed as well, by the text of the tables."""

FIRST_VIEW = "10"
"""Number of the first file in `schema/` that can be run again."""

COEFFICIENT = "A coefficient of the interval model; see carbon_pipeline/model/interval.py."

AGGREGATES = ("daily", "by_project", "by_asset", "by_country", "by_hardware", "by_method")
"""The views of `report` that add runs up."""

ANSWERS = ("trend", "biggest_consumers", "same_work", "energy_per_phase", "pareto", "waste", "data_quality")
"""The views of `report` that answer a question."""

BASED_ON = {
    "daily": "counted_runs",
    "by_project": "counted_runs",
    "by_asset": "asset_runs",
    "by_country": "counted_runs",
    "by_hardware": "counted_runs",
    "by_method": "counted_runs",
    "trend": "asset_runs",
    "biggest_consumers": "asset_runs",
    "same_work": "counted_runs",
    "energy_per_phase": "counted_runs",
    "waste": "counted_runs",
    "data_quality": "counted_runs",
}
"""Views that are made by a table macro, `report.<name>_of(run_query)`, and the view of runs that each is of. The macro
can be asked for the same of other runs."""

REPORTS = (
    "runs", "counted_runs", "asset_runs", *AGGREGATES, *ANSWERS, "phases", "power", "files", "quarantine",
    "field_mapping",
)  # fmt: skip
"""The views of `report`, in the order in which they are created: the others build on `runs` and `counted_runs`."""


def described_reports() -> dict[str, str]:
    """What each report answers, by name: the comments of the views, from their files."""
    found = {name: re.search(r"COMMENT ON VIEW \S+ IS\s+'(.*?)';", sql.statement("reports", name)) for name in REPORTS}
    return {name: match[1] if match else "" for name, match in found.items()}


class SchemaError(UserError):
    """The warehouse and the code do not fit together."""


def prepare_schema(connection: "DuckDBPyConnection") -> bool:
    """Create the tables of a new warehouse, and the views.

    Returns:
        Whether the coefficients of the interval model, and what is inferred by the views' macros, have to be computed.

    Raises:
        SchemaError: the warehouse has a schema of another version.
    """
    from carbon_pipeline.warehouse.coefficients import digest_of_model

    tables = {name for (name,) in connection.execute(sql.statement("queries", "tables")).fetchall()}
    version, found_tables, views, model = _found(connection, tables)
    if tables and (version, found_tables) != (VERSION, _digest_of_tables()):
        raise SchemaError(
            f"the warehouse has schema {version}{', other tables' if version == VERSION else ''}, this carbon-pipeline "
            f"needs {VERSION}: rebuild the warehouse from the stored source files with `carbon-pipeline "
            "rebuild --replace`, or install a newer carbon-pipeline if the schema of the warehouse is the higher one"
        )
    current = _digest_of_views(), digest_of_model()
    if (views, model) == current:
        return False
    with transaction(connection):
        for name in sql.names("schema"):
            if not tables or name >= FIRST_VIEW:
                connection.execute(sql.statement("schema", name))
        _create_reports(connection)
        if model != current[1]:
            connection.execute("DELETE FROM raw.coefficients")
        connection.execute(
            sql.statement("queries", "write_schema_version"),
            {"version": VERSION, "tables": _digest_of_tables(), "views": current[0], "coefficients": current[1]},
        )
    return True


@cache
def _digest_of_tables() -> str:
    """A hash of all tables, without comments."""
    text = "\n".join(sql.statement("schema", name) for name in sql.names("schema") if name < FIRST_VIEW)
    text = re.sub(r"--[^\n]*|COMMENT ON [^;]*;", "", text)
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


@cache
def _digest_of_views() -> str:
    """A hash of all that the views are made from."""
    texts = [sql.statement("schema", name) for name in sql.names("schema") if name >= FIRST_VIEW]
    texts += [sql.statement("reports", name) for name in REPORTS] + [repr(field) for field in FIELDS]
    texts += [sql.statement("queries", name) for name in ("write_field", "columns_without_comment")]
    return hashlib.sha256("\n".join(re.sub(r" at 0x\w+", "", text) for text in texts).encode()).hexdigest()


def _found(connection: "DuckDBPyConnection", tables: set[str]) -> tuple[int, str, str, str]:
    """The version of the schema, the digests of tables, views and model; 0 and nothing where there is none."""
    import duckdb

    if "raw.schema_version" not in tables:
        return 0, "", "", ""
    try:
        row = connection.execute(sql.statement("queries", "schema_version")).fetchone()
    except duckdb.BinderException:  # a version before 3
        row = (*(connection.execute("SELECT version FROM raw.schema_version").fetchone() or (0,)), "", "", "")
    return row or (0, "", "", "")


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


def _create_reports(connection: "DuckDBPyConnection") -> None:
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
    _add_comments(connection)


def _add_comments(connection: "DuckDBPyConnection") -> None:
    """Give columns without a comment that of the record's field of the same name, else of another column."""
    fields = {name: field.description for name, field in RunRecord.model_fields.items()}
    fields |= {name: field.description for name, field in RunRecord.model_computed_fields.items()}
    fields |= {name: field.description for name, field in Placement.model_fields.items()}
    columns = connection.execute(sql.statement("queries", "columns_without_comment")).fetchall()
    statements = []
    for schema, relation, name, summed, comment in columns:
        text = summed or fields.get(name) or comment or (COEFFICIENT if relation == "coefficients" else None)
        if text is None:
            raise RuntimeError(f"{schema}.{relation}.{name} has no comment")
        quoted = " ".join(text.split()).replace("'", "''")
        statements.append(f"COMMENT ON COLUMN {schema}.{relation}.{name} IS '{quoted}'")  # it takes no parameters
    if statements:
        connection.execute(";\n".join(statements))
