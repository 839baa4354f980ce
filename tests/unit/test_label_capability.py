"""What a failing engine proves of the ways to ask it: nothing."""

from types import SimpleNamespace
from typing import Any

import pytest

from backend.llm.labels import Broken, Forbidden, LabelScorer, Unreachable
from backend.llm.labels.capability import find

LABELS = ("positive", "negative", "neutral")
CHAT, TOKENIZE = "/v1/chat/completions", "/tokenize"


class Client:
    """An engine that obeys `choice` and knows nothing else. Its first requests fail, and all at some paths."""

    def __init__(self, failures: int = 0, broken: frozenset[str] = frozenset()) -> None:
        self.failures, self.broken = failures, broken
        self.asked: list[str] = []

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        self.asked.append(path)
        if len(self.asked) <= self.failures or path in self.broken:
            raise Broken("HTTP 500")
        if path != CHAT:
            raise Forbidden(404)
        choice = body.get("structured_outputs", {}).get("choice", ["green"])[0]
        return {"choices": [{"index": 0, "message": {"content": choice}}]}


async def test_a_failure_at_one_way_is_looked_at_again() -> None:
    client: Any = Client(failures=1)
    found = await find(client, "m", LABELS)
    assert (found.method.name, found.is_certain) == ("choice", True)
    assert client.asked[:4] == [TOKENIZE, CHAT, CHAT, TOKENIZE]  # a free answer is asked for twice


@pytest.mark.parametrize("failures", [2, 8, 10_000])
async def test_an_engine_that_fails_at_a_plain_question_says_nothing_of_its_ways(failures: int) -> None:
    client: Any = Client(failures)
    with pytest.raises(Unreachable):
        await find(client, "m", LABELS)
    assert len(client.asked) == 2


async def test_a_way_at_which_it_always_fails_is_passed_over_and_tried_again_soon() -> None:
    now = [0.0]
    client = Client(broken=frozenset({TOKENIZE}))

    async def ready(**_: float) -> SimpleNamespace:
        return SimpleNamespace(model="m")

    engine: Any = SimpleNamespace(headers={}, info=ready, require_ready=ready)
    scorer = LabelScorer(engine, lambda: now[0])
    await scorer.close()
    scorer._client = client  # type: ignore[assignment]
    assert (await scorer.method(LABELS)).name == "choice"
    asked = len(client.asked)
    now[0] = 59
    await scorer.method(LABELS)
    assert len(client.asked) == asked
    now[0] = 61
    client.broken = frozenset()
    await scorer.method(LABELS)
    assert len(client.asked) > asked
    asked, now[0] = len(client.asked), 61 + 599  # what is certain is kept for longer
    await scorer.method(LABELS)
    assert len(client.asked) == asked
