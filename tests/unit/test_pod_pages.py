"""What the console writes: words for everything that can be told, one row for a stop, forms read strictly."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from backend.errors import InvalidRequest, InvalidSchedule, Language
from backend.pod.audit import AuditEntry
from backend.pod.charts import Chart, Point
from backend.pod.compare import Way
from backend.pod.console import Brief, Standing
from backend.pod.costs import Label
from backend.pod.machine import Phase
from backend.pod.needs import _SENTENCES
from backend.pod.options import EnteredPrices, PodOptions
from backend.pod.pods import PodStatus
from backend.pod.sample import Verdict
from ui.pod.audit import audit_card
from ui.pod.charts import charts
from ui.pod.comparison import prices_of
from ui.pod.numbers import countdown, span, usd
from ui.pod.settings import changes_of
from ui.pod.status import status_card
from ui.text import TEXTS

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def entry(event: str, minutes_ago: int, actor: str = "policy", **detail: Any) -> AuditEntry:
    return AuditEntry("0" * 32, NOW - timedelta(minutes=minutes_ago), event, actor, "pod0main", detail)


def console(**changes: Any) -> Any:
    """As far as a form looks at one."""
    return SimpleNamespace(options=PodOptions(**changes), changed=frozenset(changes))


def sent(**changes: Any) -> str:
    """The form as the script gathers it when nothing was touched, with changes."""
    form = {
        "threshold_percent": "5", "check_interval_s": "60", "idle_limit": "5", "min_runtime_s": "10", "warn_s": "120",
        "grace_s": "60", "max_lifetime_s": "", "money_ceiling_usd": "", "network_volume_gb": "0",
        "zone": "Asia/Seoul", "learnt": False, "quiet": [], "rules": [], "exceptions": "", "hours": "24",
    }  # fmt: skip
    return json.dumps(form | changes)


def test_everything_that_can_be_told_has_words() -> None:
    wanted = [
        *(f"pod_phase_{phase}" for phase in Phase if phase is not Phase.ARMED),
        *(f"pod_status_{status.lower()}" for status in PodStatus),
        *(f"pod_verdict_{verdict}" for verdict in Verdict),
        *(f"pod_label_{label}" for label in Label),
        *(f"pod_way_{way}" for way in Way),
        *(f"pod_price_{name}" for name in EnteredPrices.model_fields),
        *(f"pod_reason_{code}" for code in _SENTENCES),
    ]
    assert [key for key in wanted if key not in TEXTS] == []


def test_a_stop_is_one_row_with_its_proof() -> None:
    one = {"incident": "a"}
    lines = [
        entry("stop_verified", 1, **one),
        entry("stop_requested", 2, **one, kind="idle", reason="idle"),
        entry("stop_failed", 3, **one, error="stop_had_no_effect"),
        entry("stop_requested", 4, **one, kind="idle", reason="idle"),
        entry("rechecked", 5, **one),
        entry("warned", 7, **one, reason="idle"),
        entry("called_off", 20, incident="b", reason="busy"),
        entry("warned", 21, incident="b", reason="idle"),
    ]
    card = audit_card(lines, "a", NOW, Language.EN)
    assert card.count("<tr>") == 3
    assert "1 more tries → EXITED seen" in card
    assert "called off: work came back" in card
    assert "nobody used it" in card
    assert "confirmed" not in card


@pytest.mark.parametrize(
    ("events", "current", "words"),
    [
        (["stop_requested"], "a", "being checked"),
        (["stop_failed", "stop_requested"], "a", "failed 1 times, trying again"),
        (["escalated", "stop_failed", "stop_requested"], "a", "people were told"),
        (["stop_confirmed_at_start", "stop_requested"], "", "confirmed at the next start"),
        (["warned"], "a", "counting down"),
        (["warned"], "c", "called off"),
    ],
)
def test_a_stop_is_not_called_proven_before_it_is(events: list[str], current: str, words: str) -> None:
    card = audit_card([entry(event, 1, incident="a") for event in events], current, NOW, Language.EN)
    assert words in card
    assert "EXITED" not in card


def test_what_people_wrote_is_text() -> None:
    hostile = "<img src=x onerror=alert(1)>"
    card = audit_card([entry("stop_ordered", 1, f"user:{hostile}", reason=hostile)], "", NOW, Language.KO)
    assert "<img" not in card
    assert card.count("&lt;img") == 2


def test_a_form_nobody_touched_changes_nothing() -> None:
    assert changes_of(sent(), console()) == {}
    assert changes_of(sent(idle_limit="7"), console(idle_limit=7)) == {"idle_limit": 7}


def test_a_form_is_in_the_units_people_think_in() -> None:
    days = {"days": [5, 6], "begin": "10:00", "end": "00:00", "zone": "Asia/Seoul"}
    found = changes_of(
        sent(min_runtime_s="15", max_lifetime_s="12", rules=[days], quiet=[days], exceptions="not 2026-12-25"),
        console(),
    )
    assert found["min_runtime_s"] == 900
    assert found["max_lifetime_s"] == 43_200
    assert found["schedule"] == "sat,sun 10:00-24:00 Asia/Seoul; not 2026-12-25"
    assert found["quiet"] == [{"start": "10:00", "end": "00:00", "weekdays": [5, 6], "zone": "Asia/Seoul"}]
    kept = PodOptions(**found)
    again = sent(min_runtime_s="15", max_lifetime_s="12", rules=[days], quiet=[days], exceptions="not 2026-12-25")
    assert changes_of(again, console(**{name: getattr(kept, name) for name in found})) == found


@pytest.mark.parametrize(
    "change",
    [
        {"idle_limit": "many"},
        {"quiet": "x"},
        {"quiet": [{"days": [], "begin": "09:00", "end": "10:00", "zone": "Asia/Seoul"}]},
        {"quiet": [{"days": [7], "begin": "09:00", "end": "10:00", "zone": "Asia/Seoul"}]},
        {"rules": [{"days": [1], "begin": "9", "end": "10:00", "zone": "Asia/Seoul"}]},
        {"rules": [{"days": [1], "begin": "09:00", "end": "10:00", "zone": "Asia/Seoul; not"}]},
        {"rules": [{"days": [1], "begin": "09:00", "end": "10:00", "zone": "Nowhere/Land"}]},
        {"exceptions": "whenever"},
    ],
)
def test_a_form_that_cannot_be_read_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises((InvalidRequest, InvalidSchedule)):
        changes_of(sent(**change), console())


@pytest.mark.parametrize("text", ["", "[]", "{", '"x"'])
def test_what_is_no_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        changes_of(text, console())
    with pytest.raises(InvalidRequest):
        prices_of({"kwh_usd": "cheap"})


def test_a_line_is_broken_where_nothing_was_recorded() -> None:
    point = Point(NOW, 50.0, 60.0, 40.0, 90.0, 600, 6000, 1, 0, busy=True)
    points = [replace(point, at=NOW - timedelta(minutes=minute)) for minute in (59, 58, 57, 3, 2)]
    drawn = charts(Chart(NOW - timedelta(hours=1), 60.0, tuple(points)), NOW, "Asia/Seoul", Language.EN)
    first = drawn.partition("class='line first' d='")[2].partition("'")[0]
    assert first.count("M") == 2
    assert "mean 50 %, highest 50 %" in drawn
    assert "30,000 tokens written" in drawn
    assert "21:00" in drawn
    assert "<svg" not in charts(Chart(NOW, 60.0, ()), NOW, "Asia/Seoul", Language.KO)


def test_numbers_are_written_for_people() -> None:
    assert [usd(value) for value in (1234.5, -0.5, -0.001, None)] == ["$1,234.50", "−$0.50", "$0.00", "–"]
    assert [span(seconds, Language.EN) for seconds in (45, 125, 22_320, 100_000)] == [
        "45 s",
        "2 min",
        "6 h 12 min",
        "1 d 3 h",
    ]
    assert "1:01:05<" in countdown(NOW + timedelta(seconds=3665), NOW)


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("language", list(Language))
def test_an_ordinary_user_is_told_no_more_than_the_state(phase: Phase, language: Language) -> None:
    brief = Brief(Standing.POD, phase, None, called_off_by_work=False, is_draining=False, keep_awake_until=None)
    card = status_card(brief, NOW, language)
    assert "$" not in card
    assert "act-" not in card
