"""Cutting a thread to the context of an engine."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.chat.prompt import fit
from backend.errors import MessageOverContext
from backend.llm.engine import ChatMessage


async def words(text: str) -> int:
    return len(text.split())


async def cannot_count(_: str) -> None:
    return None


def thread(*contents: str) -> list[ChatMessage]:
    roles = ("user", "assistant")
    return [ChatMessage(role=roles[i % 2], content=text) for i, text in enumerate(contents)]


async def test_a_short_thread_is_sent_whole_without_asking_the_engine() -> None:
    async def never(_: str) -> int:
        raise AssertionError("counted needlessly")

    prompt = await fit("be kind", thread("hi", "hello", "bye"), context=4096, max_tokens=100, count_tokens=never)
    assert [m["content"] for m in prompt.messages] == ["be kind", "hi", "hello", "bye"]
    assert (prompt.dropped, prompt.max_tokens) == (0, 100)


async def test_the_oldest_messages_go_first_and_an_answer_goes_with_its_question() -> None:
    long = "word " * 200
    prompt = await fit(
        "be kind", thread(long, "old answer", "question two", "answer two", "question three"),
        context=300, max_tokens=100, count_tokens=words,
    )  # fmt: skip
    assert [m["content"] for m in prompt.messages[1:]] == ["question two", "answer two", "question three"]
    assert prompt.dropped == 2


async def test_a_question_longer_than_the_context_is_refused_with_its_length() -> None:
    with pytest.raises(MessageOverContext) as caught:
        await fit("be kind", thread("word " * 500), context=300, max_tokens=100, count_tokens=words)
    assert caught.value.details["tokens"] >= 500


async def test_engines_that_cannot_count_are_estimated_on_the_safe_side() -> None:
    prompt = await fit(
        "s", thread("가" * 400, "나" * 400, "다"), context=1000, max_tokens=200, count_tokens=cannot_count
    )
    assert prompt.dropped == 2


@given(
    lengths=st.lists(st.integers(0, 400), min_size=1, max_size=12),
    context=st.integers(200, 4000),
    wished=st.integers(1, 9000),
)
async def test_what_is_sent_always_fits_and_ends_with_the_question(
    lengths: list[int], context: int, wished: int
) -> None:
    messages = thread(*("w " * length for length in lengths))
    try:
        prompt = await fit("system", messages, context=context, max_tokens=wished, count_tokens=words)
    except MessageOverContext:
        assert lengths[-1] + context // 2 > context - 40 or wished >= context // 2
        return
    counted = sum([await words(m["content"]) for m in prompt.messages])
    assert counted + prompt.max_tokens <= context
    assert prompt.messages[-1] == messages[-1]
    assert len(prompt.messages) - 1 + prompt.dropped == len(messages)
    assert 0 < prompt.max_tokens <= wished
