"""The model server and the embedding server."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager

from backend.embedding import EmbeddingClient, EncoderInfo
from backend.errors import Text
from backend.llm.call import Call, Request, unchanging
from backend.llm.preparation import Phase, noted
from backend.llm.router import router_of
from backend.llm.routes import Workload
from backend.settings import Settings
from backend.verify.check import Check, CheckFailed, Finding, log_of

ENCODER_LOADS_S = 60.0  # started with everything else, and not waited for by the start


class EngineChecks:
    """Those of what computes."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def all(self) -> Iterator[Check]:
        """Whether it was prepared, whether it answers, what it answers."""
        if noted(self._settings) is not None:
            yield Check("plan", Text("모델 준비", "preparation"), self._plan, log_of("llm"))
        yield Check("engine", Text("모델 서버", "model server"), self._engine, log_of("llm"))
        yield Check("answer", Text("모델의 답", "model's answer"), self._answer, log_of("llm"))
        yield Check("embedding", Text("임베딩 서버", "embedding server"), self._embedding, log_of("embedding"))

    async def _plan(self) -> Finding:
        """What the model was started with, and what had to be taken down for it."""
        preparation = await asyncio.to_thread(noted, self._settings)
        if preparation is None:
            raise CheckFailed(Text("준비 기록이 없어짐", "the note of it has gone"))
        chosen = ", ".join(f"{name}={value}" for name, value in preparation.chosen)
        if preparation.phase is Phase.FAILED:
            raise CheckFailed(preparation.error or Text("실패", "failed"))
        if preparation.phase is not Phase.READY:
            raise CheckFailed(Text(f"아직 {preparation.phase}", f"still {preparation.phase}"))
        lowered = ", ".join(f"{each.setting} {each.before} → {each.after}" for each in preparation.lowered)
        if lowered:
            return Text(
                f"{chosen}; 메모리가 모자라 낮춤: {lowered}", f"{chosen}; lowered for want of memory: {lowered}"
            )
        return chosen or preparation.model

    async def _engine(self) -> str:
        async with self._call() as call:
            info = (await call.begin()).info
        return f"{info.model}, context {info.context:,}"

    async def _answer(self) -> str:
        written = ""
        question = "What is the capital of Korea? Answer in one word."
        request = Request([{"role": "user", "content": question}], max_tokens=12)
        async with self._call() as call, aclosing(call.stream(unchanging(request))) as events:
            async for event in events:
                written += event if isinstance(event, str) else ""
        if not written.strip():
            raise CheckFailed(Text("빈 답", "an empty answer"))
        return f"“{' '.join(written.split())[:40]}”"

    async def _embedding(self) -> Finding:
        client = EmbeddingClient(self._settings)
        try:
            info = await self._encoder(client)
            if info is None:
                raise CheckFailed(Text("쓸 수 있는 것이 없음; 낱말로만 찾음", "none can be used; search goes by words"))
            vectors = await client.encode(["온돌은 따뜻하다"], "query", deadline_s=15)
        finally:
            await client.close()
        return f"{info.name}, {vectors.shape[1]} × float32, {info.url}"

    async def _encoder(self, client: EmbeddingClient) -> EncoderInfo | None:
        """The encoder, waited for while a server of ours is there and may still be loading."""
        end = time.monotonic() + ENCODER_LOADS_S
        while (info := await client.info()) is None and time.monotonic() < end and await self._embedding_is_there():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.5)
        return info

    async def _embedding_is_there(self) -> bool:
        """Whether something listens at the port of our own server, which it does before its model is loaded."""
        if self._settings.remote_embed_url:
            return False
        try:
            _, writer = await asyncio.open_connection(self._settings.embed_host, self._settings.embed_port)
        except OSError:
            return False
        writer.close()
        return True

    @asynccontextmanager
    async def _call(self) -> AsyncIterator[Call]:
        """As a question in the chat goes: a hosted provider is not asked unless that is allowed."""
        router = router_of(self._settings)
        try:
            yield router.call(Workload.HEAVY)
        finally:
            await router.close()
