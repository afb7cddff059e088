"""Structure of the datamodel: the fields of each part of a report, their types and nested parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from carbon_pipeline.boamps.model import Part


@dataclass(frozen=True)
class FieldStructure:
    """One field of a part of a report.

    Attributes:
        name: name of the field in a report, in camelCase.
        part: type of the nested part, or of the items of a list of parts; None for a plain value.
        is_list: whether the field is a list.
        types: the types of a plain value, and the values of an enumeration.
        info: pydantic's description of the field, with its text and whether it is required.
    """

    name: str
    part: type[Part] | None
    is_list: bool
    types: tuple[Any, ...]
    info: FieldInfo

    @property
    def choices(self) -> list[str]:
        """Values that an enumeration allows; empty for any other field."""
        return [found for found in self.types if isinstance(found, str)]

    def validate(self, value: Any) -> None:
        """Check a value against the type and the bounds of the field.

        Raises:
            ValidationError: the field does not allow the value.
        """
        annotation: Any = self.info.annotation
        TypeAdapter(Annotated[annotation, *self.info.metadata] if self.info.metadata else annotation).validate_python(
            value
        )


@cache
def fields_of(part: type[Part]) -> dict[str, FieldStructure]:
    """The fields of a part, in the order of the datamodel."""
    return {str(info.alias): _structure(str(info.alias), info) for info in part.model_fields.values()}


def _structure(name: str, info: FieldInfo) -> FieldStructure:
    types = tuple(_types(info.annotation))
    part = next((found for found in types if isinstance(found, type) and issubclass(found, Part)), None)
    return FieldStructure(name, part, any(get_origin(found) is list for found in types), types, info)


def _types(annotation: Any) -> Iterator[Any]:
    """Iterate over all types in an annotation and the values of its literals."""
    yield annotation
    for inner in get_args(annotation):
        yield from _types(inner)
