"""Hints from end to end: a program is run, a stand-in engine writes, the guard judges, everything is stored."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import backend.hints.__main__ as command
from backend.errors import NothingToCompare, ProgramTooLarge, TooManyHints, UnknownHint, UnknownProblem, UnknownProvider
from backend.hints.asking import Complaint, HintRequest, HintResult, Note, Progress, Source, Stage
from backend.hints.levels import Level
from backend.hints.sandbox import Verdict
from backend.store.database import Database
from backend.store.models import HintAttempt, HintBlock
from bench.engine.faults import Fault, FaultKind
from bench.engine.server import EngineConfig, EngineDouble
from tests.fixtures.chat import House, house_of, house_settings
from tests.fixtures.hints import (
    CHINESE,
    ENDLESS,
    FRENCH,
    HELPFUL,
    HELPFUL_KO,
    INJECTION,
    LAST_OF_EQUALS,
    LEAK,
    PROBLEMS,
    SOLVED,
    TEMPERATURES,
)


async def hint(house: House, answers: Mapping[int, str] | str = HELPFUL, **wish: Any) -> HintResult:
    """Asks for a hint; `answers` are what the engine writes from that attempt on."""
    written = {1: answers} if isinstance(answers, str) else answers
    house.engine.next_answer = written[1]
    request = HintRequest(**{"problem_id": TEMPERATURES, "code": LAST_OF_EQUALS, "language": "en", **wish})
    async for event in house.services.hints.stream(house.user_id, request):
        if isinstance(event, HintResult):
            return event
        if event.stage is Stage.CHECKING:
            house.engine.next_answer = written.get(event.attempt + 1, house.engine.next_answer)
    raise AssertionError("no hint came")


async def blocks(house: House) -> list[HintBlock]:
    async with house.database.session() as session:
        return list(await session.scalars(select(HintBlock).order_by(HintBlock.created_at, HintBlock.attempt)))


async def test_a_hint_that_may_be_shown_is_shown_and_stored(house: House) -> None:
    stages = []
    house.engine.next_answer = HELPFUL
    request = HintRequest(TEMPERATURES, LAST_OF_EQUALS, language="en")
    async for event in house.services.hints.stream(house.user_id, request):
        if isinstance(event, Progress):
            stages.append(event.stage)
        else:
            given = event
    assert list(dict.fromkeys(stages)) == [Stage.RUNNING, Stage.READING, Stage.WRITING, Stage.CHECKING]
    assert given.text == HELPFUL
    assert (given.level, given.source, given.note) == (Level.ORIENT, Source.MODEL, None)
    assert given.diagnosis["failing"]["got"].strip() == "3"
    assert not {"misconception", "steps"} & set(given.diagnosis)
    assert given.guard["allowed"] is True
    assert "line 4" in given.validation["names"]
    assert await house.services.hints.history(house.user_id, TEMPERATURES) == [given]
    async with house.database.session() as session:
        attempt = await session.get(HintAttempt, given.attempt_id)
    assert attempt is not None
    assert (attempt.code, attempt.verdict) == (LAST_OF_EQUALS, Verdict.WRONG_ANSWER)


async def test_what_gives_the_solution_away_is_written_again(house: House) -> None:
    given = await hint(house, {1: LEAK, 2: HELPFUL})
    assert given.text == HELPFUL
    assert given.guard["blocked"] == 1
    [kept_back] = await blocks(house)
    assert kept_back.hint_id == given.hint_id
    assert {"code_budget", "executes"} & set(kept_back.reasons)
    assert kept_back.text.strip() == LEAK.strip()


async def test_a_model_that_only_leaks_ends_one_level_lower_or_in_a_template(house: House) -> None:
    lower = await hint(house, {1: LEAK, 4: HELPFUL}, level=Level.PLAN)
    assert (lower.level_asked, lower.level, lower.source, lower.note) == (
        Level.PLAN,
        Level.CONCEPT,
        Source.MODEL,
        Note.LOWER_LEVEL,
    )
    template = await hint(house, LEAK, level=Level.PLAN)
    assert (template.level, template.source, template.note) == (Level.PLAN, Source.TEMPLATE, Note.TOLD_TOO_MUCH)
    assert template.guard["allowed"] is True
    assert "line 4" in template.text
    assert [each.level for each in await blocks(house)] == [3, 3, 3, 3, 3, 3, 2]
    assert template.model is None


async def test_another_language_is_refused_once_and_then_a_template_speaks(house: House) -> None:
    again = await hint(house, {1: CHINESE, 2: HELPFUL})
    assert again.text == HELPFUL
    template = await hint(house, CHINESE, language="ko")
    assert (template.source, template.note) == (Source.TEMPLATE, Note.WRONG_LANGUAGE)
    assert "4번째 줄" in template.text
    french = await hint(house, FRENCH)  # which sentences of ours would be put before and behind
    assert (french.source, french.note) == (Source.TEMPLATE, Note.WRONG_LANGUAGE)
    korean = await hint(house, HELPFUL_KO, language="ko")
    assert (korean.source, korean.text) == (Source.MODEL, HELPFUL_KO)


@pytest.mark.parametrize("fault", [Fault(FaultKind.REFUSED), Fault(FaultKind.DIE_MID_STREAM)])
async def test_an_engine_that_is_down_or_dies_leaves_a_template(house: House, fault: Fault) -> None:
    house.engine.next_answer = HELPFUL
    await house.engine.set_fault(fault)
    given = await hint(house)
    assert (given.source, given.note) == (Source.TEMPLATE, Note.ENGINE_DOWN)
    assert "line 4" in given.text
    assert (await house.services.hints.history(house.user_id, TEMPERATURES))[0] == given


async def test_earlier_hints_are_told_to_the_model_and_not_repeated(house: House) -> None:
    first = await hint(house)
    second = await hint(house, HELPFUL)
    assert second.level is Level.CONCEPT
    assert second.text != first.text
    assert [each.reasons for each in await blocks(house)] == [["repeats"]] * 3
    assert second.guard["blocked"] == 0


async def test_the_same_level_asked_three_times_goes_deeper(house: House) -> None:
    given = [await hint(house, LEAK, level=Level.CONCEPT) for _ in range(3)]
    assert [each.level for each in given] == [Level.CONCEPT, Level.CONCEPT, Level.PLAN]
    assert len({each.text for each in given}) == 3
    progress = await house.services.hints.progress(house.user_id, TEMPERATURES)
    assert progress.next_level is Level.NEXT_STEP
    assert progress.attempts == 1
    assert progress.given[Level.CONCEPT] == 2


async def test_a_comment_that_asks_for_the_solution_is_data(house: House) -> None:
    given = await hint(house, HELPFUL.replace("line 4", "line 5"), code=INJECTION)
    assert given.source is Source.MODEL
    leaked = await hint(house, LEAK, code=INJECTION)
    assert leaked.source is Source.TEMPLATE
    assert "best = i" not in leaked.text


async def test_programs_without_an_ordinary_failure_get_a_hint_as_well(house: House) -> None:
    solved = await hint(house, code=SOLVED)
    assert (solved.note, solved.source) == (Note.SOLVED, Source.TEMPLATE)
    empty = await hint(house, LEAK, code="  \n")
    assert empty.source is Source.TEMPLATE
    assert empty.attempt_id is None
    endless = await hint(house, LEAK, code=ENDLESS)
    assert endless.diagnosis["verdict"] == Verdict.TIME_LIMIT
    assert "line 2" in endless.text
    broken = await hint(house, LEAK, code="for x in input().split()\n    print(x)\n")
    assert broken.diagnosis["syntax"]["line"] == 1
    forbidden = await hint(house, LEAK, code="import os\nprint(os.listdir('/'))\n")
    assert forbidden.diagnosis["verdict"] == Verdict.NOT_ALLOWED
    progress = await house.services.hints.progress(house.user_id, TEMPERATURES)
    assert progress.solved


async def test_what_was_learnt_is_told_after_solving(house: House) -> None:
    hints = house.services.hints
    await hints.run(house.user_id, TEMPERATURES, LAST_OF_EQUALS)
    await hint(house)
    await hints.run(house.user_id, TEMPERATURES, SOLVED)
    learnt = await hints.learnt(house.user_id, TEMPERATURES, "en")
    assert learnt.solved
    assert (learnt.attempts, learnt.hints) == (2, 1)
    assert learnt.overcome == ("Thinking about the equal case of a comparison",)
    assert len(learnt.steps) == 4


async def test_hints_are_rated_by_their_reader_only(house: House) -> None:
    given = await hint(house)
    rated = await house.services.hints.rate(house.user_id, given.hint_id, -1, Complaint.TOO_LITTLE)
    assert (rated.rating, rated.complaint) == (-1, Complaint.TOO_LITTLE)
    assert (await house.services.hints.rate(house.user_id, given.hint_id, None)).complaint is None
    with pytest.raises(UnknownHint):
        await house.services.hints.rate(given.hint_id, given.hint_id, 1)


async def test_what_cannot_be_hinted_at_is_refused_before_anything_is_stored(house: House) -> None:
    with pytest.raises(UnknownProblem):
        await hint(house, problem_id=999_999)
    with pytest.raises(UnknownProvider):
        await hint(house, provider="nobody")
    with pytest.raises(ProgramTooLarge):
        await hint(house, code="x = 1\n" * 40_000)
    with pytest.raises(NothingToCompare):
        await anext(house.services.hints.compare(house.user_id, HintRequest(TEMPERATURES, SOLVED), ["main"]))
    assert await house.services.hints.history(house.user_id) == []


async def test_closing_the_stream_stops_the_engine_and_frees_the_place(house: House) -> None:
    house.engine.next_answer = "word " * 5_000
    request = HintRequest(TEMPERATURES, LAST_OF_EQUALS, language="en")
    limit = house.services.settings.streams_per_user
    streams = [house.services.hints.stream(house.user_id, request) for _ in range(limit)]
    for stream in streams:
        await anext(stream)
    async for event in streams[0]:
        if isinstance(event, Progress) and event.characters:
            break
    with pytest.raises(TooManyHints):
        await anext(house.services.hints.stream(house.user_id, request))
    for stream in streams:
        await stream.aclose()
    async with asyncio.timeout(10):
        while not house.engine.counters.aborted:  # noqa: ASYNC110 - it hears of it from the network
            await asyncio.sleep(0.01)
    assert await house.services.hints.history(house.user_id) == []
    assert (await hint(house)).text == HELPFUL


async def test_engines_are_compared_side_by_side_and_judged_together(
    database: Database, engine_double: EngineDouble, tmp_path: Path
) -> None:
    config = EngineConfig(tokens_per_second=200, prefill_ms=5, max_model_len=4096, model="other")
    async with EngineDouble(config).serving() as other:
        providers = json.dumps([{"name": "other", "base_url": other.base_url, "service_type": "vllm"}])
        async with house_of(database, engine_double, tmp_path, llm_providers=providers) as house:
            engine_double.next_answer, other.next_answer = HELPFUL, LEAK
            request = HintRequest(TEMPERATURES, LAST_OF_EQUALS, language="en")
            events = [each async for each in house.services.hints.compare(house.user_id, request, ["main", "other"])]
            hints = {each.provider: each for each in events if isinstance(each, HintResult)}
            assert hints["main"].text == HELPFUL
            assert (hints["other"].source, hints["other"].note) == (Source.TEMPLATE, Note.TOLD_TOO_MUCH)
            assert hints["main"].comparison_id == hints["other"].comparison_id is not None
            writing = {each.provider for each in events if isinstance(each, Progress) and each.stage is Stage.WRITING}
            assert writing == {"main", "other"}
            progress = await house.services.hints.progress(house.user_id, TEMPERATURES)
            assert progress.next_level is Level.CONCEPT


async def test_the_simulated_student_is_asked_without_and_with_the_hint(
    engine_double: EngineDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = tmp_path / "programs.json"
    programs.write_text(json.dumps([{"id": "one", "problem_id": TEMPERATURES, "code": LAST_OF_EQUALS}]))
    engine_double.next_answer = f"```python\n{SOLVED}```"
    settings = house_settings(tmp_path, "postgresql://nobody@localhost/x", engine_double)
    monkeypatch.setattr(command, "load", lambda: settings)
    given = ["evaluate", "--programs", str(programs), "--samples", "2"]
    assert await asyncio.to_thread(command.main, given) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["programs"], found["helped"], found["solved_without"], found["solved_with"]) == (1, 1, 1.0, 1.0)


def test_a_problem_file_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    [first, *_] = json.loads(PROBLEMS.read_text(encoding="utf-8"))
    first["solutions"] = [{**first["solutions"][0], "solution_code": "print(0)"}]
    file = tmp_path / "mine.json"
    file.write_text(json.dumps([first, {"problem_id": 1}]), encoding="utf-8")
    assert command.main(["check", str(file)]) == 1
    said = capsys.readouterr().out
    assert "1 problems, 1 left out, 1 references fail" in said
    assert command.main(["check", str(tmp_path / "none.json")]) == 2
