"""A page with one message, for when Ondol's own page cannot be shown yet.

It needs no file, no script and no language setting: both languages are on it, and it reloads itself when waiting helps.
"""

from html import escape

from starlette.responses import HTMLResponse

from backend.errors import Language, OndolError

_PAGE = """<!doctype html>
<html lang="ko">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
{refresh}<title>Ondol</title>
<style>
:root {{ --ground: #faf6f0; --ink: #33291f; --soft: #6b5c4c; --warm: #b4541a; }}
@media (prefers-color-scheme: dark) {{
  :root {{ --ground: #1c1814; --ink: #f1e9df; --soft: #b9aa99; --warm: #f0a068; }}
}}
body {{ margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--ground); color: var(--ink);
  font: 1rem/1.7 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", sans-serif; word-break: keep-all; }}
main {{ max-width: 30rem; padding: 2rem; text-align: center; }}
h1 {{ margin: 0 0 1.5rem; font-size: 1.1rem; color: var(--warm); letter-spacing: .04em; }}
p {{ margin: .2rem 0; }}
.next {{ color: var(--soft); margin-bottom: 1.5rem; }}
.bar {{ height: 3px; border-radius: 2px; background: var(--warm); animation: breathe 2s ease-in-out infinite; }}
@keyframes breathe {{ 50% {{ opacity: .2; }} }}
@media (prefers-reduced-motion: reduce) {{ .bar {{ animation: none; }} }}
</style>
</head>
<body><main role="status">
<h1>온돌 · Ondol</h1>
{messages}
{bar}</main></body>
</html>
"""


def notice_page(error: OndolError) -> HTMLResponse:
    """The error as a page; it reloads after `retry_after_s` seconds if the error has that."""
    wait_s = error.retry_after_s
    texts = [(language, error.problem(language)) for language in Language]
    messages = "\n".join(
        f'<p lang="{language}">{escape(text["title"])}</p>\n'
        f'<p lang="{language}" class="next">{escape(text["detail"].removeprefix(text["title"]).strip())}</p>'
        for language, text in texts
    )
    page = _PAGE.format(
        refresh=f'<meta http-equiv="refresh" content="{wait_s}">\n' if wait_s is not None else "",
        messages=messages,
        bar='<div class="bar"></div>\n' if wait_s is not None else "",
    )
    headers = {"retry-after": str(wait_s)} if wait_s is not None else None
    return HTMLResponse(page, error.status, headers=headers)
