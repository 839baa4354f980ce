"""Asking, answering, stopping, branching: on a real database and an engine that fails when told."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from backend.chat import run as run_module
from backend.chat.conversations import STALE_AFTER, Conversations
from backend.chat.run import Run
from backend.chat.service import Options
from backend.errors import (
    ConversationBusy,
    EmptyMessage,
    EngineBusy,
    EngineLoading,
    EngineRefused,
    EngineUnavailable,
    MessageOverContext,
    MessageTooLong,
    TooManyStreams,
    UnknownConversation,
    UnknownMessage,
    UnknownProvider,
)
from backend.store.models import MessageStatus
from bench.engine.faults import Fault, FaultKind
from tests.fixtures.chat import House

SLOW = 400  # tokens; two seconds of answer


async def finished(run: Run) -> Run:
    async with asyncio.timeout(30):
        await run.wait()
    return run


async def until_text(run: Run) -> None:
    async with asyncio.timeout(10):
        async for text in run.read():
            if text:
                return


async def test_a_question_and_its_answer_are_stored_with_their_figures(house: House) -> None:
    run = await finished(await house.chat.ask(house.user_id, "  안녕하세요\n둘째 줄  "))
    thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
    question, answer = (item.message for item in thread.messages)
    assert thread.conversation.title == "안녕하세요"
    assert question.content == "안녕하세요\n둘째 줄"
    assert answer.content == run.text != ""
    assert (answer.status, answer.model, answer.provider) == (MessageStatus.COMPLETE, "double", "main")
    assert answer.completion_tokens == 30
    assert answer.prompt_tokens
    assert 0 < answer.ttft_ms < answer.duration_ms


async def test_a_conversation_goes_on_with_what_was_said(house: House) -> None:
    first = await finished(await house.chat.ask(house.user_id, "one", options=Options("be a pirate", 0.1, 50)))
    await finished(await house.chat.ask(house.user_id, "two", conversation_id=first.conversation_id))
    sent = house.engine.requests[-1]
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert sent["messages"][0]["content"] == "be a pirate"
    assert (sent["temperature"], sent["max_tokens"]) == (0.1, 50)


async def test_readers_may_come_late_and_several_see_the_same(house: House) -> None:
    run = await house.chat.ask(house.user_id, "hello")
    await until_text(run)
    texts = await asyncio.gather(collect(run), collect(run))
    assert texts[0] == texts[1] == run.text


async def collect(run: Run) -> str:
    return "".join([text async for text in run.read()])


async def test_stop_keeps_what_was_written(house: House) -> None:
    house.engine.next_answer = "word " * SLOW
    run = await house.chat.ask(house.user_id, "long one")
    await until_text(run)
    assert not house.chat.stop(uuid4(), run.conversation_id), "somebody else cannot stop it"
    assert house.chat.stop(house.user_id, run.conversation_id)
    await finished(run)
    thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
    answer = thread.messages[-1].message
    assert answer.status == MessageStatus.STOPPED
    assert 0 < len(answer.content) < len(house.engine.next_answer)
    assert house.chat.run_of(run.conversation_id) is None


async def test_an_answer_that_is_stopped_before_its_first_step_is_stored_and_frees_the_conversation(
    house: House,
) -> None:
    run = await house.chat.ask(house.user_id, "never mind")
    house.chat.stop(house.user_id, run.conversation_id)  # no other task has run since
    await finished(run)
    thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
    assert thread.messages[-1].message.status == MessageStatus.STOPPED
    assert house.engine.counters.requests == 0
    again = await finished(await house.chat.ask(house.user_id, "hello", conversation_id=run.conversation_id))
    assert again.status is MessageStatus.COMPLETE


async def test_an_answer_nobody_ever_reads_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "ABANDONED_AFTER_S", 0.05)
    house.engine.next_answer = "word " * SLOW
    run = await house.chat.ask(house.user_id, "long one")
    async with asyncio.timeout(10):
        assert run.task is not None
        await run.task
    assert run.status is MessageStatus.STOPPED


async def test_an_answer_nobody_reads_is_stopped(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "ABANDONED_AFTER_S", 0.05)
    house.engine.next_answer = "word " * SLOW
    run = await house.chat.ask(house.user_id, "long one")
    await until_text(run)  # reads a little and leaves
    async with asyncio.timeout(10):
        assert run.task is not None
        await run.task
    assert run.status is MessageStatus.STOPPED
    assert house.engine.counters.aborted == 1


async def test_an_answer_kept_for_later_goes_on_without_a_reader(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "ABANDONED_AFTER_S", 0.01)
    run = await house.chat.ask(house.user_id, "hello")
    reader = run.read()
    await anext(reader)
    run.keep_for_later()
    await reader.aclose()
    async with asyncio.timeout(10):
        assert run.task is not None
        await run.task
    assert run.status is MessageStatus.COMPLETE


async def test_regenerating_and_editing_keep_the_versions(house: House) -> None:
    user, kept = house.user_id, house.chat.conversations
    first = await finished(await house.chat.ask(user, "question"))
    here = first.conversation_id
    second = await finished(await house.chat.regenerate(user, here, first.answer_id))
    thread = await kept.thread(user, here)
    assert [m.message.role for m in thread.messages] == ["user", "assistant"]
    assert thread.messages[-1].versions == (first.answer_id, second.answer_id)
    assert thread.messages[-1].version == 2

    question_id = thread.messages[0].message.id
    await finished(await house.chat.edit(user, here, question_id, "better question"))
    thread = await kept.thread(user, here)
    assert thread.messages[0].message.content == "better question"
    assert thread.messages[0].version == 2

    await kept.show_version(user, here, question_id)
    thread = await kept.thread(user, here)
    assert thread.messages[0].message.content == "question"
    assert thread.messages[-1].message.id == second.answer_id, "the newest answer of that branch"
    with pytest.raises(UnknownMessage):
        await house.chat.edit(user, here, second.answer_id, "an answer is not a question")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.REFUSED), EngineUnavailable),
        (Fault(FaultKind.LOADING), EngineLoading),
    ],
)
async def test_an_engine_that_is_known_to_be_away_stores_nothing(
    house: House, fault: Fault, error: type[Exception]
) -> None:
    await house.engine.set_fault(fault)
    with pytest.raises(error):
        await house.chat.ask(house.user_id, "hello")
    assert await house.chat.conversations.count(house.user_id) == 0


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.RATE_LIMITED), EngineBusy),
        (Fault(FaultKind.SERVER_ERROR), EngineRefused),
        (Fault(FaultKind.UNAUTHORIZED), EngineRefused),
        (Fault(FaultKind.HANG_UP), EngineUnavailable),
    ],
)
async def test_an_engine_that_fails_on_the_question_leaves_it_to_be_asked_again(
    house: House, fault: Fault, error: type[Exception]
) -> None:
    await house.chat.router.engines["main"].info()
    await house.engine.set_fault(fault)
    run = await finished(await house.chat.ask(house.user_id, "hello"))
    assert isinstance(run.error, error)
    assert run.status is MessageStatus.FAILED
    await house.engine.set_fault(Fault())
    again = await finished(await house.chat.regenerate(house.user_id, run.conversation_id, run.answer_id))
    assert again.status is MessageStatus.COMPLETE


@pytest.mark.parametrize("kind", [FaultKind.DIE_MID_STREAM, FaultKind.ERROR_MID_STREAM, FaultKind.GARBAGE])
async def test_an_answer_that_breaks_off_is_kept_and_named(house: House, kind: FaultKind) -> None:
    await house.engine.set_fault(Fault(kind, after_tokens=5, times=1))
    run = await finished(await house.chat.ask(house.user_id, "hello"))
    thread = await house.chat.conversations.thread(house.user_id, run.conversation_id)
    answer = thread.messages[-1].message
    assert (answer.status, answer.error_code) == (MessageStatus.INTERRUPTED, "engine_interrupted")
    assert answer.content == run.text != ""


async def test_a_long_conversation_is_cut_and_the_reader_is_told(house: House) -> None:
    user, here = house.user_id, None
    for number in range(4):
        run = await finished(await house.chat.ask(user, f"{number} " + "단어 " * 1200, conversation_id=here))
        here = run.conversation_id
        assert run.error is None
    assert run.dropped > 0
    thread = await house.chat.conversations.thread(user, here)
    assert thread.messages[-1].message.trimmed_messages == run.dropped
    assert house.engine.requests[-1]["messages"][0]["role"] == "system"


@pytest.mark.parametrize("kind", [FaultKind.OVERFLOW, FaultKind.OVERFLOW_LLAMACPP])
async def test_an_engine_that_counts_more_than_we_did_gets_less(house: House, kind: FaultKind) -> None:
    user = house.user_id
    first = await finished(await house.chat.ask(user, "단어 " * 1500))
    await house.engine.set_fault(Fault(kind, times=1))
    run = await finished(await house.chat.ask(user, "and now?", conversation_id=first.conversation_id))
    assert run.status is MessageStatus.COMPLETE


async def test_bad_questions_store_nothing(house: House) -> None:
    chat, user = house.chat, house.user_id
    with pytest.raises(EmptyMessage):
        await chat.ask(user, " \n\t\x00 ")
    with pytest.raises(MessageTooLong):
        await chat.ask(user, "x" * 1_000_000)
    with pytest.raises(MessageOverContext):
        await chat.ask(user, "단어 " * 12_000)
    with pytest.raises(UnknownProvider):
        await chat.ask(user, "hello", provider="nope")
    with pytest.raises(UnknownConversation):
        await chat.ask(user, "hello", conversation_id=uuid4())
    assert await chat.conversations.count(user) == 0


async def test_one_answer_at_a_time_in_a_conversation_and_few_for_a_user(house: House) -> None:
    house.engine.next_answer = "word " * SLOW
    chat, user = house.chat, house.user_id
    first = await chat.ask(user, "long")
    with pytest.raises(ConversationBusy):
        await chat.ask(user, "again", conversation_id=first.conversation_id)
    for _ in range(3):
        await chat.ask(user, "long")
    with pytest.raises(TooManyStreams):
        await chat.ask(user, "one too many")


async def test_questions_sent_at_the_same_moment_cannot_pass_the_limits_together(house: House) -> None:
    house.engine.next_answer = "word " * SLOW
    results = await asyncio.gather(*(house.chat.ask(house.user_id, "now") for _ in range(10)), return_exceptions=True)
    assert sum(isinstance(result, TooManyStreams) for result in results) == 6


async def test_somebody_elses_conversation_does_not_exist(house: House) -> None:
    run = await finished(await house.chat.ask(house.user_id, "private"))
    stranger, kept = uuid4(), house.chat.conversations
    for attempt in (
        kept.thread(stranger, run.conversation_id),
        kept.change(stranger, run.conversation_id, title="mine"),
        kept.delete(stranger, run.conversation_id),
        kept.restore(stranger, run.conversation_id),
        kept.show_version(stranger, run.conversation_id, run.answer_id),
        house.chat.ask(stranger, "hello", conversation_id=run.conversation_id),
    ):
        with pytest.raises(UnknownConversation):
            await attempt
    with pytest.raises(UnknownMessage):
        await kept.rate(stranger, run.answer_id, 1)


async def test_search_finds_titles_and_messages_and_takes_wildcards_literally(house: House) -> None:
    chat, user = house.chat, house.user_id
    await finished(await chat.ask(user, "온돌은 무엇인가\n100% 확실해?"))
    await finished(await chat.ask(user, "something else"))
    kept = chat.conversations
    assert [row.title for row in await kept.list(user, query="온돌은")] == ["온돌은 무엇인가"]
    assert [row.title for row in await kept.list(user, query="100%")] == ["온돌은 무엇인가"]
    assert await kept.list(user, query="_%_") == []
    assert len(await kept.list(user)) == 2


async def test_deleting_can_be_undone_until_it_is_purged(house: House) -> None:
    user = house.user_id
    run = await finished(await house.chat.ask(user, "keep me"))
    now = datetime.now(UTC)
    kept = Conversations(house.database, lambda: now)
    await kept.delete(user, run.conversation_id)
    assert await kept.list(user) == []
    assert await Conversations(house.database, lambda: now + timedelta(days=6)).purge_deleted() == 0
    await kept.restore(user, run.conversation_id)
    assert len(await kept.list(user)) == 1
    await kept.delete(user, run.conversation_id)
    assert await Conversations(house.database, lambda: now + timedelta(days=8)).purge_deleted() == 1
    with pytest.raises(UnknownConversation):
        await kept.restore(user, run.conversation_id)


async def test_an_answer_of_a_killed_process_shows_as_broken_off(house: House) -> None:
    kept, user = house.chat.conversations, house.user_id
    here, answer = await kept.add_turn(user, None, parent_id=None, question="hello", answer={}, options={})
    await kept.save_answer(answer, content="half an")
    assert await status(kept, user, here) == MessageStatus.STREAMING
    later = Conversations(house.database, lambda: datetime.now(UTC) + STALE_AFTER + timedelta(seconds=1))
    assert await status(later, user, here) == MessageStatus.INTERRUPTED


async def status(kept: Conversations, user: UUID, here: UUID) -> str:
    thread = await kept.thread(user, here)
    return thread.messages[-1].message.status
