"""The FastAPI application: services are made once, routes by area, everything that guards them around it.

The pages are mounted by `app.py`, which is the only place that knows both this package and `ui`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from backend.accounts.service import Accounts
from backend.chat.conversations import Conversations
from backend.chat.service import ChatService
from backend.documents.service import Documents
from backend.embedding import EmbeddingClient
from backend.errors import DatabaseUnavailable, OndolError
from backend.jobs.queue import Jobs
from backend.llm.engine import Engine
from backend.llm.providers import MAIN, providers_of
from backend.retrieval.search import Search
from backend.settings import Settings
from backend.store.database import Database, url_of
from backend.version import VERSION
from backend.web import accounts_api, chat_api, documents_api, login, problems, search_api
from backend.web.docs_page import docs_router
from backend.web.health import Check, Finding, Health, State, database_check, disk_check, health_router
from backend.web.metrics import Metrics, metrics_router
from backend.web.stack import middleware_stack
from backend.web.static_files import FreshFiles

log = structlog.get_logger()

_DESCRIPTION = (
    "Ask, read and manage conversations from a program. Make a token on the account page and send it as "
    "`Authorization: Bearer ondol_…`. Errors are RFC 9457 problems with a stable `code`."
)
_PREPARE_AGAIN_S = 1.0
_PURGE_EVERY_H = 6
_LOOK_FOR_ENCODER_EVERY_S = 60


@dataclass(frozen=True)
class Services:
    """What handlers work with; one of each in a process."""

    settings: Settings
    database: Database
    accounts: Accounts
    chat: ChatService
    documents: Documents
    search: Search
    encoder: EmbeddingClient
    jobs: Jobs
    metrics: Metrics


def services_of(settings: Settings) -> Services:
    """Makes the services; nothing is connected yet."""
    database = Database(url_of(settings))
    metrics = Metrics()
    engines = {
        name: Engine(provider, settings.first_token_timeout_s) for name, provider in providers_of(settings).items()
    }
    encoder, jobs = EmbeddingClient(settings), Jobs(url_of(settings))
    search = Search(database, settings, encoder)
    return Services(
        settings=settings,
        database=database,
        accounts=Accounts(database, settings),
        chat=ChatService(settings, Conversations(database), engines, metrics, search),
        documents=Documents(database, settings, jobs, encoder),
        search=search,
        encoder=encoder,
        jobs=jobs,
        metrics=metrics,
    )


def create_app(services: Services) -> FastAPI:
    """The application without the pages. `app.state.ready` turns true when the database is prepared."""
    settings = services.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        preparing = asyncio.create_task(_prepare_and_work(app, services))
        scheduler = _scheduler(services)
        scheduler.start()
        try:
            yield
        finally:
            preparing.cancel()
            await asyncio.wait({preparing})  # jobs under way are put down before the database is closed
            scheduler.shutdown(wait=False)
            await _close(services)

    app = FastAPI(
        title="Ondol",
        version=VERSION,
        description=_DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        middleware=middleware_stack(settings, metrics=services.metrics),
    )
    app.state.ready = False
    app.state.accounts = services.accounts
    app.state.services = services
    problems.install(app)
    health = Health(VERSION, _checks(services), ready=lambda: bool(app.state.ready))
    for router in (
        health_router(health),
        metrics_router(services.metrics, settings),
        login.router(services.accounts, settings),
        accounts_api.router(services.accounts),
        chat_api.router(services.chat, services.documents.collections),
        documents_api.router(services.documents, settings.max_document_bytes),
        search_api.router(services.search, services.database),
        docs_router(),
    ):
        app.include_router(router)
    app.mount("/static", FreshFiles(directory=Path(__file__).parent / "static"), name="static")
    return app


async def _prepare_and_work(app: FastAPI, services: Services) -> None:
    """Once the database is prepared, background work is done in this process until it ends."""
    await _prepare(app, services)
    await services.jobs.work()


async def _prepare(app: FastAPI, services: Services) -> None:
    """Waits for the database, brings its schema up to date, makes the first admin; then the doors open."""
    told = ""
    while True:
        try:
            await services.database.migrate()
            await services.accounts.ensure_first_admin()
            # It stops the whole process for seconds, which a reader's first question must not meet.
            await services.search.warm_up()
        except (OndolError, SQLAlchemyError, OSError, RuntimeError) as error:
            said = error.code if isinstance(error, OndolError) else f"{type(error).__name__}: {error}"
            if said != told:
                level = log.info if isinstance(error, DatabaseUnavailable) else log.error
                level("waiting_for_database", reason=said)
                told = said
            await asyncio.sleep(_PREPARE_AGAIN_S)
        else:
            app.state.ready = True
            log.info("ready", version=VERSION)
            return


def _scheduler(services: Services) -> AsyncIOScheduler:
    """Every periodic job of the process."""
    scheduler = AsyncIOScheduler()
    every = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    scheduler.add_job(_purge, "interval", [services], hours=_PURGE_EVERY_H, **every)
    scheduler.add_job(_look_for_encoder, "interval", [services], seconds=_LOOK_FOR_ENCODER_EVERY_S, **every)
    return scheduler


async def _purge(services: Services) -> None:
    try:
        gone = await services.chat.conversations.purge_deleted()
        collections = await services.documents.collections.purge_deleted()
    except OndolError as error:
        log.warning("purge_failed", code=error.code)
    else:
        log.info("purged", conversations=gone, collections=collections)


async def _look_for_encoder(services: Services) -> None:
    """An encoder that came, came back or was exchanged is given the passages that lack its vectors."""
    try:
        await services.documents.index_if_behind()
    except OndolError as error:
        log.warning("looking_for_encoder_failed", code=error.code)


def _checks(services: Services) -> list[Check]:
    engine = services.chat.engines[MAIN]

    async def probe() -> Finding:
        info = await engine.info()
        return Finding(State(info.state), {"model": info.model, "context": info.context})

    async def probe_encoder() -> Finding:
        encoder = await services.encoder.info()
        if encoder is None:
            return Finding(State.UNREACHABLE)
        return Finding(State.READY, {"model": encoder.name, "dimensions": encoder.dimensions})

    return [
        database_check(services.database.ping),
        Check("engine", probe),
        Check("embedding", probe_encoder, essential=False),  # without it search goes by words
        disk_check(_existing(services.settings.data_dir)),
    ]


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


async def _close(services: Services) -> None:
    await services.chat.close()
    await services.documents.close()
    await services.jobs.close()
    await services.encoder.close()
    services.accounts.close()
    for engine in services.chat.engines.values():
        await engine.close()
    await services.database.close()
