"""Gradio's page with our language, theme and title in it, against the template of the installed Gradio."""

import gzip
import os
from pathlib import Path

import pytest
from fastapi import FastAPI, Response

from backend.errors import Language
from backend.settings import load
from backend.web.page import MARKERS, SCRIPTS, Choices, PageRewriter, rewritten
from tests.unit.web_stack import client_of, small_app

os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"


@pytest.fixture(scope="module")
def gradio_app():
    import gradio as gr

    with gr.Blocks() as demo:
        gr.Textbox(label="x")
    return gr.mount_gradio_app(
        small_app(page=False), demo, path="/", auth_dependency=lambda request: request.state.identity.username,
        show_error=False, ssr_mode=False, run_history=False,
    )  # fmt: skip


@pytest.mark.parametrize("marker", sorted(MARKERS))
def test_the_installed_template_has_every_marker(marker: str) -> None:
    import gradio

    template = Path(gradio.__file__).parent / "templates/frontend/index.html"
    assert MARKERS[marker].search(template.read_text()), f"Gradio's template has no {marker} any more: see page.py"


async def test_the_real_page_is_ours(gradio_app) -> None:
    async with client_of(gradio_app, "kim", accept="text/html") as client:
        client.cookies.set("ondol_theme", "dark")
        answer = await client.get("/")
        head = await client.head("/")
        encoded = await client.get("/", headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    html = answer.text
    assert 'lang="ko" data-theme="dark"' in html[:200]
    assert html.index('const language = "ko", theme = "dark"') < html.index("window.gradio_config")
    assert "<title>Ondol</title>" in html
    assert "나만의 AI 작업실" in html
    assert '<link rel="icon" href="/static/favicon.svg"' in html
    assert all(f"""<script src="{script}" defer></script>""" in html for script in SCRIPTS)
    assert "githubusercontent" not in html
    assert "twitter:" not in html
    assert 'rel="manifest"' not in html
    assert "iframeResizer.contentWindow" not in html
    assert "data-gradio-mode" in html
    assert html.count("<script") == html.count("</script>")
    assert "window.gradio_config" in html
    assert answer.headers["set-cookie"].startswith("ondol_lang=ko; Path=/; Max-Age=31536000; SameSite=Lax")
    assert int(encoded.headers["content-length"]) == len(encoded.content) == len(html.encode())
    assert head.headers["content-length"] == answer.headers["content-length"]
    assert head.headers["content-encoding"] == answer.headers["content-encoding"] == "gzip"


async def test_the_cookie_decides_where_the_account_does_not_and_is_set_once(gradio_app) -> None:
    async with client_of(gradio_app, "lee", accept="text/html") as client:
        assert 'lang="en"' in (await client.get("/")).text[:200]
        client.cookies.clear()
        client.cookies.set("ondol_session", "lee")
        client.cookies.set("ondol_lang", "ko")
        client.cookies.set("ondol_theme", '"><script>')
        answer = await client.get("/")
    assert 'lang="ko"' in answer.text[:200]
    assert 'theme = ""' in answer.text
    assert "set-cookie" not in answer.headers


async def test_gradio_routes_share_one_label(gradio_app) -> None:
    async with client_of(gradio_app, "root", peer="127.0.0.1") as client:
        await client.get("/", headers={"accept": "text/html"})
        assert (await client.get("/config")).status_code in (200, 404)
        await client.get("/theme.css")
        text = (await client.get("/metrics")).text
    assert 'route="gradio"' in text
    assert 'route="/config"' not in text


def test_an_unknown_page_goes_out_as_it_is() -> None:
    assert rewritten("<body>other</body>", Choices(Language.KO)) is None
    assert rewritten("<html lang='en'><head></head>", Choices(Language.KO)) is None


@pytest.mark.parametrize(
    ("response", "touched"),
    [
        (Response("<body>other</body>", media_type="text/html"), False),
        (Response('<html lang="en"><head></head></html>', 500, media_type="text/html"), False),
        (Response('{"a": 1}', media_type="application/json"), False),
        (Response(b"\x00", media_type="text/html", headers={"content-encoding": "br"}), False),
        (Response('<html lang="en"><head></head></html>', media_type="text/html"), True),
    ],
)
async def test_only_the_page_is_touched(response: Response, touched: bool) -> None:
    app = FastAPI()
    app.get("/")(lambda: response)
    async with (
        client_of(PageRewriter(app, load())) as client,
        client.stream("GET", "/", headers={"accept-encoding": "gzip"}) as answer,
    ):
        raw = b"".join([part async for part in answer.aiter_raw()])
    assert int(answer.headers["content-length"]) == len(raw)
    if answer.headers.get("content-encoding") == "gzip":
        raw = gzip.decompress(raw)
    assert (b"Ondol" in raw) is touched
    assert touched or raw == response.body
