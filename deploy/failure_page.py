"""Tells on the page's port why Ondol did not start: `python3 deploy/failure_page.py PORT FILE`.

Standard library only, for the moments in which nothing else runs. It shows the end of FILE as it is when it is asked;
`/health/live` answers, so that a container whose start is tried again is not taken for a dead one.
"""

import html
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_LINES = 40
_PAGE = """<!doctype html><html lang="ko"><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<title>Ondol</title><body style="font-family: sans-serif; max-width: 46rem; margin: 3rem auto; padding: 0 1rem">
<h1>Ondol</h1><p>아직 켜지 못했습니다. 저절로 다시 시도합니다.</p>
<p lang="en">Ondol has not started yet. It is tried again.</p>
<pre style="white-space: pre-wrap">{errors}</pre></body></html>"""


class Handler(BaseHTTPRequestHandler):
    """One page for every path."""

    file: Path

    def do_GET(self) -> None:
        """Answers 503 with the reason."""
        is_live = self.path == "/health/live"
        try:
            errors = "\n".join(self.file.read_text(encoding="utf-8", errors="replace").splitlines()[-_LINES:])
        except OSError:
            errors = ""
        body = b'{"status":"starting"}' if is_live else _PAGE.format(errors=html.escape(errors)).encode()
        self.send_response(200 if is_live else 503)
        self.send_header("Content-Type", "application/json" if is_live else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Retry-After", "10")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing: polls would fill the container's log."""


if __name__ == "__main__":
    Handler.file = Path(sys.argv[2])
    ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Handler).serve_forever()  # noqa: S104 - RunPod's proxy comes in here
