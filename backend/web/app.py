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
from backend.errors import DatabaseUnavailable, OndolError
from backend.llm.engine import Engine
from backend.llm.providers import MAIN, providers_of
from backend.settings import Settings
from backend.store.database import Database, url_of
from backend.version import VERSION
from backend.web import accounts_api, chat_api, login, problems
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


@dataclass(frozen=True)
class Services:
    """What handlers work with; one of each in a process."""

    settings: Settings
    database: Database
    accounts: Accounts
    chat: ChatService
    metrics: Metrics


def services_of(settings: Settings) -> Services:
    """Makes the services; nothing is connected yet."""
    database = Database(url_of(settings))
    metrics = Metrics()
    engines = {
        name: Engine(provider, settings.first_token_timeout_s) for name, provider in providers_of(settings).items()
    }
    chat = ChatService(settings, Conversations(database), engines, metrics)
    return Services(settings, database, Accounts(database, settings), chat, metrics)


def create_app(services: Services) -> FastAPI:
    """The application without the pages. `app.state.ready` turns true when the database is prepared."""
    settings = services.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        preparing = asyncio.create_task(_prepare(app, services))
        scheduler = _scheduler(services)
        scheduler.start()
        try:
            yield
        finally:
            preparing.cancel()
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
        chat_api.router(services.chat),
        docs_router(),
    ):
        app.include_router(router)
    app.mount("/static", FreshFiles(directory=Path(__file__).parent / "static"), name="static")
    return app


async def _prepare(app: FastAPI, services: Services) -> None:
    """Waits for the database, brings its schema up to date, makes the first admin; then the doors open."""
    told = ""
    while True:
        try:
            await services.database.migrate()
            await services.accounts.ensure_first_admin()
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
    return scheduler


async def _purge(services: Services) -> None:
    try:
        gone = await services.chat.conversations.purge_deleted()
    except OndolError as error:
        log.warning("purge_failed", code=error.code)
    else:
        log.info("purged", conversations=gone)


def _checks(services: Services) -> list[Check]:
    engine = services.chat.engines[MAIN]

    async def probe() -> Finding:
        info = await engine.info()
        return Finding(State(info.state), {"model": info.model, "context": info.context})

    return [
        database_check(services.database.ping),
        Check("engine", probe),
        disk_check(_existing(services.settings.data_dir)),
    ]


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


async def _close(services: Services) -> None:
    await services.chat.close()
    services.accounts.close()
    for engine in services.chat.engines.values():
        await engine.close()
    await services.database.close()
