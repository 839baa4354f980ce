"""The FastAPI application: routes by area, everything that guards them around it, periodic jobs.

The pages are mounted by `app.py`, which is the only place that knows both this package and `ui`.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from backend.errors import DatabaseUnavailable, OndolError
from backend.llm.engine import EngineState
from backend.version import VERSION
from backend.web import (
    accounts_api,
    chat_api,
    documents_api,
    hints_admin_api,
    hints_api,
    login,
    pod_api,
    problems,
    providers_api,
    search_api,
    sentiment_api,
)
from backend.web.docs_page import docs_router
from backend.web.health import Check, Finding, Health, State, database_check, disk_check, health_router
from backend.web.metrics import metrics_router
from backend.web.services import Services
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
_POD_TICK_S = 1
_POD_UPKEEP_EVERY_H = 1


def create_app(services: Services) -> FastAPI:
    """The application without the pages. `app.state.ready` turns true when the database is prepared."""
    settings = services.settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        services.pod.begin()
        tasks = {asyncio.create_task(_prepare_and_work(app, services)), asyncio.create_task(services.ollama.run())}
        scheduler = _scheduler(services)
        scheduler.start()
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)  # jobs under way are put down before the database is closed
            scheduler.shutdown(wait=False)
            await services.close()

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
        search_api.router(services.search, services.database, services.activity),
        hints_admin_api.router(services.hints, services.teacher),  # before the problems, which have names as well
        hints_api.router(services.hints),
        sentiment_api.router(services.sentiment, settings),
        providers_api.router(services.engines),
        pod_api.router(services.pod),
        docs_router(),
    ):
        app.include_router(router)
    app.mount("/static", FreshFiles(directory=Path(__file__).parent / "static"), name="static")
    return app


async def _prepare_and_work(app: FastAPI, services: Services) -> None:
    """Once the database is prepared, background work is done in this process until it ends."""
    await _prepare(app, services)
    try:
        await services.hints.bank.start()
    except OndolError as error:  # it is read again when somebody asks for a problem
        log.warning("problems_not_read", code=error.code)
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
            await services.pod.prepare()
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
    scheduler.add_job(_keep_pod, "interval", [services], hours=_POD_UPKEEP_EVERY_H, **every)
    # A tick that waits for RunPod is left alone: those that come meanwhile return at once.
    scheduler.add_job(services.pod.tick, "interval", seconds=_POD_TICK_S, **{**every, "max_instances": 2})
    return scheduler


async def _purge(services: Services) -> None:
    try:
        gone = await services.chat.conversations.purge_deleted()
        collections = await services.documents.collections.purge_deleted()
    except OndolError as error:
        log.warning("purge_failed", code=error.code)
    else:
        log.info("purged", conversations=gone, collections=collections)


async def _keep_pod(services: Services) -> None:
    try:
        await services.pod.upkeep()
    except OndolError as error:
        log.warning("pod_upkeep_failed", code=error.code)


async def _look_for_encoder(services: Services) -> None:
    """An encoder that came, came back or was exchanged is given the passages that lack its vectors."""
    try:
        await services.documents.index_if_behind()
    except OndolError as error:
        log.warning("looking_for_encoder_failed", code=error.code)


def _checks(services: Services) -> list[Check]:
    async def probe() -> Finding:
        row = await services.engines.awaited()
        told: dict[str, Any] = {"model": row.report.model, "context": row.context}
        if row.seen is not None and row.report.state is not EngineState.READY:
            found = row.seen.preparation
            told["preparation"] = {
                "phase": found.phase, "done_bytes": found.done_bytes, "total_bytes": found.total_bytes,
            }  # fmt: skip
        return Finding(State(row.report.state), told)

    async def probe_encoder() -> Finding:
        encoder = await services.encoder.info()
        if encoder is None:
            return Finding(State.UNREACHABLE)
        return Finding(State.READY, {"model": encoder.name, "dimensions": encoder.dimensions})

    async def probe_sandbox() -> Finding:
        return Finding(State.REFUSED if await services.hints.judge.available() else State.READY)

    return [
        database_check(services.database.ping),
        Check("engine", probe),
        Check("embedding", probe_encoder, essential=False),  # without it search goes by words
        Check("sandbox", probe_sandbox, essential=False),  # without it no program of a learner is run
        disk_check(_existing(services.settings.data_dir)),
    ]


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())
