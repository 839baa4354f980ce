"""How far an engine's preparation is, in words, and what the panel of engines makes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.errors import EngineLoading, Language, Text
from backend.llm.engine import EngineState
from backend.llm.overview import EngineRow
from backend.llm.preparation import Lowered, Phase, Preparation, note
from backend.llm.preparation_text import progress_text, trouble_text
from backend.llm.preparing import Preparing, Seen
from backend.llm.provider_stats import ProviderReport
from backend.llm.routes import Workload
from backend.llm.vllm_plan import Reason
from backend.settings import ServiceType, Settings, load
from ui.pod.engines import engines_card
from ui.text import TEXTS

GB = 1_000_000_000
LOADED = Preparation(
    Phase.LOADING,
    "Qwen/Qwen2.5-Coder-7B-Instruct",
    chosen=(("VLLM_MAX_MODEL_LEN", "16384"), ("SOMETHING_NEW", "<b>")),
    because="fits_24gb",
    lowered=(Lowered("VLLM_MAX_MODEL_LEN", "32768", "16384"),),
    at=1000.0,
)
REPORT = ProviderReport(
    name="main",
    address="http://127.0.0.1:8000",
    service_type=ServiceType.VLLM,
    model="<i>model</i>",
    workloads=((Workload.HEAVY, 1.0), (Workload.BULK, 0.25), (Workload.LIGHT, 0.0)),
    state=EngineState.LOADING,
    hosted=False,
    allowed=True,
    probe_ms=12.3,
    first_token_ms_p50=None,
    requests=1200,
    errors=3,
    error_rate=0.0125,
    prompt_tokens=1_000_000,
    completion_tokens=20_000,
    cost_usd=0.0123,
    cooling_s=12.0,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(data_dir=tmp_path)


def downloading(settings: Settings, at: float, done: int, total: int | None = 15 * GB) -> None:
    note(settings, Preparation(Phase.DOWNLOADING, "m", done_bytes=done, total_bytes=total, at=at))


def test_the_time_left_follows_the_speed_of_the_last_minute(settings: Settings) -> None:
    preparing = Preparing(settings, clock=lambda: 0.0)
    left = []
    for at, done in ((0, 0), (10, GB), (20, 2 * GB), (200, 11 * GB), (250, 14 * GB)):
        downloading(settings, at, done)
        seen = preparing.of("main")
        assert seen is not None
        left.append(seen.left_s and round(seen.left_s))
    assert left == [None, 140, 130, 80, 19]
    downloading(settings, 260, GB)  # it begins anew
    assert (again := preparing.of("main")) is not None
    assert again.left_s is None


def test_a_note_of_somebody_who_has_ended_is_not_under_way(settings: Settings) -> None:
    note(settings, LOADED)
    fresh = Preparing(settings, clock=lambda: 1060.0).of("main")
    stale = Preparing(settings, clock=lambda: 9000.0).of("main")
    assert fresh is not None
    assert stale is not None
    assert (fresh.is_under_way, stale.is_under_way) == (True, False)
    assert Preparing(settings).of("other") is None


@pytest.mark.parametrize(
    ("changes", "left_s", "ko", "en"),
    [
        (
            {"done_bytes": 3_200_000_000, "total_bytes": 15_200_000_000}, 240,
            "15.2 GB 중 3.2 GB 내려받음 (21 %), 약 4분 남음", "downloading 3.2 of 15.2 GB (21 %), about 4 min left",
        ),
        (
            {"done_bytes": 40_000_000, "total_bytes": 400_000_000}, 20,
            "400 MB 중 40 MB 내려받음 (10 %), 1분 안에 끝남",
            "downloading 40 of 400 MB (10 %), less than a minute left",
        ),
        (
            {"done_bytes": GB, "total_bytes": 100 * GB}, 9000,
            "100.0 GB 중 1.0 GB 내려받음 (1 %), 약 2시간 남음", "downloading 1.0 of 100.0 GB (1 %), about 2 h left",
        ),
        ({"done_bytes": 5 * GB}, None, "내려받는 중, 지금까지 5.0 GB", "downloading, 5.0 GB so far"),
        ({}, None, "내려받는 중", "downloading"),
        ({"phase": Phase.LOADING}, None, "GPU에 올리는 중", "loading into the GPU"),
        (
            {"phase": Phase.LOWERED, "lowered": LOADED.lowered}, None,
            "문맥을 32,768에서 16,384토큰으로 줄여 다시 시도하는 중",
            "retried with a shorter context (32,768 → 16,384 tokens)",
        ),
        (
            {"phase": Phase.LOWERED, "lowered": (Lowered("VLLM_MODEL", "large", "small"),)}, None,
            "더 작은 모델로 다시 시도하는 중", "retried with a smaller model",
        ),
        ({"phase": Phase.LOWERED}, None, "설정을 낮추어 다시 시도하는 중", "retried with smaller settings"),
    ],
)  # fmt: skip
def test_progress_is_told_in_both_languages(changes: dict[str, Any], left_s: float | None, ko: str, en: str) -> None:
    found = replace(Preparation(Phase.DOWNLOADING, "m"), **changes)
    assert progress_text(Seen(found, left_s, is_under_way=True)) == Text(ko, en)


def test_trouble_is_told_with_what_to_do_whatever_its_code() -> None:
    told = trouble_text(Preparation(Phase.FAILED, "tiny", error="model_disk_full"), "main")
    assert told is not None
    assert "`tiny`" in told.ko
    assert "make room" in told.en
    assert trouble_text(Preparation(Phase.FAILED, "tiny", error="nobody_knows"), "main") is not None
    assert trouble_text(LOADED, "main") is None
    plain = EngineLoading(provider="main").message(Language.EN)
    assert plain == "The model (main) is being made ready. Send again once it is ready."


@pytest.mark.parametrize("language", Language)
def test_the_panel_shows_figures_choice_and_what_was_lowered(language: Language) -> None:
    rows = [
        EngineRow(REPORT, 16384, Seen(LOADED, None, is_under_way=True)),
        EngineRow(replace(REPORT, name="cloud", hosted=True, allowed=False, workloads=(), requests=0), 8192, None),
    ]
    shown = engines_card(rows, language)
    for piece in ("&lt;i&gt;model&lt;/i&gt;", "12 ms" if language is Language.EN else "12ms", "1,200 · 1.2 %"):
        assert piece in shown
    for piece in ("1,000,000 · 20,000", "$0.0123", "25 %", "32,768 → 16,384", "SOMETHING_NEW", "&lt;b&gt;"):
        assert piece in shown
    for key in ("engines_because_fits_24gb", "engines_lowered", "engines_hosted", "engines_not_allowed"):
        assert TEXTS[key].in_(language) in shown
    assert progress_text(Seen(LOADED, None, is_under_way=True)).in_(language) in shown
    assert "<i>" not in shown


def test_every_reason_and_state_has_words() -> None:
    wanted = [f"engines_because_{reason}" for reason in Reason]
    wanted += [f"engines_state_{state}" for state in EngineState] + [f"engines_{workload}" for workload in Workload]
    assert [key for key in wanted if key not in TEXTS] == []
