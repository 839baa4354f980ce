"""What a reader makes of a file: pieces of text with their place in it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from backend.errors import DocumentTooLong

MAX_CHARACTERS = 10_000_000  # about 6,000 pages; more is no document but a corpus
PATH_SEPARATOR = " > "


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of text that stands together: a paragraph, a table row, an item of a law.

    Attributes:
        text: without leading and trailing white space.
        page: 1-based, None where the kind of file has no pages.
        path: headings above it, the outermost first.
        lead: what the reader of this piece alone needs to know; repeated in every passage made of it.
        is_unit: never joined with its neighbours into one passage.
    """

    text: str
    page: int | None = None
    path: tuple[str, ...] = ()
    lead: str = ""
    is_unit: bool = False


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file as text. `title` is empty where the file has none of its own; `pages` is None where it has no pages."""

    blocks: list[Block]
    title: str = ""
    pages: int | None = None


class Headings:
    """The headings above the current place, kept while a file is read from top to bottom."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []

    def enter(self, level: int, title: str) -> None:
        """A heading of this level; those of its level and deeper ones end."""
        self._open = [(above, name) for above, name in self._open if above < level]
        if title := " ".join(title.split()):
            self._open.append((level, title))

    @property
    def path(self) -> tuple[str, ...]:
        return tuple(title for _, title in self._open)


def limited(blocks: Iterable[Block]) -> Iterator[Block]:
    """The blocks that have text. Raises DocumentTooLong as soon as there are more than `MAX_CHARACTERS` of it."""
    total = 0
    for block in blocks:
        if not block.text:
            continue
        total += len(block.text)
        if total > MAX_CHARACTERS:
            raise DocumentTooLong(limit=MAX_CHARACTERS)
        yield block
