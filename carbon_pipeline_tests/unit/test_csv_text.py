"""CSV that a spreadsheet opens."""

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from carbon_pipeline.common.csv_text import csv_text, write_csv


def written(value: Any) -> str:
    ((_, text),) = list(csv.reader(io.StringIO(csv_text(["first", "a"], [{"first": "", "a": value}]), newline="")))[1:]
    return text


SIGNS = ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"]


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
@pytest.mark.parametrize("before", ["", " ", "\t", "\n", "\xa0\u3000", "\x00", "\ufeff"], ids=ascii)
def test_no_cell_runs_as_a_formula_when_a_colleague_opens_the_file(before: str, sign: str) -> None:
    text = f"{before}{sign}cmd|' /C calc'!A0"
    assert written(text) == f"'{text}"
    assert written([text, "b"]) == f"'{text};b"
    assert csv_text([text], []).strip("\n").strip('"').startswith("'")


@pytest.mark.parametrize(
    "text", ["\tcmd", "\ncmd", "\t5", "-1_000", "-\u0661", "+nan", "-inf", "-1+1", "--1", "-", "=1"]
)
def test_what_only_looks_like_a_number_is_guarded(text: str) -> None:
    assert written(text) == f"'{text}"


def test_a_carriage_return_neither_hides_a_formula_nor_splits_a_row() -> None:
    assert written("\r=1") == "' =1"
    assert written("a\rb") == "a b"


def test_a_path_or_another_object_is_guarded_as_its_text() -> None:
    assert written(Path("=1")) == "'=1"
    assert written(datetime(2026, 1, 2, tzinfo=UTC)) == "2026-01-02 00:00:00+00:00"


@pytest.mark.parametrize("number", ["-5", "+5.", "-.5", "-1.5e-07", "+1E+3", -5, -1.5e-07, -77.03])
def test_a_negative_number_stays_a_number(number: Any) -> None:
    assert written(number) == str(number)


@pytest.mark.parametrize("text", ["a=b", "e-mail@example.org", "\u00cele-de-France", " blank", "", "'quoted'"])
def test_an_ordinary_text_is_written_as_it_is(text: str) -> None:
    assert written(text) == text


def test_rows_are_written_one_by_one_so_that_any_number_fits_into_memory() -> None:
    stream = io.StringIO()

    def rows() -> Iterator[dict[str, int]]:
        for number in range(3):
            assert stream.getvalue().count("\n") == number + 1, "the header and each row before are written already"
            yield {"a": number}

    write_csv(stream, ["a"], rows())
    assert stream.getvalue() == "a\n0\n1\n2\n"
