"""Which way to RunPod the settings ask for."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import TypeVar

import structlog

from backend.errors import RunpodApiGone
from backend.pod.pods import BillingLine, GpuType, Pod, PodProvider
from backend.pod.runpod import RunpodRest
from backend.pod.runpod_sdk import RunpodSdk
from backend.settings import Settings

log = structlog.get_logger()
_T = TypeVar("_T")


def provider_of(settings: Settings) -> PodProvider | None:
    """RunPod as `RUNPOD_API` says; None without a key. Nothing is asked yet."""
    key = settings.runpod_api_key
    if not key.get_secret_value().strip():
        return None
    match settings.runpod_api:
        case "rest":
            return RunpodRest(key, settings.runpod_api_url)
        case "sdk":
            return RunpodSdk(key)
        case "auto":
            return Fallback(RunpodRest(key, settings.runpod_api_url), RunpodSdk(key))


class Fallback:
    """Asks the primary first, every time, and the secondary when the primary's interface is no longer there.

    Only that: an API that is there and stumbles, or a network that is down, would not be better the other way, and
    an action whose fate is uncertain must not be sent twice.
    """

    def __init__(self, primary: PodProvider, secondary: PodProvider) -> None:
        self._primary, self._secondary = primary, secondary
        self._is_gone = False

    @property
    def name(self) -> str:
        """Of the one that answered last."""
        return self._secondary.name if self._is_gone else self._primary.name

    async def list(self) -> list[Pod]:
        return await self._first(lambda provider: provider.list())

    async def get(self, pod_id: str) -> Pod:
        return await self._first(lambda provider: provider.get(pod_id))

    async def start(self, pod_id: str) -> None:
        await self._first(lambda provider: provider.start(pod_id))

    async def stop(self, pod_id: str) -> None:
        await self._first(lambda provider: provider.stop(pod_id))

    async def restart(self, pod_id: str) -> None:
        await self._first(lambda provider: provider.restart(pod_id))

    def logs(self, pod_id: str, *, tail: int = 100, silence_s: float = 2.0) -> AsyncIterator[str]:
        return self._primary.logs(pod_id, tail=tail, silence_s=silence_s)

    async def billing(self, pod_id: str, since: datetime, until: datetime) -> Sequence[BillingLine]:
        return await self._first(lambda provider: provider.billing(pod_id, since, until))

    async def network_volume_gb(self, volume_id: str) -> float | None:
        return await self._first(lambda provider: provider.network_volume_gb(volume_id))

    async def gpu_types(self, count: int) -> Sequence[GpuType]:
        return await self._first(lambda provider: provider.gpu_types(count))

    async def close(self) -> None:
        await self._primary.close()
        await self._secondary.close()

    async def _first(self, call: Callable[[PodProvider], Awaitable[_T]]) -> _T:
        try:
            found = await call(self._primary)
        except RunpodApiGone as error:
            if not self._is_gone:
                log.warning("runpod_fallback", reason=error.details["reason"], to=self._secondary.name)
            self._is_gone = True
        else:
            self._is_gone = False
            return found
        return await call(self._secondary)
