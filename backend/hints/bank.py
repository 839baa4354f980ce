"""The problems that learners choose from: a file, and sets that admins import on top of it.

A problem can be used as soon as it is read. Whether its references pass their own cases is found out in the background;
what fails is taken out and listed. A bank that cannot be read is an empty one with the reason in `rejected`.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import delete, select

from backend.errors import (
    InvalidRequest,
    OndolError,
    ProblemFileTooLarge,
    ProblemFileUnusable,
    Text,
    UnknownProblem,
    UnknownProblemSet,
)
from backend.hints.bank_contents import Contents, Layer, read_file
from backend.hints.problem_files import MAX_FILE_BYTES, read_problems, write_problems
from backend.hints.problems import LanguageName, Problem
from backend.hints.reference_checks import ReferenceChecks
from backend.hints.rejections import Rejected
from backend.hints.sandbox import Judge, Verdict
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import HintAttempt, ProblemSet

_MAX_NAME = 80
log = structlog.get_logger()

_Version = tuple[int, int, tuple[int, ...]]


class Mode(StrEnum):
    """What an imported set does with what is there: lies on top of it, or takes its place."""

    ADD = "add"
    REPLACE = "replace"


@dataclass(frozen=True)
class Summary:
    """A problem in a list. `checked`: its references are known to pass their own cases. `source`: file or set."""

    problem_id: int
    title: str
    level: int
    tags: tuple[str, ...]
    source: str
    checked: bool
    solved: bool


@dataclass(frozen=True)
class SetInfo:
    """An imported set, the oldest first in a list of them."""

    id: UUID
    name: str
    mode: Mode
    problems: int


@dataclass(frozen=True)
class ImportReport:
    """What an import did: ids that are new, ids whose problem it took the place of, and what it could not use."""

    set_id: UUID
    name: str
    mode: Mode
    added: tuple[int, ...]
    replaced: tuple[int, ...]
    rejected: tuple[Rejected, ...]


class ProblemBank:
    """All problems of the house.

    Args:
        database: holds imported sets and verdicts on references.
        settings: names the file.
        judge: runs references.
    """

    def __init__(self, database: Database, settings: Settings, judge: Judge) -> None:
        self._database = database
        self._path = settings.problems_path
        self._checks = ReferenceChecks(database, judge)
        self._contents = Contents(())
        self._version: _Version | None = None
        self._loading = asyncio.Lock()
        self._checking: asyncio.Task[None] | None = None
        self._is_started = False

    async def start(self) -> None:
        """Reads the bank and begins to check references in the background, now and whenever the bank changes."""
        self._is_started = True
        await self._current()

    async def close(self) -> None:
        """Ends what runs in the background."""
        self._is_started = False
        if self._checking is not None:
            self._checking.cancel()
            await asyncio.gather(self._checking, return_exceptions=True)

    async def list(
        self,
        user_id: UUID,
        *,
        search: str = "",
        level: int | None = None,
        tag: str = "",
        solved: bool | None = None,
        language: LanguageName = "ko",
    ) -> Sequence[Summary]:
        """Problems by level and id, those that fit all of the given.

        Args:
            search: words that all occur in title, texts or tags, in any language the problem has.
            tag: one of the tags, in any language.
            solved: whether the person has passed all cases once.
            language: of titles and tags, where the problem has it.
        """
        contents = await self._current()
        done = await self._solved_by(user_id)
        found = contents.find(search, level, tag)
        return [
            Summary(
                problem_id=problem.problem_id,
                title=problem.in_language(language).title,
                level=problem.level,
                tags=problem.in_language(language).tags,
                source=contents.source(problem.problem_id),
                checked=contents.is_checked(problem),
                solved=problem.problem_id in done,
            )
            for problem in found
            if solved is None or (problem.problem_id in done) is solved
        ]

    async def get(self, problem_id: int) -> Problem:
        """One problem with the solutions that are not known to fail. Raises UnknownProblem."""
        found = (await self._current()).problems.get(problem_id)
        if found is None:
            raise UnknownProblem
        return found

    async def tags(self, language: LanguageName = "ko") -> Sequence[str]:
        """All tags, sorted."""
        contents = await self._current()
        return sorted({tag for problem in contents.problems.values() for tag in problem.in_language(language).tags})

    async def rejected(self) -> Sequence[Rejected]:
        """What is left out, by source and place, with the reason."""
        return (await self._current()).rejected

    async def sets(self) -> Sequence[SetInfo]:
        """What was imported, in the order in which it lies upon each other."""
        async with self._database.session() as session:
            rows = await session.execute(
                select(ProblemSet.id, ProblemSet.name, ProblemSet.mode, ProblemSet.payload).order_by(ProblemSet.number)
            )
            found = rows.all()
        sizes = [len((await asyncio.to_thread(read_problems, row.payload)).problems) for row in found]
        return [SetInfo(row.id, row.name, Mode(row.mode), size) for row, size in zip(found, sizes, strict=True)]

    async def import_set(self, raw: bytes, name: str, mode: Mode, user_id: UUID) -> ImportReport:
        """Puts a set of problems on top; a problem of an id that is there takes its place.

        Raises:
            ProblemFileTooLarge: more than `MAX_FILE_BYTES`.
            ProblemFileUnusable: not one problem in it can be used; nothing was changed.
            InvalidRequest: the name is empty or too long.
        """
        name = _usable(name)
        if len(raw) > MAX_FILE_BYTES:
            raise ProblemFileTooLarge(limit=MAX_FILE_BYTES)
        reading = await asyncio.to_thread(read_problems, raw)
        if not reading.problems:
            reason = (
                reading.rejected[0].why if reading.rejected else Text("목록이 비어 있습니다.", "The list is empty.")
            )
            raise ProblemFileUnusable(reason=reason)
        before = await self._current()
        new = ProblemSet(name=name, mode=mode, payload=raw, imported_by=user_id)
        async with self._database.session() as session:
            session.add(new)
            await session.flush()
        await self._current()
        ids = [problem.problem_id for problem in reading.problems]
        return ImportReport(
            set_id=new.id,
            name=name,
            mode=mode,
            added=tuple(each for each in ids if not before.has_read(each)),
            replaced=tuple(each for each in ids if before.has_read(each)),
            rejected=tuple(replace(each, source=name) for each in reading.rejected),
        )

    async def remove_set(self, set_id: UUID) -> None:
        """Takes an import back; what it lay upon is there again. Raises UnknownProblemSet."""
        async with self._database.session() as session:
            gone = await session.scalar(delete(ProblemSet).where(ProblemSet.id == set_id).returning(ProblemSet.id))
        if gone is None:
            raise UnknownProblemSet
        await self._current()

    async def export(self) -> bytes:
        """The whole bank as one file, with solutions that fail as well, so that they can be mended."""
        contents = await self._current()
        return await asyncio.to_thread(write_problems, contents.read)

    async def check(self) -> None:
        """Finds out about every reference that is not checked yet; stops where programs cannot be run."""
        contents = await self._current()
        if reason := await self._checks.unavailable():
            log.warning("references_unchecked", reason=reason)
            return
        for problem, solution, name in contents.unchecked():
            contents.learn({name: await self._checks.check(problem, solution)})

    async def _current(self) -> Contents:
        """The bank as it is now, read anew if the file or the sets have changed."""
        async with self._loading:
            version = await self._look()
            if version != self._version:
                self._contents = await self._load()
                self._version = version
                self._check_in_background()
            return self._contents

    async def _look(self) -> _Version:
        async with self._database.session() as session:
            numbers = await session.scalars(select(ProblemSet.number).order_by(ProblemSet.number))
            sets = tuple(numbers)
        return *await asyncio.to_thread(_stamp, self._path), sets

    async def _load(self) -> Contents:
        async with self._database.session() as session:
            rows = list(await session.scalars(select(ProblemSet).order_by(ProblemSet.number)))
        last = max((place for place, row in enumerate(rows) if row.mode == Mode.REPLACE), default=-1)
        layers = [] if last >= 0 else [Layer(self._path.name, await asyncio.to_thread(read_file, self._path))]
        for row in rows[max(last, 0) :]:
            layers.append(Layer(row.name, await asyncio.to_thread(read_problems, row.payload)))
        contents = await asyncio.to_thread(Contents, layers)
        contents.learn(await self._checks.known(contents.hashes()))
        return contents

    def _check_in_background(self) -> None:
        if not self._is_started:
            return
        if self._checking is not None:
            self._checking.cancel()
        self._checking = asyncio.create_task(self._check_and_tell(), name="reference checks")

    async def _check_and_tell(self) -> None:
        try:
            await self.check()
        except OndolError as error:  # the database or the sandbox went away; the next change or start tries again
            log.warning("references_unchecked", reason=str(error))

    async def _solved_by(self, user_id: UUID) -> frozenset[int]:
        async with self._database.session() as session:
            passed = await session.scalars(
                select(HintAttempt.problem_id)
                .where(HintAttempt.user_id == user_id, HintAttempt.verdict == Verdict.PASSED)
                .distinct()
            )
            return frozenset(passed)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, -1
    return found.st_mtime_ns, found.st_size


def _usable(name: str) -> str:
    cleaned = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
    if not 1 <= len(cleaned) <= _MAX_NAME:
        raise InvalidRequest(
            reason=Text(f"문제 묶음 이름은 1~{_MAX_NAME}자입니다", f"a set's name has 1 to {_MAX_NAME} characters")
        )
    return cleaned
