"""What the watchdog says: lines a person reads, or a JSON object a line."""

import json
import sys
from datetime import datetime
from typing import Any

from backend.pod.audit import AuditEntry
from backend.pod.machine import Phase
from backend.pod.outside import App
from backend.pod.view import PodView


class Lines:
    """Lines a person reads, on standard output: `12:03:10 idle 3 of 5 · GPU 1 % · app answers, it decides`."""

    def __init__(self, app: App, pod_id: str, *, as_json: bool) -> None:
        self._app, self._pod_id, self._as_json, self._out = app, pod_id, as_json, sys.stdout

    def tell(self, view: PodView, news: list[AuditEntry]) -> None:
        if self._as_json:
            self._print(self._facts(view, news))
            return
        self.say(" · ".join([_standing(view), *_signals(view), self._about_app()]))
        for entry in news:
            detail = ", ".join(f"{name} {value}" for name, value in entry.detail.items() if value not in (None, ""))
            self.say(f"  {entry.event.replace('_', ' ')} ({entry.actor}){': ' if detail else ''}{detail}")

    def say(self, text: str) -> None:
        if self._as_json:
            self._print({"say": text})
        else:
            self._out.write(f"{datetime.now():%H:%M:%S} {text}\n")
            self._out.flush()

    def _print(self, facts: dict[str, Any]) -> None:
        self._out.write(json.dumps(facts, ensure_ascii=False) + "\n")
        self._out.flush()

    def _about_app(self) -> str:
        if not self._app.is_known:
            return f"the app's page cannot be asked ({self._app.trouble}), so idleness does not count; see --app-url"
        if not self._app.is_alive:
            return "app does not answer, this decides"
        return "app answers, it decides" if self._app.decides else "app answers and cannot act, this decides"

    def _facts(self, view: PodView, news: list[AuditEntry]) -> dict[str, Any]:
        decision, trouble = view.decision, view.pod_trouble
        return {
            "at": view.at.isoformat(),
            "pod": self._pod_id,
            "status": view.pod.status if view.pod and trouble is None else "unknown",
            "phase": view.progress.phase,
            "idle_checks": decision.checks if decision else 0,
            "idle_checks_needed": decision.checks_needed if decision else None,
            "needs": [need.code for need in decision.needs] if decision else [],
            "app_decides": self._app.decides,
            "app_trouble": self._app.trouble,
            "error": trouble.code if trouble else None,
            "events": [entry.event for entry in news],
        }


def _standing(view: PodView) -> str:
    if view.pod_trouble is not None:
        return f"the pod cannot be read ({view.pod_trouble.code})"
    if view.progress.phase is Phase.ARMED and view.decision is not None:
        if view.pod is not None and any(need.code == "not_ready" for need in view.decision.needs):
            return f"{view.pod.status.lower()}, not ready"
        return f"idle {view.decision.checks} of {view.decision.checks_needed}"
    return view.progress.phase.value


def _signals(view: PodView) -> list[str]:
    names = {"gpu": "GPU", "requests": "work in the app"}
    signals = view.sample.signals if view.sample else ()
    return [f"{names.get(s.name, s.name)} {s.value or s.verdict.value}" for s in signals]
