"""A pod seen from outside: what RunPod tells of its GPU, and what the app on it tells of itself.

The app's last word is kept on disk. It says when the app was last alive, until when it was to be kept awake, and which
schedule it had; that holds on when the app is gone.
"""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import httpx

from backend.errors import InvalidSchedule
from backend.pod.clock import Clock
from backend.pod.files import write_whole
from backend.pod.lease import Heartbeat, read_heartbeat
from backend.pod.machine import Kind, Order, Phase
from backend.pod.pods import Pod
from backend.pod.presence import ALIVE_FOR_S
from backend.pod.sample import Phrase, Sample, Signal, Verdict
from backend.pod.schedule import Schedule, parse, text_of

HEARTBEAT_PATH = "/api/v1/pod/heartbeat"
_TIMEOUT_S = 10.0
_LARGEST = 20_000  # bytes of a heartbeat


class App:
    """The app as another process sees it.

    Args:
        url: of its page; empty: only the heartbeat file in `folder` is read.
        folder: of the watchdog's state. On the same disk as the app, it is the app's data folder.
    """

    def __init__(self, url: str, folder: Path, clock: Clock) -> None:
        self._url, self._clock = url.rstrip("/"), clock
        self._folder, self._path = folder, folder / "watchdog-app.json"
        self.last = self._load()
        self.is_alive = False

    async def read(self) -> None:
        """Asks the app, and remembers what it says."""
        beat = await self._over_http() if self._url else read_heartbeat(self._folder)
        now = self._clock.now()
        if beat is not None and beat != self.last:
            self.last = beat
            write_whole(self._path, json.dumps(beat.to_json()), sync=False)
        self.is_alive = self.last is not None and self.last.is_alive(now)

    @property
    def decides(self) -> bool:
        """Whether the app is there and would stop the pod itself."""
        return self.is_alive and self.last is not None and self.last.acting

    def keeps_awake(self) -> bool:
        """Whether somebody asked the app to stay awake, however it fares now."""
        until = self.last.keep_awake_until if self.last else None
        return until is not None and self._clock.now() < until

    def schedule(self) -> Schedule:
        """The app's, as it last told."""
        return parse(self.last.schedule) if self.last else Schedule()

    async def _over_http(self) -> Heartbeat | None:
        """The answer, its times moved to this machine's clock."""
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.get(self._url + HEARTBEAT_PATH)
            if not answer.is_success or len(answer.content) > _LARGEST:
                return None
            values = answer.json()
            beat = Heartbeat.from_json(values)
            seen = self._clock.now() - timedelta(seconds=max(0.0, float(values.get("age_s", 0.0))))
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, AttributeError):
            return None
        return Heartbeat(
            **{**vars(beat), "at": seen, "until": seen + timedelta(seconds=ALIVE_FOR_S), "schedule": _readable(beat)}
        )

    def _load(self) -> Heartbeat | None:
        try:
            return Heartbeat.from_json(json.loads(self._path.read_bytes()))
        except (OSError, ValueError):
            return None


class Outside:
    """The signals there are without being on the pod, and whether it is the watchdog's turn to act.

    Args:
        schedule: one of the watchdog's own; empty: the app's counts.
    """

    def __init__(self, app: App, threshold: Callable[[], float], schedule: Schedule, clock: Clock) -> None:
        self._app, self._threshold, self._own, self._clock = app, threshold, schedule, clock

    async def sample(self, pod: Pod | None) -> Sample:
        """One check. Without a runtime RunPod does not tell what the GPU does, and that is unknown."""
        before = self._app.last.last_activity_at if self._app.last else None
        await self._app.read()
        now = self._clock.now()
        signals = [self._gpu(pod, now)]
        if self._app.is_alive:
            signals.append(self._requests(before, now))
        is_up = pod is not None and pod.has_runtime
        began = pod.started_at if pod is not None else None
        return Sample(
            at=now,
            monotonic_s=self._clock.monotonic(),
            signals=tuple(signals),
            ready_since=began if is_up else None,
            started_at=began,
        )

    async def may_act(self, order: Order) -> bool:
        """Reads the app's heartbeat once more: it must be gone, or unable to act, or not concerned."""
        await self._app.read()
        if self._app.keeps_awake():
            return False
        if not self._app.decides:
            return True
        told = self._app.last
        is_own = order.kind is Kind.SCHEDULE and bool(self._own) and self._own != self._app.schedule()
        return is_own and told is not None and told.state in {Phase.ARMED, Phase.STOPPED}

    def schedule(self) -> Schedule:
        """The one in force here."""
        return self._own or self._app.schedule()

    def _gpu(self, pod: Pod | None, now: datetime) -> Signal:
        source = "RunPod"
        used = [gpu.util_percent for gpu in pod.gpus if gpu.util_percent is not None] if pod else []
        if pod is None or not pod.has_runtime or len(used) < len(pod.gpus) or not used:
            return Signal("gpu", Verdict.UNKNOWN, "–", now, source, Phrase("no runtime", "아직 돌지 않음"))
        verdict = Verdict.BUSY if max(used) >= self._threshold() else Verdict.IDLE
        return Signal("gpu", verdict, f"{max(used):.0f} %", now, source)

    def _requests(self, before: datetime | None, now: datetime) -> Signal:
        """What the app says of all its signals: at work now, or since the check before."""
        beat = self._app.last
        if beat is None or beat.busy is None:
            return Signal("requests", Verdict.UNKNOWN, "–", now, "app")
        has_worked = beat.last_activity_at is not None and before is not None and beat.last_activity_at > before
        verdict = Verdict.BUSY if beat.busy or has_worked else Verdict.IDLE
        return Signal("requests", verdict, "", now, "app")


def _readable(beat: Heartbeat) -> str:
    """The schedule of a heartbeat that came over a network, if it is one. Raises ValueError."""
    try:
        return text_of(parse(beat.schedule))
    except InvalidSchedule as error:
        raise ValueError("schedule") from error
