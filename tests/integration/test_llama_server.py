"""The real llama.cpp server, as it is started in production, with the small model."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from backend.settings import REPOSITORY
from tests.fixtures.engine import Engine

QUESTION = [{"role": "user", "content": "What is the capital of France?"}]


def ask(engine: Engine, **body: object) -> httpx.Response:
    request = {"messages": QUESTION, "max_tokens": 24, "temperature": 0, **body}
    return httpx.post(f"{engine.base_url}/chat/completions", json=request, headers=engine.headers, timeout=60)


def test_answers_a_question(engine: Engine) -> None:
    answer = ask(engine, messages=[{"role": "user", "content": "Hi"}]).json()
    assert "Hello" in answer["choices"][0]["message"]["content"]
    assert answer["model"] == engine.model
    assert answer["usage"]["completion_tokens"] > 0


def test_streams_with_usage_and_timings_at_the_end(engine: Engine) -> None:
    lines = ask(engine, stream=True, stream_options={"include_usage": True}).text.splitlines()
    events = [line.removeprefix("data: ") for line in lines if line.startswith("data: ")]
    assert events[-1] == "[DONE]"
    last = json.loads(events[-2])
    assert last["choices"] == []
    assert last["usage"]["completion_tokens"] == last["timings"]["predicted_n"]


@pytest.mark.parametrize("path", ["/v1/models", "/props", "/metrics", "/slots", "/tokenize", "/v1/chat/completions"])
@pytest.mark.parametrize("key", [None, "Bearer wrong"])
def test_requires_the_key(engine: Engine, path: str, key: str | None) -> None:
    headers = {"Authorization": key} if key else {}
    assert httpx.post(f"{engine.root_url}{path}", json={}, headers=headers).status_code == 401
    assert httpx.get(f"{engine.root_url}{path}", headers=headers).status_code in (401, 404)


def test_tells_name_and_context_of_a_conversation(engine: Engine) -> None:
    (entry,) = httpx.get(f"{engine.base_url}/models", headers=engine.headers).json()["data"]
    props = httpx.get(f"{engine.root_url}/props", headers=engine.headers).json()
    assert entry["id"] == engine.model
    assert entry["meta"]["n_ctx"] == engine.context
    assert props["default_generation_settings"]["n_ctx"] == engine.context
    assert props["total_slots"] == engine.slots


def test_counts_tokens_as_the_model_will_see_them(engine: Engine) -> None:
    rendered = httpx.post(f"{engine.root_url}/apply-template", json={"messages": QUESTION}, headers=engine.headers)
    prompt = rendered.json()["prompt"]
    body = {"content": prompt, "add_special": True, "parse_special": True}
    tokens = httpx.post(f"{engine.root_url}/tokenize", json=body, headers=engine.headers).json()["tokens"]
    assert ask(engine).json()["usage"]["prompt_tokens"] == len(tokens)


def test_says_when_a_prompt_is_longer_than_the_context(engine: Engine) -> None:
    answer = ask(engine, messages=[{"role": "user", "content": "word " * 3000}])
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert error["type"] == "exceed_context_size_error"
    assert error["n_ctx"] == engine.context < error["n_prompt_tokens"]


def test_page_slots_and_foreign_origins_are_closed(engine: Engine) -> None:
    assert httpx.get(f"{engine.root_url}/", headers=engine.headers).status_code == 404
    assert httpx.get(f"{engine.root_url}/slots", headers=engine.headers).status_code == 501
    health = httpx.get(f"{engine.root_url}/health", headers={"Origin": "http://elsewhere.example"})
    assert health.headers["Access-Control-Allow-Origin"] == "http://localhost"


def test_says_that_it_is_loading(own_engine: Engine) -> None:
    """From the first answer until the model is there, `/health` is 503 and questions are refused in the same way."""
    own_engine.launch()
    seen: list[tuple[int, str]] = []
    end = time.monotonic() + 60
    while time.monotonic() < end and (not seen or seen[-1][0] != 200):
        try:
            answer = httpx.get(f"{own_engine.root_url}/health", timeout=5)
        except httpx.TransportError:
            continue
        seen.append((answer.status_code, answer.text))
    assert seen[0][0] == 503
    assert json.loads(seen[0][1])["error"]["message"] == "Loading model"
    assert seen[-1] == (200, '{"status":"ok"}')
    assert own_engine.stop() == -signal.SIGTERM


def test_comes_back_on_the_same_port_after_a_kill(engine: Engine) -> None:
    before = engine.pid
    engine.kill()
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{engine.root_url}/health")
    engine.start()
    assert engine.pid != before
    assert ask(engine).status_code == 200


def test_logs_its_plan_and_never_the_question_or_the_key(engine: Engine) -> None:
    ask(engine)
    plans = [json.loads(line) for line in engine.log.splitlines() if "model_server_plan" in line]
    assert {plan["context"] for plan in plans} == {engine.context}
    assert {plan["wait_policy"] for plan in plans} == {"passive"}
    assert engine.api_key not in engine.log
    assert "capital of France" not in engine.log


def run_server(**environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "backend.llm.llama_server"],
        cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_taken_port_is_named(engine: Engine, tmp_path: Path, small_gguf: Path) -> None:
    result = run_server(DATA_DIR=str(tmp_path), LLM_GGUF=str(small_gguf), VLLM_PORT=str(engine.port))
    assert result.returncode == 1
    assert f"127.0.0.1:{engine.port} cannot be opened" in result.stderr
    assert "VLLM_PORT" in result.stderr


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    result = run_server(DATA_DIR=str(tmp_path), LLM_MODEL_NAME="smollm2-135m-instruct")
    assert result.returncode == 1
    assert "python -m backend.models fetch smollm2-135m-instruct" in result.stderr
    assert "Traceback" not in result.stderr


def test_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    """The child reports through a pipe when it is tied; the pipe closes when it has ended."""
    child = (
        "import os, signal, sys, threading\n"
        "from backend.processes import die_with_parent\n"
        "die_with_parent(signal.SIGTERM)\n"
        "print(os.getpid(), flush=True)\n"
        "threading.Event().wait()\n"
    )
    parent = (
        "import subprocess, sys, threading\n"
        f"subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "threading.Event().wait()\n"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        tied = psutil.Process(int(process.stdout.readline()))
        process.kill()
        process.wait()
        assert process.stdout.read() == ""
        tied.wait(timeout=10)
