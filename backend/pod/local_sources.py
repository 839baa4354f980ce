"""The signals of the machine the app runs on, as it is configured."""

from collections.abc import Awaitable, Callable
from functools import partial

import httpx
from pydantic import SecretStr

from backend.activity import Activity
from backend.llm.providers import MAIN, providers_of
from backend.pod.engine_counters import embedding_source, engine_source
from backend.pod.nvml import GpuSource
from backend.pod.signals import Source
from backend.pod.sources import DownloadsSource, JobsSource, ProbeSource, RequestsSource, SshSource
from backend.settings import ServiceType, Settings

_WITH_COUNTERS = (ServiceType.VLLM, ServiceType.LLAMACPP)


def sources_of(
    settings: Settings,
    *,
    activity: Activity,
    running_jobs: Callable[[], Awaitable[int]],
    client: httpx.AsyncClient,
    threshold: Callable[[], float],
) -> list[Source]:
    """Every source this machine may have; those that it has not are silent.

    Args:
        client: closed by whoever made it.
        threshold: percent of the GPU from which it is busy, as set now.
    """
    sources: list[Source] = [GpuSource(threshold)]
    for name, provider in providers_of(settings).items():
        if provider.service_type in _WITH_COUNTERS and (name == MAIN or provider.is_here):
            url, headers = provider.base_url.removesuffix("/v1"), partial(_bearer, provider.api_key)
            sources.append(engine_source(url, client, headers, "" if name == MAIN else name))
    if settings.retrieval_mode != "lexical":
        sources.append(embedding_source(_embedding_url(settings), client, lambda: _bearer(settings.embed_api_key)))
    sources += [RequestsSource(activity), JobsSource(running_jobs)]
    folders = [folder for folder in (settings.weights_dir, settings.hf_home) if folder is not None]
    sources.append(DownloadsSource(folders))
    if settings.idle_ssh_counts:
        sources.append(SshSource())
    if settings.idle_probe_command:
        sources.append(ProbeSource(settings.idle_probe_command))
    return sources


def _embedding_url(settings: Settings) -> str:
    """The remote server where one is set; there is none on this machine then."""
    host = f"[{settings.embed_host}]" if ":" in settings.embed_host else settings.embed_host
    remote = settings.remote_embed_url.rstrip("/").removesuffix("/v1").removesuffix("/embed")
    return remote or f"http://{host}:{settings.embed_port}"


def _bearer(key: SecretStr) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.get_secret_value()}"} if key.get_secret_value() else {}
