"""Search in a real database: what is found, by whom, and what happens when the encoder or a document goes."""

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from sqlalchemy import delete, select, text, update

from backend.embedding import EmbeddingClient
from backend.embedding_server import Config
from backend.errors import EncoderUnavailable
from backend.retrieval.index import NewChunk, add_chunks, prepare, refresh_view, remove_chunks
from backend.retrieval.lexical import weights
from backend.retrieval.search import Found, Search
from backend.retrieval.terms import terms
from backend.retrieval.vectors import (
    activate_if_complete,
    active_encoder,
    count_missing,
    drop_encoder,
    missing_vectors,
    register_encoder,
    store_vectors,
)
from backend.settings import REPOSITORY, load
from backend.store.database import Database
from backend.store.models import Collection, Document, DocumentStatus, Encoder, Role, User
from tests.fixtures.embedding import HashEncoder, Serving, serving

DATA = REPOSITORY / "tests" / "data"
PASSAGES = [json.loads(line) for line in (DATA / "passages.jsonl").read_text(encoding="utf-8").splitlines()]
QUERIES = [json.loads(line) for line in (DATA / "queries.jsonl").read_text(encoding="utf-8").splitlines()]


@dataclass
class Shelf:
    """A database with two people, and what puts documents on their shelves."""

    database: Database
    mina: UUID
    joon: UUID

    def search(self, encoder: Any = None, **settings: Any) -> Search:
        return Search(self.database, load(_env_file=None, **settings), encoder)

    async def collection(self, owner: UUID, *, shared: bool = False) -> Collection:
        async with self.database.session() as session:
            made = Collection(owner_id=owner, name="서가", shared=shared)
            session.add(made)
        return made

    async def document(
        self, collection: Collection, *bodies: str, title: str = "", status: str = DocumentStatus.READY
    ) -> Document:
        async with self.database.session() as session:
            made = Document(
                collection_id=collection.id,
                title=title,
                file_name=f"{title}.txt",
                media_type="text/plain",
                size_bytes=1,
                sha256=uuid4().bytes,
                status=status,
            )
            session.add(made)
            await session.flush()
            await add_chunks(session, made, collection.number, [NewChunk("", 1, body, 9) for body in bodies])
        return made

    async def found(self, who: UUID, query: str, ids: Sequence[UUID] | None = None) -> list[str]:
        result = await self.search().search(who, query, collection_ids=ids)
        return [passage.text for passage in result.passages]

    async def counts(self) -> tuple[dict[int, int], dict[int, int]]:
        """df by term and n by collection, as the searches sum them."""
        async with self.database.session() as session:
            df = await session.execute(text("SELECT tid, sum(df)::int FROM lex_df GROUP BY tid HAVING sum(df) <> 0"))
            n = await session.execute(text("SELECT collection_number, sum(n)::int FROM lex_n GROUP BY 1"))
            return {row[0]: row[1] for row in df}, {row[0]: row[1] for row in n if row[1]}

    async def recounted(self) -> tuple[dict[int, int], dict[int, int]]:
        """The same, counted anew."""
        async with self.database.session() as session:
            df = await session.execute(text("SELECT t, count(*)::int FROM chunk_lex, unnest(tids) t GROUP BY t"))
            n = await session.execute(text("SELECT collection_number, count(*)::int FROM chunk_lex GROUP BY 1"))
            return {row[0]: row[1] for row in df}, {row[0]: row[1] for row in n}


@pytest.fixture
async def shelf(database: Database) -> Shelf:
    people = [User(username=name, password_hash="", role=Role.USER) for name in ("mina", "joon")]
    async with database.session() as session:
        session.add_all(people)
    return Shelf(database, people[0].id, people[1].id)


@pytest.fixture
async def corpus(shelf: Shelf) -> dict[UUID, str]:
    """Mina's collection of the test passages; their names by document."""
    collection = await shelf.collection(shelf.mina)
    made = [await shelf.document(collection, each["text"], title=each["title"]) for each in PASSAGES]
    return {document.id: each["id"] for document, each in zip(made, PASSAGES, strict=True)}


@pytest.fixture
def hashed() -> Iterator[Serving]:
    with serving(Config(model="hash"), lambda _: HashEncoder()) as server:
        yield server


@pytest.fixture
async def client(hashed: Serving) -> AsyncIterator[EmbeddingClient]:
    made = EmbeddingClient(load(_env_file=None, remote_embed_url=hashed.url, embed_port=hashed.port))
    yield made
    await made.close()


async def embed_all(database: Database, client: EmbeddingClient) -> Encoder:
    info = await client.info()
    assert info is not None
    encoder = await register_encoder(database, info.name, info.dimensions)
    lacking = await missing_vectors(database, encoder.id, limit=1000)
    vectors = await client.encode([each.text for each in lacking], "passage", deadline_s=30)
    await store_vectors(database, encoder, [each.chunk_id for each in lacking], vectors)
    assert await activate_if_complete(database, encoder.id)
    return encoder


async def test_questions_find_their_passage_first(shelf: Shelf, corpus: dict[UUID, str]) -> None:
    search, wrong = shelf.search(), []
    for query in QUERIES:
        result = await search.search(shelf.mina, query["query"], collection_ids=None, limit=3, mode="lexical")
        if corpus[result.passages[0].document_id] not in query["relevant"]:
            wrong.append(query["query"])
    assert wrong == []


async def test_a_passage_tells_where_it_is_and_how_well_it_fits(shelf: Shelf) -> None:
    document = await shelf.document(
        await shelf.collection(shelf.mina), "첫 글이다.", "대여 기간은 7일이다.", title="규정"
    )
    result = await shelf.search().search(shelf.mina, "기간", collection_ids=None)
    first = result.passages[0]
    assert (first.document_id, first.document, first.page, first.text) == (
        document.id,
        "규정",
        1,
        "대여 기간은 7일이다.",
    )
    assert first.score == 1.0
    assert first.lexical is not None
    assert first.lexical > 0
    assert first.dense is None
    assert (result.mode, result.degraded) == ("lexical", True)


async def test_who_may_read_what(shelf: Shelf) -> None:
    await shelf.document(await shelf.collection(shelf.mina), "미나의 비밀 일기")
    await shelf.document(await shelf.collection(shelf.joon), "준의 비밀 일기")
    shared = await shelf.collection(shelf.joon, shared=True)
    await shelf.document(shared, "모두의 비밀 일기")
    assert sorted(await shelf.found(shelf.mina, "비밀 일기")) == ["모두의 비밀 일기", "미나의 비밀 일기"]
    assert sorted(await shelf.found(shelf.joon, "비밀 일기")) == ["모두의 비밀 일기", "준의 비밀 일기"]
    assert await shelf.found(uuid4(), "비밀 일기") == ["모두의 비밀 일기"]
    async with shelf.database.session() as session:
        await session.execute(update(Collection).where(Collection.id == shared.id).values(deleted_at=text("now()")))
    assert await shelf.found(shelf.mina, "비밀 일기") == ["미나의 비밀 일기"]


async def test_only_the_named_collections_are_searched_and_only_ones_that_may_be_read(shelf: Shelf) -> None:
    mine, other, foreign = [await shelf.collection(who) for who in (shelf.mina, shelf.mina, shelf.joon)]
    for collection, body in ((mine, "사과 하나"), (other, "사과 둘"), (foreign, "사과 셋")):
        await shelf.document(collection, body)
    assert await shelf.found(shelf.mina, "사과", [mine.id]) == ["사과 하나"]
    assert await shelf.found(shelf.mina, "사과", [foreign.id, other.id]) == ["사과 둘"]
    assert await shelf.found(shelf.mina, "사과", [foreign.id]) == await shelf.found(shelf.mina, "사과", []) == []
    assert await shelf.found(shelf.mina, "사과", [uuid4()]) == []


@pytest.mark.parametrize("status", [s for s in DocumentStatus if s != DocumentStatus.READY])
async def test_what_is_not_ready_is_not_found(shelf: Shelf, status: DocumentStatus) -> None:
    collection = await shelf.collection(shelf.mina)
    await shelf.document(collection, *["우주선 이야기"] * 150, status=status)  # more than there are candidates
    await shelf.document(collection, "우주선 이야기와 그 밖의 긴 이야기")
    assert await shelf.found(shelf.mina, "우주선") == ["우주선 이야기와 그 밖의 긴 이야기"]


async def test_counts_follow_what_is_inserted_and_deleted(shelf: Shelf) -> None:
    collection = await shelf.collection(shelf.mina)
    first = await shelf.document(collection, "사과와 배", "배와 감")
    second = await shelf.document(collection, "감과 사과")
    assert await shelf.counts() == await shelf.recounted()
    async with shelf.database.session() as session:
        await remove_chunks(session, first.id)
    assert await shelf.counts() == await shelf.recounted()
    assert await shelf.found(shelf.mina, "배") == []
    await refresh_view(shelf.database)
    assert await shelf.counts() == await shelf.recounted()
    async with shelf.database.session() as session:
        await session.execute(delete(Document).where(Document.id == second.id))  # chunks and terms go with it
    assert await shelf.counts() == ({}, {})
    await refresh_view(shelf.database)
    async with shelf.database.session() as session:
        assert await session.scalar(text("SELECT count(*) FROM lex_df")) == 0


async def test_a_rolled_back_document_leaves_no_counts(shelf: Shelf) -> None:
    collection = await shelf.collection(shelf.mina)
    document = await shelf.document(collection, "사과")
    before = await shelf.counts()
    with pytest.raises(RuntimeError, match="stop"):
        async with shelf.database.session() as session:
            await add_chunks(session, document, collection.number, [NewChunk("", None, "배", 1)], first=1)
            raise RuntimeError("stop")
    assert await shelf.counts() == before


async def test_writers_at_once_neither_wait_for_each_other_nor_lose_counts(shelf: Shelf) -> None:
    collection = await shelf.collection(shelf.mina)
    documents = [await shelf.document(collection, title=f"책 {n}") for n in range(6)]
    met = asyncio.Barrier(6)

    async def write(number: int) -> None:
        words = ["사과", "배", "감", "귤"]
        chunks = [NewChunk("", None, " ".join(words[(number + i) % 4 :]), 1) for i in range(30)]
        async with shelf.database.session() as session:
            await add_chunks(session, documents[number], collection.number, chunks[:15])
            await met.wait()  # every transaction is open and has counted the same terms
            await add_chunks(session, documents[number], collection.number, chunks[15:], first=15)
        await refresh_view(shelf.database)

    async with asyncio.timeout(60):
        await asyncio.gather(*(write(number) for number in range(6)))
    assert await shelf.counts() == await shelf.recounted()
    assert (await shelf.counts())[1] == {collection.number: 180}


@pytest.mark.parametrize(
    "query",
    ["", "  \n", "?!", "\x00", "\ud800", "'; DROP TABLE chunks; --", "사과' OR '1'='1", "%s %(x)s :terms {0} $1", "\\"],
)
async def test_odd_questions_do_no_harm(shelf: Shelf, query: str) -> None:
    await shelf.document(await shelf.collection(shelf.mina), "사과와 배", title="과일")
    found = await shelf.search().search(shelf.mina, query, collection_ids=None)
    assert len(found.passages) == ("사과" in query)
    assert await shelf.found(shelf.mina, "사과") == ["사과와 배"]


async def test_odd_texts_are_stored_and_found(shelf: Shelf) -> None:
    collection = await shelf.collection(shelf.mina)
    bodies = ["널 \x00 글자", "가" * 30_000, "😀 이모지 글", "\u202eabc 거꾸로", "", " ".join(map(str, range(9000)))]
    await shelf.document(collection, *bodies, title="'\"; DROP")
    assert await shelf.found(shelf.mina, "이모지") == ["😀 이모지 글"]
    assert await shelf.found(shelf.mina, "널 글자") == ["널   글자"]
    assert len(await shelf.found(shelf.mina, "8999 " * 5000)) == 1


async def test_titles_and_paths_are_found(shelf: Shelf) -> None:
    collection = await shelf.collection(shelf.mina)
    document = await shelf.document(collection, title="도로교통법")
    chunk = NewChunk("제17조 제1항", None, "여기에는 다른 말만 있다.", 5)
    async with shelf.database.session() as session:
        prepared = prepare([f"{chunk.path}\n{chunk.body}"])
        await add_chunks(session, document, collection.number, [chunk], prepared=prepared)
    assert len(await shelf.found(shelf.mina, "도로교통법")) == len(await shelf.found(shelf.mina, "제17조")) == 1


async def test_scores_are_those_of_bm25_in_small_and_large_scopes(shelf: Shelf, corpus: dict[UUID, str]) -> None:
    indexed = [weights(terms().of_passage(f"\n{p['text']}") + terms().of_passage(p["title"])) for p in PASSAGES]
    for query in QUERIES:
        asked = terms().of_query(query["query"])
        df = {tid: sum(tid in each.tids for each in indexed) for tid in asked}
        idf = {t: math.log(1 + (len(indexed) - n + 0.5) / (n + 0.5)) for t, n in df.items() if n}
        expected = [
            sum(idf.get(tid, 0) * value for tid, value in zip(each.tids, each.values, strict=True)) for each in indexed
        ]
        for exact_up_to in (1000, 0):
            call = "SELECT score FROM bm25(:t, ARRAY[1], '{}', 5, 5000, :exact) ORDER BY score DESC"
            async with shelf.database.session() as session:
                scores = list(await session.scalars(text(call), {"t": asked, "exact": exact_up_to}))
            best = [score for score in sorted(expected, reverse=True)[:5] if score > 0]
            assert scores == pytest.approx(best, rel=1e-3)


async def test_the_view_shows_what_is_ready_after_a_refresh(shelf: Shelf) -> None:
    collection = await shelf.collection(shelf.mina)
    await shelf.document(collection, "다 읽은 글", title="책")
    await shelf.document(collection, "읽는 중인 글", status=DocumentStatus.READING)
    deleted = await shelf.collection(shelf.mina)
    await shelf.document(deleted, "지운 글")
    async with shelf.database.session() as session:
        await session.execute(update(Collection).where(Collection.id == deleted.id).values(deleted_at=text("now()")))
    await asyncio.gather(refresh_view(shelf.database), refresh_view(shelf.database))
    async with shelf.database.session() as session:
        view = "SELECT collection_id, title, file_name, path, page, body FROM mv_searchable_chunks"
        assert [tuple(row) for row in await session.execute(text(view))] == [
            (collection.id, "책", "책.txt", "", 1, "다 읽은 글")
        ]


async def test_words_and_meaning_together(shelf: Shelf, corpus: dict[UUID, str], client: EmbeddingClient) -> None:
    await embed_all(shelf.database, client)
    for mode in ("hybrid", "dense"):
        result = await shelf.search(client).search(shelf.mina, "한라산의 높이", collection_ids=None, limit=5, mode=mode)
        assert (result.mode, result.degraded, len(result.passages)) == (mode, False, 5)
        assert all(passage.dense is not None for passage in result.passages)
        assert [p.score for p in result.passages] == sorted((p.score for p in result.passages), reverse=True)
    hybrid = await shelf.search(client).search(shelf.mina, "한라산의 높이", collection_ids=None)
    assert corpus[hybrid.passages[0].document_id] == "volcano"
    stranger = await shelf.search(client).search(shelf.joon, "한라산의 높이", collection_ids=None)
    assert stranger == Found([], "hybrid", False)


async def test_the_index_of_an_encoder_finds_what_comparing_all_finds(
    shelf: Shelf, corpus: dict[UUID, str], client: EmbeddingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await embed_all(shelf.database, client)
    search = shelf.search(client, retrieval_mode="dense")
    exact = await search.search(shelf.mina, "바다", collection_ids=None)
    monkeypatch.setattr("backend.retrieval.search.DENSE_EXACT_UP_TO", 0)
    assert await search.search(shelf.mina, "바다", collection_ids=None) == exact


async def test_words_answer_when_the_encoder_fails_in_mid_query(
    shelf: Shelf, corpus: dict[UUID, str], hashed: Serving, client: EmbeddingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await embed_all(shelf.database, client)
    search = shelf.search(client)
    assert not (await search.search(shelf.mina, "훈민정음", collection_ids=None)).degraded
    monkeypatch.setattr("backend.retrieval.search.ENCODE_DEADLINE_S", 0.3)
    hashed.stop()
    result = await search.search(shelf.mina, "훈민정음을 만든 해", collection_ids=None)
    assert (result.mode, result.degraded) == ("lexical", True)
    assert corpus[result.passages[0].document_id] == "hangul"
    assert result.passages[0].dense is None


async def test_words_answer_when_the_encoder_is_silent(
    shelf: Shelf, corpus: dict[UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = HashEncoder()
    with serving(Config(model="hash"), lambda _: slow) as server:
        client = EmbeddingClient(load(_env_file=None, remote_embed_url=server.url, embed_port=server.port))
        await embed_all(shelf.database, client)
        monkeypatch.setattr("backend.retrieval.search.ENCODE_DEADLINE_S", 0.2)
        slow.gate.clear()
        result = await shelf.search(client).search(shelf.mina, "훈민정음", collection_ids=None)
        slow.gate.set()
        await client.close()
    assert (result.mode, result.degraded) == ("lexical", True)
    assert corpus[result.passages[0].document_id] == "hangul"


async def test_the_old_encoder_serves_until_the_new_one_is_complete(shelf: Shelf, corpus: dict[UUID, str]) -> None:
    with (
        serving(Config(model="old"), lambda _: HashEncoder(8)) as first,
        serving(Config(model="new"), lambda _: HashEncoder(16)) as second,
    ):
        old, new = (
            EmbeddingClient(load(_env_file=None, remote_embed_url=server.url, embed_port=server.port))
            for server in (first, second)
        )
        before = await embed_all(shelf.database, old)
        after = await register_encoder(shelf.database, "new", 16)
        assert await count_missing(shelf.database, after.id) == len(PASSAGES)
        assert not await activate_if_complete(shelf.database, after.id)
        both = Search(shelf.database, load(_env_file=None), new, others=[old])
        only_new = shelf.search(new)
        assert not (await both.search(shelf.mina, "온돌", collection_ids=None)).degraded
        assert (await only_new.search(shelf.mina, "온돌", collection_ids=None)).degraded

        assert (await embed_all(shelf.database, new)).id == after.id
        active = await active_encoder(shelf.database)
        assert active is not None
        assert active.id == after.id
        assert not (await shelf.search(new).search(shelf.mina, "온돌", collection_ids=None)).degraded

        again = await register_encoder(shelf.database, "old", 8)  # going back: its vectors are still there
        assert (again.id, again.state, await count_missing(shelf.database, again.id)) == (before.id, "building", 0)
        assert await activate_if_complete(shelf.database, again.id)
        await drop_encoder(shelf.database, after.id)
        async with shelf.database.session() as session:
            assert list(await session.scalars(select(Encoder.name))) == ["old"]
            assert await session.scalar(text("SELECT count(*) FROM chunk_vectors")) == len(PASSAGES)
        await old.close()
        await new.close()


async def test_a_passage_that_comes_later_is_found_before_it_has_a_vector(
    shelf: Shelf, corpus: dict[UUID, str], client: EmbeddingClient
) -> None:
    encoder = await embed_all(shelf.database, client)
    await shelf.document(await shelf.collection(shelf.mina), "우주선이 화성에 내렸다.", title="새 소식")
    lacking = await missing_vectors(shelf.database, encoder.id)
    assert [each.text for each in lacking] == ["새 소식\n우주선이 화성에 내렸다."]
    result = await shelf.search(client).search(shelf.mina, "화성에 내린 우주선", collection_ids=None)
    assert (result.passages[0].document, result.passages[0].dense, result.degraded) == ("새 소식", None, False)


async def test_vectors_that_are_none_are_refused(shelf: Shelf, corpus: dict[UUID, str]) -> None:
    encoder = await register_encoder(shelf.database, "odd", 3)
    ids = [each.chunk_id for each in await missing_vectors(shelf.database, encoder.id, limit=2)]
    for wrong in ([[1.0, 2.0]] * 2, [[1.0, 2.0, 3.0]], [[0.0, 0.0, 0.0]] * 2, [[1.0, float("nan"), 0.0]] * 2):
        with pytest.raises(EncoderUnavailable):
            await store_vectors(shelf.database, encoder, ids, np.array(wrong, dtype=np.float32))
    with pytest.raises(EncoderUnavailable, match="4,000"):
        await register_encoder(shelf.database, "huge", 4001)
    assert await count_missing(shelf.database, encoder.id) == len(PASSAGES)
    await store_vectors(shelf.database, encoder, [*ids, 10**9], np.ones((3, 3), dtype=np.float32))  # one is gone
    assert await count_missing(shelf.database, encoder.id) == len(PASSAGES) - 2


async def test_a_mode_that_is_none(shelf: Shelf) -> None:
    with pytest.raises(ValueError, match="fuzzy"):
        await shelf.search().search(shelf.mina, "사과", collection_ids=None, mode="fuzzy")
