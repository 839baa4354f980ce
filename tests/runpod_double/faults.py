"""What can go wrong at RunPod, and with which answer."""

from dataclasses import dataclass
from enum import StrEnum

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from tests.runpod_double.state import CANARY


class FaultKind(StrEnum):
    """Refusals come before anything is done, the others after it."""

    UNAUTHORIZED = "401"
    BALANCE_EMPTY = "402"
    FORBIDDEN = "403"
    FORBIDDEN_PAGE = "html-403"
    NOT_FOUND = "404"
    CONFLICT = "409"
    GONE = "410"
    NO_SUCH_ADDRESS = "plain-404"
    RATE_LIMITED = "429"
    SERVER_ERROR = "500"
    HTML_500 = "html-500"
    NO_GPU = "no-gpu"
    REDIRECT = "redirect"
    NOT_APPLIED = "200-not-applied"  # accepted, and nothing happens
    EMPTY = "empty"  # 200 with an empty object; `podStop: null` in GraphQL
    GARBAGE = "garbage"  # 200 with half an object
    BROKEN_OFF = "broken-off"  # done, and the connection breaks in the middle of the answer
    HANG = "hang"  # done, and no answer comes
    TOO_LARGE = "too-large"


@dataclass(frozen=True)
class Fault:
    """Strikes requests of one kind, `times` of them or until it is taken away.

    Attributes:
        operation: `list`, `get`, `start`, `stop`, `restart`, `logs`, `billing`, `gpus`, `create`, `create_spot`,
            `terminate`, `volumes`, `create_volume`, `templates` or `create_template`; empty: all of them.
        retry_after: of a 429; empty: the header is missing.
    """

    kind: FaultKind
    operation: str = ""
    times: int | None = None
    retry_after: str = "1"


NO_GPU = "There are not enough free GPUs on the host machine to start this pod."
_PROBLEMS = {
    FaultKind.UNAUTHORIZED: (401, "Unauthorized", "missing bearer token"),
    FaultKind.BALANCE_EMPTY: (402, "Payment Required", "insufficient balance"),
    FaultKind.FORBIDDEN: (403, "Forbidden", "access denied"),
    FaultKind.NOT_FOUND: (404, "Not Found", "pod not found"),
    FaultKind.CONFLICT: (409, "Conflict", "action is not valid for the pod's current status"),
    FaultKind.GONE: (410, "Gone", "this API has been retired"),
    FaultKind.SERVER_ERROR: (500, "Internal Server Error", f"upstream said {CANARY}"),
    FaultKind.NO_GPU: (400, "Bad Request", NO_GPU),
}


def problem(status: int, title: str, detail: str, headers: dict[str, str] | None = None) -> Response:
    """An RFC 9457 problem as the contract has it."""
    body = {"title": title, "status": status, "detail": detail}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def refusal(fault: Fault) -> Response | None:
    """The answer of a fault that strikes before anything is done; None for the others."""
    match fault.kind:
        case FaultKind.RATE_LIMITED:
            headers = {"Retry-After": fault.retry_after} if fault.retry_after else None
            return problem(429, "Too Many Requests", "rate limit exceeded for the minute window", headers)
        case FaultKind.HTML_500:
            return HTMLResponse(f"<html><body>500 {CANARY}</body></html>", 500)
        case FaultKind.FORBIDDEN_PAGE:
            return HTMLResponse("<html><body>Access denied</body></html>", 403)
        case FaultKind.NO_SUCH_ADDRESS:
            return Response("404 page not found", 404, media_type="text/plain")
        case FaultKind.REDIRECT:
            return RedirectResponse("http://127.0.0.1:9/elsewhere", 307)
        case kind if kind in _PROBLEMS:
            return problem(*_PROBLEMS[kind])
        case _:
            return None
