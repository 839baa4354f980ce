"""Alerts to people: a webhook in the shape of Slack, of Discord or of plain JSON, and e-mail."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import httpx
import structlog

from backend.pod.alerts import Alert

TRIES = 3
_PAUSE_S = 2.0
_TIMEOUT_S = 10.0
_DISCORD_CHARS = 2000
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_SUBMISSION, _SMTPS = 587, 465
log = structlog.get_logger()


@dataclass(frozen=True)
class Delivery:
    """What became of an alert: the channels there are (`webhook`, `email`), and those that took it."""

    channels: tuple[str, ...]
    reached: tuple[str, ...]


class Alerts:
    """The channels that are set.

    Args:
        webhook_url: secret. https, or http to this machine; no redirect is followed.
        email_to: addresses, comma separated.
        smtp_url: secret. `smtp://user:password@host:587` (STARTTLS whenever there is a password) or `smtps://…:465`.
        pause_s: before another try, doubled each time.
    """

    def __init__(
        self, webhook_url: str = "", email_to: str = "", smtp_url: str = "", *, pause_s: float = _PAUSE_S
    ) -> None:
        self._webhook_url, self._email_to, self._smtp = webhook_url, email_to, urlsplit(smtp_url)
        self._pause_s = pause_s

    async def send(self, alert: Alert) -> Delivery:
        """Tells people by every channel; a failure is logged and never raised."""
        ways: dict[str, Callable[[Alert], Any]] = {}
        if self._webhook_url:
            ways["webhook"] = self._post
        if self._email_to and self._smtp.hostname:
            ways["email"] = self._mail
        reached = await asyncio.gather(*(self._try(name, way, alert) for name, way in ways.items()))
        return Delivery(tuple(ways), tuple(name for name, done in zip(ways, reached, strict=True) if done))

    async def _try(self, name: str, way: Callable[[Alert], Any], alert: Alert) -> bool:
        for number in range(TRIES):
            if number:
                await asyncio.sleep(self._pause_s * 2 ** (number - 1))
            try:
                await way(alert)
            except (httpx.HTTPError, httpx.InvalidURL, smtplib.SMTPException, OSError, ValueError) as error:
                # The error's own words may hold the address, which is a secret.
                log.warning("alert_not_delivered", channel=name, reason=_reason(error), attempt=number + 1)
            else:
                log.info("alert_delivered", channel=name, alert=alert.event)
                return True
        return False

    async def _post(self, alert: Alert) -> None:
        if not is_allowed(self._webhook_url):
            raise ValueError("address")
        async with httpx.AsyncClient(timeout=_TIMEOUT_S, follow_redirects=False) as client:
            answer = await client.post(self._webhook_url, json=body_for(self._webhook_url, alert))
        if not answer.is_success:
            raise httpx.HTTPStatusError(str(answer.status_code), request=answer.request, response=answer)

    async def _mail(self, alert: Alert) -> None:
        await asyncio.to_thread(_send_mail, self._smtp, self._email_to, alert)


def is_allowed(url: str) -> bool:
    """Whether alerts may go there: encrypted, or within this machine."""
    parts = urlsplit(url)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def body_for(url: str, alert: Alert) -> dict[str, Any]:
    """The JSON a receiver understands. Slack and Discord get the one key they know, since both may refuse others."""
    text = f"{alert.text.ko}\n{alert.text.en}"
    host = urlsplit(url).hostname or ""
    if host in {"hooks.slack.com", "hooks.slack-gov.com"}:
        return {"text": text}
    if host in {"discord.com", "discordapp.com"} or host.endswith(".discord.com"):
        return {"content": text[:_DISCORD_CHARS], "allowed_mentions": {"parse": []}}
    return {
        "text": text,
        "content": text[:_DISCORD_CHARS],
        "event": alert.event,
        "pod": alert.pod_id,
        "incident": alert.incident,
        "at": alert.at.isoformat(),
    }


def _send_mail(server: SplitResult, to: str, alert: Alert) -> None:
    user, password = unquote(server.username or ""), unquote(server.password or "")
    message = EmailMessage()
    message["Subject"] = f"{alert.subject.ko} / {alert.subject.en}"
    message["From"] = user if "@" in user else f"ondol@{server.hostname}"
    message["To"] = to
    message.set_content(f"{alert.text.ko}\n\n{alert.text.en}\n")
    host = server.hostname or ""
    context = ssl.create_default_context()
    client: smtplib.SMTP
    if server.scheme == "smtps":
        client = smtplib.SMTP_SSL(host, server.port or _SMTPS, timeout=_TIMEOUT_S, context=context)
    else:
        client = smtplib.SMTP(host, server.port or _SUBMISSION, timeout=_TIMEOUT_S)
    with client:
        client.ehlo()
        # A password never travels in the open, except within this machine.
        if server.scheme != "smtps" and (host not in _LOOPBACK or client.has_extn("starttls")):
            client.starttls(context=context)
        if user:
            client.login(user, password)
        client.send_message(message)


def _reason(error: Exception) -> str:
    if isinstance(error, httpx.HTTPStatusError):
        return f"HTTP {error.response.status_code}"
    return type(error).__name__
