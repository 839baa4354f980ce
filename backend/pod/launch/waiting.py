"""From a pod that was accepted to a page that answers: what it is doing, asked every few seconds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from backend.errors import OndolError, PodEnded, PodNotReady
from backend.pod.clock import Clock
from backend.pod.pods import Pod, PodProvider, PodStatus

_EVERY_S = 5.0
_ANSWER_S = 10.0
_OVER = frozenset({PodStatus.EXITED, PodStatus.ERROR, PodStatus.TERMINATED})
_GRACE_S = 60.0  # a pod that was just started is told as EXITED for a moment


@dataclass(frozen=True, slots=True)
class Stage:
    """What is seen now.

    Attributes:
        state: RunPod's word while it is coming up, then `opening`, then the words of the page's `/health`.
        has_page: the page answers, so people can open it and watch the rest there.
        parts: state of each part, from `/health`.
    """

    state: str
    elapsed_s: float
    has_page: bool = False
    parts: tuple[tuple[str, str], ...] = ()


async def wait_until_ready(
    provider: PodProvider,
    pod: Pod,
    url: str,
    *,
    within_s: float,
    clock: Clock,
    sleep: Callable[[float], Awaitable[None]],
    show: Callable[[Stage], None],
) -> Pod:
    """Returns when the page says that it is ready.

    Raises:
        PodEnded: it stopped or failed on the way.
        PodNotReady: it takes longer than `within_s`; it goes on.
    """
    began, trouble = clock.monotonic(), ""
    async with httpx.AsyncClient(timeout=_ANSWER_S, follow_redirects=False) as page:
        while True:
            elapsed = clock.monotonic() - began
            try:
                pod, trouble = await provider.get(pod.id), ""
            except OndolError as error:
                trouble = error.code  # RunPod stumbles; the pod does not care
            if pod.status in _OVER and (elapsed > _GRACE_S or pod.status is PodStatus.TERMINATED):
                raise PodEnded(pod=pod.id, state=pod.status)
            stage = await _stage(pod, page, url, elapsed)
            show(stage)
            if stage.state in ("ok", "degraded"):
                return pod
            if elapsed >= within_s:
                raise PodNotReady(pod=pod.id, minutes=round(within_s / 60), state=trouble or stage.state)
            await sleep(_EVERY_S)


async def _stage(pod: Pod, page: httpx.AsyncClient, url: str, elapsed_s: float) -> Stage:
    if pod.status is not PodStatus.RUNNING:
        return Stage(pod.status.lower(), elapsed_s)
    body = await _health(page, url)
    if body is None:
        return Stage("opening", elapsed_s)
    checks = body.get("checks")
    parts = tuple(
        (str(name)[:20], str(check.get("state", ""))[:20])
        for name, check in (checks.items() if isinstance(checks, dict) else ())
        if isinstance(check, dict) and name != "disk"
    )
    return Stage(str(body["status"])[:20], elapsed_s, has_page=True, parts=parts)


async def _health(page: httpx.AsyncClient, url: str) -> dict[str, Any] | None:
    """What `/health` says; None while RunPod's proxy answers in its place, or nobody."""
    try:
        body = (await page.get(f"{url}/health")).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return None
    return body if isinstance(body, dict) and isinstance(body.get("status"), str) else None
