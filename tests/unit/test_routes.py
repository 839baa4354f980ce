"""Where work goes: what the settings may say, the order that comes of it, when a failing provider is asked again."""

import random
from collections import Counter
from types import SimpleNamespace

import pytest

from backend.errors import (
    EngineBusy,
    EngineLoading,
    EngineTimeout,
    EngineUnavailable,
    HostedNotAllowed,
    Language,
    UnknownProvider,
)
from backend.llm.call import Chosen, Request
from backend.llm.cooldown import Cooldown
from backend.llm.engine import Engine, EngineInfo, EngineState, Usage
from backend.llm.lane import Lane
from backend.llm.provider_stats import ProviderStats
from backend.llm.providers import Provider, providers_of
from backend.llm.router import Router
from backend.llm.routes import Routes, Workload, allowed_of, provider_for
from backend.settings import ConfigurationError, RouteStep, ServiceType, Settings, load
from backend.settings.routing import is_outside, read_routes
from ui.chat_page import AUTOMATIC, ChatPage

POD = {"name": "pod", "base_url": "http://127.0.0.1:18000"}
GEMINI = {"name": "gemini", "base_url": "https://generativelanguage.googleapis.com/v1beta/openai", "model": "g"}


class Clock:
    """Stands until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def read(**values: object) -> Settings:
    return load(_env_file=None, **values)


# --- what the settings may say -----------------------------------------------------------------------------------


def test_without_routes_everything_goes_to_the_main_provider() -> None:
    routes = Routes(read().llm_routes)
    assert not routes.are_given
    assert {workload: routes.order(workload, random.random) for workload in Workload} == {
        workload: ["main"] for workload in Workload
    }


def test_routes_are_read_from_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_PROVIDERS", '[{"name": "pod", "base_url": "http://127.0.0.1:18000"}]')
    monkeypatch.setenv("LLM_ROUTES", '{"heavy": ["pod:9", "main:1.5"], "bulk": ["pod"]}')
    found = read().llm_routes
    assert found == {
        Workload.HEAVY: (RouteStep("pod", 9.0), RouteStep("main", 1.5)),
        Workload.BULK: (RouteStep("pod", None),),
    }


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ("[", "must be a JSON object such as"),
        ('["main"]', "must be a JSON object such as"),
        ('{"chat": ["main"]}', "there is no such workload; there are: light, heavy, bulk"),
        ('{"heavy": "main"}', "heavy: must be a list"),
        ('{"heavy": []}', "heavy: must be a list"),
        ('{"heavy": [3]}', "heavy: each entry must be the name of a provider, or `name:weight`"),
        ('{"heavy": ["pod", "pod:2"]}', "heavy: `pod` is listed twice"),
        ('{"heavy": ["pod:-1"]}', "heavy: the weight of `pod` must be a number, 0 or above"),
        ('{"heavy": ["pod:nan"]}', "heavy: the weight of `pod` must be a number, 0 or above"),
        ('{"heavy": ["pod:"]}', "heavy: the weight of `pod` must be a number, 0 or above"),
        ('{"heavy": ["pod:0", "main:0"]}', "heavy: at least one of the weights beside each other must be above 0"),
        ('{"heavy": ["pdo"]}', "heavy: there is no provider `pdo`; there are: main, pod"),
    ],
)
def test_what_is_wrong_with_a_route_is_told(routes: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read(llm_providers=[POD], llm_routes=routes)
    assert said in str(caught.value)


def test_a_kind_of_work_that_only_hosted_providers_do_needs_the_operators_word() -> None:
    with pytest.raises(ConfigurationError, match=r"heavy: only hosted providers.*LLM_ALLOW_HOSTED=true"):
        read(llm_providers=[GEMINI], llm_routes={"heavy": ["gemini"]})
    allowed = read(llm_providers=[GEMINI], llm_routes={"heavy": ["gemini"]}, llm_allow_hosted=True)
    assert allowed_of(allowed, providers_of(allowed)) == {"main", "gemini"}


# --- whose machine it is -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8000/v1", "http://localhost:8000", "http://[::1]:8000", "http://10.1.2.3", "http://192.168.0.7",
        "http://172.20.0.3:8000", "http://169.254.3.4", "http://100.100.3.4:8000", "http://vllm-server:8000",
        "http://gpu.local:8000", "http://abc123.runpod.internal:8000", "http://host.docker.internal:8000",
    ],
)  # fmt: skip
def test_own_machines(url: str) -> None:
    assert not is_outside(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1", "https://generativelanguage.googleapis.com/v1beta/openai", "http://8.8.8.8:8000",
        "https://abc123-8000.proxy.runpod.net", "http://localhost.example.com", "https://me@evil.example/v1",
    ],
)  # fmt: skip
def test_machines_of_others(url: str) -> None:
    assert is_outside(url)


def test_the_operator_knows_better_than_the_address() -> None:
    entries = [GEMINI | {"name": "a"}, GEMINI | {"name": "b", "hosted": False}, POD | {"name": "c", "hosted": True}]
    found = providers_of(read(llm_providers=entries))
    assert [found[name].hosted for name in "abc"] == [True, False, True]


def test_a_hosted_main_provider_is_allowed_only_where_there_is_no_other() -> None:
    hosted = {"llm_url": "https://api.openai.com/v1", "service_type": ServiceType.OPENAI}
    alone = read(**hosted)
    assert allowed_of(alone, providers_of(alone)) == {"main"}
    behind = read(**hosted, llm_providers=[POD], llm_routes=dict.fromkeys(Workload, ("pod", "main")))
    assert allowed_of(behind, providers_of(behind)) == {"pod"}
    own = read(llm_url="https://abc123-8000.proxy.runpod.net", service_type=ServiceType.VLLM)
    assert not providers_of(own)["main"].hosted


# --- the order ---------------------------------------------------------------------------------------------------


def routes_of(*steps: str) -> Routes:
    return Routes(read_routes({"heavy": list(steps)}))


def test_providers_without_weights_keep_their_order() -> None:
    assert routes_of("a", "b", "c").order(Workload.HEAVY, random.random) == ["a", "b", "c"]


def test_weights_share_the_requests_of_one_place() -> None:
    routes, draw = routes_of("first", "a:3", "b:1", "last"), random.Random(7).random
    orders = Counter(tuple(routes.order(Workload.HEAVY, draw)) for _ in range(4000))
    assert set(orders) == {("first", "a", "b", "last"), ("first", "b", "a", "last")}
    assert orders["first", "a", "b", "last"] / 4000 == pytest.approx(0.75, abs=0.03)


def test_a_weight_of_nothing_comes_after_the_others() -> None:
    routes, draw = routes_of("a:0", "b:1", "c:0"), random.Random(7).random
    assert {routes.order(Workload.HEAVY, draw)[0] for _ in range(200)} == {"b"}


def test_shares_say_who_is_asked_first() -> None:
    routes = routes_of("a:3", "b:1", "c")
    assert routes.shares("a") == ((Workload.HEAVY, 0.75),)
    assert routes.shares("c") == ((Workload.HEAVY, 0.0),)
    assert routes.shares("main") == ((Workload.LIGHT, 1.0), (Workload.BULK, 1.0))


# --- who is asked ------------------------------------------------------------------------------------------------


def router_of(*providers: Provider, routes: Routes, hosted_allowed: bool = False) -> Router:
    lanes = {each.name: Lane(Engine(each), hosted_allowed or not each.hosted) for each in providers}
    return Router(lanes, routes)


def provider(name: str, **more: object) -> Provider:
    return Provider(name, "http://127.0.0.1:1/v1", ServiceType.VLLM, **more)  # type: ignore[arg-type]


async def test_hosted_providers_are_asked_only_where_that_is_allowed() -> None:
    providers = (provider("own"), provider("gemini", hosted=True))
    kept = router_of(*providers, routes=routes_of("gemini", "own"))
    assert kept.call(Workload.HEAVY).name == "own"
    assert list(kept.engines) == ["own"]
    with pytest.raises(HostedNotAllowed):
        kept.call(Workload.HEAVY, provider="gemini")
    with pytest.raises(UnknownProvider):
        kept.call(Workload.HEAVY, provider="other")
    assert router_of(*providers, routes=routes_of("gemini", "own"), hosted_allowed=True).call(Workload.HEAVY).name == (
        "gemini"
    )


def test_a_command_asks_whom_it_may() -> None:
    cheap = POD | {"usd_per_million_input": 0.1}
    hosted = read(llm_providers=[cheap, GEMINI], llm_routes={"heavy": ["gemini", "pod"], "bulk": ["pod", "main"]})
    assert provider_for(hosted, Workload.HEAVY).name == "pod"
    assert provider_for(hosted, Workload.BULK).name == "main", "it costs nothing"
    assert provider_for(hosted, Workload.BULK, "pod").name == "pod"
    with pytest.raises(HostedNotAllowed):
        provider_for(hosted, Workload.HEAVY, "gemini")
    with pytest.raises(UnknownProvider):
        provider_for(hosted, Workload.HEAVY, "other")
    outside = {"service_type": "openai", "llm_url": GEMINI["base_url"], "llm_providers": [POD]}
    assert provider_for(read(**outside), Workload.BULK).name == "main", "there is nothing else to ask"
    with pytest.raises(HostedNotAllowed):
        provider_for(
            read(**outside, llm_routes={"heavy": ["pod"], "light": ["pod"], "bulk": ["pod"]}), Workload.BULK, "main"
        )


def test_a_main_provider_that_is_named_by_host_may_be_outside() -> None:
    assert read(service_type="openai", llm_host="api.example.com").main_is_hosted
    assert not read(service_type="openai", llm_host="10.0.0.7").main_is_hosted


@pytest.mark.parametrize(
    ("url", "is_here"),
    [("http://127.0.0.1:8000/v1", True), ("http://[::1]:8000/v1", True), ("http://localhost/v1", True),
     ("http://10.0.0.7:8000/v1", False), ("https://api.example.com/v1", False)],
)  # fmt: skip
def test_what_is_on_this_machine(url: str, is_here: bool) -> None:
    assert Provider("a", url, ServiceType.VLLM).is_here is is_here


@pytest.mark.parametrize(("kind", "has_left"), [(ServiceType.VLLM, True), (ServiceType.OPENAI, False)])
async def test_a_text_that_is_counted_outside_has_left(
    monkeypatch: pytest.MonkeyPatch, kind: ServiceType, has_left: bool
) -> None:
    async def ready(_: Engine) -> EngineInfo:
        return EngineInfo(EngineState.READY, "m", 4096, 1.0)

    async def breaks_off(chosen: Chosen, _: object) -> Request:
        await chosen.engine.count_tokens("mine")
        raise EngineUnavailable(provider=chosen.name)

    monkeypatch.setattr(Engine, "require_ready", ready)
    outside = Provider("a", "http://127.0.0.1:1/v1", kind, hosted=True)
    call = router_of(outside, routes=Routes.to("a"), hosted_allowed=True).call(Workload.HEAVY)
    with pytest.raises(EngineUnavailable):
        await call.begin(breaks_off)
    assert call.hosted is has_left


async def test_the_page_keeps_no_choice_where_nobody_chose() -> None:
    """So that conversations of before follow the routes that are set later."""
    for routes, values in ((Routes(), [AUTOMATIC, "pod"]), (routes_of("pod"), [AUTOMATIC, "main", "pod"])):
        chat = SimpleNamespace(router=router_of(provider("main"), provider("pod"), routes=routes), conversations=None)
        page = ChatPage(chat, None, None, None)  # type: ignore[arg-type]
        assert [value for _, value in await page._providers(Language.EN)] == values


async def test_bulk_work_goes_to_the_cheapest() -> None:
    routes = Routes(read_routes({"bulk": ["dear", "hosted", "cheap", "own"]}))
    providers = (
        provider("dear", usd_per_million_input=3.0, usd_per_million_output=9.0),
        provider("hosted", hosted=True),  # of an unknown price
        provider("cheap", usd_per_million_input=0.1),
        provider("own"),
    )
    router = router_of(*providers, routes=routes, hosted_allowed=True)
    assert [lane.name for lane in router.call(Workload.BULK)._lanes] == ["own", "cheap", "dear", "hosted"]


# --- cooling down ------------------------------------------------------------------------------------------------


def test_a_failing_provider_is_passed_over_for_longer_each_time() -> None:
    clock = Clock()
    cooldown = Cooldown(clock, draw=lambda: 0.5)
    waits = []
    for _ in range(9):
        cooldown.failed()
        waits.append(round(cooldown.left_s))
        assert not cooldown.admits()
        clock.now += cooldown.left_s
        assert cooldown.admits()
    assert waits == [2, 4, 8, 16, 32, 64, 120, 120, 120]
    cooldown.succeeded()
    cooldown.failed()
    assert round(cooldown.left_s) == 2


def test_jitter_keeps_providers_from_coming_back_together() -> None:
    draw = random.Random(3).random
    waits = []
    for _ in range(200):
        cooldown = Cooldown(Clock(), draw)
        cooldown.failed()
        waits.append(cooldown.left_s)
    assert 1.6 <= min(waits) < 1.8
    assert 2.2 < max(waits) <= 2.4


def test_those_that_fail_together_are_one_failure() -> None:
    clock = Clock()
    cooldown = Cooldown(clock, draw=lambda: 0.5)
    for _ in range(5):
        cooldown.failed()
    assert round(cooldown.left_s) == 2


def test_after_the_wait_one_request_tries_and_the_others_pass() -> None:
    clock = Clock()
    cooldown = Cooldown(clock, draw=lambda: 0.5)
    assert not cooldown.begin(), "a provider that is well is not tried, it is asked"
    cooldown.failed()
    clock.now += 2
    assert cooldown.admits()
    assert cooldown.begin()
    assert not cooldown.admits()
    assert not cooldown.begin()
    cooldown.end_trial()  # whoever tried left before anything was known
    assert cooldown.admits()
    cooldown.begin()
    cooldown.succeeded()
    assert cooldown.admits()


def test_a_named_time_is_kept_and_never_shortened() -> None:
    clock = Clock()
    lane = Lane(Engine(provider("a")), cooldown=Cooldown(clock, draw=lambda: 0.0))
    lane.failed(EngineBusy(provider="a", retry_after_s=40))
    assert lane.cooldown.left_s == pytest.approx(40)
    lane.failed(EngineUnavailable(provider="a"))
    assert lane.cooldown.left_s == pytest.approx(40)
    assert lane.cooldown.was_told_to_wait


def test_a_provider_that_fails_for_weeks_waits_no_longer_than_the_longest_time() -> None:
    clock = Clock()
    cooldown = Cooldown(clock, draw=lambda: 0.5)
    for _ in range(2000):
        cooldown.failed()
        clock.now += cooldown.left_s
    cooldown.failed()
    assert round(cooldown.left_s) == 120


def test_a_named_time_that_is_over_is_forgotten_and_one_that_was_not_named_is_guessed() -> None:
    clock = Clock()
    lane = Lane(Engine(provider("a")), cooldown=Cooldown(clock, draw=lambda: 0.5))
    lane.failed(EngineBusy(provider="a", retry_after_s=40))
    clock.now += lane.cooldown.left_s
    assert lane.cooldown.was_told_to_wait
    lane.failed(EngineUnavailable(provider="a"))
    assert not lane.cooldown.was_told_to_wait
    busy = EngineBusy(provider="b")
    other = Lane(Engine(provider("b")), cooldown=Cooldown(clock, draw=lambda: 0.5))
    other.failed(busy)
    assert (round(other.cooldown.left_s), other.cooldown.was_told_to_wait) == (2, False)
    assert busy.retry_after_s == 10, "a reader is told some time all the same"


def test_loading_is_no_failure_and_silence_is_a_long_one() -> None:
    cooldown = Cooldown(Clock(), draw=lambda: 0.5)
    lane = Lane(Engine(provider("a")), cooldown=cooldown)
    lane.failed(EngineLoading(provider="a"))
    assert cooldown.admits()
    lane.failed(EngineTimeout(provider="a", seconds=60))
    assert round(cooldown.left_s) == 30


# --- what is counted ---------------------------------------------------------------------------------------------


def test_counts_rates_and_costs() -> None:
    clock = Clock()
    stats = ProviderStats(clock)
    assert (stats.error_rate, stats.first_token_ms_p50, stats.cost_usd(None, None)) == (None, None, None)
    for code in (None, None, "engine_unavailable", None):
        stats.asked()
        if code:
            stats.failed(code)
        else:
            stats.succeeded()
    for seconds in (0.1, 0.3, 0.2):
        stats.first_token(seconds)
    stats.used(Usage(1_000_000, 500_000))
    assert (stats.requests, stats.errors, stats.error_rate) == (4, {"engine_unavailable": 1}, 0.25)
    assert stats.first_token_ms_p50 == pytest.approx(200)
    assert stats.cost_usd(0.1, 0.4) == pytest.approx(0.3)
    clock.now += 901
    assert stats.error_rate is None


def test_a_report_shows_no_path_no_user_and_no_key() -> None:
    address = Provider("a", "https://me:hunter2@host.example:8443/v1beta/openai", ServiceType.OPENAI).address
    assert address == "https://host.example:8443"
