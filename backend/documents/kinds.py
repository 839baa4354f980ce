"""Which kind of file it is: by the ending of its name, confirmed by its first bytes."""

from enum import StrEnum
from pathlib import PurePosixPath

from backend.errors import DocumentDamaged, DocumentEmpty, DocumentTypeUnknown, OldHwp, OldOffice

HEAD_BYTES = 4096
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # container of old HWP, old Office, and Office files with a password
_HWP3 = b"HWP Document File V3"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class Kind(StrEnum):
    """A kind of file that is read; its value is its media type."""

    PDF = "application/pdf"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    HWPX = "application/hwp+zip"
    TEXT = "text/plain"
    MARKDOWN = "text/markdown"
    HTML = "text/html"
    CSV = "text/csv"
    LAW_XML = "application/xml"
    LAW_JSON = "application/json"
    ZIP = "application/zip"


ENDINGS = {
    ".pdf": Kind.PDF,
    ".docx": Kind.DOCX,
    ".hwpx": Kind.HWPX,
    ".txt": Kind.TEXT,
    ".text": Kind.TEXT,
    ".md": Kind.MARKDOWN,
    ".markdown": Kind.MARKDOWN,
    ".html": Kind.HTML,
    ".htm": Kind.HTML,
    ".xhtml": Kind.HTML,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".xml": Kind.LAW_XML,
    ".json": Kind.LAW_JSON,
    ".zip": Kind.ZIP,
}


def kind_of(file_name: str, head: bytes) -> Kind:
    """The kind of a file.

    Args:
        file_name: with its ending.
        head: its first `HEAD_BYTES` bytes.

    Raises:
        DocumentEmpty: it has no bytes.
        DocumentTypeUnknown: its kind is not read.
        OldHwp, OldOffice: a kind that has to be converted first.
        DocumentDamaged: its bytes are not what its name says.
    """
    if not head:
        raise DocumentEmpty
    ending = PurePosixPath(file_name).suffix.lower()
    if head.startswith(_HWP3) or (head.startswith(_OLE) and ending in {".hwp", ".hwpx", ".hwt"}) or ending == ".hwp":
        raise OldHwp
    if head.startswith(_OLE) and ending in {".doc", ".docx", ".dot"}:
        raise OldOffice
    kind = ENDINGS.get(ending)
    if kind is None:
        if b"%PDF-" in head[:1024]:
            return Kind.PDF
        raise DocumentTypeUnknown
    is_zip = head.startswith(_ZIP)
    if kind in {Kind.DOCX, Kind.HWPX, Kind.ZIP} and not is_zip:
        raise DocumentDamaged
    if kind is Kind.PDF and b"%PDF-" not in head[:1024]:
        raise DocumentDamaged
    if kind not in {Kind.DOCX, Kind.HWPX, Kind.ZIP} and is_zip:
        raise DocumentDamaged
    return kind
