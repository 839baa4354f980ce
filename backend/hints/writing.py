"""From a task to a hint that may be shown: a model writes, the guard and the validation judge, a template stands in.

Where a text is refused, the model is told why and writes again, at most twice; when it gave too much away each time, it
tries one level lower; then a template takes its place. Another language than the one asked for is refused once.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict

import structlog

from backend.errors import (
    EngineBusy,
    EngineInterrupted,
    EngineLoading,
    EngineModelMissing,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    NoEngineAnswers,
    OndolError,
)
from backend.hints.asking import Note, Progress, Source, Stage
from backend.hints.drafts import Draft, as_prose
from backend.hints.ladder import lower
from backend.hints.language import is_in
from backend.hints.leak_guard import GuardReport, candidates, measure, verdict
from backend.hints.levels import Level
from backend.hints.problems import LanguageName
from backend.hints.prompts import messages
from backend.hints.sandbox import Verdict
from backend.hints.templates import closing_words, solved, templates
from backend.hints.validation import WORDS, Subject, Validation, validate
from backend.hints.wording import look_at, named_line, place, what_happened
from backend.hints.written import Refused, Task, Written
from backend.llm.call import Call, Request, unchanging
from backend.llm.engine import ContextOverflow, Finished, Usage

log = structlog.get_logger()

_UNGROUNDED = frozenset({"names_nothing", "off_case"})
WRONG_LANGUAGE = "wrong_language"
_TRIES = 3
_TEMPERATURES = (0.3, 0.6, 0.8)
_MAX_TOKENS: dict[LanguageName, int] = {"ko": 320, "en": 224}
_BEGIN_UNTIL_S = 120.0  # after which no further try is begun: a slow machine gives a template instead of a long wait
_RUN_FOR_S = 10.0  # the programs that one text would make; each takes some 40 ms
_HEARTBEAT_S = 0.5
_ENGINE_TROUBLE = (
    EngineBusy, EngineInterrupted, EngineLoading, EngineModelMissing, EngineRefused, EngineTimeout, EngineUnavailable,
    NoEngineAnswers, ContextOverflow,
)  # fmt: skip


async def write(task: Task, call: Call) -> AsyncGenerator[Progress | Written, None]:
    """Yields stages while a hint is made, then the hint. Closing it stops the engine. Raises SandboxUnavailable.

    Args:
        call: to whoever writes it; who wrote the first text is asked for the later ones as well while it answers.
    """
    async with aclosing(_Writer(task, call).events()) as events:
        async for event in events:
            yield event


class _Writer:
    """One call at one task."""

    def __init__(self, task: Task, call: Call) -> None:
        self._task, self._call = task, call
        self._begin = time.perf_counter()
        self._refused: list[Refused] = []
        self._tokens: list[Usage] = []

    async def events(self) -> AsyncGenerator[Progress | Written, None]:
        task = self._task
        if task.diagnosis.verdict is Verdict.PASSED:
            text = solved(task.diagnosis, task.language)
            report = await self._judged(text, task.level, ())
            yield self._written(
                text,
                task.level,
                Source.TEMPLATE,
                Note.SOLVED,
                report=report,
                validation=_validated(text, task.level, task),
            )
            return
        note = Note.ENGINE_DOWN
        try:
            await self._call.begin()
            async with aclosing(self._tries()) as events:
                async for event in events:
                    yield event
                    if isinstance(event, Written):
                        return
            note = self._why_not()
        except _ENGINE_TROUBLE as error:
            log.warning("hint_from_template", provider=self._call.name, reason=_code(error))
        yield await self._template(note)

    async def _tries(self) -> AsyncGenerator[Progress | Written, None]:
        level, attempt, drifted = self._task.level, 0, False
        while True:
            attempt += 1
            draft = Draft()
            async with aclosing(self._drafting(draft, level, attempt)) as stages:
                async for stage in stages:
                    yield stage
            yield Progress(Stage.CHECKING, attempt, draft.characters, self._call.name)
            written = await self._decided(draft.text, level, attempt)
            if written is not None:
                yield written
                return
            if time.perf_counter() - self._begin > _BEGIN_UNTIL_S or level is not self._task.level:
                return
            if WRONG_LANGUAGE in self._refused[-1].reasons:
                if drifted:
                    return
                drifted = True
            if attempt == _TRIES:
                below = lower(level)
                if below is None or not any(each.is_leak for each in self._refused):
                    return
                level = below

    async def _drafting(self, draft: Draft, level: Level, attempt: int) -> AsyncGenerator[Progress, None]:
        """Has the engine write; tells every half second how far it is."""
        task = self._task
        prompt = messages(
            task.problem,
            task.diagnosis,
            level,
            tone=task.tone,
            language=task.language,
            earlier=task.earlier.texts,
            refused_for=self._refused[-1].reasons if self._refused else (),
        )
        temperature = _TEMPERATURES[min(attempt, len(_TEMPERATURES)) - 1]
        request = Request(prompt, temperature, _MAX_TOKENS[task.language])

        async def read() -> None:
            async with aclosing(self._call.stream(unchanging(request))) as stream:
                async for event in stream:
                    if isinstance(event, Finished):
                        draft.usage, draft.reason = event.usage, event.reason
                    else:
                        draft.parts.append(event)
                        if draft.is_program:
                            return

        reading = asyncio.create_task(read())
        try:
            while not reading.done():
                yield Progress(Stage.WRITING, attempt, draft.characters, self._call.name)
                await asyncio.wait({reading}, timeout=_HEARTBEAT_S)
            await reading
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)  # the engine has been told before anyone goes on
        if draft.usage is not None:
            self._tokens.append(draft.usage)

    async def _decided(self, raw: str, level: Level, attempt: int) -> Written | None:
        """The hint where the text may be shown; otherwise it is put with the refused ones."""
        task = self._task
        text = raw if level is Level.PSEUDO_CODE or "```" in raw else as_prose(raw)
        known = "\n".join((task.code, task.problem.description))
        async with task.earlier.deciding:
            validation = _validated(text, level, task, task.earlier.texts)
            # Of the model's own words: what mends them is in the language anyway.
            is_drift = not is_in(text, task.language, known=known)
            if (mended := _mended(text, validation, task)) != text:
                text, validation = mended, _validated(mended, level, task, task.earlier.texts)
            report = await self._judged(text, level, task.earlier.texts + tuple(task.earlier.shown))
            reasons = report.reasons + validation.reasons
            if is_drift and report.allowed:  # of code that gives the solution away the letters say nothing
                reasons += (WRONG_LANGUAGE,)
            if reasons:
                self._refused.append(Refused(raw, level, attempt, reasons, not report.allowed))
                return None
            task.earlier.shown.append(text)
        note = Note.LOWER_LEVEL if level < task.level else None
        return self._written(text, level, Source.MODEL, note or self._moved(), report=report, validation=validation)

    async def _template(self, note: Note) -> Written:
        """The richest template that the guard lets through, of those that say least of what was said before."""
        task = self._task
        made = templates(
            task.problem,
            task.diagnosis,
            task.level,
            tone=task.tone,
            language=task.language,
            asked_before=len(task.earlier.texts),
        )
        async with task.earlier.deciding:
            for text in made:
                report = await self._judged(text, task.level, task.earlier.texts + tuple(task.earlier.shown))
                if report.allowed:
                    break
            task.earlier.shown.append(text)
        return self._written(
            text, task.level, Source.TEMPLATE, note, report=report, validation=_validated(text, task.level, task)
        )

    async def _judged(self, text: str, level: Level, earlier: Sequence[str]) -> GuardReport:
        """The guard's report. Code of the text is run only where the figures alone do not refuse it.

        What could not be run in time, as of a program with an endless loop in it, is taken to solve the problem.
        """
        task = self._task
        measures = await asyncio.to_thread(measure, text, task.material, earlier)
        report = verdict(measures, level)
        if not report.allowed:
            return report
        until = time.perf_counter() + _RUN_FOR_S
        for program in await asyncio.to_thread(candidates, text, task.code, earlier):
            if time.perf_counter() > until or await task.passes(program):
                return verdict(measures, level, executes=True)
        return report

    def _why_not(self) -> Note:
        """Why no text of the model could be shown."""
        if WRONG_LANGUAGE in self._refused[-1].reasons:
            return Note.WRONG_LANGUAGE
        return Note.TOLD_TOO_MUCH if any(each.is_leak for each in self._refused) else Note.NOT_USEFUL

    def _moved(self) -> Note | None:
        return Note.DEEPER if self._task.level > self._task.level_asked else None

    def _written(
        self,
        text: str,
        level: Level,
        source: Source,
        note: Note | None,
        *,
        report: GuardReport,
        validation: Validation,
    ) -> Written:
        tokens, chosen = self._tokens, self._call.chosen
        return Written(
            text=text,
            level_asked=self._task.level_asked,
            level=level,
            source=source,
            note=note,
            provider=self._call.name,
            model=chosen.info.model if chosen and source is Source.MODEL else None,
            hosted=self._call.hosted,
            guard={"allowed": report.allowed, "reasons": list(report.reasons), "measures": asdict(report.measures)},
            validation=validation.stored(),
            refused=tuple(self._refused),
            prompt_tokens=sum(each.prompt_tokens for each in tokens) if tokens else None,
            completion_tokens=sum(each.completion_tokens for each in tokens) if tokens else None,
            duration_ms=(time.perf_counter() - self._begin) * 1000,
        )


def _mended(text: str, validation: Validation, task: Task) -> str:
    """Puts what failed and where to look before a text that does not say it, and how to go on behind a short one."""
    if _UNGROUNDED.intersection(validation.reasons):
        text = f"{_grounding(task)} {text}"
    if len(text.split()) < WORDS[task.language].start:
        text = f"{text} {closing_words(task.diagnosis, task.tone, task.language, len(task.earlier.texts))}"
    return text


def _grounding(task: Task) -> str:
    happened = what_happened(task.diagnosis, task.problem, task.language)
    line = place(task.diagnosis)
    if line is None:
        return happened
    return f"{happened} {look_at(named_line(line, task.diagnosis, task.language), task.language)}"


def _validated(text: str, level: Level, task: Task, earlier: tuple[str, ...] = ()) -> Validation:
    return validate(text, Subject(task.problem, task.diagnosis, level, task.language, earlier))


def _code(error: Exception) -> str:
    return error.code if isinstance(error, OndolError) else "context_overflow"
