"""One pod of a name, never two: what is there is used, and an answer that was lost is settled by reading the list."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from backend.errors import CreationUncertain, NotPlaced, PodNameTaken, RunpodBusy, UnknownVolume
from backend.pod.launch.account import Account, NotHere, Uncertain, shared_refusal
from backend.pod.launch.choosing import Candidate
from backend.pod.pods import NetworkVolume, Pod, PodProvider, PodStatus

_LOOK_AFTER_S = (2.0, 5.0, 10.0, 15.0)  # a new pod may take a moment to appear in the list
_BUSY_TRIES = 3
_LONGEST_BUSY_S = 60
Sleep = Callable[[float], Awaitable[None]]
Ask = Callable[[Candidate], Awaitable[Pod]]


@dataclass(frozen=True, slots=True)
class Created:
    """A pod, and what it was: new, or found after an answer that was lost. `gpu_name` is for people."""

    pod: Pod
    gpu_name: str
    was_found: bool = False


async def existing(provider: PodProvider, name: str) -> Pod | None:
    """The pod of this name or id that is not deleted. Raises PodNameTaken when there are several."""
    pods = [pod for pod in await provider.list() if pod.status is not PodStatus.TERMINATED]
    if exact := [pod for pod in pods if pod.id == name]:
        return exact[0]
    named = [pod for pod in pods if pod.name == name]
    if len(named) > 1:
        raise PodNameTaken(name=name, ids=", ".join(pod.id for pod in named[:10]))
    return named[0] if named else None


async def create(
    ask: Ask,
    provider: PodProvider,
    name: str,
    candidates: Sequence[Candidate],
    *,
    tell: Callable[[Candidate], None],
    sleep: Sleep,
) -> Created:
    """Asks for one type after the other until RunPod places the pod.

    Args:
        ask: sends one creation, once.
        tell: told of each type that was refused, before the next is asked for.

    Raises:
        NotPlaced: none of them could be had, and nothing was created.
        OrderRefused: RunPod will not make such a pod of any of them, and nothing was created.
        CreationUncertain: an answer was lost and no such pod has appeared; nothing more was asked for.
        RunpodBalanceEmpty, QuotaReached, RunpodKeyRefused, RunpodBusy, RunpodRefused, RunpodUnavailable
    """
    failures: list[NotHere] = []
    for candidate in candidates:
        try:
            pod = await _asked(ask, candidate, sleep)
        except NotHere as error:
            failures.append(error)
            tell(candidate)
            continue
        except Uncertain as error:
            reason = error.reason
        else:
            return Created(pod, candidate.gpu.name)
        for pause in _LOOK_AFTER_S:
            await sleep(pause)
            if (found := await existing(provider, name)) is not None:
                return Created(found, candidate.gpu.name, was_found=True)
        raise CreationUncertain(name=name, reason=reason)
    raise shared_refusal(failures) or NotPlaced(tried=", ".join(each.gpu.name for each in candidates))


async def _asked(ask: Ask, candidate: Candidate, sleep: Sleep) -> Pod:
    """Too many requests is a refusal before anything was done: asked again after the time it names."""
    for left in reversed(range(_BUSY_TRIES)):
        try:
            return await ask(candidate)
        except RunpodBusy as error:
            if not left or (error.retry_after_s or 0) > _LONGEST_BUSY_S:
                raise
            wait = error.retry_after_s or 1
        await sleep(wait)
    raise AssertionError("the last try returns or raises")


async def volume(account: Account, given: str) -> NetworkVolume:
    """The network volume with this id or name. Raises UnknownVolume."""
    volumes = await account.volumes()
    for each in volumes:
        if given in (each.id, each.name):
            return each
    raise UnknownVolume(volume=given[:60], known=", ".join(f"{v.name} ({v.id})" for v in volumes[:10]) or "–")


async def new_volume(account: Account, name: str, size_gb: int, data_center: str, *, sleep: Sleep) -> NetworkVolume:
    """The volume of this name in that place, created where there is none. Raises CreationUncertain."""
    if (found := _of(await account.volumes(), name, data_center)) is not None:
        return found
    try:
        return await account.create_volume(name, size_gb, data_center)
    except Uncertain as error:
        reason = error.reason
    for pause in _LOOK_AFTER_S:
        await sleep(pause)
        if (found := _of(await account.volumes(), name, data_center)) is not None:
            return found
    raise CreationUncertain(name=name, reason=reason)


def _of(volumes: Sequence[NetworkVolume], name: str, data_center: str) -> NetworkVolume | None:
    return next((each for each in volumes if (each.name, each.data_center) == (name, data_center)), None)
