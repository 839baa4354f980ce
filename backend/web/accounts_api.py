"""`/api/v1`: one's own account, tokens and sessions; for admins also the users."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from backend.accounts.identity import Identity, Scope
from backend.accounts.service import Accounts
from backend.accounts.tokens import MAX_DAYS
from backend.errors import Language
from backend.store.models import Role
from backend.web.identity import bearer_scheme, refuse_cross_site, require, require_admin

Person = Annotated[Identity, Depends(require)]
Admin = Annotated[Identity, Depends(require_admin)]
_NO_STORE = {"Cache-Control": "no-store"}


class Body(BaseModel):
    """What is sent: a field nobody knows is an error and not silently dropped."""

    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    """What is returned, read from the service's dataclasses."""

    model_config = ConfigDict(from_attributes=True)


class Me(Shown):
    username: str = Field(examples=["mina"])
    role: Role = Field(description="The role in force for this request; a token without `admin` acts as a user.")
    language: Language | None = Field(description="Language chosen for the account; null: the browser's.")
    must_change_password: bool
    scopes: list[str] | None = Field(description="Scopes of the token; null for a browser session.")


class MePatch(Body):
    language: Language | None = Field(description="`ko`, `en`, or null for the browser's.", examples=["ko"])


class NewToken(Body):
    name: str = Field(min_length=1, max_length=64, examples=["nightly report"])
    scopes: list[Scope] = Field(min_length=1, examples=[["chat", "read"]])
    expires_in_days: int | None = Field(None, ge=1, le=MAX_DAYS, description="Null: until revoked.", examples=[90])


class Token(Shown):
    id: UUID
    name: str = Field(examples=["nightly report"])
    prefix: str = Field(description="Beginning of the token, to tell tokens apart.", examples=["ondol_Xa81kQ"])
    scopes: list[Scope]
    created_at: datetime
    last_used_at: datetime | None = Field(description="Exact to a minute.")
    expires_at: datetime | None


class CreatedToken(Token):
    token: str = Field(description="The token itself. It is never shown again.", examples=["ondol_Xa81kQ…"])


class Session(Shown):
    id: UUID
    address: str = Field(examples=["192.0.2.7"])
    user_agent: str
    created_at: datetime
    last_seen_at: datetime = Field(description="Exact to a minute.")
    expires_at: datetime
    current: bool = Field(description="Whether it is the session of this very request.")


class Ended(BaseModel):
    ended: int = Field(description="How many were live.", examples=[2])


class NewUser(Body):
    username: str = Field(max_length=128, examples=["mina"])
    role: Role = Role.USER


class UserPatch(Body):
    role: Role | None = Field(None, examples=["admin"])
    disabled: bool | None = None


class User(Shown):
    username: str = Field(examples=["mina"])
    role: Role
    language: Language | None
    must_change_password: bool
    disabled_at: datetime | None
    last_login_at: datetime | None
    created_at: datetime


class CreatedUser(User):
    password: str = Field(description="First password, shown once.", examples=["k7mq-4xwp-9hna-tz3e"])


class NewPassword(BaseModel):
    password: str = Field(description="The new password, shown once.", examples=["k7mq-4xwp-9hna-tz3e"])


def router(accounts: Accounts) -> APIRouter:
    """Routes of one's own account and of the users."""
    routes = APIRouter(prefix="/api/v1", dependencies=[Depends(bearer_scheme), Depends(refuse_cross_site)])
    _add_own_account(routes, accounts)
    _add_tokens(routes, accounts)
    _add_sessions(routes, accounts)
    _add_users(routes, accounts)
    return routes


def _add_own_account(routes: APIRouter, accounts: Accounts) -> None:
    @routes.get("/me", tags=["account"], summary="Who am I?", response_model=Me)
    async def me(identity: Person) -> Me:
        return _me(identity)

    @routes.patch("/me", tags=["account"], summary="Choose the language of the interface", response_model=Me)
    async def change_me(identity: Person, change: MePatch) -> Me:
        await accounts.set_language(identity, change.language)
        return _me(identity).model_copy(update={"language": change.language})


def _add_tokens(routes: APIRouter, accounts: Accounts) -> None:
    @routes.get("/tokens", tags=["tokens"], summary="My API tokens", response_model=list[Token])
    async def list_tokens(identity: Person) -> list[Token]:
        return [Token.model_validate(info) for info in await accounts.list_tokens(identity)]

    @routes.post("/tokens", tags=["tokens"], summary="Make a token (from the browser only)", status_code=201)
    async def create_token(identity: Person, wanted: NewToken) -> CreatedToken:
        info, secret = await accounts.create_token(identity, wanted.name, wanted.scopes, wanted.expires_in_days)
        return CreatedToken(**Token.model_validate(info).model_dump(), token=secret)

    @routes.delete("/tokens/{token_id}", tags=["tokens"], summary="Revoke a token", status_code=204)
    async def revoke_token(identity: Person, token_id: UUID) -> None:
        await accounts.revoke_token(identity, token_id)


def _add_sessions(routes: APIRouter, accounts: Accounts) -> None:
    @routes.get("/sessions", tags=["sessions"], summary="My signed-in browsers", response_model=list[Session])
    async def list_sessions(identity: Person) -> list[Session]:
        return [Session.model_validate(info) for info in await accounts.list_sessions(identity)]

    @routes.delete("/sessions/{session_id}", tags=["sessions"], summary="Sign a browser out", status_code=204)
    async def revoke_session(identity: Person, session_id: UUID) -> None:
        await accounts.revoke_session(identity, session_id)

    @routes.delete("/sessions", tags=["sessions"], summary="Sign all my other browsers out", response_model=Ended)
    async def revoke_others(identity: Person) -> Ended:
        return Ended(ended=await accounts.revoke_other_sessions(identity))


def _add_users(routes: APIRouter, accounts: Accounts) -> None:
    @routes.get("/users", tags=["users"], summary="All accounts (admin)", response_model=list[User])
    async def list_users(identity: Admin) -> list[User]:
        return [User.model_validate(info) for info in await accounts.list_users(identity)]

    @routes.post("/users", tags=["users"], summary="Add an account (admin)", status_code=201)
    async def create_user(identity: Admin, wanted: NewUser) -> CreatedUser:
        info, password = await accounts.create_user(identity, wanted.username, wanted.role)
        return CreatedUser(**User.model_validate(info).model_dump(), password=password)

    @routes.patch("/users/{username}", tags=["users"], summary="Change role, disable, enable (admin)")
    async def change_user(identity: Admin, username: str, change: UserPatch) -> User:
        info = await accounts.update_user(identity, username, role=change.role, disabled=change.disabled)
        return User.model_validate(info)

    @routes.post("/users/{username}/reset", tags=["users"], summary="Set a new random password (admin)")
    async def reset_password(identity: Admin, username: str) -> NewPassword:
        return NewPassword(password=await accounts.reset_password(identity, username))


def _me(identity: Identity) -> Me:
    return Me(
        username=identity.username,
        role=identity.role,
        language=identity.language,
        must_change_password=identity.must_change_password,
        scopes=None if identity.scopes is None else sorted(identity.scopes),
    )
