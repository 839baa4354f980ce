"""What is done with the rows of a part: classified by the model, or embedded. Columns in, columns out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from backend.corpus.rows import Problem, Row
from backend.embedding import EmbeddingClient
from backend.errors import EncoderUnavailable, Text
from backend.llm.engine import Engine
from backend.llm.routes import Workload, provider_for
from backend.sentiment.classifier import Classifier
from backend.sentiment.labels import LABELS, Review
from backend.settings import Settings

_ENCODING_DEADLINE_S = 1800.0  # of one part; a part of 10,000 texts takes a laptop a minute
_NO_ENCODER = Text("켜져 있는 것이 없습니다", "none is running")


class Task(StrEnum):
    CLASSIFY = "classify"
    EMBED = "embed"


class Work(Protocol):
    """One kind of work. `done` raises an OndolError when the model is away; the part is then done another time."""

    async def done(self, rows: Sequence[Row]) -> dict[str, list[Any]]: ...

    async def close(self) -> None: ...


async def model_of(task: Task, settings: Settings) -> str:
    """What would do the work now. Raises EngineUnavailable and others, HostedNotAllowed, EncoderUnavailable."""
    if task is Task.EMBED:
        encoder = EmbeddingClient(settings)
        try:
            if (found := await encoder.info()) is None:
                raise EncoderUnavailable(reason=_NO_ENCODER)
            return found.name
        finally:
            await encoder.close()
    engine = Engine(provider_for(settings, Workload.BULK), settings.first_token_timeout_s)
    try:
        return (await engine.require_ready()).model
    finally:
        await engine.close()


def work_of(task: Task, settings: Settings, model: str) -> Work:
    """The work, with connections of its own; an encoder other than `model` is not used."""
    return Classification(settings) if task is Task.CLASSIFY else Embedding(settings, model)


class Classification:
    """`row, id, label, confidence, one column for each label, language, error`, by the first provider of bulk work."""

    def __init__(self, settings: Settings) -> None:
        self._engine = Engine(provider_for(settings, Workload.BULK), settings.first_token_timeout_s)
        self._classifier = Classifier(self._engine)

    async def done(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        readable = [row for row in rows if not row.problem]
        reviews = (Review(row.id, row.text, index) for index, row in enumerate(readable))
        found = {}
        async for finding in self._classifier.classify(reviews):
            found[readable[finding.index].number] = finding
        columns: dict[str, list[Any]] = _columns(rows)
        findings = [found.get(row.number) for row in rows]
        columns["label"] = [each.label and each.label.value if each else None for each in findings]
        columns["confidence"] = [each.confidence if each and each.label else None for each in findings]
        for label in LABELS:
            columns[label.value] = [each.scores.get(label) if each else None for each in findings]
        columns["language"] = [each.language if each else "" for each in findings]
        columns["error"] = [
            row.problem.value if each is None else each.error.code if each.error else ""
            for row, each in zip(rows, findings, strict=True)
        ]
        return columns

    async def close(self) -> None:
        await self._classifier.close()
        await self._engine.close()


class Embedding:
    """`row, id, vector (float32), error`, by the embedding server of the settings, as passages."""

    def __init__(self, settings: Settings, model: str) -> None:
        self._encoder, self._model = EmbeddingClient(settings), model

    async def done(self, rows: Sequence[Row]) -> dict[str, list[Any]]:
        texts = [row.text for row in rows if not row.problem]
        vectors: list[Any] = []
        if texts:
            encoded = await self._encoder.encode(texts, "passage", deadline_s=_ENCODING_DEADLINE_S, encoder=self._model)
            vectors = list(encoded)
        left = iter(vectors)
        columns = _columns(rows)
        columns["vector"] = [None if row.problem else next(left) for row in rows]
        columns["error"] = [row.problem.value for row in rows]
        return columns

    async def close(self) -> None:
        await self._encoder.close()


def problems_in(columns: Mapping[str, Sequence[Any]]) -> Counter[str]:
    """How often each error is in the results of a part."""
    return Counter(code for code in columns["error"] if code != Problem.NONE)


def _columns(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {"row": [row.number for row in rows], "id": [row.id for row in rows]}
