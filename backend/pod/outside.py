"""A pod seen from outside: what RunPod tells of its GPU, and what the app on it tells of itself.

The app's last word is kept on disk. It says when the app was last alive, until when it was to be kept awake, and which
schedule and quiet hours it had; that holds on when the app is gone.

An app that is gone and one that cannot be asked are not the same. RunPod's proxy answers for an app that is gone (404,
502, 503, 524), and a hung one does not answer in time. Where not even the proxy is reached, or something before it lets
nobody through (a redirect, 401, 403, 429), nothing is known of the app, and nothing is stopped for idleness.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import orjson

from backend.errors import InvalidSchedule
from backend.pod.clock import Clock
from backend.pod.files import write_whole
from backend.pod.lease import Heartbeat, read_heartbeat
from backend.pod.machine import Kind, Order, Phase
from backend.pod.pods import Pod
from backend.pod.presence import ALIVE_FOR_S
from backend.pod.quiet import QuietWindow
from backend.pod.runpod_http import reason_of
from backend.pod.sample import Phrase, Sample, Signal, Verdict
from backend.pod.schedule import Schedule, parse, text_of

HEARTBEAT_PATH = "/api/v1/pod/heartbeat"
_TIMEOUT_S = 10.0
_LARGEST = 20_000  # bytes of a heartbeat
_STARTING_S = 2400.0  # for as long `python -m backend.pod up` waits, too
_NOT_REACHED = (
    httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.UnsupportedProtocol, httpx.InvalidURL,
)  # fmt: skip


class OutOfReach(Exception):
    """Nothing that was answered tells whether the app lives. Its argument says why, in a few words of ours."""


class App:
    """The app as another process sees it.

    Args:
        url: of its page, asked where no heartbeat in `folder` is fresh; empty: it is not asked.
        folder: of the watchdog's state. On the same disk as the app, it is the app's data folder.
        pod_id: of the pod it is on; the word of another pod's app does not count. Empty: any.

    Attributes:
        last: what it said last.
        is_alive: whether that has not run out yet.
        trouble: why the page could not be asked the last time; empty when it could.
    """

    def __init__(self, url: str, folder: Path, clock: Clock, pod_id: str = "") -> None:
        self._url, self._clock, self._pod_id = url.rstrip("/"), clock, pod_id
        self._folder, self._path = folder, folder / "watchdog-app.json"
        self.last = self._load()
        self.is_alive = False
        self.trouble = ""

    async def read(self) -> None:
        """Asks the app, and remembers what it says."""
        here, self.trouble = self._own(read_heartbeat(self._folder)), ""
        self._hear(here)
        if self._url and not (here is not None and here.is_alive(self._clock.now())):
            try:
                self._hear(await self._over_http())
            except OutOfReach as error:
                self.trouble = str(error)

    @property
    def is_known(self) -> bool:
        """Whether it is known to live, or known to be gone."""
        return self.is_alive or not self.trouble

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

    def quiet(self) -> tuple[QuietWindow, ...]:
        """Hours in which the pod must not be stopped for idleness, as the app last told."""
        return self.last.quiet if self.last else ()

    def ready_since(self, started_at: datetime) -> datetime | None:
        """When the app was ready in the session of the pod that began then.

        Until it says so it is taken to be starting, for a time; after that, to have been ready all along.
        """
        now, told = self._clock.now(), self.last.ready_since if self.last else None
        if told is not None and started_at <= told <= now:
            return told
        return started_at if now - started_at >= timedelta(seconds=_STARTING_S) else None

    def _hear(self, beat: Heartbeat | None) -> None:
        """A sign of life; an older one than is known says nothing."""
        now = self._clock.now()
        if beat is not None and beat != self.last and not (self.last is not None and beat.at < self.last.at <= now):
            self.last = beat
            write_whole(self._path, json.dumps(beat.to_json()), sync=False)
        self.is_alive = self.last is not None and self.last.is_alive(now)

    async def _over_http(self) -> Heartbeat | None:
        """The answer, its times moved to this machine's clock; None when the app does not answer.

        Raises:
            OutOfReach
        """
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT_S) as client:
                answer = await client.get(self._url + HEARTBEAT_PATH)
        except _NOT_REACHED as error:
            raise OutOfReach(reason_of(error)) from None
        except httpx.HTTPError:
            return None
        if answer.status_code == 404 or answer.is_server_error:
            return None
        if not answer.is_success:
            raise OutOfReach(f"HTTP {answer.status_code}")
        try:
            beat = _beat_of(answer, self._clock.now())
        except (ValueError, OverflowError):
            raise OutOfReach("something else answers") from None
        if self._own(beat) is None:
            raise OutOfReach("the app of another pod answers")
        return beat

    def _own(self, beat: Heartbeat | None) -> Heartbeat | None:
        """The heartbeat, unless another pod's app wrote it."""
        is_others = beat is not None and self._pod_id and beat.pod_id not in {"", self._pod_id}
        return None if is_others else beat

    def _load(self) -> Heartbeat | None:
        try:
            return self._own(Heartbeat.from_json(json.loads(self._path.read_bytes())))
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
        if self._app.is_alive or not self._app.is_known:
            signals.append(self._requests(before, now))
        is_up = pod is not None and pod.has_runtime
        began = pod.started_at if pod is not None else None
        return Sample(
            at=now,
            monotonic_s=self._clock.monotonic(),
            signals=tuple(signals),
            ready_since=self._app.ready_since(began) if is_up and began is not None else None,
            started_at=began,
        )

    async def may_act(self, order: Order) -> bool:
        """Reads the app's heartbeat once more: it must be gone, or unable to act, or not concerned.

        What the schedule wants does not wait for an app that cannot be asked; a stop has waited for work by then.
        """
        await self._app.read()
        if self._app.keeps_awake() and not order.is_start:
            return False
        if not self._app.is_known:
            return order.kind is Kind.SCHEDULE
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
        if not self._app.is_alive or beat is None or beat.busy is None:
            return Signal("requests", Verdict.UNKNOWN, "–", now, "app", self._app.trouble)
        has_worked = beat.last_activity_at is not None and before is not None and beat.last_activity_at > before
        verdict = Verdict.BUSY if beat.busy or has_worked else Verdict.IDLE
        return Signal("requests", verdict, "", now, "app")


def _beat_of(answer: httpx.Response, now: datetime) -> Heartbeat:
    """The heartbeat that came over a network.

    Raises:
        ValueError, OverflowError: it is none.
    """
    if len(answer.content) > _LARGEST:
        raise ValueError("too long")
    beat = Heartbeat.from_json(orjson.loads(answer.content))
    seen = now - timedelta(seconds=max(0.0, beat.age_s))
    try:
        schedule = text_of(parse(beat.schedule))
    except InvalidSchedule as error:
        raise ValueError("schedule") from error
    return replace(beat, at=seen, until=seen + timedelta(seconds=ALIVE_FOR_S), age_s=0.0, schedule=schedule)
