"""Prints a line for each check with its latency and, when it fails, what to do. Exit status 0 when all is well."""

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import httpx2
import structlog

from backend.errors import Language, Text
from backend.settings import Settings, load
from backend.store.database import Database, url_of
from backend.verify.check import Check, Report, Result, Way, run
from backend.verify.engines import EngineChecks
from backend.verify.page import PageChecks
from backend.verify.store import StoreChecks


async def verify(settings: Settings, way: Way, language: Language, report: Report) -> bool:
    """Runs every check, tells each result as it comes; whether all were passed."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.server_name, settings.server_name)  # noqa: S104 - compared
    address = f"http://{f'[{host}]' if ':' in host else host}:{settings.server_port}"
    database = Database(url_of(settings), pool_size=2)
    passed = True
    try:
        async with httpx2.AsyncClient(base_url=address, timeout=15, trust_env=False) as page:
            for check in checks(settings, way, database, page):
                passed &= await run(check, language, report)
    finally:
        await database.close()
    return passed


def checks(settings: Settings, way: Way, database: Database, page: httpx2.AsyncClient) -> Iterator[Check]:
    """Every check, in an order in which the first failure is the likeliest cause of those after it."""
    yield from _machine(settings, way)
    yield from StoreChecks(settings, database, way).all()
    yield from EngineChecks(settings).all()
    yield from PageChecks(settings, database, page).all()


def main() -> int:
    """Prints the results; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.verify", description="Checks the running system.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--way", choices=[str(way) for way in Way], default="laptop", help="how it was brought up")
    parser.add_argument("--language", choices=[str(language) for language in Language], default="en")
    options = parser.parse_args()
    language, way = Language(options.language), Way(options.way)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    results: list[Result] = []

    def report(check: Check, result: Result) -> None:
        results.append(result)
        if not options.json:
            print(_line(check.title.in_(language), result), flush=True)

    settings: list[Settings] = []

    async def read_settings() -> str:
        settings.append(_settings(way))
        return str(settings[0].data_dir)

    title, next_step = Text("설정", "settings"), Text("docs/configuration.md", "docs/configuration.md")
    passed = asyncio.run(run(Check("settings", title, read_settings, next_step), language, report))
    if passed:
        passed = asyncio.run(verify(settings[0], way, language, report))
    if options.json:
        print(json.dumps({"ok": passed, "checks": [asdict(result) for result in results]}, ensure_ascii=False))
    return 0 if passed else 1


def _settings(way: Way) -> Settings:
    """Those of what runs. An image without a supervisor has no use for the module that asks one."""
    if way is Way.DOCKER:
        return load()
    from backend.supervision.starting import settings_in_use  # noqa: PLC0415

    return settings_in_use()


def _machine(settings: Settings, way: Way) -> Iterator[Check]:
    if way is Way.DOCKER:
        from backend.verify.disk import disk  # noqa: PLC0415

        return iter([disk(settings)])
    from backend.verify.machine import MachineChecks  # noqa: PLC0415

    return MachineChecks(settings, way).all()


def _line(title: str, result: Result) -> str:
    line = f"{'✓' if result.ok else '✗'} {title}: {result.detail} ({result.latency_ms:.0f} ms)"
    return line if result.ok else f"{line}\n    → {result.next_step}"


if __name__ == "__main__":
    sys.exit(main())
