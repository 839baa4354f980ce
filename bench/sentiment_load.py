"""One client of the sentiment benchmark, in a process of its own: `python -m bench.sentiment_load JSON`.

The argument is a `Load`; the last line on standard output is what it measured.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from urllib.parse import urlsplit

import orjson
import psutil
import structlog
from openai import AsyncOpenAI
from pydantic import SecretStr

from backend.llm.engine import Engine
from backend.llm.labels.client import EngineClient
from backend.llm.labels.vllm import TokenIds
from backend.llm.providers import Provider
from backend.sentiment.classifier import Classifier
from backend.sentiment.labels import LABELS, Review
from backend.sentiment.prompt import DEFAULT_PROMPTS
from backend.settings import ServiceType

_WORDS = [label.value for label in LABELS]
_HEAD = DEFAULT_PROMPTS["ko"].head
_PROMPTS, _REQUESTS = 256, 8  # a request and at once: the best of the direct clients that were measured
_RSS_EVERY = 500  # reviews

_PLACES = ("국물이", "반찬이", "직원분들이", "매장이", "배달이", "커피가", "고기가", "가격이", "분위기가", "주차가")
_FEELINGS = ("정말 좋았어요", "기대보다 별로였습니다", "그냥 그랬어요", "훌륭하네요", "실망스러웠어요", "무난합니다")
_MORE = ("다시 올게요", "추천은 못 하겠네요", "친구와 함께 갔습니다", "점심에 붐벼요", "양이 넉넉해요", "조금 짰어요")


@dataclass(frozen=True)
class Load:
    """What to send.

    Attributes:
        client: ours, direct, asyncopenai, asyncopenai_labels or sequential.
        count: reviews; `first` is the number of the first, so that no two clients send the same.
    """

    client: str
    url: str
    model: str
    count: int
    first: int = 0
    api_key: str = ""


def review(number: int) -> str:
    """A Korean review of some 27 tokens, another one for each number."""
    place, feeling = _PLACES[number % 10], _FEELINGS[number // 10 % 6]
    return f"{number}번째 방문인데 {place} {feeling}. {_MORE[number // 60 % 6]}, 참고하세요!"


async def run(load: Load) -> dict[str, float]:
    clients: dict[str, Callable[[Load], Awaitable[dict[str, float]]]] = {
        "ours": _ours, "direct": _direct, "asyncopenai": _many, "asyncopenai_labels": _many_labels, "sequential": _one
    }  # fmt: skip
    return await clients[load.client](load)


async def _ours(load: Load) -> dict[str, float]:
    """The classifier, from reviews that are made while it runs to findings that are looked at."""
    engine = _engine(load)
    classifier = Classifier(engine)
    process = psutil.Process()
    peak = 0
    numbers = iter(range(load.first, load.first + load.count))
    try:
        async with aclosing(classifier.classify([Review("0", "준비", 0)])) as warm_up:
            assert (await anext(warm_up)).error is None
        began = time.perf_counter()
        reviews = (Review(str(n), review(n), i) for i, n in enumerate(numbers))
        async with aclosing(classifier.classify(reviews)) as findings:
            done = 0
            async for finding in findings:
                assert finding.index == done and finding.label is not None, finding
                done += 1
                if done % _RSS_EVERY == 0:
                    peak = max(peak, process.memory_info().rss)
        seconds = time.perf_counter() - began
    finally:
        await classifier.close()
        await engine.close()
    assert done == load.count
    return {"per_s": done / seconds, "peak_mb": max(peak, process.memory_info().rss) / 2**20}


async def _direct(load: Load) -> dict[str, float]:
    """The ceiling: bodies made beforehand, raw connections, answers decoded and counted."""
    engine = _engine(load)
    client = EngineClient(engine)
    try:
        method = await TokenIds.prepare(client, load.model, _WORDS)
        assert method is not None
        template = await method.template(_HEAD)
        bodies = []
        for numbers in _batches(range(load.first, load.first + load.count), _PROMPTS):
            texts = await method.ids_of([_HEAD.tail(review(n)) for n in numbers], template)
            prompts = [template.prefix + ids + template.suffix for ids in texts]
            bodies.append((len(prompts), orjson.dumps(method.body(prompts))))
    finally:
        await client.close()
        await engine.close()
    waiting = iter(bodies)
    began = time.perf_counter()
    await asyncio.gather(*(_posts(load, waiting) for _ in range(_REQUESTS)))
    return {"per_s": load.count / (time.perf_counter() - began)}


async def _posts(load: Load, bodies: Iterator[tuple[int, bytes]]) -> None:
    """Sends bodies over one connection, without a library: no client can be cheaper."""
    url = urlsplit(load.url)
    assert url.hostname is not None
    reader, writer = await asyncio.open_connection(url.hostname, url.port, ssl=url.scheme == "https" or None)
    head = f"POST {url.path}/completions HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {load.api_key}\r\n" if load.api_key else ""
    try:
        for count, body in bodies:
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            answered = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(answered.partition(b"content-length:")[2].partition(b"\r\n")[0])
            answer = orjson.loads(await reader.readexactly(length))
            assert answered.startswith(b"http/1.1 200") and len(answer["choices"]) == count, answer
    finally:
        writer.close()


async def _many(load: Load) -> dict[str, float]:
    return await _openai(load, 128)


async def _many_labels(load: Load) -> dict[str, float]:
    return await _openai(load, 128, top_logprobs=0)


async def _one(load: Load) -> dict[str, float]:
    return await _openai(load, 1)


async def _openai(load: Load, at_once: int, top_logprobs: int = 20) -> dict[str, float]:
    """The usual client: one chat for each review, held to the labels.

    Args:
        top_logprobs: alternatives of the first token, from which a score for every label can be made: fewer than 20
            often lack a label. 0: only the label is asked for.
    """
    told = {"logprobs": True, "top_logprobs": top_logprobs} if top_logprobs else {}
    async with AsyncOpenAI(base_url=load.url, api_key=load.api_key or "none", max_retries=2) as client:

        async def ask(number: int) -> None:
            answer = await client.chat.completions.create(
                model=load.model,
                messages=_HEAD.with_text(review(number)),  # type: ignore[arg-type]
                max_tokens=5,
                temperature=0,
                extra_body={"structured_outputs": {"choice": _WORDS}, **told},
            )
            choice = answer.choices[0]
            assert choice.message.content in _WORDS and (choice.logprobs or not told), answer

        await asyncio.gather(*(ask(load.first - 1 - n) for n in range(min(at_once, 8))))
        numbers = iter(range(load.first, load.first + load.count))

        async def worker() -> None:
            for number in numbers:
                await ask(number)

        began = time.perf_counter()
        await asyncio.gather(*(worker() for _ in range(at_once)))
        return {"per_s": load.count / (time.perf_counter() - began)}


def _engine(load: Load) -> Engine:
    return Engine(Provider("bench", load.url, ServiceType.VLLM, load.model, SecretStr(load.api_key)))


def _batches(numbers: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (numbers[start : start + size] for start in range(0, len(numbers), size))


if __name__ == "__main__":
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    print(orjson.dumps(asyncio.run(run(Load(**orjson.loads(sys.argv[1]))))).decode())
