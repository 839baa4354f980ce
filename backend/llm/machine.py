"""What this machine has for the model server: cores, memory and how busy it is, limits of a container included."""

import math
import os
from dataclasses import dataclass
from pathlib import Path

_UNLIMITED = 1 << 60  # cgroup v1 writes a number near 2^63 for "no limit"


@dataclass(frozen=True)
class Machine:
    """What there is.

    Attributes:
        cores: processors this process may use, at least 1.
        memory_available: bytes that can be taken without pushing others out.
        load: processes that wanted a processor during the last minute, on average.
    """

    cores: int
    memory_available: int
    load: float


def this_machine(proc: Path = Path("/proc"), cgroup: Path = Path("/sys/fs/cgroup")) -> Machine:
    """Looks at the kernel's own numbers; where there are none (not Linux), at what Python knows."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cores = max(1, math.ceil(min(allowed, _processor_limit(cgroup))))
    memory = min(_available(proc), _memory_limit_left(cgroup))
    return Machine(cores=cores, memory_available=memory, load=os.getloadavg()[0])


def _processor_limit(cgroup: Path) -> float:
    """Processors' worth of time the container gets (cgroup v2, then v1)."""
    words = _read(cgroup / "cpu.max").split()
    if len(words) == 2 and words[0] != "max":
        return int(words[0]) / int(words[1])
    quota = _number(cgroup / "cpu" / "cpu.cfs_quota_us", -1)
    period = _number(cgroup / "cpu" / "cpu.cfs_period_us", 100_000)
    return quota / period if quota > 0 else math.inf


def _available(proc: Path) -> int:
    for line in _read(proc / "meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _memory_limit_left(cgroup: Path) -> int:
    """Bytes the container may still take; file cache counts as free, the kernel gives it back."""
    for limit, used, cache in (
        (cgroup / "memory.max", cgroup / "memory.current", cgroup / "memory.stat"),
        (
            cgroup / "memory" / "memory.limit_in_bytes",
            cgroup / "memory" / "memory.usage_in_bytes",
            cgroup / "memory" / "memory.stat",
        ),
    ):
        allowed = _number(limit, _UNLIMITED)
        if allowed < _UNLIMITED:
            return max(0, allowed - _number(used, 0) + _inactive_file(cache))
    return _UNLIMITED


def _inactive_file(stat: Path) -> int:
    for line in _read(stat).splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0


def _number(path: Path, default: int) -> int:
    text = _read(path).strip()
    return int(text) if text.lstrip("-").isdigit() else default


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
