"""Tables come in as people keep them, and go out so that no spreadsheet runs them."""

import io
import zipfile
from datetime import date, datetime
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.styles import Font

from chalicelib.domain.refusal import BadInput
from chalicelib.usecases import sheets
from tests.usecases.tables import workbook

HEADERS = ["户号", "电话"]


def refused(filename, content, **more: int):
    with pytest.raises(BadInput) as caught:
        sheets.read(filename, content, **more)
    (error,) = caught.value.errors
    assert error.field == "file"
    return error.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_csv_is_read_in_each_encoding_that_a_county_has(encoding):
    sheet = sheets.read("户.csv", "户号,电话\r\n1300,１３８００１３８０００\r\n".encode(encoding))
    assert sheet.headers == ("户号", "电话")
    assert sheet.rows == ((2, ("1300", "１３８００１３８０００")),)


def test_bytes_that_are_neither_utf8_nor_gbk_are_refused():
    assert refused("a.csv", b"\xff\xff\x00\x81,") == "file.encoding"


@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_the_delimiter_is_that_of_the_first_line(delimiter):
    sheet = sheets.read("a.csv", f"a{delimiter}b\n1{delimiter}2\n".encode())
    assert sheet.rows == ((2, ("1", "2")),)


def test_a_line_is_where_its_record_begins_though_a_cell_holds_line_ends():
    sheet = sheets.read("a.csv", b'a,b\n"x\ny\nz",1\n\nw,2\n')
    assert [line for line, _ in sheet.rows] == [2, 6]


def test_dates_of_excel_come_as_times_to_the_second():
    almost = datetime(2026, 3, 1, 8, 4, 59, 999_999)  # noqa: DTZ001 - Excel knows no zones
    content = workbook(["时间", "日", "数"], [almost, date(2026, 3, 2), 13800138000.0])
    sheet = sheets.read("a.xlsx", content)
    assert sheet.rows == ((2, ("2026-03-01 08:05:00", "2026-03-02 00:00:00", "13800138000")),)


def test_rows_are_numbered_as_the_sheet_numbers_them():
    content = workbook(["a"], [None], ["x"], [None], ["y"])
    assert sheets.read("a.xlsx", content).rows == ((3, ("x",)), (5, ("y",)))


def test_columns_that_are_formatted_but_empty_do_not_count():
    book = openpyxl.Workbook()
    sheet: Any = book.active
    sheet.append(["a", "b"])
    sheet.append(["1", "2"])
    sheet.cell(row=1, column=200).font = Font(bold=True)
    out = io.BytesIO()
    book.save(out)
    assert sheets.read("a.xlsx", out.getvalue()).headers == ("a", "b")


@pytest.mark.parametrize(
    ("filename", "content", "code"),
    [
        ("a.csv", b"", "file.empty"),
        ("a.csv", b"\n\n  \n", "file.empty"),
        ("a.csv", b"a,b\n1\x002,3\n", "file.not_a_table"),
        ("a.xlsx", b"a,b\n1,2\n", "file.not_a_table"),
        ("a.xlsx", b"PK\x03\x04 and then nothing", "file.not_a_table"),
        ("a.csv", b"a,a\n1,2\n", "file.double_column"),
        ("a.csv", ",".join(f"c{n}" for n in range(61)).encode(), "file.too_many_columns"),
        ("a.csv", b"a\n" + b'"' + b"x" * 140_000, "file.not_a_table"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(filename, content, code):
    assert refused(filename, content) == code


def test_a_zip_that_is_no_workbook_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert refused("a.xlsx", out.getvalue()) == "file.not_a_table"


def test_a_workbook_with_broken_xml_is_refused():
    whole = workbook(["a"], ["1"])
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            broken = name.startswith("xl/worksheets/")
            new.writestr(name, b"<worksheet><sheetData><row" if broken else old.read(name))
    assert refused("a.xlsx", out.getvalue()) == "file.not_a_table"


def test_a_workbook_that_unpacks_to_too_much_is_refused():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (sheets.MOST_UNPACKED + 1))
    assert refused("a.xlsx", out.getvalue()) == "file.too_large_unpacked"


def test_more_rows_than_agreed_are_refused_not_cut_off():
    assert refused("a.csv", b"a\n1\n2\n3\n", most_rows=2) == "file.too_many_rows"
    assert len(sheets.read("a.csv", b"a\n1\n2\n", most_rows=2).rows) == 2


def test_a_sheet_that_goes_on_below_empty_lines_is_refused_not_cut_off():
    content = b"a\n1\n" + b"\n" * sheets.MOST_LINES + b"2\n"
    assert refused("a.csv", content) == "file.too_many_rows"


@pytest.mark.parametrize("cell", ["=1+1", "+86 138", "-1", "@x", "\t=1", "＝1", "\r=1"])
def test_no_cell_that_goes_out_is_a_formula(cell):
    assert sheets.plain(cell) == f"'{cell}"


@pytest.mark.parametrize("character", ["\x07", "\ufffe", "\uffff", "\ud800"])
def test_what_xlsx_cannot_hold_is_left_out(character):
    for content in (
        sheets.to_csv(["a"], [[f"x{character}y"]]),
        sheets.to_xlsx("单", ["a"], [[f"x{character}y"]]),
    ):
        assert sheets.read("", content).rows == ((2, ("xy",)),)


cells = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufeff\ufffe\uffff'"),
    max_size=12,
).map(str.strip)


@settings(max_examples=40)
@given(st.lists(st.tuples(cells.filter(bool), cells), max_size=5))
def test_what_was_exported_reads_back_as_it_was(rows):
    expected = [(first, second) if second else (first,) for first, second in rows]
    for content in (sheets.to_csv(HEADERS, rows), sheets.to_xlsx("单", HEADERS, rows)):
        found = sheets.read("", content)
        assert [cells for _, cells in found.rows] == expected
