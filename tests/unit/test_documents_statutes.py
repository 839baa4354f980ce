"""Statutes become law units with their place as title, from plain text and from both kinds of export."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.documents.blocks import Block
from backend.documents.law_exports import read_law_json, read_law_xml
from backend.documents.readers.text import read_text
from backend.documents.statutes import is_statute, units
from backend.errors import DocumentDamaged, DocumentTypeUnknown
from backend.settings import REPOSITORY

DATA = REPOSITORY / "data" / "documents"


def _units(text: str) -> dict[str, Block]:
    return {" > ".join(unit.path): unit for unit in units([Block(text)])}


def _plain(name: str) -> list[Block]:
    return list(units(read_text((DATA / name).read_bytes()).blocks))


def test_every_unit_has_its_place() -> None:
    places = [" > ".join(unit.path) for unit in _plain("공유자전거법.txt")]
    assert places == [
        "",
        "제1장 총칙 > 제1조",
        "제1장 총칙 > 제2조",
        "제1장 총칙 > 제2조 제1호",
        "제1장 총칙 > 제2조 제2호",
        "제1장 총칙 > 제2조 제3호",
        "제1장 총칙 > 제3조",
        "제2장 대여와 반납 > 제1절 대여 > 제4조 제1항",
        "제2장 대여와 반납 > 제1절 대여 > 제4조 제1항 제1호",
        "제2장 대여와 반납 > 제1절 대여 > 제4조 제1항 제2호",
        "제2장 대여와 반납 > 제1절 대여 > 제4조 제1항 제3호",
        "제2장 대여와 반납 > 제1절 대여 > 제4조 제2항",
        "제2장 대여와 반납 > 제1절 대여 > 제4조 제3항",
        "제2장 대여와 반납 > 제1절 대여 > 제4조의2",
        "제2장 대여와 반납 > 제1절 대여 > 제5조 제1항",
        "제2장 대여와 반납 > 제1절 대여 > 제5조 제2항",
        "제2장 대여와 반납 > 제2절 반납 > 제6조 제1항",
        "제2장 대여와 반납 > 제2절 반납 > 제6조 제2항",
        "제2장 대여와 반납 > 제2절 반납 > 제7조",
        "제3장 벌칙 > 제8조",
        "제3장 벌칙 > 제8조 제1호",
        "제3장 벌칙 > 제8조 제2호",
        "제3장 벌칙 > 제8조 제2호의2",
        "부칙 > 제1조",
        "부칙 > 제2조",
    ]


def test_an_item_brings_what_it_needs_to_be_understood() -> None:
    found = {" > ".join(unit.path): unit for unit in _plain("공유자전거법.txt")}
    item = found["제2장 대여와 반납 > 제1절 대여 > 제4조 제1항 제2호"]
    assert item.text == "2. 반납할 수 있는 거치소의 위치"
    assert item.lead.startswith("제4조(대여 계약) ① 운영자는")
    assert "나. 전동기가" in found["제1장 총칙 > 제2조 제1호"].text
    assert found["제2장 대여와 반납 > 제1절 대여 > 제4조 제3항"].lead == "제4조(대여 계약)"


def test_xml_and_json_exports_give_the_same_units() -> None:
    from_xml = read_law_xml((DATA / "마을도서관법.xml").read_bytes())
    from_json = read_law_json((DATA / "마을도서관법.json").read_bytes())
    assert from_xml.blocks == from_json.blocks
    assert from_xml.title == from_json.title == "마을 도서관 운영에 관한 법률"
    assert [" > ".join(block.path) for block in from_xml.blocks] == [
        "제1장 총칙 > 제1조",
        "제1장 총칙 > 제2조 제1항",
        "제1장 총칙 > 제2조 제1항 제1호",
        "제1장 총칙 > 제2조 제1항 제2호",
        "제1장 총칙 > 제2조 제2항",
        "제1장 총칙 > 제2조의2",
        "부칙 <제1호, 2026. 1. 5.>",
    ]


@pytest.mark.parametrize("data", [b"", b"<", b"<a>", b"\x00\x01"])
def test_broken_xml_is_damaged(data: bytes) -> None:
    with pytest.raises(DocumentDamaged):
        read_law_xml(data)


def test_other_xml_and_json_are_not_read() -> None:
    with pytest.raises(DocumentTypeUnknown):
        read_law_xml(b"<html><body/></html>")
    for data in (b"[]", b"{}", b'{"a": 1}', '{"법령": []}'.encode(), '{"법령": {"조문": 3}}'.encode()):
        with pytest.raises(DocumentTypeUnknown):
            read_law_json(data)


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "가나다"><!ENTITY c "&b;&b;">]><법령><조문><조문단위><조문내용>&c;</조문내용>'
    read = read_law_xml(f"{bomb}</조문단위></조문></법령>".encode())
    assert not any("가나다" in block.text for block in read.blocks)


def test_numbers_in_running_text_begin_nothing() -> None:
    found = _units(
        "제1조(가) 첫째.\n제2조(나) 이 경우에는\n제1조에 따라 처리하고\n제5조 및 제6조를 준용하며\n"
        "제3조(다)에 따른 자는 제외한다.\n제3조(다) 셋째."
    )
    assert list(found) == ["제1조", "제2조", "제3조"]
    assert "준용하며" in found["제2조"].text


def test_paragraphs_on_one_line_are_told_apart() -> None:
    found = _units("제1조(가) ① 하나이다. ② 둘이다. ③ 제1항과 ②에 따른다.\n제2조(나) x\n제3조(다) y")
    assert list(found) == ["제1조 제1항", "제1조 제2항", "제1조 제3항", "제2조", "제3조"]


def test_a_text_about_a_law_is_no_law() -> None:
    assert not is_statute([Block("제17조에 따라 동의를 받는다.\n제3조(정의)에 따른 자\n제4조(목적)를 본다.")])
    assert is_statute(read_text((DATA / "공유자전거법.txt").read_bytes()).blocks)


def test_pages_are_kept() -> None:
    found = list(units([Block("제1조(가) 하나", 1), Block("이어짐\n제2조(나) 둘", 2), Block("제3조(다) 셋", 3)]))
    assert [(unit.path[-1], unit.page) for unit in found] == [("제1조", 1), ("제2조", 2), ("제3조", 3)]


def test_chapters_that_are_headings_of_the_document_come_once() -> None:
    found = list(units([Block("제1조(가) 하나", path=("제1장 총칙",)), Block("제2조(나) 둘", path=("제1장 총칙",))]))
    assert [unit.path for unit in found] == [("제1장 총칙", "제1조"), ("제1장 총칙", "제2조")]


_LINES = st.lists(
    st.sampled_from(
        [
            "제1장 총칙",
            "제1조(가) 글",
            "제2조(나) ① 글",
            "② 글",
            "1. 글",
            "2. 글",
            "가. 글",
            "나. 글",
            "글",
            "부칙",
            "제3조",
        ]
    )
    | st.text(alphabet="가①1.제조항 (\n", max_size=20),
    max_size=30,
)


@given(_LINES)
@settings(max_examples=150, deadline=None)
def test_nothing_is_lost_and_the_order_is_kept(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = list(units([Block(text)]))
    read = "".join("".join(unit.text.split()) for unit in found)
    headings = {"".join(line.split()) for line in lines if line.startswith(("제1장", "부칙"))}
    wanted = "".join("".join(line.split()) for line in text.split("\n"))
    for heading in headings:
        wanted = wanted.replace(heading, "")
        read = read.replace(heading, "")
    if not any(line.strip().startswith(("제", "부", "[")) for line in text.split("\n") if line not in lines):
        assert read == wanted
    assert all(unit.text for unit in found)
