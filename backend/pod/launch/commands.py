"""The four commands: what is read from the command line, asked, done and said."""

import argparse
import asyncio
import getpass
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from backend.errors import (
    CreationUncertain,
    InvalidVariable,
    NotConfirmed,
    OndolError,
    RunpodKeyMissing,
    Text,
    UnknownPod,
)
from backend.pod.clock import Clock, SystemClock
from backend.pod.costs import Storage as Paid
from backend.pod.launch import creating, stopping, text
from backend.pod.launch.account import Account, Uncertain
from backend.pod.launch.choosing import Candidate, Wish, candidates
from backend.pod.launch.order import Order, Storage, source_of, variables
from backend.pod.launch.spot import Spot
from backend.pod.launch.telling import Progress, Words, described, table
from backend.pod.launch.waiting import wait_until_ready
from backend.pod.pods import NetworkVolume, Pod, PodProvider, PodStatus
from backend.pod.providers import provider_of
from backend.pod.runpod_http import RunpodHttp
from backend.settings import REPOSITORY, Settings

_ASKED_FOR = 5  # types of GPU, at most
_BRIEF_S = 4.0


@dataclass
class Desk:
    """Everything a command works with.

    Attributes:
        pod: created or found so far; who interrupts is told of it.
    """

    settings: Settings
    words: Words
    account: Account
    spot: Spot
    provider: PodProvider
    clock: Clock = field(default_factory=SystemClock)
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    pod: Pod | None = None
    usd_per_hour: float = 0.0

    def say(self, message: Text, **fields: object) -> None:
        print(self.words.of(message, **fields), flush=True)

    def page_of(self, pod: Pod) -> str:
        return self.settings.pod_page_url.replace("{pod}", pod.id).rstrip("/")


@asynccontextmanager
async def desk_of(settings: Settings, words: Words) -> AsyncIterator[Desk]:
    """Raises RunpodKeyMissing."""
    provider = provider_of(settings)
    if provider is None:
        raise RunpodKeyMissing
    address = urlsplit(settings.runpod_api_url)
    http = RunpodHttp(settings.runpod_api_key, settings.runpod_api_url)
    graphql = RunpodHttp(settings.runpod_api_key, f"{address.scheme}://{address.netloc}")
    try:
        yield Desk(settings, words, Account(http), Spot(graphql), provider)
    finally:
        for opened in (http, graphql, provider):
            await opened.close()


async def up(desk: Desk, given: argparse.Namespace) -> None:
    """Creates a pod, or takes the one of that name up again, and waits for its page."""
    pod = await creating.existing(desk.provider, given.name)
    if pod is None:
        pod = await _new(desk, given)
    else:
        await _again(desk, pod, given)
    desk.pod = pod
    url = desk.page_of(pod)
    if given.no_wait:
        desk.say(text.NOT_WAITED, url=url)
    else:
        progress = Progress(desk.words)
        await wait_until_ready(
            desk.provider,
            pod,
            url,
            within_s=given.timeout * 60,
            clock=desk.clock,
            sleep=desk.sleep,
            show=lambda stage: progress.show(stage, url),
        )
        progress.say(desk.words.of(text.READY, url=url))
    desk.say(text.SIGN_IN)
    desk.say(text.HOW_TO_STOP, pod=pod.id)


async def down(desk: Desk, given: argparse.Namespace) -> None:
    """Stops a pod, proven; deletes one only with `--terminate` and its id typed."""
    pod = await _meant(desk, given.pod)
    if given.terminate:
        question = text.ASK_DELETE_NETWORK if pod.network_volume_id else text.ASK_DELETE
        typed = given.confirm or _answer(desk.words.of(question, pod=pod.id))
        if typed != pod.id:
            raise NotConfirmed
        await stopping.terminate(desk.account, desk.provider, pod, sleep=desk.sleep)
        desk.say(text.DELETED, pod=pod.id)
        return
    if pod.status is PodStatus.EXITED:
        desk.say(text.STOP_ALREADY, pod=pod.id)
        return
    folder = desk.settings.data_dir / "launched"
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    await stopping.stop(
        desk.provider,
        pod,
        folder,
        clock=desk.clock,
        sleep=desk.sleep,
        show=lambda step: desk.say(
            text.STOP_STEP, phase=desk.words.of(text.PHASES.get(step.phase, Text("–", "–"))), attempts=step.attempts
        ),
    )
    paid = (await _storage(desk, pod)).usd_a_day_stopped
    if paid is None:
        desk.say(text.STOPPED_NETWORK, pod=pod.id)
    else:
        desk.say(text.STOPPED, pod=pod.id, usd=paid)


async def list_pods(desk: Desk, given: argparse.Namespace) -> None:
    """All pods that the key sees."""
    pods = await desk.provider.list()
    if given.json:
        told = [
            {
                "id": pod.id,
                "name": pod.name,
                "status": pod.status,
                "gpu": pod.gpu_type,
                "gpu_count": pod.gpu_count,
                "usd_per_hour": pod.cost_per_hour,
                "uptime_s": pod.uptime_s,
                "data_center": pod.data_center,
                "url": desk.page_of(pod),
            }
            for pod in pods
        ]
        print(json.dumps(told, ensure_ascii=False))
    elif pods:
        print(table(pods, desk.words, desk.settings.pod_page_url))
    else:
        desk.say(text.NONE)


async def template(desk: Desk, given: argparse.Namespace) -> None:
    """Creates RunPod's template, where there is none of that name."""
    order = _order(desk.settings, given, await asyncio.to_thread(_origin))
    if known := await desk.account.template_id(order.name):
        desk.say(text.TEMPLATE_THERE, name=order.name, id=known)
        return
    try:
        made = await desk.account.create_template(order.template())
    except Uncertain as error:
        raise CreationUncertain(name=order.name, reason=error.reason) from None
    desk.say(text.TEMPLATE_MADE, id=made)


def printed_template(settings: Settings, given: argparse.Namespace) -> str:
    """The body of RunPod's template as JSON; needs no key.

    In place of the values of `--env` and `--env-file`, which are never printed, stand references to secrets of RunPod.
    """
    order = _order(settings, given, _origin(), shows_values=False)
    return json.dumps(order.template(), ensure_ascii=False, indent=2)


async def _new(desk: Desk, given: argparse.Namespace) -> Pod:
    order = _order(desk.settings, given, await asyncio.to_thread(_origin))
    volume = await creating.volume(desk.account, given.volume) if _names_volume(given.volume) else None
    if volume is not None:
        order = _with(order, volume)
    wish = Wish(
        given.memory, tuple(given.gpu), order.data_centers, given.max_price, order.gpu_count, community=given.community
    )
    types = await desk.account.catalogue(
        count=order.gpu_count, community=order.community, minimum_cuda=order.minimum_cuda
    )
    if given.spot:
        types = await desk.spot.priced(types, count=order.gpu_count, community=order.community)
    chosen = candidates(types, wish)[:_ASKED_FOR]
    if given.new_volume:
        order = replace(order, storage=replace(order.storage, volume_gb=0, network_gb=given.new_volume, network_id="-"))
    print(described(order, chosen, desk.words, volume_name=volume.name if volume else given.name, is_spot=given.spot))
    _confirm(desk, given, text.ASK_CREATE)
    if given.new_volume:
        made = await creating.new_volume(
            desk.account, given.name, given.new_volume, order.data_centers[0], sleep=desk.sleep
        )
        desk.say(text.VOLUME_READY, name=made.name, id=made.id, gb=made.size_gb, place=made.data_center)
        order = _with(order, made)

    def gone(candidate: Candidate) -> None:
        desk.say(text.GONE, gpu=candidate.gpu.name)

    async def ask(candidate: Candidate) -> Pod:
        if given.spot:
            return await _rented(desk, order, candidate)
        return await desk.account.create_pod(order.body(candidate.gpu.id))

    done = await creating.create(ask, desk.provider, order.name, chosen, tell=gone, sleep=desk.sleep)
    desk.pod, desk.usd_per_hour = done.pod, done.pod.cost_per_hour or chosen[0].usd_per_hour
    if done.was_found:
        desk.say(text.WAS_FOUND, pod=done.pod.id)
    desk.say(text.CREATED, pod=done.pod.id, gpu=done.gpu_name, usd=desk.usd_per_hour)
    if given.max_price is not None and desk.usd_per_hour > given.max_price:
        desk.say(text.DEARER, usd=desk.usd_per_hour, limit=given.max_price, pod=done.pod.id)
    return done.pod


async def _rented(desk: Desk, order: Order, candidate: Candidate) -> Pod:
    """A spot pod. One that was rented and cannot be read is looked for by its name."""
    pod_id = await desk.spot.rent_anywhere(order, candidate)
    try:
        return await desk.provider.get(pod_id)
    except OndolError as error:
        raise Uncertain(error.code) from None


async def _again(desk: Desk, pod: Pod, given: argparse.Namespace) -> None:
    desk.pod, desk.usd_per_hour = pod, pod.cost_per_hour or 0.0
    desk.say(text.FOUND, name=given.name, pod=pod.id, state=pod.status)
    if pod.status in (PodStatus.EXITED, PodStatus.ERROR):
        _confirm(desk, given, text.ASK_START)
        desk.say(text.STARTING, pod=pod.id)
        await desk.provider.start(pod.id)
        desk.pod = await desk.provider.get(pod.id)
        desk.usd_per_hour = desk.pod.cost_per_hour or 0.0


async def _storage(desk: Desk, pod: Pod) -> Paid:
    """What a pod that is stopped pays for."""
    if not pod.network_volume_id:
        return Paid(pod.volume_gb)
    try:
        return Paid(0.0, await desk.provider.network_volume_gb(pod.network_volume_id))
    except OndolError:
        return Paid(0.0, None)


async def _meant(desk: Desk, name: str) -> Pod:
    """The pod of this name or id; without one the only one that runs. Raises UnknownPod, PodNameTaken."""
    if name:
        if (found := await creating.existing(desk.provider, name)) is None:
            raise UnknownPod(pod=name[:64])
        return found
    running = [pod for pod in await desk.provider.list() if pod.status not in (PodStatus.EXITED, PodStatus.TERMINATED)]
    if len(running) != 1:
        desk.say(text.WHICH, pods=", ".join(f"{pod.name} ({pod.id})" for pod in running) or "–")
        raise NotConfirmed
    return running[0]


def _order(settings: Settings, given: argparse.Namespace, origin: str, *, shows_values: bool = True) -> Order:
    source = source_of(settings, origin)
    lines = Path(given.env_file).read_text(encoding="utf-8").splitlines() if given.env_file else []
    texts = [line for line in map(str.strip, lines) if line and not line.startswith("#")]
    for each in given.env:
        asked = "=" not in each
        texts.append(f"{each}={_secret(each, given) if shows_values else ''}" if asked else each)
    own = variables(texts)
    if not shows_values:
        own = {name: f"{{{{ RUNPOD_SECRET_{name} }}}}" for name in own}
    size = int(given.volume) if given.volume.isdigit() else 0
    return Order(
        name=given.name,
        image=source.image,
        args=source.args,
        env={**source.env, **own},
        storage=Storage(container_gb=given.disk, volume_gb=size),
        gpu_count=getattr(given, "gpus", 1),
        community=getattr(given, "community", False),
        data_centers=tuple(getattr(given, "region", ())),
        minimum_cuda=given.cuda,
        with_ssh=given.ssh,
    )


def _secret(name: str, given: argparse.Namespace) -> str:
    """A value that is typed unseen, so that it is neither in the history of the shell nor in the list of processes."""
    if not sys.stdin.isatty():
        raise InvalidVariable(name=name[:60])
    return getpass.getpass(given.words.of(text.ASK_VARIABLE, name=name))


def _names_volume(given: str) -> bool:
    return bool(given) and not given.isdigit()


def _with(order: Order, volume: NetworkVolume) -> Order:
    """On a network volume, and therefore where that is."""
    storage = replace(order.storage, volume_gb=0, network_id=volume.id, network_gb=volume.size_gb)
    return replace(order, storage=storage, data_centers=(volume.data_center,))


def _confirm(desk: Desk, given: argparse.Namespace, question: Text) -> None:
    if not given.yes and _answer(desk.words.of(question)).casefold() not in ("y", "yes", "ㅛ", "네", "예"):
        raise NotConfirmed


def _answer(question: str) -> str:
    """What is typed; empty where nobody can be asked."""
    if not sys.stdin.isatty():
        return ""
    # The event loop's own handler would only note the signal and go on reading.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return input(question).strip()
    except EOFError:
        return ""
    finally:
        signal.signal(signal.SIGINT, before)


def _origin() -> str:
    """Where this checkout was cloned from; empty when git does not say."""
    try:
        done = subprocess.run(
            ["git", "-C", str(REPOSITORY), "config", "--get", "remote.origin.url"],
            capture_output=True, text=True, check=False, timeout=_BRIEF_S,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
