"""The bulk engine with an engine that is told what to do: order, memory, duplicates, back-pressure, the deadline."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing

import pytest

from backend.llm.labels import Head, Prompt, Scored
from backend.sentiment.bulk import Bulk, Item, Outcome
from backend.sentiment.failures import DEADLINE, EMPTY
from backend.sentiment.in_flight import InFlight
from backend.sentiment.seen import Seen, fingerprint

HEAD = Head((("user", ""),))


def item(index: int, text: str | None = None) -> Item:
    text = f"text {index}" if text is None else text
    return Item(index, str(index), "en", is_cut=False, key=fingerprint(text), prompt=Prompt(HEAD, text))


async def source(items: Sequence[Item]) -> AsyncIterator[Item]:
    for one in items:
        yield one


def score_of(text: str) -> Scored:
    number = len(text) + int(text.rpartition(" ")[2])
    return Scored((1 / (1 + number), number / (1 + number)))


class Slow:
    """Answers batches in a random order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.sizes: list[int] = []
        self.running = self.most = 0
        self._random = random.Random(3)

    async def __call__(self, prompts: Sequence[Prompt]) -> list[Outcome]:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            for _ in range(self._random.randrange(6)):
                await asyncio.sleep(0)
            self.asked += [prompt.text for prompt in prompts]
            self.sizes.append(len(prompts))
            return [score_of(prompt.text) for prompt in prompts]
        finally:
            self.running -= 1


def bulk(score: Slow, batch: int = 4, limit: int = 8) -> Bulk:
    return Bulk(score, batch, InFlight(limit, start=limit), Seen(2, sets=64))


async def test_results_come_in_order_each_once_though_answers_do_not() -> None:
    score = Slow()
    items = [item(i) for i in range(203)]
    done = [one async for one in bulk(score).run(source(items))]
    assert [one.index for one in done] == list(range(203))
    assert all(one.outcome == score_of(f"text {one.index}") for one in done)
    assert sorted(score.asked) == sorted(f"text {i}" for i in range(203))
    assert 1 < score.most <= 8 and max(score.sizes) == 4


async def test_the_same_text_is_asked_about_once_near_and_far() -> None:
    score = Slow()
    items = [item(i, f"text {i % 50}") for i in range(200)]
    items.insert(1, item(200, "text 0"))
    done = [one async for one in bulk(score, batch=3, limit=2).run(source(items))]
    assert sorted(score.asked) == sorted(f"text {i}" for i in range(50))
    assert done[1].duplicate_of == 0 and done[1].outcome == done[0].outcome
    for one in done[51:]:
        assert one.duplicate_of == one.index % 50
        assert isinstance(one.outcome, Scored)
        assert one.outcome.probabilities == pytest.approx(score_of(f"text {one.index % 50}").probabilities)


async def test_who_takes_nothing_stops_the_reading() -> None:
    read = 0

    async def endless() -> AsyncIterator[Item]:
        nonlocal read
        while True:
            yield item(read)
            read += 1

    async with aclosing(bulk(Slow(), batch=4, limit=2).run(endless())) as results:
        for _ in range(10):
            await anext(results)
        for _ in range(200):
            await asyncio.sleep(0)
        assert read <= 10 + 4 * (2 * 2 + 1) + 1


async def test_a_slow_source_does_not_hold_back_what_it_has_given() -> None:
    more = asyncio.Event()

    async def halting() -> AsyncIterator[Item]:
        yield item(0)
        await more.wait()
        yield item(1)

    async with aclosing(bulk(Slow(), batch=100).run(halting())) as results:
        assert (await anext(results)).index == 0
        more.set()
        assert [one.index async for one in results] == [1]


async def test_an_item_with_an_outcome_is_not_asked_about() -> None:
    empty = Item(0, "0", "und", is_cut=False, key=b"", prompt=None, outcome=EMPTY)
    score = Slow()
    done = [one async for one in bulk(score).run(source([empty, item(1)]))]
    assert [one.outcome for one in done] == [EMPTY, score_of("text 1")]
    assert score.asked == ["text 1"]


async def test_the_deadline_ends_what_is_not_done() -> None:
    async def never(prompts: Sequence[Prompt]) -> list[Outcome]:
        if prompts[0].text == "text 0":
            return [score_of(prompt.text) for prompt in prompts]
        return await asyncio.Event().wait()  # type: ignore[return-value]

    run = Bulk(never, 1, InFlight(2), Seen(2, sets=4)).run(source([item(i) for i in range(40)]), deadline_s=0.05)
    done = [one async for one in run]
    assert [one.index for one in done] == list(range(40))
    assert done[0].outcome == score_of("text 0")
    assert {id(one.outcome) for one in done[1:]} == {id(DEADLINE)}


async def test_closing_cancels_what_is_in_flight() -> None:
    running = 0

    async def waits(prompts: Sequence[Prompt]) -> list[Outcome]:
        nonlocal running
        if prompts[0].text == "text 0":
            return [score_of(prompt.text) for prompt in prompts]
        running += 1
        try:
            return await asyncio.Event().wait()  # type: ignore[return-value]
        finally:
            running -= 1

    async with aclosing(
        Bulk(waits, 1, InFlight(4, start=4), Seen(2, sets=4)).run(source([item(i) for i in range(99)]))
    ) as r:
        await anext(r)
        await asyncio.sleep(0)
        assert running > 0
    assert running == 0


async def test_a_failure_of_the_engine_comes_after_the_results_before_it() -> None:
    async def breaks(prompts: Sequence[Prompt]) -> list[Outcome]:
        if prompts[0].text == "text 5":
            raise ConnectionError("gone")
        return [score_of(prompt.text) for prompt in prompts]

    done = []
    with pytest.raises(ConnectionError):
        async for one in Bulk(breaks, 1, InFlight(1, start=1), Seen(2, sets=4)).run(
            source([item(i) for i in range(9)])
        ):
            done.append(one.index)
    assert done == [0, 1, 2, 3, 4]


async def test_a_failure_waits_for_what_is_under_way() -> None:
    failed = asyncio.Event()

    async def breaks(prompts: Sequence[Prompt]) -> list[Outcome]:
        if prompts[0].text == "text 3":
            failed.set()
            raise ConnectionError("gone")
        await failed.wait()
        return [score_of(prompt.text) for prompt in prompts]

    done = []
    items = source([item(i) for i in range(9)])
    with pytest.raises(ConnectionError):
        async for one in Bulk(breaks, 1, InFlight(4, start=4), Seen(2, sets=4)).run(items):
            done.append(one.index)
    assert done == [0, 1, 2]


async def test_a_failure_of_the_source_is_told() -> None:
    async def torn() -> AsyncIterator[Item]:
        yield item(0)
        raise ValueError("half a file")

    with pytest.raises(ValueError, match="half a file"):
        async for _ in bulk(Slow()).run(torn()):
            pass


def test_seen_forgets_the_oldest_when_its_places_are_full() -> None:
    seen = Seen(2, sets=1)
    keys = [fingerprint(str(i)) for i in range(9)]
    for i, key in enumerate(keys):
        seen.put(key, i, is_measured=i % 2 == 0, probabilities=(0.25, 0.75))
    assert seen.get(keys[0]) is None
    assert seen.get(keys[8]) == (8, True, (0.25, 0.75))
    assert seen.get(keys[1]) == (1, False, (0.25, 0.75))
    seen.put(keys[8], 80, is_measured=True, probabilities=(0.5, 0.5))
    assert seen.get(keys[8]) == (80, True, (0.5, 0.5)) and seen.get(keys[1]) is not None
