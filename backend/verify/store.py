"""The database, its tables, and the model's weights."""

import asyncio
from collections.abc import Iterator

from sqlalchemy import text

from backend.errors import Text
from backend.models import manifest, ready_weights
from backend.models.checks import sha256_of
from backend.settings import ServiceType, Settings
from backend.store.database import Database
from backend.verify.check import NOT_HERE, Check, CheckFailed, Finding, Way, log_of


class StoreChecks:
    """Those of what is kept."""

    def __init__(self, settings: Settings, database: Database, way: Way) -> None:
        self._settings, self._database, self._way = settings, database, way

    def all(self) -> Iterator[Check]:
        """Database first."""
        yield Check("database", Text("데이터베이스", "database"), self._reach_database, log_of("database"))
        yield Check(
            "migrations",
            Text("데이터베이스 구조", "migrations"),
            self._migrations,
            Text("앱을 다시 켜면 고쳐집니다: ./quick_start.sh", "Starting the app applies them: ./quick_start.sh"),
        )
        if self._way is not Way.DOCKER:
            yield Check(
                "weights",
                Text("모델 파일", "weights"),
                self._weights,
                Text("다시 받기: python -m backend.models fetch", "Fetch again: python -m backend.models fetch"),
            )

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
        """vLLM checks its own when it loads them."""
        if self._settings.service_type is not ServiceType.LLAMACPP or self._settings.llm_url:
            return NOT_HERE
        path = await asyncio.to_thread(ready_weights, self._settings)
        if self._settings.llm_gguf is not None:
            return str(path)
        expected = manifest().model(self._settings.llm_model).sha256
        found = await asyncio.to_thread(sha256_of, path)
        if found != expected:
            raise CheckFailed(f"{path}: SHA-256 {found} ≠ {expected}")
        return Text(f"{path.name}, SHA-256 일치", f"{path.name}, SHA-256 as it should be")
