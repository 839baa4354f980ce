"""Signing in on a real database: throttling that cannot be outrun and never locks the owner out, and sessions."""

import asyncio
import hashlib
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import func, select, text

from backend.accounts.passwords import Passwords
from backend.accounts.service import Accounts
from backend.accounts.throttle import ACCOUNT, ADDRESS, FORGOTTEN_AFTER, PAIR
from backend.errors import AccountDisabled, TooManyLogins, UnknownSession, WrongPassword
from backend.store.models import LoginSession, LoginThrottle, User
from tests.fixtures.accounts import CHEAP, PASSWORD, People

HOME = "192.0.2.1"


async def guess(people: People, username: str = "mina", address: str = HOME, service: Accounts | None = None) -> str:
    """One wrong password; the outcome in a word."""
    try:
        await (service or people.service).login(username, "not the password", address, "")
    except WrongPassword:
        return "wrong"
    except TooManyLogins as error:
        assert error.retry_after_s is not None
        assert 1 <= error.retry_after_s <= 900
        return "refused"
    raise AssertionError("a wrong password was taken")


async def test_login_tells_who_it_is(people: People) -> None:
    identity, cookie = await people.signed_in(" MINA ")
    assert (identity.username, identity.is_admin, identity.scopes) == ("mina", False, None)
    assert await people.service.identify_session(cookie) == identity
    assert await people.service.identify_session(cookie[:-1] + "_") is None
    assert await people.service.identify_session("") is None


async def test_only_hashes_are_stored(people: People) -> None:
    _, cookie = await people.signed_in("mina")
    async with people.database.session() as session:
        hashes = (await session.scalars(select(LoginSession.token_hash))).all()
        stored = (await session.scalars(select(User.password_hash))).all()
    assert hashlib.sha256(cookie.encode()).digest() in hashes
    assert all(value.startswith("$argon2id$") for value in stored)


@pytest.mark.parametrize("username", ["nobody", "", "a\x00b", "' OR 1=1 --", "x" * 5000])
async def test_unknown_user_is_a_wrong_password_and_costs_a_hash(people: People, username: str) -> None:
    assert await guess(people, username) == "wrong"
    assert people.passwords.verified == 1


async def test_thousand_wrong_passwords_end_refused_and_the_owner_gets_in_later(people: People) -> None:
    outcomes = [await guess(people) for _ in range(1000)]
    assert set(outcomes[-990:]) == {"refused"}
    assert people.passwords.verified == PAIR.free + 1, "a refused try must not cost a hash"
    with pytest.raises(TooManyLogins):
        await people.signed_in("mina", HOME)
    people.clock.advance(minutes=15)
    identity, _ = await people.signed_in("mina", HOME)
    assert identity.username == "mina"


async def test_patient_guessing_is_slowed_to_a_crawl(people: People) -> None:
    guesses = 0
    for _ in range(24 * 12):  # every five minutes for a day
        guesses += await guess(people) == "wrong"
        people.clock.advance(minutes=5)
    assert guesses < 120


async def test_throttle_survives_a_restart(people: People) -> None:
    while await guess(people) == "wrong":
        pass
    assert await guess(people, service=people.restarted()) == "refused"


async def test_parallel_guesses_are_all_counted(people: People) -> None:
    outcomes = await asyncio.gather(*(guess(people) for _ in range(30)))
    assert outcomes.count("wrong") == PAIR.free + 1
    assert people.passwords.verified == PAIR.free + 1


async def test_one_address_trying_many_names_is_stopped(people: People) -> None:
    outcomes = [await guess(people, f"name{n}") for n in range(60)]
    assert outcomes.count("wrong") == ADDRESS.free + 1
    with pytest.raises(TooManyLogins):
        await people.signed_in("mina", HOME)
    await people.signed_in("mina", "198.51.100.7")
    people.clock.advance(seconds=ADDRESS.longest_s)
    await people.signed_in("mina", HOME)


async def test_attack_from_many_addresses_leaves_the_owner_a_way_in(people: People) -> None:
    _, cookie = await people.signed_in("mina")
    mark = people.service.device_mark("mina")
    for n in range(ACCOUNT.free + 20):
        await guess(people, address=f"10.0.{n // 250}.{n % 250}")
        people.clock.advance(seconds=1)
    with pytest.raises(TooManyLogins) as refused:
        await people.service.login("mina", PASSWORD, "203.0.113.5", "")
    assert refused.value.retry_after_s is not None
    assert refused.value.retry_after_s <= ACCOUNT.longest_s

    assert await people.service.identify_session(cookie), "a browser that is signed in is not affected"
    await people.service.login("mina", PASSWORD, "203.0.113.5", "", device=mark)
    people.clock.advance(seconds=ACCOUNT.longest_s)
    await people.service.login("mina", PASSWORD, "203.0.113.5", "")


async def test_device_mark_is_of_one_account_and_limited_itself(people: People) -> None:
    mark = people.service.device_mark("mina")
    for forged in ("x.y", mark[:-1], people.service.device_mark("root"), "é.é", mark + ".z"):
        assert people.service._is_marked("mina", forged) is False
    assert people.restarted()._is_marked("mina", mark) is True
    for _ in range(PAIR.free + 1):
        with pytest.raises(WrongPassword):
            await people.service.login("mina", "wrong one", HOME, "", device=mark)
    with pytest.raises(TooManyLogins):
        await people.service.login("mina", "wrong one", HOME, "", device=mark)


async def test_success_clears_the_failures_of_account_and_address(people: People) -> None:
    for _ in range(3):
        for _ in range(PAIR.free):
            assert await guess(people) == "wrong"
        await people.signed_in("mina", HOME)


async def test_own_account_does_not_reset_the_address(people: People) -> None:
    """Somebody with an account of their own must not clear the address between guesses at others."""
    wrong = 0
    for n in range(60):
        wrong += await guess(people, f"name{n}") == "wrong"
        try:
            await people.signed_in("mina", HOME)
        except TooManyLogins:
            break
    assert wrong <= ADDRESS.free + 1


async def test_failures_are_forgotten_after_a_day_and_rows_removed(people: People) -> None:
    while await guess(people) == "wrong":
        pass
    people.clock.advance(seconds=FORGOTTEN_AFTER.total_seconds() + 3600)
    for _ in range(PAIR.free):
        assert await guess(people) == "wrong"
    people.clock.advance(seconds=FORGOTTEN_AFTER.total_seconds() + 3600)
    await guess(people, "somebody", "198.51.100.1")
    async with people.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(LoginThrottle)) == 3


async def test_reset_lets_the_person_in_during_an_attack(people: People) -> None:
    root, _ = await people.signed_in("root", "198.51.100.9")
    while await guess(people) == "wrong":
        pass
    password = await people.service.reset_password(root, "mina")
    identity, _ = await people.service.login("mina", password, HOME, "")
    assert identity.must_change_password


async def test_disabled_account_is_told_only_with_the_right_password(people: People) -> None:
    root, _ = await people.signed_in("root")
    await people.service.disable(root, "mina")
    assert await guess(people) == "wrong"
    for _ in range(PAIR.free + 3):  # not a guess, and so never throttled
        with pytest.raises(AccountDisabled):
            await people.signed_in("mina")


async def test_hash_is_renewed_when_parameters_change(people: People) -> None:
    stronger = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    service = Accounts(people.database, people.settings, people.clock, Passwords(stronger))
    await service.login("mina", PASSWORD, HOME, "")
    async with people.database.session() as session:
        stored = await session.scalar(select(User.password_hash).where(User.username == "mina"))
    assert stored is not None
    assert CHEAP.check_needs_rehash(stored)
    assert not stronger.check_needs_rehash(stored)
    await service.login("mina", PASSWORD, HOME, "")
    service.close()


async def test_session_survives_a_restart_and_slides(people: People) -> None:
    _, cookie = await people.signed_in("mina")
    for _ in range(4):
        people.clock.advance(days=29)
        assert await people.restarted().identify_session(cookie)
    people.clock.advance(days=30)
    assert await people.restarted().identify_session(cookie) is None


async def test_last_seen_is_written_once_a_minute(people: People) -> None:
    identity, cookie = await people.signed_in("mina")

    async def last_seen_after(seconds: float) -> timedelta:
        people.clock.advance(seconds=seconds)
        await people.restarted().identify_session(cookie)  # nothing remembered
        (info,) = await people.service.list_sessions(identity)
        return people.clock.now - info.last_seen_at

    assert await last_seen_after(59) == timedelta(seconds=59)
    assert await last_seen_after(1) == timedelta(0)
    assert await last_seen_after(30) == timedelta(seconds=30)


async def test_session_is_identified_when_its_use_cannot_be_written(people: People) -> None:
    """A full disk refuses writes; that must not sign everybody out."""
    _, cookie = await people.signed_in("mina")
    async with people.database.session() as session:
        await session.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'no space' USING ERRCODE = 'disk_full'; END $$"
            )
        )
        await session.execute(
            text("CREATE TRIGGER refuse BEFORE UPDATE ON login_sessions FOR EACH ROW EXECUTE FUNCTION refuse()")
        )
    people.clock.advance(minutes=5)
    assert await people.service.identify_session(cookie)


async def test_revoked_sessions_are_out_at_once(people: People) -> None:
    identity, cookie = await people.signed_in("mina")
    other, other_cookie = await people.signed_in("mina", "198.51.100.2")
    assert other.session_id is not None
    assert len(await people.service.list_sessions(identity)) == 2
    assert [info.current for info in await people.service.list_sessions(other)].count(True) == 1
    assert await people.service.identify_session(other_cookie)

    await people.service.revoke_session(identity, other.session_id)
    assert await people.service.identify_session(other_cookie) is None
    assert await people.service.identify_session(cookie)
    with pytest.raises(UnknownSession):
        await people.service.revoke_session(identity, other.session_id)

    await people.service.logout(identity)
    assert await people.service.identify_session(cookie) is None


async def test_nobody_ends_somebody_elses_session(people: People) -> None:
    mina, cookie = await people.signed_in("mina")
    hana, _ = await people.signed_in("하나")
    assert mina.session_id is not None
    with pytest.raises(UnknownSession):
        await people.service.revoke_session(hana, mina.session_id)
    assert await people.service.revoke_other_sessions(hana) == 0
    assert await people.service.identify_session(cookie)


async def test_ended_sessions_are_removed_after_a_while(people: People) -> None:
    await people.signed_in("mina")
    people.clock.advance(days=61)
    await people.signed_in("mina")
    async with people.database.session() as session:
        assert await session.scalar(select(func.count()).select_from(LoginSession)) == 1


async def test_strange_browser_names_are_stored_safely(people: People) -> None:
    identity, _ = await people.service.login("mina", PASSWORD, HOME, "Mozilla\x00\x1b[31m" + "x" * 5000)
    (info,) = await people.service.list_sessions(identity)
    assert info.user_agent.startswith("Mozilla[31mxxx")
    assert len(info.user_agent) <= 300
