"""Keeps a vLLM of our own running, in the foreground: `python -m backend.llm.vllm_server`.

It fetches the model, chooses the settings by the GPU, starts vLLM on loopback with a key, and tries again with less
when memory runs out. All of it is noted (`backend/llm/preparation.py`) for the page and the console. What cannot be
helped here (no driver, no model) is noted too and looked at again later: this process stays, and so does the reason.
"""

import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import structlog

from backend import logs
from backend.errors import (
    EngineCannotStart,
    EngineOutOfMemory,
    Language,
    ModelDownloadFailed,
    NoSpaceForModel,
    OndolError,
    PortTaken,
    VllmMissing,
)
from backend.llm import vllm_command, vllm_memory
from backend.llm.gpu import Gpu, gpus
from backend.llm.hub_weights import cached_folder, ready_folder
from backend.llm.machine import this_machine
from backend.llm.preparation import Lowered, Phase, Preparation, note
from backend.llm.vllm_child import Child
from backend.llm.vllm_download import Download
from backend.llm.vllm_lowering import MOST_STEPS, lowered
from backend.llm.vllm_models import shape_in
from backend.llm.vllm_output import OutOfMemory
from backend.llm.vllm_plan import Reason, VllmPlan, choose_model, next_smaller, plan, with_values
from backend.processes import die_with_parent, require_port
from backend.settings import ConfigurationError, Settings, load

_SOON_S, _LATER_S = 5.0, 300.0
_RENOTE_S = 20.0  # a note that is not renewed counts as left behind
_SETTLED_S = 120.0  # an engine that served this long did start

log = structlog.get_logger()


def main() -> int:
    """Serves until it is told to stop."""
    die_with_parent(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    try:
        settings = load()
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    logs.configure(settings)
    VllmServer(settings).run()
    return 0


def _end(_: int, __: FrameType | None) -> None:
    """Ends by the ordinary way out of every block, which ends what was started; a second signal changes nothing."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise SystemExit(0)


@dataclass(slots=True)
class _Now:
    """What the next note says beside the phase."""

    model: str = ""
    because: str = ""
    chosen: tuple[tuple[str, str], ...] = ()


class VllmServer:
    """One vLLM, from the look at the GPU to the answer of its `/health`, again and again."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._now = _Now(model=settings.llm_model)
        self._folder = Path()  # of the model that is served next
        self._steps: list[Lowered] = []
        self._pause_s = _SOON_S
        self._noted_at = 0.0

    def run(self) -> None:
        """Returns never; a signal ends it."""
        while True:
            try:
                self._serve()
            except OndolError as error:
                self._tell(error)
            time.sleep(self._pause_s)

    def _serve(self) -> None:
        """One engine until it ends.

        Raises:
            OndolError: it cannot be had now.
        """
        settings, found = self._settings, gpus()
        self._note(Phase.CHECKING)
        command = vllm_command.find_command(settings)
        if command is None:
            raise VllmMissing
        installed = vllm_command.installation(command)
        vllm_command.require_fit(found, installed)
        model, because = choose_model(found, settings)
        first = self._planned(found, model, because, None)
        mark = vllm_memory.mark_of(first, found, command, settings.vllm_extra_args)
        self._steps = list(vllm_memory.remembered(settings, mark))
        model = vllm_memory.values_of(self._steps).get("VLLM_MODEL", model)
        current = with_values(
            self._with_files(found, model, because), vllm_memory.values_of(_of_last_model(self._steps))
        )
        log.info("vllm_plan", gpus=[gpu.name for gpu in found], vllm=installed.vllm, cuda=installed.cuda)
        for _ in range(MOST_STEPS + 1):
            shortage = self._run(current, command, mark)
            log.warning("vllm_out_of_memory", shortage=str(shortage.shortage), longest=shortage.longest)
            step = lowered(current, shortage)
            smaller = next_smaller(current.model) if because is not Reason.ASKED_FOR else None
            if step is not None:
                current, told = step
            elif smaller is not None:
                told = Lowered("VLLM_MODEL", current.model, smaller.name)
            else:
                break
            self._steps.append(told)
            log.info("vllm_lowered", setting=told.setting, before=told.before, after=told.after)
            if told.setting == "VLLM_MODEL":
                current = self._with_files(found, told.after, because)
        raise EngineOutOfMemory(model=current.model)

    def _with_files(self, found: Sequence[Gpu], model: str, because: Reason) -> VllmPlan:
        """The plan by the model's own files, once they are here."""
        self._now = _Now(model, str(because))
        self._folder = ready_folder(self._settings, model) or self._download(model)
        return self._planned(found, model, because, self._folder)

    def _planned(self, found: Sequence[Gpu], model: str, because: Reason, folder: Path | None) -> VllmPlan:
        shape = shape_in(folder, model) if folder is not None else None
        return plan(found, this_machine().cores, self._settings, model=model, because=because, shape=shape)

    def _download(self, model: str) -> Path:
        """Fetches the model, with patience: what broke off is taken up again. What another program left here whole has
        to do while the hub is away.

        Raises:
            ModelNotOnHub, ModelGated, ModelNotServable
        """
        pause = _SOON_S
        while True:
            try:
                with Download(self._settings, model) as download:
                    for done, total in download.progress():
                        self._note(Phase.DOWNLOADING, done=done, total=total)
                        pause = _SOON_S
                return download.folder()
            except (ModelDownloadFailed, NoSpaceForModel) as error:
                if (cached := cached_folder(self._settings, model)) is not None:
                    log.warning("model_taken_from_cache", code=error.code, model=model)
                    return cached
                log.warning("model_download_failed", code=error.code, model=model, again_in_s=pause)
                self._note(Phase.DOWNLOADING, error=error.code)
                time.sleep(pause)
                pause = min(2 * pause, _LATER_S)

    def _run(self, current: VllmPlan, command: Sequence[str], mark: str) -> OutOfMemory:
        """Starts vLLM and stays until it ends; what it ran out of.

        Raises:
            PortTaken
            EngineCannotStart: it ended for another reason.
        """
        settings = self._settings
        self._now = _Now(current.model, self._now.because, current.chosen())
        phase = Phase.LOWERED if self._steps else Phase.LOADING
        self._note(phase)
        require_port(vllm_command.LOOPBACK, settings.llm_port, variable="VLLM_PORT")
        line = vllm_command.arguments(command, current, settings, self._folder)
        log.info("vllm_starts", program=list(command), **dict(current.chosen()))
        offline = not settings.vllm_extra_args
        ready_at = None
        with Child(line, vllm_command.environment(settings, offline=offline), settings.llm_port) as child:
            while child.is_alive():
                if ready_at is None and child.answers():
                    ready_at = time.monotonic()
                    vllm_memory.remember(settings, mark, self._steps)
                    self._note(Phase.READY)
                    log.info("vllm_ready", model=current.model)
                elif ready_at is None:
                    self._note(phase, at_most_every_s=_RENOTE_S)
                time.sleep(0.5)
            if ready_at is not None and time.monotonic() - ready_at > _SETTLED_S:
                self._pause_s = _SOON_S
        shortage = child.output.out_of_memory()
        if shortage is None:
            log.error("vllm_ended", status=child.status, cause=child.output.cause())
            raise EngineCannotStart(model=current.model)
        return shortage

    def _tell(self, error: OndolError) -> None:
        log.error("engine_cannot_serve", code=error.code, reason=error.message(Language.EN))
        self._note(Phase.FAILED, error=error.code)
        is_passing = isinstance(error, EngineCannotStart | PortTaken)
        self._pause_s = min(2 * self._pause_s, _LATER_S) if is_passing else _LATER_S

    def _note(
        self,
        phase: Phase,
        *,
        done: int = 0,
        total: int | None = None,
        error: str = "",
        at_most_every_s: float = 0,
    ) -> None:
        now = time.time()
        if now - self._noted_at < at_most_every_s:
            return
        self._noted_at = now
        note(
            self._settings,
            Preparation(
                phase=phase,
                model=self._now.model,
                done_bytes=done,
                total_bytes=total,
                chosen=self._now.chosen,
                because=self._now.because,
                lowered=tuple(self._steps),
                error=error,
                at=now,
            ),
        )


def _of_last_model(steps: Sequence[Lowered]) -> Sequence[Lowered]:
    """The steps since the model was changed: those before it concern another one."""
    switched = [place for place, step in enumerate(steps) if step.setting == "VLLM_MODEL"]
    return steps[switched[-1] + 1 :] if switched else steps


if __name__ == "__main__":
    raise SystemExit(main())
