"""Tables that people keep (表格): XLSX and CSV in, CSV and XLSX out.

CSV is UTF-8, with or without a mark, or GB 18030 (which contains GBK); nothing is guessed beyond
that: bytes that are neither are refused. What goes out cannot become a formula in somebody's
spreadsheet, and CSV carries the mark by which Excel on a Chinese Windows knows UTF-8.
"""

import csv
import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from chalicelib.domain.refusal import BadInput

MOST_ROWS: Final = 100_000
MOST_COLUMNS: Final = 60
MOST_UNPACKED: Final = 100 * 1024 * 1024
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table as it was read. rows: (line in the file, from 1; cell texts by column)."""

    headers: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]


def read(filename: str, content: bytes) -> Sheet:
    """Read the first sheet of an XLSX, or a CSV. Empty lines are left out.

    Raises BadInput naming `file`: empty, not a table, an encoding that is neither, too large.
    """
    if not content:
        raise BadInput.of("file", "file.empty")
    is_xlsx = content[:4] == b"PK\x03\x04"
    if filename.lower().endswith((".xlsx", ".xlsm")) and not is_xlsx:
        raise BadInput.of("file", "file.not_a_table")
    lines = _xlsx(content) if is_xlsx else _csv(content)
    header: tuple[str, ...] | None = None
    rows: list[tuple[int, tuple[str, ...]]] = []
    for number, cells in lines:
        if not any(cells):
            continue
        if header is None:
            header = tuple(cells)
            _check_header(header)
            continue
        if len(rows) >= MOST_ROWS:
            raise BadInput.of("file", "file.too_many_rows", most=MOST_ROWS)
        rows.append((number, tuple(cells)))
    if header is None:
        raise BadInput.of("file", "file.empty")
    return Sheet(header, tuple(rows))


def _check_header(header: Sequence[str]) -> None:
    named = [cell for cell in header if cell]
    if len(named) != len(set(named)):
        raise BadInput.of("file", "file.double_column")
    if len(header) > MOST_COLUMNS:
        raise BadInput.of("file", "file.too_many_columns", most=MOST_COLUMNS)


def _csv(content: bytes) -> Iterator[tuple[int, list[str]]]:
    text = _decoded(content)
    if "\x00" in text:
        raise BadInput.of("file", "file.not_a_table")
    first = text.split("\n", 1)[0]
    delimiter = max(",\t;", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise BadInput.of("file", "file.not_a_table", line=reader.line_num) from error
        yield reader.line_num, [cell.strip() for cell in cells]


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise BadInput.of("file", "file.encoding")


def _xlsx(content: bytes) -> Iterator[tuple[int, list[str]]]:
    import openpyxl  # noqa: PLC0415 - 5 MB that only imports and exports need

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MOST_UNPACKED:
            raise BadInput.of("file", "file.too_large_unpacked")
        book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        rows = [
            (number, [_cell(value) for value in row])
            for number, row in zip(
                range(1, MOST_ROWS + 3), sheet.iter_rows(values_only=True), strict=False
            )
        ]
    except (zipfile.BadZipFile, KeyError, ValueError, IndexError, OSError, EOFError) as error:
        raise BadInput.of("file", "file.not_a_table") from error
    yield from rows


def _cell(value: Any) -> str:
    """Return a cell as people read it: whole numbers without a point, times in ISO form."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime | date | time):
        return value.isoformat(sep=" ") if isinstance(value, datetime) else value.isoformat()
    return str(value).strip()


# Out --------------------------------------------------------------------------------------------


def plain(value: Any) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


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
