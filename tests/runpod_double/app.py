"""The ASGI application: looks at the key, records the request, lets a fault strike, or answers."""

import asyncio
import json
from dataclasses import replace
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.runpod_double import graphql, ordering, rest
from tests.runpod_double.faults import Fault, FaultKind, problem, refusal
from tests.runpod_double.state import Account, Recorded

_READS = {"list", "get", "logs", "billing", "gpus", "volumes", "templates"}
_CREATES = {"create": ordering.pod, "create_volume": ordering.volume, "create_template": ordering.template}


class Application:
    """Answers for one account and one key. `faults` strike in their order, each while it lasts."""

    def __init__(self, account: Account, key: str) -> None:
        self.account = account
        self.key = key
        self.faults: list[Fault] = []
        self.asgi = Starlette(
            routes=[
                Route("/v2/pods", self._list, methods=["GET"]),
                Route("/v2/pods", self._create, methods=["POST"]),
                Route("/v2/pods/{id}", self._pod, methods=["GET", "DELETE"]),
                Route("/v2/pods/{id}/action", self._action, methods=["POST"]),
                Route("/v2/pods/{id}/logs", self._logs),
                Route("/v2/billing/pods", self._billing),
                Route("/v2/catalog/gpus", self._gpus),
                Route("/v2/network-volumes", self._volumes, methods=["GET"]),
                Route("/v2/network-volumes", self._create, methods=["POST"]),
                Route("/v2/templates", self._templates, methods=["GET"]),
                Route("/v2/templates", self._create, methods=["POST"]),
                Route("/proxy/{id}/health", self._page),
                Route("/graphql", self._graphql, methods=["POST"]),
            ]
        )

    async def _list(self, request: Request) -> Response:
        return await self._answer(request, "list")

    async def _pod(self, request: Request) -> Response:
        return await self._answer(request, "terminate" if request.method == "DELETE" else "get")

    async def _action(self, request: Request) -> Response:
        body = await _body(request)
        action = body.get("action")
        if not isinstance(action, str) or set(body) != {"action"}:
            return problem(422, "Unprocessable Entity", "Request validation failed.")
        return await self._answer(request, action, action=action)

    async def _logs(self, request: Request) -> Response:
        return await self._answer(request, "logs")

    async def _billing(self, request: Request) -> Response:
        return await self._answer(request, "billing")

    async def _gpus(self, request: Request) -> Response:
        return await self._answer(request, "gpus")

    async def _volumes(self, request: Request) -> Response:
        return await self._answer(request, "volumes")

    async def _templates(self, request: Request) -> Response:
        return await self._answer(request, "templates")

    async def _create(self, request: Request) -> Response:
        kind = {"pods": "create", "network-volumes": "create_volume", "templates": "create_template"}
        return await self._answer(request, kind[request.url.path.rpartition("/")[2]], body=await _body(request))

    async def _page(self, request: Request) -> Response:
        """RunPod's proxy: the page on the pod, or its own words while nothing listens there."""
        with self.account.lock:
            pod = self.account.settled().get(request.path_params["id"])
            page = self.account.pages.get(request.path_params["id"])
        if pod is None or pod.status != "RUNNING" or page is None:
            return HTMLResponse("<html><body>404 Not Found</body></html>", 404)
        return JSONResponse(page, 200 if page["status"] in ("ok", "degraded") else 503)

    async def _graphql(self, request: Request) -> Response:
        query = (await _body(request)).get("query", "")
        return await self._answer(request, graphql.operation_of(query), query=query)

    async def _answer(
        self,
        request: Request,
        operation: str,
        *,
        action: str = "",
        query: str = "",
        body: dict[str, Any] | None = None,
    ) -> Response:
        params = dict(request.query_params)
        with self.account.lock:
            recorded = Recorded(operation, request.method, request.url.path, params, action, query, body or {})
            self.account.requests.append(recorded)
            if request.headers.get("authorization") != f"Bearer {self.key}":
                return refusal(Fault(FaultKind.UNAUTHORIZED)) or Response(status_code=401)
            fault = self._taken(operation)
            kind = fault.kind if fault else None
            if fault and (refused := _refused(fault, query)):
                return refused
            if kind is FaultKind.NOT_APPLIED and operation not in _READS:
                return self._unapplied(request, query)
            answer = self._done(request, operation, recorded)
        return await _struck(answer, kind, query)

    def _done(self, request: Request, operation: str, recorded: Recorded) -> Response:
        """The answer of an account in which all is well."""
        if recorded.query:
            return JSONResponse(graphql.answered(self.account, recorded.query))
        pod_id = request.path_params.get("id", "")
        match operation:
            case "list":
                return rest.listed(self.account)
            case "get":
                return rest.one(self.account, pod_id)
            case "logs":
                return rest.logged(self.account, pod_id, int(recorded.params.get("tail", "100")))
            case "billing":
                return rest.billed(self.account, recorded.params)
            case "gpus":
                return rest.catalogued(self.account, recorded.params)
            case "volumes":
                return JSONResponse({"networkVolumes": self.account.volumes})
            case "templates":
                return JSONResponse({"templates": self.account.templates})
            case name if name in _CREATES:
                return _CREATES[name](self.account, recorded.body)
            case _:
                return rest.acted(self.account, pod_id, operation)

    def _unapplied(self, request: Request, query: str) -> Response:
        """Success is told, and nothing happens."""
        if query:
            return JSONResponse(graphql.answered(self.account, query, applies=False))
        if "id" not in request.path_params:
            return JSONResponse({}, 201)
        return rest.one(self.account, request.path_params["id"])

    def _taken(self, operation: str) -> Fault | None:
        """The fault that strikes this request."""
        for place, fault in enumerate(self.faults):
            if fault.operation in ("", operation):
                if fault.times is not None:
                    left = fault.times - 1
                    self.faults[place : place + 1] = [replace(fault, times=left)] if left else []
                return fault
        return None


def _refused(fault: Fault, query: str) -> Response | None:
    """GraphQL tells most refusals in a body of HTTP 200; what stands before it does so with a status."""
    sentence = {FaultKind.NO_GPU: graphql.NO_GPU, FaultKind.NOT_FOUND: "pod not found"}.get(fault.kind)
    if query and sentence:
        return JSONResponse({"errors": [{"message": sentence}], "data": None})
    return refusal(fault)


async def _struck(answer: Response, kind: FaultKind | None, query: str) -> Response:
    """The answer after what was asked for has been done."""
    match kind:
        case FaultKind.HANG:
            await asyncio.Event().wait()
        case FaultKind.EMPTY:
            empty = {"data": {"podStop": None, "podResume": None, "pod": None, "myself": None}} if query else {}
            return JSONResponse(empty)
        case FaultKind.GARBAGE:
            return Response(bytes(answer.body)[:40], media_type="application/json")
        case FaultKind.BROKEN_OFF:
            return Response(bytes(answer.body)[:40], headers={"Content-Length": str(len(answer.body))})
        case FaultKind.TOO_LARGE:
            return StreamingResponse(iter([b" " * 1_000_000] * 9), media_type="application/json")
    return answer


async def _body(request: Request) -> dict[str, Any]:
    try:
        found = json.loads(await request.body())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
