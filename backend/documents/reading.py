"""A file of any kind as blocks of text. Runs in a process of its own with limits (`backend.documents.child`)."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from backend.documents.blocks import ReadFile, limited
from backend.documents.kinds import HEAD_BYTES, Kind, kind_of
from backend.documents.statutes import is_statute, units
from backend.errors import DocumentDamaged, DocumentTypeUnknown, DocumentWithoutText

# Where each kind is read: `module:function`. Loaded for the file at hand only, because some bring much along.
_READERS_OF_PATHS = {
    Kind.PDF: "readers.pdf:read_pdf",
    Kind.DOCX: "readers.office:read_docx",
    Kind.HWPX: "readers.office:read_hwpx",
}
_READERS_OF_BYTES = {
    Kind.TEXT: "readers.text:read_text",
    Kind.MARKDOWN: "readers.text:read_markdown",
    Kind.CSV: "readers.text:read_csv",
    Kind.HTML: "readers.html:read_html",
    Kind.LAW_XML: "law_exports:read_law_xml",
    Kind.LAW_JSON: "law_exports:read_law_json",
}
_MAY_BE_STATUTES = frozenset({Kind.TEXT, Kind.MARKDOWN, Kind.HTML, Kind.PDF, Kind.DOCX, Kind.HWPX})


def read_file(path: Path, file_name: str) -> ReadFile:
    """The text of a file; of a Korean statute its law units.

    Raises:
        OndolError: one of the section `documents`; it says what is the matter with the file.
    """
    with path.open("rb") as file:
        kind = kind_of(file_name, file.read(HEAD_BYTES))
    if kind in _READERS_OF_PATHS:
        found: ReadFile = _loaded(_READERS_OF_PATHS[kind])(path)
    elif kind in _READERS_OF_BYTES:
        found = _loaded(_READERS_OF_BYTES[kind])(path.read_bytes())
    else:
        raise DocumentTypeUnknown
    try:
        blocks = list(limited(found.blocks))
    except RecursionError:
        raise DocumentDamaged from None
    if kind in _MAY_BE_STATUTES and is_statute(blocks):
        blocks = list(units(blocks))
    if not any(letter.isalnum() for block in blocks for letter in block.text):
        raise DocumentWithoutText
    return ReadFile(blocks, found.title, found.pages)


def _loaded(place: str) -> Callable[..., ReadFile]:
    module, _, function = place.partition(":")
    reader: Callable[..., ReadFile] = getattr(import_module(f"backend.documents.{module}"), function)
    return reader
