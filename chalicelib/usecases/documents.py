"""Documents that people go on writing (公文稿): .docx, made with what Python has.

python-docx would bring lxml, which does not fit the package. A document here is a title, headings,
paragraphs and tables, in the fonts in which a Chinese office writes; Word, WPS and LibreOffice open
it. The same document is the same bytes: nothing in it says when it was made.
"""

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final
from xml.sax.saxutils import escape

_W: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_CONTENT: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml"
_OLDEST: Final = (1980, 1, 1, 0, 0, 0)
"""What a ZIP says of a file without a date."""
TEXT_FONT: Final = "仿宋"
TITLE_FONT: Final = "宋体"
HEADING_FONT: Final = "黑体"
TITLE_SIZE, TEXT_SIZE, CELL_SIZE = 44, 32, 21
"""Half points: 二号, 三号, 五号, as the standard of official documents has them (GB/T 9704)."""


@dataclass(frozen=True, slots=True)
class Title:
    """The title, in the middle."""

    text: str


@dataclass(frozen=True, slots=True)
class Heading:
    """The heading of a part."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph. Line feeds begin new ones. side: where it stands: `left`, `right`."""

    text: str
    side: str = "left"


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a heading row."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]


Part = Title | Heading | Paragraph | Table


def to_docx(parts: Iterable[Part], *, language: str = "zh") -> bytes:
    """Return a document. Characters that XML cannot hold are left out."""
    body = "".join(_part(part) for part in parts)
    page = (
        '<w:sectPr><w:pgSz w:w="11906" w:h="16838"/>'
        '<w:pgMar w:top="2098" w:right="1474" w:bottom="1984" w:left="1587" '
        'w:header="851" w:footer="992" w:gutter="0"/></w:sectPr>'
    )
    document = (
        f'{_DECLARATION}<w:document xmlns:w="{_W}"><w:body>{body}{page}</w:body></w:document>'
    )
    files = {
        "[Content_Types].xml": _CONTENT_TYPES,
        "_rels/.rels": _RELATIONS,
        "word/document.xml": document,
        "word/styles.xml": _styles(language),
        "word/_rels/document.xml.rels": _DOCUMENT_RELATIONS,
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name, _OLDEST), text.encode())
    return out.getvalue()


def _part(part: Part) -> str:
    match part:
        case Title():
            return _paragraph(part.text, style="Title")
        case Heading():
            return _paragraph(part.text, style="Heading1")
        case Paragraph():
            side = f'<w:jc w:val="{part.side}"/>' if part.side != "left" else ""
            indent = '<w:ind w:firstLineChars="200" w:firstLine="640"/>' if not side else ""
            return "".join(
                _paragraph(line, properties=f"{indent}{side}") for line in part.text.split("\n")
            )
        case Table():
            return _table(part)


def _table(table: Table) -> str:
    edges = "".join(
        f'<w:{edge} w:val="single" w:sz="4" w:space="0" w:color="auto"/>'
        for edge in ("top", "left", "bottom", "right", "insideH", "insideV")
    )
    columns = "<w:gridCol/>" * len(table.headers)
    header = _row(table.headers, "<w:trPr><w:tblHeader/></w:trPr>")
    rows = "".join(_row(row) for row in table.rows)
    return (
        f'<w:tbl><w:tblPr><w:tblW w:w="5000" w:type="pct"/><w:tblBorders>{edges}</w:tblBorders>'
        f"</w:tblPr><w:tblGrid>{columns}</w:tblGrid>{header}{rows}</w:tbl>{_paragraph('')}"
    )


def _row(cells: Sequence[str], properties: str = "") -> str:
    inner = "".join(f"<w:tc>{_paragraph(cell, style='Cell')}</w:tc>" for cell in cells)
    return f"<w:tr>{properties}{inner}</w:tr>"


def _paragraph(text: str, *, style: str = "", properties: str = "") -> str:
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    about = f"<w:pPr>{named}{properties}</w:pPr>" if named or properties else ""
    run = f'<w:r><w:t xml:space="preserve">{escape(_writable(text))}</w:t></w:r>' if text else ""
    return f"<w:p>{about}{run}</w:p>"


def _writable(text: str) -> str:
    """Return the text without what XML 1.0 has no way to write."""
    return "".join(ch for ch in text if ch >= " " and ch not in "\ufffe\uffff\x7f")


def _styles(language: str) -> str:
    spoken = "zh-CN" if language == "zh" else "en-GB"

    def run(font: str, size: int, *, bold: bool = False) -> str:
        weight = "<w:b/>" if bold else ""
        return (
            f'<w:rPr><w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" '
            f'w:eastAsia="{font}"/>{weight}<w:sz w:val="{size}"/><w:szCs w:val="{size}"/>'
            f'<w:lang w:val="en-GB" w:eastAsia="{spoken}"/></w:rPr>'
        )

    def style(name: str, about: str, runs: str, *, default: bool = False) -> str:
        flag = ' w:default="1"' if default else ""
        based = "" if default else '<w:basedOn w:val="Normal"/>'
        return (
            f'<w:style w:type="paragraph"{flag} w:styleId="{name}"><w:name w:val="{name}"/>'
            f"{based}<w:qFormat/><w:pPr>{about}</w:pPr>{runs}</w:style>"
        )

    spaced = '<w:spacing w:before="240" w:after="360"/><w:jc w:val="center"/>'
    return (
        f'{_DECLARATION}<w:styles xmlns:w="{_W}">'
        + style("Normal", "", run(TEXT_FONT, TEXT_SIZE), default=True)
        + style("Title", spaced, run(TITLE_FONT, TITLE_SIZE, bold=True))
        + style("Heading1", '<w:outlineLvl w:val="0"/>', run(HEADING_FONT, TEXT_SIZE))
        + style("Cell", "", run(TEXT_FONT, CELL_SIZE))
        + "</w:styles>"
    )


_CONTENT_TYPES: Final = (
    f'{_DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/word/document.xml" ContentType="{_CONTENT}.document.main+xml"/>'
    f'<Override PartName="/word/styles.xml" ContentType="{_CONTENT}.styles+xml"/></Types>'
)
_RELATIONS: Final = (
    f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/officeDocument" Target="word/document.xml"/></Relationships>'
)
_DOCUMENT_RELATIONS: Final = (
    f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{_OFFICE}/styles" Target="styles.xml"/></Relationships>'
)
