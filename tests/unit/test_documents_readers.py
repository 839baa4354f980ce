"""Readers: text, places and pages of every kind of file, and a name for everything that cannot be read."""

import io
import random
import zipfile
from pathlib import Path

import docx
import pytest
from hwpx import HwpxDocument

from backend.documents.blocks import Block, ReadFile
from backend.documents.kinds import Kind, kind_of
from backend.documents.readers.pdf import picture_of
from backend.documents.readers.text import decode, read_csv, read_markdown
from backend.documents.reading import read_file
from backend.errors import (
    ArchiveTooLarge,
    DocumentDamaged,
    DocumentEmpty,
    DocumentEncrypted,
    DocumentTooLong,
    DocumentTypeUnknown,
    DocumentWithoutText,
    OldHwp,
    OldOffice,
    OndolError,
    UnknownPage,
)
from bench.pdf_writer import Bookmark, encrypted_pdf, pdf_of, pdf_of_pictures

KOREAN = "온돌은 방바닥을 데우는 난방이다. 아궁이에 불을 때면 구들장이 따뜻해진다."
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600


def _read(folder: Path, name: str, data: bytes) -> ReadFile:
    path = folder / "file"
    path.write_bytes(data)
    return read_file(path, name)


def _texts(found: ReadFile) -> list[tuple[tuple[str, ...], str]]:
    return [(block.path, block.text) for block in found.blocks]


# --- PDF -------------------------------------------------------------------------------------------------


def test_pdf_has_pages_and_headings(tmp_path: Path) -> None:
    marks = [Bookmark(0, "제1부", 1), Bookmark(1, "1. 들어가며", 1), Bookmark(1, "2. 구들", 2), Bookmark(0, "제2부", 3)]
    found = _read(tmp_path, "a.pdf", pdf_of([f"{KOREAN}\n하나.", f"{KOREAN}\n둘.", f"{KOREAN}\n셋."], marks))
    assert found.pages == 3
    assert [(block.page, block.path) for block in found.blocks] == [
        (1, ("제1부", "1. 들어가며")),
        (2, ("제1부", "2. 구들")),
        (3, ("제2부",)),
    ]
    assert KOREAN in found.blocks[0].text


def test_lines_of_a_pdf_become_sentences_again(tmp_path: Path) -> None:
    found = _read(tmp_path, "a.pdf", pdf_of(["온돌은 방바닥을\n데우는 난방이다.\n① 아궁이\n② 굴뚝\nhypo-\ncaust"]))
    assert found.blocks[0].text == "온돌은 방바닥을 데우는 난방이다.\n① 아궁이\n② 굴뚝 hypocaust"


def test_words_that_break_within_a_line_are_joined(tmp_path: Path) -> None:
    page = "\n".join(
        ["온돌은 방바닥을 ", "데우는 난방 장치로 ", "아궁이와 굴", "뚝을 잇고 ", "구들장을 깔아 ", "따뜻하게 한"] * 2
    )
    found = _read(tmp_path, "a.pdf", pdf_of([page]))
    assert "굴뚝을" in found.blocks[0].text
    assert "방바닥을 데우는" in found.blocks[0].text


def test_headers_and_page_numbers_are_left_out(tmp_path: Path) -> None:
    pages = [f"온돌 안내서\n{KOREAN} {'가나다라마바'[number]}\n- {number} -" for number in range(6)]
    found = _read(tmp_path, "a.pdf", pdf_of(pages))
    assert all("안내서" not in block.text and "- " not in block.text for block in found.blocks)
    assert [block.page for block in found.blocks] == [1, 2, 3, 4, 5, 6]


def test_a_statute_in_a_pdf_keeps_its_pages(tmp_path: Path) -> None:
    found = _read(tmp_path, "a.pdf", pdf_of(["제1조(가) 하나.\n제2조(나) ① 둘.", "② 둘의 둘.\n제3조(다) 셋."]))
    assert [(block.path[-1], block.page) for block in found.blocks] == [
        ("제1조", 1),
        ("제2조 제1항", 1),
        ("제2조 제2항", 2),
        ("제3조", 2),
    ]


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (pdf_of_pictures(3), DocumentWithoutText),
        (encrypted_pdf(), DocumentEncrypted),
        (pdf_of([KOREAN])[:600], DocumentDamaged),
        (b"%PDF-1.7\n", DocumentDamaged),
        (b"%PDF-1.7\n" + random.Random(1).randbytes(5000), DocumentDamaged),
        (b"not a pdf at all", DocumentDamaged),
        (b"", DocumentEmpty),
    ],
    ids=["pictures", "encrypted", "truncated", "header only", "noise", "other", "empty"],
)
def test_pdfs_that_cannot_be_read_are_named(tmp_path: Path, data: bytes, error: type[OndolError]) -> None:
    with pytest.raises(error):
        _read(tmp_path, "a.pdf", data)


def test_a_page_becomes_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf_of([KOREAN, KOREAN]))
    assert picture_of(path, 2).startswith(b"\x89PNG")
    for page in (0, 3):
        with pytest.raises(UnknownPage):
            picture_of(path, page)


# --- DOCX and HWPX ---------------------------------------------------------------------------------------


def test_docx_has_headings_and_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("난방의 역사", 0)
    document.add_heading("온돌", 1)
    document.add_paragraph(KOREAN)
    document.add_heading("구조", 2)
    table = document.add_table(rows=2, cols=2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ["부분", "역할", "아궁이", "불"], strict=True
    ):
        cell.text = text
    document.add_paragraph("끝.")
    file = io.BytesIO()
    document.save(file)
    found = _read(tmp_path, "a.docx", file.getvalue())
    assert found.title == "난방의 역사"
    assert _texts(found)[1:] == [
        (("온돌",), KOREAN),
        (("온돌", "구조"), "부분 | 역할"),
        (("온돌", "구조"), "아궁이 | 불"),
        (("온돌", "구조"), "끝."),
    ]


def test_hwpx_has_text_and_tables(tmp_path: Path) -> None:
    document = HwpxDocument.new()
    document.add_paragraph(KOREAN)
    table = document.add_table(2, 2)
    for row, cells in enumerate((("부분", "역할"), ("아궁이", "불"))):
        for column, text in enumerate(cells):
            table.set_cell_text(row, column, text)
    path = tmp_path / "made.hwpx"
    document.save_to_path(str(path))
    texts = [text for _, text in _texts(_read(tmp_path, "a.hwpx", path.read_bytes()))]
    assert KOREAN in texts
    assert texts[-2:] == ["부분 | 역할", "아궁이 | 불"]


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a.hwp", OLE, OldHwp),
        ("a.hwp", b"HWP Document File V3.00", OldHwp),
        ("a.hwpx", OLE, OldHwp),
        ("a.docx", OLE, OldOffice),
        ("a.doc", OLE, OldOffice),
        ("a.docx", b"PK\x03\x04" + b"\0" * 100, DocumentDamaged),
        ("a.hwpx", b"PK\x03\x04" + b"\0" * 100, DocumentDamaged),
        ("a.docx", b"text", DocumentDamaged),
        ("a.txt", b"PK\x03\x04" + b"\0" * 100, DocumentDamaged),
        ("a.exe", b"MZ\x90", DocumentTypeUnknown),
        ("a", b"text", DocumentTypeUnknown),
    ],
)
def test_kinds_that_are_not_read_are_named(tmp_path: Path, name: str, data: bytes, error: type[OndolError]) -> None:
    with pytest.raises(error):
        _read(tmp_path, name, data)


@pytest.mark.parametrize("name", ["a.docx", "a.hwpx"])
def test_office_files_that_are_bombs_or_no_documents(tmp_path: Path, name: str) -> None:
    for inside, error in (({"word/document.xml": b"0" * 30_000_000}, ArchiveTooLarge), ({"x": b"y"}, DocumentDamaged)):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for part, data in inside.items():
                archive.writestr(part, data)
        with pytest.raises((error, DocumentWithoutText)):
            _read(tmp_path, name, file.getvalue())


def test_an_encrypted_hwpx_is_named(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("META-INF/manifest.xml", "<m><encryption-data/></m>")
    with pytest.raises(DocumentEncrypted):
        _read(tmp_path, "a.hwpx", file.getvalue())


def test_a_pdf_without_its_ending_is_known() -> None:
    assert kind_of("scan", b"%PDF-1.4") is Kind.PDF


# --- text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "euc-kr", "utf-16", "utf-16-le"])
def test_korean_in_every_encoding(encoding: str) -> None:
    assert decode(KOREAN.encode(encoding)) == KOREAN


def test_other_encodings_are_told() -> None:
    japanese = "床暖房は部屋の床を温める仕組みです。冬の寒い日に使われます。" * 5
    assert decode(japanese.encode("shift_jis")) == japanese
    assert "Gemütlichkeit" in decode(("Die Gemütlichkeit der Häuser ist schön. " * 5).encode("latin-1"))


def test_lines_of_two_encodings() -> None:
    mixed = "첫 줄이다.\n".encode() + "둘째 줄이다.\n".encode("cp949") + "셋째 줄이다.".encode()
    assert decode(mixed) == "첫 줄이다.\n둘째 줄이다.\n셋째 줄이다."


def test_bytes_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(DocumentDamaged):
        _read(tmp_path, "a.txt", random.Random(2).randbytes(20_000))


def test_white_space_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(DocumentWithoutText):
        _read(tmp_path, "a.txt", b" \n\n\t--- \n")


def test_too_much_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.documents.blocks.MAX_CHARACTERS", 100)
    with pytest.raises(DocumentTooLong):
        _read(tmp_path, "a.txt", ("가" * 60 + "\n\n").encode() * 2)


def test_markdown_has_headings() -> None:
    text = "# 온돌\n\n첫 문단.\n\n## 구조 *안*\n\n아궁이\n이어짐\n\n```\n# 제목이 아니다\n```\n\n굴뚝\n===\n\n연기."
    found = read_markdown(text.encode())
    assert found.title == "온돌"
    assert found.blocks == [
        Block("첫 문단.", path=("온돌",)),
        Block("아궁이\n이어짐", path=("온돌", "구조 안")),
        Block("```\n# 제목이 아니다\n```", path=("온돌", "구조 안")),
        Block("연기.", path=("굴뚝",)),
    ]


def test_csv_rows_name_their_columns() -> None:
    rows = "".join(f"{number},난방 {number}\n" for number in range(1, 61))
    found = read_csv(f"번호,이름\n{rows}".encode("cp949"))
    assert found.blocks[0].text.startswith("번호: 1 | 이름: 난방 1\n번호: 2 | 이름: 난방 2")
    assert found.blocks[0].path[0].startswith("행 2–")
    read = [line for block in found.blocks for line in block.text.split("\n")]
    assert len(read) == 60


def test_csv_with_other_separators_and_quotes() -> None:
    assert read_csv('이름;뜻\n온돌;"바닥; 난방"\n'.encode()).blocks[0].text == "이름: 온돌 | 뜻: 바닥; 난방"
    assert read_csv(b"").blocks == []
    assert read_csv(b"1,2\n3,4\n").blocks[0].text == "1 | 2\n3 | 4"


# --- HTML ------------------------------------------------------------------------------------------------

ARTICLE = "".join(f"<p>{KOREAN} {number}번째 문단이며 온돌의 역사를 자세히 적었다.</p>" for number in range(8))


def test_html_is_read_without_menus_and_scripts(tmp_path: Path) -> None:
    page = (
        "<html><head><title>온돌 이야기</title><script>alert('나쁜 것')</script></head>"
        "<body><nav><a href='/'>차림표</a></nav>"
        f"<article><h1>온돌</h1>{ARTICLE}<h2>구조</h2>{ARTICLE}<img src='http://evil.test/x.png'></article></body></html>"
    )
    found = _read(tmp_path, "a.html", page.encode())
    text = "\n".join(block.text for block in found.blocks)
    assert found.title == "온돌 이야기"
    assert KOREAN in text
    assert "나쁜" not in text and "차림표" not in text and "evil" not in text
    assert any(block.path[-1:] == ("구조",) for block in found.blocks)


def test_html_in_cp949_that_is_a_list_is_read_whole(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td>부품 {number}</td><td>아궁이</td></tr>" for number in range(30))
    page = f"<html><head><meta charset='euc-kr'></head><body><h2>목록</h2><table>{rows}</table></body></html>"
    found = _read(tmp_path, "a.htm", page.encode("cp949"))
    assert "부품 29" in found.blocks[-1].text


@pytest.mark.parametrize(
    "page",
    [
        "<div>" * 50_000 + KOREAN,
        "<p>" + KOREAN + "<" * 10_000,
        f"<table>{'<tr><td>' * 5_000}{KOREAN}",
        f"<p>{KOREAN}</p>" + "<a href='javascript:x'>" * 20_000,
        f"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><p>{KOREAN} &a;</p>",
        f"<?xml version='1.0' encoding='utf-16'?><p>{KOREAN}</p>",
        f"<p>{KOREAN}\x00\x00</p><script>{'x' * 100_000}",
    ],
    ids=["deep", "brackets", "cells", "links", "entity", "encoding", "script"],
)
def test_hostile_html_is_read_or_named(tmp_path: Path, page: str) -> None:
    try:
        found = _read(tmp_path, "a.html", page.encode())
    except OndolError as error:
        assert isinstance(error, DocumentDamaged | DocumentWithoutText)
    else:
        assert not any("root:" in block.text for block in found.blocks)
