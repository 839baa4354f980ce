"""All style sheets are one in the page: a class that one place styles must not be another place's as well."""

import re
from collections.abc import Iterator

import pytest

from backend.settings import REPOSITORY

SHEETS = {path.name: path.read_text() for path in sorted((REPOSITORY / "ui" / "styles").glob("*.css"))}
SHARED = "ondol.css"
OF_ALL = {"dark", "console"}  # of Gradio; and of the pod place, where the engines have a card


def _selectors(sheet: str) -> Iterator[str]:
    rules = re.sub(r"/\*.*?\*/", "", SHEETS[sheet], flags=re.S)
    for found in re.findall(r"([^{}]+)\{", rules):
        yield from map(str.strip, found.split(","))


def _bare(sheet: str) -> set[str]:
    """Classes that a rule is about wherever they stand."""
    found = (re.fullmatch(r"\.([a-z][\w-]*)", selector) for selector in _selectors(sheet))
    return {match[1] for match in found if match} - OF_ALL


def _used(sheet: str) -> set[str]:
    return set(re.findall(r"\.([a-z][\w-]*)", " ".join(_selectors(sheet))))


@pytest.mark.parametrize("sheet", sorted(SHEETS.keys() - {SHARED}))
def test_classes_belong_to_one_place(sheet: str) -> None:
    for other in SHEETS.keys() - {sheet}:
        assert not _bare(sheet) & _used(other), f"{sheet} and {other}"
