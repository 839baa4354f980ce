"""What is wrong with a request's fields, in both languages.

Pydantic explains faults in English only; the kinds that our API can meet are said in Korean here, any other keeps
pydantic's words. Values that were sent are never repeated: they may be secrets or whole documents.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fastapi.exceptions import RequestValidationError

from backend.errors import Text

MAX_FAULTS = 20
MAX_NAME = 64  # characters of a field's name: of an unknown field the reader wrote it


class Fault(NamedTuple):
    """One field that is wrong. `field` is a dotted path as in `messages.0.content`, "" for the body itself."""

    field: str
    message: Text

    @property
    def sentence(self) -> Text:
        """The message with the name of its field."""
        if not self.field:
            return self.message
        return Text(f"`{self.field}`: {self.message.ko}", f"`{self.field}`: {self.message.en}")


def faults_of(error: RequestValidationError) -> tuple[Fault, ...]:
    """The faults of a request, at most `MAX_FAULTS`."""
    return tuple(_fault(entry) for entry in error.errors()[:MAX_FAULTS])


def _fault(entry: Mapping[str, Any]) -> Fault:
    kind, context = entry["type"], entry.get("ctx") or {}
    location = [str(part)[:MAX_NAME] for part in entry["loc"] if part != "body"]
    if kind == "json_invalid":
        position = location[0] if location else "?"
        why = context.get("error", "")
        return Fault(
            "",
            Text(
                f"본문이 올바른 JSON이 아닙니다({position}번째 글자: {why})",
                f"the body is not valid JSON (character {position}: {why})",
            ),
        )
    english = str(entry["msg"]).removeprefix("Value error, ").rstrip(".")
    return Fault(".".join(location), Text(_korean(kind, context) or english, english))


def _korean(kind: str, context: Mapping[str, Any]) -> str | None:
    template = _KOREAN.get(kind)
    try:
        return template.format_map(context) if template else None
    except (KeyError, IndexError, ValueError):
        return None


_KOREAN = {
    "missing": "꼭 있어야 합니다",
    "extra_forbidden": "쓰이지 않는 이름입니다",
    "string_type": "문자열이어야 합니다",
    "string_too_short": "{min_length}자 이상이어야 합니다",
    "string_too_long": "{max_length}자를 넘을 수 없습니다",
    "string_pattern_mismatch": "형식이 맞지 않습니다",
    "string_unicode": "올바른 유니코드 문자열이 아닙니다",
    "int_type": "정수여야 합니다",
    "int_parsing": "정수여야 합니다",
    "int_from_float": "소수점이 없는 정수여야 합니다",
    "float_type": "숫자여야 합니다",
    "float_parsing": "숫자여야 합니다",
    "finite_number": "유한한 숫자여야 합니다",
    "bool_type": "true 또는 false여야 합니다",
    "bool_parsing": "true 또는 false여야 합니다",
    "greater_than": "{gt}보다 커야 합니다",
    "greater_than_equal": "{ge} 이상이어야 합니다",
    "less_than": "{lt}보다 작아야 합니다",
    "less_than_equal": "{le} 이하여야 합니다",
    "list_type": "목록이어야 합니다",
    "too_short": "항목이 {min_length}개 이상이어야 합니다",
    "too_long": "항목이 {max_length}개를 넘을 수 없습니다",
    "dict_type": "객체여야 합니다",
    "model_type": "객체여야 합니다",
    "model_attributes_type": "JSON 객체여야 합니다",
    "enum": "{expected} 가운데 하나여야 합니다",
    "literal_error": "{expected} 가운데 하나여야 합니다",
    "uuid_type": "UUID여야 합니다",
    "uuid_parsing": "UUID 형식이 아닙니다",
    "datetime_parsing": "날짜와 시각의 형식이 아닙니다",
    "none_required": "비워 두어야 합니다",
}
