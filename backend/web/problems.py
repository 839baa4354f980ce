"""Errors on their way out: every failure leaves as an RFC 9457 problem in the reader's language.

A problem carries `code` for programs, `detail` for people and the request's id for the operator. What was not foreseen
is logged with its traceback and told without any detail.
"""

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.errors import (
    HttpError,
    InvalidRequest,
    Language,
    MethodNotAllowed,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OndolError,
    Text,
)
from backend.settings import Settings
from backend.web.invalid_input import Fault, faults_of
from backend.web.language import language_of

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    """A problem object. `code` is kept for logs and metrics."""

    media_type = MEDIA_TYPE


def problem_response(
    where: Scope | Request,
    error: OndolError,
    *,
    status: int | None = None,
    faults: tuple[Fault, ...] = (),
    headers: dict[str, str] | None = None,
) -> ProblemResponse:
    """The answer for an error.

    Args:
        where: the request, or its ASGI scope.
        error: what is told.
        status: HTTP status if not the error's own.
        faults: the fields that are wrong, listed under `errors`.
        headers: more headers.
    """
    request = where if isinstance(where, Request) else Request(where)
    language = language_of(request)
    state = request.scope.setdefault("state", {})
    state["error_code"] = error.code
    body = error.problem(language, instance=request.scope["path"])
    body["status"] = status or error.status
    if request_id := state.get("request_id"):
        body["request_id"] = request_id
    if faults:
        body["errors"] = [{"field": fault.field, "message": fault.message.in_(language)} for fault in faults]
    answer = ProblemResponse(body, body["status"], headers=headers)
    answer.headers["content-language"] = language
    if error.retry_after_s is not None:
        answer.headers["retry-after"] = str(error.retry_after_s)
    if answer.status_code == 401:
        answer.headers["www-authenticate"] = "Bearer"
    return answer


def install(app: FastAPI) -> None:
    """Registers the handlers of expected errors. `UnexpectedErrors` takes the rest."""
    app.add_exception_handler(OndolError, _ondol_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_exception)


class UnexpectedErrors:
    """ASGI middleware: an exception nobody expected becomes a 500 problem and a log line with the traceback.

    Starlette's own handler sits outside every middleware, where its answer would lack security headers and request
    id. Once an answer has begun nothing can be said any more: the exception goes on and the server cuts the
    connection, so that the reader does not take half an answer for a whole one.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def watched_send(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched_send)
        except OndolError as error:  # raised by a middleware, outside the handlers of the app
            if begun:
                raise
            await problem_response(scope, error)(scope, receive, send)
        except Exception:
            _log.exception("unexpected error", path=scope["path"])
            if begun:
                raise
            await problem_response(scope, OndolError())(scope, receive, send)


def from_http_exception(error: HTTPException, method: str) -> OndolError:
    """The error of ours that says what an `HTTPException` of the framework means."""
    known: dict[int, OndolError] = {
        401: NotSignedIn(),
        403: NotAllowed(),
        404: NotFound(),
        405: MethodNotAllowed(method=method),
    }
    if error.status_code in known:
        return known[error.status_code]
    if error.status_code >= 500:
        return OndolError()
    detail = str(error.detail).rstrip(".") or f"HTTP {error.status_code}"
    return HttpError(reason=_KNOWN_DETAILS.get(detail, Text(detail, detail)))


_KNOWN_DETAILS = {
    "There was an error parsing the body": Text("본문을 읽을 수 없습니다", "the body cannot be read"),
}


async def _ondol_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OndolError)  # noqa: S101 -- Starlette's signature is wider than what it calls with
    if error.status >= 500:
        _log.warning("request failed", code=error.code, reason=error.message(Language.EN), path=request.scope["path"])
    return problem_response(request, error)


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- as above
    faults = faults_of(error)
    told = [fault.sentence for fault in faults[:3]]
    reason = Text("; ".join(sentence.ko for sentence in told), "; ".join(sentence.en for sentence in told))
    return problem_response(request, InvalidRequest(reason=reason), faults=faults)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 -- as above
    if error.status_code < 400:
        return Response(status_code=error.status_code, headers=_plain(error.headers))
    told = from_http_exception(error, request.method)
    return problem_response(request, told, status=error.status_code, headers=_plain(error.headers))


def _plain(headers: Any) -> dict[str, str] | None:
    return dict(headers) if headers else None
