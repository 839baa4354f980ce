"""Fetches a file from the Hugging Face hub, or a mirror of it, and goes on where an earlier attempt stopped."""

import queue
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from backend.models.checks import SourceFailed
from backend.models.manifest import HubSource, Model
from backend.models.progress import Meter

REACH_S = 4.5
_TRIES_BEFORE_FIRST_BYTE = 2
_TRIES_WITHOUT_PROGRESS = 5
_LONGEST_PAUSE_S = 10.0
_TIMEOUT = httpx.Timeout(connect=5.0, read=30.0, write=10.0, pool=5.0)


class _Broken(Exception):
    """The transfer broke off in a way that another attempt may mend."""


@dataclass(frozen=True)
class Hub:
    """Which hub, and who asks. The token is sent to the hub only, never to the host it redirects to."""

    endpoint: str
    token: str = ""
    reach_s: float = REACH_S


def begun(part: Path) -> int:
    """Bytes of an earlier attempt."""
    return part.stat().st_size if part.is_file() else 0


def download(
    source: HubSource, model: Model, part: Path, *, hub: Hub, meter: Meter, pause: Callable[[float], None] = time.sleep
) -> None:
    """Completes `part` to `model.size` bytes. The contents are not checked here.

    Raises:
        SourceFailed: the hub is out of reach, has no such file, has another one, or keeps breaking off.
        OSError: `part` cannot be written.
    """
    url = f"{hub.endpoint.rstrip('/')}/{source.repo}/resolve/{source.revision}/{source.file}"
    headers = {"Accept-Encoding": "identity"}
    if hub.token:
        headers["Authorization"] = f"Bearer {hub.token}"
    _ensure_reachable(url, headers, hub.reach_s)
    start = begun(part)
    failures = 0
    with httpx.Client(timeout=_TIMEOUT, follow_redirects=True, headers=headers) as client:
        while (before := begun(part)) != model.size:
            try:
                _transfer(client, url, part, model, meter)
                failures = 0
            except (_Broken, httpx.TransportError) as error:
                failures = 1 if begun(part) > before else failures + 1
                limit = _TRIES_WITHOUT_PROGRESS if begun(part) > start else _TRIES_BEFORE_FIRST_BYTE
                if failures >= limit:
                    raise SourceFailed(f"{_host(url)} broke off ({_reason(error)})") from None
                pause(min(0.5 * 2**failures, _LONGEST_PAUSE_S))


def _transfer(client: httpx.Client, url: str, part: Path, model: Model, meter: Meter) -> None:
    """One request, from where `part` ends."""
    offset = begun(part)
    if offset > model.size:
        part.unlink()
        offset = 0
    headers = {"Range": f"bytes={offset}-"} if offset else {}
    with client.stream("GET", url, headers=headers) as response:
        offset = _accepted_offset(response, offset, model)
        with part.open("ab" if offset else "wb") as file:
            for chunk in response.iter_raw():
                offset += len(chunk)
                if offset > model.size:
                    raise SourceFailed(f"{_host(url)} sends more than the {model.size:,} bytes of the file")
                file.write(chunk)
                meter.at(_host(url), offset)
    if offset < model.size:
        raise _Broken(f"the answer ended after {offset:,} of {model.size:,} bytes")


def _accepted_offset(response: httpx.Response, offset: int, model: Model) -> int:
    """Where the body of this answer begins in the file.

    Raises:
        SourceFailed: an answer that another attempt will not change.
        _Broken: the server is troubled just now.
    """
    host, status = _host(str(response.request.url)), response.status_code
    if status == HTTPStatus.PARTIAL_CONTENT:
        span = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != offset:
            raise SourceFailed(f"{host} answered with another part of the file than was asked for")
        size = int(span[2])
    elif status == HTTPStatus.OK:
        offset = 0
        size = int(response.headers.get("Content-Length", model.size))
    elif status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise SourceFailed(f"{host} refuses the file (HTTP {status}); HF_TOKEN may be needed")
    elif status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500:
        raise _Broken(f"HTTP {status}")
    else:
        raise SourceFailed(f"{host} does not have the file (HTTP {status})")
    if size != model.size:
        raise SourceFailed(f"the file at {host} has {size:,} bytes instead of {model.size:,}")
    return offset


def _ensure_reachable(url: str, headers: dict[str, str], limit_s: float) -> None:
    """Any HTTP answer within `limit_s` will do.

    Looking up a name has no timeout of its own and can block for half a minute where a network swallows the
    questions, so it happens in a thread that is left behind.
    """
    answer: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def ask() -> None:
        try:
            with httpx.Client(timeout=limit_s, headers=headers) as client:
                client.head(url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            answer.put(error)
        else:
            answer.put(None)

    threading.Thread(target=ask, name="hub-reachable", daemon=True).start()
    try:
        error = answer.get(timeout=limit_s)
    except queue.Empty:
        raise SourceFailed(f"{_host(url)} does not answer within {limit_s:g} s") from None
    if error is not None:
        raise SourceFailed(f"{_host(url)} cannot be reached ({_reason(error)})")


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__
