"""Which GPUs this machine has, as `nvidia-smi` reports them. What it does not tell stays unknown."""

import re
import shutil
import subprocess
from dataclasses import dataclass, replace

_TIMEOUT_S = 20.0  # a driver that was just loaded takes seconds; one that hangs must not hang us
_QUERY = "name,memory.total,driver_version,compute_cap"
_MIB = 1 << 20
_SLICE = re.compile(r"^\s+MIG\s+(?P<profile>\S*?(?P<gb>\d+)gb\S*)\s", re.M)
_WHOLE = re.compile(r"^GPU\s+\d+:", re.M)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU, or one MIG slice of one.

    Attributes:
        memory_bytes: of this GPU or slice; None: it does not tell (GPUs that share the machine's memory do not).
        driver: version of the kernel's driver, `580.65.06`; empty: not told.
        capability: CUDA compute capability, (9, 0) for an H100; None: not told.
    """

    name: str
    memory_bytes: int | None
    driver: str = ""
    capability: tuple[int, int] | None = None

    @property
    def driver_major(self) -> int | None:
        """580 of `580.65.06`."""
        head = self.driver.partition(".")[0]
        return int(head) if head.isdecimal() else None


def gpus() -> tuple[Gpu, ...]:
    """The GPUs that are visible here; empty when there is none, or no driver that answers."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    whole = read_table(_output([program, f"--query-gpu={_QUERY}", "--format=csv,noheader,nounits"]))
    return with_slices(whole, _output([program, "-L"]))


def read_table(table: str) -> tuple[Gpu, ...]:
    """The GPUs of `nvidia-smi --query-gpu=name,memory.total,driver_version,compute_cap --format=csv,noheader,nounits`.

    An old driver does not know the last column and a GPU may answer `[N/A]`; those stay unknown.
    """
    found = []
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.split(",")]
        if len(cells) < 4:
            continue
        name, memory, driver, capability = cells[:4]
        version = re.fullmatch(r"(\d+)\.(\d+)", capability)
        found.append(
            Gpu(
                name=name,
                memory_bytes=int(memory) * _MIB if memory.isdecimal() else None,
                driver=driver if re.match(r"\d", driver) else "",
                capability=(int(version[1]), int(version[2])) if version else None,
            )
        )
    return tuple(found)


def with_slices(whole: tuple[Gpu, ...], listing: str) -> tuple[Gpu, ...]:
    """Replaces every GPU that is cut into MIG slices by its slices, as `nvidia-smi -L` lists them below it.

    A program sees one slice as a GPU with the slice's memory, and CUDA gives a program one slice only.
    """
    parts = _WHOLE.split(listing)[1:]
    found: list[Gpu] = []
    for gpu, part in zip(whole, parts, strict=False):
        slices = [
            replace(gpu, name=f"{gpu.name} MIG {match['profile']}", memory_bytes=int(match["gb"]) * 1000 * _MIB)
            for match in _SLICE.finditer(part)
        ]
        found += slices[:1] or [gpu]
    return tuple(found) or whole


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""
