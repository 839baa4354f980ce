"""Ollama's models: downloaded when they are missing, over real HTTP, with a double that speaks Ollama's protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest

from backend.errors import EngineLoading, EngineModelMissing, Language
from backend.llm.engine import ChatMessage, Engine, EngineState
from backend.llm.ollama import OllamaModels, Patience
from backend.llm.preparation import Phase, Preparation, note, noted
from backend.llm.preparing import Preparing
from backend.llm.providers import Provider
from backend.settings import ServiceType, Settings, load
from tests.fixtures.ollama import ANSWER, DISK_FULL, NO_REGISTRY, OllamaDouble

QUICK = Patience(first_s=0.02, longest_s=0.05, look_every_s=0.05)
MESSAGES: list[ChatMessage] = [{"role": "user", "content": "hello"}]


@asynccontextmanager
async def keeping(
    double: OllamaDouble, data_dir: Path, *models: str, **settings: object
) -> AsyncIterator[tuple[Settings, list[Engine]]]:
    """Engines named `main`, `second`, … of this Ollama, whose models are seen to meanwhile."""
    loaded = load(data_dir=data_dir, **settings)
    preparing = Preparing(loaded)
    engines = [
        Engine(
            Provider(name, f"{double.url}/v1", ServiceType.OLLAMA, model),
            preparing=partial(preparing.of, name),
        )
        for name, model in zip(("main", "second", "third"), models, strict=False)
    ]
    keeper = OllamaModels(loaded, engines, QUICK)
    task = asyncio.create_task(keeper.run())
    try:
        yield loaded, engines
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await keeper.close()
        for engine in engines:
            await engine.close()


async def until(condition: Callable[[], bool], within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 -- a file that another process could write
            await asyncio.sleep(0.01)


def preparation(settings: Settings, name: str = "main") -> Preparation:
    return noted(settings, name) or Preparation(Phase.CHECKING, "")


async def test_a_missing_model_is_downloaded_and_then_answers(ollama: OllamaDouble, tmp_path: Path) -> None:
    ollama.limit = 1_500_000_000
    async with keeping(ollama, tmp_path, "tiny") as (settings, (engine,)):
        await until(lambda: preparation(settings).phase is Phase.DOWNLOADING)
        told = preparation(settings)
        assert (told.model, told.total_bytes) == ("tiny", 3_000_000_000)
        with pytest.raises(EngineLoading) as waiting:
            await engine.require_ready()
        assert "being made ready: downloading " in waiting.value.message(Language.EN)
        assert " of 3.0 GB (" in waiting.value.message(Language.EN)
        ollama.let_go_on()
        await until(lambda: preparation(settings).phase is Phase.READY)
        assert (await engine.info()).state is EngineState.READY
        events = [event async for event in engine.stream(MESSAGES, model="tiny")]
        assert events[0] == ANSWER
        assert ollama.pulls == ["tiny:latest"]


async def test_layers_add_up(ollama: OllamaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.llm.ollama._NOTE_EVERY_S", 0.0)
    ollama.limit = 3_500_000_000
    async with keeping(ollama, tmp_path, "tiny") as (settings, _):
        await until(lambda: preparation(settings).done_bytes == 3_500_000_000)
        assert preparation(settings).total_bytes == 4_000_000_000


async def test_a_lost_connection_is_taken_up_where_it_was(
    ollama: OllamaDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.llm.ollama._NOTE_EVERY_S", 0.0)
    ollama.cut_at = 2_000_000_000
    ollama.limit = 2_500_000_000
    async with keeping(ollama, tmp_path, "tiny") as (settings, _):
        await until(lambda: preparation(settings).done_bytes == 2_500_000_000)
        assert len(ollama.pulls) == 2
        ollama.let_go_on()
        await until(lambda: preparation(settings).phase is Phase.READY)


@pytest.mark.parametrize(
    ("model", "error", "code"),
    [
        ("nothing-like-it", "", "model_unknown"),
        ("tiny", DISK_FULL, "model_disk_full"),
        ("tiny", NO_REGISTRY, "model_source_unreachable"),
        ("tiny", "this is new to everybody", "model_pull_failed"),
        ("", "", "model_unnamed"),
    ],
)
async def test_what_went_wrong_is_told_and_tried_again(
    ollama: OllamaDouble, tmp_path: Path, model: str, error: str, code: str
) -> None:
    ollama.error = error
    async with keeping(ollama, tmp_path, model) as (settings, (engine,)):
        await until(lambda: preparation(settings).error == code)
        assert preparation(settings).phase is Phase.FAILED
        assert (await engine.info(max_age_s=0)).state in {EngineState.MISSING, EngineState.LOADING}
        ollama.error = ""
        ollama.library["nothing-like-it:latest"] = {"sha256:" + "c3" * 32: 5}
        if not model:
            ollama.models["other:latest"] = 5
        await until(lambda: preparation(settings).phase is Phase.READY)
        await until(lambda: preparation(settings).error == "")


async def test_ollama_may_come_later_and_go_again(tmp_path: Path) -> None:
    double = OllamaDouble()
    with double.serving():
        port = int(double.url.rpartition(":")[2])
    async with keeping(double, tmp_path, "tiny") as (settings, (engine,)):
        assert (await engine.info()).state is EngineState.UNREACHABLE
        assert noted(settings) is None
        double.limit = 100_000_000
        with double.serving(port):
            await until(lambda: preparation(settings).phase is Phase.DOWNLOADING)
        await until(lambda: preparation(settings).error == "engine_unavailable")
        double.limit = None
        with double.serving(port):
            await until(lambda: preparation(settings).phase is Phase.READY)
            double.models.clear()  # its volume was exchanged
            with pytest.raises(EngineModelMissing):
                [event async for event in engine.stream(MESSAGES, model="tiny")]
            await until(lambda: len(double.models) == 1)


async def test_one_download_at_a_time_and_one_for_two_who_want_the_same(ollama: OllamaDouble, tmp_path: Path) -> None:
    ollama.library["other:1b"] = {"sha256:" + "d4" * 32: 1_000_000_000}
    ollama.limit = 500_000_000
    async with keeping(ollama, tmp_path, "tiny", "tiny", "other:1b") as (settings, engines):
        await until(lambda: ollama.pulling_now == 1)
        await until(lambda: all(noted(settings, each.provider.name) for each in engines))
        ollama.let_go_on()
        await until(lambda: all(preparation(settings, each.provider.name).phase is Phase.READY for each in engines))
    assert sorted(ollama.pulls) == ["other:1b", "tiny:latest"]
    assert ollama.most_at_once == 1


async def test_it_can_be_switched_off(ollama: OllamaDouble, tmp_path: Path) -> None:
    async with keeping(ollama, tmp_path, "tiny", ollama_pull=False) as (settings, (engine,)):
        with pytest.raises(EngineModelMissing):
            await engine.require_ready()
        assert noted(settings) is None
    assert ollama.pulls == []


async def test_names_are_read_as_ollama_reads_them(ollama: OllamaDouble, tmp_path: Path) -> None:
    ollama.models |= {"tiny:latest": 5, "Big:7B": 5}
    note(load(data_dir=tmp_path), Preparation(Phase.FAILED, "tiny", error="model_disk_full"))
    async with keeping(ollama, tmp_path, "tiny", "big:7b", "big") as (settings, engines):
        await until(lambda: preparation(settings).phase is Phase.READY)  # mended by hand meanwhile
        found = [(await engine.info()).state for engine in engines]
    assert found[:2] == [EngineState.READY, EngineState.READY]
    assert found[2] is not EngineState.READY
