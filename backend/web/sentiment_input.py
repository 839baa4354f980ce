"""What the routes of sentiment are given: files in forms, and reviews as JSON."""

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import FormData, UploadFile

from backend.errors import InvalidRequest, Text, UploadWithoutFiles
from backend.sentiment.reading.shape import Mapping
from backend.settings import Settings
from backend.web.sentiment_schemas import Aspects, LanguageCode, MappingModel
from backend.work_folders import work_folder

_BLOCK = 1 << 20
Model = TypeVar("Model", bound=BaseModel)
FILE = {"file": {"type": "string", "format": "binary"}}
"""What a form holds, for the OpenAPI page."""
JOB_FORM = {
    **FILE,
    "mapping": {"type": "string", "description": "Names of the columns as JSON; left out: as they seem to be."},
    "name": {"type": "string"},
    "language": {"type": "string"},
    "aspects": {"type": "string", "description": "A list of names as JSON."},
}


@asynccontextmanager
async def uploaded(request: Request, settings: Settings) -> AsyncIterator[tuple[Path, str, FormData]]:
    """The file of a form on disk, its name, and the form. Raises UploadWithoutFiles."""
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise UploadWithoutFiles
        with work_folder(settings, "upload") as folder:
            path = folder / "file"
            await run_in_threadpool(_copy, file.file, path)
            yield path, (file.filename or "").replace("\\", "/").rpartition("/")[2], form


def _copy(file: IO[bytes], path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(file, target, _BLOCK)


def options_of(form: FormData) -> dict[str, Any]:
    """What a form asks for. Raises RequestValidationError."""
    mapping, aspects, language = (field(form, name) for name in ("mapping", "aspects", "language"))
    chosen = parsed(MappingModel, mapping.encode("utf-8", "replace")) if mapping else None
    return {
        "mapping": Mapping(**chosen.model_dump()) if chosen else None,
        "aspects": _valid(Aspects, _json(aspects)) if aspects else (),
        "language": _valid(LanguageCode, language) if language else None,
    }


def field(form: FormData, name: str) -> str:
    """A text of a form; "" where there is none."""
    value = form.get(name, "")
    return value if isinstance(value, str) else ""


def _json(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise InvalidRequest(reason=_NOT_JSON) from None


def _valid(kind: Any, value: Any) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


def parsed(kind: type[Model], body: bytes) -> Model:
    """A body of JSON. Raises RequestValidationError."""
    try:
        value = json.loads(body)  # pydantic's own reader stops at half a character, which one review may hold
    except (ValueError, RecursionError) as error:
        fault = {"type": "json_invalid", "loc": ("body", getattr(error, "pos", 0)), "msg": "", "ctx": {"error": error}}
        raise RequestValidationError([fault]) from None
    valid: Model = _valid(kind, value)
    return valid


def form_of(fields: dict[str, Any]) -> dict[str, Any]:
    """The body of a route that takes a form, for the OpenAPI page."""
    schema = {"type": "object", "required": ["file"], "properties": fields}
    return {"content": {"multipart/form-data": {"schema": schema}}, "required": True}


_NOT_JSON = Text("`aspects`가 JSON이 아닙니다", "`aspects` is not JSON")
