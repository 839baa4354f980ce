"""The machine below: disk, processes, GPU, and that nothing but the page can be reached from outside."""

import asyncio
import socket
from collections.abc import Iterator

from backend.errors import Text
from backend.llm.gpu import gpus
from backend.settings import Settings
from backend.supervision.daemon import Daemon, ServiceState
from backend.supervision.starting import runs_embedding, runs_llm
from backend.verify.check import Check, CheckFailed, Finding, Way
from backend.verify.disk import disk

_CONNECT_S = 2.0
_DOCUMENTATION_NETWORK = ("192.0.2.1", 9)  # RFC 5737: nothing is sent, the system only chooses its address


class MachineChecks:
    """Those of one machine."""

    def __init__(self, settings: Settings, way: Way) -> None:
        self._settings, self._way = settings, way

    def all(self) -> Iterator[Check]:
        """In the order in which the first failure explains those after it."""
        yield disk(self._settings)
        if self._way is Way.POD:
            yield Check(
                "gpu",
                Text("GPU", "GPU"),
                self._gpu,
                Text(
                    "파드에 GPU가 있는지 RunPod 콘솔에서 보세요.", "See in RunPod's console whether the pod has a GPU."
                ),
            )
        yield Check(
            "services",
            Text("프로세스", "processes"),
            self._services,
            Text("켜기: ./quick_start.sh, 기록: ./quick_start.sh --logs", "Start with ./quick_start.sh; see --logs"),
        )
        yield Check(
            "private",
            Text("바깥에서 닿지 않음", "closed to others"),
            self._private,
            Text("VLLM_HOST와 EMBED_HOST를 127.0.0.1로 두세요.", "Set VLLM_HOST and EMBED_HOST to 127.0.0.1."),
        )

    async def _gpu(self) -> Finding:
        found = await asyncio.to_thread(gpus)
        if not found:
            raise CheckFailed(Text("nvidia-smi가 GPU를 보지 못함", "nvidia-smi sees none"))
        memory = [f"{(gpu.memory_bytes or 0) / 2**30:.0f} GB" for gpu in found]
        return ", ".join(f"{gpu.name} {size}, driver {gpu.driver}" for gpu, size in zip(found, memory, strict=True))

    async def _services(self) -> Finding:
        services = [service for service in Daemon().services() if service.state is not ServiceState.STOPPED]
        if not services:
            raise CheckFailed(Text("supervisord가 켜져 있지 않음", "supervisord does not run"))
        if down := [f"{s.name} {s.state}" for s in services if s.state is not ServiceState.RUNNING]:
            raise CheckFailed(", ".join(down))
        return ", ".join(service.name for service in services)

    async def _private(self) -> Finding:
        """The servers behind the page have no login of people: they must not answer on an address of the network."""
        addresses = await asyncio.to_thread(own_addresses)
        ports = [self._settings.llm_port] if runs_llm(self._settings) else []
        ports += [self._settings.embed_port] if runs_embedding(self._settings) else []
        open_to_all = [f"{host}:{port}" for host in addresses for port in ports if await _answers(host, port)]
        if open_to_all:
            raise CheckFailed(
                Text(f"{', '.join(open_to_all)}에서 답함", f"{', '.join(open_to_all)} can be reached from the network")
            )
        return Text("모델 서버와 임베딩 서버는 이 기기에서만", "model and embedding server answer this machine only")


def own_addresses() -> list[str]:
    """IPv4 addresses of this machine that others may use to reach it."""
    found = set()
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except OSError:  # a machine that cannot look itself up
        found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_DOCUMENTATION_NETWORK)
            found.add(str(probe.getsockname()[0]))
        except OSError:  # no network
            pass
    return sorted(address for address in found if not address.startswith("127."))


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
