"""The idle policy: what it promises, over made-up histories."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.pod.idle_rule import AGE_EDGES_S, WORK_EDGES_S, IdleRule
from backend.pod.needs import SIGNAL_NAMES
from backend.pod.policy import (
    MAX_KEEP_AWAKE_S,
    Config,
    Decision,
    Sample,
    Signal,
    State,
    Verdict,
    decide,
    disarm,
    end_keep_awake,
    keep_awake,
)
from backend.pod.quiet import QuietWindow, quiet_until

START = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)  # a Monday, noon in Seoul
CONFIG = Config()
QUIET = QuietWindow(time(12, 0), time(13, 0), (0,), "Asia/Seoul")
RULE = IdleRule(
    restart_s=600, interval_s=60, cycle_minutes=10, base=-3,
    age=tuple(0.5 - 0.1 * place for place in range(len(AGE_EDGES_S) + 1)),
    phase=(0.0,) * 9 + (3.0,), end_phase=(0.0,) * 10,
    work=(0.0,) * (len(WORK_EDGES_S) + 1), hour=(0.0,) * 24,
)  # fmt: skip
VERDICTS = st.sampled_from(Verdict)
# One check: seconds since the one before, how far the wall clock jumped meanwhile, and the signals.
CHECKS = st.tuples(
    st.sampled_from((60.0, 60.0, 60.0, 60.0, 59.0, 61.5, 3.0, 200.0, 4000.0)),
    st.sampled_from((0.0, 0.0, 0.0, 0.0, 0.0, 0.0, -7200.0, 600.0)),
    st.one_of(
        st.just((Verdict.IDLE,) * 3),
        st.lists(VERDICTS, max_size=3).map(tuple),
        st.just((Verdict.IDLE, Verdict.IDLE, Verdict.BUSY)),
    ),
)
NAMES = ("gpu", "engine", "ssh")


def sample(
    at: datetime, *verdicts: Verdict, ready: datetime | None = START, monotonic_s: float | None = None
) -> Sample:
    """A check at this moment. Without `monotonic_s` no clock has jumped."""
    found = tuple(Signal(name, verdict, "1", at) for name, verdict in zip(NAMES, verdicts, strict=False))
    passed = (at - START).total_seconds() if monotonic_s is None else monotonic_s
    return Sample(at, passed, found, ready, started_at=ready)


def run(checks: Iterable[Sample], config: Config = CONFIG, state: State | None = None) -> list[Decision]:
    """Every decision in turn, the state going through JSON each time, as it does when a process is started again."""
    decisions, state = [], state or State()
    for check in checks:
        decision = decide(check, state, config)
        state = State.from_json(decision.state.to_json())
        assert state == decision.state
        decisions.append(decision)
    return decisions


def idle(minutes: Iterable[int]) -> list[Sample]:
    return [sample(START + timedelta(minutes=minute), Verdict.IDLE, Verdict.IDLE) for minute in minutes]


def codes(decision: Decision) -> list[str]:
    return [need.code for need in decision.needs]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(CHECKS, max_size=40),
    st.sampled_from((CONFIG, Config(rule=RULE), Config(quiet=(QUIET,)), Config(idle_limit=1, min_runtime_s=0))),
    st.one_of(st.none(), st.integers(0, 3600)),
)
def test_it_never_wants_a_stop_while_anything_speaks_against_it(
    checks: list[tuple[float, float, tuple[Verdict, ...]]], config: Config, awake_s: int | None
) -> None:
    at, monotonic, state = START, 0.0, State()
    if awake_s is not None:
        state = keep_awake(state, START + timedelta(seconds=awake_s), START)
    row = 0
    for elapsed, jump, verdicts in checks:
        monotonic += elapsed
        at += timedelta(seconds=elapsed + jump)
        decision = decide(sample(at, *verdicts, monotonic_s=monotonic), state, config)
        assert decision == decide(sample(at, *verdicts, monotonic_s=monotonic), state, config)
        state = State.from_json(decision.state.to_json())
        row = row + 1 if verdicts and set(verdicts) == {Verdict.IDLE} else 0
        if decision.wants_stop:
            assert not decision.needs
            assert row >= 1
            assert at - START >= timedelta(seconds=config.min_runtime_s)
            assert awake_s is None or at >= START + timedelta(seconds=awake_s)
            assert quiet_until(config.quiet, at) is None
            assert state.idle_checks >= decision.checks_needed
        else:
            assert decision.needs
            assert decision.reason == decision.needs[0]
            assert all(need.text.ko and need.text.en for need in decision.needs)
        if Verdict.BUSY in verdicts:
            assert "busy" in codes(decision)
        elif Verdict.UNKNOWN in verdicts:
            assert "unknown" in codes(decision)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(CHECKS, max_size=15),
    st.sampled_from((CONFIG, Config(idle_limit=2), Config(rule=RULE), Config(min_runtime_s=0))),
)
def test_a_truly_idle_pod_is_stopped_within_the_limit_whatever_was_before(
    checks: list[tuple[float, float, tuple[Verdict, ...]]], config: Config
) -> None:
    at, monotonic, state = START, 0.0, State()
    for elapsed, jump, verdicts in checks:
        monotonic += elapsed
        at += timedelta(seconds=elapsed + jump)
        state = decide(sample(at, *verdicts, monotonic_s=monotonic), state, config).state
    ready = at  # so that the minimum runtime has its say too
    limit = None
    for number in range(1, 200):
        monotonic += 60
        at += timedelta(seconds=60)
        decision = decide(sample(at, Verdict.IDLE, ready=ready, monotonic_s=monotonic), state, config)
        state = decision.state
        # The first check may be lost to what was disturbed before.
        limit = max(decision.checks_needed + 1, config.min_runtime_s / 60)
        if decision.wants_stop:
            break
        assert number <= limit, codes(decision)
    assert decision.wants_stop


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 30), st.sampled_from(("threshold_percent", "idle_limit", "min_runtime_s", "warn_s")))
def test_a_changed_setting_disarms(row: int, setting: str) -> None:
    checks = idle(range(1, row + 2))
    state = run(checks[:-1], Config(min_runtime_s=0))[-1].state if row else State()
    changed = replace(Config(min_runtime_s=0), **{setting: getattr(CONFIG, setting) + 1})
    decision = decide(checks[-1], state, changed)
    assert not decision.wants_stop
    assert decision.state.idle_checks == (0 if row else 1)
    assert ("settings_changed" in codes(decision)) == bool(row)


def test_the_default_is_five_idle_checks_after_ten_minutes() -> None:
    decisions = run(idle(range(1, 12)))
    assert [decision.wants_stop for decision in decisions] == [False] * 9 + [True, True]
    assert codes(decisions[0]) == ["min_runtime", "idle_checks"]
    assert decisions[0].stops_at == START + timedelta(minutes=10)
    assert decisions[9].reason.code == "idle"
    assert "10" in decisions[9].reason.text.en


def test_work_begins_the_row_again_and_says_what_it_was() -> None:
    checks = [*idle(range(1, 20)), sample(START + timedelta(minutes=20), Verdict.IDLE, Verdict.BUSY)]
    checks += idle(range(21, 27))
    decisions = run(checks)
    assert decisions[18].wants_stop
    assert decisions[19].reason.code == "busy"
    assert decisions[19].reason.signal == "engine"
    assert SIGNAL_NAMES["engine"].ko in decisions[19].reason.text.ko
    assert decisions[19].stops_at is None
    assert [decision.wants_stop for decision in decisions[20:]] == [False] * 4 + [True, True]
    assert decisions[20].state.last_activity == "engine"


def test_the_unknown_pauses_the_row_and_ends_it_when_it_lasts() -> None:
    unknown = [sample(START + timedelta(minutes=minute), Verdict.UNKNOWN, Verdict.IDLE) for minute in range(13, 19)]
    decisions = run([*idle(range(9, 13)), unknown[0]])
    assert decisions[-1].state.idle_checks == 4
    assert not decisions[-1].wants_stop
    assert run([*idle(range(9, 13)), unknown[0], *idle((14,))])[-1].wants_stop
    assert run([*idle(range(9, 13)), *unknown])[-1].state.idle_checks == 0


def test_a_word_that_is_too_old_is_unknown() -> None:
    at = START + timedelta(minutes=20)
    old = Signal("gpu", Verdict.IDLE, "0 %", at - timedelta(minutes=3))
    decision = decide(Sample(at, 1200, (old,), START), State(), CONFIG)
    assert codes(decision)[0] == "unknown"


def test_no_signal_at_all_is_no_idleness() -> None:
    checks = [sample(START + timedelta(minutes=minute)) for minute in range(1, 30)]
    assert all("no_signals" in codes(decision) for decision in run(checks))


def test_missed_checks_and_a_jump_of_the_clock_begin_the_row_again() -> None:
    rows = idle(range(1, 9))
    slept = run([*rows, *idle((20,))])[-1]
    assert slept.state.idle_checks == 0
    assert slept.reason.code == "resumed"
    jumped = run([*rows, replace(sample(START + timedelta(minutes=10), Verdict.IDLE), monotonic_s=9 * 60)])[-1]
    assert jumped.state.idle_checks == 0
    assert jumped.reason.code == "clock_jump"


def test_looking_more_often_does_not_stop_sooner() -> None:
    checks = [sample(START + timedelta(seconds=600 + 5 * look), Verdict.IDLE) for look in range(40)]
    decisions = run(checks)
    assert not any(decision.wants_stop for decision in decisions)
    assert decisions[-1].state.idle_checks == 4


def test_keep_awake_holds_and_is_bounded() -> None:
    state = keep_awake(State(), START + timedelta(minutes=30), START)
    decisions = run(idle(range(1, 40)), state=state)
    assert [decision.wants_stop for decision in decisions].index(True) == 29  # the check at 30 minutes
    assert decisions[10].stops_at == START + timedelta(minutes=30)
    bounded = keep_awake(State(), START + timedelta(days=400), START)
    assert bounded.keep_awake_until == START + timedelta(seconds=MAX_KEEP_AWAKE_S)
    assert end_keep_awake(bounded).keep_awake_until is None
    assert disarm(replace(bounded, idle_checks=3)) == bounded


def test_a_quiet_window_holds_until_it_ends() -> None:
    decisions = run(idle(range(1, 70)), Config(quiet=(QUIET,)))
    assert [decision.wants_stop for decision in decisions].index(True) == 59
    assert decisions[20].stops_at == START + timedelta(hours=1)
    assert "quiet_window" in codes(decisions[20])


def test_a_maximum_lifetime_ends_a_pod_that_spins() -> None:
    config = Config(max_lifetime_s=3600, quiet=(QUIET,))
    busy = [sample(START + timedelta(minutes=minute), Verdict.BUSY, Verdict.UNKNOWN) for minute in range(1, 62)]
    decisions = run(busy, config)
    assert [decision.wants_stop for decision in decisions].index(True) == 59
    assert decisions[59].reason.code == "max_lifetime"
    awake = keep_awake(State(), START + timedelta(minutes=90), START)
    assert not run(busy, config, awake)[-1].wants_stop
    never_ready = [replace(check, ready_since=None) for check in busy]
    assert [decision.wants_stop for decision in run(never_ready, config)].index(True) == 59


def test_a_ceiling_of_money_ends_it_but_not_before_the_minimum_runtime() -> None:
    config = Config(money_ceiling_usd=50)
    checks = [
        replace(sample(START + timedelta(minutes=minute), Verdict.BUSY), spent_usd=49.5 + minute / 10)
        for minute in range(1, 15)
    ]
    decisions = run(checks, config)
    assert [decision.wants_stop for decision in decisions].index(True) == 9
    assert decisions[6].reason.code == "min_runtime"
    assert decisions[9].reason.code == "money_ceiling"


def test_a_pod_that_is_not_ready_is_not_idle() -> None:
    checks = [replace(check, ready_since=None) for check in idle(range(1, 30))]
    decisions = run(checks)
    assert all(codes(decision)[0] == "not_ready" for decision in decisions)
    assert decisions[-1].state.idle_checks == 0
    assert decisions[-1].stops_at is None


def test_the_configuration_goes_through_json() -> None:
    config = Config(rule=RULE, quiet=(QUIET,), max_lifetime_s=3600.0, money_ceiling_usd=20.0)
    assert Config.from_json(config.to_json()) == config
    with pytest.raises(ValueError, match="idle_limit"):
        Config.from_json({"idle_limit": 0})
    with pytest.raises(ValueError, match="interval"):
        Config(rule=RULE, check_interval_s=30)


@pytest.mark.parametrize(
    ("window", "moment", "end"),
    [
        (QUIET, "2026-03-02T03:30+00:00", "2026-03-02T04:00+00:00"),
        (QUIET, "2026-03-02T04:00+00:00", None),
        (QUIET, "2026-03-03T03:30+00:00", None),
        # Over midnight, and begun on a Friday.
        (QuietWindow(time(22), time(6), (4,), "Asia/Seoul"), "2026-03-06T20:00+00:00", "2026-03-06T21:00+00:00"),
        (QuietWindow(time(22), time(6), (5,), "Asia/Seoul"), "2026-03-06T20:00+00:00", None),
        # The day on which New York's clocks go forward is an hour shorter.
        (QuietWindow(time(0), time(0), (6,), "America/New_York"), "2026-03-08T05:00+00:00", "2026-03-09T04:00+00:00"),
    ],
)
def test_quiet_windows_follow_the_clock_of_their_zone(window: QuietWindow, moment: str, end: str | None) -> None:
    found = quiet_until((window,), datetime.fromisoformat(moment))
    assert found == (datetime.fromisoformat(end) if end else None)


def test_a_window_of_a_zone_or_day_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        QuietWindow(time(1), time(2), zone="Asia/Nowhere")
    with pytest.raises(ValueError, match="weekdays"):
        QuietWindow(time(1), time(2), weekdays=(7,))
