"""Parquet files from files of JSON lines. The tables of the warehouse itself are not touched."""

from collections.abc import Iterable
from pathlib import Path

from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.connection import literally, open_in_memory


def write_parquet(lines: Path, columns: Iterable[tuple[str, str]], path: Path, memory_limit: str) -> None:
    """Make a Parquet file from a file beside it with a JSON object in each line; a key that is missing is empty."""
    with open_in_memory(path.parent, memory_limit) as connection:
        connection.execute(
            sql.statement("queries", "json_lines"),
            {"lines": {"path": literally(lines.resolve()), "columns": dict(columns)}},
        )
        connection.execute(sql.statement("queries", "write_table"), {"path": str(path.resolve())})
