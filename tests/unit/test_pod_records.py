"""The files of a stop: what is written survives, what is torn is passed over, and one at a time holds the lease."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from backend.errors import Text
from backend.pod import webhook
from backend.pod.alerts import Alert
from backend.pod.audit import AuditLog
from backend.pod.book import Book, NothingToDrain
from backend.pod.in_force import InForce
from backend.pod.lease import Heartbeat, Lease, read_heartbeat, write_heartbeat
from backend.pod.machine import Kind, Order, Phase, Timing, Trouble, failed, requested, warned
from backend.pod.memory import Memory, MemoryFile
from backend.pod.schedule import text_of
from backend.settings import load
from tests.fixtures.runpod import ManualClock


def test_a_line_that_a_crash_cut_short_costs_no_other(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path, ManualClock())
    first = audit.write("warned", "policy", "pod0main", reason="idle")
    with audit.path.open("a") as file:
        file.write('{"id": "half')
    second = audit.write("stop_requested", "policy", "pod0main")
    assert list(audit.entries()) == [first, second]
    assert audit.tail(5) == [second, first]


def test_a_line_holds_no_secret(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path, ManualClock())
    audit.write("stop_failed", "policy", "pod0main", api_key="rpa_123", error="Bearer rpa_123456 refused")
    assert "rpa_123" not in audit.path.read_text()


def test_a_full_file_makes_room_and_is_still_read(tmp_path: Path) -> None:
    audit = AuditLog(tmp_path, ManualClock(), rotate_bytes=1000)
    written = [audit.write("warned", "policy", "pod0main", number=number) for number in range(9)]
    kept = list(audit.entries())
    assert kept == written[-len(kept) :]
    assert 0 < audit.path.stat().st_size < 1500
    assert audit.tail(len(kept)) == kept[::-1]


def test_a_state_is_read_as_it_was_written_and_a_broken_one_is_none(tmp_path: Path) -> None:
    now, timing = ManualClock().now(), Timing()
    order = Order(Kind.SCHEDULE, "schedule", "schedule", now, now + timedelta(hours=1))
    progress = requested(warned(order, "ab", now, now, timing), now, timing)
    progress = failed(progress, Trouble("pod_locked", Text("잠김", "locked")), now, timing)
    memory = Memory("pod0main", progress, waiting_stop=order, starts_s=(30.0, 90.0, 60.0))
    file = MemoryFile(tmp_path / "state.json")
    assert file.load() is None
    file.save(memory, sync=True)
    assert file.load() == memory
    assert memory.restart_s == 60.0
    file.path.write_text(file.path.read_text()[:40])
    assert file.load() is None


def test_settings_that_were_changed_are_there_again_unless_their_file_is_torn(tmp_path: Path) -> None:
    settings = load(_env_file=None, data_dir=tmp_path)
    InForce(settings).adopt({"idle_limit": 9, "schedule": "daily 09:00-19:00 UTC"})
    again = InForce(settings)
    assert (again.config().idle_limit, text_of(again.schedule())) == (9, "daily 09:00-19:00 UTC")
    assert set(again.changed) == {"idle_limit", "schedule"}
    path = tmp_path / "pod-settings.json"
    for torn in (path.read_text()[:9], "[1]", '{"idle_limit": -1}', '{"schedule": "sometimes"}', '{"of_later": 1}'):
        path.write_text(torn)
        assert InForce(settings).changed == {}, torn


def test_who_takes_a_pod_over_goes_on_from_what_was_kept_last(tmp_path: Path) -> None:
    clock, kept = ManualClock(), []
    for name in ("first", "second"):
        book = Book(tmp_path / name / "state.json", "pod0main", "policy", clock, NothingToDrain())
        book.open(kept[-1] if kept else None)
        clock.advance(60)
        book.remember(starts_s=(float(len(name)),))
        kept.append(book.memory)
    first = Book(tmp_path / "first" / "state.json", "pod0main", "policy", clock, NothingToDrain())
    first.open(None)
    assert first.memory == kept[0], "with nothing else to go by, its own file counts"
    first.open(kept[1])
    assert first.memory == kept[1]
    clock.advance(60)
    first.remember()
    assert MemoryFile(tmp_path / "first" / "state.json").load() == kept[1], "and it is on this disk from now on"
    first.remember(starts_s=(7.0,))
    first.open(kept[1])
    assert first.memory.starts_s == (7.0,), "the file is ahead of the copy"


def test_people_are_told_after_the_last_attempt_or_at_once_when_it_is_hopeless() -> None:
    now, timing = ManualClock().now(), Timing(backoff_s=(10.0, 30.0))
    trouble = Trouble("x", Text("", ""))
    progress = warned(Order(Kind.IDLE, "policy", "idle", now), "ab", now, now, timing)
    phases = []
    for _ in range(4):
        progress = failed(requested(progress, now, timing), trouble, now, timing)
        phases.append(progress.phase)
    assert phases == [Phase.RETRYING, Phase.RETRYING, Phase.ESCALATED, Phase.ESCALATED]
    once = failed(requested(progress, now, timing), trouble, now, timing, hopeless=True)
    assert once.phase is Phase.ESCALATED


def test_one_at_a_time_holds_the_lease_and_it_runs_out(tmp_path: Path) -> None:
    clock = ManualClock()
    app, watchdog = Lease(tmp_path, "app"), Lease(tmp_path, "watchdog")
    assert app.take(clock.now())
    assert not watchdog.take(clock.now())
    clock.advance(60)
    assert app.take(clock.now())
    clock.advance(119)
    assert not watchdog.take(clock.now())
    clock.advance(2)
    assert watchdog.take(clock.now())
    assert not app.take(clock.now())
    app.release(clock.now())
    assert watchdog.holder(clock.now()) == "watchdog"
    watchdog.release(clock.now())
    assert app.take(clock.now())


def test_a_clock_that_was_set_back_does_not_hold_the_lease_for_long(tmp_path: Path) -> None:
    clock = ManualClock()
    assert Lease(tmp_path, "app").take(clock.now())
    assert Lease(tmp_path, "watchdog").take(clock.now() - timedelta(hours=1))


def test_a_heartbeat_is_alive_for_its_length(tmp_path: Path) -> None:
    now = ManualClock().now()
    assert read_heartbeat(tmp_path) is None
    beat = Heartbeat(now, now + timedelta(seconds=120), "armed", acting=True, busy=False)
    write_heartbeat(tmp_path, beat)
    assert read_heartbeat(tmp_path) == beat
    assert beat.is_alive(now + timedelta(seconds=119))
    assert not beat.is_alive(now + timedelta(seconds=121))
    assert not beat.is_alive(now - timedelta(hours=1))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://hooks.slack.com/services/T/B/x", True),
        ("https://10.0.0.5/hook", True),
        ("http://127.0.0.1:9000/hook", True),
        ("http://[::1]:9000/hook", True),
        ("http://10.0.0.5/hook", False),
        ("http://127.0.0.1.example.org/hook", False),
        ("file:///etc/passwd", False),
        ("", False),
    ],
)
def test_alerts_go_encrypted_or_stay_on_this_machine(url: str, allowed: bool) -> None:
    assert webhook.is_allowed(url) is allowed


def test_slack_and_discord_get_the_key_they_know() -> None:
    text = Text("꺼지지 않습니다. " + "가" * 3000, "It does not stop.")
    alert = Alert("stop_failed", text, text, "ab", "pod0main", ManualClock().now())
    slack = webhook.body_for("https://hooks.slack.com/services/T/B/x", alert)
    discord = webhook.body_for("https://discord.com/api/webhooks/1/x", alert)
    other = webhook.body_for("https://example.org/hook", alert)
    assert set(slack) == {"text"}
    assert len(discord["content"]) <= 2000 and "text" not in discord
    assert other["event"] == "stop_failed" and {"text", "content", "incident"} <= set(other)
    json.dumps([slack, discord, other])
