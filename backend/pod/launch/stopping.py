"""Stopping a pod from outside, proven: the same states as everywhere else, seen through to the end.

A stop that was accepted is not believed until the pod was read back as EXITED; one that does not work is asked for
again. It is never replaced by a deletion, which would take the data with it: that is asked for by name, and only then.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from backend.errors import Language, OndolError, PodStillRuns, UnknownPod
from backend.pod.clock import Clock
from backend.pod.launch.account import Account, Uncertain
from backend.pod.machine import Phase, Progress, Timing
from backend.pod.pods import Pod, PodProvider, PodStatus
from backend.pod.policy import Config
from backend.pod.sample import Sample
from backend.pod.shutdown import Shutdown

_TICK_S = 1.0
# Somebody waits at a terminal: told after three attempts, within about four minutes.
_TIMING = Timing(warn_s=0.0, grace_s=0.0, verify_s=60.0, backoff_s=(5.0, 15.0))
_DELETED_AFTER_S = (2.0, 3.0, 5.0, 10.0, 10.0)
_ACTOR = "user:console"
Sleep = Callable[[float], Awaitable[None]]


async def stop(
    provider: PodProvider,
    pod: Pod,
    folder: Path,
    *,
    clock: Clock,
    sleep: Sleep,
    show: Callable[[Progress], None],
) -> None:
    """Returns when the pod was read back as EXITED.

    Args:
        folder: of the record, which exists; a line is there before the request is sent.
        show: told of every step.

    Raises:
        PodStillRuns: asked for several times in vain.
    """
    if pod.status is PodStatus.EXITED:
        return

    async def nothing(_: Pod | None) -> Sample:
        return Sample(clock.now(), clock.monotonic(), (), None)  # a person has decided: work there is not asked for

    # No idleness is looked for: a check can wait longer than any stop takes.
    config = Config(check_interval_s=86_400)
    # An order that was interrupted is not gone on with: this one takes its place, from the first step.
    state_path = folder / f"{pod.id}.json"
    await asyncio.to_thread(state_path.unlink, missing_ok=True)
    stopping = Shutdown(
        pod_id=pod.id,
        provider=provider,
        reader=nothing,
        config=lambda: config,
        state_path=state_path,
        timing=lambda: _TIMING,
        clock=clock,
    )
    stopping.open()
    try:
        stopping.stop_now(_ACTOR)
        shown: Progress | None = None
        while True:
            await stopping.tick()
            progress = stopping.memory.progress
            if progress != shown:
                show(progress)
                shown = progress
            if progress.phase in (Phase.STOPPED, Phase.ARMED):
                return
            if progress.phase is Phase.ESCALATED:
                trouble = progress.trouble
                raise PodStillRuns(pod=pod.id, reason=trouble.text if trouble else "")
            await sleep(_TICK_S)
    finally:
        stopping.close()


async def terminate(account: Account, provider: PodProvider, pod: Pod, *, sleep: Sleep) -> None:
    """Deletes the pod with its volume, which nobody can undo; returns when it is gone from the list.

    Raises:
        PodStillRuns: it is still there.
    """
    reason: OndolError | str = ""
    try:
        await account.delete_pod(pod.id)
    except UnknownPod:
        return
    except Uncertain as error:
        reason = error.reason
    for pause in _DELETED_AFTER_S:
        try:
            if (await provider.get(pod.id)).status is PodStatus.TERMINATED:
                return
        except UnknownPod:
            return
        except OndolError as error:
            reason = error.message(Language.EN)
        await sleep(pause)
    raise PodStillRuns(pod=pod.id, reason=reason)
