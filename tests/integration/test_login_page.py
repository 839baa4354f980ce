"""The sign-in and password pages as a browser meets them."""

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest

from backend.accounts.identity import CONSOLE
from backend.accounts.service import Accounts
from backend.errors import Language
from backend.store.database import Database
from backend.web.login_text import TEXTS
from tests.fixtures.accounts import PASSWORD, Clock, People

SAME_SITE = {"Sec-Fetch-Site": "same-origin"}


class Elements(HTMLParser):
    """Every element of a page with its attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def of(self, tag: str, **attributes: str) -> dict[str, str | None]:
        (only,) = [a for t, a in self.found if t == tag and all(a.get(k) == v for k, v in attributes.items())]
        return only


@pytest.fixture
async def browser(people: People) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(people.app(), client=("192.0.2.1", 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test", headers=SAME_SITE) as client:
        yield client


async def sign_in(browser: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await browser.post("/login", data={"username": "mina", "password": PASSWORD, **fields})


def set_cookies(response: httpx.Response) -> dict[str, str]:
    headers = response.headers.get_list("set-cookie")
    return {header.partition("=")[0]: header.partition("=")[2].lower() for header in headers}


async def test_signing_in_leads_on_with_a_careful_cookie(browser: httpx.AsyncClient, people: People) -> None:
    response = await sign_in(browser, next="/?tab=hints")
    assert (response.status_code, response.headers["location"]) == (303, "/?tab=hints")
    cookie = set_cookies(response)["ondol_session"]
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/;" in cookie + ";"
    assert "secure" not in cookie, "over plain http the browser would not send it back"
    assert await people.service.identify_session(browser.cookies["ondol_session"])
    again = await browser.get("/login?next=/?tab=chat")
    assert (again.status_code, again.headers["location"]) == (303, "/?tab=chat")


async def test_cookies_are_secure_over_https(people: People) -> None:
    transport = httpx.ASGITransport(people.app())
    async with httpx.AsyncClient(transport=transport, base_url="https://ondol.test", headers=SAME_SITE) as browser:
        cookies = set_cookies(await sign_in(browser))
    assert all("secure" in cookies[name] for name in ("ondol_session", "ondol_device"))
    assert "path=/login" in cookies["ondol_device"]


async def test_page_is_complete_in_both_languages(browser: httpx.AsyncClient) -> None:
    for language in Language:
        response = await browser.get("/login", headers={"Accept-Language": language.value})
        assert response.headers["cache-control"] == "no-store"
        page = Elements(response.text)
        assert page.of("html")["lang"] == language.value
        assert TEXTS["sign_in"].in_(language) in page.words
        assert page.of("input", id="username")["autocomplete"] == "username"
        assert "autofocus" in page.of("input", id="username")
        assert page.of("input", id="password")["autocomplete"] == "current-password"
        assert {attributes["for"] for tag, attributes in page.found if tag == "label"} == {"username", "password"}
        assert len([tag for tag, _ in page.found if tag == "h1"]) == 1


async def test_page_needs_no_other_host_and_no_script(browser: httpx.AsyncClient, people: People) -> None:
    await sign_in(browser)
    for path in ("/login?lang=en", "/password"):
        text = (await browser.get(path)).text
        assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)
        assert "@import" not in text
        page = Elements(text)
        assert all(tag != "script" for tag, _ in page.found)
        assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)


async def test_language_link_is_remembered(browser: httpx.AsyncClient) -> None:
    response = await browser.get("/login?lang=ko", headers={"Accept-Language": "en"})
    assert Elements(response.text).of("html")["lang"] == "ko"
    assert "httponly" not in set_cookies(response)["ondol_lang"]
    response = await browser.get("/login", headers={"Accept-Language": "en"})
    assert Elements(response.text).of("html")["lang"] == "ko"
    response = await browser.get("/login?lang=xx", headers={"Accept-Language": "en"})
    assert "ondol_lang" not in set_cookies(response)


async def test_theme_cookie_is_obeyed_and_checked(browser: httpx.AsyncClient) -> None:
    for value, attribute in (("dark", "dark"), ("light", "light"), ('"><script>', None)):
        response = await browser.get("/login", headers={"Cookie": f"ondol_theme={value}"})
        assert Elements(response.text).of("html").get("data-theme") == attribute


async def test_what_was_typed_is_shown_as_text(browser: httpx.AsyncClient) -> None:
    evil = '"><script>alert(1)</script><img src=x onerror=alert(1)>'
    page = await sign_in(browser, username=evil[:60], next=f"/{evil}", password="wrong")
    opened = await browser.get("/login", params={"next": "/?q=" + '"><b>'})
    for response in (page, opened):
        tags = {tag for tag, _ in Elements(response.text).found}
        assert not tags & {"script", "img", "b"}
    assert Elements(page.text).of("input", id="username")["value"] == evil[:60]


@pytest.mark.parametrize(
    "target", ["//evil.test", "/\\evil.test", "https://evil.test/", "/\t/evil.test", "javascript:alert(1)", "/logout"]
)
async def test_nobody_is_sent_elsewhere(browser: httpx.AsyncClient, target: str) -> None:
    page = Elements((await browser.get("/login", params={"next": target})).text)
    assert page.of("input", name="next")["value"] == "/"
    assert (await sign_in(browser, next=target)).headers["location"] == "/"
    assert (await browser.get("/login", params={"next": target})).headers["location"] == "/"
    page = Elements((await browser.get("/password", params={"next": target})).text)
    assert page.of("input", name="next")["value"] == "/"


async def test_wrong_password_is_told_and_the_name_kept(browser: httpx.AsyncClient) -> None:
    response = await sign_in(browser, password="wrong one")
    assert response.status_code == 401
    assert "not right" in response.text
    assert "wrong one" not in response.text
    page = Elements(response.text)
    assert page.of("input", id="username")["value"] == "mina"
    assert "autofocus" in page.of("input", id="password")
    assert page.of("p", id="error")["role"] == "alert"
    assert set_cookies(response) == {}


@pytest.mark.parametrize("fields", [{"username": ""}, {"password": ""}, {"username": "  "}])
async def test_empty_fields_are_told(browser: httpx.AsyncClient, fields: dict[str, str]) -> None:
    response = await sign_in(browser, **fields)
    assert response.status_code == 422
    assert "Fill in" in response.text


async def test_wait_is_told_in_words(browser: httpx.AsyncClient) -> None:
    for _ in range(40):
        response = await sign_in(browser, password="wrong one")
    assert response.status_code == 429
    assert response.headers["retry-after"] == "2"
    assert "Try again in 2 s." in response.text
    response = await browser.post(
        "/login", data={"username": "mina", "password": "x"}, headers={"Accept-Language": "ko"}
    )
    assert "2초 뒤에" in response.text


async def test_known_browser_gets_in_while_its_address_is_blocked(browser: httpx.AsyncClient) -> None:
    await sign_in(browser)
    await browser.post("/logout")
    mark = browser.cookies["ondol_device"]
    browser.cookies.clear()
    for n in range(40):
        await sign_in(browser, username=f"name{n}", password="wrong one")
    assert (await sign_in(browser)).status_code == 429
    browser.cookies.set("ondol_device", mark)
    assert (await sign_in(browser)).status_code == 303


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://ondol.test"},
        {"Origin": "http://evil.test"},
        {"Origin": "null"},
    ],
)
async def test_forms_of_other_sites_are_refused(people: People, headers: dict[str, str]) -> None:
    transport = httpx.ASGITransport(people.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test") as browser:
        response = await browser.post("/login", data={"username": "mina", "password": PASSWORD}, headers=headers)
        assert response.status_code == 403
        assert set_cookies(response) == {}
        assert (await sign_in(browser)).status_code == 303
        assert (await browser.post("/logout", headers=headers)).status_code == 403
        fields = {"current": PASSWORD, "new": "another password", "repeat": "another password"}
        assert (await browser.post("/password", data=fields, headers=headers)).status_code == 403
        assert (await browser.get("/password")).status_code == 200


async def test_signing_out_ends_the_session(browser: httpx.AsyncClient, people: People) -> None:
    await sign_in(browser)
    cookie = browser.cookies["ondol_session"]
    assert (await browser.get("/logout")).headers["location"] == "/"
    assert await people.service.identify_session(cookie), "a link must not sign anybody out"
    response = await browser.post("/logout")
    assert response.headers["location"] == "/login"
    assert "ondol_session" not in browser.cookies
    assert await people.service.identify_session(cookie) is None
    assert (await browser.post("/logout")).status_code == 303


async def test_first_password_is_pointed_at_but_never_shown(people: People, empty_accounts: Accounts) -> None:
    path = empty_accounts.first_password_file
    transport = httpx.ASGITransport(people.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://ondol.test") as browser:
        assert "admin_password" not in (await browser.get("/login")).text
        path.parent.mkdir(mode=0o700, exist_ok=True)
        path.write_text("the-first-password\n")
        for language in Language:
            text = (await browser.get("/login", headers={"Accept-Language": language.value})).text
            assert "secrets/admin_password" in text
            assert "the-first-password" not in text
            assert str(people.settings.data_dir) not in text


async def test_new_user_is_led_to_choose_a_password(browser: httpx.AsyncClient, people: People) -> None:
    _, first = await people.service.create_user(CONSOLE, "newbie")
    response = await sign_in(browser, username="newbie", password=first, next="/?tab=chat")
    assert response.headers["location"] == "/password?next=%2F%3Ftab%3Dchat"
    page = await browser.get(response.headers["location"])
    assert "set by somebody else" in page.text
    fields = Elements(page.text)
    assert fields.of("input", id="new")["autocomplete"] == "new-password"
    assert fields.of("input", name="username")["value"] == "newbie"

    async def change(new: str, repeat: str, current: str = first) -> httpx.Response:
        data = {"current": current, "new": new, "repeat": repeat, "next": "/?tab=chat"}
        return await browser.post("/password", data=data)

    assert "differ" in (await change("one password", "two passwords")).text
    assert (await change("short", "short")).status_code == 422
    assert (await change("one password", "one password", current="wrong")).status_code == 401
    done = await change("one password", "one password")
    assert (done.status_code, done.headers["location"]) == (303, "/?tab=chat")
    assert (await sign_in(browser, username="newbie", password="one password")).headers["location"] == "/"


async def test_password_page_is_for_signed_in_browsers(browser: httpx.AsyncClient, people: People) -> None:
    for response in (await browser.get("/password"), await browser.post("/password", data={"new": "x"})):
        assert response.status_code == 303
        assert response.headers["location"].startswith("/login?next=%2Fpassword")
    mina, _ = await people.signed_in("mina")
    _, token = await people.service.create_token(mina, "t", ["read"])
    response = await browser.get("/password", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 303


async def test_language_of_the_account_wins_and_the_link_changes_it(browser: httpx.AsyncClient, people: People) -> None:
    await sign_in(browser)
    identity = await people.service.identify_session(browser.cookies["ondol_session"])
    assert identity is not None
    await people.service.set_language(identity, Language.KO)
    assert Elements((await browser.get("/password")).text).of("html")["lang"] == "ko"
    assert Elements((await browser.get("/password?lang=en")).text).of("html")["lang"] == "en"
    assert Elements((await browser.get("/password")).text).of("html")["lang"] == "en"


async def test_database_away_is_told_on_the_page(browser: httpx.AsyncClient, people: People, clock: Clock) -> None:
    await sign_in(browser)
    clock.advance(seconds=10)  # past what is remembered of the cookie
    gone = Database("postgresql+psycopg://ondol@/ondol?host=/nonexistent")
    people.service._sessions._database = gone
    response = await browser.get("/login")
    assert response.status_code == 503
    assert "database cannot be reached" in response.text
    await gone.close()
