"""The rented pod: how RunPod is asked, and when it is stopped."""

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings

from backend.settings.groups import group


class PodSettings(BaseSettings):
    """Group `Pod`."""

    runpod_api_key: SecretStr = Field(
        SecretStr(""),
        validation_alias="RUNPOD_API_KEY",
        description="RunPod key; inside a pod it is set by RunPod.",
        json_schema_extra=group("Pod"),
    )
    runpod_pod_id: str = Field(
        "",
        validation_alias="RUNPOD_POD_ID",
        pattern=r"^([a-zA-Z0-9][a-zA-Z0-9_-]{0,63})?$",
        description="The pod this system runs on; set by RunPod.",
        json_schema_extra=group("Pod"),
    )
    runpod_api: Literal["auto", "rest", "sdk"] = Field(
        "auto",
        validation_alias="RUNPOD_API",
        description="How RunPod is asked: its REST API, its `runpod` package (GraphQL), or REST and the package where REST is gone.",
        json_schema_extra=group("Pod"),
    )
    runpod_api_url: str = Field(
        "https://api.runpod.io/v2",
        validation_alias="RUNPOD_API_URL",
        pattern=r"^https?://\S+$",
        description="Address of RunPod's REST API, ends in its version.",
        json_schema_extra=group("Pod"),
    )
    pod_image: str = Field(
        "",
        validation_alias="POD_IMAGE",
        pattern=r"^\S*$",
        description="Image of a pod that `python -m backend.pod up` creates, built from the Dockerfile's target `pod`. Empty: the official image of vLLM, into which the repository is cloned.",
        json_schema_extra=group("Pod"),
    )
    pod_repository: str = Field(
        "",
        validation_alias="POD_REPOSITORY",
        pattern=r"^(https://[^\s@]+)?$",
        description="Git repository that such a pod clones: an https address without a password. Empty: the `origin` of this checkout.",
        json_schema_extra=group("Pod"),
    )
    pod_revision: str = Field(
        "",
        validation_alias="POD_REVISION",
        pattern=r"^[\w./-]{0,100}$",
        description="Branch, tag or commit of it that the pod runs. Empty: the default branch.",
        json_schema_extra=group("Pod"),
    )
    pod_page_url: str = Field(
        "https://{pod}-7860.proxy.runpod.net",
        validation_alias="POD_PAGE_URL",
        pattern=r"^https?://\S+$",
        description="Address of a pod's page; `{pod}` stands for its id.",
        json_schema_extra=group("Pod"),
    )
    idle_threshold: float = Field(
        5.0,
        ge=0,
        le=100,
        validation_alias="IDLE_THRESHOLD",
        description="GPU utilisation in percent below which a check counts as idle.",
        json_schema_extra=group("Pod"),
    )
    check_interval_s: int = Field(
        60,
        ge=1,
        validation_alias="CHECK_INTERVAL",
        description="Seconds between two checks.",
        json_schema_extra=group("Pod"),
    )
    idle_limit: int = Field(
        5,
        ge=1,
        validation_alias="IDLE_LIMIT",
        description="Idle checks in a row after which the pod is stopped.",
        json_schema_extra=group("Pod"),
    )
    min_runtime_s: int = Field(
        600,
        ge=0,
        validation_alias="MIN_RUNTIME",
        description="Seconds a pod runs at least, counted from the moment it is ready.",
        json_schema_extra=group("Pod"),
    )
    idle_probe_command: str = Field(
        "",
        validation_alias="IDLE_PROBE_COMMAND",
        description="A command that tells whether the machine is in use: it ends with 0 when it is, with 1 when it is not, within 10 seconds. Run without a shell.",
        json_schema_extra=group("Pod"),
    )
    idle_ssh_counts: bool = Field(
        True,
        validation_alias="IDLE_SSH_COUNTS",
        description="An open SSH session keeps the pod awake. `false` where people reach the page through SSH tunnels, which would count as well.",
        json_schema_extra=group("Pod"),
    )
    idle_warning_s: int = Field(
        120,
        ge=0,
        validation_alias="IDLE_WARNING",
        description="Seconds of countdown in every open page before the pod is stopped.",
        json_schema_extra=group("Pod"),
    )
    drain_grace_s: int = Field(
        60,
        ge=0,
        validation_alias="DRAIN_GRACE",
        description="Seconds that answers under way have to finish once a stop has been ordered.",
        json_schema_extra=group("Pod"),
    )
    pod_schedule: str = Field(
        "",
        validation_alias="POD_SCHEDULE",
        description="When the pod is to run, e.g. `mon-fri 09:00-19:00 Asia/Seoul; not 2026-12-25`. The watchdog starts it; the app or the watchdog stops it.",
        json_schema_extra=group("Pod"),
    )
    schedule_patience_s: int = Field(
        3600,
        ge=0,
        validation_alias="SCHEDULE_PATIENCE",
        description="Seconds that a stop by the schedule waits for work to end, before it goes ahead.",
        json_schema_extra=group("Pod"),
    )
    alert_webhook_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="ALERT_WEBHOOK_URL",
        description="Where it is told that a pod could not be stopped or started: a webhook of Slack, of Discord, or any that takes JSON. https, or http to this machine.",
        json_schema_extra=group("Pod"),
    )
    alert_email_to: str = Field(
        "",
        validation_alias="ALERT_EMAIL_TO",
        description="E-mail addresses (comma separated) that are told the same; needs `SMTP_URL`.",
        json_schema_extra=group("Pod"),
    )
    smtp_url: SecretStr = Field(
        SecretStr(""),
        validation_alias="SMTP_URL",
        description="Mail server: `smtp://user:password@host:587` or `smtps://user:password@host:465`.",
        json_schema_extra=group("Pod"),
    )

    @field_validator("runpod_api_url")
    @classmethod
    def _address(cls, value: str) -> str:
        try:
            address = urlsplit(value)
            is_whole = bool(address.hostname) and address.port != 0  # a port that is none raises
        except ValueError:
            is_whole = False
        if not is_whole:
            raise ValueError("must be an http:// or https:// address")
        return value

    @field_validator("alert_webhook_url")
    @classmethod
    def _alerts_are_private(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if url.geturl() and not (
            url.hostname
            and (url.scheme == "https" or (url.scheme == "http" and url.hostname in {"127.0.0.1", "localhost", "::1"}))
        ):
            raise ValueError("must be an https:// address, or an http:// address of this machine")
        return value

    @field_validator("smtp_url")
    @classmethod
    def _mail_server(cls, value: SecretStr) -> SecretStr:
        url = urlsplit(value.get_secret_value())
        if url.geturl() and not (url.scheme in {"smtp", "smtps"} and url.hostname):
            raise ValueError("must be smtp://[user:password@]host[:port] or smtps://…")
        return value
