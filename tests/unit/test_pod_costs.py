"""Money: what is estimated, what is billed, and what other ways would cost."""

from datetime import UTC, datetime, timedelta

import pytest

from backend.pod.compare import Load, Prices, Way, compared
from backend.pod.costs import (
    Label,
    Run,
    Storage,
    estimated,
    month_ends,
    per_dollar,
    rate_of,
    reconciled,
    saved_usd,
    start_of_day,
    start_of_month,
)
from backend.pod.pods import BillingLine, Pod, PodStatus

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
VOLUME = Storage(volume_gb=73.0)  # a tenth of a cent an hour for each cent of the price: 730 hours a month


def hour(number: int) -> datetime:
    return NOON + timedelta(hours=number)


def line(number: int, gpu: float, disk: float = 0.01) -> BillingLine:
    return BillingLine("pod1", hour(number), hour(number + 1), gpu + disk, gpu, 0.0, disk)


def test_an_estimate_is_time_times_rate_and_the_volume() -> None:
    runs = [Run(hour(-2), hour(1), 2.0), Run(hour(3), None, 4.0)]
    spent = estimated(runs, VOLUME, hour(0), hour(5))
    assert spent.gpu_usd == pytest.approx(1 * 2.0 + 2 * 4.0)
    assert spent.storage_usd == pytest.approx(3 * 0.01 + 2 * 0.02)
    assert spent.label is Label.ESTIMATED


def test_storage_counts_from_when_the_pod_was_first_seen() -> None:
    spent = estimated([], VOLUME, hour(0), hour(10), known_since=hour(9))
    assert spent.total_usd == pytest.approx(0.02)
    assert Storage(volume_gb=73.0, network_volume_gb=730.0).usd_a_day_stopped == pytest.approx(24 * (0.02 + 0.07))


def test_a_bill_takes_the_place_of_the_estimate_as_far_as_it_goes() -> None:
    runs = [Run(hour(0), None, 2.0)]
    assert reconciled(runs, VOLUME, [], hour(0), hour(4)).label is Label.ESTIMATED
    partly = reconciled(runs, VOLUME, [line(0, 1.5), line(1, 1.5)], hour(0), hour(4))
    assert partly.label is Label.PARTLY
    assert partly.gpu_usd == pytest.approx(2 * 1.5 + 2 * 2.0)
    assert partly.storage_usd == pytest.approx(4 * 0.01)
    billed = reconciled(runs, VOLUME, [line(-1, 1.0), line(0, 1.5)], hour(-1) + timedelta(minutes=30), hour(1))
    assert billed.label is Label.BILLED
    assert billed.gpu_usd == pytest.approx(0.5 + 1.5)


def test_a_network_volume_is_in_no_bill_of_a_pod() -> None:
    runs, storage = [Run(hour(0), None, 2.0)], Storage(network_volume_gb=730.0)  # 7 cents an hour
    found = reconciled(runs, storage, [line(0, 1.5), line(1, 1.5)], hour(-9), hour(2), known_since=hour(0))
    assert (found.label, found.gpu_usd) == (Label.PARTLY, pytest.approx(3.0))
    assert found.storage_usd == pytest.approx(2 * 0.01 + 2 * 0.07)
    unknown = Storage(network_volume_gb=None)
    assert unknown.usd_a_day_stopped is None
    assert reconciled(runs, unknown, [line(0, 1.5)], hour(0), hour(1)).label is Label.PARTLY


def test_stopping_saves_the_hours_it_was_off_less_the_dearer_volume() -> None:
    runs = [Run(hour(0), hour(2), 2.0)]
    saved = saved_usd(runs, VOLUME, hour(-100), hour(10), rate_usd=2.0, known_since=hour(0))
    assert saved == pytest.approx(8 * 2.0 - 8 * 0.01)


def test_a_stopped_pod_is_told_to_cost_nothing_so_the_last_rate_is_kept() -> None:
    stopped = Pod(id="p", name="p", status=PodStatus.EXITED, cost_per_hour=0.0)
    assert rate_of(stopped, 1.9) == 1.9
    assert rate_of(Pod(id="p", name="p", status=PodStatus.RUNNING, cost_per_hour=2.5), 1.9) == 2.5


def test_a_day_and_a_month_begin_at_midnight_of_the_zone() -> None:
    moment = datetime(2026, 2, 28, 16, 0, tzinfo=UTC)  # 1 March in Seoul
    assert start_of_day(moment, "Asia/Seoul") == datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    assert start_of_month(moment, "Asia/Seoul") == datetime(2026, 2, 28, 15, 0, tzinfo=UTC)
    assert start_of_month(moment, "UTC") == datetime(2026, 2, 1, tzinfo=UTC)
    assert month_ends(moment, "Asia/Seoul") == datetime(2026, 3, 31, 15, 0, tzinfo=UTC)


def test_tokens_for_a_dollar() -> None:
    assert per_dollar(3000, 1.5) == 2000
    assert per_dollar(3000, 0) is None


def test_the_ways_are_compared_by_the_measured_load() -> None:
    load = Load(days=73 / 24, running_hours=7.3, busy_hours=1.0, prompt_tokens=1_000_000, generated_tokens=100_000,
                storage_usd=0.5)  # fmt: skip
    found = {cost.way: cost for cost in compared(load, Prices(pod_usd_per_hour=2.0, spot_usd_per_hour=1.0))}
    assert found[Way.POD].usd == pytest.approx(10 * 0.5 + 73 * 2.0)
    assert found[Way.POD_ALWAYS_ON].usd == pytest.approx(5.0 + 730 * 2.0)
    assert found[Way.SPOT].usd == pytest.approx(5.0 + 73.0)
    assert found[Way.HOSTED_API].usd == pytest.approx(10 * (0.10 + 0.03))
    electricity = (10 * 0.45 + 720 * 0.07) * 0.15
    assert found[Way.WORKSTATION].usd == pytest.approx(3000 / 36 + electricity)
    assert next(iter(found)) is Way.HOSTED_API  # the cheapest of them first


def test_a_way_without_a_price_is_left_out() -> None:
    load = Load(days=1, running_hours=0, busy_hours=0, prompt_tokens=0, generated_tokens=0, storage_usd=0)
    assert {cost.way for cost in compared(load, Prices(None))} == {Way.WORKSTATION, Way.HOSTED_API}
    with pytest.raises(ValueError, match="days"):
        Load(days=0, running_hours=0, busy_hours=0, prompt_tokens=0, generated_tokens=0, storage_usd=0)
