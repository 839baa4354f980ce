"""Which questions need the conversation before them, and which answers of a model are no questions."""

from collections.abc import AsyncGenerator

import pytest

from backend.chat import follow_up
from backend.chat.follow_up import needs_rewriting, standalone
from backend.errors import EngineUnavailable
from backend.llm.call import Chosen, Prepare, Request
from backend.llm.engine import ChatMessage, Engine, EngineInfo, EngineState, Finished
from backend.llm.providers import Provider
from backend.settings import ServiceType

CHOSEN = Chosen(
    Engine(Provider("main", "http://127.0.0.1:1/v1", ServiceType.LLAMACPP)),
    EngineInfo(EngineState.READY, "m", 4096, 1.0),
)
HISTORY = [
    ChatMessage(role="user", content="공구는 며칠 동안 빌릴 수 있나요?"),
    ChatMessage(role="assistant", content="5일입니다 [1]."),
]


class Told:
    """A call that says one thing, and remembers what it was asked."""

    def __init__(self, *said: str | Exception) -> None:
        self.said = said
        self.request = Request([])

    async def stream(self, prepare: Prepare) -> AsyncGenerator[str | Finished]:
        self.request = await prepare(CHOSEN, None)
        for part in self.said:
            if isinstance(part, Exception):
                raise part
            yield part
        yield Finished("stop", None)


@pytest.mark.parametrize(
    "question",
    [
        "포장을 뜯었으면요?",
        "그럼 연장은?",
        "그 경우에는 보증금을 언제 돌려받나요?",
        "거기에 예외가 있다면 어떤 것들이 있는지 알려 주세요",
        "위험 공구는요?",
        "왜요?",
        "What about tools?",
        "How long does it take to get them back in the case of damage?",
        "Why?",
    ],
)
def test_questions_that_lean_on_the_ones_before(question: str) -> None:
    assert needs_rewriting(question)


@pytest.mark.parametrize(
    "question",
    [
        "공구를 잃어버렸을 때 변상해야 하는 금액은 얼마인가요?",
        "전동 톱을 빌리려면 어떤 조건을 갖추어야 하는지 알려 주세요",
        "How many tools can a group borrow at once?",
    ],
)
def test_questions_that_stand_alone_cost_nothing(question: str) -> None:
    assert not needs_rewriting(question)


async def test_a_follow_up_is_put_in_full_by_the_model() -> None:
    call = Told("위험 공구는 며칠 ", "동안 빌릴 수 있나요?\n")
    full = await standalone(call, HISTORY, "위험 공구는요?")  # type: ignore[arg-type]
    assert full == "위험 공구는 며칠 동안 빌릴 수 있나요?"
    asked = call.request.messages[-1]["content"]
    assert "공구는 며칠 동안 빌릴 수 있나요?" in asked
    assert "위험 공구는요?" in asked
    assert "[1]" not in asked
    assert call.request.max_tokens is not None
    assert call.request.max_tokens <= 64
    assert call.request.temperature == 0


async def test_the_first_question_is_never_rewritten() -> None:
    call = Told(AssertionError("the model was asked"))
    assert await standalone(call, [], "그건요?") == "그건요?"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "said",
    ["", "   \n ", "x" * 500, "Sure! Here is the question", "날씨와 환율", EngineUnavailable(provider="main")],
    ids=["nothing", "blank", "endless", "another language", "something else", "engine gone"],
)
async def test_what_is_no_question_leaves_the_one_that_was_asked(said: str | Exception) -> None:
    assert await standalone(Told(said), HISTORY, "위험 공구는요?") == "위험 공구는요?"  # type: ignore[arg-type]


async def test_a_model_that_is_too_slow_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    class Silent(Told):
        async def stream(self, prepare: Prepare) -> AsyncGenerator[str | Finished]:
            await asyncio.Event().wait()
            yield ""

    assert await standalone(Silent(), HISTORY, "그건요?", deadline_s=0.01) == "그건요?"  # type: ignore[arg-type]
    assert follow_up._DEADLINE_S > 1
