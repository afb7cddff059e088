"""A report as the text form of BoAmps' bash tool (`form2json.sh`), filled in, so that people can go on from there.

That tool finds a value by the number of its line, between the last `=` before it and the last `#` behind it. So each
field has its line whether it is filled or not, and a value holds neither of the two signs, nor what would have to be
escaped in JSON: the tool writes it there as it is.
"""

from collections.abc import Iterator
from typing import Any, get_args

from carbon_pipeline.boamps.model import Part, Report

COMMENT_COLUMN = 100

ONE_EACH = {"nbDatasetShape": "shapes of a dataset", "datasetInferenceProperties": "inference properties of a dataset"}
"""Lists that older versions of the datamodel had; the tool still asks for their lengths."""

WITHOUT_QUOTES = {"measurementDateTime"}
"""Texts that the tool takes for numbers, and writes into its JSON as they stand in the form."""


def form(report: Report) -> str:
    """The form of a report.

    Args:
        report: the report.

    Returns:
        The text.
    """
    says = report.model_dump(by_alias=True, exclude_none=True)
    return "\n".join([*_config(report), *_lines(Report, says, depth=0), ""])


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


def _lines(part: type[Part], says: dict[str, Any], depth: int) -> Iterator[str]:
    for field in part.model_fields.values():
        name, need = str(field.alias), "MANDATORY" if field.is_required() else "OPTIONAL"
        inner, is_list = _inner(field.annotation)
        value = says.get(name)
        if inner is None:
            filled = "" if value is None else _one_line(value)
            if name in WITHOUT_QUOTES and filled:
                filled = f'"{filled}"'
            kind = f"{need} {_kind(field.annotation)}"
            line = f"{name}={filled}" if part is Report else f" ├{name}={filled}"
            yield _line(depth, line, f"#{kind} : {field.description}")
        elif is_list:
            for number, item in enumerate(value or [{}], start=1):
                yield _line(depth, f" ├({name}.{number})", f"#{need} : {field.description}")
                yield from _lines(inner, item, depth + 1)
                yield _line(depth + 1, " └", "")
        else:
            yield _line(depth + (part is not Report), f"[{name}]", f"#{need} : {field.description}")
            yield from _lines(inner, value or {}, depth + (part is not Report))
            yield _line(depth + (part is not Report), " └", "")


def _line(depth: int, text: str, comment: str) -> str:
    return f"{' |  ' * depth + text:<{COMMENT_COLUMN}} {comment}".rstrip()


def _inner(annotation: Any) -> tuple[type[Part] | None, bool]:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, Part):
            return kind, getattr(annotation, "__origin__", None) is list
    return None, False


def _kind(annotation: Any) -> str:
    """How the form says what may stand in a field."""
    kinds = list(_all(annotation))
    choices = [kind for kind in kinds if isinstance(kind, str)]
    if choices:
        return f"value in {{{':'.join(choices)}}}"
    return "as {Float}" if float in kinds else "as {Integer}" if int in kinds else "as {String}"


def _all(annotation: Any) -> Iterator[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _all(part)


def _one_line(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    for sign, instead in (("=", ":"), ("#", "no. "), ('"', "'"), ("\\", "/")):
        value = str(value).replace(sign, instead)
    return " ".join(value.split())
