"""What a proxy in front of Ondol may tell about the reader, and who is believed.

Forwarded headers are written by anybody, so they count only when the connection itself comes from an address in
`TRUSTED_PROXIES`. RunPod's proxy is the exception for the scheme: it always serves https and may not say so, and
a page that thinks it is http is given file addresses that the browser blocks. `X-Forwarded-Host` is never used and is
removed, because Gradio would build links from it.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from backend.settings import Settings

RUNPOD_HOST_SUFFIX = ".proxy.runpod.net"
# Any of these says that somebody stands between the reader and this process.
FORWARDING_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_Address = IPv4Address | IPv6Address
_Network = IPv4Network | IPv6Network


class ProxyHeaders:
    """ASGI middleware that sets `scope["client"]` and `scope["scheme"]` to the reader's.

    It leaves in `scope["state"]`: `peer` (address of the connection itself, "" when unknown) and `proxied`
    (whether any forwarding header was there).
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._trusted = networks_of(settings.trusted_proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            scope = self._corrected(scope)
        await self.app(scope, receive, send)

    def _corrected(self, scope: Scope) -> Scope:
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        state = {
            **scope.get("state", {}),
            "peer": peer,
            "proxied": any(name in headers for name in FORWARDING_HEADERS),
        }
        corrected = {
            **scope,
            "state": state,
            "headers": [(name, value) for name, value in scope["headers"] if name != b"x-forwarded-host"],
        }
        if self._is_trusted(peer):
            self._believe(corrected, headers)
        if host_name(headers.get("host", "")).endswith(RUNPOD_HOST_SUFFIX):
            corrected["scheme"] = _secure_variant(corrected["scheme"])
        return corrected

    def _believe(self, scope: Scope, headers: Headers) -> None:
        # A proxy that appends writes last, so the right-most value is the one a trusted peer wrote.
        protocol = headers.getlist("x-forwarded-proto")
        if protocol:
            said = protocol[-1].split(",")[-1].strip().lower()
            if said == "https":
                scope["scheme"] = _secure_variant(scope["scheme"])
        client = self._client(headers.getlist("x-forwarded-for"))
        if client is not None:
            scope["client"] = (client, 0)

    def _client(self, values: list[str]) -> str | None:
        """The right-most address that is not one of ours; what stands left of it could be invented."""
        outermost: str | None = None
        for part in reversed(",".join(values).split(",")):
            address = parsed_address(part)
            if address is None:
                return outermost
            outermost = str(address)
            if not self._is_trusted(outermost):
                return outermost
        return outermost

    def _is_trusted(self, peer: str) -> bool:
        if not self._trusted:
            return False
        address = parsed_address(peer)
        return address is not None and any(address in network for network in self._trusted)


def networks_of(entries: tuple[str, ...]) -> tuple[_Network, ...]:
    """`TRUSTED_PROXIES` as networks; the settings have checked that they are."""
    return tuple(ip_network(entry, strict=False) for entry in entries)


def parsed_address(text: str) -> _Address | None:
    """An address out of `1.2.3.4`, `1.2.3.4:5678`, `::1` or `[::1]:5678`; IPv4 inside IPv6 is unwrapped."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def host_name(host: str) -> str:
    """The name in a Host header, in lower case, without port."""
    return host.strip().lower().rpartition(":")[0] if _has_port(host) else host.strip().lower()


def is_loopback(peer: str) -> bool:
    """Whether the address is this machine's own."""
    address = parsed_address(peer)
    return address is not None and address.is_loopback


def _has_port(host: str) -> bool:
    _, colon, port = host.strip().rpartition(":")
    return bool(colon) and port.isdigit()


def _secure_variant(scheme: str) -> str:
    return {"http": "https", "ws": "wss"}.get(scheme, scheme)
