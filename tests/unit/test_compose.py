"""docker-compose.yml and what it brings along: valid, closed to the outside, and in agreement with the rest."""

import json
import re
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from backend.llm.providers import providers_of
from backend.settings import REPOSITORY, Settings, load, variables
from backend.version import VERSION
from backend.web.metrics import Metrics
from deploy.healthy import is_healthy
from tests.compose_files import MissingVariableError, interpolate, read_compose

COMPOSE = REPOSITORY / "docker-compose.yml"
PUBLISH = REPOSITORY / "deploy/monitoring/publish.yml"
MONITORING = REPOSITORY / "deploy/monitoring"
CHOSEN = {"VLLM_MODEL": "some/model", "VLLM_MAX_MODEL_LEN": "8192"}
# Where root cannot be avoided: the image has no other user that can write its volume.
AS_ROOT = {"ollama"}
# Set by the scripts, or an image: no settings of the application.
NO_SETTINGS = {"ONDOL_VLLM_SERVERS", "VLLM_IMAGE"}
# Names of `vllm/v1/metrics/loggers.py` of vLLM 0.32; counters end in `_total` where Prometheus reads them.
VLLM_METRICS = {
    "vllm:generation_tokens_total", "vllm:inter_token_latency_seconds", "vllm:kv_cache_usage_perc",
    "vllm:num_preemptions_total", "vllm:num_requests_running", "vllm:num_requests_waiting",
    "vllm:prefix_cache_hits_total", "vllm:prefix_cache_queries_total", "vllm:prompt_tokens_total",
    "vllm:request_queue_time_seconds", "vllm:request_success_total", "vllm:time_to_first_token_seconds",
}  # fmt: skip


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found = yaml.safe_load(COMPOSE.read_text())
    found = {name: _with(service) for name, service in found["services"].items()}
    assert set(found) == {"app", "db", "embedding", "vllm-server", "ollama", "prometheus", "grafana"}
    return found


def _with(service: dict[str, Any]) -> dict[str, Any]:
    filled = interpolate(json.dumps(service), CHOSEN)
    result = json.loads(filled)
    assert isinstance(result, dict)
    return result


@pytest.mark.parametrize("file", [COMPOSE, PUBLISH], ids=lambda path: path.name)
def test_it_is_valid_by_the_compose_specification(file: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_the_page_is_published_and_on_this_machine_unless_told(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["app"]
    assert services["app"]["ports"] == [
        {"name": "page", "host_ip": "127.0.0.1", "published": "7860", "target": 7860},
    ]
    assert not any("network_mode" in service or service.get("privileged") for service in services.values())
    networks = yaml.safe_load(COMPOSE.read_text())["networks"]
    assert networks["database"]["internal"]
    assert services["db"]["networks"] == ["database"]
    assert [name for name, service in services.items() if "database" in service.get("networks", [])] == ["app", "db"]


def test_what_must_be_set_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "docker-compose.yml").write_text(COMPOSE.read_text())
    with pytest.raises(MissingVariableError, match=r"VLLM_MODEL is missing a value.*quick_start\.sh"):
        read_compose(tmp_path / "docker-compose.yml", {})
    other = read_compose(tmp_path / "docker-compose.yml", {"LLM_MODEL": "some/model"})["services"]
    assert other["vllm-server"]["environment"]["VLLM_MAX_MODEL_LEN"] == "", "deploy/serve-vllm.sh asks for it"
    (tmp_path / ".env").write_text(
        "LLM_MODEL_NAME='first/one'\nVLLM_MODEL=second/one\nVLLM_MAX_MODEL_LEN=4096 # words\n"
    )
    vllm = read_compose(tmp_path / "docker-compose.yml", {})["services"]["vllm-server"]["environment"]
    assert (vllm["VLLM_MODEL"], vllm["VLLM_MAX_MODEL_LEN"]) == ("first/one", "4096")


@pytest.mark.parametrize("name", ["app", "db", "embedding", "vllm-server", "ollama", "prometheus", "grafana"])
def test_every_service_is_kept_in_bounds(services: dict[str, Any], name: str) -> None:
    service = services[name]
    tag = service["image"].partition("@")[0].rpartition(":")[2]
    assert re.search(r"\d+\.\d+\.\d+", tag), f"{service['image']} is not pinned"
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert set(service["healthcheck"]) >= {"test", "interval", "timeout", "retries", "start_period"}
    assert set(service["deploy"]["resources"]["limits"]) == {"memory", "pids"}
    assert name in AS_ROOT or str(service["user"]).split(":")[0] not in {"root", "0"}
    assert not [path for path in service.get("volumes", []) if path.startswith(".") and not path.endswith(":ro")]
    assert not any("docker.sock" in path for path in service.get("volumes", []))


def test_the_order_of_starting_follows_health(services: dict[str, Any]) -> None:
    waits = {name: service.get("depends_on", {}) for name, service in services.items()}
    assert waits["app"]["db"]["condition"] == "service_healthy"
    # The page does not wait for models: it says what is still missing.
    assert set(waits["app"]) == {"db"}
    # The encoder's memory is taken first. When it cannot be loaded, chat goes on without it.
    assert waits["vllm-server"]["embedding"] == {"condition": "service_healthy", "required": False}
    assert waits["prometheus"]["app"]["condition"] == "service_healthy"
    assert {services[name]["healthcheck"]["start_period"] for name in ("vllm-server", "embedding")} == {"1h"}
    assert services["embedding"]["healthcheck"]["test"][-1] == "failed"


@pytest.mark.parametrize(
    ("status", "body", "passes"),
    [(200, '{"state": "ready"}', (True, True)), (503, '{"state": "failed"}', (False, True)),
     (503, '{"state": "loading"}', (False, False)), (503, "<html>", (False, False))],
)  # fmt: skip
def test_the_probe_lets_pass_what_failed_for_good_where_it_is_told_to(
    status: int, body: str, passes: tuple[bool, bool]
) -> None:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            port = server.server_port
            assert (is_healthy(port, "/health"), is_healthy(port, "/health", "failed")) == passes
        finally:
            server.shutdown()
            thread.join()
    assert not is_healthy(port, "/health", "failed")


def test_no_secret_stands_in_an_environment(services: dict[str, Any]) -> None:
    words = re.compile(r"PASSWORD|SECRET|TOKEN|API_KEY|DATABASE_URL")
    given = {key for service in services.values() for key, value in service.get("environment", {}).items() if value}
    assert {key for key in given if words.search(key)} == {"POSTGRES_PASSWORD_FILE", "GF_SECURITY_ADMIN_PASSWORD__FILE"}
    files = yaml.safe_load(COMPOSE.read_text())["secrets"]
    assert all(entry["file"] == f"deploy/secrets/{name}" for name, entry in files.items())
    script = (REPOSITORY / "deploy/lib/docker_secrets.sh").read_text()
    assert set(files) == set(re.findall(r"(?:keep|write)_secret ([a-z_]+) ", script))
    ours = {name.lower() for field in Settings.model_fields for name in variables(field)}
    assert set(services["app"]["secrets"]) <= ours
    copied = set(re.findall(r"put_secret ([a-z_]+) ", script))
    assert copied == {
        key.lower() for key, value in services["app"]["environment"].items() if words.search(key) and not value
    }


def test_every_variable_is_a_setting(services: dict[str, Any]) -> None:
    known = {name for field in Settings.model_fields for name in variables(field)} | NO_SETTINGS
    used = set(re.findall(r"\$\{([A-Z_]+)", COMPOSE.read_text()))
    assert used <= known
    assert {name for name in services["vllm-server"]["environment"] if name.startswith("VLLM_")} - known == {
        "VLLM_NO_USAGE_STATS"
    }


def test_the_application_accepts_what_it_is_given(
    services: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (name for field in Settings.model_fields for name in variables(field)):
        monkeypatch.delenv(name, raising=False)
    for name, value in services["app"]["environment"].items():
        monkeypatch.setenv(name, value)
    (tmp_path / "llm_api_key").write_text("key-of-vllm")
    (tmp_path / "database_url").write_text("postgresql://ondol:p@db:5432/ondol")
    (tmp_path / "runpod_api_key").write_text("handed in by an override")
    monkeypatch.setattr("backend.settings.SECRETS", tmp_path)
    settings = load(_env_file=None)
    assert (settings.server_name, settings.server_port) == ("0.0.0.0", 7860)
    assert settings.remote_embed_url == "http://embedding:8001"
    engine = providers_of(settings)["main"]
    assert (engine.base_url, engine.model) == ("http://vllm-server:8000/v1", "some/model")
    assert engine.api_key.get_secret_value() == "key-of-vllm"
    assert settings.runpod_api_key.get_secret_value() == "handed in by an override"
    assert not engine.hosted


def test_images_of_ours_have_the_version_of_the_code(services: dict[str, Any]) -> None:
    assert services["app"]["image"] == f"ondol-app:{VERSION}"
    assert services["embedding"]["image"] == f"ondol-embedding:{VERSION}"
    assert f"ARG VERSION={VERSION}" in (REPOSITORY / "Dockerfile").read_text()
    assert f"ondol-app:{VERSION} " in (REPOSITORY / "deploy/lib/docker_choice.sh").read_text()
    pod = re.search(r"^ARG VLLM_IMAGE=(\S+)$", (REPOSITORY / "Dockerfile").read_text(), re.M)
    assert pod is not None
    assert services["vllm-server"]["image"] == pod[1]


def test_the_dashboard_shows_what_exists() -> None:
    dashboard = json.loads((MONITORING / "grafana/dashboards/ondol.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    used = {
        re.sub(r"_(?:bucket|count|sum)$", "", name)
        for expression in expressions
        for name in re.findall(r"(?:ondol_|vllm:)[a-z_]+", expression)
    }
    ours = {family.name for family in Metrics().registry.collect()} | {
        f"{family.name}_total" for family in Metrics().registry.collect() if family.type == "counter"
    }
    assert {name for name in used if name.startswith("ondol_")} - ours == set()
    assert {name for name in used if name.startswith("vllm:")} == VLLM_METRICS
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    source = yaml.safe_load((MONITORING / "grafana/datasources/prometheus.yml").read_text())["datasources"][0]
    assert {panel["datasource"]["uid"] for panel in dashboard["panels"] if "datasource" in panel} == {source["uid"]}


def test_prometheus_asks_the_services_with_their_key(services: dict[str, Any]) -> None:
    jobs = yaml.safe_load((MONITORING / "prometheus.yml").read_text())["scrape_configs"]
    targets = {job["job_name"]: job["static_configs"][0]["targets"][0].split(":") for job in jobs}
    assert targets == {"ondol": ["app", "7860"], "vllm": ["vllm-server", "8000"]}
    assert all("monitoring" in services[host]["networks"] for host, _ in targets.values())
    assert jobs[0]["authorization"]["credentials_file"] == "/run/secrets/metrics_token"
    assert "metrics_token" in services["prometheus"]["secrets"]
