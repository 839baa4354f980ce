"""The first admin, passwords, users, roles and tokens on a real database."""

import asyncio
import stat

import pytest

from backend.accounts.identity import CONSOLE, Identity, Scope
from backend.accounts.service import Accounts
from backend.accounts.tokens import MAX_TOKENS
from backend.errors import (
    InvalidToken,
    InvalidUsername,
    Language,
    LastAdmin,
    NotAllowed,
    OndolError,
    PasswordUnchanged,
    TooManyLogins,
    TooManyTokens,
    UnknownToken,
    UnknownUser,
    UsernameTaken,
    WeakPassword,
    WrongPassword,
)
from backend.store.models import Role
from tests.fixtures.accounts import PASSWORD, People


async def test_first_start_makes_an_admin_whose_password_only_the_owner_can_read(empty_accounts: Accounts) -> None:
    path = await empty_accounts.ensure_first_admin()
    assert path == empty_accounts.first_password_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    identity, _ = await empty_accounts.login("admin", path.read_text().strip(), "127.0.0.1", "")
    assert identity.is_admin
    assert not identity.must_change_password
    assert await empty_accounts.ensure_first_admin() is None


async def test_two_processes_starting_at_once_agree_on_the_password(empty_accounts: Accounts) -> None:
    made = await asyncio.gather(*(empty_accounts.ensure_first_admin() for _ in range(6)))
    assert sum(path is not None for path in made) == 1
    password = empty_accounts.first_password_file.read_text().strip()
    await empty_accounts.login("admin", password, "127.0.0.1", "")
    assert [path.name for path in empty_accounts.first_password_file.parent.iterdir()] == ["admin_password"]


async def test_first_password_file_goes_when_the_password_is_changed(empty_accounts: Accounts) -> None:
    path = await empty_accounts.ensure_first_admin()
    assert path is not None
    first = path.read_text().strip()
    identity, _ = await empty_accounts.login("admin", first, "127.0.0.1", "")
    with pytest.raises(WrongPassword):
        await empty_accounts.change_password(identity, "wrong password", "a new password")
    assert path.exists()
    await empty_accounts.create_user(identity, "mina")
    await empty_accounts.reset_password(identity, "mina")
    assert path.exists(), "somebody else's password is not the admin's"
    await empty_accounts.change_password(identity, first, "a new password")
    assert not path.exists()
    assert await empty_accounts.ensure_first_admin() is None


async def test_first_password_file_goes_when_the_password_is_reset(empty_accounts: Accounts) -> None:
    path = await empty_accounts.ensure_first_admin()
    await empty_accounts.reset_password(CONSOLE, "admin")
    assert path is not None
    assert not path.exists()


async def test_changing_the_password_ends_the_other_sessions_and_keeps_tokens(people: People) -> None:
    mina, cookie = await people.signed_in("mina")
    _, other = await people.signed_in("mina")
    _, token = await people.service.create_token(mina, "t", ["chat"])
    assert await people.service.identify_session(other)
    await people.service.change_password(mina, PASSWORD, "another password")
    assert await people.service.identify_session(cookie)
    assert await people.service.identify_session(other) is None
    assert await people.service.identify_token(token)
    with pytest.raises(WrongPassword):
        await people.signed_in("mina")


@pytest.mark.parametrize(
    ("new", "error"), [("short", WeakPassword), ("x" * 300, WeakPassword), (PASSWORD, PasswordUnchanged)]
)
async def test_unfit_new_password_refused(people: People, new: str, error: type[OndolError]) -> None:
    mina, _ = await people.signed_in("mina")
    for _ in range(10):
        with pytest.raises(error):
            await people.service.change_password(mina, PASSWORD, new)
    await people.signed_in("mina")


async def test_guessing_the_present_password_in_a_stolen_session_is_throttled(people: People) -> None:
    mina, _ = await people.signed_in("mina")
    for _ in range(6):
        with pytest.raises(WrongPassword):
            await people.service.change_password(mina, "wrong password", "another password")
    with pytest.raises(TooManyLogins):
        await people.service.change_password(mina, "wrong password", "another password")


async def test_new_user_must_change_the_password_once(people: People) -> None:
    root, _ = await people.signed_in("root")
    info, first = await people.service.create_user(root, "New.User")
    assert (info.username, info.role, info.must_change_password) == ("new.user", Role.USER, True)
    identity, cookie = await people.service.login("new.user", first, "127.0.0.1", "")
    assert identity.must_change_password
    await people.service.change_password(identity, first, PASSWORD)
    known = await people.service.identify_session(cookie)
    assert known is not None
    assert not known.must_change_password


async def test_bad_new_users_refused(people: People) -> None:
    root, _ = await people.signed_in("root")
    with pytest.raises(UsernameTaken):
        await people.service.create_user(root, "MINA")
    with pytest.raises(InvalidUsername):
        await people.service.create_user(root, "a b")
    made = await asyncio.gather(*(people.service.create_user(root, "twice") for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(result, UsernameTaken) for result in made) == 3


async def test_ordinary_people_and_lesser_tokens_administer_nothing(people: People) -> None:
    service = people.service
    root, _ = await people.signed_in("root")
    mina, _ = await people.signed_in("mina")
    _, secret = await service.create_token(root, "t", [Scope.CHAT, Scope.READ])
    token = await service.identify_token(secret)
    assert token is not None
    for acting in (mina, token):
        for attempt in (
            service.list_users(acting),
            service.create_user(acting, "x1"),
            service.disable(acting, "root"),
            service.enable(acting, "root"),
            service.reset_password(acting, "root"),
            service.set_role(acting, "mina", Role.ADMIN),
            service.revoke_sessions_of(acting, "root"),
            service.tokens_of(acting, "root"),
            service.revoke_tokens_of(acting, "root"),
        ):
            with pytest.raises(NotAllowed):
                await attempt
    assert [user.username for user in await service.list_users(root)] == ["mina", "root", "하나"]


async def test_disabled_people_are_out_at_once_and_for_good(people: People) -> None:
    root, _ = await people.signed_in("root")
    mina, cookie = await people.signed_in("mina")
    _, token = await people.service.create_token(mina, "t", ["chat"])
    assert await people.service.identify_session(cookie)
    assert await people.service.identify_token(token)
    await people.service.disable(root, "mina")
    for _ in range(2):
        assert await people.service.identify_session(cookie) is None
        assert await people.service.identify_token(token) is None
        await people.service.enable(root, "mina")
    await people.signed_in("mina")


async def test_last_admin_stays(people: People) -> None:
    root, _ = await people.signed_in("root")
    for attempt in (
        people.service.disable(root, "root"),
        people.service.set_role(root, "root", Role.USER),
        people.service.update_user(root, "root", role=Role.USER, disabled=True),
    ):
        with pytest.raises(LastAdmin):
            await attempt
    await people.service.set_role(root, "mina", Role.ADMIN)
    await people.service.disable(root, "mina")
    with pytest.raises(LastAdmin):  # an admin who is disabled does not count
        await people.service.set_role(root, "root", Role.USER)
    await people.service.enable(root, "mina")
    await people.service.set_role(root, "root", Role.USER)


async def test_admins_demoting_each_other_at_once_leave_one(people: People) -> None:
    for name in ("mina", "하나"):
        await people.service.set_role(CONSOLE, name, Role.ADMIN)
    results = await asyncio.gather(
        people.service.disable(CONSOLE, "root"),
        people.service.set_role(CONSOLE, "mina", Role.USER),
        people.service.disable(CONSOLE, "하나"),
        return_exceptions=True,
    )
    assert sum(isinstance(result, LastAdmin) for result in results) == 1
    users = await people.service.list_users(CONSOLE)
    assert sum(user.role is Role.ADMIN and user.disabled_at is None for user in users) == 1


async def test_unknown_users_are_named(people: People) -> None:
    for name in ("nobody", "a b", ""):
        with pytest.raises(UnknownUser):
            await people.service.disable(CONSOLE, name)


async def test_role_change_is_seen_at_once(people: People) -> None:
    _, cookie = await people.signed_in("mina")
    before = await people.service.identify_session(cookie)
    await people.service.set_role(CONSOLE, "mina", Role.ADMIN)
    after = await people.service.identify_session(cookie)
    assert before is not None
    assert after is not None
    assert (before.is_admin, after.is_admin) == (False, True)


async def test_language_is_kept_with_the_account(people: People) -> None:
    mina, cookie = await people.signed_in("mina")
    assert mina.language is None
    await people.service.set_language(mina, Language.KO)
    known = await people.service.identify_session(cookie)
    assert known is not None
    assert known.language is Language.KO


async def test_token_has_its_scopes_and_notes_its_use(people: People) -> None:
    mina, _ = await people.signed_in("mina")
    info, secret = await people.service.create_token(mina, " report ", ["read", "chat", "read"])
    assert (info.name, info.scopes, info.last_used_at) == ("report", (Scope.CHAT, Scope.READ), None)
    assert secret.startswith(info.prefix)
    assert secret.startswith("ondol_")
    people.clock.advance(minutes=3)
    identity = await people.service.identify_token(secret)
    assert identity is not None
    assert (identity.user_id, identity.session_id) == (mina.user_id, None)
    assert (identity.may("chat"), identity.may("read"), identity.may("admin")) == (True, True, False)
    used_at = people.clock.now
    people.clock.advance(seconds=40)
    await people.service.identify_token(secret)
    (listed,) = await people.service.list_tokens(mina)
    assert listed.last_used_at == used_at
    people.clock.advance(seconds=20)
    await people.restarted().identify_token(secret)
    (listed,) = await people.service.list_tokens(mina)
    assert listed.last_used_at == people.clock.now


async def test_token_expires_and_is_revoked(people: People) -> None:
    mina, _ = await people.signed_in("mina")
    hana, _ = await people.signed_in("하나")
    _, short = await people.service.create_token(mina, "short", ["read"], expires_in_days=1)
    info, long = await people.service.create_token(mina, "long", ["read"])
    assert await people.service.identify_token(short)
    people.clock.advance(days=1)
    assert await people.service.identify_token(short) is None
    assert await people.service.identify_token(long)
    with pytest.raises(UnknownToken):
        await people.service.revoke_token(hana, info.id)
    await people.service.revoke_token(mina, info.id)
    assert await people.service.identify_token(long) is None
    assert await people.service.list_tokens(mina) == []
    with pytest.raises(UnknownToken):
        await people.service.revoke_token(mina, info.id)


@pytest.mark.parametrize("secret", ["", "ondol_", "ondol_" + "x" * 43, "x" * 49, "ondol_" + "é" * 43])
async def test_made_up_tokens_are_nobody(people: People, secret: str) -> None:
    assert await people.service.identify_token(secret) is None


@pytest.mark.parametrize(
    ("name", "scopes", "days"),
    [
        ("", ["chat"], None),
        ("x" * 65, ["chat"], None),
        ("a\x00b", ["chat"], None),
        ("a", [], None),
        ("a", ["all"], None),
        ("a", "chat", None),
        ("a", ["chat"], 0),
        ("a", ["chat"], 10_000_000_000),
    ],
)
async def test_bad_tokens_refused(people: People, name: str, scopes: list[str], days: int | None) -> None:
    mina, _ = await people.signed_in("mina")
    with pytest.raises(InvalidToken):
        await people.service.create_token(mina, name, scopes, days)


async def test_tokens_cannot_widen_themselves(people: People) -> None:
    root, _ = await people.signed_in("root")
    mina, _ = await people.signed_in("mina")
    with pytest.raises(NotAllowed):
        await people.service.create_token(mina, "t", [Scope.ADMIN])
    _, secret = await people.service.create_token(root, "t", [Scope.ADMIN])
    token = await people.service.identify_token(secret)
    assert token is not None
    assert token.is_admin
    with pytest.raises(NotAllowed):
        await people.service.create_token(token, "t2", [Scope.CHAT])
    with pytest.raises(NotAllowed):
        await people.service.change_password(token, PASSWORD, "another password")
    await people.service.set_role(CONSOLE, "mina", Role.ADMIN)
    await people.service.set_role(CONSOLE, "root", Role.USER)
    demoted = await people.service.identify_token(secret)
    assert demoted is not None
    assert not demoted.is_admin


async def test_number_of_tokens_is_limited_even_in_parallel(people: People) -> None:
    mina, _ = await people.signed_in("mina")

    async def make(acting: Identity) -> bool:
        try:
            await people.service.create_token(acting, "t", ["read"])
        except TooManyTokens:
            return False
        return True

    made = [await make(mina) for _ in range(MAX_TOKENS - 2)]
    made += await asyncio.gather(*(make(mina) for _ in range(6)))
    assert made.count(True) == MAX_TOKENS
