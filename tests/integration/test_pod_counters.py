"""Counters of real servers, and what is kept of them in a real database."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from backend.pod.engine_counters import engine_source, figures
from backend.pod.history import KEEP_SAMPLES, PodHistory
from backend.pod.nvml import GpuFigures
from backend.pod.sample import Sample, Signal, Verdict
from backend.store.database import Database
from tests.fixtures.engine import Engine

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, limits=httpx.Limits(max_keepalive_connections=0)) as made:
        yield made


async def test_a_request_moves_the_counters_of_llama_cpp_and_looking_does_not(
    engine: Engine, client: httpx.AsyncClient
) -> None:
    source = engine_source(engine.root_url, client, lambda: engine.headers)

    async def verdict() -> Verdict:
        signal = await source.read(datetime.now(UTC))
        assert signal is not None
        return signal.verdict

    assert await verdict() is Verdict.UNKNOWN
    await client.get(f"{engine.root_url}/health")
    await client.get(f"{engine.base_url}/models", headers=engine.headers)
    assert await verdict() is Verdict.IDLE
    asked = {"messages": [{"role": "user", "content": "Count to three."}], "max_tokens": 4}
    answer = await client.post(f"{engine.base_url}/chat/completions", json=asked, headers=engine.headers)
    assert answer.status_code == 200
    assert await verdict() is Verdict.BUSY
    found = figures(source)
    assert found is not None
    assert 1 <= found.generated_tokens <= 4
    assert found.prompt_tokens > 0
    assert found.running == 0
    assert await verdict() is Verdict.IDLE


async def test_a_key_that_is_refused_is_unknown(engine: Engine, client: httpx.AsyncClient) -> None:
    signal = await engine_source(engine.root_url, client, lambda: {"Authorization": "Bearer wrong"}).read(NOW)
    assert signal is not None
    assert (signal.verdict, signal.detail) == (Verdict.UNKNOWN, "HTTP 401")


def sample(at: datetime, verdict: Verdict) -> Sample:
    return Sample(at, 0.0, (Signal("gpu", verdict, "3 %", at, "NVML", "H200"),), at - timedelta(hours=1))


async def test_samples_are_kept_for_two_weeks(database: Database) -> None:
    history = PodHistory(database)
    gpus = [GpuFigures("H200", percent, 50, 100, 40.0 + percent, 200.0) for percent in (3.0, 7.0)]
    await history.record("pod1", sample(NOW - KEEP_SAMPLES - timedelta(hours=1), Verdict.BUSY), (), None)
    await history.record("pod1", sample(NOW - timedelta(hours=1), Verdict.BUSY), gpus, None)
    await history.record("pod1", sample(NOW, Verdict.IDLE), (), None)
    await history.record("pod2", sample(NOW, Verdict.BUSY), (), None)
    assert await history.purge(NOW) == 1
    found = await history.samples("pod1", NOW - timedelta(days=1))
    assert [one.sample.at for one in found] == [NOW - timedelta(hours=1), NOW]
    assert found[0].sample.signals == sample(NOW - timedelta(hours=1), Verdict.BUSY).signals
    assert (found[0].gpu_percent, found[0].gpu_memory_percent) == (7.0, 50.0)
    assert (found[0].gpu_celsius, found[0].gpu_watts) == (47.0, 400.0)
    assert found[1].gpu_percent is None
    assert await history.busy_at("pod1") == [(NOW - timedelta(hours=1)).timestamp()]


async def test_a_run_keeps_the_last_rate_it_had_while_it_ran(database: Database) -> None:
    history = PodHistory(database)
    await history.running("pod1", NOW, None, 2.0)
    await history.running("pod1", NOW, NOW + timedelta(minutes=4), 2.5)
    await history.running("pod1", NOW, None, 0.0)
    await history.stopped("pod1", NOW + timedelta(hours=1), "policy")
    await history.running("pod1", NOW + timedelta(hours=2), None, 3.0)
    runs = await history.runs("pod1")
    assert [(run.started_at, run.stopped_at, run.rate_usd) for run in runs] == [
        (NOW, NOW + timedelta(hours=1), 2.5),
        (NOW + timedelta(hours=2), None, 3.0),
    ]


async def test_settings_take_the_place_of_those_before(database: Database) -> None:
    history = PodHistory(database)
    assert await history.settings() == {}
    await history.save_settings({"idle_limit": 5, "zone": "Asia/Seoul"}, NOW)
    await history.save_settings({"idle_limit": 7}, NOW)
    assert await history.settings() == {"idle_limit": 7}
