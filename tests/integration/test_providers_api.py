"""The API of the engines, and the operator's panel: who may see what, with an Ollama that is still downloading."""

import asyncio
from pathlib import Path

from backend.accounts.identity import Scope
from backend.errors import Language
from backend.llm.preparation import Lowered, Phase, Preparation, note, noted
from backend.settings import ServiceType
from backend.store.database import Database
from bench.engine.server import EngineDouble
from tests.fixtures.accounts import PASSWORD
from tests.fixtures.chat import House, house_of
from tests.fixtures.ollama import ANSWER, OllamaDouble
from ui.pod.tab import PodTab
from ui.session import Doorkeeper, Visitor

HALF_BYTES = 1_500_000_000
FITTED = Preparation(
    Phase.READY,
    "tiny",
    chosen=(("VLLM_MAX_MODEL_LEN", "16384"),),
    because="fits_24gb",
    lowered=(Lowered("VLLM_MAX_MODEL_LEN", "32768", "16384"),),
)


def half() -> Preparation:
    """Half downloaded, now: a note that has not changed for some minutes counts for nothing."""
    return Preparation(Phase.DOWNLOADING, "tiny", done_bytes=HALF_BYTES, total_bytes=2 * HALF_BYTES)


async def admin_of(house: House) -> tuple[Visitor, dict[str, str]]:
    """Root at the page, and the header of a token that may do everything."""
    who, _ = await house.services.accounts.login("root", PASSWORD, "192.0.2.1", "test")
    _, token = await house.services.accounts.create_token(who, "all", [Scope.READ, Scope.ADMIN])
    return Visitor(who, Language.KO), {"Authorization": f"Bearer {token}"}


async def test_readers_see_how_far_it_is_and_admins_everything(
    database: Database, engine_double: EngineDouble, ollama: OllamaDouble, tmp_path: Path
) -> None:
    settings = {
        "service_type": ServiceType.OLLAMA,
        "llm_url": ollama.url,
        "llm_model": "tiny",
        "llm_providers": [
            {"name": "cloud", "base_url": "https://user:canary@models.example.com/v1", "api_key": "canary"},
        ],
    }
    async with house_of(database, engine_double, tmp_path, **settings) as house:
        note(house.services.settings, half())
        said = {"state": "missing"}  # as it was found before there was a note
        async with asyncio.timeout(10):
            while said["state"] == "missing":
                said = (await house.client.get("/api/v1/engine", headers={"Accept-Language": "ko"})).json()
                await asyncio.sleep(0.05)
        assert (said["name"], said["state"], said["preparation"]["phase"]) == ("main", "loading", "downloading")
        assert said["preparation"]["text"] == "3.0 GB 중 1.5 GB 내려받음 (50 %)"
        refused = await house.client.post("/api/v1/chat", json={"message": "too early"})
        assert refused.json()["code"] == "engine_loading"
        assert "downloading 1.5 of 3.0 GB (50 %)" in refused.json()["detail"]
        health = (await house.client.get("/health")).json()
        assert health["checks"]["engine"]["preparation"]["done_bytes"] == HALF_BYTES
        listed = (await house.client.get("/api/v1/providers")).json()
        assert [(each["name"], set(each)) for each in listed] == [("main", {"name", "model", "state", "context"})]

        visitor, header = await admin_of(house)
        note(house.services.settings, FITTED)
        ollama.models["tiny:latest"] = 5
        main, cloud = (await house.client.get("/api/v1/providers", headers=header)).json()
        assert (main["because"], main["lowered"][0]["after"]) == ("fits_24gb", "16384")
        assert (cloud["address"], cloud["hosted"], cloud["allowed"]) == ("https://models.example.com", True, False)
        await _page_shows_the_panel(house, visitor)
        ollama.models.clear()
        note(house.services.settings, half())
        await _is_downloaded_and_answers(house)
    assert ollama.pulls == ["tiny:latest"]


async def _page_shows_the_panel(house: House, visitor: Visitor) -> None:
    services = house.services
    await services.pod.tick()
    painted = await PodTab(services.pod, services.engines, Doorkeeper(services.accounts)).painted(visitor, "now")
    for piece in ("엔진 목록", "32,768 → 16,384", "24GB급", "외부", "쓰지 않음"):
        assert piece in painted
    assert "canary" not in painted


async def _is_downloaded_and_answers(house: House) -> None:
    keeping = asyncio.create_task(house.services.ollama.run())
    try:
        async with asyncio.timeout(30):
            while (told := noted(house.services.settings)) is None or told.phase is not Phase.READY:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        answer = await house.client.post("/api/v1/chat", json={"message": "hello"})
        assert answer.status_code == 200, answer.text
        assert ANSWER in answer.text
    finally:
        keeping.cancel()
        await asyncio.wait({keeping})
