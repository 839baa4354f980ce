"""Who the reader is behind a proxy, and who may say so."""

import pytest

from backend.settings import ConfigurationError, load
from backend.web.proxy import host_name, is_loopback, networks_of, parsed_address
from tests.unit.web_stack import client_of, small_app

THING = "/api/v1/things/x"


def app_of(*trusted: str):
    return small_app(settings=load(trusted_proxies=trusted))


async def seen(app, peer: str, headers: list[tuple[str, str]]) -> dict:
    async with client_of(app, "kim", peer) as client:
        return (await client.get(THING, headers=headers)).json()


async def test_forwarded_headers_of_strangers_are_ignored() -> None:
    told = await seen(app_of("10.0.0.0/8"), "203.0.113.9", [
        ("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "evil.test"),
    ])  # fmt: skip
    assert (told["client"], told["scheme"]) == ("203.0.113.9", "http")
    assert "x-forwarded-host" not in told["headers"]


async def test_nobody_is_trusted_by_default() -> None:
    told = await seen(app_of(), "127.0.0.1", [("x-forwarded-for", "1.1.1.1"), ("x-forwarded-proto", "https")])
    assert (told["client"], told["scheme"]) == ("127.0.0.1", "http")


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["6.6.6.6, 198.51.100.7"], "198.51.100.7"),  # the left part was invented by the reader
        (["6.6.6.6", "198.51.100.7, 10.0.0.2"], "198.51.100.7"),  # two of our proxies, two header lines
        (["198.51.100.7:4711"], "198.51.100.7"),
        (["[2001:db8::1]:443"], "2001:db8::1"),
        (["10.0.0.3"], "10.0.0.3"),  # the reader is inside the trusted network
        (["garbage, 10.0.0.3"], "10.0.0.3"),
        (["garbage"], "10.0.0.1"),
        ([""], "10.0.0.1"),
    ],
)
async def test_a_trusted_proxy_is_believed_from_the_right(forwarded: list[str], client: str) -> None:
    headers = [("x-forwarded-for", value) for value in forwarded] + [("x-forwarded-proto", "https")]
    told = await seen(app_of("10.0.0.0/8"), "10.0.0.1", headers)
    assert (told["client"], told["scheme"]) == (client, "https")


async def test_the_last_protocol_counts_and_host_is_dropped_even_from_a_trusted_proxy() -> None:
    told = await seen(app_of("10.0.0.1"), "10.0.0.1", [
        ("x-forwarded-proto", "https, http"), ("x-forwarded-host", "evil.test"),
    ])  # fmt: skip
    assert told["scheme"] == "http"
    assert "x-forwarded-host" not in told["headers"]


@pytest.mark.parametrize(
    ("host", "scheme"),
    [
        ("abc-7860.proxy.runpod.net", "https"),
        ("ABC-7860.Proxy.RunPod.net:443", "https"),
        ("proxy.runpod.net.evil.test", "http"),
        ("evilproxy.runpod.net", "http"),
    ],
)
async def test_the_pod_proxy_is_https(host: str, scheme: str) -> None:
    assert (await seen(app_of(), "203.0.113.9", [("host", host)]))["scheme"] == scheme


def test_a_trusted_proxy_that_is_no_address_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"'proxy\.example' is neither an address nor a network"):
        load(trusted_proxies=("proxy.example",))
    assert len(networks_of(("10.0.0.1", "10.0.0.7/8", "::1"))) == 3


def test_addresses() -> None:
    assert str(parsed_address("::ffff:127.0.0.1")) == "127.0.0.1"
    assert is_loopback("::ffff:127.0.0.1")
    assert is_loopback("::1")
    assert not is_loopback("10.0.0.1")
    assert not is_loopback("")
    assert host_name("[::1]:80") == "[::1]"
    assert host_name("Ondol.Test") == "ondol.test"
