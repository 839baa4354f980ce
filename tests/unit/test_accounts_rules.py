"""Rules of accounts that need no database: names, passwords, waits, buckets, languages, local paths."""

import asyncio
import unicodedata
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from hypothesis import given
from hypothesis import strategies as st

from backend.accounts import passwords, usernames
from backend.accounts.identities import LIFETIME, IdentityCache
from backend.accounts.identity import CONSOLE, Identity
from backend.accounts.passwords import MAX_WAITING, Passwords
from backend.accounts.throttle import ACCOUNT, ADDRESS, PAIR, buckets_of
from backend.errors import InvalidUsername, Language, OndolError, TooManyLogins, WeakPassword
from backend.web.language import accepted
from backend.web.login import local_path
from backend.web.login_text import duration
from tests.fixtures.accounts import CHEAP, Clock


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Mina", "mina"),
        (" mina ", "mina"),
        ("ＭＩＮＡ", "mina"),
        ("김하나", "김하나"),
        (unicodedata.normalize("NFD", "김하나"), "김하나"),
        ("Straße", "strasse"),
        ("a.b_c-1", "a.b_c-1"),
        ("x" * 32, "x" * 32),
    ],
)
def test_username_has_one_stored_form(typed: str, stored: str) -> None:
    assert usernames.normalized(typed) == stored


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        "x" * 33,
        "a b",
        "a/b",
        "..",
        "-rf",
        "_x",
        "<script>",
        "a\x00b",
        "a\u202eb",
        "a\ud800",
        "😀😀",
        "x" * 10_000,
    ],
)
def test_username_refused(name: str) -> None:
    with pytest.raises(InvalidUsername):
        usernames.normalized(name)


@given(st.text(max_size=40))
def test_username_form_is_final(name: str) -> None:
    try:
        stored = usernames.normalized(name)
    except InvalidUsername:
        return
    assert usernames.normalized(stored) == stored
    assert usernames.normalized(stored.upper().casefold()) == stored


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257, "minaminA"])
def test_weak_password_refused(password: str) -> None:
    with pytest.raises(WeakPassword):
        passwords.check_strength(password, "minamina")


def test_generated_password_is_strong_and_new() -> None:
    made = {passwords.generate() for _ in range(50)}
    assert len(made) == 50
    for password in made:
        passwords.check_strength(password, "admin")


async def test_password_matches_in_any_composition() -> None:
    hashing = Passwords(CHEAP)
    stored = await hashing.hash("비밀번호입니다")
    assert await hashing.verify(stored, unicodedata.normalize("NFD", "비밀번호입니다"))
    assert not await hashing.verify(stored, "비밀번호입니다 ")
    hashing.close()


@pytest.mark.parametrize("password", ["", "x" * 100_000, "\ud800", "a\x00b"])
async def test_odd_passwords_are_just_wrong(password: str) -> None:
    hashing = Passwords(CHEAP)
    assert not await hashing.verify(await hashing.hash("something else"), password)
    assert not await hashing.verify(None, password)
    assert not await hashing.verify("not a hash", password)
    hashing.close()


async def test_default_hash_is_argon2id_with_at_least_64_mib() -> None:
    hashing = Passwords()
    stored = await hashing.hash("some password")
    assert stored.startswith("$argon2id$")
    assert int(stored.split("m=")[1].split(",")[0]) >= 64 * 1024
    assert not hashing.outdated(stored)
    assert hashing.outdated(CHEAP.hash("some password"))
    hashing.close()


async def test_flood_of_hashes_is_refused_and_ends() -> None:
    hashing = Passwords(PasswordHasher(time_cost=1, memory_cost=1024, parallelism=1))
    tries = [hashing.verify(None, "x") for _ in range(MAX_WAITING + 20)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(result, TooManyLogins) for result in results) == 20
    assert results.count(False) == MAX_WAITING
    assert await hashing.verify(None, "x") is False
    hashing.close()


def test_waits_double_up_to_the_longest() -> None:
    assert [PAIR.wait_s(n) for n in (1, 5, 6, 7, 8)] == [0, 0, 2, 4, 8]
    assert max(PAIR.wait_s(n) for n in range(1, 2000)) == 900
    assert ADDRESS.wait_s(10_000) == 300
    assert ACCOUNT.wait_s(10_000) == 60


def test_buckets_hide_what_was_typed_and_group_ipv6_by_customer() -> None:
    keys = {bucket.key for bucket in buckets_of("my-password", "2001:db8:1:2::1")}
    assert len(keys) == 3
    assert not any("my-password" in key for key in keys)
    assert keys == {bucket.key for bucket in buckets_of("my-password", "2001:db8:1:2:ffff::9")}
    assert keys != {bucket.key for bucket in buckets_of("my-password", "2001:db8:1:3::1")}
    assert buckets_of("a", "::ffff:192.0.2.1") == buckets_of("a", "192.0.2.1")
    assert len(buckets_of("", "testclient")) == 1


async def test_cache_is_effective_and_forgets_at_once() -> None:
    clock = Clock()
    cache = IdentityCache(clock)
    asked: list[str] = []

    async def look_up(secret: str) -> Identity | None:
        asked.append(secret)
        return CONSOLE

    assert await cache.get("a", look_up) is CONSOLE
    assert await cache.get("a", look_up) is CONSOLE
    assert asked == ["a"]
    cache.forget()
    await cache.get("a", look_up)
    clock.advance(seconds=LIFETIME.total_seconds() + 1)
    await cache.get("a", look_up)
    assert asked == ["a"] * 3
    assert timedelta(seconds=5) >= LIFETIME


async def test_cache_drops_a_lookup_overtaken_by_a_revocation() -> None:
    cache = IdentityCache(Clock())
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: str) -> Identity | None:
        reached.set()
        await go_on.wait()
        return CONSOLE

    async def nobody(_: str) -> Identity | None:
        return None

    running = asyncio.create_task(cache.get("a", slow))
    await reached.wait()
    cache.forget()
    go_on.set()
    await running
    assert await cache.get("a", nobody) is None


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en;q=0.5, ko;q=0.7", "ko"),
        ("en, ko;q=0.9", "en"),
        ("fr, de;q=0.9", "en"),
        ("fr, ko;q=0.1", "ko"),
        ("ko;q=0", "en"),
        ("ko;q=nan, ;;;,=,ko;q=x", "en"),
        ("KO", "ko"),
        ("ko" * 10_000, "en"),
    ],
)
def test_accept_language(header: str, language: str) -> None:
    assert accepted(header) == Language(language)


@pytest.mark.parametrize("path", ["/", "/?tab=hints", "/chat/1#end", "/a%2Fb?x=1&y=한글", "/password?next=%2F"])
def test_local_path_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//evil.test",
        "///evil.test",
        "/\\evil.test",
        "\\\\evil.test",
        "https://evil.test",
        "javascript:alert(1)",
        "/\t/evil.test",
        "/\n/evil.test",
        " //evil.test",
        "/ /evil.test",
        "evil.test",
        "/logout",
        "/login?next=/login",
        "/" + "x" * 3000,
    ],
)
def test_foreign_path_refused(path: str) -> None:
    assert local_path(path) == "/"


def test_durations_in_words() -> None:
    assert duration(12, Language.KO) == "12초"
    assert duration(90, Language.EN) == "1 min 30 s"
    assert duration(900, Language.KO) == "15분"
    assert duration(0, Language.EN) == "1 s"


@pytest.mark.parametrize("language", list(Language))
def test_every_error_of_accounts_speaks_both_languages(language: Language) -> None:
    for error in (TooManyLogins(retry_after_s=3), WeakPassword(minimum=8, maximum=256), InvalidUsername()):
        assert isinstance(error, OndolError)
        assert "{" not in error.message(language)
