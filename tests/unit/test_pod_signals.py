"""Sources of signals: each says busy, idle or that it does not know, and none holds the others up."""

# ruff: noqa: N802 - NVIDIA's names

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import psutil
import pytest
from pydantic import TypeAdapter

from backend.activity import Activity
from backend.errors import Language
from backend.pod.clock import SystemClock
from backend.pod.counters import CounterSource, quantile
from backend.pod.engine_counters import embedding_source, engine_source, figures
from backend.pod.local_sources import sources_of
from backend.pod.needs import need, signal_name
from backend.pod.nvml import GpuSource
from backend.pod.sample import Signal, Verdict, said_in
from backend.pod.signals import SignalReader
from backend.pod.sources import DownloadsSource, JobsSource, ProbeSource, RequestsSource, SshSource
from backend.settings import load

NOW = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Metrics:
    """A server that answers with whatever the test puts there."""

    def __init__(self) -> None:
        self.status, self.text = 200, ""
        self.client = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.status == 0:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(self.status, text=self.text)

    def vllm(
        self, *, tokens: float = 0, finished: float = 0, running: float = 0, le: tuple[float, ...] = (0, 0)
    ) -> None:
        """Metrics as vLLM has them: counters by reason and a histogram."""
        self.text = f"""# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{{model_name="m"}} {tokens}
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{{model_name="m"}} {tokens * 2}
# TYPE vllm:request_success_total counter
vllm:request_success_total{{finished_reason="stop"}} {finished}
vllm:request_success_total{{finished_reason="length"}} 1
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{model_name="m"}} {running}
# TYPE vllm:kv_cache_usage_perc gauge
vllm:kv_cache_usage_perc{{model_name="m"}} 0.25
# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{{model_name="m"}} {tokens * 2}
# TYPE vllm:prefix_cache_hits_total counter
vllm:prefix_cache_hits_total{{model_name="m"}} {tokens}
# TYPE vllm:time_to_first_token_seconds histogram
vllm:time_to_first_token_seconds_bucket{{le="0.1"}} {le[0]}
vllm:time_to_first_token_seconds_bucket{{le="1.0"}} {le[1]}
vllm:time_to_first_token_seconds_bucket{{le="+Inf"}} {le[1]}
vllm:time_to_first_token_seconds_count {le[1]}
vllm:time_to_first_token_seconds_sum 1
"""


async def verdicts(source: CounterSource, *steps: Callable[[], None]) -> list[Verdict]:
    """What the source says after each step, a minute apart."""
    found = []
    for number, step in enumerate(steps):
        step()
        signal = await source.read(NOW + number * MINUTE)
        assert signal is not None
        found.append(signal.verdict)
    return found


async def test_an_engine_is_busy_when_a_counter_moved_and_never_for_a_gauge() -> None:
    server = Metrics()
    source = engine_source("http://engine", server.client)
    assert await verdicts(
        source,
        lambda: server.vllm(tokens=100, finished=3),
        lambda: server.vllm(tokens=100, finished=3, running=7),  # stale after aborts
        lambda: server.vllm(tokens=160, finished=3),
        lambda: server.vllm(tokens=160, finished=4),
        lambda: server.vllm(tokens=160, finished=4),
        lambda: server.vllm(tokens=20, finished=1),  # started again, and has worked since
        lambda: server.vllm(tokens=20, finished=1),
    ) == [
        Verdict.UNKNOWN, Verdict.IDLE, Verdict.BUSY, Verdict.BUSY, Verdict.IDLE, Verdict.BUSY, Verdict.IDLE,
    ]  # fmt: skip


async def test_figures_are_of_the_time_between_two_readings() -> None:
    server = Metrics()
    source = engine_source("http://engine/", server.client)
    assert figures(source) is None
    await verdicts(
        source,
        lambda: server.vllm(tokens=100, finished=3, le=(50, 60)),
        lambda: server.vllm(tokens=220, finished=5, running=2, le=(51, 64)),
    )
    found = figures(source)
    assert found is not None
    assert (found.generated_tokens, found.prompt_tokens, found.finished) == (120, 240, 2)
    assert (found.running, found.waiting) == (2, None)
    assert found.tokens_per_s == pytest.approx(2.0)
    assert found.kv_percent == pytest.approx(25)
    assert found.prefix_hit_percent == pytest.approx(50)
    assert found.ttft_p50_s == pytest.approx(0.1 + 0.9 / 3)
    assert found.ttft_p95_s == pytest.approx(0.1 + 0.9 * 2.8 / 3)


def test_a_quantile_of_nothing_is_none() -> None:
    assert quantile({}, 0.5) is None
    assert quantile({1.0: 0.0, float("inf"): 0.0}, 0.5) is None
    assert quantile({1.0: 0.0, float("inf"): 4.0}, 0.5) == 1.0


@pytest.mark.parametrize(
    ("status", "text", "detail"),
    [
        (0, "", "ConnectError"),
        (401, "", "HTTP 401"),
        (503, "", "HTTP 503"),
        (200, "<html>no metrics</html>", "Prometheus"),
        (200, "# nothing\n", "none of the counters"),
    ],
)
async def test_a_server_that_does_not_tell_is_unknown(status: int, text: str, detail: str) -> None:
    server = Metrics()
    server.status, server.text = status, text
    signal = await embedding_source("http://embedding", server.client).read(NOW)
    assert signal is not None
    assert signal.verdict is Verdict.UNKNOWN
    assert detail in signal.detail


async def test_a_server_without_metrics_is_no_source_unless_it_had_them_before() -> None:
    server = Metrics()
    server.status = 404
    source = engine_source("http://engine", server.client)
    assert await source.read(NOW) is None
    server.status = 200
    server.vllm()
    await source.read(NOW)
    server.status = 404
    later = await source.read(NOW)
    assert later is not None
    assert later.verdict is Verdict.UNKNOWN


class NVMLError(Exception):
    """As NVIDIA's library has it."""


class NotSupported(NVMLError):
    """The device cannot tell."""


class LibraryNotFound(NVMLError):
    """There is no driver."""


class FakeNvml(SimpleNamespace):
    """NVIDIA's library, by the names it has, for made-up GPUs: their utilisation in percent, None: not told."""

    def __init__(self, *percents: int | None) -> None:
        super().__init__(
            NVMLError=NVMLError,
            NVMLError_LibraryNotFound=LibraryNotFound,
            NVMLError_DriverNotLoaded=LibraryNotFound,
            NVMLError_NotSupported=NotSupported,
            NVMLError_NoPermission=NotSupported,
            NVML_TEMPERATURE_GPU=0,
        )
        self.percents, self.failure = percents, None

    def nvmlInit(self) -> None:
        if self.failure is not None:
            raise self.failure

    def nvmlShutdown(self) -> None:
        """Nothing to give back."""

    def nvmlDeviceGetCount(self) -> int:
        return len(self.percents)

    def nvmlDeviceGetHandleByIndex(self, place: int) -> int:
        return place

    def nvmlDeviceGetName(self, _: int) -> bytes:
        return b"H200"

    def nvmlDeviceGetMemoryInfo(self, _: int) -> Any:
        return SimpleNamespace(used=60, total=140)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:
        if self.percents[handle] is None:
            raise NotSupported
        return SimpleNamespace(gpu=self.percents[handle])

    def nvmlDeviceGetPowerUsage(self, _: int) -> int:
        raise NotSupported

    def nvmlDeviceGetTemperature(self, _handle: int, _sensor: int) -> int:
        return 41


@pytest.mark.parametrize(
    ("percents", "verdict"),
    [((0, 4), Verdict.IDLE), ((0, 5), Verdict.BUSY), ((100,), Verdict.BUSY), ((None, 0), Verdict.UNKNOWN)],
)
async def test_a_gpu_is_busy_from_the_threshold_on(percents: tuple[int | None, ...], verdict: Verdict) -> None:
    source = GpuSource(lambda: 5.0, FakeNvml(*percents))
    signal = await source.read(NOW)
    assert signal is not None
    assert signal.verdict is verdict
    assert len(source.figures) == len(percents)
    assert (source.figures[0].celsius, source.figures[0].watts) == (41.0, None)


async def test_a_machine_without_a_gpu_has_no_such_signal_but_one_that_lost_it_has() -> None:
    library = FakeNvml()
    library.failure = LibraryNotFound("no driver")
    source = GpuSource(lambda: 5.0, library)
    assert await source.read(NOW) is None
    library.failure, library.percents = None, (0,)
    assert (await source.read(NOW)) is not None
    library.failure = LibraryNotFound("no driver")
    lost = await source.read(NOW)
    assert lost is not None
    assert (lost.verdict, lost.detail) == (Verdict.UNKNOWN, "no driver")
    assert source.figures == ()


async def test_own_work_is_told_while_it_runs_and_once_after_it() -> None:
    activity = Activity(lambda: NOW)
    source = RequestsSource(activity)
    assert (await source.read(NOW)).verdict is Verdict.IDLE
    with activity.work("chat"):
        running = await source.read(NOW)
    assert (running.verdict, running.detail) == (Verdict.BUSY, "chat")
    assert (await source.read(NOW)).verdict is Verdict.BUSY  # ended since
    assert (await source.read(NOW)).verdict is Verdict.IDLE
    with pytest.raises(RuntimeError), activity.work("hints"):
        raise RuntimeError
    assert activity.count == 0
    assert (await source.read(NOW)).verdict is Verdict.BUSY


async def test_jobs_are_counted_and_a_database_that_is_away_is_unknown() -> None:
    async def two() -> int:
        return 2

    async def none() -> int:
        return 0

    async def away() -> int:
        raise OSError

    assert [(await JobsSource(count).read(NOW)).verdict for count in (two, none, away)] == [
        Verdict.BUSY, Verdict.IDLE, Verdict.UNKNOWN,
    ]  # fmt: skip


async def test_a_download_is_work_only_while_it_grows(tmp_path: Path) -> None:
    source = DownloadsSource([tmp_path, tmp_path / "not there"])
    assert (await source.read(NOW)).verdict is Verdict.IDLE
    part = tmp_path / "model" / "model.gguf.hub-part"
    part.parent.mkdir()
    part.write_bytes(b"x" * 100)
    assert (await source.read(NOW)).verdict is Verdict.BUSY
    assert (await source.read(NOW)).verdict is Verdict.IDLE
    part.write_bytes(b"x" * 200)
    assert (await source.read(NOW)).verdict is Verdict.BUSY
    part.unlink()
    assert (await source.read(NOW)).verdict is Verdict.IDLE
    part.write_bytes(b"x")
    assert (await DownloadsSource([tmp_path]).read(NOW)).verdict is Verdict.UNKNOWN


HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


async def test_an_open_ssh_session_is_work_and_says_from_where(tmp_path: Path) -> None:
    four, six = tmp_path / "tcp", tmp_path / "tcp6"
    listening = "   0: 00000000:0016 00000000:0000 0A 0 0 0 0 0 1\n   1: 0100007F:1F40 0200007F:0016 01 0 0 0 0 0 2\n"
    four.write_text(HEAD + listening)
    source = SshSource(tables=(four, six))
    idle = await source.read(NOW)
    assert idle is not None
    assert (idle.verdict, idle.value) == (Verdict.IDLE, "0 open")
    four.write_text(HEAD + listening + "   2: 0100007F:0016 0711A8C0:C1D2 01 0 0 0 0 0 3\n")
    six.write_text(HEAD + "   0: 0000000000000000FFFF00000100007F:0016 0000000000000000FFFF00000911A8C0:D431 01 0 0\n")
    busy = await source.read(NOW)
    assert busy is not None
    assert (busy.verdict, busy.value, busy.detail) == (Verdict.BUSY, "2 open", "192.168.17.7, 192.168.17.9")
    assert await SshSource(tables=(tmp_path / "none",)).read(NOW) is None


@pytest.mark.parametrize(("status", "verdict"), [(0, Verdict.BUSY), (1, Verdict.IDLE), (2, Verdict.UNKNOWN)])
async def test_a_probe_tells_by_its_exit_status(status: int, verdict: Verdict) -> None:
    signal = await ProbeSource(f"{sys.executable} -c 'raise SystemExit({status})'").read(NOW)
    assert signal.verdict is verdict


async def test_a_probe_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    script, told = tmp_path / "probe", tmp_path / "pid"
    script.write_text(f"#!/bin/sh\nsleep 60 &\necho $! > {told}.new && mv {told}.new {told}\nwait\n")
    script.chmod(0o700)
    signal = await ProbeSource(str(script), timeout_s=1.0).read(NOW)
    assert (signal.verdict, signal.detail) == (Verdict.UNKNOWN, "no end within 1 s")
    await asyncio.to_thread(wait_until_ended, int(told.read_text()))


async def test_a_probe_that_does_not_exist_is_unknown() -> None:
    assert (await ProbeSource("/no/such/command").read(NOW)).verdict is Verdict.UNKNOWN


def wait_until_ended(pid: int) -> None:
    """Returns when the process is gone, or dead and not yet collected by its parent."""
    deadline = time.monotonic() + 10
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline, "the probe's child still runs"
            time.sleep(0.01)


class Broken:
    """A source that fails, or that never answers."""

    def __init__(self, name: str, wait: asyncio.Event | None) -> None:
        self.name, self.timeout_s, self._wait = name, 0.01, wait

    async def read(self, now: datetime) -> Signal | None:
        if self._wait is None:
            raise ZeroDivisionError(str(now))
        await self._wait.wait()
        return None


async def test_one_source_that_fails_or_hangs_is_unknown_and_the_others_are_read() -> None:
    sources = (Broken("gpu", None), Broken("engine", asyncio.Event()), RequestsSource(Activity()))
    found = await SignalReader(sources, SystemClock()).read()
    assert [(signal.name, signal.verdict) for signal in found] == [
        ("gpu", Verdict.UNKNOWN), ("engine", Verdict.UNKNOWN), ("requests", Verdict.IDLE),
    ]  # fmt: skip
    assert found[1].detail == "no answer within 0.01 s"


async def test_the_sources_are_those_of_the_configuration(tmp_path: Path) -> None:
    async def none() -> int:
        return 0

    def names(**changes: object) -> list[str]:
        settings = load(data_dir=tmp_path, **changes)
        found = sources_of(settings, activity=Activity(), running_jobs=none, client=client, threshold=lambda: 5.0)
        return [source.name for source in found]

    async with httpx.AsyncClient() as client:
        assert names() == ["gpu", "engine", "embedding", "requests", "jobs", "downloads", "ssh"]
        assert names(service_type="ollama", retrieval_mode="lexical", idle_ssh_counts=False) == [
            "gpu", "requests", "jobs", "downloads",
        ]  # fmt: skip
        assert names(idle_probe_command="pgrep -x training")[-1] == "probe"
        providers = [
            {"name": "pod", "base_url": "http://127.0.0.1:18000", "service_type": "vllm"},
            {"name": "away", "base_url": "http://10.0.0.7:8000", "service_type": "vllm"},
            {"name": "other", "base_url": "http://127.0.0.1:18001"},
        ]
        assert names(llm_providers=providers)[1:3] == ["engine", "engine:pod"]
        assert names(service_type="ollama", llm_providers=providers)[1] == "engine:pod"
    assert signal_name("engine:pod").en == "the model server pod"


async def test_what_a_signal_says_is_in_the_reader_s_language_and_english_elsewhere() -> None:
    activity = Activity(lambda: NOW)
    source = RequestsSource(activity)
    with activity.work("chat"), activity.work("hints"):
        signal = await source.read(NOW)
    assert isinstance(signal.value, str)
    assert (signal.value, signal.detail) == ("2 now, 0 ended", "chat, hints")
    assert said_in(Language.KO, signal.value) == "지금 2건, 끝난 것 0건"
    assert (said_in(Language.KO, signal.detail), said_in(Language.KO, "3 %")) == ("대화, 힌트", "3 %")
    assert said_in(Language.KO, deepcopy(signal).value) == "지금 2건, 끝난 것 0건"
    stored = TypeAdapter(Signal).dump_python(signal, mode="json")
    assert type(stored["value"]) is str
    assert stored["value"] == "2 now, 0 ended"
    busy = need("busy", signal="requests", value=signal.value)
    assert busy.text.ko == "온돌이 처리하는 요청: 일하는 중입니다 (지금 2건, 끝난 것 0건)."
    assert busy.text.en == "Busy: Ondol's own requests (2 now, 0 ended)."
