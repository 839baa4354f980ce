"""Handlers of the page, called by their number as anybody signed in can."""

from typing import Any

import httpx

# The last: the answer went to the page whose session was taken.
_ENDS = ('"process_completed"', '"close_stream"', "unexpected_error", '"heartbeat"')


def call(client: httpx.Client, fn_index: int, data: list[Any], session: str) -> str:
    """Everything that comes back from a handler called through the queue."""
    body = {"data": data, "fn_index": fn_index, "session_hash": session, "event_data": None, "trigger_id": None}
    joined = client.post("/gradio_api/queue/join", json=body)
    told = joined.text
    if joined.status_code == 200:
        with client.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
            for line in stream.iter_lines():
                told += line
                if any(end in line for end in _ENDS):
                    break
    return told
