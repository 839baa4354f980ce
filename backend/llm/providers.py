"""Which engines there are: each is a base URL, a key and a model behind the OpenAI protocol."""

import math
from dataclasses import dataclass, field
from ipaddress import ip_address
from urllib.parse import urlsplit

from pydantic import SecretStr

from backend.errors import UnknownProvider
from backend.settings import OLLAMA_HOST, ServiceType, Settings

MAIN = "main"


@dataclass(frozen=True)
class Provider:
    """One engine.

    Attributes:
        name: how people and programs choose it.
        base_url: ends in `/v1`.
        model: name sent with each request; empty: the first one the engine lists.
        assumed_context: tokens of context when the engine does not tell.
        hosted: what it is asked leaves the operator's own machines.
        usd_per_million_input, usd_per_million_output: prices of a million tokens; None: not known.
    """

    name: str
    base_url: str
    service_type: ServiceType
    model: str = ""
    api_key: SecretStr = field(default=SecretStr(""), repr=False)
    assumed_context: int = 4096
    hosted: bool = False
    usd_per_million_input: float | None = None
    usd_per_million_output: float | None = None

    @property
    def is_local(self) -> bool:
        """Plain http: an engine on this machine, a private network or a tunnel."""
        return self.base_url.startswith("http://")

    @property
    def price(self) -> float:
        """Dollars for a million tokens read and as many written; an engine of one's own without a price costs none."""
        prices = (self.usd_per_million_input, self.usd_per_million_output)
        if self.hosted and None in prices:
            return math.inf
        return sum(price or 0.0 for price in prices)

    @property
    def is_here(self) -> bool:
        """At a loopback address: on this machine, or at the end of a tunnel that begins here."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"

    @property
    def counts_tokens(self) -> bool:
        """It has a path that is sent a text and tells its tokens."""
        return self.service_type in {ServiceType.LLAMACPP, ServiceType.VLLM}

    @property
    def address(self) -> str:
        """Scheme, host and port: nothing of the path, and no user or password that a URL may hold."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def providers_of(settings: Settings) -> dict[str, Provider]:
    """All engines of the settings by name, the main one first."""
    context = settings.vllm_max_model_len or 4096
    found = {MAIN: _main(settings, context)}
    for entry in settings.llm_providers:
        found[entry.name] = Provider(
            name=entry.name,
            base_url=_with_v1(entry.base_url),
            service_type=entry.service_type,
            model=entry.model,
            api_key=entry.api_key,
            assumed_context=entry.context or context,
            hosted=entry.is_hosted,
            usd_per_million_input=entry.usd_per_million_input,
            usd_per_million_output=entry.usd_per_million_output,
        )
    return found


def choose(providers: dict[str, Provider], name: str | None) -> Provider:
    """The provider of that name, or the main one. Raises UnknownProvider."""
    if not name:
        return providers[MAIN]
    if name not in providers:
        raise UnknownProvider(provider=name[:64], known=", ".join(providers))
    return providers[name]


def _main(settings: Settings, context: int) -> Provider:
    kind = settings.service_type
    key = settings.llm_api_key
    model = settings.llm_model
    is_ours = settings.vllm_is_here or (kind is ServiceType.LLAMACPP and not settings.llm_url)
    if kind is ServiceType.LLAMACPP or is_ours:
        model = ""  # the server loads one model, which may be a smaller one than was asked for, and tells its name
    if is_ours and not key.get_secret_value():
        key = SecretStr(settings.local_secret("llm_key"))
    return Provider(MAIN, _main_url(settings), kind, model, key, context, hosted=settings.main_is_hosted)


def _main_url(settings: Settings) -> str:
    if settings.llm_url:
        return _with_v1(settings.llm_url)
    if settings.service_type is ServiceType.OLLAMA:
        return _with_v1(_ollama_address(settings.ollama_host, settings.ollama_port))
    return _with_v1(f"http://{settings.llm_host}:{settings.llm_port}")


def _ollama_address(host: str, port: int) -> str:
    """`OLLAMA_HOST` as Ollama itself reads it; where its server listens everywhere, we ask on this machine."""
    found = OLLAMA_HOST.fullmatch(host)
    if found is None:  # refused when the settings were read
        raise ValueError("OLLAMA_HOST")
    scheme, name = found["scheme"] or "http", found["host"].strip("[]")
    name = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)  # noqa: S104 - compared, not bound
    shown = f"[{name}]" if ":" in name else name
    if scheme == "https" and not found["port"]:
        return f"https://{shown}"
    return f"{scheme}://{shown}:{found['port'] or port}"


def _with_v1(url: str) -> str:
    """Hosted addresses may end in a path of their own (`…/v1beta/openai`): only a bare host gets `/v1`."""
    url = url.rstrip("/")
    path = url.partition("://")[2].partition("/")[2]
    return url if path else f"{url}/v1"
