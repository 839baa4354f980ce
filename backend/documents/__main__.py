"""`python -m backend.documents embed | reindex | import | search | export`: documents from the command line.

On the running database; what takes long shows a bar, and can be stopped and begun again.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import structlog
from sqlalchemy import func, select, text

from backend.documents.service import Documents, failure_of
from backend.embedding import EmbeddingClient
from backend.errors import DatabaseUnavailable, Language, OndolError, UnknownCollection, UnknownUser
from backend.jobs.queue import Jobs
from backend.retrieval.index import refresh_view
from backend.retrieval.search import Search
from backend.settings import ConfigurationError, Settings, load
from backend.store.database import Database, url_of
from backend.store.models import Chunk, Collection, Document, DocumentStatus, User

FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130
_BAR_WIDTH = 28


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status: 0 done, 1 refused or failed, 2 wrong use or configuration."""
    given = _parser().parse_args(arguments)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        return asyncio.run(_with_documents(given))
    except KeyboardInterrupt:
        print("\nStopped. What is finished is kept: the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return WRONG_USE
    except DatabaseUnavailable:
        print("The database cannot be reached. Start Ondol with ./quick_start.sh, then try again.", file=sys.stderr)
    except OndolError as error:
        print(error.message(Language.EN), file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m backend.documents", description="Documents of the running Ondol.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("embed", help="make the vectors that are missing, then refresh the view")
    commands.add_parser("reindex", help="read every document again, then refresh the view")
    importer = commands.add_parser("import", help="bring files and folders into a collection, and read them")
    importer.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    importer.add_argument("--user", required=True, help="whose collection it is")
    importer.add_argument("--collection", required=True, help="its name; made where there is none")
    searcher = commands.add_parser("search", help="search as a user")
    searcher.add_argument("query", metavar="QUERY")
    searcher.add_argument("--user", required=True, help="who asks")
    searcher.add_argument("--limit", type=int, default=5)
    searcher.add_argument("--mode", choices=["lexical", "dense", "hybrid"], default=None)
    exporter = commands.add_parser("export", help="passages as JSON lines on standard output")
    exporter.add_argument("--collection", type=UUID, default=None, metavar="ID", help="default: all of them")
    return parser


async def _with_documents(given: argparse.Namespace) -> int:
    settings = load()
    database, jobs, encoder = Database(url_of(settings), pool_size=3), Jobs(url_of(settings)), EmbeddingClient(settings)
    documents = Documents(database, settings, jobs, encoder)
    try:
        await database.ping()
        if not await database.schema_is_current():
            print("The database has no tables yet, or old ones. Start Ondol once: it updates them.", file=sys.stderr)
            return FAILED
        return await _run(given, settings, database, documents, encoder)
    finally:
        await documents.close()
        await jobs.close()
        await encoder.close()
        await database.close()


async def _run(
    given: argparse.Namespace, settings: Settings, database: Database, documents: Documents, encoder: EmbeddingClient
) -> int:
    match given.command:
        case "embed":
            return await _embed(database, documents)
        case "reindex":
            return await _reindex(database, documents)
        case "import":
            return await _import(given, database, documents)
        case "search":
            return await _search(given, settings, database, encoder)
    return await _export(given, database)


async def _embed(database: Database, documents: Documents) -> int:
    """Vectors of the encoder that answers now (`REMOTE_EMBED_URL`, else the local one)."""
    try:
        made = await documents.indexing.embed(told=lambda done, total: _bar("embedding", done, total))
    finally:
        _end_bar()
        await refresh_view(database)
    print(f"Vectors made: {made}. The view is up to date.")
    return 0


async def _reindex(database: Database, documents: Documents) -> int:
    """Passages and terms anew, of every document whose file is kept: those read longest ago first, so that it can be
    stopped and begun again. The others are searched meanwhile."""
    again = text("""
        UPDATE documents d SET status = 'queued', progress = 0 FROM document_files f
        WHERE d.id = :id AND f.sha256 = d.sha256 AND d.status IN ('ready', 'failed') RETURNING d.id""")
    async with database.session() as session:
        known = (await session.scalars(select(Document.id).order_by(Document.updated_at))).all()
    read: list[UUID] = []
    for number, document_id in enumerate(known):
        _bar("reading", number, len(known))
        async with database.session() as session:
            is_kept = await session.scalar(again, {"id": document_id}) is not None
        if is_kept:
            await documents.ingest.run(str(document_id))
            read.append(document_id)
    _end_bar()
    failed = await _tell_failures(database, read)
    await refresh_view(database)
    print(f"Documents read: {len(read) - failed}, failed: {failed}. Missing vectors: python -m backend.documents embed")
    return FAILED if failed else 0


async def _import(given: argparse.Namespace, database: Database, documents: Documents) -> int:
    user_id = await _user(database, given.user)
    collections = await documents.list_collections(user_id)
    found = next((each.id for each in collections if each.mine and each.name == given.collection), None)
    collection_id = found or (await documents.create_collection(user_id, given.collection)).id
    waiting: list[UUID] = []
    refused = known = 0
    for path in _files(given.paths):
        try:
            content = await asyncio.to_thread(path.read_bytes)
            added = await documents.add_file(user_id, collection_id, path.name, content)
        except OndolError as error:
            refused += 1
            print(f"{path}: {error.message(Language.EN)}", file=sys.stderr)
        except OSError as error:
            refused += 1
            print(f"{path}: {error.strerror}", file=sys.stderr)
        else:
            known += added.is_duplicate
            if added.document.status in {DocumentStatus.QUEUED, DocumentStatus.READING}:
                waiting.append(added.document.id)
    failed = await _read_all(database, documents, waiting)
    await refresh_view(database)
    print(f"Files read: {len(waiting) - failed}, there already: {known}, failed or refused: {failed + refused}.")
    return FAILED if failed or refused else 0


async def _read_all(database: Database, documents: Documents, waiting: Sequence[UUID]) -> int:
    """Reads documents in this process, whoever else reads besides; how many failed."""
    for number, document_id in enumerate(waiting):
        _bar("reading", number, len(waiting))
        await documents.ingest.run(str(document_id))
    _bar("reading", len(waiting), len(waiting))
    _end_bar()
    return await _tell_failures(database, waiting)


async def _tell_failures(database: Database, read: Sequence[UUID]) -> int:
    failed = 0
    async with database.session() as session:
        rows = await session.scalars(select(Document).where(Document.id.in_(read)))
        for row in rows:
            if (failure := failure_of(row)) is not None:
                failed += 1
                print(f"{row.file_name}: {failure.message(Language.EN)}", file=sys.stderr)
    return failed


async def _search(given: argparse.Namespace, settings: Settings, database: Database, encoder: EmbeddingClient) -> int:
    found = await Search(database, settings, encoder).search(
        await _user(database, given.user), given.query, collection_ids=None, limit=given.limit, mode=given.mode
    )
    for number, passage in enumerate(found.passages, 1):
        page = f" p.{passage.page}" if passage.page else ""
        print(f"[{number}] {passage.score:.3f} {passage.document}{page} {passage.path}".rstrip())
        print(f"    {' '.join(passage.text.split())[:200]}")
    if found.degraded:
        print("(by words only: no encoder answered)", file=sys.stderr)
    return 0


async def _export(given: argparse.Namespace, database: Database) -> int:
    after = 0
    while True:
        statement = (
            select(Chunk, Document.title, Document.file_name, Collection.id)
            .join(Document, Document.id == Chunk.document_id)
            .join(Collection, Collection.id == Document.collection_id)
            .where(Chunk.id > after, Document.status == DocumentStatus.READY, Collection.deleted_at.is_(None))
            .order_by(Chunk.id)
            .limit(1000)
        )
        if given.collection is not None:
            statement = statement.where(Collection.id == given.collection)
        async with database.session() as session:
            rows = (await session.execute(statement)).all()
            if not rows and after == 0 and given.collection and not await session.get(Collection, given.collection):
                raise UnknownCollection
        for chunk, title, file_name, collection_id in rows:
            line = {
                "chunk_id": chunk.id,
                "collection_id": str(collection_id),
                "document_id": str(chunk.document_id),
                "title": title,
                "file_name": file_name,
                "path": chunk.path,
                "page": chunk.page,
                "text": chunk.body,
            }
            print(json.dumps(line, ensure_ascii=False))
        if not rows:
            return 0
        after = rows[-1][0].id


async def _user(database: Database, name: str) -> UUID:
    async with database.session() as session:
        found = await session.scalar(select(User.id).where(User.username == func.lower(name)))
    if found is None:
        raise UnknownUser(username=name)
    return found


def _files(paths: Sequence[Path]) -> list[Path]:
    """The files, and those in the folders; hidden ones are left out."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (each for each in sorted(path.rglob("*")) if each.is_file())
            found += [each for each in inside if not any(part.startswith(".") for part in each.parts)]
        else:
            found.append(path)
    return found


def _bar(what: str, done: int, total: int) -> None:
    if sys.stderr.isatty() and total:
        filled = _BAR_WIDTH * done // total
        line = f"\r{what} [{'#' * filled}{' ' * (_BAR_WIDTH - filled)}] {done:,}/{total:,}"
        print(line, end="", file=sys.stderr, flush=True)


def _end_bar() -> None:
    if sys.stderr.isatty():
        print(file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
