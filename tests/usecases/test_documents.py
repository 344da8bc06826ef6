"""A document that Word, WPS and LibreOffice open, with nothing in it that breaks its XML."""

import io
import zipfile
from xml.etree import ElementTree as ET

import pytest

from chalicelib.usecases.documents import Heading, Paragraph, Table, Title, to_docx

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
PARTS = (
    Title("关于投诉办理情况的答复"),
    Heading("一、客户诉求"),
    Paragraph("停电 <3> 次 & 电压低\n第二段"),
    Table(("工单", "受理时间"), (("2156", "11月23日"), ("", "—"))),
    Paragraph("清河县供电公司", side="right"),
)


def parsed(document):
    archive = zipfile.ZipFile(io.BytesIO(document))
    return {
        name: ET.fromstring(archive.read(name))  # noqa: S314 - made a line above
        for name in archive.namelist()
    }


def test_every_part_of_the_package_is_xml_and_named_by_its_content_types():
    files = parsed(to_docx(PARTS))

    named = {each.get("PartName", "").lstrip("/") for each in files["[Content_Types].xml"]} - {""}
    assert named <= files.keys()
    assert {"[Content_Types].xml", "_rels/.rels", "word/document.xml"} <= files.keys()


def test_what_was_said_stands_in_it_in_order_each_line_a_paragraph():
    document = parsed(to_docx(PARTS))["word/document.xml"]

    said = ["".join(p.itertext()) for p in document.iter(f"{W}p")]
    assert [text for text in said if text] == [
        "关于投诉办理情况的答复",
        "一、客户诉求",
        "停电 <3> 次 & 电压低",
        "第二段",
        *("工单", "受理时间", "2156", "11月23日", "—"),
        "清河县供电公司",
    ]
    assert len(list(document.iter(f"{W}tr"))) == 3


def test_the_same_document_is_the_same_bytes():
    assert to_docx(PARTS) == to_docx(list(PARTS))


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\x1f", "\ufffe", "\x7f", "]]>", "</w:t>"])
def test_whatever_a_customer_said_cannot_break_the_document(bad):
    document = parsed(to_docx([Paragraph(f"前{bad}后")]))["word/document.xml"]

    text = "".join(document.itertext())
    assert text.startswith("前")
    assert text.endswith("后")
