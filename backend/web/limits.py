"""How much one reader may ask for: bytes in a request, and requests a minute.

The rate counts what starts work. Gradio runs an event to its end even when nobody ever listens to it, so joining its
queue is the request that costs; stopping something is never limited.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv6Address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import RequestTooLarge, TooManyRequests
from backend.hints.problem_files import MAX_FILE_BYTES
from backend.settings import Settings
from backend.web.metrics import Metrics
from backend.web.problems import problem_response
from backend.web.proxy import parsed_address
from backend.web.security import SAFE_METHODS

Identify = Callable[[Scope], Awaitable[str]]
MAX_KEYS = 10_000
UPLOAD_PATH = "/api/v1/documents"
PROBLEMS_PATH = "/api/v1/problems/import"
REVIEW_FILES = frozenset({"/api/v1/sentiment/jobs", "/api/v1/sentiment/preview"})
REVIEWS = frozenset({"/api/v1/sentiment/jobs", "/api/v1/sentiment/analyze"})
REVIEWS_BYTES = 32_000_000  # of JSON, which is held in memory whole
UPLOAD_FILES = 4  # files of the largest size that one upload may bring; they are kept on disk while they come
# Requests that end work instead of starting it.
UNLIMITED_PREFIXES = ("/gradio_api/cancel", "/gradio_api/reset", "/logout")


class BodyLimit:
    """ASGI middleware that refuses bodies over `settings.max_request_bytes`, and uploads over what is theirs.

    A declared length is refused at once; a body without one (chunked) or with a false one is counted as it comes.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._request_limit = settings.max_request_bytes
        self._upload_limits = {
            UPLOAD_PATH: UPLOAD_FILES * settings.max_document_bytes + settings.max_request_bytes,
            PROBLEMS_PATH: MAX_FILE_BYTES + settings.max_request_bytes,
        }
        self._review_file_limit = (settings.sentiment_max_file_mb << 20) + settings.max_request_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit_of(scope)
        if _declared_length(scope) > limit:
            await problem_response(scope, RequestTooLarge(limit_bytes=limit))(scope, receive, send)
            return
        await _CountedRequest(scope, receive, send, limit).answer(self.app)

    def _limit_of(self, scope: Scope) -> int:
        path = scope["path"] if scope["method"] == "POST" else ""
        if path in self._upload_limits:
            return self._upload_limits[path]
        if path in REVIEW_FILES and Headers(scope=scope).get("content-type", "").startswith("multipart/form-data"):
            return self._review_file_limit
        return max(REVIEWS_BYTES, self._request_limit) if path in REVIEWS else self._request_limit


class _CountedRequest:
    """One request whose body is counted while the app reads it.

    Frameworks turn any exception while reading into an answer of their own ("error parsing the body"), so the refusal
    replaces whatever the app answers after the limit was passed.
    """

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        limit: int,
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._limit = limit
        self._received = 0
        self._begun = False

    async def answer(self, app: ASGIApp) -> None:
        """Runs the app, or refuses in its place."""
        try:
            await app(self._scope, self._counted_receive, self._guarded_send)
        except RequestTooLarge:
            if self._begun:
                raise
        if self._over and not self._begun:
            error = RequestTooLarge(limit_bytes=self._limit)
            await problem_response(self._scope, error)(self._scope, self._receive, self._send)

    @property
    def _over(self) -> bool:
        return self._received > self._limit

    async def _counted_receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._over:
                raise RequestTooLarge(limit_bytes=self._limit)
        return message

    async def _guarded_send(self, message: Message) -> None:
        if self._over and not self._begun:
            return
        self._begun = True
        await self._send(message)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class TokenBuckets:
    """A token bucket for each key: `per_minute` at once, refilled evenly over a minute.

    At most `MAX_KEYS` keys are remembered; the one unused for longest is forgotten first, and it is the most likely to
    be full again, which is the same as forgotten.

    Args:
        per_minute: tokens a minute, and the most a bucket holds.
        clock: seconds that never go back.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic, max_keys: int = MAX_KEYS) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: str) -> float:
        """Takes a token; 0.0 when there was one, otherwise seconds until there is."""
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(self._capacity, now)
            if len(self._buckets) > self._max_keys:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        bucket.tokens = min(self._capacity, bucket.tokens + (now - bucket.filled_at) * self._per_second)
        bucket.filled_at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._per_second


class RateLimit:
    """ASGI middleware that refuses requests over `settings.requests_per_minute` with 429 and `Retry-After`.

    Args:
        identify: the key a request is counted under; by default the signed-in user, else the address.
        metrics: where refusals are counted.
        clock: seconds that never go back.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        *,
        identify: Identify | None = None,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self._identify = identify or user_or_address
        self._metrics = metrics
        self._buckets = TokenBuckets(settings.requests_per_minute, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_counted(scope):
            wait_s = self._buckets.take(await self._identify(scope))
            if wait_s > 0:
                if self._metrics is not None:
                    self._metrics.rate_limited.inc()
                error = TooManyRequests(retry_after_s=math.ceil(wait_s))
                await problem_response(scope, error)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def is_counted(scope: Scope) -> bool:
    """Whether a request starts work."""
    return (
        scope["type"] == "http"
        and scope["method"] not in SAFE_METHODS
        and not scope["path"].startswith(UNLIMITED_PREFIXES)
    )


async def user_or_address(scope: Scope) -> str:
    """`user:<id>` of the identity that the sign-in gate found, else `address:<network>`."""
    identity = scope.get("state", {}).get("identity")
    if identity is not None:
        return f"user:{identity.user_id}"
    return address_key(scope)


def address_key(scope: Scope) -> str:
    """The reader's address; of IPv6 the /64, since one household or server has all of it."""
    text = scope["client"][0] if scope.get("client") else ""
    address = parsed_address(text)
    if isinstance(address, IPv6Address):
        return f"address:{IPv6Address(int(address) >> 64 << 64)}/64"
    return f"address:{address or text}"


def _declared_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    return int(value) if value.isascii() and value.isdigit() else 0
