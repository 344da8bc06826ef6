"""Tables that people keep (表格): XLSX and CSV in, CSV and XLSX out.

CSV is UTF-8, with or without a mark, or GB 18030 (which contains GBK); nothing is guessed beyond
that: bytes that are neither are refused. What goes out cannot become a formula in somebody's
spreadsheet, and CSV carries the mark by which Excel on a Chinese Windows knows UTF-8.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from chalicelib.domain.refusal import BadInput

MOST_ROWS: Final = 20_000
MOST_LINES: Final = 2 * MOST_ROWS
"""Lines that are looked at, empty ones too: a sheet may be formatted far below its last row."""
MOST_COLUMNS: Final = 60
MOST_UNPACKED: Final = 100 * 1024 * 1024
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the start of a formula, full width included."""

_QUOTE: Final = "'"
_UNWRITABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML, and so a workbook, cannot hold: one of these makes a whole file unreadable."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was read. rows: (line in the file, from 1; cell texts by column)."""

    headers: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(filename: str, content: bytes, *, most_rows: int = MOST_ROWS) -> Sheet:
    """Read the first sheet of an XLSX, or a CSV. Empty lines are left out.

    Raises BadInput naming `file`: empty, not a table, an encoding that is neither, too large.
    """
    if not content:
        raise BadInput.of("file", "file.empty")
    is_xlsx = content[:4] == b"PK\x03\x04"
    if filename.lower().endswith((".xlsx", ".xlsm")) and not is_xlsx:
        raise BadInput.of("file", "file.not_a_table")
    header: tuple[str, ...] | None = None
    rows: list[tuple[int, tuple[str, ...]]] = []
    for number, raw in _xlsx(content) if is_xlsx else _csv(content):
        cells = _trimmed(raw)
        if not cells:
            continue
        if header is None:
            header = cells
            _check_header(header)
            continue
        if len(rows) >= most_rows:
            raise BadInput.of("file", "file.too_many_rows", most=most_rows)
        rows.append((number, cells))
    if header is None:
        raise BadInput.of("file", "file.empty")
    return Sheet(header, tuple(rows))


def _trimmed(raw: Sequence[str]) -> tuple[str, ...]:
    """Return the cells up to the last one that holds anything, as they were before `plain`."""
    cells = [_unquoted(cell.strip()) for cell in raw]
    while cells and not cells[-1]:
        cells.pop()
    return tuple(cells)


def _unquoted(cell: str) -> str:
    is_ours = cell.startswith(_QUOTE) and cell[1:].startswith(FORMULA)
    return cell[1:] if is_ours else cell


def _check_header(header: Sequence[str]) -> None:
    named = [cell for cell in header if cell]
    if len(named) != len(set(named)):
        raise BadInput.of("file", "file.double_column")
    if len(header) > MOST_COLUMNS:
        raise BadInput.of("file", "file.too_many_columns", most=MOST_COLUMNS)


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield (line on which the record begins, its cells)."""
    text = decoded(content)
    if "\x00" in text:
        raise BadInput.of("file", "file.not_a_table")
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        begins = reader.line_num + 1
        if begins > MOST_LINES:
            raise BadInput.of("file", "file.too_many_rows", most=MOST_ROWS)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput.of("file", "file.not_a_table", line=begins) from error
        yield begins, cells


def decoded(content: bytes, *, field: str = "file") -> str:
    """Return the text of UTF-8, with or without a mark, or GB 18030. Raises BadInput."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput.of(field, "file.encoding")


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, its cells) of the first sheet."""
    import openpyxl  # noqa: PLC0415 - 5 MB that only imports and exports need

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        is_small = unpacked <= MOST_UNPACKED
        rows = list(_rows_of(openpyxl, content)) if is_small else []
    except Exception as error:  # what openpyxl raises for a broken file has no common root
        raise BadInput.of("file", "file.not_a_table") from error
    if not is_small:
        raise BadInput.of("file", "file.too_large_unpacked")
    if len(rows) > MOST_LINES:
        raise BadInput.of("file", "file.too_many_rows", most=MOST_ROWS)
    yield from enumerate(rows, start=1)


def _rows_of(openpyxl: Any, content: bytes) -> Iterator[list[str]]:
    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    sheet = book.worksheets[0]
    for row in sheet.iter_rows(values_only=True, max_row=MOST_LINES + 1, max_col=MOST_COLUMNS + 1):
        yield [_cell(value) for value in row]


def _cell(value: Any) -> str:
    """Return a cell as people read it: whole numbers without a point, times in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        # Excel keeps days as floating-point numbers: 08:05 may come as 08:04:59.999999.
        whole = (value + timedelta(milliseconds=500)).replace(microsecond=0)
        return whole.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


# Out --------------------------------------------------------------------------------------------


def plain(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else _UNWRITABLE.sub("", str(value))
    return f"{_QUOTE}{text}" if text.startswith(FORMULA) else text


def to_csv(headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return CSV in UTF-8 with its mark, lines ended as RFC 4180 says."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([plain(cell) for cell in headers])
    writer.writerows([[plain(cell) for cell in row] for row in rows])
    return "\ufeff".encode() + out.getvalue().encode()


def to_xlsx(title: str, headers: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Return a workbook with one sheet; every cell is text, so none can be a formula."""
    import openpyxl  # noqa: PLC0415 - as above

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet(title[:31])
    sheet.append([plain(cell) for cell in headers])
    for row in rows:
        sheet.append([plain(cell) for cell in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
