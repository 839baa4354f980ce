"""Settings: names that work, values that are refused together, secrets that stay secret."""

import os
import stat
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from backend.llm.providers import choose, providers_of
from backend.settings import REPOSITORY, ConfigurationError, ServiceType, Settings, load, variables


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        for name in variables(field):
            monkeypatch.delenv(name, raising=False)


def read(**overrides: Any) -> Settings:
    """As `load()`, without the `.env` of whoever runs the tests."""
    return load(**{"_env_file": None, **overrides})


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("VLLM_SERVER_URL", "http://pod:9000/v1", "llm_url", "http://pod:9000/v1"),
        ("VLLM_MODEL", "some/model", "llm_model", "some/model"),
        ("VLLM_GPU_MEMORY_UTILIZATION", "0.5", "vllm_gpu_memory_utilization", 0.5),
        ("VLLM_MAX_MODEL_LEN", "8192", "vllm_max_model_len", 8192),
        ("VLLM_TENSOR_PARALLEL_SIZE", "2", "vllm_tensor_parallel_size", 2),
        ("LLM_SERVICE_TYPE", "vllm", "service_type", ServiceType.VLLM),
        ("LLM_MODEL_NAME", "one", "llm_model", "one"),
        ("LLM_MODEL", "two", "llm_model", "two"),
        ("OLLAMA_HOST", "box:1", "ollama_host", "box:1"),
        ("OLLAMA_PORT", "1234", "ollama_port", 1234),
        ("VLLM_HOST", "pod", "llm_host", "pod"),
        ("VLLM_PORT", "18000", "llm_port", 18000),
        ("EMBEDDING_MODEL_NAME", "some/encoder", "embedding_model", "some/encoder"),
        ("REMOTE_EMBED_URL", "http://pod:8001", "remote_embed_url", "http://pod:8001"),
        ("RETRIEVAL_MODE", "dense", "retrieval_mode", "dense"),
        ("DATA_FILE_PATH", "/tmp/problems.json", "problems_path", Path("/tmp/problems.json")),
        ("GRADIO_PORT", "7000", "server_port", 7000),
        ("GRADIO_SERVER_NAME", "0.0.0.0", "server_name", "0.0.0.0"),
        ("GRADIO_SERVER_PORT", "7001", "server_port", 7001),
        ("RUNPOD_API_KEY", "rp-key", "runpod_api_key", SecretStr("rp-key")),
        ("RUNPOD_POD_ID", "abc123", "runpod_pod_id", "abc123"),
        ("IDLE_THRESHOLD", "7.5", "idle_threshold", 7.5),
        ("CHECK_INTERVAL", "30", "check_interval_s", 30),
        ("IDLE_LIMIT", "3", "idle_limit", 3),
        ("MIN_RUNTIME", "0", "min_runtime_s", 0),
        ("DATABASE_URL", "postgresql://u:p@h/d", "database_url", SecretStr("postgresql://u:p@h/d")),
        ("HF_TOKEN", "hf-key", "hf_token", SecretStr("hf-key")),
        ("HF_HOME", "/tmp/hf", "hf_home", Path("/tmp/hf")),
    ],
)
def test_the_names_people_use_work(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, field: str, expected: object
) -> None:
    assert getattr(read(), field) != expected
    monkeypatch.setenv(name, value)
    assert getattr(read(), field) == expected


def test_defaults_are_those_of_a_laptop() -> None:
    settings = read()
    assert (settings.server_name, settings.server_port) == ("127.0.0.1", 7860)
    assert settings.data_dir == REPOSITORY / "var"
    assert (settings.idle_threshold, settings.check_interval_s) == (5, 60)
    assert (settings.idle_limit, settings.min_runtime_s) == (5, 600)


def test_everything_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "GRADIO_PORT": "seven",
        "VLLM_PORT": "70000",
        "LLM_SERVICE_TYPE": "abacus",
        "VLLM_SERVER_URL": "pod:8000",
        "OLLAMA_HOST": "http://box/path",
        "DATABASE_URL": "mysql://root:hunter2@db/ondol",
        "LLM_PROVIDERS": '[{"name": "My Pod", "base_url": "ftp://pod", "api_key": "hunter2"}]',
        "TRUSTED_PROXIES": "10.0.0.1, my-proxy",
        "SESSION_DAYS": "0",
        "LOG_PROMPTS": "perhaps",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refusal:
        read()
    message = str(refusal.value)
    for name in wrong:
        assert name in message
    assert "LLM_PROVIDERS.0.base_url: must be an http:// or https:// address" in message
    assert "docs/configuration.md" in message
    assert "hunter2" not in message
    assert "abacus" not in message


@pytest.mark.parametrize("value", ["{sk-hidden", '{"name": "sk-hidden"}', '["sk-hidden"]', '"sk-hidden"', "7"])
def test_providers_that_are_no_list_of_objects_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LLM_PROVIDERS", value)
    with pytest.raises(ConfigurationError, match="LLM_PROVIDERS") as refusal:
        read()
    assert "sk-hidden" not in str(refusal.value)


@pytest.mark.parametrize("names", [("main",), ("pod", "pod")])
def test_names_of_providers_are_distinct_and_leave_main_alone(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    entries = ", ".join(f'{{"name": "{name}", "base_url": "http://pod:1"}}' for name in names)
    monkeypatch.setenv("LLM_PROVIDERS", f"[{entries}]")
    with pytest.raises(ConfigurationError, match="LLM_PROVIDERS"):
        read()


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LLM_API_KEY", "HF_TOKEN", "RUNPOD_API_KEY", "METRICS_TOKEN"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:hunter2@h/d")
    monkeypatch.setenv("LLM_PROVIDERS", '[{"name": "pod", "base_url": "http://p:1", "api_key": "hunter2"}]')
    settings = read()
    for shown in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "hunter2" not in shown
    assert "hunter2" not in repr(providers_of(settings))


def test_of_several_names_the_first_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in variables("llm_model"):
        monkeypatch.setenv(name, name.lower())
    for name in variables("llm_model"):
        assert read().llm_model == name.lower()
        monkeypatch.setenv(name, "")  # an empty value counts as not set
    assert read().llm_model == ""


def test_the_environment_beats_the_file_under_any_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("GRADIO_SERVER_PORT=2222\nLLM_MODEL_NAME=모델\nSESSION_DAYS=\n", encoding="utf-8")
    settings = read(_env_file=file)
    assert (settings.server_port, settings.llm_model, settings.session_days) == (2222, "모델", 30)
    monkeypatch.setenv("GRADIO_PORT", "1111")
    assert read(_env_file=file).server_port == 1111
    assert read(_env_file=file, server_port=3333).server_port == 3333


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"GRADIO_PORT=\xff\xfe\n")
    with pytest.raises(ConfigurationError, match=r"\.env .*UTF-8"):
        read(_env_file=file)


def test_proxies_are_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", " 10.0.0.1 ,192.168.0.0/16,")
    assert read().trusted_proxies == ("10.0.0.1", "192.168.0.0/16")


# --- secrets of this machine ----------------------------------------------------------------------------------


def test_a_local_secret_is_the_same_for_everybody_who_asks_at_once(tmp_path: Path) -> None:
    code = (
        "from concurrent.futures import ThreadPoolExecutor as Pool; from backend.settings import load; import sys;"
        "s = load(_env_file=None); sys.stdin.read();"
        "print(*set(Pool(8).map(s.local_secret, ['key'] * 16)))"
    )
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    askers = [
        subprocess.Popen(
            [sys.executable, "-c", code], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for asker in askers:  # each waits for the end of its input, so that they begin together
        assert asker.stdin is not None
        asker.stdin.close()
        asker.stdin = None
    said = {asker.communicate(timeout=60)[0].strip() for asker in askers}
    settings = read(data_dir=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        said |= set(pool.map(settings.local_secret, ["key"] * 16))
    assert len(said) == 1
    assert len(said.pop()) >= 32
    assert {path.name for path in settings.secrets_dir.iterdir()} == {"key", ".lock"}


def test_a_local_secret_is_the_owners_alone(tmp_path: Path) -> None:
    settings = read(data_dir=tmp_path)
    before = os.umask(0)
    try:
        settings.local_secret("key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((settings.secrets_dir / "key").stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.secrets_dir.stat().st_mode) == 0o700


def test_local_secrets_differ_by_name_and_last(tmp_path: Path) -> None:
    settings = read(data_dir=tmp_path)
    first = settings.local_secret("one")
    assert first != settings.local_secret("two")
    assert read(data_dir=tmp_path).local_secret("one") == first


# --- addresses of engines -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0", "http://127.0.0.1:11434/v1"),
        ("0.0.0.0:1234", "http://127.0.0.1:1234/v1"),
        (":1234", "http://127.0.0.1:1234/v1"),
        ("box", "http://box:11434/v1"),
        ("box:1234", "http://box:1234/v1"),
        ("http://box", "http://box:11434/v1"),
        ("http://box:1234/", "http://box:1234/v1"),
        ("https://ollama.example", "https://ollama.example/v1"),
        ("https://ollama.example:8443", "https://ollama.example:8443/v1"),
        ("::1", "http://[::1]:11434/v1"),
        ("[::]:1234", "http://[::1]:1234/v1"),
    ],
)
def test_ollamas_host_is_read_as_ollama_reads_it(host: str, address: str) -> None:
    settings = read(service_type="ollama", ollama_host=host)
    assert providers_of(settings)["main"].base_url == address


@pytest.mark.parametrize("host", ["http://box/path", "box:port", "ftp://box", "user@box", "a b"])
def test_an_ollama_host_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("OLLAMA_HOST", host)
    with pytest.raises(ConfigurationError, match="OLLAMA_HOST: must be a host"):
        read()


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://pod:8000", "http://pod:8000/v1"),
        ("http://pod:8000/", "http://pod:8000/v1"),
        ("http://pod:8000/v1", "http://pod:8000/v1"),
        ("http://pod:8000/v1/", "http://pod:8000/v1"),
        ("https://hosted.example/v1beta/openai/", "https://hosted.example/v1beta/openai"),
    ],
)
def test_the_engines_address_works_with_and_without_v1(url: str, address: str) -> None:
    settings = read(llm_url=url, llm_providers=({"name": "other", "base_url": url},))
    assert providers_of(settings)["main"].base_url == address
    assert choose(providers_of(settings), "other").base_url == address


def test_only_our_own_engine_is_given_our_own_key(tmp_path: Path) -> None:
    own = providers_of(read(data_dir=tmp_path))["main"]
    assert own.base_url == "http://127.0.0.1:8000/v1"
    assert own.api_key.get_secret_value() == (tmp_path / "secrets" / "llm_key").read_text()
    elsewhere = providers_of(read(data_dir=tmp_path, llm_url="http://pod:8000"))["main"]
    assert elsewhere.api_key.get_secret_value() == ""


def test_secrets_are_read_from_their_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"llm_api_key": "from-a-file\n", "METRICS_TOKEN": "in-capitals", "hf_token": "", "unknown": "x"}
    for name, value in files.items():
        (tmp_path / name).write_text(value)
    monkeypatch.setattr("backend.settings.SECRETS", tmp_path)
    settings = read()
    assert settings.llm_api_key.get_secret_value() == "from-a-file"
    assert settings.metrics_token.get_secret_value() == "in-capitals"
    assert settings.hf_token.get_secret_value() == ""
    monkeypatch.setenv("LLM_API_KEY", "from-the-environment")
    assert read().llm_api_key.get_secret_value() == "from-the-environment"


def test_without_a_folder_of_secrets_nothing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.settings.SECRETS", tmp_path / "nowhere")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read().llm_api_key.get_secret_value() == ""


def test_a_secret_that_is_wrong_is_told_without_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "database_url").write_text("mysql://u:hidden-word@h/d")
    monkeypatch.setattr("backend.settings.SECRETS", tmp_path)
    with pytest.raises(ConfigurationError) as told:
        read()
    assert "DATABASE_URL" in str(told.value)
    assert "hidden-word" not in str(told.value)
