"""Makes Gradio's page ours: language, theme, title, and no picture from another host.

Gradio takes the language from the browser and the theme from the system, and knows neither the account's choice nor
the switch on our page. Its HTML is therefore changed on the way out. When a new Gradio has another template the page
goes out as it is, and a test says which marker is gone.
"""

import gzip
import json
import re
from dataclasses import dataclass
from html import escape

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import Language, Text
from backend.settings import Settings
from backend.web.language import LANGUAGE_COOKIE, language_of

TITLE = "Ondol"
DESCRIPTION = Text("내 기계에서 도는 나만의 AI 작업실", "A private AI workbench on a machine of your own")
ICON = "/static/favicon.svg"
SCRIPTS = (  # in the order they need each other
    "/page/ondol.js", "/page/sources.js", "/page/documents.js", "/page/editor.js", "/page/hints.js",
    "/page/teaching.js", "/page/sentiment.js", "/page/pod.js", "/page/pod_header.js", "/page/engine_banner.js",
)  # fmt: skip
THEME_COOKIE = "ondol_theme"
COOKIE_MAX_AGE_S = 365 * 24 * 3600
THEMES = frozenset({"light", "dark"})

_HTML = re.compile(r'(<html\b[^>]*?\slang=")[^"]*(")')
_HEAD = re.compile(r"<head[^>]*>")
_CARD = re.compile(r'\s*<meta\s+(?:property|name)="(?:og|twitter):[^>]*>')
_MANIFEST = re.compile(r'\s*<link\s+rel="manifest"[^>]*>')
_RESIZER = "iframeResizer.contentWindow"
MARKERS = {"html": _HTML, "head": _HEAD, "card": _CARD, "manifest": _MANIFEST, "resizer": re.compile(_RESIZER)}
_log = structlog.get_logger(__name__)

# The first script of the page, so that Gradio's own scripts already see the choices. `all` is a media query that always
# holds, `not all` one that never does.
_CHOICES = """(() => {{
  const language = {language}, theme = {theme};
  const fixed = (name, value) =>
    Object.defineProperty(Navigator.prototype, name, {{ get: () => value, configurable: true }});
  fixed("language", language);
  fixed("languages", Object.freeze([language]));
  if (theme) {{
    const real = window.matchMedia.bind(window);
    window.matchMedia = (query) => {{
      const scheme = /prefers-color-scheme:\\s*(dark|light)/.exec(query);
      return real(scheme ? (scheme[1] === theme ? "all" : "not all") : query);
    }};
  }}
}})();"""
# Gradio's template colours the page by the system's scheme before its scripts run.
_FIRST_COLOURS = """html[data-theme="light"] body { background: var(--bg); color: var(--col); }
html[data-theme="dark"] body { background: var(--bg-dark); color: var(--col-dark); }"""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the reader chose. `theme` is `light`, `dark` or "" for the system's."""

    language: Language
    theme: str = ""


def choices_of(request: Request) -> Choices:
    """The reader's choices: language of the account, cookie or browser, theme of the cookie."""
    theme = request.cookies.get(THEME_COOKIE, "")
    return Choices(language_of(request), theme if theme in THEMES else "")


def rewritten(html: str, choices: Choices) -> str | None:
    """Gradio's page with the choices in it, or None if it is not the page we know."""
    if not (_HTML.search(html) and _HEAD.search(html)):
        return None
    html = _CARD.sub("", html)
    html = _MANIFEST.sub("", html, count=1)  # browsers fetch it without cookies, so it would only ever be refused
    html = _without_script(html, _RESIZER)  # for pages embedded by other sites; ours is not, and /static/ is ours
    theme = f' data-theme="{choices.theme}"' if choices.theme else ""
    html = _HTML.sub(rf"\g<1>{choices.language}\g<2>{theme}", html, count=1)
    addition = _head_of(choices)
    return _HEAD.sub(lambda found: found.group(0) + addition, html, count=1)


class PageRewriter:
    """ASGI middleware that rewrites `GET /`, corrects its length and sets the language cookie where it is absent.

    Only this one answer is gathered; everything else passes untouched. The page is compressed here, because what it
    passes on to must not compress it before it is rewritten.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        answer = _GatheredPage(request, send)
        await self.app({**scope, "headers": plain}, receive, answer.send)


class _GatheredPage:
    """The answer to `GET /`, held back until it is whole."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request, self._send = request, send
        self._start: Message | None = None
        self._body = bytearray()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif message["type"] == "http.response.body" and self._start is not None:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._start)
        else:
            await self._send(message)

    async def _finish(self, start: Message) -> None:
        headers = MutableHeaders(scope=start)
        body = bytes(self._body)
        choices = choices_of(self._request)
        if body:
            body = self._changed(body, choices)
            headers["vary"] = "Accept-Encoding, Accept-Language, Cookie"
            if "gzip" in self._request.headers.get("accept-encoding", ""):
                body = gzip.compress(body, 5, mtime=0)
                headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(body))
        headers["content-language"] = choices.language
        if LANGUAGE_COOKIE not in self._request.cookies:
            secure = "; Secure" if self._request.scope["scheme"] == "https" else ""
            headers.append(
                "set-cookie",
                f"{LANGUAGE_COOKIE}={choices.language}; Path=/; Max-Age={COOKIE_MAX_AGE_S}; SameSite=Lax{secure}",
            )
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})

    @staticmethod
    def _changed(body: bytes, choices: Choices) -> bytes:
        html = rewritten(body.decode("utf-8", "replace"), choices)
        if html is None:
            _log.warning("the page was not rewritten: Gradio's template has changed")
            return body
        return html.encode()


def _without_script(html: str, text: str) -> str:
    """The page without the inline script that contains the text."""
    at = html.find(text)
    start, end = html.rfind("<script>", 0, max(at, 0)), html.find("</script>", at)
    if at < 0 or start < 0 or end < 0:
        return html
    return html[:start] + html[end + len("</script>") :]


def _is_page(start: Message) -> bool:
    headers = Headers(raw=start["headers"])
    is_html = headers.get("content-type", "").startswith("text/html")
    return start["status"] == 200 and is_html and "content-encoding" not in headers


def _head_of(choices: Choices) -> str:
    description = escape(DESCRIPTION.in_(choices.language))
    scripts = "".join(f'<script src="{script}" defer></script>\n' for script in SCRIPTS)
    script = _CHOICES.format(language=json.dumps(choices.language), theme=json.dumps(choices.theme))
    return (
        f"\n<script>{script}</script>\n"
        f"<title>{TITLE}</title>\n"
        f'<meta name="description" content="{description}" />\n'
        f'<meta property="og:title" content="{TITLE}" />\n'
        f'<meta property="og:description" content="{description}" />\n'
        f'<link rel="icon" href="{ICON}" type="image/svg+xml" />\n'
        f"{scripts}"
        f"<style>{_FIRST_COLOURS}</style>\n"
    )
