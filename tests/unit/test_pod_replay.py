"""Replays and what is learnt from history."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from backend.pod.idle_rule import HORIZON_S, LEAST_S
from backend.pod.learning import pauses_of, propose
from backend.pod.policy import Config, Sample, Signal, Verdict
from backend.pod.replay import Work, checks_with_work, fixed_timeout_cost, replay, would_have_stopped
from bench.idle_policy import main, measured

RESTART_S = 900.0
START = datetime(2026, 3, 2, tzinfo=UTC)


def clockwork(days: int, seed: int) -> list[float]:
    """Work that a clock starts: bursts on round ten minutes by day, seldom two in a row at night."""
    dice = random.Random(seed)
    arrivals = []
    for slot in range(days * 144):
        by_day = 9 <= slot * 10 / 60 % 24 < 18
        if dice.random() < (0.8 if by_day else 0.1):
            length = dice.choice((20, 60, 150))
            arrivals += [slot * 600 + dice.uniform(0, 20) + second for second in range(0, length, 4)]
    return sorted(arrivals)


def test_requests_that_overlap_are_one_piece_of_work() -> None:
    work = Work.of_requests([0, 3, 8, 20, 100], 5)
    assert (work.begins, work.ends) == ((0, 20, 100), (13, 25, 105))
    assert work.pauses() == [7, 75]
    assert work.between(13, 20)
    assert not work.between(25, 99)
    assert work.between(24, 26)
    assert checks_with_work(work, 60) == [60, 120]
    assert checks_with_work(Work.of_requests([0, 130], 5), 60) == [60, 180]


def test_a_replay_pays_for_idle_time_and_restarts_and_never_stops_during_work() -> None:
    work = Work.of_requests([0, 1000, 10_000, 10_400], 5)
    bill = replay(work, Config(), RESTART_S)
    # It stops after the minimum runtime, at 600 and at 1,600 seconds; after 10,000 it has run too short a time.
    assert bill.restarts == 2
    assert bill.stopped_while_busy == 0
    assert bill.off_s == pytest.approx(1000 - 600 + 10_000 - 1600)
    assert bill.idle_s == pytest.approx(sum(work.pauses()) - bill.off_s)
    assert bill.optimum_idle_s == pytest.approx(900 + 900 + 395)
    assert bill.cost_s == pytest.approx(20 + bill.idle_s + 2 * RESTART_S)


def test_the_fixed_timeout_pays_the_pause_or_the_timeout_and_a_restart() -> None:
    assert fixed_timeout_cost([100, 300, 301], 300, RESTART_S) == 100 + 300 + 1200


def test_pauses_know_how_long_the_work_before_lasted() -> None:
    found = pauses_of([60, 120, 180, 300, 1200, 1260], 60)
    assert [(pause.ended_s, pause.returned_s, pause.work_s) for pause in found] == [(180, 300, 120), (300, 1200, 0)]
    assert [pause.idle_checks(60) for pause in found] == [1, 14]
    assert pauses_of([], 60) == []


def test_what_is_learnt_follows_the_clock_and_beats_every_fixed_timeout() -> None:
    histories = [Work.of_requests(clockwork(4, seed), 5) for seed in (1, 2)]
    proposal = propose([checks_with_work(work, 60) for work in histories], RESTART_S)
    assert proposal.rule is not None
    assert proposal.cycle_minutes in {5, 10}
    assert proposal.by_hour
    assert proposal.cost_s < proposal.cost_fixed_s
    assert all(LEAST_S / 60 <= minutes <= HORIZON_S / 60 for minutes in proposal.timeouts_min if minutes is not None)
    later = Work.of_requests(clockwork(4, 3), 5)
    learnt = replay(later, Config(rule=proposal.rule), RESTART_S)
    best_fixed = min(fixed_timeout_cost(later.pauses(), timeout, RESTART_S) for timeout in range(60, 3600, 60))
    assert learnt.idle_cost_s < best_fixed
    assert learnt.stopped_while_busy == 0


def test_a_short_history_teaches_nothing() -> None:
    assert propose([[60, 120, 600]], RESTART_S).rule is None
    assert propose([], RESTART_S).pauses == 0


def recorded(verdicts: Sequence[Verdict]) -> list[Sample]:
    samples = []
    for minute, verdict in enumerate(verdicts, 1):
        at = START + timedelta(minutes=minute)
        samples.append(Sample(at, minute * 60.0, (Signal("gpu", verdict, "", at),), START))
    return samples


def test_other_settings_would_have_stopped_elsewhere() -> None:
    history = recorded([*[Verdict.IDLE] * 30, Verdict.BUSY, *[Verdict.IDLE] * 4])
    stops = would_have_stopped(history, Config())
    assert [(stop.at - START, stop.reason, stop.work_after_s) for stop in stops] == [
        (timedelta(minutes=10), "idle", 21 * 60)
    ]
    assert would_have_stopped(history, Config(min_runtime_s=1800))[0].at == START + timedelta(minutes=30)
    hasty = would_have_stopped(history, Config(min_runtime_s=0, idle_limit=2))
    assert [stop.work_after_s for stop in hasty] == [29 * 60, None]
    assert would_have_stopped([], Config()) == []


def test_the_benchmark_has_its_figures_from_the_same_code() -> None:
    figures = measured([clockwork(5, 4)], RESTART_S, 5.0)
    assert figures["stopped_while_busy"] == 0
    assert figures["stops"] > 0
    assert 1 <= figures["cost_over_optimum_proposed"] < figures["best_fixed_second_half"]
    assert orjson.loads(orjson.dumps(figures))["learnt"]["pauses"] > 0


def test_the_benchmark_prints_one_line_and_names_a_file_it_cannot_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = tmp_path / "traces.jsonl"
    monkeypatch.setattr("sys.argv", ["bench.idle_policy", "--traces", str(traces), "--restart-minutes", "5"])
    assert main() == 1
    assert str(traces) in capsys.readouterr().err
    traces.write_bytes(orjson.dumps({"client": "short", "arrivals_s": [0, 400, 4000, 9000, 9100]}) + b"\n")
    assert main() == 0
    printed = orjson.loads(capsys.readouterr().out)
    assert printed["stopped_while_busy"] == 0
    assert printed["learnt"]["pauses"] < 30
    assert printed["cost_over_optimum_proposed"] == printed["default_second_half"]
