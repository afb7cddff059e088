"""A report as the text form of BoAmps' bash tool (`form2json.sh`), filled in, for further editing.

The tool finds a value by its line number, between the last `=` before it and the last `#` after it. So each field has
its line, filled in or not, and a value contains neither of the two characters, nor any that would have to be escaped in
JSON, since the tool copies values into its JSON unchanged.
"""

from collections.abc import Iterator
from typing import Any

from carbon_pipeline.boamps.model import Part, Report
from carbon_pipeline.boamps.structure import FieldStructure, fields_of

COMMENT_COLUMN = 100

ONE_EACH = {"nbDatasetShape": "shapes of a dataset", "datasetInferenceProperties": "inference properties of a dataset"}
"""Lists of older versions of the datamodel; the tool still requires their lengths."""

WITHOUT_QUOTES = {"measurementDateTime"}
"""Text fields that the tool takes for numbers and copies into its JSON without adding quotes."""


def form(report: Report) -> str:
    """The filled-in form of a report."""
    values = report.model_dump(by_alias=True, exclude_none=True)
    return "\n".join([*_config(report), *_lines(Report, values, depth=0), ""])


def _config(report: Report) -> Iterator[str]:
    yield "[Config]  # DO NOT MODIFY"
    counts = {
        "nbAlgo": (len(report.task.algorithms), "algorithms"),
        "nbDataset": (len(report.task.dataset), "datasets"),
        **{name: (1, what) for name, what in ONE_EACH.items()},
        "nbMeasures": (len(report.measures), "measures"),
        "infraComponents": (len(report.infrastructure.components), "components"),
    }
    for name, (count, what) in counts.items():
        yield f"{f' ├{name}={count}':<46}#Number of {what} in the form"
    yield " └"


def _lines(part: type[Part], values: dict[str, Any], depth: int) -> Iterator[str]:
    for field in fields_of(part).values():
        need = "MANDATORY" if field.info.is_required() else "OPTIONAL"
        comment = f"#{need} : {field.info.description}"
        value = values.get(field.name)
        if field.part is None:
            filled = "" if value is None else _one_line(value)
            if field.name in WITHOUT_QUOTES and filled:
                filled = f'"{filled}"'
            line = f"{field.name}={filled}" if part is Report else f" ├{field.name}={filled}"
            yield _line(depth, line, f"#{need} {_kind(field)} : {field.info.description}")
        elif field.is_list:
            for number, item in enumerate(value or [{}], start=1):
                yield _line(depth, f" ├({field.name}.{number})", comment)
                yield from _lines(field.part, item, depth + 1)
                yield _line(depth + 1, " └", "")
        else:
            inner_depth = depth + (part is not Report)
            yield _line(inner_depth, f"[{field.name}]", comment)
            yield from _lines(field.part, value or {}, inner_depth)
            yield _line(inner_depth, " └", "")


def _line(depth: int, text: str, comment: str) -> str:
    return f"{' |  ' * depth + text:<{COMMENT_COLUMN}} {comment}".rstrip()


def _kind(field: FieldStructure) -> str:
    """The form's notation for the values that a field allows."""
    if field.choices:
        return f"value in {{{':'.join(field.choices)}}}"
    return "as {Float}" if float in field.types else "as {Integer}" if int in field.types else "as {String}"


def _one_line(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    for character, replacement in (("=", ":"), ("#", "no. "), ('"', "'"), ("\\", "/")):
        value = str(value).replace(character, replacement)
    return " ".join(value.split())
