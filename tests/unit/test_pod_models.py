"""RunPod's answers as our types: whatever comes, nothing breaks and nothing secret stays."""

import ast
import re
from collections.abc import AsyncIterator
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend import errors
from backend.errors import Language, NoGpuFree, PodLocked, RunpodBalanceEmpty
from backend.pod import runpod_answers as answers
from backend.pod.pods import Availability, Pod, PodAction, PodProvider, PodStatus, is_pod_id
from backend.pod.runpod_logs import log_lines
from backend.settings import REPOSITORY

_SECRET = "canary-77"
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(
    [
        *("id", "name", "status", "actions", "locked", "cost", "startedAt", "runtime", "mounts", "gpu", "disk", "util"),
        *("desiredStatus", "podType", "costPerHr", "lastStartedAt", "gpuCount", "volumeInGb", "price", "secure"),
        *("community", "availability", "dataCenters", "memory", "lowestPrice", "startTime", "endTime", "podId"),
        *("totalAmount", "gpuAmount", "uptime", "gpus", "persistent", "network", "machine"),
    ]
)
_OBJECTS = st.dictionaries(_NAMES, _JSON | st.dictionaries(_NAMES, _JSON, max_size=4), max_size=12)
_READERS = (
    answers.pod_of_rest,
    answers.pod_of_graphql,
    answers.billing_line_of,
    answers.gpu_type_of_rest,
    answers.gpu_type_of_graphql,
)


@given(_JSON | _OBJECTS, st.booleans())
def test_no_answer_breaks_reading(raw: Any, has_id: bool) -> None:
    if has_id and isinstance(raw, dict):
        raw = {**raw, "id": "pod1", "podId": "pod1"}
    for reader in _READERS:
        found = reader(raw)
        assert found is None or _SECRET not in repr(found)
        if isinstance(found, Pod):
            assert found.cost_per_hour is None or found.cost_per_hour >= 0
            assert found.started_at is None or found.started_at.tzinfo is UTC


def test_what_is_new_or_missing_counts_as_not_told() -> None:
    pod = answers.pod_of_rest(
        {"id": "p1", "status": "HIBERNATING", "actions": ["stop", "hibernate", "terminate"], "cost": "0.4", "new": {}}
    )
    assert pod == Pod("p1", "", PodStatus.UNKNOWN, actions=frozenset({PodAction.STOP}))
    assert answers.pod_of_rest({"id": "../x"}) is None
    assert answers.pod_of_graphql({"id": "p1", "desiredStatus": "PAUSED"}) == Pod("p1", "", PodStatus.UNKNOWN)


async def test_a_log_is_read_however_it_is_cut() -> None:
    event = b'id: 1\ndata: {"ts":"T","source":"container","line":"%s"}\n\n'
    stream = event % "가나".encode() + b": comment\ndata: {broken\ndata: 5\n" + event % (b"x" * 70_000) + event % b"end"

    async def chunks() -> AsyncIterator[bytes]:
        for begin in range(0, len(stream), 999):
            yield stream[begin : begin + 999]

    assert [line async for line in log_lines(chunks(), 5.0)] == ["T 가나", "T end"]


def test_secrets_are_left_behind() -> None:
    raw = {"id": "p1", "name": "n", "status": "RUNNING", "env": {"K": _SECRET}, "args": _SECRET, "dockerArgs": _SECRET}
    for reader in (answers.pod_of_rest, answers.pod_of_graphql):
        assert _SECRET not in repr(reader(raw))
    assert not {"env", "args"} & {field.name for field in fields(Pod)}


def test_a_pod_that_shall_have_exited_but_still_runs_is_running() -> None:
    raw: dict[str, Any] = {"id": "p1", "desiredStatus": "EXITED", "costPerHr": 0.5, "runtime": {"uptimeInSeconds": 9}}
    going = answers.pod_of_graphql(raw)
    gone = answers.pod_of_graphql({**raw, "runtime": None})
    assert going is not None and gone is not None
    assert (going.status, going.cost_per_hour) == (PodStatus.RUNNING, 0.5)
    assert (gone.status, gone.cost_per_hour, gone.actions) == (PodStatus.EXITED, 0.0, {PodAction.START})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-06-01T12:00:00Z", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("2026-06-01T21:00:00+09:00", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("2026-06-01T12:00:00", datetime(2026, 6, 1, 12, tzinfo=UTC)),
        ("yesterday", None),
        ("0001-01-01T00:00:00+23:00", None),
    ],
)
def test_times(text: str, expected: datetime | None) -> None:
    pod = answers.pod_of_rest({"id": "p1", "startedAt": text})
    assert pod is not None
    assert pod.started_at == expected


def test_a_gpu_type_that_is_not_offered_has_no_price() -> None:
    raw = {"id": "g", "secure": False, "community": True, "price": {"secure": 0.5, "community": 0.0}, "memory": 24}
    found = answers.gpu_type_of_rest(raw)
    assert found is not None
    assert (found.secure_price, found.community_price, found.availability) == (None, None, Availability.UNKNOWN)
    priced = answers.gpu_type_of_rest({**raw, "id": "h", "secure": True})
    assert priced is not None
    assert [each.id for each in answers.cheapest_first([found, priced])] == ["h", "g"]


@pytest.mark.parametrize(
    ("sentence", "action", "error"),
    [
        ("There are not enough free GPUs on the host machine to start this pod.", PodAction.START, NoGpuFree),
        ("There are no longer any instances available with the requested specifications.", PodAction.START, NoGpuFree),
        ("This machine does not have the resources to deploy this pod", PodAction.START, NoGpuFree),
        ("Insufficient balance", PodAction.START, RunpodBalanceEmpty),
        ("the pod is locked", PodAction.STOP, PodLocked),
        ("Pod locked", PodAction.RESTART, PodLocked),
        ("upstream is blocked", PodAction.STOP, type(None)),
        ("no GPU", PodAction.STOP, type(None)),
        (None, PodAction.START, type(None)),
    ],
)
def test_sentences_of_runpod(sentence: str | None, action: PodAction, error: type[object]) -> None:
    assert type(answers.refusal_told(sentence, "p1", action)) is error


@pytest.mark.parametrize(("text", "is_id"), [("7h9k2m4n6p", True), ("pod_abc-1", True), ("", False), ("a/b", False)])
def test_ids(text: str, is_id: bool) -> None:
    assert is_pod_id(text) is is_id


def test_every_error_is_told_in_both_languages() -> None:
    for name in re.findall(r"^class (\w+)", (REPOSITORY / "backend/errors/pod.py").read_text(), re.M):
        kind = getattr(errors, name)
        details = dict.fromkeys(re.findall(r"\{(\w+)", kind.what.en + kind.next_step.en), 1)
        error = kind(**{"retry_after_s": 1, **details})
        korean, english = error.message(Language.KO), error.message(Language.EN)
        assert re.search("[가-힣]", korean) and not re.search("[가-힣]", english)
        assert "{" not in korean + english


def test_nothing_can_delete_a_pod() -> None:
    """The interface has no such call, and no word of the code could be one; only the command line's own part has it,
    which nothing else may use."""
    assert set(PodAction) == {"start", "stop", "restart"}
    assert not [name for name in dir(PodProvider) if re.search("terminat|delet|remove", name)]
    for file in sorted(set((REPOSITORY / "backend/pod").glob("*.py")) - {REPOSITORY / "backend/pod/__main__.py"}):
        tree = ast.parse(file.read_text())
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
                assert not re.search("terminate\\b|podTerminate|\\bDELETE\\b", node.value), f"{file.name}:{node.lineno}"
            if isinstance(node, ast.Attribute):
                assert node.attr not in ("terminate_pod", "delete_pod"), f"{file.name}:{node.lineno}"


def test_only_the_command_line_creates_and_deletes() -> None:
    users = {
        str(file.relative_to(REPOSITORY))
        for folder in ("backend", "ui", "scripts")
        for file in (REPOSITORY / folder).rglob("*.py")
        if "backend.pod.launch" in file.read_text()
    }
    assert {name for name in users if not name.startswith("backend/pod/launch/")} == {"backend/pod/__main__.py"}
