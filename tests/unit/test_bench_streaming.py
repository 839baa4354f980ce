"""The parts of the streaming benchmark that figures depend on: percentiles, gaps, and reading of the stream."""

import pytest

from bench.figures import gaps_ms, percentile
from bench.sse import ChunkedBody, Event, EventReader, MalformedStreamError
from bench.streaming import gap_figures

STREAM = (
    b'event: start\ndata: {"conversation_id":"a"}\n\n'
    b": keep-alive\n\n"
    b'event: delta\ndata: {"text":"\xec\x98\xa8\xeb\x8f\x8c\\n\\n"}\n\n'
    b"data: [DONE]\n\n"
)
EVENTS = [
    Event("start", b'{"conversation_id":"a"}'),
    Event("delta", '{"text":"온돌\\n\\n"}'.encode()),
    Event("", b"[DONE]"),
]


def chunked(body: bytes, size: int) -> bytes:
    parts = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%X\r\n%b\r\n" % (len(part), part) for part in [*parts, b""])


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([7.0], 95, 7.0), ([1, 2, 3, 4], 50, 2.5), ([4, 1, 3, 2], 100, 4), ([4, 1, 3, 2], 0, 1), (range(101), 95, 95)],
)
def test_percentile(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == pytest.approx(expected)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_percentile_of_nothing_or_beyond_the_ends_is_refused(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_gaps_lie_between_arrivals() -> None:
    assert gaps_ms([1.0, 1.02, 1.1]) == pytest.approx([20, 80])
    assert gaps_ms([1.0]) == gaps_ms([]) == []


def test_gaps_are_taken_within_streams_and_without_the_first_wait() -> None:
    readings = [{"sent_s": 0.0, "text_s": [5.0, 5.01, 5.02]}, {"sent_s": 0.0, "text_s": [9.0, 9.03]}]

    figures = gap_figures(readings, "_direct")

    assert figures == {"gap_p50_ms_direct": 10.0, "gap_p95_ms_direct": 28.0, "gap_max_ms_direct": 30.0}


@pytest.mark.parametrize("step", [1, 2, 7, 10_000])
def test_events_are_read_however_the_bytes_are_cut(step: int) -> None:
    body, reader, found = ChunkedBody(), EventReader(), []
    wire = chunked(STREAM, 11)
    for start in range(0, len(wire), step):
        found += reader.feed(body.feed(wire[start : start + step]))

    assert found == EVENTS
    assert body.is_complete


def test_events_with_carriage_returns_and_several_data_lines() -> None:
    assert EventReader().feed(b"event:x\r\ndata:a\r\ndata: b\r\nid: 3\r\n\r\n") == [Event("x", b"a\nb")]


def test_unfinished_event_waits() -> None:
    reader = EventReader()

    assert reader.feed(b"data: a\n") == []
    assert reader.feed(b"\n") == [Event("", b"a")]


@pytest.mark.parametrize("wire", [b"zz\r\n", b"1\r\nabc\r\n"])
def test_what_is_not_chunked_is_refused(wire: bytes) -> None:
    with pytest.raises(MalformedStreamError):
        ChunkedBody().feed(wire)
