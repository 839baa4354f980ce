"""What a new pod shall be, and RunPod's words for it. Pure.

Two kinds of image: one that was built from this repository's Dockerfile (target `pod`) and starts by itself, or the
official image of vLLM, which gets a start command that clones the repository and runs `./quick_start.sh`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from backend.errors import InvalidVariable, SourceMissing
from backend.pod.costs import NETWORK_VOLUME_USD, VOLUME_RUNNING_USD, VOLUME_STOPPED_USD
from backend.settings import Settings

VLLM_IMAGE = "vllm/vllm-openai:v0.31.0"  # as in the Dockerfile and docker-compose.yml
PAGE_PORT = 7860
WORKSPACE = "/workspace"  # survives a stop; the container's disk does not
_LAST_MINOR_CUDA = 9  # no major version has had more
_VARIABLE = re.compile(r"(?!RUNPOD_)[A-Z][A-Z0-9_]{0,99}", re.ASCII)
# Process 1 becomes deploy/pod-entrypoint.sh, as in the image of ours. A pod starts its command again whenever it ends,
# so a failure waits before it ends. A clone gets its name when it is complete, so one that was cut is made anew. What
# has that name is never removed or replaced: `var` and `.env` lie beside the code. It is used also when the repository
# cannot be reached. Locks are those of a git that a stop has ended.
_START = """
set -u
export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
export GIT_TERMINAL_PROMPT=0 GIT_HTTP_LOW_SPEED_LIMIT=1000 GIT_HTTP_LOW_SPEED_TIME=60
place=${ONDOL_WORKSPACE:-/workspace}
entry=deploy/pod-entrypoint.sh
at_revision() {
  [ -z "${ONDOL_REVISION:-}" ] ||
    { git -C "$1" fetch --quiet origin "$ONDOL_REVISION" && git -C "$1" checkout --quiet FETCH_HEAD; }
}
code() {
  command -v git >/dev/null && command -v curl >/dev/null || {
    apt-get update -qq && apt-get install -y -qq --no-install-recommends git curl ca-certificates
  }
  mkdir -p "$place" && cd "$place" || return 1
  if [ -e ondol-code ]; then
    rm -f ondol-code/.git/*.lock
    at_revision ondol-code || echo "ONDOL_REVISION could not be fetched; the code that is here is started." >&2
    [ -x ondol-code/$entry ] || git -C ondol-code checkout --quiet --force HEAD -- deploy || true
  else
    rm -rf ondol-code.new && git clone --quiet "$ONDOL_REPOSITORY" ondol-code.new && at_revision ondol-code.new &&
      mv ondol-code.new ondol-code
  fi
}
if ! code; then
  echo "The code could not be cloned; the next try is in 15 seconds." >&2
elif cd "$place/ondol-code" && [ -x $entry ]; then
  exec $entry
else
  echo "$place/ondol-code has no $entry. Name another ONDOL_REVISION, or clone anew and keep var and .env." >&2
fi
sleep 15
exit 1
"""


@dataclass(frozen=True, slots=True)
class Storage:
    """Disks of a pod, in GB.

    Attributes:
        container_gb: lost in a stop; holds the image's layers and packages.
        volume_gb: kept with the pod's host; 0: none.
        network_id, network_gb: a volume of its own that outlives the pod; the size is 0 when not known.
    """

    container_gb: int = 40
    volume_gb: int = 0
    network_id: str = ""
    network_gb: int = 0

    @property
    def usd_a_month_running(self) -> float:
        local = (self.container_gb + self.volume_gb) * VOLUME_RUNNING_USD
        return local + self.network_gb * NETWORK_VOLUME_USD

    @property
    def usd_a_month_stopped(self) -> float:
        return self.volume_gb * VOLUME_STOPPED_USD + self.network_gb * NETWORK_VOLUME_USD


@dataclass(frozen=True, slots=True)
class Order:
    """A pod that is wanted, but for its GPU type.

    Attributes:
        name: known by this; two pods of one name are never made.
        args: the container's start command; empty: the image's own.
        env: variables, values never shown.
        community: in the community cloud, on machines of others.
        data_centers: where it may be; empty: anywhere.
        minimum_cuda: of the host's driver, e.g. `13.0`, which vLLM 0.20 and newer needs; empty: any.
        with_ssh: SSH for those whose key RunPod has.
    """

    name: str
    image: str
    args: str = ""
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    storage: Storage = field(default_factory=Storage)
    gpu_count: int = 1
    community: bool = False
    data_centers: tuple[str, ...] = ()
    minimum_cuda: str = ""
    with_ssh: bool = False

    @property
    def ports(self) -> list[str]:
        return [f"{PAGE_PORT}/http", *(["22/tcp"] if self.with_ssh else [])]

    def body(self, gpu_id: str) -> dict[str, Any]:
        """Of `POST /v2/pods` for one GPU type."""
        gpu: dict[str, Any] = {"id": gpu_id, "count": self.gpu_count}
        if self.minimum_cuda:
            gpu["minCudaVersion"] = self.minimum_cuda
        return {
            **self._described(),
            "cloud": "COMMUNITY" if self.community else "SECURE",
            "gpu": gpu,
            **({"dataCenterIds": list(self.data_centers)} if self.data_centers else {}),
            **({"mounts": self._mounts()} if self._mounts() else {}),
        }

    def template(self) -> dict[str, Any]:
        """Of `POST /v2/templates`: the same without place, GPU and network volume, which a template cannot have."""
        local = self.storage.volume_gb
        return {
            **self._described(),
            **({"mounts": {"persistent": {"size": local, "path": WORKSPACE}}} if local else {}),
            "category": "NVIDIA",
            "public": False,
            "serverless": False,
            **({"allowedCudaVersions": self._cuda_versions()} if self.minimum_cuda else {}),
        }

    def _described(self) -> dict[str, Any]:
        """What a pod and a template are told alike."""
        return {
            "name": self.name,
            "image": self.image,
            **({"args": self.args} if self.args else {}),
            "disk": self.storage.container_gb,
            "ports": self.ports,
            "env": dict(self.env),
            "startSsh": self.with_ssh,
            "startJupyter": False,
        }

    def _cuda_versions(self) -> list[str]:
        """A template knows no lowest version, only versions: those from it on, of the same major one."""
        major, _, minor = self.minimum_cuda.partition(".")
        return [f"{major}.{each}" for each in range(int(minor), max(int(minor), _LAST_MINOR_CUDA) + 1)]

    def _mounts(self) -> dict[str, Any]:
        if self.storage.network_id:
            return {"network": [{"volumeId": self.storage.network_id, "path": WORKSPACE}]}
        if self.storage.volume_gb:
            return {"persistent": {"size": self.storage.volume_gb, "path": WORKSPACE}}
        return {}


@dataclass(frozen=True, slots=True)
class Source:
    """What the pod runs: an image of its own, or a repository that is cloned into vLLM's."""

    image: str
    args: str
    env: dict[str, str]


def source_of(settings: Settings, origin: str) -> Source:
    """From the settings.

    Args:
        origin: address that this checkout was cloned from; empty when it has none.

    Raises:
        SourceMissing: there is neither an image nor an address that a pod could clone.
    """
    # RunPod's proxy comes from outside the container.
    env = {"GRADIO_SERVER_NAME": "0.0.0.0"}  # noqa: S104 - inside a container behind RunPod's proxy
    if settings.pod_image:
        return Source(settings.pod_image, "", env)
    address = settings.pod_repository or origin
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc:
        raise SourceMissing
    env["ONDOL_REPOSITORY"] = address
    if settings.pod_revision:
        env["ONDOL_REVISION"] = settings.pod_revision
    # The image's entry point is vLLM itself; RunPod takes another one in this JSON.
    args = json.dumps({"entrypoint": ["bash", "-c"], "cmd": [_START.strip()]})
    return Source(VLLM_IMAGE, args, env)


def variables(given: list[str]) -> dict[str, str]:
    """`KEY=VALUE` texts. Raises InvalidVariable."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not _VARIABLE.fullmatch(name) or "\0" in value:
            raise InvalidVariable(name=name[:60])
        found[name] = value
    return found
