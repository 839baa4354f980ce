"""The client of the embedding servers: which one it uses, what it sends again, and when it gives up."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from backend.embedding import EmbeddingClient
from backend.embedding_server import Config
from backend.errors import EncoderUnavailable, Language
from backend.settings import Settings, load
from tests.fixtures.embedding import HashEncoder, Serving, serving

NOBODY = 9  # the discard port: nothing listens there


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def local() -> Iterator[Serving]:
    with serving(Config(model="local", queue_texts=2048), lambda _: HashEncoder(8)) as server:
        yield server


@pytest.fixture
def remote() -> Iterator[Serving]:
    with serving(Config(model="remote"), lambda _: HashEncoder(16)) as server:
        yield server


async def test_the_remote_one_is_preferred(local: Serving, remote: Serving) -> None:
    async with _client(local, remote) as client:
        info = await client.info()
        assert info is not None
        assert (info.name, info.dimensions, info.url) == ("remote", 16, remote.url)
        found = await client.encode(["가", "나"], "query", deadline_s=10)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[1], HashEncoder.vector("query:나", 16), atol=1e-6)


async def test_remote_then_local_then_none_then_back(local: Serving, remote: Serving) -> None:
    clock = Clock()
    async with _client(local, remote, clock) as client:
        assert (await client.encode(["가"], "query", deadline_s=10)).shape == (1, 16)
        remote.stop()
        assert (await client.encode(["가"], "query", deadline_s=10)).shape == (1, 8)
        local.stop()
        with pytest.raises(EncoderUnavailable) as caught:
            await client.encode(["가"], "query", deadline_s=10)
        assert "cannot be reached" in caught.value.message(Language.EN)
        assert await client.info() is None
        with pytest.raises(EncoderUnavailable, match="none is running"):
            await client.encode(["가"], "query", deadline_s=10)
        with serving(Config(model="remote"), lambda _: HashEncoder(16), port=remote.port):
            assert await client.info() is None, "asked again only after a moment"
            clock.now += 3
            assert (await client.encode(["가"], "query", deadline_s=10)).shape == (1, 16)


async def test_a_remote_one_that_comes_back_is_noticed_in_the_background(local: Serving, remote: Serving) -> None:
    clock = Clock()
    remote.stop()
    async with _client(local, remote, clock) as client:
        assert (await _name(client)) == "local"
        with serving(Config(model="remote"), lambda _: HashEncoder(16), port=remote.port):
            assert (await _name(client)) == "local"
            clock.now += 6
            assert (await _name(client)) == "local", "nobody waits for the question"
            while (await _name(client)) == "local":
                clock.now += 6
                await asyncio.sleep(0)
            assert (await _name(client)) == "remote"


async def test_only_the_encoder_that_is_wanted(local: Serving, remote: Serving) -> None:
    async with _client(local, remote) as client:
        assert (await client.encode(["가"], "passage", deadline_s=10, encoder="remote")).shape == (1, 16)
        remote.stop()
        with pytest.raises(EncoderUnavailable, match="another encoder"):
            await client.encode(["가"], "passage", deadline_s=10, encoder="remote")


async def test_many_texts_go_in_batches_and_come_back_in_order() -> None:
    encoder = HashEncoder(8, batch_tokens=1 << 30)
    texts = [f"{n}번째 글" + "!" * (n % 3 * 4000) for n in range(1000)]
    with serving(Config(model="local"), lambda _: encoder) as server:
        async with _client(server) as client:
            found = await client.encode(texts, "passage", deadline_s=60)
            metrics = server.app.state.server.metrics
    assert found.shape == (1000, 8)
    for n in (0, 255, 256, 511, 999):
        np.testing.assert_allclose(found[n], HashEncoder.vector(f"passage:{texts[n]}"), atol=1e-3)
    assert metrics.requests["/embed", 200] >= 1000 / 256
    assert metrics.counts["texts"] == 1000


async def test_no_texts_are_no_request(local: Serving) -> None:
    async with _client(local) as client:
        assert (await client.encode([], "passage", deadline_s=10)).shape == (0, 8)


async def test_a_full_queue_is_waited_for() -> None:
    encoder = HashEncoder(8)
    config = Config(model="local", max_texts=10, queue_texts=10)
    with serving(config, lambda _: encoder) as server:
        encoder.gate.clear()
        async with _client(server) as first, _client(server) as second:
            waiting = asyncio.create_task(first.encode(["글"] * 10, "passage", deadline_s=30))
            while server.app.state.server.batcher.waiting < 10:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0)
            late = asyncio.create_task(second.encode(["글"] * 10, "passage", deadline_s=30))
            while server.app.state.server.metrics.counts["refused"] == 0:  # noqa: ASYNC110 - in another thread
                await asyncio.sleep(0)
            encoder.gate.set()
            for found in await asyncio.gather(waiting, late):
                assert found.shape == (10, 8)


async def test_the_deadline_holds() -> None:
    encoder = HashEncoder(8)
    with serving(Config(model="local"), lambda _: encoder) as server:
        encoder.gate.clear()
        try:
            async with _client(server) as client:
                await client.info()
                with pytest.raises(EncoderUnavailable, match="did not answer in time"):
                    await client.encode(["글"], "query", deadline_s=0.2)
        finally:
            encoder.gate.set()


async def test_a_server_that_does_not_answer_is_not_waited_for_long(local: Serving) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    try:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = EmbeddingClient(_settings(local.port, url))
        assert await _name(client) == "local"
        await client.close()
    finally:
        server.close()


async def test_a_connection_lost_before_an_answer_is_tried_again(local: Serving) -> None:
    async with _between(local, lose=2) as (url, lost):
        settings = _settings(NOBODY, url)
        asked, client = EmbeddingClient(settings), EmbeddingClient(settings)
        try:
            assert await _name(asked) == "local"
            client._found, client._asked_at = await asked.info(), float("inf")  # so that its first connection is a POST
            assert (await client.encode(["가"], "query", deadline_s=20)).shape == (1, 8)
            assert lost == [True, True]
        finally:
            await asked.close()
            await client.close()


@pytest.mark.parametrize("texts", [["  "], ["글" * 40_000]])
async def test_what_the_server_refuses_is_told_in_its_words(local: Serving, texts: list[str]) -> None:
    async with _client(local) as client:
        with pytest.raises(EncoderUnavailable, match=r"it refused: `texts\[0\]`"):
            await client.encode(texts, "passage", deadline_s=10)


async def test_the_key_is_shown_and_a_wrong_one_is_told() -> None:
    with serving(Config(model="local", api_key="key-1"), lambda _: HashEncoder(8)) as server:
        for key, right in (("key-1", True), ("other", False)):
            client = EmbeddingClient(_settings(server.port, embed_api_key=SecretStr(key)))
            try:
                if right:
                    assert (await client.encode(["가"], "query", deadline_s=10)).shape == (1, 8)
                else:
                    with pytest.raises(EncoderUnavailable, match="A key is needed"):
                        await client.encode(["가"], "query", deadline_s=10)
            finally:
                await client.close()


async def test_vectors_of_another_model_behind_the_same_address_are_not_taken(local: Serving) -> None:
    async with _client(local) as client:
        assert await _name(client) == "local"
        local.stop()
        other = serving(Config(model="changed"), lambda _: HashEncoder(8), port=local.port)
        with other, pytest.raises(EncoderUnavailable, match="another encoder"):
            await client.encode(["가"], "query", deadline_s=10)


async def test_nothing_is_asked_before_it_is_needed() -> None:
    client = EmbeddingClient(_settings(NOBODY, "http://127.0.0.1:9"))
    await client.close()


def _settings(port: int, remote: str = "", **values: Any) -> Settings:
    return load(_env_file=None, embed_host="127.0.0.1", embed_port=port, remote_embed_url=remote, **values)


@asynccontextmanager
async def _client(
    local: Serving, remote: Serving | None = None, clock: Clock | None = None
) -> AsyncIterator[EmbeddingClient]:
    settings = _settings(local.port, remote.url if remote else "")
    client = EmbeddingClient(settings, clock) if clock else EmbeddingClient(settings)
    try:
        yield client
    finally:
        await client.close()


async def _name(client: EmbeddingClient) -> str | None:
    info = await client.info()
    return info.name if info else None


@asynccontextmanager
async def _between(server: Serving, lose: int) -> AsyncIterator[tuple[str, list[bool]]]:
    """A way to a server on which the first requests for vectors are lost before an answer."""
    lost: list[bool] = []

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.read(65_536)
        if first.startswith(b"POST") and len(lost) < lose:
            lost.append(True)
            writer.close()
            return
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", server.port)
        there_writer.write(first)
        await asyncio.gather(pour(reader, there_writer), pour(there_reader, writer))

    way = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{way.sockets[0].getsockname()[1]}", lost
    finally:
        way.close()
