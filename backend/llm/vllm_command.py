"""Which program vLLM is on this machine, what it needs of the driver, and how it is called.

vLLM lives in an environment of its own (the image's). Nothing of ours reaches into it: neither our virtual environment
nor our settings, some of which have names that vLLM reads in another meaning (`VLLM_PORT`).
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from backend.errors import DriverTooOld, GpuTooOld, NoGpu
from backend.llm.gpu import Gpu
from backend.llm.vllm_plan import VllmPlan
from backend.settings import Settings, variables
from backend.settings.environment import inherited

LOOPBACK = "127.0.0.1"
OLDEST_CAPABILITY = (7, 5)  # docs.vllm.ai, installation for NVIDIA CUDA
# Driver branches, from NVIDIA's page on minor version compatibility: CUDA 13.x runs from 580 on, 12.x from 525 on.
# vLLM's own images and wheels are built with CUDA 13.0 since 0.20 and with 12.9 where the tag says cu129.
DRIVER_OF_CUDA = {13: 580, 12: 525}
_OURS = ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE")
_KEPT = ("HF_HOME", "HF_TOKEN", "HF_ENDPOINT")
_MODULE = "vllm.entrypoints.openai.api_server"
_LOOK = """
import importlib.metadata as m, importlib.util as u, json, os
torch = u.find_spec("torch")
where = os.path.join(os.path.dirname(torch.origin), "version.py") if torch and torch.origin else ""
told = {}
if where and os.path.exists(where):
    exec(open(where).read(), told)
def version(name):
    try:
        return m.version(name)
    except m.PackageNotFoundError:
        return ""
print(json.dumps({"vllm": version("vllm"), "torch": version("torch"), "cuda": told.get("cuda") or ""}))
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is installed where vLLM is; empty what could not be found out.

    Attributes:
        cuda: version its PyTorch is built with, `13.0`.
    """

    vllm: str = ""
    torch: str = ""
    cuda: str = ""


def find_command(settings: Settings) -> tuple[str, ...] | None:
    """`VLLM_COMMAND`, else `vllm` on the PATH, else a Python there that has the package; None: not here."""
    path = _path_without_ours()
    if settings.vllm_command:
        given = tuple(shlex.split(settings.vllm_command))
        return given if given and shutil.which(given[0], path=path) else None
    if program := shutil.which("vllm", path=path):
        return (program,)
    for name in ("python3", "python"):
        python = shutil.which(name, path=path)
        if python and installation((python,)).vllm:
            return (python, "-m", _MODULE)
    return None


def installation(command: Sequence[str]) -> Installation:
    """Looks at the packages beside the program, without importing any: that would take half a minute."""
    python = _interpreter(command[0])
    if python is None:
        return Installation()
    try:
        done = subprocess.run(
            [python, "-c", _LOOK], capture_output=True, text=True, timeout=60, check=False, env=clean_environment()
        )
        return Installation(**json.loads(done.stdout))
    except (OSError, subprocess.TimeoutExpired, ValueError, TypeError):
        return Installation()


def require_fit(gpus: Sequence[Gpu], installed: Installation) -> None:
    """Whether this vLLM can run on these GPUs. What nobody tells is not held against them.

    Raises:
        NoGpu, GpuTooOld, DriverTooOld
    """
    if not gpus:
        raise NoGpu
    if any(gpu.capability is not None and gpu.capability < OLDEST_CAPABILITY for gpu in gpus):
        raise GpuTooOld
    needed = needed_driver(installed)
    if needed is not None and any(gpu.driver_major is not None and gpu.driver_major < needed for gpu in gpus):
        raise DriverTooOld


def needed_driver(installed: Installation) -> int | None:
    """The oldest branch of the driver that runs it; None: not known."""
    major = installed.cuda.partition(".")[0]
    return DRIVER_OF_CUDA.get(int(major)) if major.isdecimal() else None


def arguments(command: Sequence[str], plan: VllmPlan, settings: Settings, folder: Path) -> list[str]:
    """The whole command line. The key is not on it: every user of a machine can read that.

    Args:
        folder: of the model's files. A name of the hub would be looked up there, or by a note that a download of one
            commit does not leave in the cache.
    """
    serve = ["--model", str(folder)] if _MODULE in command else ["serve", str(folder)]
    optional = [
        *(["--quantization", plan.quantization] if plan.quantization else []),
        *(["--dtype", "half"] if plan.half else []),
        *(["--api-server-count", str(plan.api_servers)] if plan.api_servers > 1 and _MODULE not in command else []),
    ]
    return [
        *command,
        *serve,
        *("--served-model-name", plan.model),
        *("--gpu-memory-utilization", f"{plan.gpu_memory_utilization:g}"),
        *("--max-model-len", str(plan.max_model_len)),
        *("--max-num-seqs", str(plan.max_num_seqs)),
        *("--tensor-parallel-size", str(plan.tensor_parallel_size)),
        *optional,
        *shlex.split(settings.vllm_extra_args),
        *("--host", LOOPBACK),  # after what the operator adds, and so it counts
        *("--port", str(settings.llm_port)),
    ]


def environment(settings: Settings, *, offline: bool) -> dict[str, str]:
    """What vLLM's process sees: the machine's variables, the hub's and its key.

    Args:
        offline: the model is here and nothing needs to be asked of the hub.
    """
    ours = {
        "HF_HOME": str(settings.hub_home),
        "HF_ENDPOINT": settings.hf_endpoint,
        "VLLM_API_KEY": settings.llm_api_key.get_secret_value() or settings.local_secret("llm_key"),
        "VLLM_NO_USAGE_STATS": "1",
        # What it compiles at the first start; its own place is lost with the container.
        "VLLM_CACHE_ROOT": str(settings.data_dir / "vllm-cache"),
        "PYTHONUNBUFFERED": "1",
    }
    if token := settings.hf_token.get_secret_value():
        ours["HF_TOKEN"] = token
    if offline:
        ours["HF_HUB_OFFLINE"] = "1"
    cache = inherited(lambda name: name == "VLLM_CACHE_ROOT")
    return {**clean_environment(), **ours, **cache}


def clean_environment() -> dict[str, str]:
    """The environment without our virtual environment, our settings (secrets among them) and supervisord's."""
    settings = {name for field in Settings.model_fields for name in variables(field)} - set(_KEPT)
    left_out = (*_OURS, *settings)
    kept = inherited(lambda name: name not in left_out and not name.startswith(("ONDOL_", "SUPERVISOR_")))
    return {**kept, "PATH": _path_without_ours()}


def _path_without_ours() -> str:
    ours = Path(sys.executable).parent
    folders = inherited().get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if folder and Path(folder) != ours)


def _interpreter(program: str) -> str | None:
    """The Python that runs a program: itself, or the one that its first line names."""
    path = shutil.which(program, path=_path_without_ours())
    if path is None:
        return None
    if Path(path).name.startswith("python"):
        return path
    try:
        with Path(path).open("rb") as file:
            first = file.readline(512).decode(errors="replace").strip()
    except OSError:
        return None
    words = first.removeprefix("#!").split() if first.startswith("#!") else []
    if words and Path(words[0]).name == "env":
        words = [word for word in words[1:] if not word.startswith("-")]
    found = shutil.which(words[0], path=_path_without_ours()) if words else None
    return found if found and Path(found).name.startswith("python") else None
