"""The page and its API, as people and programs meet them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from uuid import UUID

import httpx2
from sqlalchemy import delete

from backend.accounts.identity import CONSOLE, Identity, Scope
from backend.accounts.service import Accounts
from backend.accounts.tokens import Tokens
from backend.errors import Text
from backend.settings import Settings
from backend.store.database import Database
from backend.store.models import Conversation, Role
from backend.verify.check import Check, CheckFailed, log_of


class PageChecks:
    """Those of what is served."""

    def __init__(self, settings: Settings, database: Database, page: httpx2.AsyncClient) -> None:
        self._settings, self._database, self._page = settings, database, page

    def all(self) -> Iterator[Check]:
        """The page, what it says of itself, an answer."""
        yield Check("page", Text("화면", "page"), self._login_page, log_of("app"))
        yield Check("health", Text("상태 검사", "health"), self._health, log_of("app"))
        yield Check("api", Text("JSON API", "JSON API"), self._api, log_of("app"))

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
