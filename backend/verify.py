"""`python -m backend.verify [--json]`: checks the running system piece by piece, from the settings to an answer.

Each check is a line with its latency and, when it fails, what to do. Exit status 0 when all is well, 1 otherwise.
"""

import argparse
import asyncio
import json
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from uuid import UUID

import httpx2
import structlog
from sqlalchemy import delete, text

from backend.accounts.identity import CONSOLE, Identity, Scope
from backend.accounts.service import Accounts
from backend.accounts.tokens import Tokens
from backend.embedding import EmbeddingClient, EncoderInfo
from backend.errors import Language, OndolError, Text
from backend.llm.engine import Engine
from backend.llm.providers import MAIN, providers_of
from backend.models import manifest, ready_weights
from backend.models.checks import sha256_of
from backend.settings import ConfigurationError, Settings
from backend.store.database import Database, url_of
from backend.store.models import Conversation, Role
from backend.supervision.daemon import Daemon, ServiceState
from backend.supervision.starting import reachable, runs_llm, settings_in_use

MINIMUM_FREE_MB = 1000
ENCODER_LOADS_S = 60.0  # started with everything else, and not waited for by the start
_LOGS = Text("기록을 보세요: ./quick_start.sh --logs {0}", "See ./quick_start.sh --logs {0}")


Finding = Text | str  # names and numbers are the same in every language


class CheckFailed(Exception):
    """What was found instead of what should be there; one line."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(_in(finding, Language.EN))
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Check:
    """One piece: `run` returns what it found in a few words, or raises. `next_step` is for when it fails."""

    key: str
    title: Text
    run: Callable[[], Awaitable[Finding]]
    next_step: Text


@dataclass(frozen=True, slots=True)
class Result:
    """What a check came to; `latency_ms` is how long it took."""

    check: str
    ok: bool
    latency_ms: float
    detail: str
    next_step: str


Report = Callable[[Check, Result], None]


class Checks:
    """The checks of one system."""

    def __init__(self, settings: Settings, database: Database, page: httpx2.AsyncClient) -> None:
        self._settings = settings
        self._database = database
        self._page = page

    def all(self) -> tuple[Check, ...]:
        """Every check, in an order in which the first failure is the likeliest cause of those after it."""
        return (
            Check(
                "disk",
                Text("디스크", "disk"),
                self._disk,
                Text("공간을 비우세요. 데이터는 DATA_DIR에 있습니다.", "Free some space; the data is in DATA_DIR."),
            ),
            Check(
                "services",
                Text("프로세스", "processes"),
                self._services,
                Text(
                    "켜기: ./quick_start.sh, 기록: ./quick_start.sh --logs", "Start with ./quick_start.sh; see --logs"
                ),
            ),
            Check("database", Text("데이터베이스", "database"), self._reach_database, _for("database")),
            Check(
                "migrations",
                Text("데이터베이스 구조", "migrations"),
                self._migrations,
                Text("앱을 다시 켜면 고쳐집니다: ./quick_start.sh", "Starting the app applies them: ./quick_start.sh"),
            ),
            Check(
                "weights",
                Text("모델 파일", "weights"),
                self._weights,
                Text("다시 받기: python -m backend.models fetch", "Fetch again: python -m backend.models fetch"),
            ),
            Check("engine", Text("모델 서버", "model server"), self._engine, _for("llm")),
            Check("answer", Text("모델의 답", "model's answer"), self._answer, _for("llm")),
            Check("embedding", Text("임베딩 서버", "embedding server"), self._embedding, _for("embedding")),
            Check("page", Text("화면", "page"), self._login_page, _for("app")),
            Check("health", Text("상태 검사", "health"), self._health, _for("app")),
            Check("api", Text("JSON API", "JSON API"), self._api, _for("app")),
        )

    async def _disk(self) -> Finding:
        free = shutil.disk_usage(self._settings.data_dir).free // 1_000_000
        if free < MINIMUM_FREE_MB:
            raise CheckFailed(Text(f"{free:,}MB만 남음", f"only {free:,} MB free"))
        return Text(f"{free:,}MB 남음", f"{free:,} MB free")

    async def _services(self) -> Finding:
        services = [service for service in Daemon().services() if service.state is not ServiceState.STOPPED]
        if not services:
            raise CheckFailed(Text("supervisord가 켜져 있지 않음", "supervisord does not run"))
        if down := [f"{s.name} {s.state}" for s in services if s.state is not ServiceState.RUNNING]:
            raise CheckFailed(", ".join(down))
        return ", ".join(service.name for service in services)

    async def _reach_database(self) -> str:
        await self._database.ping()
        async with self._database.session() as session:
            version = await session.scalar(text("SHOW server_version"))
            vector = await session.scalar(text("SELECT extversion FROM pg_extension WHERE extname = 'vector'"))
        return f"PostgreSQL {version}, pgvector {vector}"

    async def _migrations(self) -> Finding:
        if not await self._database.schema_is_current():
            raise CheckFailed(Text("아직 적용되지 않은 변경이 있음", "some are not applied"))
        return Text("최신", "current")

    async def _weights(self) -> Finding:
        if not runs_llm(self._settings):
            return Text("여기서는 쓰지 않음", "not used here")
        path = await asyncio.to_thread(ready_weights, self._settings)
        if self._settings.llm_gguf is not None:
            return str(path)
        expected = manifest().model(self._settings.llm_model).sha256
        found = await asyncio.to_thread(sha256_of, path)
        if found != expected:
            raise CheckFailed(f"{path}: SHA-256 {found} ≠ {expected}")
        return Text(f"{path.name}, SHA-256 일치", f"{path.name}, SHA-256 as it should be")

    async def _engine(self) -> str:
        async with self._engine_client() as engine:
            info = await engine.require_ready()
        return f"{info.model}, context {info.context:,}"

    async def _answer(self) -> str:
        written = ""
        async with self._engine_client() as engine:
            model = (await engine.require_ready()).model
            question = "What is the capital of Korea? Answer in one word."
            async for event in engine.stream([{"role": "user", "content": question}], model=model, max_tokens=12):
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
        """The encoder, waited for while supervisord keeps a server of ours that may still be loading."""
        running = {s.name for s in Daemon().services() if s.state in (ServiceState.STARTING, ServiceState.RUNNING)}
        end = time.monotonic() + (ENCODER_LOADS_S if "embedding" in running else 0)
        while (info := await client.info()) is None and time.monotonic() < end:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.5)
        return info

    async def _login_page(self) -> str:
        answer = await self._page.get("/login")
        if answer.status_code != 200 or "<form" not in answer.text:
            raise CheckFailed(f"GET /login: HTTP {answer.status_code}")
        start = await self._page.get("/", headers={"Accept": "text/html"})
        if start.status_code == 200:
            raise CheckFailed(Text("로그인하지 않아도 화면이 보임", "GET / shows the page to a stranger"))
        return str(self._page.base_url).rstrip("/")

    async def _health(self) -> str:
        answer = await self._page.get("/health")
        if answer.status_code != 200:
            raise CheckFailed(f"HTTP {answer.status_code}: {answer.text[:200]}")
        return str(answer.json()["status"])

    async def _api(self) -> str:
        """Asks a question as a program would, with a token that ends with the check."""
        if (refused := await self._page.get("/api/v1/conversations")).status_code != 401:
            raise CheckFailed(f"without a token: HTTP {refused.status_code} instead of 401")
        async with self._token() as token:
            headers = {"Authorization": f"Bearer {token}"}
            question = {"message": "Say hello.", "max_tokens": 12}
            answer = await self._page.post("/api/v1/chat", json=question, headers=headers, timeout=180)
            if answer.status_code != 200:
                raise CheckFailed(f"POST /api/v1/chat: HTTP {answer.status_code}: {answer.text[:200]}")
            body = answer.json()
            async with self._database.session() as session:
                await session.execute(delete(Conversation).where(Conversation.id == UUID(body["conversation_id"])))
        return f"{body['model_used']} in {body['processing_time']:.1f} s"

    @asynccontextmanager
    async def _engine_client(self) -> AsyncIterator[Engine]:
        engine = Engine(providers_of(self._settings)[MAIN], self._settings.first_token_timeout_s)
        try:
            yield engine
        finally:
            await engine.close()

    @asynccontextmanager
    async def _token(self) -> AsyncIterator[str]:
        """A token of an admin, revoked at the end."""
        accounts, tokens = Accounts(self._database, self._settings), Tokens(self._database)
        try:
            people = await accounts.list_users(CONSOLE)
        finally:
            accounts.close()
        admin = next((person for person in people if person.role is Role.ADMIN and person.disabled_at is None), None)
        if admin is None:
            raise CheckFailed(Text("쓸 수 있는 관리자 계정이 없음", "there is no admin account in use"))
        who = Identity(admin.id, admin.username, admin.role)
        info, token = await tokens.create(who, "verify_system", [Scope.CHAT, Scope.READ], expires_in_days=1)
        try:
            yield token
        finally:
            async with self._database.session() as session:
                await tokens.revoke(session, who.user_id, only=info.id)


async def verify(settings: Settings, language: Language, report: Report) -> bool:
    """Runs every check, tells each result as it comes; whether all were passed."""
    address = f"http://{reachable(settings.server_name)}:{settings.server_port}"
    database = Database(url_of(settings), pool_size=2)
    passed = True
    try:
        async with httpx2.AsyncClient(base_url=address, timeout=15, trust_env=False) as page:
            for check in Checks(settings, database, page).all():
                passed &= await _run(check, language, report)
    finally:
        await database.close()
    return passed


async def _run(check: Check, language: Language, report: Report) -> bool:
    begin = time.perf_counter()
    try:
        detail, ok = _in(await check.run(), language), True
    except CheckFailed as error:
        detail, ok = _in(error.finding, language), False
    except ConfigurationError as error:
        detail, ok = str(error), False
    except OndolError as error:
        detail, ok = error.message(language), False
    except Exception as error:  # whatever breaks a check is its finding
        detail, ok = f"{type(error).__name__}: {error}".splitlines()[0][:300], False
    elapsed = round((time.perf_counter() - begin) * 1000, 1)
    report(check, Result(check.key, ok, elapsed, detail, "" if ok else check.next_step.in_(language)))
    return ok


def _in(finding: Finding, language: Language) -> str:
    return finding.in_(language) if isinstance(finding, Text) else finding


def _for(service: str) -> Text:
    return Text(*(sentence.format(service) for sentence in _LOGS))


def main() -> int:
    """Prints the results; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m backend.verify", description="Checks the running system.")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    parser.add_argument("--language", choices=[str(language) for language in Language], default="en")
    options = parser.parse_args()
    language = Language(options.language)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    results: list[Result] = []

    def report(check: Check, result: Result) -> None:
        results.append(result)
        if not options.json:
            print(_line(check.title.in_(language), result), flush=True)

    settings: list[Settings] = []

    async def read_settings() -> str:
        settings.append(settings_in_use())
        return str(settings[0].data_dir)

    title, next_step = Text("설정", "settings"), Text("docs/configuration.md", "docs/configuration.md")
    passed = asyncio.run(_run(Check("settings", title, read_settings, next_step), language, report))
    if passed:
        passed = asyncio.run(verify(settings[0], language, report))
    if options.json:
        print(json.dumps({"ok": passed, "checks": [asdict(result) for result in results]}, ensure_ascii=False))
    return 0 if passed else 1


def _line(title: str, result: Result) -> str:
    line = f"{'✓' if result.ok else '✗'} {title}: {result.detail} ({result.latency_ms:.0f} ms)"
    return line if result.ok else f"{line}\n    → {result.next_step}"


if __name__ == "__main__":
    sys.exit(main())
