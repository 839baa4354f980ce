"""The problem bank: its file, imported sets upon it, references that are run, and what happens to broken files."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from backend.errors import (
    InvalidRequest,
    ProblemFileTooLarge,
    ProblemFileUnusable,
    UnknownProblem,
    UnknownProblemSet,
)
from backend.hints.bank import Mode, ProblemBank
from backend.hints.problem_files import MAX_FILE_BYTES, read_problems
from backend.hints.rejections import Reason
from backend.hints.sandbox import Judge
from backend.settings import load
from backend.store.database import Database
from backend.store.models import HintAttempt, ReferenceCheck, Role, User

RIGHT, WRONG, BROKEN = "print(sum(map(int, input().split())))", "print(int(input()[0]))", "for\n"


def _entry(number: int, *codes: str, title: str = "더하기", level: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "problem_id": str(number),
        "title": title,
        "level": level,
        "tags": ["수학"],
        "description": "두 수를 더하라.",
        "input_description": "두 수",
        "output_description": "합",
        "examples": [{"input": "1 2", "output": "3"}],
        "url": "",
        "step_title": "",
        "solutions": [
            {"solution_id": place, "solution_name": f"풀이 {place}", "solution_code": code, "logic_steps": []}
            for place, code in enumerate(codes or (RIGHT,), 1)
        ],
        **more,
    }


def _file(*entries: object) -> bytes:
    return json.dumps(entries, ensure_ascii=False).encode()


@pytest.fixture
async def mina(database: Database) -> UUID:
    user = User(id=uuid4(), username="mina", password_hash="x", role=Role.USER, must_change_password=False)
    async with database.session() as session:
        session.add(user)
    return user.id


class House:
    """A bank on a file of the test's own."""

    def __init__(self, database: Database, path: Path) -> None:
        self.database, self.path = database, path
        self.bank = self.opened()

    def opened(self) -> ProblemBank:
        return ProblemBank(self.database, load(problems_path=self.path), Judge())

    def write(self, raw: bytes) -> None:
        """Replaces the file; the clock of the file system may be too coarse to notice, so its time is moved on."""
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_bytes(raw)
        os.utime(self.path, ns=(before + 10**9, before + 10**9))


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    made = House(database, tmp_path / "problems.json")
    yield made
    await made.bank.close()


async def _ids(bank: ProblemBank, user: UUID, **filters: Any) -> list[int]:
    return [each.problem_id for each in await bank.list(user, **filters)]


async def test_own_problems_are_there_and_found_in_both_languages(database: Database, mina: UUID) -> None:
    bank = ProblemBank(database, load(), Judge())
    everything = await bank.list(mina)
    assert len(everything) >= 24
    assert [each.level for each in everything] == sorted(each.level for each in everything)
    assert await _ids(bank, mina, search="체온 기록") == [101]
    assert await _ids(bank, mina, search="TEMPERATURE log") == [101]
    assert await _ids(bank, mina, tag="스택") == await _ids(bank, mina, tag="stacks") == [111]
    assert {each.level for each in await bank.list(mina, level=3)} == {3}
    assert (await bank.list(mina, search="체온 기록", language="en"))[0].title == "Temperature log"
    assert await _ids(bank, mina, search="체온 기록", level=9) == []
    assert "loops" in await bank.tags("en")
    assert not await bank.rejected()


async def test_solved_is_a_program_that_passed(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1), _entry(2), _entry(3)))
    async with house.database.session() as session:
        for number, verdict in ((1, "passed"), (1, "wrong_answer"), (2, "wrong_answer")):
            session.add(HintAttempt(user_id=mina, problem_id=number, code="", verdict=verdict, passed=0, total=1))
    assert await _ids(house.bank, mina, solved=True) == [1]
    assert await _ids(house.bank, mina, solved=False) == [2, 3]
    assert [each.solved for each in await house.bank.list(mina)] == [True, False, False]


async def test_references_that_fail_are_taken_out_and_listed(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1), _entry(2, WRONG, RIGHT), _entry(3, WRONG, BROKEN)))
    bank = house.bank
    assert [each.checked for each in await bank.list(mina)] == [False, False, False]
    await bank.check()
    assert await _ids(bank, mina) == [1, 2]
    assert all(each.checked for each in await bank.list(mina))
    assert [one.code for one in (await bank.get(2)).solutions] == [RIGHT]
    with pytest.raises(UnknownProblem):
        await bank.get(3)
    rejected = [(each.position, each.solution, each.reason) for each in await bank.rejected()]
    assert rejected == [
        (2, "풀이 1", Reason.REFERENCE_FAILS),
        (3, "풀이 1", Reason.REFERENCE_FAILS),
        (3, "풀이 2", Reason.REFERENCE_FAILS),
        (3, "", Reason.NO_SOUND_SOLUTION),
    ]
    told = (await bank.rejected())[0].why.en
    assert 'example 1: expected "3", got "1"' in told
    assert read_problems(await bank.export()).problems[2].solutions[0].code == WRONG  # to be mended


async def test_what_no_judge_would_run_keeps_no_other_reference_from_being_checked(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1, "print('\0')"), _entry(2, "#" * 70_000, RIGHT), _entry(3, " \n"), _entry(4, WRONG)))
    await house.bank.check()
    assert [(each.problem_id, each.checked) for each in await house.bank.list(mina)] == [(2, True)]


async def test_a_second_start_runs_nothing_again(house: House) -> None:
    house.write(_file(_entry(1), _entry(2, WRONG, RIGHT)))
    await house.bank.check()
    assert await _checked(house.database) == 2  # the same program on the same cases is one
    again = ProblemBank(house.database, load(problems_path=house.path), _NoJudge())
    await again.check()
    assert len((await again.get(2)).solutions) == 1


class _NoJudge(Judge):
    async def judge(self, program: str, cases: Any, **more: Any) -> Any:
        raise AssertionError("nothing is left to be run")


class _NoSandbox(_NoJudge):
    async def available(self) -> str:
        return "no seccomp"


async def test_without_a_sandbox_everything_can_be_used_unchecked(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1, WRONG)))
    bank = ProblemBank(house.database, load(problems_path=house.path), _NoSandbox())
    await bank.check()
    assert [each.checked for each in await bank.list(mina)] == [False]
    assert (await bank.get(1)).solutions


async def _checked(database: Database) -> int:
    async with database.session() as session:
        return await session.scalar(select(func.count()).select_from(ReferenceCheck)) or 0


async def test_checking_goes_on_in_the_background(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1, WRONG), _entry(2)))
    await house.bank.start()
    await _until_listed(house.bank, mina, [2])
    house.write(_file(_entry(4, BROKEN), _entry(5)))
    await _until_listed(house.bank, mina, [5])


async def _until_listed(bank: ProblemBank, user: UUID, wanted: list[int]) -> None:
    deadline = time.monotonic() + 30
    while await _ids(bank, user) != wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_changed_file_is_read_anew(house: House, mina: UUID) -> None:
    assert await _ids(house.bank, mina) == []
    (missing,) = await house.bank.rejected()
    assert (missing.position, missing.reason, missing.source) == (0, Reason.FILE_MISSING, "problems.json")
    assert str(house.path) not in missing.why.en
    house.write(_file(_entry(1)))
    assert await _ids(house.bank, mina) == [1]
    house.write(b"[{")
    assert await _ids(house.bank, mina) == []
    assert [each.reason for each in await house.bank.rejected()] == [Reason.MALFORMED_JSON]
    house.write(_file(_entry(1), {"problem_id": "2"}))
    assert await _ids(house.bank, mina) == [1]
    assert [(each.position, each.problem_id) for each in await house.bank.rejected()] == [(2, 2)]


async def test_a_set_lies_on_top_and_can_be_taken_back(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1, title="옛것"), _entry(2)))
    report = await house.bank.import_set(_file(_entry(1, title="새것"), _entry(3), {}), "여름  학교", Mode.ADD, mina)
    assert (report.name, report.replaced, report.added, len(report.rejected)) == ("여름 학교", (1,), (3,), 1)
    found = await house.bank.list(mina)
    assert [(each.problem_id, each.title, each.source) for each in found] == [
        (1, "새것", "여름 학교"),
        (2, "더하기", "problems.json"),
        (3, "더하기", "여름 학교"),
    ]
    assert [(each.source, each.position) for each in await house.bank.rejected()] == [("여름 학교", 3)]
    (listed,) = await house.bank.sets()
    assert (listed.id, listed.name, listed.mode, listed.problems) == (report.set_id, "여름 학교", Mode.ADD, 2)

    assert await _ids(house.opened(), mina) == [1, 2, 3]  # another process
    await house.bank.remove_set(report.set_id)
    assert [each.title for each in await house.bank.list(mina)] == ["옛것", "더하기"]
    with pytest.raises(UnknownProblemSet):
        await house.bank.remove_set(report.set_id)


async def test_a_replacing_set_takes_the_place_of_all_before_it(house: House, mina: UUID) -> None:
    house.write(_file(_entry(1), _entry(2)))
    await house.bank.import_set(_file(_entry(3)), "하나", Mode.ADD, mina)
    whole = await house.bank.import_set(_file(_entry(2), _entry(9)), "둘", Mode.REPLACE, mina)
    await house.bank.import_set(_file(_entry(10)), "셋", Mode.ADD, mina)
    assert await _ids(house.bank, mina) == [2, 9, 10]
    exported = await house.bank.export()
    await house.bank.remove_set(whole.set_id)
    assert await _ids(house.bank, mina) == [1, 2, 3, 10]
    await house.bank.import_set(exported, "다시", Mode.REPLACE, mina)
    assert await _ids(house.bank, mina) == [2, 9, 10]


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"[1, 2]", _file(_entry(1, tests=3)), b"\x00\xff"])
async def test_a_file_without_one_usable_problem_changes_nothing(house: House, mina: UUID, raw: bytes) -> None:
    house.write(_file(_entry(1)))
    with pytest.raises(ProblemFileUnusable):
        await house.bank.import_set(raw, "x", Mode.REPLACE, mina)
    assert await _ids(house.bank, mina) == [1]
    assert not await house.bank.sets()


async def test_too_large_and_without_a_name(house: House, mina: UUID) -> None:
    with pytest.raises(ProblemFileTooLarge):
        await house.bank.import_set(b" " * (MAX_FILE_BYTES + 1), "x", Mode.ADD, mina)
    with pytest.raises(InvalidRequest):
        await house.bank.import_set(_file(_entry(1)), " \n", Mode.ADD, mina)
