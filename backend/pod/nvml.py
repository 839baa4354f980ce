"""The GPUs of this machine, through NVIDIA's own library: utilisation, memory, temperature, power."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any

from backend.pod.sample import Phrase, Signal, Verdict
from backend.pod.signals import TIMEOUT_S


@dataclass(frozen=True)
class GpuFigures:
    """One GPU; None what it does not tell.

    Attributes:
        percent: share of the last moment in which it computed, up to 100.
    """

    name: str
    percent: float | None
    memory_used_bytes: int | None
    memory_bytes: int | None
    celsius: float | None
    watts: float | None


class GpuSource:
    """Busy when any GPU is used at `threshold()` percent or more. A machine without GPU has no such signal.

    Attributes:
        figures: of the last reading; empty where there is no GPU, or it did not answer.
    """

    name, timeout_s = "gpu", TIMEOUT_S

    def __init__(self, threshold: Callable[[], float], library: ModuleType | Any | None = None) -> None:
        self._threshold, self._library = threshold, library
        self._ever_seen = False
        self._asking: asyncio.Future[tuple[GpuFigures, ...]] | None = None
        self.figures: tuple[GpuFigures, ...] = ()

    async def read(self, now: datetime) -> Signal | None:
        self.figures = ()
        try:
            found = await self._asked()
        except ModuleNotFoundError:
            return None
        except _errors(self._library) as error:
            return Signal(self.name, Verdict.UNKNOWN, "", now, "NVML", str(error))
        if not found and not self._ever_seen:
            return None
        self._ever_seen = self._ever_seen or bool(found)
        self.figures = found
        told = [gpu.percent for gpu in found if gpu.percent is not None]
        if not found or len(told) < len(found):
            silent = Phrase("a GPU does not tell its utilisation", "사용률을 알려 주지 않는 GPU가 있음")
            return Signal(self.name, Verdict.UNKNOWN, "", now, "NVML", silent)
        verdict = Verdict.BUSY if max(told) >= self._threshold() else Verdict.IDLE
        return Signal(self.name, verdict, f"{max(told):g} %", now, "NVML", ", ".join(gpu.name for gpu in found))

    async def _asked(self) -> tuple[GpuFigures, ...]:
        """A driver that hangs holds one thread, and the next readings wait for that one."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.get_running_loop().run_in_executor(None, self._figures)
        return await asyncio.shield(self._asking)

    def _figures(self) -> tuple[GpuFigures, ...]:
        """Empty where there is no driver and never was one. Raises NVMLError for a GPU that is there and fails."""
        nvml = self._library = self._library or _pynvml()
        try:
            nvml.nvmlInit()
        except (nvml.NVMLError_LibraryNotFound, nvml.NVMLError_DriverNotLoaded):
            if self._ever_seen:
                raise
            return ()
        try:
            count = nvml.nvmlDeviceGetCount()
            return tuple(_gpu(nvml, nvml.nvmlDeviceGetHandleByIndex(place)) for place in range(count))
        finally:
            nvml.nvmlShutdown()


def _pynvml() -> ModuleType:
    import pynvml  # noqa: PLC0415 - needed on machines with a GPU only

    found: ModuleType = pynvml
    return found


def _gpu(nvml: Any, handle: Any) -> GpuFigures:
    memory = _told(nvml, lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
    use = _told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    milliwatts = _told(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    name = _told(nvml, lambda: nvml.nvmlDeviceGetName(handle)) or "GPU"
    return GpuFigures(
        name=name.decode() if isinstance(name, bytes) else str(name),
        percent=None if use is None else float(use.gpu),
        memory_used_bytes=None if memory is None else int(memory.used),
        memory_bytes=None if memory is None else int(memory.total),
        celsius=_told(nvml, lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        watts=None if milliwatts is None else milliwatts / 1000,
    )


def _told(nvml: Any, ask: Callable[[], Any]) -> Any:
    """What is asked, or None where this GPU cannot tell it; MIG slices and some laptops cannot."""
    try:
        return ask()
    except (nvml.NVMLError_NotSupported, nvml.NVMLError_NoPermission):
        return None


def _errors(library: Any | None) -> type[Exception]:
    found: type[Exception] = library.NVMLError if library is not None else OSError
    return found
