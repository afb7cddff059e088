"""Writes the tables of the documentation that come from the code; `make docs` calls it, a test fails without it."""

import ast
import re
import tempfile
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from carbon_pipeline.boamps.context import USER_FIELDS
from carbon_pipeline.boamps.model import Part, Report
from carbon_pipeline.boamps.structure import fields_of
from carbon_pipeline.model import interval as quality
from carbon_pipeline.model.fields import FIELDS
from carbon_pipeline.model.flags import FLAGS
from carbon_pipeline.settings import Settings, variable
from carbon_pipeline.warehouse import sql
from carbon_pipeline.warehouse.schema import REPORTS, described_reports
from carbon_pipeline.warehouse.warehouse import Warehouse

ROOT = Path(__file__).parents[1]
PAGES = (
    "docs/architecture.md",
    "docs/fields.md",
    "docs/boamps.md",
    "docs/dagster.md",
    "docs/measuring.md",
    "docs/warehouse.md",
    "docs/operating.md",
)


MEASURED_WHERE_KNOWN = (
    "header.publisher.projectName", "software.", "infrastructure.infraType", "infrastructure.cloudService",
    "infrastructure.components[].",
)  # fmt: skip
"""Fields of the report that users can provide too, such as for imported files that do not name the machine."""


def mapping_table() -> str:
    """The 33 fields with column, BoAmps path, form path and code."""
    lines = [
        "| field | meaning | unit | source | column of report.runs | BoAmps | form | code |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rows = (
        (f.name, f.meaning, f.unit, f.source, f.column, _code(f.boamps_path), _code(f.form_path), f.code)
        for f in FIELDS
    )
    return "\n".join([*lines, *map(_row, rows)])


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def datamodel_table() -> str:
    """Every field of a BoAmps report, and whether it is measured or user-provided."""
    lines = ["| field | meaning | required | from |", "|---|---|---|---|"]
    return "\n".join([*lines, *map(_row, _fields(Report))])


def _fields(part: type[Part], path: str = "", is_given: bool = False) -> Iterator[tuple[str, str, str, str]]:
    for field in fields_of(part).values():
        name = f"{path}.{field.name}" if path else field.name
        given = is_given
        if path in USER_FIELDS:
            allowed = USER_FIELDS[path][1]
            given = allowed is None or field.name in allowed
        if field.part:
            yield from _fields(field.part, f"{name}[]" if field.is_list else name, given)
        else:
            required = "yes" if field.info.is_required() else ""
            source = (
                "measured" if not given else "measured, else you" if name.startswith(MEASURED_WHERE_KNOWN) else "you"
            )
            yield f"`{name}`", str(field.info.description), required, source


def _code(text: str) -> str:
    """A form path would be taken for a link."""
    return f"`{text}`" if text else ""


def flag_table() -> str:
    """Every flag that a run can carry."""
    return "\n".join(["| flag | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in FLAGS.items())])


def settings_table() -> str:
    """Every environment variable."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "on" if field.default is True else "" if field.default is None else field.default
        lines.append(f"| `{variable(name)}` | {default} | {field.description} |")
    return "\n".join(lines)


def coefficient_table() -> str:
    """Every coefficient of the intervals, with its source."""
    lines = ["| coefficient | low | high | source |", "|---|---|---|---|"]
    tables = {
        "f: {}": quality.FACTORS,
        "f: {} not known": quality.UNKNOWN_METHOD,
        "f: estimated, {}": quality.ESTIMATED_RAM,
        "f: TDP guessed as {}": quality.GUESSED_TDP,
        "m: {}": quality.LOSSES,
        "p: {}, W": quality.REST_W,
    }
    rows = [(text.format(name), found) for text, table in tables.items() for name, found in table.items()]
    rows += [
        ("f: CPU in process mode", quality.PROCESS_MODE),
        *(
            (f"TDP of {name}", found)
            for name, found in zip(
                ("Intel Core until the 7th generation", "Intel Core", "AMD Ryzen"), quality.TURBO.values(), strict=True
            )
        ),
        ("TDP of a server whose processor is known only", quality.PROCESSORS),
        ("TDP that is not known, W per thread", quality.TDP_W_PER_THREAD),
        ("TDP that is not known, W", quality.ANY_TDP_W),
        ("TDP of a board where it is guessed, W", quality.BOARD_TDP_W),
        ("p: virtual machine, W for each CPU", quality.REST_W_PER_VIRTUAL_CPU),
        ("p: GPU card not measured, W", quality.IDLE_GPU_W),
        ("p: GPU module (SXM) not measured, W", quality.IDLE_SXM_GPU_W),
        ("p: memory not measured, W/GB", quality.UNMEASURED_RAM_W_PER_GB),
        *((f"intensity: {name}", found) for name, found in quality.INTENSITY.items()),
        ("intensity: average of a place", quality.AVERAGE_INTENSITY),
        ("intensity: country not known, g/kWh", quality.anywhere_g_per_kwh()),
    ]
    return "\n".join(
        [*lines, *(f"| {name} | {found.low:g} | {found.high:g} | {found.source} |" for name, found in rows)]
    )


def curve_table() -> str:
    """The curves that bound a CPU that is modelled from its load."""
    lines = ["| modelled power / TDP | true power / TDP, at least | at most |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {x:g} | {low:g} | {high:g} |" for x, low, high in quality.LOAD_CURVE)])


def report_table() -> str:
    """Every report and what it answers."""
    lines = [_row((f"[`{name}`](#report{name})", text)) for name, text in described_reports().items()]
    return "\n".join(["| view of `report` | what it answers |", "|---|---|", *lines])


@cache
def column_tables() -> str:
    """Every table and view with its columns; a column that was explained before is only named."""
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(folder)
        warehouse.load()
        columns = warehouse.rows(sql.statement("queries", "reference"))
    columns.sort(key=lambda row: REPORTS.index(row["relation"]) if row["schema"] == "report" else len(REPORTS))
    explained: dict[tuple[str, ...], str] = {}
    lines: list[str] = []
    for name, group in groupby(columns, key=lambda row: f"{row['schema']}.{row['relation']}"):
        rows = list(group)
        lines += ["", f"### {name}", "", rows[0]["relation_comment"]]
        known: dict[str, list[str]] = {}
        new = []
        for row in rows:
            column = row["column"], row["type"], row["comment"]
            if (first := explained.setdefault(column, name)) == name:
                new.append(_row((f"`{column[0]}`", _type(column[1]), column[2])))
            else:
                known.setdefault(first, []).append(f"`{column[0]}`")
        if new:
            lines += ["", "| column | type | meaning |", "|---|---|---|", *new]
        lines += [f"\nAs in `{first}`: {', '.join(names)}." for first, names in known.items()]
    return "\n".join(lines[1:])


def _type(text: str) -> str:
    return "STRUCT" if text.startswith("STRUCT") else text.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ")


def imports_picture() -> str:
    """The rooms of the package from the top floor down, each with the rooms that it imports."""
    package = ROOT / "carbon_pipeline"
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        room = path.relative_to(package).parts[0].removesuffix(".py")
        if room.startswith("__"):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
        rooms = {name.split(".")[1] for name in modules if name.startswith("carbon_pipeline.")}
        found.setdefault(room, set()).update(rooms - {room})
    floors: list[str] = []  # from the ground up: a room comes after all that it imports
    while rest := sorted(found.keys() - set(floors)):
        floors.append(next(room for room in rest if found[room] <= set(floors)))
    lines = [f"{room:<12} -> {', '.join(sorted(found[room], key=floors.index, reverse=True))}" for room in floors[::-1]]
    return "\n".join(["```", *(line.removesuffix(" -> ").rstrip() for line in lines), "```"])


TABLES = {
    "imports": imports_picture,
    "mapping": mapping_table,
    "datamodel": datamodel_table,
    "flags": flag_table,
    "settings": settings_table,
    "coefficients": coefficient_table,
    "curve": curve_table,
    "reports": report_table,
    "columns": column_tables,
}


def with_tables(page: str) -> str:
    """A page with its tables made anew.

    Args:
        page: its text, with `<!-- NAME -->` before and `<!-- end of NAME -->` after each table.

    Returns:
        The text.
    """
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if begin not in page:
            continue
        page = re.sub(f"{begin}.*?{end}", f"{begin}\n{table()}\n{end}".replace("\\", "\\\\"), page, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    for path in PAGES:
        (ROOT / path).write_text(with_tables((ROOT / path).read_text(encoding="utf-8")), encoding="utf-8")
