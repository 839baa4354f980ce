"""What is tried again, what is taken apart, and when an engine is given up."""

import asyncio
from collections.abc import Iterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import stamina

from backend.errors import EngineBusy, EngineRefused, EngineUnavailable
from backend.llm.labels import (
    Broken,
    Forbidden,
    Head,
    NoLabel,
    Overloaded,
    Prompt,
    Refused,
    Scored,
    Unreachable,
)
from backend.sentiment.failures import FAILED, NO_LABEL, REFUSED
from backend.sentiment.patience import Patience, method_of

HEAD = Head((("user", ""),))
GOOD = Scored((1.0, 0.0))


class Scorer:
    """Fails as it is told: in turn, or at certain texts."""

    def __init__(self, failures: Sequence[Exception] = (), at: dict[str, Exception] | None = None) -> None:
        self.failures, self.at = list(failures), at or {}
        self.requests: list[list[str]] = []
        self.engine = SimpleNamespace(provider=SimpleNamespace(name="main"))

    async def method(self, labels: Sequence[str]) -> str:
        if self.failures:
            raise self.failures.pop(0)
        return "choice"

    async def score(self, prompts: Sequence[Prompt], labels: Sequence[str]) -> list[Scored | NoLabel]:
        texts = [prompt.text for prompt in prompts]
        self.requests.append(texts)
        if self.failures:
            raise self.failures.pop(0)
        for text in texts:
            if text in self.at:
                raise self.at[text]
        return [NoLabel("?") if text == "mute" else GOOD for text in texts]


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=6):
        yield


async def outcomes(scorer: Any, texts: Sequence[str], overloads: list[int] | None = None) -> list[Any]:
    counted = overloads if overloads is not None else []
    patience = Patience(scorer, ("a", "b"), lambda: counted.append(1))
    return await patience.score([Prompt(HEAD, text) for text in texts])


async def test_a_moment_of_trouble_is_waited_out() -> None:
    overloads: list[int] = []
    gone = EngineUnavailable(provider="main")
    scorer = Scorer([Overloaded(429, 1.0), Unreachable(), gone, Broken(), Overloaded(503, None)])
    assert await outcomes(scorer, ["x", "y"], overloads) == [GOOD, GOOD]
    assert len(scorer.requests) == 6 and len(overloads) == 2


async def test_a_refused_batch_is_halved_down_to_the_one_to_blame() -> None:
    texts = [str(i) for i in range(256)]
    scorer = Scorer(at={"77": Refused(400, "bad")})
    found = await outcomes(scorer, texts)
    assert [i for i, outcome in enumerate(found) if outcome is not GOOD] == [77]
    assert found[77] == REFUSED
    assert len(scorer.requests) == 1 + 2 * 8  # two halves on each of log2(256) levels


async def test_a_failing_prompt_is_tried_again_then_told() -> None:
    scorer = Scorer(at={"b": Broken()})
    assert await outcomes(scorer, ["a", "b", "c", "d"]) == [GOOD, FAILED, GOOD, GOOD]
    assert scorer.requests.count(["b"]) == 2


async def test_an_answer_that_is_no_label_fails_alone() -> None:
    assert await outcomes(Scorer(), ["x", "mute", "y"]) == [GOOD, NO_LABEL, GOOD]


async def test_an_engine_that_fails_at_everything_is_given_up_soon() -> None:
    texts = [str(i) for i in range(256)]
    scorer = Scorer(at={text: Broken() for text in texts})
    with pytest.raises(EngineRefused):
        await outcomes(scorer, texts)
    assert len(scorer.requests) < 60


@pytest.mark.parametrize(
    ("failure", "error", "requests"),
    [
        (Overloaded(429, 3.0), EngineBusy, 6),
        (Unreachable(), EngineUnavailable, 6),
        (Forbidden(401), EngineRefused, 1),
    ],
)
async def test_trouble_that_stays_ends_the_run(failure: Exception, error: type[Exception], requests: int) -> None:
    scorer = Scorer([failure] * 20)
    with pytest.raises(error):
        await outcomes(scorer, ["x"])
    assert len(scorer.requests) == requests


async def test_the_way_to_ask_is_looked_for_again_while_the_engine_is_busy() -> None:
    scorer: Any = Scorer([Overloaded(429, 1.0), Unreachable(), Overloaded(503, None)])
    assert await method_of(scorer, ("a", "b")) == "choice"


@pytest.mark.parametrize(
    ("failure", "error", "left"),
    [
        (Overloaded(429, 3.0), EngineBusy, 14),
        (Unreachable(), EngineUnavailable, 14),
        (EngineUnavailable(provider="main"), EngineUnavailable, 19),
    ],
)
async def test_trouble_while_the_way_to_ask_is_looked_for_is_the_engines(
    failure: Exception, error: type[Exception], left: int
) -> None:
    scorer: Any = Scorer([failure] * 20)
    with pytest.raises(error):
        await method_of(scorer, ("a", "b"))
    assert len(scorer.failures) == left


async def test_the_way_to_ask_is_not_looked_for_longer_than_the_deadline() -> None:
    class Silent(Scorer):
        async def method(self, labels: Sequence[str]) -> str:
            return await asyncio.Future()

    silent: Any = Silent()
    with pytest.raises(TimeoutError):
        await method_of(silent, ("a", "b"), deadline_s=0.01)
